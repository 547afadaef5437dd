/* The table of assigned partitions. It changes at rebalances only; then the hash table is emptied
 * and fills up again from the messages that come, because librdkafka's topic objects are known from
 * those alone. Owned by one consumer, used on its worker's thread. */
#include "kafka/partitions.h"

#include "base/hash.h"

#include <stdint.h>

enum { SLOTS_MAX = 1 << 20 };

void kb_partitions_init(struct kb_partitions *parts)
{
    *parts = (struct kb_partitions){.last = NULL};
}

void kb_partitions_deinit(struct kb_partitions *parts)
{
    free(parts->slots);
    free(parts->table);
    kb_partitions_init(parts);
}

/* Nothing that is remembered of topic objects may outlive a change of the assignment: a freed
 * object's address may come back for another topic. */
static void forget(struct kb_partitions *parts)
{
    parts->last = NULL;
    if (parts->table)
        memset(parts->table, 0, parts->table_size * sizeof(*parts->table));
    for (size_t i = 0; i < parts->n_slots; i++)
        parts->slots[i].rkt = NULL;
}

static bool room_for_slot(struct kb_partitions *parts, uint32_t slot)
{
    if (slot < parts->n_slots)
        return true;
    size_t n = (size_t)slot + 16;
    struct kb_partition *slots = realloc(parts->slots, n * sizeof(*slots));
    if (!slots)
        return false;
    memset(slots + parts->n_slots, 0, (n - parts->n_slots) * sizeof(*slots));
    parts->slots = slots;
    parts->n_slots = n;
    return true;
}

/* The table stays at most half full. */
static bool room_in_table(struct kb_partitions *parts)
{
    size_t size = parts->table_size ? parts->table_size : 16;
    while (size < 2 * (parts->n_assigned + 1))
        size *= 2;
    if (size == parts->table_size)
        return true;
    uint32_t *table = calloc(size, sizeof(*table));
    if (!table)
        return false;
    free(parts->table);
    parts->table = table;
    parts->table_size = size;
    return true;
}

static void forget_begun(struct kb_partition *part)
{
    for (size_t i = 0; i < KB_COUNT(part->begun); i++)
        part->begun[i].place.offset = -1;
}

bool kb_partitions_add(
    struct kb_partitions *parts, const char *topic, int32_t partition, uint32_t slot)
{
    KB_BUG_ON(slot >= SLOTS_MAX);
    forget(parts);
    if (!room_for_slot(parts, slot) || !room_in_table(parts))
        return false;
    struct kb_partition *part = &parts->slots[slot];
    KB_BUG_ON(part->assigned);
    *part = (struct kb_partition){
        .assigned = true, .id = {.partition = partition, .slot = slot}, .last = {.offset = -1}};
    forget_begun(part);
    snprintf(part->id.topic, sizeof(part->id.topic), "%s", topic);
    parts->n_assigned++;
    return true;
}

void kb_partitions_remove(struct kb_partitions *parts, struct kb_partition *part)
{
    part->assigned = false;
    parts->n_assigned--;
    forget(parts);
}

struct kb_partition *kb_partitions_by_slot(struct kb_partitions *parts, uint32_t slot)
{
    return slot < parts->n_slots && parts->slots[slot].assigned ? &parts->slots[slot] : NULL;
}

struct kb_partition *kb_partitions_by_name(
    struct kb_partitions *parts, const char *topic, int32_t partition)
{
    for (size_t i = 0; i < parts->n_slots; i++) {
        struct kb_partition *part = &parts->slots[i];
        if (part->assigned && part->id.partition == partition && strcmp(part->id.topic, topic) == 0)
            return part;
    }
    return NULL;
}

struct kb_partition *kb_partitions_find(
    struct kb_partitions *parts, const rd_kafka_topic_t *rkt, int32_t partition)
{
    if (parts->n_assigned == 0)
        return NULL;
    const size_t mask = parts->table_size - 1;
    const size_t start =
        kb_mix64((uint64_t)(uintptr_t)rkt ^ (uint64_t)(uint32_t)partition << 48) & mask;
    size_t at = start;
    for (; parts->table[at]; at = (at + 1) & mask) {
        struct kb_partition *part = &parts->slots[parts->table[at] - 1];
        if (part->rkt == rkt && part->id.partition == partition)
            return parts->last = part;
    }
    const char *topic = rd_kafka_topic_name(rkt);
    struct kb_partition *part = kb_partitions_by_name(parts, topic, partition);
    if (!part)
        return NULL;
    if (part->rkt) { /* the topic has a new object: one entry a partition, or the table would fill
                        up */
        forget(parts);
        at = start;
    }
    part->rkt = rkt;
    part->topic = kb_slice_of(topic);
    parts->table[at] = part->id.slot + 1;
    return parts->last = part;
}

static bool same(struct kb_record_place a, struct kb_record_place b)
{
    return a.offset == b.offset && a.timestamp == b.timestamp;
}

/* ---- steps back ---- */

/* librdkafka's own thread carries out a seek, and tells where to begin, in milliseconds where it is
 * not starved. */
#define BEGUN_MS 60000

static bool has_begun(const struct kb_partition *part, struct kb_record_place place, int64_t now_ms)
{
    for (size_t i = 0; i < KB_COUNT(part->begun); i++)
        if (same(place, part->begun[i].place) && now_ms - part->begun[i].at_ms <= BEGUN_MS)
            return true;
    return false;
}

/* A step back is a repeat only if it leads to a record that librdkafka has reason to hand out
 * again: the last one (its own pause fell between taking it off the queue and noting that), or the
 * first one from a seek's place on (which was carried out only after some records had come; what
 * lies before that place are repeats themselves), be other seeks asked for since; or the first of
 * the assignment, where that was paused before it came (at each resume it asks the broker once more
 * where to begin, and may be told late). From there on offsets rise again. Every other step
 * back is a broker's word: it has the offset no more (OFFSET_OUT_OF_RANGE), and reading goes on
 * where auto.offset.reset says, in a log that was cut back or made anew.
 *
 * What no client can see: a new log that has grown past the position before it is read again. The
 * broker then hands out its records from there, as if nothing had been. */
bool kb_partition_came(
    struct kb_partition *part, struct kb_record_place place, struct kb_clock *clock)
{
    bool back = place.offset <= part->last.offset, first = part->last.offset < 0;
    if (KB_LIKELY(!back && !first && !part->sought)) {
        part->last = place;
        return false;
    }
    const struct kb_begun begun = {place, clock->now_ms(clock)};
    bool new_log = back && !same(place, part->last) && !has_begun(part, place, begun.at_ms);
    part->last = place;
    if (new_log)
        forget_begun(part);
    if (first && part->early)
        part->begun[0] = begun;
    if (part->sought && (new_log || place.offset >= part->sought_to)) {
        part->begun[1 + part->n_seeks++ % KB_SEEKS_MAX] = begun;
        part->sought = false;
    }
    return new_log;
}

void kb_partition_paused(struct kb_partition *part)
{
    part->paused = true;
    part->early = part->early || part->last.offset < 0;
}

void kb_partition_sought(struct kb_partition *part, int64_t next)
{
    part->sought = true;
    part->sought_to = next;
}
