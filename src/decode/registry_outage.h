/* Whether the schema registry is out of order, since when and why, and what the log says of it: a
 * line when it begins, one when its reason changes, one when it is over; of one that comes and goes
 * all the time, a pair of them every ten seconds.
 *
 *     struct kb_registry_outage outage = {0};
 *     kb_registry_outage_fails(&outage, now_ms, &err, url, "schema 7");  // none of its addresses
 *     if (outage.on) ... outage.text, outage.since_ms, outage.tries
 *     kb_registry_outage_ends(&outage, now_ms, url);       // all that waited is there
 *
 * Thread: its owner's. */
#ifndef KB_DECODE_REGISTRY_OUTAGE_H
#define KB_DECODE_REGISTRY_OUTAGE_H

#include "base/err.h"
#include "base/log.h"

/* Zero-initialise. */
struct kb_registry_outage {
    bool on;
    bool news, told; /* something is still to be logged; a line of it was */
    int64_t since_ms;
    uint32_t tries;
    uint64_t reason; /* the last error's, as a hash */
    char text[512];  /* which address, which schema, why; no secret */
    struct kb_log_repeat warned;
};

/* A try at every address has failed, the last with `err`; `what` was asked for. */
void kb_registry_outage_fails(struct kb_registry_outage *outage, int64_t now_ms,
    const struct kb_err *err, const char *url, const char *what);
void kb_registry_outage_ends(struct kb_registry_outage *outage, int64_t now_ms, const char *url);

#endif
