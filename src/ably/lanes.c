/* Lanes, holds and the packing of requests; see lanes.h. publisher.c is the only caller.
 *
 * What is ready stands in a binary heap of lane numbers, the longest waiting on top. refresh()
 * alone moves a lane in, out or within it, and keeps the totals of what is ready. */
#include "ably/lanes.h"

#include "ably/channel_set.h"
#include "base/backoff.h"

struct queue {
    struct kb_spec *head, *tail;
};

struct hold {
    struct hold *next;
    uint64_t channel;
    struct queue queue;
    int64_t until_ms;
    uint32_t failures; /* refusals in a row: the wait doubles */
    bool riding;       /* its one spec is in flight */
    bool inverted;     /* kb_lanes_inverted has said so */
};

struct lane {
    struct queue queue;
    size_t n, bytes; /* of queue */
    struct hold *holds;
    int64_t oldest_ms;           /* its key in the heap */
    uint32_t place;              /* in the heap, from 1; 0 = not ready */
    size_t ready_n, ready_bytes; /* its part of the totals */
    bool busy;                   /* ordered, and a request of it is in flight */
};

struct kb_lanes {
    struct kb_lanes_options options;
    struct kb_slabs *slabs;
    struct lane *lanes;
    uint32_t *heap;
    uint32_t n_heap;
    size_t n_holds, n_waiting, ready_n, ready_bytes;
    int64_t now_ms, due_ms;
    uint32_t probe_lane; /* where the next probe begins to look */
    struct kb_channel_set channels;
};

/* A request being packed. */
struct pack {
    struct kb_spec **specs;
    size_t n, bytes, max_records, least; /* the limits count only from `least` specs on */
};

/* ---- queues ---- */

static void push_tail(struct queue *queue, struct kb_spec *spec)
{
    spec->next = NULL;
    if (queue->tail)
        queue->tail->next = spec;
    else
        queue->head = spec;
    queue->tail = spec;
}

static void push_head(struct queue *queue, struct kb_spec *spec)
{
    spec->next = queue->head;
    queue->head = spec;
    if (!queue->tail)
        queue->tail = spec;
}

static struct kb_spec *pop_head(struct queue *queue)
{
    struct kb_spec *spec = queue->head;
    queue->head = spec->next;
    if (!queue->head)
        queue->tail = NULL;
    spec->next = NULL;
    return spec;
}

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

static void heap_remove(struct kb_lanes *lanes, struct lane *lane)
{
    uint32_t at = lane->place, last = lanes->heap[lanes->n_heap - 1];
    lane->place = 0;
    lanes->n_heap--;
    if (at > lanes->n_heap)
        return;
    place(lanes, at, last);
    heap_settle(lanes, at);
}

static bool hold_due(const struct kb_lanes *lanes, const struct hold *hold)
{
    return !hold->riding && hold->queue.head && hold->until_ms <= lanes->now_ms;
}

/* Since when the lane's longest waiting sendable spec waits; INT64_MAX = it has none. */
static int64_t lane_oldest(const struct kb_lanes *lanes, const struct lane *lane)
{
    int64_t oldest = lane->queue.head ? lane->queue.head->queued_ms : INT64_MAX;
    for (const struct hold *hold = lane->holds; hold; hold = hold->next)
        if (hold_due(lanes, hold) && hold->queue.head->queued_ms < oldest)
            oldest = hold->queue.head->queued_ms;
    return oldest;
}

/* Something of the lane has changed: is it ready, and since when? */
static void refresh(struct kb_lanes *lanes, struct lane *lane)
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

static struct lane *lane_of(struct kb_lanes *lanes, uint64_t channel)
{
    return &lanes->lanes[channel % lanes->options.n_lanes];
}

static struct hold *hold_of(const struct lane *lane, uint64_t channel)
{
    struct hold *hold = lane->holds;
    while (hold && hold->channel != channel)
        hold = hold->next;
    return hold;
}

static size_t spec_bytes(const struct kb_spec *spec)
{
    return spec->json.bytes.len + 1; /* with its comma, or the closing bracket */
}

static void lane_push(struct lane *lane, struct kb_spec *spec,
    void (*push)(struct queue *queue, struct kb_spec *spec))
{
    push(&lane->queue, spec);
    lane->n++;
    lane->bytes += spec_bytes(spec);
}

static struct kb_spec *lane_pop(struct lane *lane)
{
    struct kb_spec *spec = pop_head(&lane->queue);
    lane->n--;
    lane->bytes -= spec_bytes(spec);
    return spec;
}

/* A held spec may wait for many seconds: it leaves its slab, which its neighbours soon no longer
 * need. Where there is no memory for that it stays, which is no harm. */
static void hold_push(struct kb_lanes *lanes, struct hold *hold, struct kb_spec *spec,
    void (*push)(struct queue *queue, struct kb_spec *spec))
{
    if (!spec->moved)
        spec->moved = kb_slab_move(lanes->slabs, &spec->json);
    push(&hold->queue, spec);
}

static void hold_remove(struct kb_lanes *lanes, struct lane *lane, struct hold *hold)
{
    struct hold **link = &lane->holds;
    while (*link != hold)
        link = &(*link)->next;
    *link = hold->next;
    free(hold);
    if (--lanes->n_holds == 0)
        lanes->due_ms = INT64_MAX;
}

/* The hold's queue goes before the lane's: nothing of its channel is in there, so no order is
 * touched. */
static void hold_end(struct kb_lanes *lanes, struct lane *lane, struct hold *hold)
{
    struct queue queue = hold->queue;
    hold_remove(lanes, lane, hold);
    struct queue rest = lane->queue;
    lane->queue = queue;
    for (struct kb_spec *spec = queue.head; spec; spec = spec->next) {
        lane->n++;
        lane->bytes += spec_bytes(spec);
    }
    if (!queue.head)
        lane->queue = rest;
    else if (rest.head) {
        lane->queue.tail->next = rest.head;
        lane->queue.tail = rest.tail;
    }
}

/* Makes a hold and moves what waits of the channel from the lane's queue to the hold's. */
static struct hold *hold_begin(struct kb_lanes *lanes, struct lane *lane, uint64_t channel)
{
    struct hold *hold = calloc(1, sizeof(*hold));
    if (!hold)
        return NULL;
    hold->channel = channel;
    hold->until_ms = INT64_MIN;
    hold->next = lane->holds;
    lane->holds = hold;
    lanes->n_holds++;
    for (size_t n = lane->n; n > 0; n--) {
        struct kb_spec *spec = lane_pop(lane);
        if (spec->channel == channel)
            hold_push(lanes, hold, spec, push_tail);
        else
            lane_push(lane, spec, push_tail);
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

void kb_lanes_add(struct kb_lanes *lanes, struct kb_spec *spec)
{
    struct lane *lane = lane_of(lanes, spec->channel);
    struct hold *hold = lane->holds ? hold_of(lane, spec->channel) : NULL;
    lanes->n_waiting++;
    if (hold)
        hold_push(lanes, hold, spec, push_tail);
    else
        lane_push(lane, spec, push_tail);
    refresh(lanes, lane);
}

void kb_lanes_tick(struct kb_lanes *lanes, int64_t now_ms)
{
    lanes->now_ms = now_ms;
    if (now_ms < lanes->due_ms)
        return;
    lanes->due_ms = INT64_MAX;
    for (uint32_t i = 0; i < lanes->options.n_lanes; i++) {
        struct lane *lane = &lanes->lanes[i];
        for (struct hold *hold = lane->holds; hold; hold = hold->next)
            if (hold->until_ms > now_ms && hold->until_ms < lanes->due_ms)
                lanes->due_ms = hold->until_ms;
        if (lane->holds)
            refresh(lanes, lane);
    }
}

/* ---- packing ---- */

static void pack_begin(struct kb_lanes *lanes, struct pack *pack, struct kb_spec **out)
{
    *pack = (struct pack){
        .specs = out, .bytes = 1, .max_records = lanes->options.max_records, .least = 1};
    kb_channel_set_clear(&lanes->channels);
}

/* May the spec come along? Then it counts already. */
static bool pack_fits(struct kb_lanes *lanes, struct pack *pack, const struct kb_spec *spec)
{
    if (pack->n > 0 && spec->company && pack->n >= spec->company)
        return false;
    if (pack->n < pack->least)
        return kb_channel_set_add(&lanes->channels, spec->channel) || pack->n > 0;
    if (pack->n >= pack->max_records || pack->bytes + spec_bytes(spec) > lanes->options.max_bytes)
        return false;
    return kb_channel_set_add(&lanes->channels, spec->channel);
}

static void pack_add(struct kb_lanes *lanes, struct pack *pack, struct kb_spec *spec)
{
    pack->specs[pack->n++] = spec;
    pack->bytes += spec_bytes(spec);
    if (spec->company && spec->company < pack->max_records)
        pack->max_records = spec->company;
    if (spec->company && spec->company < pack->least)
        pack->least = spec->company;
    lanes->n_waiting--;
}

/* Takes up to `max` specs of the lane: one of each hold that is due, then its queue from the front.
 * False when one did not fit: the request is full. */
static bool pack_lane(struct kb_lanes *lanes, struct pack *pack, struct lane *lane, size_t max)
{
    size_t before = pack->n;
    bool fits = true;
    for (struct hold *hold = lane->holds; hold && fits && pack->n - before < max;
         hold = hold->next) {
        if (!hold_due(lanes, hold))
            continue;
        fits = pack_fits(lanes, pack, hold->queue.head);
        if (fits) {
            pack_add(lanes, pack, pop_head(&hold->queue));
            hold->riding = true;
        }
    }
    while (fits && lane->queue.head && pack->n - before < max) {
        fits = pack_fits(lanes, pack, lane->queue.head);
        if (fits)
            pack_add(lanes, pack, lane_pop(lane));
    }
    lane->busy = lanes->options.ordered && pack->n > before;
    refresh(lanes, lane);
    return fits;
}

size_t kb_lanes_pack(struct kb_lanes *lanes, struct kb_spec **out, size_t *bytes)
{
    struct pack pack;
    pack_begin(lanes, &pack, out);
    while (lanes->n_heap > 0 && pack_lane(lanes, &pack, &lanes->lanes[lanes->heap[0]], SIZE_MAX)) {}
    *bytes = pack.bytes;
    return pack.n;
}

size_t kb_lanes_pack_probe(
    struct kb_lanes *lanes, size_t per_lane, struct kb_spec **out, size_t *bytes)
{
    struct pack pack;
    pack_begin(lanes, &pack, out);
    size_t most = per_lane > KB_PROBE_RECORDS ? per_lane : KB_PROBE_RECORDS;
    if (pack.max_records > most)
        pack.max_records = most;
    pack.least = per_lane > 1 ? 2 : 1;
    uint32_t start = lanes->probe_lane;
    for (uint32_t i = 0; i < lanes->options.n_lanes && pack.n < pack.max_records; i++) {
        uint32_t number = (start + i) % lanes->options.n_lanes;
        if (!lanes->lanes[number].place)
            continue;
        size_t before = pack.n;
        bool fits = pack_lane(lanes, &pack, &lanes->lanes[number], per_lane);
        if (pack.n > before)
            lanes->probe_lane = (number + 1) % lanes->options.n_lanes;
        if (!fits)
            break;
    }
    *bytes = pack.bytes;
    return pack.n;
}

/* ---- answers ---- */

void kb_lanes_release(struct kb_lanes *lanes, uint64_t channel)
{
    struct lane *lane = lane_of(lanes, channel);
    struct hold *hold = lane->holds ? hold_of(lane, channel) : NULL;
    if (!hold)
        return;
    hold_end(lanes, lane, hold);
    refresh(lanes, lane);
}

bool kb_lanes_hold(struct kb_lanes *lanes, uint64_t channel, int retry_after_ms, uint64_t random)
{
    struct lane *lane = lane_of(lanes, channel);
    struct hold *hold = hold_of(lane, channel);
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
    refresh(lanes, lane);
    return true;
}

bool kb_lanes_inverted(struct kb_lanes *lanes, uint64_t channel)
{
    struct lane *lane = lane_of(lanes, channel);
    struct hold *hold = lane->holds ? hold_of(lane, channel) : NULL;
    if (!hold || hold->inverted)
        return false;
    hold->inverted = true;
    return true;
}

void kb_lanes_put_back(struct kb_lanes *lanes, struct kb_spec *spec)
{
    struct lane *lane = lane_of(lanes, spec->channel);
    struct hold *hold = lane->holds ? hold_of(lane, spec->channel) : NULL;
    lanes->n_waiting++;
    if (hold)
        hold_push(lanes, hold, spec, push_head);
    else
        lane_push(lane, spec, push_head);
    if (!lane->busy)
        refresh(lanes, lane);
}

void kb_lanes_land(struct kb_lanes *lanes, struct kb_spec *const *specs, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct lane *lane = lane_of(lanes, specs[i]->channel);
        struct hold *hold = lane->holds ? hold_of(lane, specs[i]->channel) : NULL;
        if (hold) {
            hold->riding = false;
            if (!hold->queue.head)
                hold_remove(lanes, lane, hold);
        }
        if (!lane->busy && !hold)
            continue;
        lane->busy = false;
        refresh(lanes, lane);
    }
}

/* ---- sweep ---- */

struct sweep {
    bool (*wanted)(void *context, struct kb_spec *spec);
    void (*drop)(void *context, struct kb_spec *spec);
    void *context;
};

static struct queue sweep_queue(
    struct kb_lanes *lanes, struct queue queue, const struct sweep *sweep)
{
    struct queue kept = {NULL, NULL};
    while (queue.head) {
        struct kb_spec *spec = pop_head(&queue);
        if (sweep->wanted(sweep->context, spec)) {
            push_tail(&kept, spec);
        } else {
            lanes->n_waiting--;
            sweep->drop(sweep->context, spec);
        }
    }
    return kept;
}

static void sweep_lane(struct kb_lanes *lanes, struct lane *lane, const struct sweep *sweep)
{
    for (struct hold *hold = lane->holds, *next; hold; hold = next) {
        next = hold->next;
        hold->queue = sweep_queue(lanes, hold->queue, sweep);
        if (!hold->queue.head && !hold->riding)
            hold_remove(lanes, lane, hold);
    }
    lane->queue = sweep_queue(lanes, lane->queue, sweep);
    lane->n = lane->bytes = 0;
    for (struct kb_spec *spec = lane->queue.head; spec; spec = spec->next) {
        lane->n++;
        lane->bytes += spec_bytes(spec);
    }
    refresh(lanes, lane);
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
