/* Lanes; see lanes.h. Channels that wait for their rate are in lanes_holds.c, packing is in
 * lanes_pack.c. publisher.c is the only caller.
 *
 * What is ready stands in a heap of lanes, the longest waiting on top. kb_lane_refresh() alone
 * moves a lane in, out or within it, and keeps the totals of what is ready. */
#include "ably/lanes_inside.h"

/* Since when the lane's longest waiting sendable spec waits; INT64_MAX = it has none. */
static int64_t lane_oldest(const struct kb_lane *lane)
{
    int64_t oldest = lane->queue.head ? lane->queue.head->queued_ms : INT64_MAX;
    for (const struct kb_hold *hold = lane->due.head; hold; hold = hold->next)
        if (hold->queue.head->queued_ms < oldest)
            oldest = hold->queue.head->queued_ms;
    return oldest;
}

void kb_lane_refresh(struct kb_lanes *lanes, struct kb_lane *lane)
{
    int64_t oldest = lane->busy ? INT64_MAX : lane_oldest(lane);
    bool ready = oldest != INT64_MAX;
    lanes->ready_n -= lane->ready_n;
    lanes->ready_bytes -= lane->ready_bytes;
    lane->ready_n = ready ? lane->n : 0;
    lane->ready_bytes = ready ? lane->bytes : 0;
    lanes->ready_n += lane->ready_n;
    lanes->ready_bytes += lane->ready_bytes;
    if (ready)
        kb_heap_put(&lanes->ready, &lane->ready, oldest);
    else
        kb_heap_remove(&lanes->ready, &lane->ready);
}

struct kb_lanes *kb_lanes_new(
    const struct kb_lanes_options *options, struct kb_slabs *slabs, struct kb_grouper *grouper)
{
    struct kb_lanes *lanes = calloc(1, sizeof(*lanes));
    if (!lanes)
        return NULL;
    lanes->options = *options;
    lanes->slabs = slabs;
    lanes->grouper = grouper;
    lanes->now_ms = INT64_MIN;
    lanes->cap = SIZE_MAX;
    kb_rates_init(&lanes->rates, options->channel_rate);
    lanes->lanes = calloc(options->n_lanes, sizeof(*lanes->lanes));
    if (lanes->lanes && kb_heap_reserve(&lanes->ready, options->n_lanes) &&
        kb_channel_set_init(&lanes->channels, options->max_channels))
        return lanes;
    kb_lanes_free(lanes);
    return NULL;
}

void kb_lanes_free(struct kb_lanes *lanes)
{
    if (!lanes)
        return;
    KB_BUG_ON(lanes->n_waiting != 0);
    kb_holds_deinit(&lanes->holds);
    kb_rates_deinit(&lanes->rates);
    kb_channel_set_deinit(&lanes->channels);
    kb_heap_deinit(&lanes->ready);
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
    kb_rates_change(&lanes->rates, options->channel_rate);
    for (size_t i = 0; lanes->holds.cells && i <= lanes->holds.mask; i++)
        if (lanes->holds.cells[i]) {
            kb_hold_ungroup(lanes, lanes->holds.cells[i]);
            kb_hold_place(lanes, lanes->holds.cells[i]);
            kb_lane_refresh(lanes, kb_lane_of(lanes, lanes->holds.cells[i]->channel));
        }
}

/* To its channel's hold, or where there is none to its lane. */
static void push(struct kb_lanes *lanes, struct kb_spec *spec,
    void (*how)(struct kb_queue *queue, struct kb_spec *spec))
{
    struct kb_lane *lane = kb_lane_of(lanes, spec->channel);
    struct kb_hold *hold = kb_hold_of(lanes, spec->channel);
    lanes->n_waiting += kb_spec_messages(spec);
    if (hold)
        kb_hold_push(lanes, hold, spec, how);
    else
        kb_lane_push(lane, spec, how);
    if (!lane->busy)
        kb_lane_refresh(lanes, lane);
}

void kb_lanes_add(struct kb_lanes *lanes, struct kb_spec *spec)
{
    push(lanes, spec, kb_queue_push_tail);
}

void kb_lanes_cap(struct kb_lanes *lanes, size_t most)
{
    lanes->cap = most;
}

void kb_lanes_tick(struct kb_lanes *lanes, int64_t now_ms)
{
    lanes->now_ms = now_ms;
    for (struct kb_hold *hold; (hold = kb_holds_wake(&lanes->holds, now_ms)) != NULL;) {
        kb_hold_place(lanes, hold);
        kb_lane_refresh(lanes, kb_lane_of(lanes, hold->channel));
    }
}

void kb_lanes_put_back(struct kb_lanes *lanes, struct kb_spec *spec)
{
    bool ahead = spec->ahead;
    spec->ahead = false;
    push(lanes, spec, ahead ? kb_queue_push_behind_refused : kb_queue_push_head);
}

void kb_lanes_land(struct kb_lanes *lanes, struct kb_spec *const *specs, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct kb_lane *lane = kb_lane_of(lanes, specs[i]->channel);
        struct kb_hold *hold = kb_hold_of(lanes, specs[i]->channel);
        if (hold) {
            hold->riding = false;
            if (hold->queue.head)
                kb_hold_place(lanes, hold);
            else
                kb_holds_remove(&lanes->holds, hold);
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
        } else if (spec->group) { /* of some of them, then */
            struct kb_queue members = kb_group_take_apart(lanes->grouper, spec);
            kb_queue_append(&members, queue);
            queue = members;
        } else {
            lanes->n_waiting--;
            sweep->drop(sweep->context, spec);
        }
    }
    return kept;
}

static void sweep_lane(struct kb_lanes *lanes, struct kb_lane *lane, const struct sweep *sweep)
{
    struct kb_queue kept = sweep_queue(lanes, lane->queue, sweep);
    lane->queue = (struct kb_queue){NULL, NULL};
    lane->n = lane->bytes = 0;
    while (kept.head)
        kb_lane_push(lane, kb_queue_pop_head(&kept), kb_queue_push_tail);
    kb_lane_refresh(lanes, lane);
}

/* False: nothing of it is left, and nothing in flight. */
static bool sweep_hold(struct kb_lanes *lanes, struct kb_hold *hold, const struct sweep *sweep)
{
    hold->queue = sweep_queue(lanes, hold->queue, sweep);
    hold->n = 0;
    for (const struct kb_spec *spec = hold->queue.head; spec; spec = spec->next)
        hold->n++;
    if (!hold->queue.head && !hold->riding)
        return false;
    kb_hold_place(lanes, hold);
    return true;
}

void kb_lanes_sweep(struct kb_lanes *lanes, bool (*wanted)(void *context, struct kb_spec *spec),
    void (*drop)(void *context, struct kb_spec *spec), void *context)
{
    struct sweep sweep = {wanted, drop, context};
    struct kb_holds *holds = &lanes->holds;
    for (size_t i = 0; holds->cells && i <= holds->mask;)
        if (holds->cells[i] && !sweep_hold(lanes, holds->cells[i], &sweep))
            kb_holds_remove(holds, holds->cells[i]); /* another may be here now */
        else
            i++;
    for (uint32_t i = 0; i < lanes->options.n_lanes; i++)
        sweep_lane(lanes, &lanes->lanes[i], &sweep);
}

size_t kb_lanes_waiting(const struct kb_lanes *lanes)
{
    return lanes->n_waiting;
}

bool kb_lanes_ready(const struct kb_lanes *lanes)
{
    return lanes->ready.n > 0;
}

bool kb_lanes_full(const struct kb_lanes *lanes)
{
    /* Lanes share no channel: as many ready lanes as channels allowed are that many channels. */
    return lanes->ready_n >= lanes->options.max_records ||
           lanes->ready_bytes + 1 >= lanes->options.max_bytes ||
           lanes->ready.n >= lanes->options.max_channels;
}

int64_t kb_lanes_oldest_ms(const struct kb_lanes *lanes)
{
    struct kb_heap_item *first = kb_heap_first(&lanes->ready);
    return first ? first->key : INT64_MAX;
}

int64_t kb_lanes_due_ms(const struct kb_lanes *lanes)
{
    return kb_holds_due_ms(&lanes->holds);
}
