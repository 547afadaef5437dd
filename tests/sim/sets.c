/* See sets.h. exchange.c asks when a request is sent and when it is told of, ably.c and truth.c
 * when it is taken. */
#include "sets.h"

#include "ably.h"
#include "base/hash.h"
#include "kafka.h"
#include "plan.h"

#include <stdio.h>
#include <stdlib.h>

#define AT "%s[%d]@%lld"
#define AT_ARG(rec) \
    (rec)->partition->topic->name, (int)(rec)->partition->number, (long long)(rec)->offset

/* ---- what a set is made of ---- */

struct base {
    struct sim_partition *partition;
    int64_t first, last;
};

/* TOPIC/PARTITION/FIRST-LAST/TAG:0; further messages of a record are OFFSET.N. */
static bool read_base(struct sim *sim, struct kb_slice id, struct base *out)
{
    char text[300], *slash[3], *dash;
    if (id.len >= sizeof(text))
        return false;
    memcpy(text, id.ptr, id.len);
    text[id.len] = '\0';
    for (int i = 2; i >= 0; i--) {
        slash[i] = strrchr(text, '/');
        if (!slash[i])
            return false;
        *slash[i] = '\0';
    }
    dash = strchr(slash[1] + 1, '-');
    if (!dash || strlen(slash[2] + 1) != 13 || strcmp(slash[2] + 12, ":0") != 0)
        return false;
    out->partition = sim_partition_find(sim, kb_slice_of(text), strtoll(slash[0] + 1, NULL, 10));
    out->first = strtoll(slash[1] + 1, NULL, 10);
    out->last = strtoll(dash + 1, NULL, 10);
    return out->partition != NULL;
}

static struct sim_message *message_for(struct sim_record *rec, struct kb_slice channel)
{
    for (size_t i = 0; i < rec->n_messages; i++)
        if (kb_slice_is(channel, rec->messages[i].channel->name))
            return &rec->messages[i];
    return NULL;
}

static bool same_data(const struct sim_record *rec, const struct sim_spec *spec)
{
    struct kb_slice data = rec->value;
    if (rec->partition->topic->framed && data.ptr)
        data = (struct kb_slice){data.ptr + SIM_FRAMING, data.len - SIM_FRAMING};
    return kb_slice_eq(spec->data, data) && !spec->data.ptr == !data.ptr;
}

static bool is_of(struct sim_record *rec, struct sim_spec *spec)
{
    spec->record = rec;
    spec->message = message_for(rec, spec->channel);
    return spec->message && same_data(rec, spec);
}

/* Where logs are cut no two values of a partition are the same (sim_plan_cuts_groups), and a set
 * may be of several logs: even of one record twice, that a broker has given again. */
static bool find_in_any_log(struct sim_partition *part, struct sim_spec *spec)
{
    for (size_t i = 0; i < part->n_records; i++)
        if (is_of(part->records[i], spec))
            return true;
    for (size_t i = 0; i < part->n_gone; i++)
        if (is_of(part->gone[i], spec))
            return true;
    return false;
}

/* Of two null values, one with this is hardly meant. In order, what whoever holds the partition was
 * told is published goes no more, and what only another one has published goes again, in its place.
 */
static bool hardly_meant(
    const struct sim *sim, const struct sim_partition *part, const struct sim_message *msg)
{
    if (!sim->plan->ordered)
        return msg->publications > 0;
    return msg->told_assignment == part->assignments && !msg->told_refused;
}

static bool find_between(const struct sim *sim, struct sim_partition *part, struct sim_batch *batch,
    size_t first, size_t at, int64_t from, int64_t to, bool all)
{
    struct sim_spec *spec = &batch->specs[at];
    for (size_t i = sim_record_index(part, from); i < part->n_records; i++) {
        struct sim_record *rec = part->records[i];
        spec->message = rec->offset > to ? NULL : message_for(rec, spec->channel);
        bool taken = false;
        for (size_t other = first; other < at; other++)
            taken = taken || batch->specs[other].record == rec;
        if (!spec->message || taken || !same_data(rec, spec) ||
            (!all && hardly_meant(sim, part, spec->message)))
            continue;
        spec->record = rec;
        return true;
    }
    return false;
}

/* The record that message `at` is of. Its id tells the first and the last; between them they come
 * in their order, or without order in any: of two null values it is then one that is not published,
 * or not committed at least. */
static bool find_message(const struct sim *sim, const struct base *base, struct sim_batch *batch,
    size_t first, size_t at, size_t end)
{
    struct sim_partition *part = base->partition;
    int64_t only = at == first ? base->first : base->last, before = INT64_MIN;
    if (sim_plan_cuts_groups(sim->plan)) {
        struct sim_spec *spec = &batch->specs[at];
        bool border = at == first || at == end - 1;
        return find_in_any_log(part, spec) && (!border || spec->record->offset == only);
    }
    if (at > first && sim->plan->ordered)
        before = batch->specs[at - 1].record->offset;
    if (at == first || at == end - 1)
        return only > before && find_between(sim, part, batch, first, at, only, only, true);
    int64_t open = part->committed > before ? part->committed : before + 1;
    return find_between(sim, part, batch, first, at, open, INT64_MAX, false) ||
           find_between(sim, part, batch, first, at, open, INT64_MAX, true) ||
           find_between(sim, part, batch, first, at, before + 1, INT64_MAX, true);
}

static bool numbered(struct kb_slice id, struct kb_slice base, size_t index)
{
    char text[24];
    int len = snprintf(text, sizeof(text), ":%zu", index);
    return id.len == base.len + (size_t)len && memcmp(id.ptr, base.ptr, base.len) == 0 &&
           memcmp(id.ptr + base.len, text, (size_t)len) == 0;
}

bool sim_set_find(struct sim *sim, struct sim_batch *batch, size_t first)
{
    size_t end = sim_batch_set_end(batch, first);
    struct kb_slice id = batch->specs[first].id;
    struct base base;
    if (end - first == 1)
        return true;
    if (!sim->plan->group || !id.ptr || !read_base(sim, id, &base)) {
        sim_fail(
            sim, "a set of %zu messages whose base names none: " KB_FMT, end - first, KB_ARG(id));
        return false;
    }
    struct kb_slice text = {id.ptr, id.len - 2};
    for (size_t i = first; i < end; i++) {
        struct sim_spec *spec = &batch->specs[i];
        if (numbered(spec->id, text, i - first) && find_message(sim, &base, batch, first, i, end))
            continue;
        sim_fail(sim, "message %zu of a set has an id that names no record: " KB_FMT, i - first,
            KB_ARG(spec->id));
        return false;
    }
    return true;
}

uint64_t sim_set_key(const struct sim_batch *batch, size_t first)
{
    const struct sim_spec *spec = &batch->specs[first];
    size_t end = sim_batch_set_end(batch, first);
    struct kb_slice id = {spec->id.ptr, spec->id.len - (end - first > 1 ? 2 : 0)};
    return kb_mix64(kb_hash64_stable(id) ^ kb_hash64_stable(spec->channel)) | 1;
}

/* ---- what Ably remembers ---- */

struct sim_seen {
    uint64_t key; /* 0 = empty */
    int64_t at_ms;
};

static struct sim_seen *cell_of(struct sim_ably *ably, uint64_t key)
{
    size_t at = key & (ably->cap_seen - 1);
    while (ably->seen[at].key && ably->seen[at].key != key)
        at = (at + 1) & (ably->cap_seen - 1);
    return &ably->seen[at];
}

static void grow(struct sim *sim)
{
    struct sim_ably *ably = sim->ably;
    struct sim_seen *old = ably->seen;
    size_t n = ably->cap_seen;
    ably->cap_seen = n ? 2 * n : 1024;
    ably->seen = sim_alloc(sim, ably->cap_seen * sizeof(*ably->seen));
    for (size_t i = 0; i < n; i++)
        if (old[i].key)
            *cell_of(ably, old[i].key) = old[i];
}

bool sim_set_seen(struct sim *sim, uint64_t key)
{
    struct sim_ably *ably = sim->ably;
    if (2 * (ably->n_seen + 1) > ably->cap_seen)
        grow(sim);
    struct sim_seen *cell = cell_of(ably, key);
    if (cell->key && sim->now_ms - cell->at_ms < SIM_REMEMBERS_MS)
        return true;
    ably->n_seen += !cell->key;
    *cell = (struct sim_seen){key, sim->now_ms};
    return false;
}

/* ---- what may become of one twice ---- */

void sim_set_untold(struct sim_spec *spec, int worker)
{
    struct sim_message *msg = spec->message;
    if (!msg || (msg->doubt_worker == worker && msg->doubt_assignment == spec->assignment))
        return;
    msg->doubt_worker = worker;
    msg->doubt_assignment = spec->assignment;
    msg->doubt_key = spec->key;
}

void sim_set_refused(struct sim_spec *spec)
{
    struct sim_message *msg = spec->message;
    msg->forgiven = msg->forgiven || msg->doubt_worker != 0;
    msg->doubt_worker = 0;
}

void sim_set_sent(struct sim *sim, const struct sim_spec *spec)
{
    const struct sim_message *msg = spec->message;
    const struct sim_record *rec = spec->record;
    if (msg->doubt_worker == spec->worker && msg->doubt_assignment == spec->assignment &&
        msg->doubt_key != spec->key && !spec->stops && !rec->partition->reread)
        sim_fail(sim,
            AT ": worker %d sends it with another id, and nobody knows whether Ably has it",
            AT_ARG(rec), spec->worker);
}

void sim_set_published(struct sim *sim, const struct sim_spec *spec)
{
    struct sim_message *msg = spec->message;
    const struct sim_record *rec = spec->record;
    bool twice = msg->publications > 0 && sim->now_ms - msg->published_ms < SIM_REMEMBERS_MS &&
                 msg->published_worker == spec->worker &&
                 msg->published_assignment == spec->assignment;
    if (twice && !msg->forgiven && !spec->stops && !rec->partition->reread)
        sim_fail(sim, AT ": published twice by worker %d, which had it all the while", AT_ARG(rec),
            spec->worker);
    msg->published_worker = spec->worker;
    msg->published_assignment = spec->assignment;
}
