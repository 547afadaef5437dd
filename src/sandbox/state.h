/* The inside of a kb_service, shared by the files that serve its routes: service.c (routing),
 * auth.c, token_request.c, publish.c, history.c, sse.c, control.c. Nobody else includes this.
 * Thread: one at a time. */
#ifndef KB_SANDBOX_STATE_H
#define KB_SANDBOX_STATE_H

#include "base/rates.h"
#include "sandbox/auth.h"
#include "sandbox/deliveries.h"
#include "sandbox/faults.h"
#include "sandbox/grants.h"
#include "sandbox/ids.h"
#include "sandbox/service.h"
#include "sandbox/store.h"
#include "sandbox/subscribers.h"

#include <inttypes.h>

#define KB_STATUS_MAX 600

/* Exact since the start or the last reset. */
struct kb_service_counters {
    uint64_t requests;   /* to Ably's own addresses, whatever came of them */
    uint64_t published;  /* messages taken and new, per channel */
    uint64_t duplicates; /* messages taken and dropped for their id */
    uint64_t refused;    /* messages refused inside results, per channel */
    uint64_t cut;        /* connections ended by a fault */
    uint64_t by_status[KB_STATUS_MAX];
    size_t max_in_flight;
};

struct kb_service {
    struct kb_service_options options;
    char *key;
    struct kb_clock *clock;
    int64_t now_ms, wall_ms;     /* read once a request */
    char started[24];            /* wall time of the start: part of serials, ids, events */
    uint64_t last_seq, last_set; /* numbers of the last message and the last generated id */
    struct kb_access access;     /* of the request being served */
    struct kb_ids *ids, *nonces;
    struct kb_grants *grants;
    struct kb_store *store;
    struct kb_subscribers *subscribers;
    struct kb_deliveries *deliveries;
    struct kb_faults *faults;
    struct kb_rates rates;       /* of channels */
    struct kb_buf json, results; /* reused */
    struct kb_service_counters counters;
};

/* One route's function; `name` is the channel in the path, empty where there is none. */
void kb_service_publish_batch(
    struct kb_service *service, struct kb_exchange *x, struct kb_slice name);
void kb_service_publish_channel(
    struct kb_service *service, struct kb_exchange *x, struct kb_slice name);
void kb_service_history(struct kb_service *service, struct kb_exchange *x, struct kb_slice name);
void kb_service_request_token(
    struct kb_service *service, struct kb_exchange *x, struct kb_slice name);
void kb_service_sse(struct kb_service *service, struct kb_exchange *x, struct kb_slice name);
void kb_service_get_faults(struct kb_service *service, struct kb_exchange *x, struct kb_slice name);
void kb_service_set_faults(struct kb_service *service, struct kb_exchange *x, struct kb_slice name);
void kb_service_stats(struct kb_service *service, struct kb_exchange *x, struct kb_slice name);
void kb_service_deliveries(struct kb_service *service, struct kb_exchange *x, struct kb_slice name);
void kb_service_reset(struct kb_service *service, struct kb_exchange *x, struct kb_slice name);

#endif
