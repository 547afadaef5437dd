/* The choice of a host; see hosts.h. publisher_again.c asks, at every answer. */
#include "ably/hosts.h"

#include "base/compiler.h"

#include <strings.h>

void kb_hosts_init(struct kb_hosts *hosts, const struct kb_host_list *list, int max_retries,
    int64_t retry_ms, int64_t keep_ms)
{
    KB_BUG_ON(list->n < 1 || list->n > KB_HOSTS_MAX);
    *hosts = (struct kb_hosts){
        .list = *list, .max_retries = max_retries, .retry_ms = retry_ms, .keep_ms = keep_ms};
}

static void choose(struct kb_host_tries *tries, size_t host)
{
    tries->host = host;
    tries->tried |= UINT32_C(1) << host;
}

static bool was_tried(const struct kb_host_tries *tries, size_t host)
{
    return tries->tried >> host & 1;
}

void kb_hosts_begin(struct kb_hosts *hosts, struct kb_host_tries *tries, int64_t now_ms)
{
    if (now_ms >= hosts->preferred_until_ms)
        hosts->preferred = 0;
    *tries = (struct kb_host_tries){.begun_ms = now_ms};
    choose(tries, hosts->preferred);
}

bool kb_hosts_next(
    struct kb_hosts *hosts, struct kb_host_tries *tries, int64_t now_ms, uint64_t random)
{
    size_t left[KB_HOSTS_MAX], n = 0;
    if (hosts->preferred == tries->host)
        hosts->preferred = 0;
    if (tries->retries >= hosts->max_retries || now_ms - tries->begun_ms >= hosts->retry_ms)
        return false;
    for (size_t host = 0; host < hosts->list.n; host++)
        if (!was_tried(tries, host))
            left[n++] = host;
    if (n == 0)
        return false;
    tries->retries++;
    choose(tries, left[0] == 0 ? 0 : left[random % n]);
    return true;
}

bool kb_hosts_worked(struct kb_hosts *hosts, const struct kb_host_tries *tries, int64_t now_ms)
{
    /* Of several that were found at once the first stays; a late answer of the primary, sent
     * before the others failed, doesn't undo it. */
    if (tries->host == 0 || hosts->preferred != 0)
        return false;
    hosts->preferred = tries->host;
    hosts->preferred_until_ms = now_ms + hosts->keep_ms;
    return true;
}

bool kb_hosts_unserviceable(const struct kb_http_reply *reply)
{
    static const char cloudfront[] = "CloudFront";
    struct kb_slice server = reply->headers.server;
    if (reply->status == 0) /* RSC15l1, RSC15l2: not resolved, not reached, no answer in time */
        return !reply->local;
    if (reply->status >= 500 && reply->status <= 504) /* RSC15l3 */
        return true;
    return reply->status >= 400 && server.len == sizeof(cloudfront) - 1 &&
           strncasecmp(server.ptr, cloudfront, server.len) == 0; /* RSC15l4 */
}
