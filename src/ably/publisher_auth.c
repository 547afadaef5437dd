/* The publisher's credentials: gets another token when one is needed, before anybody has to wait
 * where that can be foreseen, and tells those that wait when there is none to be had. See auth.h
 * for where tokens come from. Thread: its worker's. */
#include "ably/publisher_inside.h"

#include <inttypes.h>

/* Those that wait for it go back to their lanes; with nobody waiting the gate closes all the same,
 * so that what comes next is tried after a while. */
static void fail_all(struct kb_publisher *pub, const struct kb_err *err, int64_t now_ms)
{
    bool waited = pub->n_again > 0;
    for (struct kb_request *req = pub->flying, *next; req && pub->n_again > 0; req = next) {
        next = req->next;
        if (!req->waits)
            continue;
        req->waits = false;
        pub->n_again--;
        req->http.reply = kb_publisher_no_token(err);
        kb_publisher_finish(pub, req, now_ms);
    }
    if (!waited)
        kb_publisher_outage_without_request(pub, err, now_ms);
}

static void ended(
    struct kb_publisher *pub, enum kb_auth_step step, const struct kb_err *err, int64_t now_ms)
{
    uint64_t suppressed;
    if (step != KB_AUTH_FAILED)
        return;
    if (!kb_auth_ready(pub->auth, now_ms))
        fail_all(pub, err, now_ms);
    else if (kb_log_repeat(&pub->unrenewed, now_ms, &suppressed))
        kb_log_warn("ably",
            "%s; the token that is there serves on for now (%" PRIu64 " like it not shown)",
            err->text, suppressed);
}

static void begin(struct kb_publisher *pub, int64_t now_ms)
{
    struct kb_err err;
    enum kb_auth_step step =
        kb_auth_begin(pub->auth, pub->hosts.list.url[pub->auth_tries.host], now_ms, &err);
    ended(pub, step, &err, now_ms);
}

void kb_publisher_authorize(struct kb_publisher *pub, int64_t now_ms)
{
    kb_auth_look(pub->auth, now_ms);
    if (kb_auth_asking(pub->auth))
        return;
    bool needed = !kb_auth_ready(pub->auth, now_ms) &&
                  (pub->n_again > 0 ||
                      (kb_lanes_ready(pub->lanes) && kb_gate_ready_ms(&pub->gate) <= now_ms));
    if (!needed && !kb_auth_due(pub->auth, now_ms))
        return;
    kb_hosts_begin(&pub->hosts, &pub->auth_tries, now_ms);
    begin(pub, now_ms);
}

void kb_publisher_auth_ended(struct kb_publisher *pub, int64_t now_ms)
{
    struct kb_err err;
    bool elsewhere;
    enum kb_auth_step step = kb_auth_ended(pub->auth, now_ms, &elsewhere, &err);
    if (step == KB_AUTH_FAILED && elsewhere && pub->hosts.list.n > 1 &&
        kb_hosts_next(&pub->hosts, &pub->auth_tries, now_ms, pub->random->next(pub->random)))
        begin(pub, now_ms);
    else
        ended(pub, step, &err, now_ms);
}
