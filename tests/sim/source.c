/* A group member as its worker sees it: the door of record/source.h on the simulated Kafka.
 *
 * It does what the contract allows and librdkafka does now and then: batches of any size, records
 * that come again, records of a partition that is being revoked, silence after an assignment or a
 * resume, nothing at all while a rebalance waits. The bytes of a record live until the next take
 * and are then really freed, so that the sanitizer sees whoever keeps a slice. Misuse of the door
 * is a failure of the run. */
#include "kafka.h"
#include "plan.h"
#include "truth.h"
#include "world.h"

#include <stdio.h>
#include <stdlib.h>

#define TAKE_MAX_MS 2000    /* a member that doesn't poll is put out in the end: it polls often */
#define ANSWER_MAX_MS 20000 /* a rebalance that isn't answered holds up the whole group */

struct assigned {
    struct sim_partition *part;
    uint32_t slot;
    bool paused;
    int64_t start, next, highest; /* offsets: first of all, next to give, behind the last given */
    int64_t quiet_until_ms;
};

struct sim_source {
    struct kb_source source;
    struct sim *sim;
    struct sim_worker *worker;
    struct sim_member *member;
    bool dead, closed, broken, broken_told;
    struct assigned assigned[16];
    size_t n_assigned;
    bool has_pending;
    struct kb_rebalance pending;
    int64_t pending_ms, taken_ms; /* when it began to wait; the last call of take */
    uint64_t records_given;
    bool knows_early;      /* the cluster id is there before the first record */
    bool fenced;           /* a commit of it was refused for good: the group went on without it */
    bool left_uncommitted; /* closed with records given and not committed */
    char *bytes;           /* of the records given by the last take */
    struct commit *commit; /* the one that is outstanding */
};

struct commit {
    struct sim_source *src;
    struct sim_stamp stamp;
    struct kb_commit_answer answer;
    bool answered, lost;
    size_t n;
    struct {
        struct sim_partition *part;
        int64_t offset;
    } offsets[16];
};

static struct assigned *by_slot(struct sim_source *src, uint32_t slot, const char *what)
{
    for (size_t i = 0; i < src->n_assigned; i++)
        if (src->assigned[i].slot == slot)
            return &src->assigned[i];
    sim_fail(src->sim, "worker %d: %s of slot %u, which is not assigned", src->worker->number, what,
        slot);
    return NULL;
}

static bool usable(struct sim_source *src, const char *what)
{
    if (src->closed)
        sim_fail(src->sim, "worker %d: %s after close", src->worker->number, what);
    return !src->dead && !src->closed && !src->broken;
}

static bool has_more(const struct sim_source *src)
{
    for (size_t i = 0; i < src->n_assigned; i++) {
        const struct assigned *as = &src->assigned[i];
        size_t n = as->part->n_records;
        if (!as->paused && n > 0 && as->part->records[n - 1]->offset >= as->next)
            return true;
    }
    return false;
}

/* Trap 10 and 7 of the facts: what was given may come once more, never from before the start. */
static void perhaps_repeat(struct sim_source *src, struct assigned *as, int per_mille)
{
    struct sim *sim = src->sim;
    if (!sim_faulty(sim, SIM_FAULT_REPEATS, per_mille) || as->next <= as->start)
        return;
    int64_t back = sim_skewed(sim, 1, 300);
    as->next = as->next - back > as->start ? as->next - back : as->start;
}

/* The records of one partition that this take gives. */
static size_t choose(struct sim_source *src, struct assigned *as, struct sim_record **chosen,
    uint32_t *slots, size_t max)
{
    struct sim *sim = src->sim;
    size_t n = 0;
    perhaps_repeat(src, as, 2);
    size_t i = sim_record_index(as->part, as->next);
    for (; i < as->part->n_records && n < max; i++) {
        struct sim_record *rec = as->part->records[i];
        as->next = rec->offset + 1;
        if (sim->sabotage == SIM_SKIP_RECORD && sim_chance(sim, 5))
            continue;
        /* What slips through while a revocation waits need not be taken by anybody. */
        if (rec->offset >= as->highest && !src->has_pending)
            as->highest = rec->offset + 1;
        slots[n] = as->slot;
        chosen[n++] = rec;
    }
    return n;
}

static struct kb_slice copy_slice(char **to, struct kb_slice from)
{
    if (!from.ptr)
        return from;
    struct kb_slice copy = {*to, from.len};
    memcpy(*to, from.ptr, from.len);
    *to += from.len;
    return copy;
}

/* All bytes of a take in one allocation of its own: headers first, because they are aligned. */
static void give(struct sim_source *src, struct kb_record *out, struct sim_record **chosen,
    const uint32_t *slots, size_t n)
{
    size_t size = 1, n_headers = 0;
    for (size_t i = 0; i < n; i++) {
        size +=
            chosen[i]->key.len + chosen[i]->value.len + strlen(chosen[i]->partition->topic->name);
        for (size_t h = 0; h < chosen[i]->n_headers; h++, n_headers++)
            size += chosen[i]->headers[h].name.len + chosen[i]->headers[h].value.len;
    }
    src->bytes = malloc(n_headers * sizeof(struct kb_header) + size);
    KB_BUG_ON(!src->bytes);
    struct kb_header *header = (void *)src->bytes;
    char *to = src->bytes + n_headers * sizeof(*header);
    for (size_t i = 0; i < n; i++) {
        const struct sim_record *rec = chosen[i];
        out[i] =
            (struct kb_record){.topic = copy_slice(&to, kb_slice_of(rec->partition->topic->name)),
                .partition = rec->partition->number,
                .slot = slots[i],
                .offset = rec->offset,
                .timestamp = rec->timestamp,
                .key = copy_slice(&to, rec->key),
                .value = copy_slice(&to, rec->value),
                .headers = rec->n_headers ? header : NULL,
                .n_headers = rec->n_headers};
        for (size_t h = 0; h < rec->n_headers; h++)
            *header++ = (struct kb_header){
                copy_slice(&to, rec->headers[h].name), copy_slice(&to, rec->headers[h].value)};
    }
}

/* Frozen while an event waits; now and then records of a partition that is being revoked slip
 * through. */
static bool gives(const struct sim_source *src, const struct assigned *as, bool slip)
{
    struct sim *sim = src->sim;
    if (as->paused || as->quiet_until_ms > sim->now_ms || sim->kafka->down_until_ms > sim->now_ms)
        return false;
    if (!src->has_pending)
        return true;
    for (size_t i = 0; slip && src->pending.kind == KB_REBALANCE_REVOKE && i < src->pending.n; i++)
        if (src->pending.partitions[i].slot == as->slot)
            return true;
    return false;
}

static size_t take(struct kb_source *source, struct kb_record *out, size_t max, bool *more)
{
    struct sim_source *src = (struct sim_source *)source;
    struct sim *sim = src->sim;
    *more = false;
    if (!usable(src, "take"))
        return 0;
    free(src->bytes);
    src->bytes = NULL;
    src->taken_ms = sim->now_ms;
    size_t limit = sim->plan->hasty ? max : (size_t)sim_between(sim, 1, 64), n = 0;
    limit = limit < max ? limit : max;
    bool slip = sim_faulty(sim, SIM_FAULT_REPEATS, 50);
    if (has_more(src) && !src->has_pending)
        sim_truth_takes(sim, src->worker);
    struct sim_record **chosen = calloc(max, sizeof(struct sim_record *));
    uint32_t *slots = calloc(max, sizeof(*slots));
    KB_BUG_ON(!chosen || !slots);
    size_t first = src->n_assigned ? (size_t)sim_between(sim, 0, (int64_t)src->n_assigned - 1) : 0;
    for (size_t i = 0; i < src->n_assigned && n < limit; i++) {
        struct assigned *as = &src->assigned[(first + i) % src->n_assigned];
        if (gives(src, as, slip))
            n += choose(src, as, chosen + n, slots + n, limit - n);
    }
    if (n > 0) {
        give(src, out, chosen, slots, n);
        src->records_given += n;
        sim->kafka->n_taken += n;
        src->worker->activity++;
        sim_trace(sim, "worker %d takes %zu from %s[%d]@%lld", src->worker->number, n,
            chosen[0]->partition->topic->name, (int)chosen[0]->partition->number,
            (long long)chosen[0]->offset);
    }
    free(chosen);
    free(slots);
    *more = n == max;
    if (n < max && has_more(src) && !src->has_pending)
        sim_worker_poke(src->worker, sim_skewed(sim, 1, 100));
    return n;
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
    src->assigned[src->n_assigned++] = (struct assigned){.part = part,
        .slot = id->slot,
        .start = start,
        .next = start,
        .highest = start,
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
    if (has_more(src))
        sim_worker_poke(src->worker, sim_skewed(src->sim, 0, 100));
}

static void pause_slots(struct kb_source *source, const uint32_t *slots, size_t n)
{
    struct sim_source *src = (struct sim_source *)source;
    for (size_t i = 0; usable(src, "pause") && i < n; i++) {
        struct assigned *as = by_slot(src, slots[i], "pause");
        if (as)
            as->paused = true;
    }
    sim_trace(src->sim, "worker %d pauses %zu", src->worker->number, n);
}

static void resume_slots(
    struct kb_source *source, const uint32_t *slots, const int64_t *next, size_t n)
{
    struct sim_source *src = (struct sim_source *)source;
    for (size_t i = 0; usable(src, "resume") && i < n; i++) {
        struct assigned *as = by_slot(src, slots[i], "resume");
        if (!as)
            return;
        as->paused = false;
        if (next[i] >= 0)
            as->next = next[i];
        perhaps_repeat(src, as, 300);
        as->quiet_until_ms = src->sim->now_ms + sim_skewed(src->sim, 0, 1000);
        sim_worker_poke(src->worker, 1000);
    }
    sim_trace(src->sim, "worker %d resumes %zu", src->worker->number, n);
}

static void answer(struct sim *sim, void *object, uint64_t unused)
{
    (void)unused;
    struct commit *commit = object;
    commit->answered = true;
    sim_trace(sim, "commit %llu answered: %s", (unsigned long long)commit->answer.token,
        commit->answer.ok ? "ok" : commit->answer.text);
    sim_worker_poke(commit->src->worker, 0);
    /* Trap 2 of the facts: a cooperative member whose commit is refused loses everything. */
    if (commit->answer.fenced && sim->plan->cooperative && !commit->src->dead &&
        sim_chance(sim, 500))
        sim_group_expire(sim, commit->src->member, 0);
}

static void refuse(
    struct sim *sim, struct commit *commit, bool fenced, const char *why, int64_t delay_ms)
{
    commit->answer.fenced = fenced;
    commit->src->fenced = commit->src->fenced || fenced;
    snprintf(commit->answer.text, sizeof(commit->answer.text), "%s", why);
    sim_after(sim, delay_ms, answer, commit, 0);
}

static void arrive(struct sim *sim, void *object, uint64_t unused)
{
    (void)unused;
    struct commit *commit = object;
    if (commit->lost || sim->kafka->down_until_ms > sim->now_ms) {
        refuse(sim, commit, false, "Local: Timed out", sim_between(sim, 1000, 6000));
        return;
    }
    if (!sim_group_accepts(sim, &commit->stamp)) {
        refuse(sim, commit, true, "Broker: Specified group generation id is not valid",
            sim_skewed(sim, 1, 100));
        return;
    }
    for (size_t i = 0; i < commit->n; i++)
        sim_truth_commit(
            sim, commit->offsets[i].part, commit->offsets[i].offset, commit->src->worker);
    if (sim_faulty(sim, SIM_FAULT_COMMITS, 50)) {
        refuse(sim, commit, false, "Local: Timed out", sim_between(sim, 1000, 6000));
        return;
    }
    commit->answer.ok = true;
    sim_after(sim, sim_skewed(sim, 0, 50), answer, commit, 0);
}

static bool send_commit(
    struct kb_source *source, const struct kb_commit *commits, size_t n, uint64_t token)
{
    struct sim_source *src = (struct sim_source *)source;
    struct sim *sim = src->sim;
    if (!usable(src, "commit") || sim_faulty(sim, SIM_FAULT_COMMITS, 30))
        return false;
    if (src->commit)
        sim_fail(sim, "worker %d: two commits at once", src->worker->number);
    if (n == 0 || n > KB_COUNT(src->commit->offsets))
        sim_fail(sim, "worker %d: a commit of %zu partitions", src->worker->number, n);
    if (sim->failed)
        return false;
    struct commit *commit = sim_alloc(sim, sizeof(*commit));
    commit->src = src;
    commit->stamp = sim_member_stamp(src->member);
    commit->answer.token = token;
    commit->lost = sim_faulty(sim, SIM_FAULT_COMMITS, 50);
    for (size_t i = 0; i < n; i++) {
        struct assigned *as = by_slot(src, commits[i].slot, "commit");
        if (!as)
            return false;
        commit->offsets[commit->n].part = as->part;
        commit->offsets[commit->n++].offset = commits[i].offset;
    }
    src->commit = commit;
    src->worker->activity++;
    sim_after(sim, sim_skewed(sim, 0, 300), arrive, commit, 0);
    return true;
}

static bool committed(struct kb_source *source, struct kb_commit_answer *out)
{
    struct sim_source *src = (struct sim_source *)source;
    if (src->dead || !src->commit || !src->commit->answered)
        return false;
    *out = src->commit->answer;
    src->commit = NULL;
    src->worker->activity++;
    return true;
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

static void close_source(struct kb_source *source)
{
    struct sim_source *src = (struct sim_source *)source;
    if (src->dead || src->closed)
        return;
    src->closed = true;
    for (size_t i = 0; i < src->n_assigned; i++) {
        const struct assigned *as = &src->assigned[i];
        if (as->highest > as->start && as->part->committed < as->highest && !src->fenced)
            src->left_uncommitted = true;
    }
    src->n_assigned = 0;
    drop_pending(src);
    sim_trace(src->sim, "worker %d closes its source", src->worker->number);
    sim_group_leave(src->sim, src->member);
}

static const struct kb_source_ops ops = {take, rebalance, rebalanced, pause_slots, resume_slots,
    send_commit, committed, cluster_id, log_end, failed, close_source};

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
    /* A worker that drains answers by leaving the group. */
    if (src->has_pending && sim->now_ms - src->pending_ms > ANSWER_MAX_MS + sim->plan->drain_ms)
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
