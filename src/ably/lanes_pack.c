/* The packing of requests; see lanes.h. Ready lanes, the longest waiting first, give what they have
 * until the request is full. */
#include "ably/lanes_inside.h"

/* A request being packed. */
struct pack {
    struct kb_spec **specs;
    size_t n, records, bytes, max_records, least; /* the limits count only from `least` specs on */
    bool groups;                                  /* held channels may make some */
};

static void pack_begin(struct kb_lanes *lanes, struct pack *pack, struct kb_spec **out)
{
    *pack = (struct pack){
        .specs = out, .bytes = 1, .max_records = lanes->options.max_records, .least = 1};
    if (pack->max_records > lanes->cap)
        pack->max_records = lanes->cap;
    kb_channel_set_clear(&lanes->channels);
}

/* May the spec come along? Then it counts already. */
static bool pack_fits(struct kb_lanes *lanes, struct pack *pack, const struct kb_spec *spec)
{
    size_t records = pack->records + kb_spec_messages(spec);
    if (pack->n > 0 && spec->company && records > spec->company)
        return false;
    if (pack->n < pack->least)
        return kb_channel_set_add(&lanes->channels, spec->channel) || pack->n > 0;
    if (records > pack->max_records || pack->bytes + kb_spec_bytes(spec) > lanes->options.max_bytes)
        return false;
    return kb_channel_set_add(&lanes->channels, spec->channel);
}

static void pack_add(struct kb_lanes *lanes, struct pack *pack, struct kb_spec *spec)
{
    pack->specs[pack->n++] = spec;
    pack->records += kb_spec_messages(spec);
    pack->bytes += kb_spec_bytes(spec);
    if (spec->company && spec->company < pack->max_records)
        pack->max_records = spec->company;
    if (spec->company && spec->company < pack->least)
        pack->least = spec->company;
    lanes->n_waiting -= kb_spec_messages(spec);
    if (kb_lanes_rated(lanes))
        kb_rates_take(&lanes->rates, spec->channel, 1, lanes->now_ms);
}

/* More wait than may go one by one: they make a group. */
static void group_front(struct kb_lanes *lanes, struct kb_hold *hold)
{
    size_t n = kb_group_front(lanes->grouper, &hold->queue);
    if (n > 1)
        hold->n -= n - 1;
}

/* Of a held channel what its rate allows. A group is the last of its channel in a request: were it
 * refused for one of its messages, a later one that is taken had overtaken the others. False when
 * one did not fit: the request is full. */
static bool pack_hold(struct kb_lanes *lanes, struct pack *pack, struct kb_hold *hold, size_t max)
{
    size_t room = kb_hold_room(lanes, hold);
    bool fits = true, last = false;
    for (size_t n = 0; n < room && n < max && hold->queue.head && !last; n++) {
        if (pack->groups && hold->n > room - n)
            group_front(lanes, hold);
        fits = pack_fits(lanes, pack, hold->queue.head);
        if (!fits)
            break;
        last = hold->queue.head->group > 0;
        pack_add(lanes, pack, kb_hold_pop(hold));
        hold->riding = true;
    }
    kb_hold_place(lanes, hold);
    return fits;
}

/* The channel of the lane's first spec may send; else it is held from now on. (Without memory for
 * that it goes over its rate, and Ably says so.) */
static bool within_rate(struct kb_lanes *lanes, struct kb_lane *lane)
{
    uint64_t channel = lane->queue.head->channel;
    return kb_rates_room(&lanes->rates, channel, lanes->now_ms) > 0 ||
           !kb_hold_begin(lanes, lane, channel);
}

/* Takes up to `max` specs of the lane: of each hold that is due, then its queue from the front.
 * False when one did not fit: the request is full. */
static bool pack_lane(struct kb_lanes *lanes, struct pack *pack, struct kb_lane *lane, size_t max)
{
    size_t before = pack->n;
    bool fits = true;
    for (struct kb_hold *hold = lane->due.head, *next; hold && fits && pack->n - before < max;
         hold = next) {
        next = hold->next;
        fits = pack_hold(lanes, pack, hold, max - (pack->n - before));
    }
    for (bool last = false; fits && !last && lane->queue.head && pack->n - before < max;) {
        if (kb_lanes_rated(lanes) && !within_rate(lanes, lane))
            continue;
        fits = pack_fits(lanes, pack, lane->queue.head);
        last = fits && lane->queue.head->group > 0;
        if (fits)
            pack_add(lanes, pack, kb_lane_pop(lane));
    }
    lane->busy = lanes->options.ordered && pack->n > before;
    kb_lane_refresh(lanes, lane);
    return fits;
}

static struct kb_lane *first_ready(const struct kb_lanes *lanes)
{
    return (struct kb_lane *)kb_heap_first(&lanes->ready);
}

size_t kb_lanes_pack(struct kb_lanes *lanes, struct kb_spec **out, size_t *bytes)
{
    struct pack pack;
    pack_begin(lanes, &pack, out);
    pack.groups = kb_lanes_grouping(lanes);
    while (lanes->ready.n > 0 && pack_lane(lanes, &pack, first_ready(lanes), SIZE_MAX)) {}
    *bytes = pack.bytes;
    return pack.n;
}

/* From a lane that begins with refused specs the one behind them, alone. False: it did not fit. */
static bool pack_behind_refused(struct kb_lanes *lanes, struct pack *pack, struct kb_lane *lane)
{
    struct kb_spec *spec = kb_queue_pop_behind_refused(&lane->queue);
    if (!spec)
        return pack_lane(lanes, pack, lane, 1);
    lane->n--;
    lane->bytes -= kb_spec_bytes(spec);
    bool fits = pack_fits(lanes, pack, spec);
    if (fits) {
        spec->ahead = true;
        pack_add(lanes, pack, spec);
        lane->busy = lanes->options.ordered;
    } else {
        kb_lane_push(lane, spec, kb_queue_push_behind_refused);
    }
    kb_lane_refresh(lanes, lane);
    return fits;
}

static size_t pack_probe(
    struct kb_lanes *lanes, size_t per_lane, bool ahead, struct kb_spec **out, size_t *bytes)
{
    struct pack pack;
    pack_begin(lanes, &pack, out);
    size_t most = per_lane > KB_PROBE_RECORDS ? per_lane : KB_PROBE_RECORDS;
    if (pack.max_records > most)
        pack.max_records = most;
    pack.least = per_lane > 1 ? 2 : 1;
    uint32_t start = lanes->probe_lane;
    for (uint32_t i = 0; i < lanes->options.n_lanes && pack.records < pack.max_records; i++) {
        uint32_t number = (start + i) % lanes->options.n_lanes;
        struct kb_lane *lane = &lanes->lanes[number];
        if (!lane->ready.place)
            continue;
        size_t before = pack.n;
        bool fits = ahead && lane->queue.head && lane->queue.head->refused
                        ? pack_behind_refused(lanes, &pack, lane)
                        : pack_lane(lanes, &pack, lane, per_lane);
        if (pack.n > before)
            lanes->probe_lane = (number + 1) % lanes->options.n_lanes;
        if (!fits)
            break;
    }
    *bytes = pack.bytes;
    return pack.n;
}

size_t kb_lanes_pack_probe(
    struct kb_lanes *lanes, size_t per_lane, struct kb_spec **out, size_t *bytes)
{
    return pack_probe(lanes, per_lane, false, out, bytes);
}

size_t kb_lanes_pack_ahead(
    struct kb_lanes *lanes, size_t per_lane, struct kb_spec **out, size_t *bytes)
{
    return pack_probe(lanes, per_lane, true, out, bytes);
}

bool kb_lanes_behind_refused(const struct kb_lanes *lanes)
{
    for (uint32_t i = 0; i < lanes->options.n_lanes; i++) {
        const struct kb_spec *last = kb_queue_last_refused(&lanes->lanes[i].queue);
        if (lanes->lanes[i].ready.place && last && last->next)
            return true;
    }
    return false;
}
