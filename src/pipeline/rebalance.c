/* Rebalance, in the loop: the source's callback only notes what happened, here it is decided.
 *
 * Revocation: what is queued of the revoked partitions is dropped, what is in flight of them may
 * end (for a bounded time; not at all in an outage, or when the partitions are already lost), then
 * their offsets are committed and that answer waited for, then they are let go. An answer that
 * comes later finds its generation gone and changes nothing. */
#include "metrics/metrics.h"
#include "pipeline/worker_state.h"

static void answer(struct kb_worker *w)
{
    struct kb_source *src = w->doors.source;
    src->ops->rebalanced(src);
    w->rebalance = NULL;
    w->revoke = KB_REVOKE_NONE;
}

static void assign(struct kb_worker *w)
{
    struct kb_rebalance *change = w->rebalance;
    for (size_t i = 0; i < change->n; i++) {
        struct kb_partition_id *id = &change->partitions[i];
        const struct kb_rules *rules = kb_config_rules(w->config, kb_slice_of(id->topic));
        struct kb_assignment *part =
            kb_assignments_add(&w->assignments, id->topic, id->partition, rules);
        if (!part) {
            struct kb_err err;
            kb_err_fatal(
                &err, "out of memory for the assignment of %s[%d]", id->topic, id->partition);
            kb_worker_fatal(w, &err);
            return; /* unanswered: the group gives these partitions to somebody else */
        }
        id->slot = part->slot;
        if (!rules)
            kb_log_warn("kafka", "%s[%d]: no topic block takes it, it is not read", id->topic,
                id->partition);
    }
    kb_log_info("kafka", "worker %d: %zu partitions assigned, %zu in all", w->number, change->n,
        w->assignments.active);
    w->assigned = true;
    answer(w);
    kb_worker_press(w);
}

static void begin_revoke(struct kb_worker *w)
{
    struct kb_rebalance *change = w->rebalance;
    for (size_t i = 0; i < change->n; i++) {
        struct kb_assignment *part = kb_assignments_at(&w->assignments, change->partitions[i].slot);
        if (!part)
            continue;
        part->state = KB_ASSIGNMENT_REVOKING;
        for (size_t j = w->at_record; j < w->n_records; j++)
            if (w->records[j].slot == part->slot)
                w->records[j].slot = UINT32_MAX; /* the slot may soon be another's */
    }
    kb_publisher_sweep(w->publisher);
    kb_letters_sweep(w);
    kb_waiting_sweep(w);
    w->revoke = KB_REVOKE_FLIGHT;
    w->revoke_deadline_ms = w->now_ms + (change->lost ? 0 : KB_REVOKE_WAIT_MS);
    kb_log_info("kafka", "worker %d: %zu partitions %s", w->number, change->n,
        change->lost ? "lost" : "revoked");
}

static bool in_flight(struct kb_worker *w)
{
    for (size_t i = 0; i < w->rebalance->n; i++) {
        const struct kb_assignment *part =
            kb_assignments_at(&w->assignments, w->rebalance->partitions[i].slot);
        if (part && part->open > 0)
            return true;
    }
    return false;
}

/* In an outage of Ably it is not, and others may go on where that is over; but dead letters, which
 * are Kafka's business, are. And where this process has asked for the share-out itself, whatever it
 * lets go may be taken again under other templates (topics.c). */
static bool worth_waiting(struct kb_worker *w)
{
    if (kb_publisher_status(w->publisher)->outage && !kb_topics_just_asked(w))
        return w->letters.in_flight > 0;
    return in_flight(w);
}

/* Nothing of them stays behind, not even what was taken of a log that is no more and that nobody
 * reads again: sent later on, it would come behind what the next owner has sent. */
static void let_go(struct kb_worker *w)
{
    for (size_t i = 0; i < w->rebalance->n; i++) {
        struct kb_assignment *part =
            kb_assignments_at(&w->assignments, w->rebalance->partitions[i].slot);
        if (part)
            kb_assignments_remove(&w->assignments, part);
    }
    w->assigned = w->assignments.active > 0;
    if (w->hooks)
        kb_hooks_forget(w->hooks);
    kb_publisher_sweep(w->publisher);
    kb_letters_sweep(w);
    kb_waiting_sweep(w);
    answer(w);
}

void kb_worker_rebalance(struct kb_worker *w)
{
    struct kb_source *src = w->doors.source;
    if (!w->rebalance) {
        if (!src->ops->rebalance(src, &w->rebalance)) {
            w->rebalance = NULL;
            return;
        }
        kb_metric_add(KB_METRIC_REBALANCES, 1);
        if (w->rebalance->kind == KB_REBALANCE_ASSIGN) {
            assign(w);
            return;
        }
        begin_revoke(w);
    }
    if (w->revoke == KB_REVOKE_FLIGHT) {
        if (w->now_ms < w->revoke_deadline_ms && worth_waiting(w))
            return;
        w->revoke = KB_REVOKE_COMMIT;
        kb_final_commit_begin(w, KB_COMMIT_ANSWER_MS);
    }
    if (w->revoke == KB_REVOKE_COMMIT && (w->rebalance->lost || kb_final_commit_ended(w)))
        let_go(w);
}
