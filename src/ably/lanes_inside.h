/* The inside of the lanes, shared by lanes.c (who is ready, holds, answers) and lanes_pack.c (the
 * next request). Nobody else includes this. Thread: one worker's. */
#ifndef KB_ABLY_LANES_INSIDE_H
#define KB_ABLY_LANES_INSIDE_H

#include "ably/channel_set.h"
#include "ably/lanes.h"

struct kb_queue {
    struct kb_spec *head, *tail;
};

struct kb_hold {
    struct kb_hold *next;
    uint64_t channel;
    struct kb_queue queue;
    int64_t until_ms;
    uint32_t failures; /* refusals in a row: the wait doubles */
    bool riding;       /* its one spec is in flight */
    bool inverted;     /* kb_lanes_inverted has said so */
};

struct kb_lane {
    struct kb_queue queue;
    size_t n, bytes; /* of queue */
    struct kb_hold *holds;
    int64_t oldest_ms;           /* its key in the heap */
    uint32_t place;              /* in the heap, from 1; 0 = not ready */
    size_t ready_n, ready_bytes; /* its part of the totals */
    bool busy;                   /* ordered, and a request of it is in flight */
};

struct kb_lanes {
    struct kb_lanes_options options;
    struct kb_slabs *slabs;
    struct kb_lane *lanes;
    uint32_t *heap;
    uint32_t n_heap;
    size_t n_holds, n_waiting, ready_n, ready_bytes;
    int64_t now_ms, due_ms;
    size_t cap;          /* of one request, for the rate's sake */
    uint32_t probe_lane; /* where the next probe begins to look */
    struct kb_channel_set channels;
};

static inline void kb_queue_push_tail(struct kb_queue *queue, struct kb_spec *spec)
{
    spec->next = NULL;
    if (queue->tail)
        queue->tail->next = spec;
    else
        queue->head = spec;
    queue->tail = spec;
}

static inline void kb_queue_push_head(struct kb_queue *queue, struct kb_spec *spec)
{
    spec->next = queue->head;
    queue->head = spec;
    if (!queue->tail)
        queue->tail = spec;
}

static inline struct kb_spec *kb_queue_pop_head(struct kb_queue *queue)
{
    struct kb_spec *spec = queue->head;
    queue->head = spec->next;
    if (!queue->head)
        queue->tail = NULL;
    spec->next = NULL;
    return spec;
}

/* Behind those in front that were refused alone: where a spec that rode ahead of them belongs. */
static inline void kb_queue_push_behind_refused(struct kb_queue *queue, struct kb_spec *spec)
{
    struct kb_spec *last = NULL;
    for (struct kb_spec *at = queue->head; at && at->refused; at = at->next)
        last = at;
    if (!last) {
        kb_queue_push_head(queue, spec);
        return;
    }
    spec->next = last->next;
    last->next = spec;
    if (queue->tail == last)
        queue->tail = spec;
}

/* The first that is not refused, of a queue that begins with refused ones; NULL = there is none. */
static inline struct kb_spec *kb_queue_pop_behind_refused(struct kb_queue *queue)
{
    struct kb_spec *last = NULL, *spec = queue->head;
    for (; spec && spec->refused; spec = spec->next)
        last = spec;
    if (!last || !spec)
        return NULL;
    last->next = spec->next;
    if (queue->tail == spec)
        queue->tail = last;
    spec->next = NULL;
    return spec;
}

static inline size_t kb_spec_bytes(const struct kb_spec *spec)
{
    return spec->json.bytes.len + 1; /* with its comma, or the closing bracket */
}

static inline struct kb_spec *kb_lane_pop(struct kb_lane *lane)
{
    struct kb_spec *spec = kb_queue_pop_head(&lane->queue);
    lane->n--;
    lane->bytes -= kb_spec_bytes(spec);
    return spec;
}

static inline bool kb_hold_due(const struct kb_lanes *lanes, const struct kb_hold *hold)
{
    return !hold->riding && hold->queue.head && hold->until_ms <= lanes->now_ms;
}

/* lanes.c. Something of the lane has changed: is it ready, and since when? */
void kb_lane_refresh(struct kb_lanes *lanes, struct kb_lane *lane);

#endif
