/* Commits: the lowest offset without an outcome of each partition, asynchronously, one commit on
 * its way at a time, never backwards within a generation (a log that was cut back begins another).
 * An answer is matched by its token, an offset by its generation.
 *
 * Offsets that hold no record (an aborted transaction, markers) are committed with the record
 * behind them. At a log's very end they stay uncommitted and show as lag, until the next record.
 * librdkafka could tell its position there (enable.partition.eof), but as an event beside the
 * records: one that comes late, after a seek or from a log that was cut meanwhile, would be
 * committed past records that were never taken. A lag of a few offsets that are no records is the
 * better mistake. */
#include "metrics/metrics.h"
#include "pipeline/worker_state.h"

#include <stdlib.h>

#define COMMIT_LOST_MS 70000 /* librdkafka answers within its own 60 s; after that nobody will */

static bool grow(struct kb_commit_flight *flight, size_t n)
{
    if (n <= flight->cap)
        return true;
    struct kb_commit *commits = realloc(flight->commits, n * sizeof(*commits));
    if (commits)
        flight->commits = commits;
    uint32_t *generations = realloc(flight->generations, n * sizeof(*generations));
    if (generations)
        flight->generations = generations;
    if (!commits || !generations)
        return false;
    flight->cap = n;
    return true;
}

/* False: nothing to commit, or the source couldn't take it now. */
static bool send_commit(struct kb_worker *w)
{
    struct kb_commit_flight *flight = &w->commit;
    if (!grow(flight, w->assignments.active))
        return false;
    flight->n = 0;
    for (size_t i = 0; i < w->assignments.n; i++) {
        const struct kb_assignment *part = &w->assignments.slots[i];
        if (part->state == KB_ASSIGNMENT_FREE)
            continue;
        int64_t offset = kb_offsets_committable(&part->offsets);
        if (offset <= part->committed)
            continue;
        flight->commits[flight->n] = (struct kb_commit){.slot = part->slot, .offset = offset};
        flight->generations[flight->n++] = part->generation;
    }
    w->commit_dirty = false;
    if (flight->n == 0)
        return false;
    struct kb_source *src = w->doors.source;
    flight->outstanding = src->ops->commit(src, flight->commits, flight->n, ++flight->token);
    flight->sent_ms = w->now_ms;
    w->commit_dirty = !flight->outstanding;
    w->commit_due_ms =
        w->now_ms + (src->commit_interval_ms > KB_COMMIT_INTERVAL_MS ? src->commit_interval_ms
                                                                     : KB_COMMIT_INTERVAL_MS);
    return flight->outstanding;
}

static void answered(struct kb_worker *w, const struct kb_commit_answer *answer)
{
    struct kb_commit_flight *flight = &w->commit;
    if (!flight->outstanding || answer->token != flight->token)
        return;
    flight->outstanding = false;
    if (!answer->ok) {
        /* Nothing is lost: the same offsets go with the next commit, or the records come again. */
        kb_metric_add(KB_METRIC_COMMIT_FAILURES, 1);
        w->commit_dirty = true;
        uint64_t suppressed;
        if (kb_log_repeat(&w->commit_repeat, w->now_ms, &suppressed))
            kb_log_warn("kafka", "worker %d: a commit was refused: %s%s", w->number, answer->text,
                answer->fenced ? " (the group has moved on)" : "; trying again");
        return;
    }
    kb_metric_add(KB_METRIC_COMMITS, 1);
    for (size_t i = 0; i < flight->n; i++) {
        struct kb_assignment *part =
            kb_assignments_find(&w->assignments, flight->commits[i].slot, flight->generations[i]);
        if (part && part->generation == flight->generations[i] &&
            part->committed < flight->commits[i].offset)
            part->committed = flight->commits[i].offset;
    }
}

static void collect(struct kb_worker *w)
{
    struct kb_source *src = w->doors.source;
    struct kb_commit_answer answer;
    while (src->ops->committed(src, &answer))
        answered(w, &answer);
    if (w->commit.outstanding && w->now_ms - w->commit.sent_ms > COMMIT_LOST_MS) {
        w->commit.outstanding = false;
        w->commit_dirty = true;
    }
}

void kb_worker_commit(struct kb_worker *w)
{
    collect(w);
    if (w->commit_dirty && !w->commit.outstanding && w->now_ms >= w->commit_due_ms)
        send_commit(w);
}

void kb_final_commit_begin(struct kb_worker *w, int wait_ms)
{
    w->final = (struct kb_final_commit){.deadline_ms = w->now_ms + wait_ms};
}

bool kb_commit_left(const struct kb_worker *w)
{
    return w->commit_dirty || w->commit.outstanding;
}

bool kb_final_commit_ended(struct kb_worker *w)
{
    collect(w);
    if (w->now_ms >= w->final.deadline_ms)
        return true;
    if (w->commit.outstanding)
        return false;
    if (w->final.sent)
        return true;
    w->final.sent = true;
    return !send_commit(w);
}
