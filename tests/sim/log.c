/* The simulated logs: topics, partitions, records with a fate. Offsets have gaps, as compaction and
 * the markers of transactions leave them; the log's end may lie behind the last record. */
#include "kafka.h"
#include "plan.h"
#include "registry.h"
#include "world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *sim_fate_name(enum sim_fate fate)
{
    static const char *const names[] = {
#define X(id, name, failure) name,
        SIM_FATES(X)
#undef X
    };
    return names[fate];
}

int sim_fate_failure(enum sim_fate fate)
{
    static const int failures[] = {
#define X(id, name, failure) failure,
        SIM_FATES(X)
#undef X
    };
    return failures[fate];
}

static void add_topic(struct sim *sim, size_t number)
{
    struct sim_kafka *kafka = sim->kafka;
    struct sim_topic *topic = &kafka->topics[number];
    topic->json = number % 2 == 0;
    topic->framed = topic->json && sim->plan->schemas > 0;
    snprintf(topic->name, sizeof(topic->name), "%s", topic->json ? "orders" : "audit.log");
    topic->n_partitions = (size_t)sim_between(sim, 1, 5);
    topic->partitions = sim_alloc(sim, topic->n_partitions * sizeof(*topic->partitions));
    for (size_t i = 0; i < topic->n_partitions; i++) {
        struct sim_partition *part = &topic->partitions[i];
        part->topic = topic;
        part->number = (int32_t)i;
        part->index = kafka->n_partitions;
        part->committed = part->back_to = -1;
        part->log_end = sim_chance(sim, 500) ? 0 : sim_between(sim, 1, 5000000000);
        kafka->partitions[kafka->n_partitions++] = part;
    }
}

void sim_kafka_new(struct sim *sim)
{
    struct sim_kafka *kafka = sim->kafka = sim_alloc(sim, sizeof(*kafka));
    kafka->n_topics = (size_t)sim_between(sim, 1, 2);
    kafka->topics = sim_alloc(sim, kafka->n_topics * sizeof(*kafka->topics));
    kafka->partitions = sim_alloc(sim, 5 * kafka->n_topics * sizeof(struct sim_partition *));
    for (size_t i = 0; i < kafka->n_topics; i++)
        add_topic(sim, i);
    kafka->cluster_id = sim_chance(sim, 800) ? "sim-cluster-1" : NULL;
    kafka->group = sim_group_new(sim, sim->plan->cooperative);
}

static struct sim_channel *channel_named(struct sim *sim, const char *name, bool refused)
{
    for (struct sim_channel *ch = sim->kafka->channels; ch; ch = ch->next)
        if (strcmp(ch->name, name) == 0)
            return ch;
    struct sim_channel *ch = sim_alloc(sim, sizeof(*ch));
    ch->name = sim_format(sim, "%s", name);
    ch->index = sim->kafka->n_channels++;
    ch->refused = refused;
    ch->newest = sim_alloc(sim, sim->kafka->n_partitions * sizeof(*ch->newest));
    for (size_t i = 0; i < sim->kafka->n_partitions; i++)
        ch->newest[i] = -1;
    ch->next = sim->kafka->channels;
    sim->kafka->channels = ch;
    return ch;
}

/* The part of a channel's name that the record gives: text that stays itself inside JSON. */
static const char *user_of(struct sim *sim, enum sim_fate fate)
{
    if (fate == SIM_BAD_CHANNEL)
        return "a\\nb";
    /* Few refused channels and few users make hot channels; some users make many lanes. */
    return sim_format(sim, "%s%d", fate == SIM_REFUSED ? "secret" : "u",
        (int)sim_between(sim, 1, fate == SIM_REFUSED ? 3 : sim->plan->channels));
}

static struct kb_slice padding(struct sim *sim, enum sim_fate fate)
{
    size_t len = (size_t)(fate == SIM_TOO_LARGE ? sim->plan->max_message_size + 1
                                                : sim_skewed(sim, 0, sim->plan->padding));
    char *pad = sim_alloc(sim, len + 1);
    memset(pad, 'x', len);
    return (struct kb_slice){pad, len};
}

/* orders: the value names the user; audit.log: the key does. A template takes no newline from
 * JSON's \n only where it is decoded, so the text topic's bad channel is a real newline. */
static void fill_value(struct sim *sim, struct sim_record *rec, const char *user)
{
    struct kb_slice pad = padding(sim, rec->fate);
    long long n = sim_plan_cuts_groups(sim->plan) ? rec->number : rec->offset;
    const char *text = "";
    if (!rec->partition->topic->json)
        text = sim_format(sim, "line %lld \"quoted\" \\ %s", n, pad.ptr);
    else if (rec->fate == SIM_BAD_JSON)
        text = sim_format(sim, "{\"user\":\"%s\",\"n\":%lld", user, n);
    else if (rec->fate == SIM_UNMAPPABLE)
        text = sim_format(sim, "{\"n\":%lld}", n);
    else
        text = sim_format(sim, "{\"n\": %lld, \"user\":\"%s\",\"pad\":\"%s\"}", n, user, pad.ptr);
    rec->value = kb_slice_of(text);
}

/* Magic 0 and a schema's id before it. */
static void frame(struct sim *sim, struct sim_record *rec)
{
    uint32_t id = rec->fate == SIM_NO_SCHEMA ? SIM_UNKNOWN_SCHEMA + (uint32_t)sim_between(sim, 0, 3)
                                             : (uint32_t)sim_between(sim, 1, sim->plan->schemas);
    char *framed = sim_alloc(sim, rec->value.len + SIM_FRAMING);
    const unsigned char bytes[SIM_FRAMING] = {0, (unsigned char)(id >> 24),
        (unsigned char)(id >> 16), (unsigned char)(id >> 8), (unsigned char)id};
    memcpy(framed, bytes, SIM_FRAMING);
    memcpy(framed + SIM_FRAMING, rec->value.ptr, rec->value.len);
    rec->value = (struct kb_slice){framed, rec->value.len + SIM_FRAMING};
}

static void add_message(
    struct sim *sim, struct sim_record *rec, const char *prefix, const char *user, bool refused)
{
    rec->messages[rec->n_messages++].channel =
        channel_named(sim, sim_format(sim, "%s%s", prefix, user), refused);
}

/* What the configuration makes of it; only the record's own channel refuses. */
static void plan_messages(struct sim *sim, struct sim_record *rec, const char *user)
{
    const char *own = sim_format(sim, "%s:", rec->partition->topic->name);
    add_message(sim, rec, own, user, rec->fate == SIM_REFUSED);
    if (sim->plan->fan_out != SIM_FAN_OUT_NONE)
        add_message(sim, rec, "copy:", user, false);
    if (sim->plan->fan_out == SIM_FAN_OUT_TRANSFORM)
        add_message(sim, rec, "all", "", false);
}

static void fill_record(struct sim *sim, struct sim_record *rec)
{
    const struct sim_topic *topic = rec->partition->topic;
    const char *user = user_of(sim, rec->fate);
    fill_value(sim, rec, user);
    if (topic->framed)
        frame(sim, rec);
    if (topic->json) {
        rec->key = sim_chance(sim, 500) ? kb_slice_of(user) : (struct kb_slice){NULL, 0};
    } else if (rec->fate == SIM_BAD_CHANNEL) {
        rec->key = KB_S("a\nb");
    } else if (rec->fate != SIM_UNMAPPABLE) {
        rec->key = kb_slice_of(user);
    }
    if (rec->fate == SIM_TOMBSTONE)
        rec->value = (struct kb_slice){NULL, 0};
    if (rec->fate == SIM_GOOD || rec->fate == SIM_TOMBSTONE || rec->fate >= SIM_OVERSIZE)
        plan_messages(sim, rec, user);
    if (sim_chance(sim, 200)) {
        rec->headers[rec->n_headers++] = (struct kb_header){KB_S("trace"), KB_S("\x01\xff")};
        rec->headers[rec->n_headers++] = (struct kb_header){KB_S("none"), {NULL, 0}};
    }
}

/* What can't be in a topic of that kind becomes a good record: bad JSON in a text topic; a null
 * value where the value names the channel. */
static enum sim_fate possible(const struct sim_topic *topic, enum sim_fate fate)
{
    if ((fate == SIM_BAD_JSON && !topic->json) || (fate == SIM_NO_SCHEMA && !topic->framed) ||
        (fate == SIM_TOMBSTONE && topic->json))
        return SIM_GOOD;
    return fate;
}

void sim_log_append(struct sim *sim, struct sim_partition *part, enum sim_fate fate)
{
    if (part->n_records == part->cap_records) {
        size_t cap = part->cap_records ? 2 * part->cap_records : 64;
        struct sim_record **grown = sim_alloc(sim, cap * sizeof(struct sim_record *));
        if (part->n_records)
            memcpy(grown, part->records, part->n_records * sizeof(struct sim_record *));
        part->records = grown;
        part->cap_records = cap;
    }
    struct sim_record *rec = sim_alloc(sim, sizeof(*rec));
    rec->partition = part;
    rec->fate = possible(part->topic, fate);
    rec->offset = part->log_end + (sim_chance(sim, 100) ? sim_between(sim, 1, 50) : 0);
    /* Where offsets are used again, only its time tells a record from its predecessor. */
    bool timed = sim->plan->fault[SIM_FAULT_LOG_CUTS] || sim_chance(sim, 950);
    rec->timestamp = timed ? 1700000000000 + sim->now_ms + (int64_t)part->log : -1;
    rec->number = part->n_ever++;
    fill_record(sim, rec);
    part->records[part->n_records++] = rec;
    part->log_end = rec->offset + 1 + (sim_chance(sim, 50) ? 1 : 0);
    sim->kafka->n_records++;
    sim_trace(sim, "append %s[%d]@%lld %s", part->topic->name, (int)part->number,
        (long long)rec->offset, sim_fate_name(rec->fate));
    sim_world_appended(sim, part);
}

struct sim_partition *sim_partition_find(struct sim *sim, struct kb_slice topic, int64_t number)
{
    for (size_t i = 0; i < sim->kafka->n_partitions; i++) {
        struct sim_partition *part = sim->kafka->partitions[i];
        if (part->number == number && kb_slice_is(topic, part->topic->name))
            return part;
    }
    return NULL;
}

size_t sim_record_index(const struct sim_partition *part, int64_t offset)
{
    size_t low = 0, high = part->n_records;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (part->records[middle]->offset < offset)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct sim_record *sim_record_find(struct sim_partition *part, int64_t offset, int64_t timestamp)
{
    size_t i = sim_record_index(part, offset);
    struct sim_record *rec = i < part->n_records ? part->records[i] : NULL;
    if (rec && rec->offset == offset && (timestamp == -2 || rec->timestamp == timestamp))
        return rec;
    for (i = 0; i < part->n_gone; i++)
        if (part->gone[i]->offset == offset && part->gone[i]->timestamp == timestamp)
            return part->gone[i];
    return NULL;
}

bool sim_record_gone(const struct sim_record *rec)
{
    const struct sim_partition *part = rec->partition;
    for (size_t i = 0; i < part->n_gone; i++)
        if (part->gone[i] == rec)
            return true;
    return false;
}

/* Only the first `keep` records stay. */
static void cut(struct sim *sim, struct sim_partition *part, size_t keep)
{
    size_t n = part->n_records - keep;
    struct sim_record **gone = sim_alloc(sim, (part->n_gone + n + 1) * sizeof(*gone));
    if (part->n_gone)
        memcpy(gone, part->gone, part->n_gone * sizeof(struct sim_record *));
    if (n)
        memcpy(gone + part->n_gone, part->records + keep, n * sizeof(struct sim_record *));
    part->gone = gone;
    part->n_gone += n;
    part->n_records = keep;
    part->log++;
}

/* Kafka forgets what a group has committed to a topic that is deleted. */
void sim_topic_made_again(struct sim *sim, struct sim_topic *topic)
{
    sim_trace(sim, "%s is deleted and made again", topic->name);
    for (size_t i = 0; i < topic->n_partitions; i++) {
        struct sim_partition *part = &topic->partitions[i];
        cut(sim, part, 0);
        part->log_end = 0;
        part->committed = part->back_to = -1;
        sim_world_cut(sim, part, 0);
    }
}

/* A broker that lacked the end is the leader. Where it lacked nothing, the members are only told
 * so: a source in doubt. */
void sim_log_cut_back(struct sim *sim, struct sim_partition *part)
{
    size_t low = sim_record_index(part, part->committed), n = part->n_records;
    size_t keep = (size_t)sim_between(sim, (int64_t)low, (int64_t)n);
    int64_t end = keep < n ? part->records[keep]->offset : -1;
    sim_trace(sim, "%s[%d] is cut back from %lld to %lld", part->topic->name, (int)part->number,
        (long long)part->log_end, (long long)end);
    cut(sim, part, keep);
    if (end >= 0)
        part->log_end = end;
    part->reread = true;
    sim_world_cut(sim, part, end);
}
