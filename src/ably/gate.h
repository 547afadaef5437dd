/* Is Ably to be sent to now? The state of an outage, without clock, socket or log of its own. Pure.
 *
 *     OPEN  --failure-->  CLOSED  --the wait is over-->  HALF_OPEN (one probe at a time)
 *       ^                    ^-------- the probe failed --------'  |
 *       '------------------------- the probe was answered --------'
 *
 *     if (kb_gate_ready_ms(&gate) <= now_ms)
 *         req->epoch = kb_gate_sent(&gate);
 *     ...
 *     kb_gate_failed(&gate, req->epoch, now_ms, retry_after_ms, random, "HTTP 503 from ...");
 *     kb_gate_answered(&gate, req->epoch, accepted);
 *
 * An epoch is the time between two closings: ten requests that fail together close the gate once,
 * and a late answer to a request from before it closed opens nothing.
 *
 * It also counts refusals with no acceptance between them. A revoked capability (or a bug of ours)
 * would have every message refused and the topic would run into the dead-letter topic: from
 * KB_GATE_REFUSALS_MAX on, kb_gate_refused says false, the messages are kept, and only an
 * acceptance ends it. Thread: its owner's. */
#ifndef KB_ABLY_GATE_H
#define KB_ABLY_GATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KB_GATE_WAIT_MIN_MS 100
/* With a request's timeout well inside the two minutes in which Ably drops duplicates. */
#define KB_GATE_WAIT_MAX_MS 10000
#define KB_GATE_RETRY_AFTER_MAX_MS 60000
#define KB_GATE_REFUSALS_MAX 32

enum kb_gate_state { KB_GATE_OPEN, KB_GATE_CLOSED, KB_GATE_HALF_OPEN };

struct kb_gate {
    enum kb_gate_state state;
    bool probing;      /* HALF_OPEN: the probe is out */
    uint64_t epoch;    /* closings so far */
    int64_t since_ms;  /* not OPEN: when the outage began */
    int64_t until_ms;  /* CLOSED: the next try */
    uint32_t attempts; /* failed tries of this outage */
    uint32_t refusals; /* in a row, with no acceptance between them */
    char text[256];    /* not OPEN: what, which, why; no secret */
};

void kb_gate_init(struct kb_gate *gate);

/* When the next request may go: not after now_ms = at once; INT64_MAX = not before the probe's
 * answer. */
int64_t kb_gate_ready_ms(const struct kb_gate *gate);
/* A request goes out; the epoch it belongs to. Asked for first: kb_gate_ready_ms. */
uint64_t kb_gate_sent(struct kb_gate *gate);
/* True while only probes go out. */
bool kb_gate_outage(const struct kb_gate *gate);
bool kb_gate_refusing(const struct kb_gate *gate); /* the outage is a run of refusals */

/* The request had no answer, or one that is an outage. True when this closed the gate (it counts as
 * a try). */
bool kb_gate_failed(struct kb_gate *gate, uint64_t epoch, int64_t now_ms, int retry_after_ms,
    uint64_t random, const char *text);

/* A request was answered; `accepted` = with at least one message published. True when this ended an
 * outage. */
bool kb_gate_answered(struct kb_gate *gate, uint64_t epoch, bool accepted);

/* What the wait was for may be over: the next try goes at once. */
void kb_gate_hurry(struct kb_gate *gate, int64_t now_ms);

/* One message was refused, in an answer with no acceptance: true = believe it, false = keep the
 * message. */
bool kb_gate_refused(struct kb_gate *gate);

#endif
