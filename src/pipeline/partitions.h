/* The partitions this worker has been assigned: their offsets window, why they are paused, how they
 * end.
 *
 *     struct kb_partition *part = kb_partitions_add(&table, "orders", 3, rules);   // NULL = no
 * memory part->slot                                     // stamped on every record of it by the
 * source kb_partitions_find(&table, slot, generation)   // NULL: that assignment is over, a late
 * answer kb_partitions_remove(&table, part);
 *
 * A generation numbers one assignment of one partition; it is never used again, so an answer or a
 * commit of an older one is recognised wherever it comes from. Thread: the worker's. */
#ifndef KB_PIPELINE_PARTITIONS_H
#define KB_PIPELINE_PARTITIONS_H

#include "kafka/offsets.h"
#include "route/rules.h"

enum kb_partition_state {
    KB_PARTITION_FREE,
    KB_PARTITION_ACTIVE,
    KB_PARTITION_REVOKING, /* nothing new; what is in flight may end and be committed */
    KB_PARTITION_STOPPED /* a stop policy was met at stop_at; nothing of it or after it is committed
                          */
};

/* Why a partition is not read now; it is read again when no reason is left. */
enum kb_pause_reason {
    KB_PAUSE_MEMORY = 1,      /* the worker holds as much as limits.memory allows */
    KB_PAUSE_WINDOW = 2,      /* an early record is open and too many later ones were taken */
    KB_PAUSE_DEAD_LETTER = 4, /* its dead letters are not taken */
    KB_PAUSE_UNROUTED = 8,    /* no topic block takes it */
    KB_PAUSE_ENDING = 16      /* the worker drains, or this partition met its stop policy */
};

struct kb_partition {
    enum kb_partition_state state;
    uint32_t slot, generation;
    char *topic;
    int32_t id;
    const struct kb_rules *rules; /* NULL = no topic block takes it */
    struct kb_offsets offsets;
    size_t open;              /* records without an outcome */
    size_t letters_failing;   /* dead letters that were refused at least once */
    int64_t committed;        /* as Kafka acknowledged in this assignment, -1 = nothing */
    int64_t stop_at;          /* STOPPED: the record whose policy was met */
    unsigned reasons, paused; /* wanted, and what the source was told */
};

struct kb_partitions {
    struct kb_partition *slots;
    size_t n, active; /* slots allocated; slots not free */
    uint32_t last_generation;
};

void kb_partitions_init(struct kb_partitions *table);
void kb_partitions_deinit(struct kb_partitions *table);
/* The pointer is valid until the next add. */
struct kb_partition *kb_partitions_add(
    struct kb_partitions *table, const char *topic, int32_t id, const struct kb_rules *rules);
void kb_partitions_remove(struct kb_partitions *table, struct kb_partition *part);

static inline struct kb_partition *kb_partitions_find(
    struct kb_partitions *table, uint32_t slot, uint32_t generation)
{
    if (slot >= table->n || table->slots[slot].generation != generation ||
        table->slots[slot].state == KB_PARTITION_FREE)
        return NULL;
    return &table->slots[slot];
}

/* The current holder of a slot, NULL = none. */
static inline struct kb_partition *kb_partitions_at(struct kb_partitions *table, uint32_t slot)
{
    return slot < table->n && table->slots[slot].state != KB_PARTITION_FREE ? &table->slots[slot]
                                                                            : NULL;
}

#endif
