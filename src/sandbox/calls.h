/* The local Ably's side of libmicrohttpd: each request as a `struct call`, from its headers to its
 * last byte.
 *
 *     kb_calls_init(&calls, service, clock);
 *     ... MHD_start_daemon(..., kb_calls_request, &calls,
 *                          MHD_OPTION_NOTIFY_COMPLETED, kb_calls_completed, &calls, ...)
 *     kb_calls_resume(&calls);                       // each turn, right before MHD_run
 *     kb_calls_wait_ms(&calls, most)                 // how long nothing happens of itself
 *     kb_calls_end(&calls);                          // everything that waits ends, as MHD_run runs
 *     kb_calls_deinit(&calls);                       // after MHD_stop_daemon
 *
 * Calls are reused, with their buffers. Two kinds of them wait with their connection suspended: the
 * delayed ones for a time, the quiet ones for their stream to have something to say. While it is
 * suspended libmicrohttpd does not see that a client has left; the next keep-alive does.
 *
 * Thread: the one that runs libmicrohttpd. */
#ifndef KB_SANDBOX_CALLS_H
#define KB_SANDBOX_CALLS_H

#include "sandbox/service.h"

#include <microhttpd.h>

struct kb_call;

struct kb_calls {
    struct kb_service *service;
    struct kb_clock *clock;
    struct kb_call *spare, *delayed, *quiet;
    size_t n_spare;
    size_t n_open;    /* begun and not completed, streams too */
    size_t in_flight; /* of them, what counts as a request */
    size_t n_woken;   /* of the quiet ones */
    bool ending;
};

void kb_calls_init(struct kb_calls *calls, struct kb_service *service, struct kb_clock *clock);
void kb_calls_deinit(struct kb_calls *calls);

/* What libmicrohttpd calls; `context` is the kb_calls. */
enum MHD_Result kb_calls_request(void *context, struct MHD_Connection *connection, const char *path,
    const char *method, const char *version, const char *piece, size_t *piece_len, void **state);
void kb_calls_completed(void *context, struct MHD_Connection *connection, void **state,
    enum MHD_RequestTerminationCode code);

/* Gives back to libmicrohttpd the connections whose wait is over. Its next run must follow at once:
 * 0.9.75 looks at them at no other time. */
void kb_calls_resume(struct kb_calls *calls);
int kb_calls_wait_ms(const struct kb_calls *calls, int most_ms);
/* Nothing is answered any more, streams end; libmicrohttpd wants no suspended connection at its
 * own end. */
void kb_calls_end(struct kb_calls *calls);

#endif
