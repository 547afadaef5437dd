/* Ceilings: what the worker holds in memory, how far a partition may run ahead of its lowest open
 * record, and partitions whose dead letters wait. Above one of them partitions are paused, with
 * hysteresis, because a pause throws away what librdkafka has fetched ahead.
 *
 * A short stall of the whole worker (Ably is a little slower than Kafka, which is the normal state
 * under load) is no reason to pause: for KB_STALL_MS it simply takes nothing. Only then are
 * partitions paused, so that the group is polled all the while.
 *
 * Records that wait for a schema are counted apart: no room that Ably makes helps them, and those
 * who need no schema shall not stand still for them. At half of the memory ceiling all partitions
 * that need the registry are paused, before they wait themselves. */
#include "metrics/metrics.h"
#include "pipeline/worker_state.h"

#define SLOTS_PER_CALL 64

/* Slots to tell the source about, in calls of a bounded size. */
struct batch {
    uint32_t slots[SLOTS_PER_CALL];
    int64_t next[SLOTS_PER_CALL];
    size_t n;
};

static void flush_pause(struct kb_worker *w, struct batch *batch)
{
    if (batch->n > 0)
        w->doors.source->ops->pause(w->doors.source, batch->slots, batch->n);
    batch->n = 0;
}

static void flush_resume(struct kb_worker *w, struct batch *batch)
{
    if (batch->n > 0)
        w->doors.source->ops->resume(w->doors.source, batch->slots, batch->next, batch->n);
    batch->n = 0;
}

static bool stalled(const struct kb_worker *w)
{
    return w->full && w->now_ms - w->full_since_ms >= KB_STALL_MS;
}

/* What others may hold above the ceiling: as much again, less what waits for schemas. */
static size_t room_beside_waiting(const struct kb_worker *w)
{
    return w->memory_high > w->waiting.bytes ? w->memory_high - w->waiting.bytes : 0;
}

/* Does the partition hold more than half of its even share of the records without an outcome? One
 * whose channel is over its rate, or whose dead letters are slow, would else stop all others. Those
 * that hold little may go on, up to twice the ceiling in all. */
static bool hogs(const struct kb_worker *w, const struct kb_assignment *part)
{
    size_t share = (w->pendings.open - w->waiting.n) / w->assignments.active;
    return part->open - part->waiting > share / (part->reasons & KB_PAUSE_MEMORY ? 4 : 2) ||
           w->held > w->memory_high + room_beside_waiting(w);
}

/* By its format, or, under format auto, as its topic has shown. */
static bool needs_schemas(const struct kb_assignment *part)
{
    enum kb_schema_type type;
    return part->framed || kb_schema_type_of(part->rules->key_format, &type) ||
           kb_schema_type_of(part->rules->value_format, &type);
}

/* Does a record of it wait for its schema, or do so many others that none of it may begin to? */
static bool waits(const struct kb_worker *w, const struct kb_assignment *part)
{
    if (part->waiting > 0)
        return true;
    size_t ceiling = w->memory_high / (part->reasons & KB_PAUSE_SCHEMA ? 4 : 2);
    return w->waiting.bytes > ceiling && w->schemas && part->rules && needs_schemas(part);
}

static unsigned reasons(const struct kb_worker *w, const struct kb_assignment *part)
{
    size_t open = kb_offsets_open(&part->offsets);
    bool window = part->reasons & KB_PAUSE_WINDOW ? open > KB_WINDOW_MAX / 2 : open > KB_WINDOW_MAX;
    return (stalled(w) && hogs(w, part) ? KB_PAUSE_MEMORY : 0) | (window ? KB_PAUSE_WINDOW : 0) |
           (part->letters_failing > 0 ? KB_PAUSE_DEAD_LETTER : 0) |
           (waits(w, part) ? KB_PAUSE_SCHEMA : 0) | (part->rules ? 0 : KB_PAUSE_UNROUTED) |
           (kb_topics_hold_long(w) ? KB_PAUSE_RELOAD : 0) |
           (w->phase != KB_PHASE_RUNNING || part->state == KB_ASSIGNMENT_STOPPED ? KB_PAUSE_ENDING
                                                                                 : 0);
}

static size_t held(const struct kb_worker *w)
{
    return kb_publisher_status(w->publisher)->bytes + w->pendings.bytes - w->waiting.bytes;
}

bool kb_worker_relieved(const struct kb_worker *w)
{
    return w->full && held(w) < w->memory_low;
}

static void measure(struct kb_worker *w)
{
    w->held = held(w);
    if (!w->full && w->held > w->memory_high) {
        w->full = true;
        w->full_since_ms = w->now_ms;
    } else if (w->full && w->held < w->memory_low) {
        w->full = false;
    }
}

/* A resume seeks to the first record not taken in: that must not lie among those still to be. */
void kb_worker_press(struct kb_worker *w)
{
    measure(w);
    struct batch pause = {.n = 0}, resume = {.n = 0};
    for (size_t i = 0; i < w->assignments.n; i++) {
        struct kb_assignment *part = &w->assignments.slots[i];
        if (part->state == KB_ASSIGNMENT_FREE || part->state == KB_ASSIGNMENT_REVOKING)
            continue;
        part->reasons = reasons(w, part);
        if (part->reasons && !part->paused) {
            part->paused = 1;
            pause.slots[pause.n++] = part->slot;
            kb_metric_add(KB_METRIC_PAUSES, 1);
        } else if (!part->reasons && part->paused && w->at_record == w->n_records) {
            part->paused = 0;
            resume.next[resume.n] = kb_offsets_next(&part->offsets);
            resume.slots[resume.n++] = part->slot;
        }
        if (pause.n == SLOTS_PER_CALL)
            flush_pause(w, &pause);
        if (resume.n == SLOTS_PER_CALL)
            flush_resume(w, &resume);
    }
    flush_pause(w, &pause);
    flush_resume(w, &resume);
}

bool kb_worker_may_take(const struct kb_worker *w)
{
    return (!w->full || stalled(w)) && (!kb_topics_hold(w) || kb_topics_hold_long(w));
}
