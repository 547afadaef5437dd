/* Dead letters: written once they are due, done when the topic has acknowledged them. A topic that
 * doesn't take one, for whatever reason, is an outage of that record's partition: it is paused and
 * the letter is written again, loudly, with growing waits; other partitions go on. */
#include "base/backoff.h"
#include "metrics/metrics.h"
#include "pipeline/worker_state.h"

#include <inttypes.h>

void kb_letters_init(struct kb_letters *letters)
{
    *letters = (struct kb_letters){.failed_due_ms = INT64_MAX};
    letters->fresh_tail = &letters->fresh;
}

void kb_letters_add(struct kb_worker *w, struct kb_pending *p)
{
    p->next = NULL;
    *w->letters.fresh_tail = p;
    w->letters.fresh_tail = &p->next;
}

static void let_go(struct kb_worker *w, struct kb_pending *p)
{
    struct kb_assignment *part = kb_assignments_find(&w->assignments, p->slot, p->generation);
    if (part && p->failed->attempts > 0)
        w->resumes |= --part->letters_failing == 0;
    kb_worker_pending_end(w, part, p);
}

/* Removes the unwanted ones from a list; returns its new end. */
static struct kb_pending **sweep_list(struct kb_worker *w, struct kb_pending **link)
{
    while (*link) {
        struct kb_pending *p = *link;
        if (kb_worker_wanted(w, p)) {
            link = &p->next;
        } else {
            *link = p->next;
            let_go(w, p);
        }
    }
    return link;
}

void kb_letters_sweep(struct kb_worker *w)
{
    w->letters.fresh_tail = sweep_list(w, &w->letters.fresh);
    sweep_list(w, &w->letters.failed);
}

static void try_later(struct kb_worker *w, struct kb_pending *p, const char *why)
{
    struct kb_assignment *part = kb_assignments_find(&w->assignments, p->slot, p->generation);
    if (!kb_worker_wanted(w, p)) { /* it comes again, to whoever reads on */
        w->counts.late += !part;
        let_go(w, p);
        return;
    }
    if (p->failed->attempts++ == 0)
        part->letters_failing++;
    kb_metric_add(KB_METRIC_DEAD_LETTER_RETRIES, 1);
    int wait = kb_backoff_delay_ms((uint32_t)p->failed->attempts, KB_LETTER_RETRY_MS,
        KB_LETTER_RETRY_MAX_MS, w->doors.random->next(w->doors.random));
    p->failed->due_ms = w->now_ms + wait;
    if (p->failed->due_ms < w->letters.failed_due_ms)
        w->letters.failed_due_ms = p->failed->due_ms;
    p->next = w->letters.failed;
    w->letters.failed = p;

    uint64_t suppressed;
    if (kb_log_repeat(&w->letters.repeat, w->now_ms, &suppressed))
        kb_log_warn("worker",
            "%s[%d]@%" PRId64
            ": the dead-letter topic did not take it: %s; the partition waits, try "
            "%d in %d ms (%" PRIu64 " more such failures since the last line)",
            part->topic, part->id, p->offset, why, p->failed->attempts + 1, wait, suppressed);
}

static void write_letter(struct kb_worker *w, struct kb_pending *p)
{
    struct kb_dead_letters *dl = w->doors.dead_letters;
    struct kb_dead_letter_reason reason = {.failure = p->failed->failure,
        .code = p->failed->code,
        .text = p->failed->text,
        .attempts = p->failed->attempts + 1};
    struct kb_err err;
    if (dl->ops->send(dl, p->original, &reason, p, &err))
        w->letters.in_flight++;
    else
        try_later(w, p, err.text);
}

static void acknowledged(struct kb_worker *w, const struct kb_dead_letter_ack *ack)
{
    struct kb_pending *p = ack->tag;
    w->letters.in_flight--;
    if (!ack->ok) {
        try_later(w, p, ack->text);
        return;
    }
    kb_metric_add(KB_METRIC_DEAD_LETTERS_DECODE + (enum kb_metric)p->failed->failure, 1);
    kb_histogram_add(&w->counts.latency, w->now_ms - p->taken_ms);
    struct kb_assignment *part = kb_assignments_find(&w->assignments, p->slot, p->generation);
    if (part)
        kb_worker_pending_done(w, part, p);
    else
        w->counts.late++;
    let_go(w, p);
}

/* Takes the due ones out of the failed list and finds out when the next is due. */
static void write_due(struct kb_worker *w)
{
    struct kb_pending *p = w->letters.failed, *due = NULL;
    w->letters.failed = NULL;
    w->letters.failed_due_ms = INT64_MAX;
    while (p) {
        struct kb_pending *next = p->next;
        if (p->failed->due_ms <= w->now_ms) {
            p->next = due;
            due = p;
        } else {
            if (p->failed->due_ms < w->letters.failed_due_ms)
                w->letters.failed_due_ms = p->failed->due_ms;
            p->next = w->letters.failed;
            w->letters.failed = p;
        }
        p = next;
    }
    while (due) {
        struct kb_pending *next = due->next;
        write_letter(w, due);
        due = next;
    }
}

void kb_worker_write_letters(struct kb_worker *w)
{
    struct kb_dead_letters *dl = w->doors.dead_letters;
    if (!dl)
        return;
    struct kb_dead_letter_ack ack;
    while (dl->ops->acknowledged(dl, &ack))
        acknowledged(w, &ack);
    if (w->letters.failed_due_ms <= w->now_ms)
        write_due(w);
    struct kb_pending *p = w->letters.fresh;
    w->letters.fresh = NULL;
    w->letters.fresh_tail = &w->letters.fresh;
    while (p) {
        struct kb_pending *next = p->next;
        write_letter(w, p);
        p = next;
    }
}
