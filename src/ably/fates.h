/* A reply -> what happens to each spec of its request. Pure but for the gate's run of refusals.
 *
 *     kb_fates_decide(&fates, &reply, n, &gate);
 *     fates.of[i]   PUBLISHED, REFUSED: its end
 *                   HOLD:  again, its channel waits first
 *                   AGAIN: again, nothing is known of it
 *     fates.outage  the gate is to close; `why` says for what
 *
 * Refusals are believed while Ably accepts something now and then; a run of them with no acceptance
 * ends in AGAIN instead of REFUSED (gate.h). */
#ifndef KB_ABLY_FATES_H
#define KB_ABLY_FATES_H

#include "ably/gate.h"
#include "ably/reply.h"

enum kb_fate {
    KB_FATE_PUBLISHED,
    KB_FATE_REFUSED,
    KB_FATE_HOLD,
    KB_FATE_AGAIN,
    KB_FATE_DROPPED, /* the publisher's: to be sent again, but its owner no longer wants it */
    KB_FATE_COUNT
};

struct kb_fates {
    unsigned char *of; /* enum kb_fate, one per spec; the caller's */
    size_t n[KB_FATE_COUNT];
    bool outage;
    bool split; /* refused as a whole for one we don't know: all AGAIN, in smaller requests */
    const struct kb_result *limited; /* a rate limit of the account's: send slower; NULL = none */
    /* Of outage and split; else the last refusal with no acceptance beside it. */
    struct kb_result why;
};

void kb_fates_decide(
    struct kb_fates *fates, const struct kb_reply *reply, size_t n, struct kb_gate *gate);

#endif
