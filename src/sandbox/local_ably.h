/* The local Ably: an HTTP server on loopback that keeps Ably's REST rules, so that everything can
 * be tried and tested without an account.
 *
 *     struct kb_local_ably *ably = kb_local_ably_start(&(struct kb_local_ably_options){.port = 0},
 * &err); kb_local_ably_port(ably);                     // the port it got kb_local_ably_stop(ably);
 *
 * Its addresses are the rows of `routes` in service.c. One thread of its own serves everything;
 * start, port and stop are the caller's. */
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
/* Ends at once: answers still delayed by a fault are never given. NULL is fine. */
void kb_local_ably_stop(struct kb_local_ably *ably);

#endif
