/* The end of a message, the end of a record, and what a failure leads to.
 *
 * A record has an outcome when all of its messages have one. Then exactly one of these happens,
 * once: its offset is done (published, skipped, dropped), it goes to the dead-letter topic and is
 * done when that has acknowledged it, it stops the worker, or nothing at all, because its partition
 * belongs to somebody else now and it will come again there. */
#include "metrics/metrics.h"
#include "pipeline/worker_state.h"

#include <inttypes.h>

void kb_worker_record_done(struct kb_worker *w, struct kb_assignment *part, int64_t offset)
{
    kb_offsets_done(&part->offsets, offset);
    w->commit_dirty = true;
}

void kb_worker_pending_done(
    struct kb_worker *w, struct kb_assignment *part, const struct kb_pending *p)
{
    if (p->generation == part->generation)
        kb_worker_record_done(w, part, p->offset);
}

struct kb_pending *kb_worker_pending_new(
    struct kb_worker *w, struct kb_assignment *part, const struct kb_record *rec)
{
    struct kb_pending *p = kb_pendings_new(&w->pendings, part->slot, part->generation, rec->offset);
    if (!p)
        return NULL;
    p->taken_ms = w->now_ms;
    p->rules = part->rules;
    p->edition = kb_edition_use(w->editions.now);
    part->open++;
    return p;
}

void kb_worker_pending_end(struct kb_worker *w, struct kb_assignment *part, struct kb_pending *p)
{
    if (part)
        part->open--;
    kb_edition_done(&w->editions, p->edition);
    kb_pendings_free(&w->pendings, p);
}

void kb_worker_fatal(struct kb_worker *w, const struct kb_err *err)
{
    if (!w->end.failed) {
        w->end.failed = true;
        w->end.err = *err;
        kb_log_error("worker", "worker %d: %s", w->number, err->text);
    }
    kb_worker_drain(w);
}

/* The partition ends at this record: nothing from it on is sent or committed. Where an earlier
 * record of the same partition meets a stop policy later on, the earlier one is the one that
 * counts. */
static void stop_at(
    struct kb_worker *w, struct kb_assignment *part, int64_t offset, const struct kb_err *err)
{
    if (part->state == KB_ASSIGNMENT_STOPPED && part->stop_at < offset)
        return;
    bool names_it = !w->end.failed || part->stop_at > offset;
    if (part->state != KB_ASSIGNMENT_REVOKING)
        part->state = KB_ASSIGNMENT_STOPPED;
    part->stop_at = offset;
    w->sweep = true;

    struct kb_err stop = *err;
    kb_err_wrap(&stop, "%s[%d]@%" PRId64 ": %s", part->topic, part->id, offset,
        kb_failure_name(err->failure));
    kb_log_error("worker", "%s; policy=stop: ending at this record", stop.text);
    if (names_it) {
        w->end.failed = true;
        w->end.err = stop;
    }
    kb_worker_drain(w);
}

static void report(struct kb_worker *w, const struct kb_assignment *part, int64_t offset,
    const struct kb_err *err, const char *policy)
{
    uint64_t suppressed;
    if (!kb_log_repeat(&w->refused_repeat[err->failure], w->now_ms, &suppressed))
        return;
    char more[64] = "";
    if (suppressed)
        snprintf(
            more, sizeof(more), " (and %" PRIu64 " more since the last such line)", suppressed);
    kb_log_warn("worker", "%s[%d]@%" PRId64 ": %s: %s; policy=%s%s", part->topic, part->id, offset,
        kb_failure_name(err->failure), err->text, policy, more);
}

/* A failure met while the record's own bytes are still at hand. */
void kb_worker_record_failed(struct kb_worker *w, struct kb_assignment *part,
    const struct kb_record *rec, const struct kb_err *err, enum kb_verdict verdict)
{
    if (verdict == KB_VERDICT_SKIP) {
        report(w, part, rec->offset, err, "skip");
        w->counts.skipped++;
        kb_worker_record_done(w, part, rec->offset);
    } else if (verdict == KB_VERDICT_DLQ) {
        report(w, part, rec->offset, err, "dlq");
        struct kb_pending *p = kb_worker_pending_new(w, part, rec);
        if (!p || !kb_pending_keep(&w->pendings, p, rec) || !kb_pending_fail(p, err)) {
            struct kb_err fatal;
            kb_err_fatal(&fatal, "%s[%d]@%" PRId64 ": out of memory for a dead letter", part->topic,
                part->id, rec->offset);
            kb_worker_fatal(w, &fatal);
            return;
        }
        kb_letters_add(w, p);
    } else {
        /* Nothing before the record's first message can be an outage: what is left is stop. */
        stop_at(w, part, rec->offset, err);
    }
}

/* A failure that Ably's answer brought, or that a record met after it had waited for its schema. */
void kb_worker_settle_failed(struct kb_worker *w, struct kb_assignment *part, struct kb_pending *p)
{
    struct kb_err err;
    if (part->state == KB_ASSIGNMENT_STOPPED && !kb_worker_wanted(w, p)) {
        /* Behind the record that stops its partition: it comes again, and is judged then. */
        kb_worker_pending_end(w, part, p);
        return;
    }
    kb_err_record(&err, p->failed->failure, "%s", p->failed->text);
    err.code = p->failed->code;
    switch (kb_failure_decide(&err, &p->rules->policy)) {
    case KB_VERDICT_SKIP:
        report(w, part, p->offset, &err, "skip");
        w->counts.skipped++;
        kb_worker_pending_done(w, part, p);
        kb_worker_pending_end(w, part, p);
        break;
    case KB_VERDICT_DLQ:
        report(w, part, p->offset, &err, "dlq");
        kb_letters_add(w, p);
        break;
    case KB_VERDICT_STOP:
    case KB_VERDICT_RETRY:
        stop_at(w, part, p->offset, &err);
        kb_worker_pending_end(w, part, p);
        break;
    }
}

static void finish(struct kb_worker *w, struct kb_pending *p)
{
    struct kb_assignment *part = kb_assignments_find(&w->assignments, p->slot, p->generation);
    if (!part) {
        w->counts.late++;
        kb_worker_pending_end(w, NULL, p);
    } else if (p->dropped) {
        kb_worker_pending_end(w, part, p);
    } else if (p->failed) {
        kb_worker_settle_failed(w, part, p);
    } else {
        w->counts.published++;
        kb_histogram_add(&w->counts.latency, w->now_ms - p->taken_ms);
        kb_worker_pending_done(w, part, p);
        kb_worker_pending_end(w, part, p);
    }
}

void kb_worker_settled(
    void *context, void *owner, enum kb_outcome outcome, const struct kb_err *err)
{
    struct kb_worker *w = context;
    struct kb_pending *p = owner;
    KB_BUG_ON(!p->in_use || p->messages == 0);
    if (outcome == KB_OUTCOME_DROPPED)
        p->dropped = true;
    else if (outcome == KB_OUTCOME_REFUSED && !kb_pending_fail(p, err)) {
        p->dropped = true; /* nobody knows why it failed: no outcome, it comes again */
        kb_worker_fatal(w, err);
    }
    if (--p->messages == 0)
        finish(w, p);
}

bool kb_worker_wanted(void *context, void *owner)
{
    struct kb_worker *w = context;
    const struct kb_pending *p = owner;
    const struct kb_assignment *part = kb_assignments_find(&w->assignments, p->slot, p->generation);
    if (!part)
        return false;
    if (p->generation != part->generation) /* its log is gone: it comes again to nobody */
        return true;
    if (part->state == KB_ASSIGNMENT_REVOKING)
        return false;
    return part->state == KB_ASSIGNMENT_ACTIVE || p->offset < part->stop_at;
}
