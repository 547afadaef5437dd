/* What a member's worker is given (source_state.h). The bytes of a record live until the next take
 * and are then really freed, so that the sanitizer sees whoever keeps a slice. */
#include "registry.h"
#include "source_state.h"

#include <stdlib.h>

struct sim_given {
    struct sim_record *record;
    uint32_t slot;
    bool new_log;
};

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

/* So librdkafka around a pause: what was given may come once more, never from before the start. */
void sim_source_perhaps_repeat(struct sim_source *src, struct sim_assigned *as, int per_mille)
{
    struct sim *sim = src->sim;
    if (!sim_faulty(sim, SIM_FAULT_REPEATS, per_mille) || as->next <= as->start)
        return;
    int64_t back = sim_skewed(sim, 1, 300);
    as->next = as->next - back > as->start ? as->next - back : as->start;
}

/* Is this the first record of a log that the worker knows nothing of? Its commits count from there,
 * be it lower than what is committed. */
static bool tell_new_log(struct sim *sim, struct sim_assigned *as, const struct sim_record *rec)
{
    bool tell = as->new_log && sim->sabotage != SIM_HIDE_NEW_LOG;
    if (as->reset) {
        as->part->back_to = rec->offset;
        as->log = as->part->log;
    }
    as->reset = as->new_log = false;
    return tell;
}

/* What becomes of it goes by the configuration of now, whatever is loaded later and however long it
 * waits for its schema. */
static void note_settings(const struct sim_source *src, struct sim_record *rec)
{
    const struct sim_settings *settings = &src->worker->settings;
    rec->generations |= UINT64_C(1) << settings->generation % 64;
    for (int i = 0; i < KB_FAILURE_COUNT; i++)
        rec->actions[i] |= 1u << settings->action[i];
}

/* One that was given before stays what it has become. What slips through while a revocation waits
 * need not be taken by anybody, but may; and where a block was away, so was the record of before.
 */
static void note_given(struct sim_source *src, struct sim_assigned *as, struct sim_record *rec)
{
    bool first = rec->offset >= as->highest;
    if (first && !src->has_pending) {
        as->highest = rec->offset + 1;
        rec->given = as->part->assignments;
    }
    if (!first && as->part->topic->framed)
        return;
    note_settings(src, rec);
}

/* The records of one partition that this take gives. */
static size_t choose(
    struct sim_source *src, struct sim_assigned *as, struct sim_given *chosen, size_t max)
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
        note_given(src, as, rec);
        chosen[n++] = (struct sim_given){rec, as->slot, tell_new_log(sim, as, rec)};
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
static void give(
    struct sim_source *src, struct kb_record *out, const struct sim_given *chosen, size_t n)
{
    size_t size = 1, n_headers = 0;
    for (size_t i = 0; i < n; i++) {
        const struct sim_record *rec = chosen[i].record;
        size += rec->key.len + rec->value.len + strlen(rec->partition->topic->name);
        for (size_t h = 0; h < rec->n_headers; h++, n_headers++)
            size += rec->headers[h].name.len + rec->headers[h].value.len;
    }
    src->bytes = malloc(n_headers * sizeof(struct kb_header) + size);
    KB_BUG_ON(!src->bytes);
    struct kb_header *header = (void *)src->bytes;
    char *to = src->bytes + n_headers * sizeof(*header);
    for (size_t i = 0; i < n; i++) {
        const struct sim_record *rec = chosen[i].record;
        out[i] =
            (struct kb_record){.topic = copy_slice(&to, kb_slice_of(rec->partition->topic->name)),
                .partition = rec->partition->number,
                .slot = chosen[i].slot,
                .offset = rec->offset,
                .new_log = chosen[i].new_log,
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
    struct sim_given *chosen = calloc(max, sizeof(*chosen));
    KB_BUG_ON(!chosen);
    size_t first = src->n_assigned ? (size_t)sim_between(sim, 0, (int64_t)src->n_assigned - 1) : 0;
    for (size_t i = 0; i < src->n_assigned && n < limit; i++) {
        struct sim_assigned *as = &src->assigned[(first + i) % src->n_assigned];
        if (gives(src, as, slip))
            n += choose(src, as, chosen + n, limit - n);
    }
    if (n > 0) {
        give(src, out, chosen, n);
        src->records_given += n;
        sim->kafka->n_taken += n;
        src->worker->activity++;
        const struct sim_record *rec = chosen[0].record;
        sim_trace(sim, "worker %d takes %zu from %s[%d]@%lld", src->worker->number, n,
            rec->partition->topic->name, (int)rec->partition->number, (long long)rec->offset);
    }
    free(chosen);
    *more = n == max;
    if (n < max && sim_source_has_more(src) && !src->has_pending)
        sim_worker_poke(src->worker, sim_skewed(sim, 1, 100));
    return n;
}
