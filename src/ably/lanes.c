/* Lanes and holds; see lanes.h. Packing is in lanes_pack.c. publisher.c is the only caller.
 *
 * What is ready stands in a binary heap of lane numbers, the longest waiting on top.
 * kb_lane_refresh() alone moves a lane in, out or within it, and keeps the totals of what is ready.
 */
#include "ably/lanes_inside.h"
#include "base/backoff.h"

/* ---- the heap of ready lanes ---- */

static void place(struct kb_lanes *lanes, uint32_t at, uint32_t number)
{
    lanes->heap[at - 1] = number;
    lanes->lanes[number].place = at;
}

static int64_t key_at(const struct kb_lanes *lanes, uint32_t at)
{
    return lanes->lanes[lanes->heap[at - 1]].oldest_ms;
}

/* Moves the lane at `at` to where its key belongs. */
static void heap_settle(struct kb_lanes *lanes, uint32_t at)
{
    uint32_t number = lanes->heap[at - 1];
    int64_t key = lanes->lanes[number].oldest_ms;
    for (; at > 1 && key_at(lanes, at / 2) > key; at /= 2)
        place(lanes, at, lanes->heap[at / 2 - 1]);
    for (uint32_t child; (child = 2 * at) <= lanes->n_heap; at = child) {
        if (child < lanes->n_heap && key_at(lanes, child + 1) < key_at(lanes, child))
            child++;
        if (key_at(lanes, child) >= key)
            break;
        place(lanes, at, lanes->heap[child - 1]);
    }
    place(lanes, at, number);
}

static void heap_remove(struct kb_lanes *lanes, struct kb_lane *lane)
{
    uint32_t at = lane->place, last = lanes->heap[lanes->n_heap - 1];
    lane->place = 0;
    lanes->n_heap--;
    if (at > lanes->n_heap)
        return;
    place(lanes, at, last);
    heap_settle(lanes, at);
}

/* Since when the lane's longest waiting sendable spec waits; INT64_MAX = it has none. */
static int64_t lane_oldest(const struct kb_lanes *lanes, const struct kb_lane *lane)
{
    int64_t oldest = lane->queue.head ? lane->queue.head->queued_ms : INT64_MAX;
    for (const struct kb_hold *hold = lane->holds; hold; hold = hold->next)
        if (kb_hold_due(lanes, hold) && hold->queue.head->queued_ms < oldest)
            oldest = hold->queue.head->queued_ms;
    return oldest;
}

void kb_lane_refresh(struct kb_lanes *lanes, struct kb_lane *lane)
{
    int64_t oldest = lane->busy ? INT64_MAX : lane_oldest(lanes, lane);
    bool ready = oldest != INT64_MAX;
    lanes->ready_n -= lane->ready_n;
    lanes->ready_bytes -= lane->ready_bytes;
    lane->ready_n = ready ? lane->n : 0;
    lane->ready_bytes = ready ? lane->bytes : 0;
    lanes->ready_n += lane->ready_n;
    lanes->ready_bytes += lane->ready_bytes;
    if (!ready) {
        if (lane->place)
            heap_remove(lanes, lane);
        return;
    }
    if (lane->place && lane->oldest_ms == oldest)
        return;
    lane->oldest_ms = oldest;
    if (!lane->place)
        place(lanes, ++lanes->n_heap, (uint32_t)(lane - lanes->lanes));
    heap_settle(lanes, lane->place);
}

/* ---- lanes and holds ---- */

static struct kb_lane *lane_of(struct kb_lanes *lanes, uint64_t channel)
{
    return &lanes->lanes[channel % lanes->options.n_lanes];
}

static struct kb_hold *hold_of(const struct kb_lane *lane, uint64_t channel)
{
    struct kb_hold *hold = lane->holds;
    while (hold && hold->channel != channel)
        hold = hold->next;
    return hold;
}

static void lane_push(struct kb_lane *lane, struct kb_spec *spec,
    void (*push)(struct kb_queue *queue, struct kb_spec *spec))
{
    push(&lane->queue, spec);
    lane->n++;
    lane->bytes += kb_spec_bytes(spec);
}

/* A held spec may wait for many seconds: it leaves its slab, which its neighbours soon no longer
 * need. Where there is no memory for that it stays, which is no harm. */
static void hold_push(struct kb_lanes *lanes, struct kb_hold *hold, struct kb_spec *spec,
    void (*push)(struct kb_queue *queue, struct kb_spec *spec))
{
    if (!spec->moved)
        spec->moved = kb_slab_move(lanes->slabs, &spec->json);
    push(&hold->queue, spec);
}

static void hold_remove(struct kb_lanes *lanes, struct kb_lane *lane, struct kb_hold *hold)
{
    struct kb_hold **link = &lane->holds;
    while (*link != hold)
        link = &(*link)->next;
    *link = hold->next;
    free(hold);
    if (--lanes->n_holds == 0)
        lanes->due_ms = INT64_MAX;
}

/* The hold's queue goes before the lane's: nothing of its channel is in there, so no order is
 * touched. */
static void hold_end(struct kb_lanes *lanes, struct kb_lane *lane, struct kb_hold *hold)
{
    struct kb_queue queue = hold->queue;
    hold_remove(lanes, lane, hold);
    struct kb_queue rest = lane->queue;
    lane->queue = queue;
    for (struct kb_spec *spec = queue.head; spec; spec = spec->next) {
        lane->n++;
        lane->bytes += kb_spec_bytes(spec);
    }
    if (!queue.head)
        lane->queue = rest;
    else if (rest.head) {
        lane->queue.tail->next = rest.head;
        lane->queue.tail = rest.tail;
    }
}

/* Makes a hold and moves what waits of the channel from the lane's queue to the hold's. */
static struct kb_hold *hold_begin(struct kb_lanes *lanes, struct kb_lane *lane, uint64_t channel)
{
    struct kb_hold *hold = calloc(1, sizeof(*hold));
    if (!hold)
        return NULL;
    hold->channel = channel;
    hold->until_ms = INT64_MIN;
    hold->next = lane->holds;
    lane->holds = hold;
    lanes->n_holds++;
    for (size_t n = lane->n; n > 0; n--) {
        struct kb_spec *spec = kb_lane_pop(lane);
        if (spec->channel == channel)
            hold_push(lanes, hold, spec, kb_queue_push_tail);
        else
            lane_push(lane, spec, kb_queue_push_tail);
    }
    return hold;
}

struct kb_lanes *kb_lanes_new(const struct kb_lanes_options *options, struct kb_slabs *slabs)
{
    struct kb_lanes *lanes = calloc(1, sizeof(*lanes));
    if (!lanes)
        return NULL;
    lanes->options = *options;
    lanes->slabs = slabs;
    lanes->now_ms = INT64_MIN;
    lanes->due_ms = INT64_MAX;
    lanes->cap = SIZE_MAX;
    lanes->lanes = calloc(options->n_lanes, sizeof(*lanes->lanes));
    lanes->heap = calloc(options->n_lanes, sizeof(*lanes->heap));
    if (lanes->lanes && lanes->heap && kb_channel_set_init(&lanes->channels, options->max_channels))
        return lanes;
    kb_lanes_free(lanes);
    return NULL;
}

void kb_lanes_free(struct kb_lanes *lanes)
{
    if (!lanes)
        return;
    KB_BUG_ON(lanes->n_waiting != 0);
    for (uint32_t i = 0; lanes->lanes && i < lanes->options.n_lanes; i++)
        while (lanes->lanes[i].holds)
            hold_remove(lanes, &lanes->lanes[i], lanes->lanes[i].holds);
    kb_channel_set_deinit(&lanes->channels);
    free(lanes->heap);
    free(lanes->lanes);
    free(lanes);
}

bool kb_lanes_reserve(struct kb_lanes *lanes, size_t max_channels)
{
    return kb_channel_set_reserve(&lanes->channels, max_channels);
}

void kb_lanes_change(struct kb_lanes *lanes, const struct kb_lanes_options *options)
{
    uint32_t n_lanes = lanes->options.n_lanes;
    lanes->options = *options;
    lanes->options.n_lanes = n_lanes;
    lanes->channels.max = options->max_channels;
}

void kb_lanes_add(struct kb_lanes *lanes, struct kb_spec *spec)
{
    struct kb_lane *lane = lane_of(lanes, spec->channel);
    struct kb_hold *hold = lane->holds ? hold_of(lane, spec->channel) : NULL;
    lanes->n_waiting++;
    if (hold)
        hold_push(lanes, hold, spec, kb_queue_push_tail);
    else
        lane_push(lane, spec, kb_queue_push_tail);
    kb_lane_refresh(lanes, lane);
}

void kb_lanes_cap(struct kb_lanes *lanes, size_t most)
{
    lanes->cap = most;
}

void kb_lanes_tick(struct kb_lanes *lanes, int64_t now_ms)
{
    lanes->now_ms = now_ms;
    if (now_ms < lanes->due_ms)
        return;
    lanes->due_ms = INT64_MAX;
    for (uint32_t i = 0; i < lanes->options.n_lanes; i++) {
        struct kb_lane *lane = &lanes->lanes[i];
        for (struct kb_hold *hold = lane->holds; hold; hold = hold->next)
            if (hold->until_ms > now_ms && hold->until_ms < lanes->due_ms)
                lanes->due_ms = hold->until_ms;
        if (lane->holds)
            kb_lane_refresh(lanes, lane);
    }
}

/* ---- answers ---- */

void kb_lanes_release(struct kb_lanes *lanes, uint64_t channel)
{
    struct kb_lane *lane = lane_of(lanes, channel);
    struct kb_hold *hold = lane->holds ? hold_of(lane, channel) : NULL;
    if (!hold)
        return;
    hold_end(lanes, lane, hold);
    kb_lane_refresh(lanes, lane);
}

bool kb_lanes_hold(struct kb_lanes *lanes, uint64_t channel, int retry_after_ms, uint64_t random)
{
    struct kb_lane *lane = lane_of(lanes, channel);
    struct kb_hold *hold = hold_of(lane, channel);
    if (!hold)
        hold = hold_begin(lanes, lane, channel);
    if (!hold)
        return false;
    if (hold->until_ms <= lanes->now_ms) {
        int wait =
            kb_backoff_delay_ms(++hold->failures, KB_HOLD_WAIT_MIN_MS, KB_HOLD_WAIT_MAX_MS, random);
        hold->until_ms = lanes->now_ms + (wait > retry_after_ms ? wait : retry_after_ms);
        if (hold->until_ms < lanes->due_ms)
            lanes->due_ms = hold->until_ms;
    }
    kb_lane_refresh(lanes, lane);
    return true;
}

bool kb_lanes_inverted(struct kb_lanes *lanes, uint64_t channel)
{
    struct kb_lane *lane = lane_of(lanes, channel);
    struct kb_hold *hold = lane->holds ? hold_of(lane, channel) : NULL;
    if (!hold || hold->inverted)
        return false;
    hold->inverted = true;
    return true;
}

void kb_lanes_put_back(struct kb_lanes *lanes, struct kb_spec *spec)
{
    struct kb_lane *lane = lane_of(lanes, spec->channel);
    struct kb_hold *hold = lane->holds ? hold_of(lane, spec->channel) : NULL;
    void (*push)(struct kb_queue * queue, struct kb_spec * spec) =
        spec->ahead ? kb_queue_push_behind_refused : kb_queue_push_head;
    spec->ahead = false;
    lanes->n_waiting++;
    if (hold)
        hold_push(lanes, hold, spec, push);
    else
        lane_push(lane, spec, push);
    if (!lane->busy)
        kb_lane_refresh(lanes, lane);
}

void kb_lanes_land(struct kb_lanes *lanes, struct kb_spec *const *specs, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct kb_lane *lane = lane_of(lanes, specs[i]->channel);
        struct kb_hold *hold = lane->holds ? hold_of(lane, specs[i]->channel) : NULL;
        if (hold) {
            hold->riding = false;
            if (!hold->queue.head)
                hold_remove(lanes, lane, hold);
        }
        if (!lane->busy && !hold)
            continue;
        lane->busy = false;
        kb_lane_refresh(lanes, lane);
    }
}

/* ---- sweep ---- */

struct sweep {
    bool (*wanted)(void *context, struct kb_spec *spec);
    void (*drop)(void *context, struct kb_spec *spec);
    void *context;
};

static struct kb_queue sweep_queue(
    struct kb_lanes *lanes, struct kb_queue queue, const struct sweep *sweep)
{
    struct kb_queue kept = {NULL, NULL};
    while (queue.head) {
        struct kb_spec *spec = kb_queue_pop_head(&queue);
        if (sweep->wanted(sweep->context, spec)) {
            kb_queue_push_tail(&kept, spec);
        } else {
            lanes->n_waiting--;
            sweep->drop(sweep->context, spec);
        }
    }
    return kept;
}

static void sweep_lane(struct kb_lanes *lanes, struct kb_lane *lane, const struct sweep *sweep)
{
    for (struct kb_hold *hold = lane->holds, *next; hold; hold = next) {
        next = hold->next;
        hold->queue = sweep_queue(lanes, hold->queue, sweep);
        if (!hold->queue.head && !hold->riding)
            hold_remove(lanes, lane, hold);
    }
    lane->queue = sweep_queue(lanes, lane->queue, sweep);
    lane->n = lane->bytes = 0;
    for (struct kb_spec *spec = lane->queue.head; spec; spec = spec->next) {
        lane->n++;
        lane->bytes += kb_spec_bytes(spec);
    }
    kb_lane_refresh(lanes, lane);
}

void kb_lanes_sweep(struct kb_lanes *lanes, bool (*wanted)(void *context, struct kb_spec *spec),
    void (*drop)(void *context, struct kb_spec *spec), void *context)
{
    struct sweep sweep = {wanted, drop, context};
    for (uint32_t i = 0; i < lanes->options.n_lanes; i++)
        sweep_lane(lanes, &lanes->lanes[i], &sweep);
}

size_t kb_lanes_waiting(const struct kb_lanes *lanes)
{
    return lanes->n_waiting;
}

bool kb_lanes_ready(const struct kb_lanes *lanes)
{
    return lanes->n_heap > 0;
}

bool kb_lanes_full(const struct kb_lanes *lanes)
{
    /* Lanes share no channel: as many ready lanes as channels allowed are that many channels. */
    return lanes->ready_n >= lanes->options.max_records ||
           lanes->ready_bytes + 1 >= lanes->options.max_bytes ||
           lanes->n_heap >= lanes->options.max_channels;
}

int64_t kb_lanes_oldest_ms(const struct kb_lanes *lanes)
{
    return lanes->n_heap ? key_at(lanes, 1) : INT64_MAX;
}

int64_t kb_lanes_due_ms(const struct kb_lanes *lanes)
{
    return lanes->due_ms;
}
