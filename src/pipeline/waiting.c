/* Records that wait for a schema. The first of a partition, and all that were taken behind it, are
 * kept whole in the order they came; the partition is paused meanwhile, others flow on. When the
 * schema is there (or refused) they go the way of every record, by the rules that took them.
 *
 * They are kept rather than taken again: a source goes on behind what it has handed out, and an
 * offset below that would look to it like another log. What is kept is bounded by one take of each
 * partition, for a paused partition gives nothing more, and in all by a ceiling of its own, at
 * which those that may need a schema give nothing more either (pressure.c). */
#include "pipeline/worker_state.h"

#include <inttypes.h>
#include <string.h>

void kb_waiting_init(struct kb_waiting *waiting)
{
    waiting->head = NULL;
    waiting->tail = &waiting->head;
}

static size_t size_of(const struct kb_pending *p)
{
    return sizeof(*p) + p->original->size;
}

static void note_framed(struct kb_worker *w, const struct kb_assignment *part)
{
    for (size_t i = 0; i < w->assignments.n; i++) {
        struct kb_assignment *other = &w->assignments.slots[i];
        if (other->state != KB_ASSIGNMENT_FREE && strcmp(other->topic, part->topic) == 0)
            other->framed = true;
    }
}

static void append(struct kb_worker *w, struct kb_assignment *part, struct kb_pending *p)
{
    if (!part->framed)
        note_framed(w, part);
    part->waiting++;
    w->waiting.n++;
    w->waiting.bytes += size_of(p);
    p->next = NULL;
    *w->waiting.tail = p;
    w->waiting.tail = &p->next;
}

void kb_worker_hold(struct kb_worker *w, struct kb_assignment *part, const struct kb_record *rec)
{
    struct kb_pending *p = kb_worker_pending_new(w, part, rec);
    if (!p || !kb_pending_keep(&w->pendings, p, rec)) {
        struct kb_err err;
        kb_err_fatal(&err, "%s[%d]@%" PRId64 ": out of memory for a record that waits for a schema",
            part->topic, part->id, rec->offset);
        kb_worker_fatal(w, &err);
        return;
    }
    append(w, part, p);
}

static void fail(
    struct kb_worker *w, struct kb_assignment *part, struct kb_pending *p, const struct kb_err *err)
{
    if (err->class == KB_ERR_RECORD && kb_pending_fail(p, err))
        kb_worker_settle_failed(w, part, p);
    else
        kb_worker_fatal(w, err);
}

static void drop(struct kb_worker *w, struct kb_assignment *part, struct kb_pending *p)
{
    w->counts.dropped++;
    kb_worker_pending_done(w, part, p);
    kb_worker_pending_end(w, part, p);
}

/* A null value under null_value = "dlq", whatever on_error says. */
static void dead_letter(struct kb_worker *w, struct kb_pending *p, const struct kb_err *err)
{
    if (kb_pending_fail(p, err))
        kb_letters_add(w, p);
    else
        kb_worker_fatal(w, err);
}

/* A reload has taken the registry away, and nobody will ever tell the schema: the rules of now need
 * none. */
static void apply_rules(struct kb_worker *w, const struct kb_assignment *part, struct kb_pending *p)
{
    struct kb_edition *before = p->edition;
    p->rules = part->rules;
    p->edition = kb_edition_use(w->editions.now);
    kb_edition_done(&w->editions, before);
}

/* By the rules that took it, and the functions of their file. */
static enum kb_route_result route(
    struct kb_worker *w, const struct kb_assignment *part, struct kb_pending *p, struct kb_err *err)
{
    if (!w->schemas)
        apply_rules(w, part, p);
    if (p->edition == w->editions.now)
        return kb_worker_route(w, p->rules, &p->original->record, err);
    kb_router_set_hooks(&w->router, p->edition->hooks);
    enum kb_route_result result = kb_route(&w->router, p->rules, &p->original->record, err);
    kb_router_set_hooks(&w->router, w->hooks);
    return result;
}

/* False: it waits on. */
static bool go_on(struct kb_worker *w, struct kb_assignment *part, struct kb_pending *p)
{
    struct kb_err err;
    switch (route(w, part, p, &err)) {
    case KB_WAITS:
        return false;
    case KB_ROUTED:
        if (!kb_worker_check_sizes(w, &err))
            fail(w, part, p, &err);
        else if (!kb_worker_add_messages(w, p))
            kb_worker_fatal(w, (kb_err_fatal(&err, "out of memory for a message"), &err));
        break;
    case KB_DROPPED:
        drop(w, part, p);
        break;
    case KB_DEAD_LETTER:
        dead_letter(w, p, &err);
        break;
    case KB_FAILED:
        fail(w, part, p, &err);
        break;
    }
    return true;
}

/* Of a partition that is gone, or going: it comes again, to whoever reads on. */
static bool let_go(struct kb_worker *w, struct kb_assignment *part, struct kb_pending *p)
{
    if (part && kb_worker_wanted(w, p))
        return false;
    w->counts.late += !part;
    kb_worker_pending_end(w, part, p);
    return true;
}

/* Takes out of the list what `look` has dealt with, in order. */
static void walk(struct kb_worker *w,
    bool (*look)(struct kb_worker *w, struct kb_assignment *part, struct kb_pending *p))
{
    struct kb_pending *p = w->waiting.head, *next;
    kb_waiting_init(&w->waiting);
    for (; p; p = next) {
        struct kb_assignment *part = kb_assignments_find(&w->assignments, p->slot, p->generation);
        next = p->next;
        w->waiting.n--;
        w->waiting.bytes -= size_of(p);
        if (part)
            part->waiting--;
        if (!look(w, part, p))
            append(w, part, p);
    }
}

void kb_waiting_sweep(struct kb_worker *w)
{
    walk(w, let_go);
}

/* Only what has gone on counts: however many wait on before it, each walk gets one further. */
static bool out_of_time(const struct kb_worker *w)
{
    return w->hooks && w->doors.clock->now_ms(w->doors.clock) - w->now_ms >= KB_INTAKE_MS;
}

/* Behind one that waits on, all of its partition do; and where no block takes it any more, until
 * the group has taken it back. */
static bool go_on_in_order(struct kb_worker *w, struct kb_assignment *part, struct kb_pending *p)
{
    if (let_go(w, part, p))
        return true;
    if (part->stalled == w->waiting.walks || w->end.failed || !part->rules || w->waiting.unfinished)
        return false;
    if (go_on(w, part, p)) {
        w->waiting.unfinished = out_of_time(w);
        return true;
    }
    part->stalled = w->waiting.walks;
    return false;
}

void kb_worker_release_waiting(struct kb_worker *w)
{
    if (w->schemas)
        kb_schemas_step(w->schemas, w->now_ms);
    /* A reload may have taken the registry from those that wait for it. */
    uint64_t changes = w->schemas ? kb_schemas_changes(w->schemas) : 0;
    if (!w->waiting.head || (w->waiting.changes == changes && !w->waiting.unfinished))
        return;
    w->waiting.changes = changes;
    w->waiting.walks++;
    w->waiting.unfinished = false;
    walk(w, go_on_in_order);
}
