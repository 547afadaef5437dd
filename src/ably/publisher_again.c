/* A request that is sent once more as it is: the same specs, the same bytes, while its channels go
 * on riding in it: at another host, where one did not serve it (RSC15), or with other credentials,
 * where those it had were refused (RSA4b). See publisher.h.
 * Thread: its worker's. */
#include "ably/publisher_inside.h"
#include "metrics/metrics.h"

#include <inttypes.h>

/* (Where the options are about to change, nothing is sent again by the old ones: pub->change.) */

/* One whose partition was revoked or stopped meanwhile must not be sent any more. */
static bool all_wanted(const struct kb_publisher *pub, const struct kb_request *req)
{
    for (size_t i = 0; i < req->n; i++)
        if (!kb_publisher_wants(pub, req->specs[i]))
            return false;
    return true;
}

static void say_moved(struct kb_publisher *pub, const struct kb_request *req, int64_t now_ms)
{
    const struct kb_http_reply *reply = &req->http.reply;
    const char *next = pub->hosts.list.url[req->tries.host];
    uint64_t suppressed;
    if (!kb_log_repeat(&pub->moved, now_ms, &suppressed))
        return;
    if (reply->status == 0)
        kb_log_warn("ably",
            "no answer from %s; the request goes to %s (%" PRIu64 " like it not shown)",
            reply->err.text, next, suppressed);
    else
        kb_log_warn("ably",
            "HTTP %d from %s; the request goes to %s (%" PRIu64 " like it not shown)",
            reply->status, pub->answering, next, suppressed);
}

static bool try_other_host(struct kb_publisher *pub, struct kb_request *req, int64_t now_ms)
{
    if (pub->hosts.list.n == 1 || pub->change || !all_wanted(pub, req) ||
        !kb_hosts_next(&pub->hosts, &req->tries, now_ms, pub->random->next(pub->random)))
        return false;
    req->unknown = true;
    kb_metric_add(KB_METRIC_REQUESTS_MOVED, 1);
    say_moved(pub, req, now_ms);
    return true;
}

/* Its reply stays readable for as long as it waits, and says why should it not be sent after all.
 */
static void wait_again(struct kb_publisher *pub, struct kb_request *req)
{
    struct kb_http_reply *reply = &req->http.reply;
    struct kb_err err = reply->err;
    if (reply->status != 0)
        kb_err_outage(&err, "%s: HTTP %d", pub->answering, reply->status);
    *reply = (struct kb_http_reply){.err = err, .connected = reply->connected, .local = true};
    req->http.rewind(&req->http);
    req->waits = true;
    pub->n_again++;
}

/* RSA4b, RSC10: refused for its token it is sent once more, with another one; refused for the
 * credentials behind it, or for a key, only where a file has others by now. */
static bool try_other_token(struct kb_publisher *pub, struct kb_request *req, int64_t now_ms)
{
    struct kb_reply *reply = &pub->reply;
    if (req->http.reply.status != 401 || req->renewed || pub->change || !all_wanted(pub, req))
        return false;
    kb_reply_read(reply, &req->http.reply, req->n);
    enum kb_ably_class class = reply->whole.class;
    if (reply->verdict != KB_REPLY_OUTAGE ||
        (class != KB_ABLY_TOKEN && class != KB_ABLY_CREDENTIALS) ||
        !kb_auth_refused(pub->auth, req->generation, class == KB_ABLY_TOKEN, now_ms))
        return false;
    req->renewed = true;
    wait_again(pub, req);
    return true;
}

/* curl itself tries again where it can tell; it can't in the midst of a long body. Once, on a
 * connection of its own: the host has not failed. */
static bool try_other_connection(struct kb_publisher *pub, struct kb_request *req)
{
    if (!req->http.reply.stale || req->http.fresh || pub->change || !all_wanted(pub, req))
        return false;
    req->http.fresh = req->unknown = true;
    wait_again(pub, req);
    return true;
}

bool kb_publisher_again(struct kb_publisher *pub, struct kb_request *req, int64_t now_ms)
{
    req->unknown = req->unknown || req->http.reply.resent;
    if (try_other_connection(pub, req))
        return true;
    req->http.fresh = false;
    if (try_other_token(pub, req, now_ms))
        return true;
    if (!kb_hosts_unserviceable(&req->http.reply)) {
        if (kb_hosts_worked(&pub->hosts, &req->tries, now_ms))
            kb_log_info("ably", "%s has answered; it is used for the next %" PRId64 " s",
                pub->answering, pub->hosts.keep_ms / 1000);
        return false;
    }
    if (!try_other_host(pub, req, now_ms))
        return false;
    wait_again(pub, req);
    return true;
}

static struct kb_request *next_waiting(const struct kb_publisher *pub)
{
    struct kb_request *req = pub->flying;
    while (req && !req->waits)
        req = req->next;
    return req;
}

static void sweep_waiting(struct kb_publisher *pub, int64_t now_ms)
{
    for (struct kb_request *req = pub->flying, *next; req && pub->n_again > 0; req = next) {
        next = req->next;
        if (!req->waits || (!pub->change && all_wanted(pub, req)))
            continue;
        req->waits = false;
        pub->n_again--;
        kb_publisher_finish(pub, req, now_ms);
    }
}

void kb_publisher_send_again(struct kb_publisher *pub, int64_t now_ms)
{
    sweep_waiting(pub, now_ms);
    while (pub->n_again > 0 && kb_auth_ready(pub->auth, now_ms) &&
           kb_pace_ready_ms(&pub->requests_pace, 1, now_ms) <= now_ms) {
        pub->n_again--;
        kb_publisher_submit(pub, next_waiting(pub), now_ms);
    }
}
