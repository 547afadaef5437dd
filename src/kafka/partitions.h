/* The partitions of a consumer's assignment, by the slot the worker numbered them with, by name,
 * and by the message librdkafka hands out.
 *
 *     kb_partitions_add(&parts, "orders", 3, slot);
 *     struct kb_partition *part = kb_partitions_of(&parts, message);     // NULL: not assigned
 *     kb_partitions_remove(&parts, part);
 *
 * Per message there is no search: runs of one partition hit the last answer, others a small hash
 * table of (topic object, partition). Pointers to partitions stay good until the next add. Thread:
 * the worker's. */
#ifndef KB_KAFKA_PARTITIONS_H
#define KB_KAFKA_PARTITIONS_H

#include "base/clock.h"
#include "record/source.h"

#include <librdkafka/rdkafka.h>

/* What tells a record of a partition from any other, whatever log it is in: message ids are made of
 * the same. */
struct kb_record_place {
    int64_t offset, timestamp; /* offset -1 = none */
};

#define KB_SEEKS_MAX 4 /* that may be on their way at once */

struct kb_partition {
    struct kb_partition_id id;
    const rd_kafka_topic_t *rkt; /* librdkafka's object, once a message showed it */
    struct kb_slice topic; /* its name there: lives as long as a message of the topic is held */
    bool assigned;
    bool paused;  /* by us: resuming what was never paused would rewind it */
    bool leaving; /* its revocation waits for the worker: records still coming are dropped */
    bool early;   /* paused before its first record came */
    bool sought;  /* to sought_to, and nothing from there on has come since */
    int64_t sought_to;
    struct kb_record_place last; /* that came */
    /* The first that came of the assignment (of one paused early), and behind each of the latest
     * seeks; and when. */
    struct kb_begun {
        struct kb_record_place place;
        int64_t at_ms;
    } begun[1 + KB_SEEKS_MAX];
    unsigned n_seeks; /* the next goes to begun[1 + n_seeks % KB_SEEKS_MAX] */
};

struct kb_partitions {
    struct kb_partition *slots; /* by slot number, `assigned` says which are in use */
    size_t n_slots, n_assigned;
    uint32_t *table; /* slot + 1, 0 = free; found by (rkt, partition), open addressing */
    size_t table_size;
    struct kb_partition *last;
};

void kb_partitions_init(struct kb_partitions *parts);
void kb_partitions_deinit(struct kb_partitions *parts);
bool kb_partitions_add(struct kb_partitions *parts, const char *topic, int32_t partition,
    uint32_t slot) KB_MUST_CHECK; /* false = no memory */
void kb_partitions_remove(struct kb_partitions *parts, struct kb_partition *part);

/* NULL where that is not assigned. */
struct kb_partition *kb_partitions_by_slot(struct kb_partitions *parts, uint32_t slot);
struct kb_partition *kb_partitions_by_name(
    struct kb_partitions *parts, const char *topic, int32_t partition);
struct kb_partition *kb_partitions_find(
    struct kb_partitions *parts, const rd_kafka_topic_t *rkt, int32_t partition);

/* Notes the next record of a partition; true where another log begins with it. Asks for the time
 * only where offsets step back or a seek was asked for. */
bool kb_partition_came(
    struct kb_partition *part, struct kb_record_place place, struct kb_clock *clock);
/* Notes that reading was paused. */
void kb_partition_paused(struct kb_partition *part);
/* Notes that reading was told to go on at `next`, behind the last record that was taken. */
void kb_partition_sought(struct kb_partition *part, int64_t next);

static inline struct kb_partition *kb_partitions_of(
    struct kb_partitions *parts, const rd_kafka_message_t *message)
{
    struct kb_partition *last = parts->last;
    if (KB_LIKELY(last && last->rkt == message->rkt && last->id.partition == message->partition))
        return last;
    return kb_partitions_find(parts, message->rkt, message->partition);
}

#endif
