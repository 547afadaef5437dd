/* The local Ably without the network: Ably's REST rules over what was published, faults and
 * counters. A request goes in as an exchange, its answer comes out of the same.
 *
 *     struct kb_service_options options = {.key = "a.b:c"};
 *     struct kb_service *service = kb_service_new(&options, &err);
 *     kb_service_handle(service, &x);
 *     kb_service_free(service);
 *
 * local_ably.c puts HTTP around it; a test calls it by hand, with a clock of its own. Thread: one
 * at a time; no call waits. */
#ifndef KB_SANDBOX_SERVICE_H
#define KB_SANDBOX_SERVICE_H

#include "base/clock.h"
#include "base/err.h"
#include "sandbox/exchange.h"

/* Zero means the default in brackets. */
struct kb_service_options {
    const char *key;         /* APP.KEYID:SECRET; NULL = any key of that form is let in */
    struct kb_clock *clock;  /* [the system's] */
    int64_t window_ms;       /* in which an id counts as a duplicate [120000] */
    size_t ids_max;          /* ids remembered within the window at most [4 Mi] */
    bool no_history;         /* nothing can be read back; counters and duplicates as always */
    size_t history;          /* messages kept per channel [1000] */
    size_t history_bytes;    /* kept over all channels [64 MiB] */
    size_t deliveries_bytes; /* of /_control/deliveries [64 MiB] */
    size_t max_message_size; /* Ably's, of an account [65536] */
    double channel_rate;     /* specs that one channel takes in a second [any number] */
};

struct kb_service; /* opaque */

struct kb_service *kb_service_new(
    const struct kb_service_options *options, struct kb_err *err) KB_MUST_CHECK;
void kb_service_free(struct kb_service *service);

void kb_service_handle(struct kb_service *service, struct kb_exchange *x);

/* Keep-alives of subscribers and what else is due: the server calls it each turn, and again at the
 * latest after as many milliseconds as it returns, `most` at most. */
int kb_service_tick(struct kb_service *service, int most_ms);

/* Of /_control/stats, what a person wants to see. */
struct kb_service_tally {
    uint64_t requests, published, duplicates, refused;
    size_t subscribers;
};
struct kb_service_tally kb_service_tally(const struct kb_service *service);

/* Requests that were begun and not answered yet: told by the server, as only it knows. */
void kb_service_in_flight(struct kb_service *service, size_t requests);

#endif
