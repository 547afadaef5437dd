/* What a member's worker is given (source_state.h). The bytes of a record live until the next take
 * and are then really freed, so that the sanitizer sees whoever keeps a slice. */
#include "source_state.h"

#include <stdlib.h>

bool sim_source_has_more(const struct sim_source *src)
{
    for (size_t i = 0; i < src->n_assigned; i++) {
        const struct sim_assigned *as = &src->assigned[i];
        size_t n = as->part->n_records;
        if (!as->paused && n > 0 && as->part->records[n - 1]->offset >= as->next)
            return true;
    }
    return false;
}

/* Trap 10 and 7 of the facts: what was given may come once more, never from before the start. */
void sim_source_perhaps_repeat(struct sim_source *src, struct sim_assigned *as, int per_mille)
{
    struct sim *sim = src->sim;
    if (!sim_faulty(sim, SIM_FAULT_REPEATS, per_mille) || as->next <= as->start)
        return;
    int64_t back = sim_skewed(sim, 1, 300);
    as->next = as->next - back > as->start ? as->next - back : as->start;
}

/* The records of one partition that this take gives. */
static size_t choose(struct sim_source *src, struct sim_assigned *as, struct sim_record **chosen,
    uint32_t *slots, size_t max)
{
    struct sim *sim = src->sim;
    size_t n = 0;
    sim_source_perhaps_repeat(src, as, 2);
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
static bool gives(const struct sim_source *src, const struct sim_assigned *as, bool slip)
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

size_t sim_source_take(struct kb_source *source, struct kb_record *out, size_t max, bool *more)
{
    struct sim_source *src = (struct sim_source *)source;
    struct sim *sim = src->sim;
    *more = false;
    if (!sim_source_usable(src, "take"))
        return 0;
    free(src->bytes);
    src->bytes = NULL;
    src->taken_ms = sim->now_ms;
    size_t limit = sim->plan->hasty ? max : (size_t)sim_between(sim, 1, 64), n = 0;
    limit = limit < max ? limit : max;
    bool slip = sim_faulty(sim, SIM_FAULT_REPEATS, 50);
    if (sim_source_has_more(src) && !src->has_pending)
        sim_truth_takes(sim, src->worker);
    struct sim_record **chosen = calloc(max, sizeof(struct sim_record *));
    uint32_t *slots = calloc(max, sizeof(*slots));
    KB_BUG_ON(!chosen || !slots);
    size_t first = src->n_assigned ? (size_t)sim_between(sim, 0, (int64_t)src->n_assigned - 1) : 0;
    for (size_t i = 0; i < src->n_assigned && n < limit; i++) {
        struct sim_assigned *as = &src->assigned[(first + i) % src->n_assigned];
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
    if (n < max && sim_source_has_more(src) && !src->has_pending)
        sim_worker_poke(src->worker, sim_skewed(sim, 1, 100));
    return n;
}
