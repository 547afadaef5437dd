/* Channels that wait for their rate; see lanes.h. A channel is held because Ably has refused one of
 * its messages for it, or because it has used up the rate that the user has set; often for both.
 * Called by publisher.c with what an answer says, and by lanes.c and lanes_pack.c. */
#include "ably/lanes_inside.h"
#include "base/backoff.h"

/* A held spec may wait for many seconds: it leaves its slab, which its neighbours soon no longer
 * need. Where there is no memory for that it stays, which is no harm. */
void kb_hold_push(struct kb_lanes *lanes, struct kb_hold *hold, struct kb_spec *spec,
    void (*push)(struct kb_queue *queue, struct kb_spec *spec))
{
    if (!spec->moved)
        spec->moved = kb_slab_move(lanes->slabs, &spec->json);
    push(&hold->queue, spec);
    if (hold->n++ == 0)
        kb_hold_place(lanes, hold);
}

struct kb_spec *kb_hold_pop(struct kb_hold *hold)
{
    hold->n--;
    return kb_queue_pop_head(&hold->queue);
}

void kb_hold_ungroup(struct kb_lanes *lanes, struct kb_hold *hold)
{
    struct kb_spec *first = hold->queue.head;
    if (!first || !first->group || first->unknown)
        return;
    hold->n += first->group - 1;
    kb_queue_pop_head(&hold->queue);
    struct kb_queue members = kb_group_take_apart(lanes->grouper, first);
    kb_queue_append(&members, hold->queue);
    hold->queue = members;
}

/* As many as make a tenth of a second's worth: a request for each single message would use up the
 * rate of requests. */
static size_t enough(const struct kb_lanes *lanes, const struct kb_hold *hold)
{
    size_t tenth = (size_t)(lanes->options.channel_rate / 10);
    if (hold->failures > 0 || tenth < 1)
        return 1;
    return hold->n < tenth ? hold->n : tenth;
}

void kb_hold_place(struct kb_lanes *lanes, struct kb_hold *hold)
{
    int64_t at =
        kb_rates_ready_ms(&lanes->rates, hold->channel, enough(lanes, hold), lanes->now_ms);
    if (at < hold->until_ms)
        at = hold->until_ms;
    kb_holds_place(&lanes->holds, hold, &kb_lane_of(lanes, hold->channel)->due, at, lanes->now_ms);
}

size_t kb_hold_room(const struct kb_lanes *lanes, const struct kb_hold *hold)
{
    size_t room = kb_rates_room(&lanes->rates, hold->channel, lanes->now_ms);
    bool one = hold->failures > 0 || (!kb_lanes_rated(lanes) && kb_lanes_grouping(lanes));
    return one && room > 1 ? 1 : room;
}

struct kb_hold *kb_hold_begin(struct kb_lanes *lanes, struct kb_lane *lane, uint64_t channel)
{
    struct kb_hold *hold = kb_holds_add(&lanes->holds, channel);
    if (!hold)
        return NULL;
    for (size_t n = lane->n; n > 0; n--) {
        struct kb_spec *spec = kb_lane_pop(lane);
        if (spec->channel == channel)
            kb_hold_push(lanes, hold, spec, kb_queue_push_tail);
        else
            kb_lane_push(lane, spec, kb_queue_push_tail);
    }
    kb_hold_place(lanes, hold);
    return hold;
}

/* Its queue goes before the lane's: nothing of its channel is in there, so no order is touched. */
static void end(struct kb_lanes *lanes, struct kb_lane *lane, struct kb_hold *hold)
{
    struct kb_queue rest = lane->queue;
    lane->queue = (struct kb_queue){NULL, NULL};
    while (hold->queue.head)
        kb_lane_push(lane, kb_hold_pop(hold), kb_queue_push_tail);
    kb_queue_append(&lane->queue, rest);
    kb_holds_remove(&lanes->holds, hold);
}

void kb_lanes_release(struct kb_lanes *lanes, uint64_t channel)
{
    struct kb_hold *hold = kb_hold_of(lanes, channel);
    if (!hold)
        return;
    struct kb_lane *lane = kb_lane_of(lanes, channel);
    if (kb_lanes_rated(lanes) || kb_lanes_grouping(lanes)) {
        hold->failures = 0;
        hold->until_ms = INT64_MIN;
        hold->inverted = false;
        kb_hold_place(lanes, hold);
    } else {
        end(lanes, lane, hold);
    }
    kb_lane_refresh(lanes, lane);
}

bool kb_lanes_hold(struct kb_lanes *lanes, uint64_t channel, int retry_after_ms, uint64_t random)
{
    struct kb_lane *lane = kb_lane_of(lanes, channel);
    struct kb_hold *hold = kb_hold_of(lanes, channel);
    if (!hold)
        hold = kb_hold_begin(lanes, lane, channel);
    if (!hold)
        return false;
    if (hold->until_ms <= lanes->now_ms) {
        int wait =
            kb_backoff_delay_ms(++hold->failures, KB_HOLD_WAIT_MIN_MS, KB_HOLD_WAIT_MAX_MS, random);
        hold->until_ms = lanes->now_ms + (wait > retry_after_ms ? wait : retry_after_ms);
    }
    kb_hold_place(lanes, hold);
    kb_lane_refresh(lanes, lane);
    return true;
}

bool kb_lanes_inverted(struct kb_lanes *lanes, uint64_t channel)
{
    struct kb_hold *hold = kb_hold_of(lanes, channel);
    if (!hold || hold->failures == 0 || hold->inverted)
        return false;
    hold->inverted = true;
    return true;
}
