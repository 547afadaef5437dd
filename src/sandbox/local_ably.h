/* The local Ably: an HTTP server on loopback that keeps Ably's REST rules, so that everything can
 * be tried and tested without an account.
 *
 *     struct kb_local_ably_options options = {.port = 0};
 *     struct kb_local_ably *ably = kb_local_ably_start(&options, &err);
 *     kb_local_ably_port(ably);                      // the port it got
 *     kb_local_ably_stop(ably);
 *
 * Its addresses are the rows of `routes` in service.c. What a subscriber receives is had as every
 * other client has it, from GET /sse (sse.c says which parameters there are):
 *
 *     curl -s -N -u APP.KEYID:SECRET 'http://127.0.0.1:PORT/sse?channels=A,B&v=1.1'
 *
 * One that listens from its answer's headers on misses nothing; `rewind=N` brings the N latest
 * messages of before. There is no callback inside the process: the thread below serves everything,
 * and a slow callback would hold everybody. Start, port and stop are the caller's. */
#ifndef KB_SANDBOX_LOCAL_ABLY_H
#define KB_SANDBOX_LOCAL_ABLY_H

#include "sandbox/service.h"

struct kb_local_ably_options {
    int port; /* 0 = any free one */
    struct kb_service_options service;
};

struct kb_local_ably; /* opaque */

struct kb_local_ably *kb_local_ably_start(const struct kb_local_ably_options *options,
    struct kb_err *err) KB_MUST_CHECK; /* returns new */
int kb_local_ably_port(const struct kb_local_ably *ably);
/* What has come so far; any thread. */
struct kb_service_tally kb_local_ably_tally(struct kb_local_ably *ably);
/* Ends at once: answers still delayed by a fault are never given. NULL is fine. */
void kb_local_ably_stop(struct kb_local_ably *ably);

#endif
