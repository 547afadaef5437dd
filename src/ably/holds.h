/* The channels that wait for their rate: each has a queue of its own, so that its later messages
 * join it there and the others of its lane go on. Found by channel, woken by time.
 *
 *     struct kb_hold *hold = kb_holds_add(&holds, channel);      // NULL = no memory
 *     kb_queue_push_tail(&hold->queue, spec);
 *     kb_holds_place(&holds, hold, &lane->due, at_ms, now_ms);   // now due, or at that time
 *     while ((hold = kb_holds_wake(&holds, now_ms)) != NULL) ... // its time has come: place it
 *     kb_holds_remove(&holds, hold);
 *
 * A hold stands in one place: in the heap of those whose time will come, in its lane's list of
 * those that are due, or, with nothing to send or riding in a request, in neither. They are as
 * many as there are channels with something waiting, so bounded by the memory for that. Thread: one
 * worker's. */
#ifndef KB_ABLY_HOLDS_H
#define KB_ABLY_HOLDS_H

#include "ably/queue.h"
#include "base/heap.h"

struct kb_due;

struct kb_hold {
    struct kb_heap_item waits; /* first: the heap gives it back as this */
    uint64_t channel;
    struct kb_queue queue;
    size_t n;           /* specs in it */
    int64_t until_ms;   /* Ably's refusal counts so long; INT64_MIN = there is none */
    uint32_t failures;  /* refusals in a row: the wait doubles */
    bool riding;        /* in flight */
    bool inverted;      /* kb_lanes_inverted has said so */
    struct kb_due *due; /* the list it stands in; NULL = none */
    struct kb_hold *next, *before;
};

/* Those of a lane that may send, in the order in which they came to. */
struct kb_due {
    struct kb_hold *head, *tail;
};

struct kb_holds {
    struct kb_heap heap;
    struct kb_hold **cells; /* an open hash table, at most half full */
    size_t n, mask;
};

void kb_holds_deinit(struct kb_holds *holds); /* a zeroed one is empty */
struct kb_hold *kb_holds_find(const struct kb_holds *holds, uint64_t channel);
struct kb_hold *kb_holds_add(struct kb_holds *holds, uint64_t channel);
void kb_holds_remove(struct kb_holds *holds, struct kb_hold *hold);

/* Where it belongs after a change: in `due` from `at_ms` on. */
void kb_holds_place(struct kb_holds *holds, struct kb_hold *hold, struct kb_due *due, int64_t at_ms,
    int64_t now_ms);
struct kb_hold *kb_holds_wake(struct kb_holds *holds, int64_t now_ms);
int64_t kb_holds_due_ms(const struct kb_holds *holds); /* the next one's time; INT64_MAX = none */

#endif
