/* The judge (truth.h): each function is one promise of the design, and its message names the
 * record. */
#include "truth.h"

#include "base/hash.h"
#include "plan.h"
#include "route/route.h"
#include "sets.h"
#include "world.h"

#include <stdio.h>
#include <stdlib.h>

#define AT "%s[%d]@%lld"
#define AT_ARG(rec) \
    (rec)->partition->topic->name, (int)(rec)->partition->number, (long long)(rec)->offset

#define GIVEN_UP_MAX 40

#define BIT(action) (1u << (action))

/* What is wrong with it by its making leads to one of these actions: those of the configurations
 * under which it was given to a worker. 0 = nothing is wrong, or nobody was given it. */
static unsigned actions_of(const struct sim *sim, const struct sim_record *rec)
{
    if (rec->fate == SIM_TOMBSTONE)
        return sim->plan->tombstones_dlq       ? BIT(KB_ACTION_DLQ)
               : sim->plan->tombstones_skipped ? BIT(KB_ACTION_SKIP)
                                               : 0;
    int failure = sim_fate_failure(rec->fate);
    return failure < 0 ? 0 : rec->actions[failure];
}

bool sim_truth_wants_letter(const struct sim *sim, const struct sim_record *rec)
{
    if (rec->mass_refused && rec->actions[KB_FAILURE_PUBLISH] & BIT(KB_ACTION_DLQ))
        return true;
    return actions_of(sim, rec) & BIT(KB_ACTION_DLQ);
}

bool sim_truth_is_published(const struct sim_record *rec)
{
    for (size_t i = 0; i < rec->n_messages; i++)
        if (rec->messages[i].publications == 0)
            return false;
    return rec->n_messages > 0;
}

static bool each_has_its_fate(const struct sim_record *rec)
{
    for (size_t i = 0; i < rec->n_messages; i++)
        if (rec->messages[i].publications == 0 && rec->messages[i].refusals == 0)
            return false;
    return true;
}

/* Are messages made of it? Not where null values are skipped or dead-lettered. */
static bool becomes_messages(const struct sim *sim, const struct sim_record *rec)
{
    return rec->n_messages > 0 && !(rec->fate == SIM_TOMBSTONE && actions_of(sim, rec));
}

bool sim_truth_final(const struct sim *sim, const struct sim_record *rec)
{
    if (becomes_messages(sim, rec) && !each_has_its_fate(rec))
        return false;
    if (sim_truth_is_published(rec) || rec->letters > 0)
        return true;
    if (rec->mass_refused && rec->actions[KB_FAILURE_PUBLISH] & BIT(KB_ACTION_SKIP))
        return true;
    if (!(actions_of(sim, rec) & BIT(KB_ACTION_SKIP)))
        return false;
    return rec->fate < SIM_OVERSIZE || rec->refusals > 0;
}

/* Bytes that were given to the worker and have no outcome yet: with more than it may hold it must
 * not ask for more. */
void sim_truth_takes(struct sim *sim, struct sim_worker *worker)
{
    /* Half of the ceiling: the rest is for what the client library fetches ahead. */
    size_t held = 0, allowed = (size_t)sim->plan->memory / 2 / (size_t)worker->process->n_workers;
    struct sim_partition *held_parts[16];
    size_t n = sim_source_holds(worker->source, held_parts);
    for (size_t p = 0; p < n; p++) {
        struct sim_partition *part;
        int64_t start, next;
        sim_source_given(worker->source, p, &part, &start, &next);
        size_t i = sim_record_index(part, part->committed > start ? part->committed : start);
        for (; i < part->n_records && part->records[i]->offset < next; i++)
            if (!sim_truth_final(sim, part->records[i]))
                held += part->records[i]->value.len;
    }
    if (held > allowed)
        sim_fail(sim,
            "worker %d takes more although it holds %zu bytes of records, allowed are %zu",
            worker->number, held, allowed);
}

void sim_truth_commit(
    struct sim *sim, struct sim_partition *part, int64_t offset, const struct sim_worker *worker)
{
    size_t i = sim_record_index(part, offset);
    if (sim->sabotage == SIM_COMMIT_AHEAD && i < part->n_records)
        offset = part->records[i]->offset + 1;
    if (sim->sabotage == SIM_COMMIT_PART && i < part->n_records &&
        part->records[i]->messages[0].publications > 0)
        offset = part->records[i]->offset + 1;
    if (sim->sabotage == SIM_COMMIT_BACK && i > 3 && sim_chance(sim, 100))
        offset = part->records[i - 3]->offset;
    sim_trace(sim, "commit %s[%d] %lld by worker %d", part->topic->name, (int)part->number,
        (long long)offset, worker->number);
    if (offset < part->committed && (part->back_to < 0 || offset < part->back_to))
        sim_fail(sim, "%s[%d]: the committed offset went back from %lld to %lld (worker %d)",
            part->topic->name, (int)part->number, (long long)part->committed, (long long)offset,
            worker->number);
    if (offset > part->log_end)
        sim_fail(sim, "%s[%d]: committed %lld, behind the log's end %lld (worker %d)",
            part->topic->name, (int)part->number, (long long)offset, (long long)part->log_end,
            worker->number);
    part->back_to = -1;
    i = sim_record_index(part, part->committed);
    for (; i < part->n_records && part->records[i]->offset < offset; i++) {
        const struct sim_record *rec = part->records[i];
        if (!sim_truth_final(sim, rec))
            sim_fail(sim,
                AT " has no outcome (%s; refused %u times) and was committed past: %lld "
                   "(worker %d)",
                AT_ARG(rec), sim_fate_name(rec->fate), rec->refusals, (long long)offset,
                worker->number);
    }
    part->committed = offset;
}

/* The tag tells records of one offset apart. */
static bool has_id(
    const struct sim *sim, const struct sim_record *rec, struct kb_slice id, size_t index)
{
    const char *cluster = sim->kafka->cluster_id;
    struct kb_record record = {.topic = kb_slice_of(rec->partition->topic->name),
        .partition = rec->partition->number,
        .offset = rec->offset,
        .timestamp = rec->timestamp};
    struct kb_buf made;
    kb_buf_init(&made, 1024);
    kb_message_id(
        &made, &record, (uint32_t)index, cluster ? kb_hash64_stable(kb_slice_of(cluster)) : 0);
    bool same = kb_slice_eq(kb_buf_slice(&made), id);
    kb_buf_deinit(&made);
    return same;
}

/* TOPIC/PARTITION/OFFSET/TAG:0, OFFSET.N for message N. */
static struct sim_record *by_id(struct sim *sim, struct kb_slice id, size_t *index)
{
    char text[300], *slash[3];
    if (id.len >= sizeof(text))
        return NULL;
    memcpy(text, id.ptr, id.len);
    text[id.len] = '\0';
    for (int i = 2; i >= 0; i--) {
        slash[i] = strrchr(text, '/');
        if (!slash[i])
            return NULL;
        *slash[i] = '\0';
    }
    struct sim_partition *part =
        sim_partition_find(sim, kb_slice_of(text), strtoll(slash[0] + 1, NULL, 10));
    bool formed = strlen(slash[2] + 1) == 13 && strcmp(slash[2] + 12, ":0") == 0;
    if (!part || !formed)
        return NULL;
    char *dot;
    int64_t offset = strtoll(slash[1] + 1, &dot, 10);
    *index = *dot == '.' ? strtoul(dot + 1, NULL, 10) : 0;
    for (size_t i = 0; i < part->n_gone; i++)
        if (part->gone[i]->offset == offset && has_id(sim, part->gone[i], id, *index))
            return part->gone[i];
    return sim_record_find(part, offset, -2);
}

/* GENERATION:TOPIC, of a configuration under which the record was given to a worker. */
static void check_name(struct sim *sim, const struct sim_record *rec, struct kb_slice name)
{
    char *rest, text[64];
    snprintf(text, sizeof(text), KB_FMT, KB_ARG(name));
    unsigned long long generation = strtoull(text, &rest, 10);
    if (*rest != ':' || strcmp(rest + 1, rec->partition->topic->name) != 0)
        sim_fail(sim, AT ": name %s", AT_ARG(rec), text);
    else if (!(rec->generations >> generation % 64 & 1))
        sim_fail(sim, AT ": made by the templates of generation %llu, which did not take it",
            AT_ARG(rec), generation);
}

static void check_content(
    struct sim *sim, const struct sim_record *rec, const struct sim_spec *spec)
{
    const char *encoding = rec->partition->topic->json ? "json" : NULL;
    struct kb_slice data = rec->value;
    if (rec->partition->topic->framed && data.ptr)
        data = (struct kb_slice){data.ptr + SIM_FRAMING, data.len - SIM_FRAMING};
    if (!kb_slice_is(spec->channel, spec->message->channel->name))
        sim_fail(sim, AT ": for channel " KB_FMT " instead of %s", AT_ARG(rec),
            KB_ARG(spec->channel), spec->message->channel->name);
    else if (!kb_slice_eq(spec->data, data) || !spec->data.ptr != !rec->value.ptr)
        sim_fail(sim, AT ": the message's data is not the record's value", AT_ARG(rec));
    else if (rec->value.ptr && !kb_slice_eq(spec->encoding, kb_slice_of(encoding)))
        sim_fail(sim, AT ": encoding " KB_FMT, AT_ARG(rec), KB_ARG(spec->encoding));
    else if (spec->name.ptr)
        check_name(sim, rec, spec->name);
}

bool sim_truth_sent(struct sim *sim, struct sim_spec *spec)
{
    bool in_set = spec->record != NULL; /* found already, see sets.h */
    size_t index = in_set ? (size_t)(spec->message - spec->record->messages) : 0;
    struct sim_record *rec = in_set         ? spec->record
                             : spec->id.ptr ? by_id(sim, spec->id, &index)
                                            : NULL;
    if (!rec || (rec->n_messages > 0 && index >= rec->n_messages)) {
        sim_fail(sim, "a message whose id names no record: " KB_FMT, KB_ARG(spec->id));
        return false;
    }
    if (!becomes_messages(sim, rec)) {
        sim_fail(
            sim, AT ": sent to Ably although it has %s", AT_ARG(rec), sim_fate_name(rec->fate));
        return false;
    }
    struct sim_message *msg = &rec->messages[index];
    spec->record = rec;
    spec->message = msg;
    check_content(sim, rec, spec);
    if (in_set)
        return true;
    if (!msg->id)
        msg->id = sim_format(sim, KB_FMT, KB_ARG(spec->id));
    else if (!kb_slice_is(spec->id, msg->id))
        sim_fail(sim, AT ": sent with another id than before: " KB_FMT ", then %s", AT_ARG(rec),
            KB_ARG(spec->id), msg->id);
    return true;
}

/* Of a log that is gone, by a worker that no longer holds the partition: whoever reads the new log
 * does not send it again, so a request that was held up on its way brings it whenever it comes. */
static bool is_left_over(const struct sim_record *rec)
{
    return sim_record_gone(rec) && rec->given != rec->partition->assignments;
}

/* A message that Ably had not seen in its two minutes. */
void sim_truth_published(struct sim *sim, const struct sim_spec *spec)
{
    const struct sim_record *rec = spec->record;
    struct sim_message *msg = spec->message;
    int64_t *newest = &msg->channel->newest[rec->partition->index];
    if (sim->plan->group)
        sim_set_published(sim, spec);
    bool first = msg->publications++ == 0;
    msg->published_ms = sim->now_ms;
    /* A record that was refused for good may come late: after a crash its replay is accepted. */
    bool excused = msg->overtaken || rec->refusals > 0 || is_left_over(rec);
    if (first && sim->plan->ordered && rec->number < *newest && !excused)
        sim_fail(sim, AT ": published out of order: %s already has number %lld", AT_ARG(rec),
            msg->channel->name, (long long)*newest);
    if (rec->number > *newest)
        *newest = rec->number;
}

/* A run of refusals without an acceptance is an outage from some length on. */
void sim_truth_letter(struct sim *sim, struct sim_record *rec, struct sim_worker *worker)
{
    bool good = rec->mass_refused && !actions_of(sim, rec);
    uint64_t bit = UINT64_C(1) << worker->number % 64;
    if (good && !(rec->given_up_by & bit) && ++worker->given_up > GIVEN_UP_MAX)
        sim_fail(sim, AT ": worker %d dead-letters the topic: %d good records, and Ably took none",
            AT_ARG(rec), worker->number, worker->given_up);
    rec->given_up_by |= bit;
    if (!sim_truth_wants_letter(sim, rec))
        sim_fail(sim, AT ": dead-lettered, but what happened to it is not its own fault (%s)",
            AT_ARG(rec), sim_fate_name(rec->fate));
}

/* The record a stopped worker names, NULL = none. */
static struct sim_record *named(struct sim *sim, const char *text)
{
    for (size_t i = 0; i < sim->kafka->n_partitions; i++) {
        struct sim_partition *part = sim->kafka->partitions[i];
        char prefix[64];
        snprintf(prefix, sizeof(prefix), "%s[%d]@", part->topic->name, (int)part->number);
        const char *at = strstr(text, prefix);
        if (at)
            return sim_record_find(part, strtoll(at + strlen(prefix), NULL, 10), -2);
    }
    return NULL;
}

void sim_truth_stopped(
    struct sim *sim, const struct sim_worker *worker, const struct kb_worker_end *end)
{
    struct sim_record *rec = named(sim, end->err.text);
    if (!rec)
        sim_fail(
            sim, "worker %d stopped without naming a record: %s", worker->number, end->err.text);
    else if (!(actions_of(sim, rec) & BIT(KB_ACTION_STOP)))
        sim_fail(sim, AT ": worker %d stopped for it, but it is not its own fault (%s): %s",
            AT_ARG(rec), worker->number, sim_fate_name(rec->fate), end->err.text);
    else if (actions_of(sim, rec) == BIT(KB_ACTION_STOP) && rec->partition->committed > rec->offset)
        sim_fail(sim, AT ": worker %d stopped for it, but %lld is committed", AT_ARG(rec),
            worker->number, (long long)rec->partition->committed);
}

static bool complete(const struct sim *sim, const struct sim_partition *part)
{
    if (part->n_records == 0)
        return true;
    if (part->committed <= part->records[part->n_records - 1]->offset)
        return false;
    for (size_t i = 0; i < part->n_records; i++)
        if (!sim_truth_final(sim, part->records[i]))
            return false;
    return true;
}

/* A record of a log that is gone, without an outcome, though whoever was given it holds its
 * partition still. NULL = there is none. */
static const struct sim_record *owed(const struct sim *sim, const struct sim_partition *part)
{
    for (size_t i = 0; i < part->n_gone; i++)
        if (part->gone[i]->given == part->assignments && !sim_truth_final(sim, part->gone[i]))
            return part->gone[i];
    return NULL;
}

bool sim_truth_complete(const struct sim *sim)
{
    for (size_t i = 0; i < sim->kafka->n_partitions; i++)
        if (!complete(sim, sim->kafka->partitions[i]) || owed(sim, sim->kafka->partitions[i]))
            return false;
    return true;
}

void sim_truth_gone(struct sim *sim)
{
    for (size_t i = 0; i < sim->kafka->n_partitions; i++) {
        const struct sim_record *rec = owed(sim, sim->kafka->partitions[i]);
        if (rec)
            sim_fail(sim, AT ": was taken before its log was cut, and dropped", AT_ARG(rec));
    }
}

static void check_end(struct sim *sim, const struct sim_record *rec)
{
    if (!sim_truth_final(sim, rec))
        sim_fail(sim, AT " has no outcome at the end (%s)", AT_ARG(rec), sim_fate_name(rec->fate));
    else if (actions_of(sim, rec) == BIT(KB_ACTION_DLQ) && rec->letters == 0)
        sim_fail(
            sim, AT " (%s) is not in the dead-letter topic", AT_ARG(rec), sim_fate_name(rec->fate));
    else if (!actions_of(sim, rec) && !sim_truth_is_published(rec) && !rec->mass_refused)
        sim_fail(sim, AT " (%s) was never published", AT_ARG(rec), sim_fate_name(rec->fate));
}

void sim_truth_end(struct sim *sim)
{
    sim_truth_gone(sim);
    for (size_t p = 0; p < sim->kafka->n_partitions; p++) {
        const struct sim_partition *part = sim->kafka->partitions[p];
        if (part->n_records > 0 && part->committed <= part->records[part->n_records - 1]->offset)
            sim_fail(sim, "%s[%d]: stuck: committed %lld of %lld at the end", part->topic->name,
                (int)part->number, (long long)part->committed, (long long)part->log_end);
        for (size_t i = 0; i < part->n_records; i++)
            check_end(sim, part->records[i]);
    }
}
