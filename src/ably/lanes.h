/* Who may ride in the next request: order per channel, parallelism across channels. Pure, no I/O.
 *
 * A spec goes to lane `channel % n_lanes`. A lane is a queue with at most one request in flight, so
 * one channel's specs can't overtake each other; idle lanes with something to send are ready, and a
 * request takes ready lanes, longest waiting first, until it is full. Parallelism comes from lanes,
 * large requests from packing.
 *
 *     kb_lanes_add(lanes, spec);
 *     kb_lanes_tick(lanes, now_ms);                         // holds whose time has come
 *     n = kb_lanes_pack(lanes, specs, &bytes);              // their lanes are busy until...
 *     ... each spec's answer: kb_lanes_release or kb_lanes_hold, forward
 *     ... each spec that must go again: kb_lanes_put_back, BACKWARD, so that order stays
 *     kb_lanes_land(lanes, specs, n);                       // ...now; before any of them is freed
 *
 * A hold is a channel that is over its rate: it has a queue of its own within its lane, where later
 * specs of the channel join, and the lane's others go on. One that Ably has refused sends, when its
 * wait is over, one spec a request; a clean answer (kb_lanes_release) makes it an ordinary channel
 * again. One that has used up the user's own channel_rate sends what that allows, until nothing of
 * it waits any more. Where specs are grouped (group.h), more of them than may go make one; then a
 * refused channel stays held after a clean answer, and sends one group a request, until nothing of
 * it waits.
 *
 * Without `ordered` a lane is never busy: order is traded for parallelism on few channels.
 *
 * Ownership: specs are the caller's, linked here by `next`. Time: kb_lanes_tick says what time it
 * is. Thread: one worker's. */
#ifndef KB_ABLY_LANES_H
#define KB_ABLY_LANES_H

#include "ably/group.h"
#include "base/compiler.h"

#define KB_HOLD_WAIT_MIN_MS 200
#define KB_HOLD_WAIT_MAX_MS 10000
#define KB_PROBE_RECORDS 16

struct kb_lanes_options {
    uint32_t n_lanes;
    bool ordered;
    size_t max_records, max_bytes, max_channels; /* of one request; bytes of its whole body */
    double channel_rate; /* specs of one channel a second, and at once; 0 = no limit */
};

struct kb_lanes;

/* `slabs` owns the specs' bytes (a held spec is moved out of its slab); `grouper` makes one spec of
 * several where a channel is over its rate, NULL = nobody does. Both are borrowed. Returns new,
 * NULL = no memory. */
struct kb_lanes *kb_lanes_new(
    const struct kb_lanes_options *options, struct kb_slabs *slabs, struct kb_grouper *grouper);
void kb_lanes_free(struct kb_lanes *lanes); /* no spec may be left in it */

/* Other options (but the number of lanes) from the next request on. Only while no request is out;
 * kb_lanes_reserve(lanes, max_channels) has been called before, and is false where there is no
 * memory. */
bool kb_lanes_reserve(struct kb_lanes *lanes, size_t max_channels) KB_MUST_CHECK;
void kb_lanes_change(struct kb_lanes *lanes, const struct kb_lanes_options *options);

void kb_lanes_add(struct kb_lanes *lanes, struct kb_spec *spec);
void kb_lanes_tick(struct kb_lanes *lanes, int64_t now_ms);

/* The next requests take at most that many specs, however many they could. */
void kb_lanes_cap(struct kb_lanes *lanes, size_t most);

/* Takes the specs of the next request into `out` (room for max_records); 0 = nothing is ready, or
 * what seemed so is over its rate, and then nothing is ready any more.
 * *bytes is the length of the body "[spec,spec]". At least one spec is taken whatever its size. */
size_t kb_lanes_pack(struct kb_lanes *lanes, struct kb_spec **out, size_t *bytes);
/* The same for a request that only asks whether Ably is well: up to `per_lane` specs of each of a
 * few lanes, other lanes each time, so that one lane full of refused messages can't be all that is
 * ever tried. With per_lane above 1 it takes two where there are two, whatever the limits say (room
 * for them in `out`): a refused message at the head of each lane may not hide the good one behind
 * it. */
size_t kb_lanes_pack_probe(
    struct kb_lanes *lanes, size_t per_lane, struct kb_spec **out, size_t *bytes);
/* The same, but a lane that begins with specs refused alone (spec->refused) gives the one behind
 * them: messages that are refused for their own sake, however many, must not hide the good one that
 * makes their refusals believable. Should Ably take the earlier ones after all, that is an
 * inversion of one message. */
size_t kb_lanes_pack_ahead(
    struct kb_lanes *lanes, size_t per_lane, struct kb_spec **out, size_t *bytes);

/* Is there such a one behind refused ones? */
bool kb_lanes_behind_refused(const struct kb_lanes *lanes);

/* The channel had a clean answer: its hold, if there is one, ends. */
void kb_lanes_release(struct kb_lanes *lanes, uint64_t channel);
/* The channel is over its rate: later specs of it wait behind the one that is about to be put back.
 * Waits `retry_after_ms`, or longer where it failed before; several refusals at one time count
 * once. False: no memory, the channel stays an ordinary one. */
bool kb_lanes_hold(struct kb_lanes *lanes, uint64_t channel, int retry_after_ms, uint64_t random);
/* A later spec of a channel just put on hold was accepted: true the first time for this hold. */
bool kb_lanes_inverted(struct kb_lanes *lanes, uint64_t channel);
void kb_lanes_put_back(struct kb_lanes *lanes, struct kb_spec *spec);
void kb_lanes_land(struct kb_lanes *lanes, struct kb_spec *const *specs, size_t n);

/* Takes out every spec that waits and is not `wanted`, and hands it to `drop`. */
void kb_lanes_sweep(struct kb_lanes *lanes, bool (*wanted)(void *context, struct kb_spec *spec),
    void (*drop)(void *context, struct kb_spec *spec), void *context);

size_t kb_lanes_waiting(const struct kb_lanes *lanes); /* messages, on hold or not */
bool kb_lanes_ready(const struct kb_lanes *lanes);     /* kb_lanes_pack would find something */
/* A request would be full: waiting for more brings nothing. May be false though it would (never the
 * reverse). */
bool kb_lanes_full(const struct kb_lanes *lanes);
/* Of what is ready: since when it waits. */
int64_t kb_lanes_oldest_ms(const struct kb_lanes *lanes);
int64_t kb_lanes_due_ms(const struct kb_lanes *lanes); /* the next hold's time; INT64_MAX = none */

#endif
