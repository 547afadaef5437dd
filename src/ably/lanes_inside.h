/* The inside of the lanes, shared by lanes.c (who is ready, what an answer changes), lanes_holds.c
 * (channels that wait for their rate) and lanes_pack.c (the next request). Nobody else includes
 * this. Thread: one worker's. */
#ifndef KB_ABLY_LANES_INSIDE_H
#define KB_ABLY_LANES_INSIDE_H

#include "ably/channel_set.h"
#include "ably/holds.h"
#include "ably/lanes.h"
#include "base/heap.h"
#include "base/rates.h"

struct kb_lane {
    struct kb_heap_item ready; /* first: the heap gives it back as this; its key is `oldest` */
    struct kb_queue queue;
    size_t n, bytes;             /* of queue */
    struct kb_due due;           /* its held channels that may send */
    size_t ready_n, ready_bytes; /* its part of the totals */
    bool busy;                   /* ordered, and a request of it is in flight */
};

struct kb_lanes {
    struct kb_lanes_options options;
    struct kb_slabs *slabs;
    struct kb_grouper *grouper; /* NULL = there is none */
    struct kb_lane *lanes;
    struct kb_heap ready; /* lanes, by what waits longest in them */
    struct kb_holds holds;
    struct kb_rates rates; /* of channels */
    size_t n_waiting, ready_n, ready_bytes;
    int64_t now_ms;
    size_t cap;          /* of one request, for the rate's sake */
    uint32_t probe_lane; /* where the next probe begins to look */
    struct kb_channel_set channels;
};

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

static inline void kb_lane_push(struct kb_lane *lane, struct kb_spec *spec,
    void (*push)(struct kb_queue *queue, struct kb_spec *spec))
{
    push(&lane->queue, spec);
    lane->n++;
    lane->bytes += kb_spec_bytes(spec);
}

static inline struct kb_lane *kb_lane_of(struct kb_lanes *lanes, uint64_t channel)
{
    return &lanes->lanes[channel % lanes->options.n_lanes];
}

static inline struct kb_hold *kb_hold_of(const struct kb_lanes *lanes, uint64_t channel)
{
    return lanes->holds.n ? kb_holds_find(&lanes->holds, channel) : NULL;
}

/* Has the user set a rate for each channel? */
static inline bool kb_lanes_rated(const struct kb_lanes *lanes)
{
    return lanes->rates.per_second > 0;
}

static inline bool kb_lanes_grouping(const struct kb_lanes *lanes)
{
    return lanes->grouper && lanes->grouper->max_size > 0;
}

/* lanes.c. Something of the lane has changed: is it ready, and since when? */
void kb_lane_refresh(struct kb_lanes *lanes, struct kb_lane *lane);

/* lanes_holds.c. Makes a hold and moves what waits of the channel into its queue; NULL = no memory.
 */
struct kb_hold *kb_hold_begin(struct kb_lanes *lanes, struct kb_lane *lane, uint64_t channel);
void kb_hold_push(struct kb_lanes *lanes, struct kb_hold *hold, struct kb_spec *spec,
    void (*push)(struct kb_queue *queue, struct kb_spec *spec));
struct kb_spec *kb_hold_pop(struct kb_hold *hold);
/* A group that was never sent was made by limits that may have changed: it is none any more. */
void kb_hold_ungroup(struct kb_lanes *lanes, struct kb_hold *hold);
/* When it may send is thought over. */
void kb_hold_place(struct kb_lanes *lanes, struct kb_hold *hold);
/* How many specs of it may ride in one request. */
size_t kb_hold_room(const struct kb_lanes *lanes, const struct kb_hold *hold);

#endif
