/* A group member as its worker sees it: the door of record/source.h on the simulated Kafka. Here
 * the assignments come and go; take.c gives records, commits.c carries offsets.
 *
 * It does what the contract allows and librdkafka does now and then: batches of any size, records
 * that come again, records of a partition that is being revoked, silence after an assignment or a
 * resume, nothing at all while a rebalance waits. Misuse of the door is a failure of the run. */
#include "source_state.h"

#include <stdio.h>
#include <stdlib.h>

#define TAKE_MAX_MS 2000    /* a member that doesn't poll is put out in the end: it polls often */
#define ANSWER_MAX_MS 12000 /* a rebalance that isn't answered holds up the whole group */

struct sim_assigned *sim_source_by_slot(struct sim_source *src, uint32_t slot, const char *what)
{
    for (size_t i = 0; i < src->n_assigned; i++)
        if (src->assigned[i].slot == slot)
            return &src->assigned[i];
    sim_fail(src->sim, "worker %d: %s of slot %u, which is not assigned", src->worker->number, what,
        slot);
    return NULL;
}

bool sim_source_usable(struct sim_source *src, const char *what)
{
    if (src->closed)
        sim_fail(src->sim, "worker %d: %s after close", src->worker->number, what);
    return !src->dead && !src->closed && !src->broken;
}

/* Other topics: the member joins again without leaving. (Which topics it names is not looked at:
 * what no block takes is left alone by its worker.) */
static bool subscribe(
    struct kb_source *source, const char *const *topics, size_t n, struct kb_err *err)
{
    struct sim_source *src = (struct sim_source *)source;
    (void)topics;
    (void)err;
    if (n == 0)
        sim_fail(src->sim, "worker %d subscribes to nothing", src->worker->number);
    if (!sim_source_usable(src, "subscribe"))
        return true;
    sim_trace(src->sim, "worker %d subscribes to %zu topics", src->worker->number, n);
    sim_group_join_again(src->sim, src->member);
    return true;
}

static bool rebalance(struct kb_source *source, struct kb_rebalance **out)
{
    struct sim_source *src = (struct sim_source *)source;
    if (src->dead || src->closed || !src->has_pending)
        return false;
    *out = &src->pending;
    return true;
}

static void take_up(struct sim_source *src, const struct kb_partition_id *id)
{
    struct sim *sim = src->sim;
    for (size_t i = 0; i < src->n_assigned; i++)
        if (src->assigned[i].slot == id->slot)
            sim_fail(
                sim, "worker %d: slot %u given to two partitions", src->worker->number, id->slot);
    struct sim_partition *part = sim_partition_find(sim, kb_slice_of(id->topic), id->partition);
    int64_t start = part->committed >= 0 ? part->committed : 0;
    src->assigned[src->n_assigned++] = (struct sim_assigned){.part = part,
        .slot = id->slot,
        .start = start,
        .next = start,
        .highest = start,
        .log = part->log,
        .quiet_until_ms = sim->now_ms + sim_skewed(sim, 0, 500)};
    part->assignments++;
    sim_worker_poke(src->worker, 500);
}

static void give_up(struct sim_source *src, const struct kb_partition_id *id)
{
    for (size_t i = 0; i < src->n_assigned; i++)
        if (src->assigned[i].slot == id->slot) {
            src->assigned[i] = src->assigned[--src->n_assigned];
            return;
        }
}

static void rebalanced(struct kb_source *source)
{
    struct sim_source *src = (struct sim_source *)source;
    if (src->dead || src->closed)
        return;
    if (!src->has_pending) {
        sim_fail(src->sim, "worker %d: answers a rebalance that is none", src->worker->number);
        return;
    }
    struct kb_rebalance event = src->pending;
    src->has_pending = false;
    src->worker->activity++;
    sim_trace(src->sim, "worker %d answers %s of %zu", src->worker->number,
        event.kind == KB_REBALANCE_ASSIGN ? "assign" : "revoke", event.n);
    for (size_t i = 0; i < event.n; i++)
        if (event.kind == KB_REBALANCE_ASSIGN)
            take_up(src, &event.partitions[i]);
        else
            give_up(src, &event.partitions[i]);
    free(event.partitions);
    if (event.kind == KB_REBALANCE_REVOKE)
        sim_group_revoked(src->sim, src->member);
    else
        sim_group_assigned(src->sim, src->member);
    if (sim_source_has_more(src))
        sim_worker_poke(src->worker, sim_skewed(src->sim, 0, 100));
}

static void pause_slots(struct kb_source *source, const uint32_t *slots, size_t n)
{
    struct sim_source *src = (struct sim_source *)source;
    for (size_t i = 0; sim_source_usable(src, "pause") && i < n; i++) {
        struct sim_assigned *as = sim_source_by_slot(src, slots[i], "pause");
        if (as)
            as->paused = true;
    }
    sim_trace(src->sim, "worker %d pauses %zu", src->worker->number, n);
}

static void resume_slots(
    struct kb_source *source, const uint32_t *slots, const int64_t *next, size_t n)
{
    struct sim_source *src = (struct sim_source *)source;
    for (size_t i = 0; sim_source_usable(src, "resume") && i < n; i++) {
        struct sim_assigned *as = sim_source_by_slot(src, slots[i], "resume");
        if (!as)
            return;
        as->paused = false;
        if (next[i] >= 0 && !as->reset)
            as->next = next[i];
        sim_source_perhaps_repeat(src, as, 300);
        as->quiet_until_ms = src->sim->now_ms + sim_skewed(src->sim, 0, 1000);
        sim_worker_poke(src->worker, 1000);
    }
    sim_trace(src->sim, "worker %d resumes %zu", src->worker->number, n);
}

static struct kb_slice cluster_id(struct kb_source *source)
{
    struct sim_source *src = (struct sim_source *)source;
    bool known = src->sim->kafka->cluster_id && (src->records_given > 0 || src->knows_early);
    return known ? kb_slice_of(src->sim->kafka->cluster_id) : (struct kb_slice){NULL, 0};
}

static int64_t log_end(struct kb_source *source, uint32_t slot)
{
    struct sim_source *src = (struct sim_source *)source;
    for (size_t i = 0; i < src->n_assigned; i++)
        if (src->assigned[i].slot == slot)
            return sim_chance(src->sim, 100) ? -1 : src->assigned[i].part->log_end;
    return -1;
}

static bool failed(struct kb_source *source, struct kb_err *err)
{
    struct sim_source *src = (struct sim_source *)source;
    if (src->dead || !src->broken || src->broken_told)
        return false;
    src->broken_told = true;
    kb_err_fatal(err, "sim: another member took this one's place");
    return true;
}

static void drop_pending(struct sim_source *src)
{
    if (src->has_pending)
        free(src->pending.partitions);
    src->has_pending = false;
}

static void close_source(struct kb_source *source, int wait_ms)
{
    (void)wait_ms;
    struct sim_source *src = (struct sim_source *)source;
    if (src->dead || src->closed)
        return;
    src->closed = true;
    /* What a revocation in the middle of a drain drops is for the next member. */
    bool revoked = src->has_pending && src->pending.kind == KB_REBALANCE_REVOKE;
    for (size_t i = 0; i < src->n_assigned; i++) {
        const struct sim_assigned *as = &src->assigned[i];
        if (as->highest > as->start && as->part->committed < as->highest && !src->fenced &&
            !revoked)
            src->left_uncommitted = true;
    }
    src->n_assigned = 0;
    drop_pending(src);
    sim_trace(src->sim, "worker %d closes its source", src->worker->number);
    sim_group_leave(src->sim, src->member);
}

static const struct kb_source_ops ops = {subscribe, sim_source_take, rebalance, rebalanced,
    pause_slots, resume_slots, sim_source_commit, sim_source_committed, cluster_id, log_end, failed,
    close_source};

static void first_join(struct sim *sim, void *object, uint64_t unused)
{
    (void)unused;
    struct sim_source *src = object;
    if (!src->dead && !src->closed)
        sim_group_join(sim, src->member);
}

struct kb_source *sim_source_new(struct sim *sim, struct sim_worker *worker)
{
    struct sim_source *src = sim_alloc(sim, sizeof(*src));
    src->source.ops = &ops;
    src->source.wake_fd = -1;
    src->sim = sim;
    src->worker = worker;
    src->member = sim_member_new(sim, &src->source);
    src->taken_ms = sim->now_ms;
    src->knows_early = sim_chance(sim, 500);
    sim_after(sim, sim_skewed(sim, 0, 3000), first_join, src, 0);
    return &src->source;
}

static void session_ends(struct sim *sim, void *object, uint64_t unused)
{
    (void)unused;
    sim_group_expire(sim, object, 0);
}

void sim_source_crash(struct kb_source *source)
{
    struct sim_source *src = (struct sim_source *)source;
    src->dead = true;
    src->n_assigned = 0;
    drop_pending(src);
    free(src->bytes);
    src->bytes = NULL;
    if (src->closed)
        return;
    sim_member_gone(src->member);
    sim_after(src->sim, sim_between(src->sim, 3000, 10000), session_ends, src->member, 0);
}

bool sim_source_closed(const struct kb_source *source)
{
    return ((const struct sim_source *)source)->closed;
}

bool sim_source_left_uncommitted(const struct kb_source *source)
{
    return ((const struct sim_source *)source)->left_uncommitted;
}

struct sim_member *sim_source_member(struct kb_source *source)
{
    return ((struct sim_source *)source)->member;
}

void sim_source_check(struct sim *sim, const struct kb_source *source)
{
    const struct sim_source *src = (const struct sim_source *)source;
    int64_t cap = sim->plan->wait_max_ms;
    if (src->dead || src->closed || src->broken)
        return;
    if (cap && sim->now_ms - src->taken_ms > TAKE_MAX_MS + cap)
        sim_fail(sim, "worker %d does not poll the group: %lld ms without a take",
            src->worker->number, (long long)(sim->now_ms - src->taken_ms));
    /* One that drains, too: with a long drain_ms it would hold up the group. */
    if (src->has_pending && sim->now_ms - src->pending_ms > ANSWER_MAX_MS)
        sim_fail(sim, "worker %d does not answer a rebalance for %lld ms", src->worker->number,
            (long long)(sim->now_ms - src->pending_ms));
}

void sim_source_break(struct kb_source *source)
{
    struct sim_source *src = (struct sim_source *)source;
    src->broken = true;
    sim_worker_poke(src->worker, 0);
}

void sim_source_rebalance(struct sim *sim, struct kb_source *source, enum kb_rebalance_kind kind,
    bool lost, struct sim_partition **parts, size_t n)
{
    struct sim_source *src = (struct sim_source *)source;
    if (src->dead || src->closed)
        return;
    KB_BUG_ON(src->has_pending);
    src->has_pending = true;
    src->pending_ms = sim->now_ms;
    src->pending =
        (struct kb_rebalance){kind, lost, calloc(n + 1, sizeof(struct kb_partition_id)), n};
    KB_BUG_ON(!src->pending.partitions);
    for (size_t i = 0; i < n; i++) {
        struct kb_partition_id *id = &src->pending.partitions[i];
        snprintf(id->topic, sizeof(id->topic), "%s", parts[i]->topic->name);
        id->partition = parts[i]->number;
        for (size_t a = 0; a < src->n_assigned; a++)
            if (src->assigned[a].part == parts[i])
                id->slot = src->assigned[a].slot;
    }
    sim_trace(sim, "worker %d is to answer %s of %zu%s", src->worker->number,
        kind == KB_REBALANCE_ASSIGN ? "assign" : "revoke", n, lost ? ", lost" : "");
    sim_worker_poke(src->worker, sim_skewed(sim, 0, 50));
}

size_t sim_source_holds(struct kb_source *source, struct sim_partition **out)
{
    struct sim_source *src = (struct sim_source *)source;
    for (size_t i = 0; i < src->n_assigned; i++)
        out[i] = src->assigned[i].part;
    return src->n_assigned;
}

bool sim_source_pending(const struct kb_source *source)
{
    return ((const struct sim_source *)source)->has_pending;
}

void sim_source_given(
    struct kb_source *source, size_t i, struct sim_partition **part, int64_t *start, int64_t *next)
{
    struct sim_source *src = (struct sim_source *)source;
    *part = src->assigned[i].part;
    *start = src->assigned[i].start;
    *next = src->assigned[i].highest;
}

void sim_source_appended(
    struct sim *sim, struct kb_source *source, const struct sim_partition *part)
{
    struct sim_source *src = (struct sim_source *)source;
    for (size_t i = 0; i < src->n_assigned; i++)
        if (src->assigned[i].part == part && !src->assigned[i].paused)
            sim_worker_poke(src->worker, sim_skewed(sim, 1, 100));
}

/* A position behind the log's end sends the reader to its beginning. One that had not come so far
 * notices nothing, and its commits go on counting. A real member learns it with its next fetch;
 * that the log may have grown past the position by then is what nobody can tell, and doesn't happen
 * here.
 */
void sim_source_cut(
    struct sim *sim, struct kb_source *source, const struct sim_partition *part, int64_t end)
{
    struct sim_source *src = (struct sim_source *)source;
    for (size_t i = 0; i < src->n_assigned; i++) {
        struct sim_assigned *as = &src->assigned[i];
        if (as->part != part)
            continue;
        if (as->reset || as->highest > end) {
            as->reset = true;
            as->new_log = as->new_log || as->highest > as->start;
            as->start = as->next = as->highest = 0;
            continue;
        }
        as->log = part->log;
        for (size_t k = 0; src->commit && k < src->commit->n; k++)
            if (src->commit->offsets[k].part == part)
                src->commit->offsets[k].log = part->log;
    }
    sim_worker_poke(src->worker, sim_skewed(sim, 0, 100));
}
