/* Which of Ably's hosts a request goes to, and where next when one doesn't serve it (Ably
 * specification RSC15). Pure.
 *
 *     kb_hosts_init(&hosts, &list, 3, 15000, 600000);
 *     kb_hosts_begin(&hosts, &tries, now_ms);              // tries.host: the primary, or a
 *     url = hosts.list.url[tries.host];                    //   fallback that worked lately
 *     ...
 *     if (kb_hosts_unserviceable(&reply))
 *         more = kb_hosts_next(&hosts, &tries, now_ms, random);   // tries.host is another one
 *     else
 *         kb_hosts_worked(&hosts, &tries, now_ms);
 *
 * Each request has tries of its own; what they learn about the hosts is shared. Thread: the
 * owner's. */
#ifndef KB_ABLY_HOSTS_H
#define KB_ABLY_HOSTS_H

#include "ably/endpoint.h"
#include "http/transport.h"

struct kb_hosts {
    struct kb_host_list list;
    int max_retries;           /* other hosts that a request may be tried at (TO3l5: 3) */
    int64_t retry_ms, keep_ms; /* TO3l6: 15 s for all tries; TO3l10: 10 min */
    size_t preferred;          /* a fallback that worked; 0 = the primary */
    int64_t preferred_until_ms;
};

/* Of one request. */
struct kb_host_tries {
    size_t host;
    uint32_t tried; /* a bit for each host */
    int retries;
    int64_t begun_ms;
};

void kb_hosts_init(struct kb_hosts *hosts, const struct kb_host_list *list, int max_retries,
    int64_t retry_ms, int64_t keep_ms);

/* A request's first try: at a fallback that worked within the last ten minutes (RSC15f), else at
 * the primary. */
void kb_hosts_begin(struct kb_hosts *hosts, struct kb_host_tries *tries, int64_t now_ms);
/* tries->host doesn't serve it: another one, the primary if it was not tried yet, else one of the
 * rest by chance (RSC15a). False: it was tried at as many as may be, or for long enough. */
bool kb_hosts_next(
    struct kb_hosts *hosts, struct kb_host_tries *tries, int64_t now_ms, uint64_t random);
/* tries->host has served it. True where it is a fallback that is used from now on. */
bool kb_hosts_worked(struct kb_hosts *hosts, const struct kb_host_tries *tries, int64_t now_ms);

/* Is that an answer, or the lack of one, for which another host may be asked (RSC15l)? A request
 * that this side could not send isn't. */
bool kb_hosts_unserviceable(const struct kb_http_reply *reply);

#endif
