/* The partitions this worker has been assigned: their offsets window, why they are paused, how they
 * end.
 *
 *     struct kb_assignment *part = kb_assignments_add(&table, "orders", 3, rules);
 *     if (!part) ...                                  // no memory
 *     part->slot                                      // the source stamps it on each record
 *     kb_assignments_find(&table, slot, generation)   // NULL: a late answer, that one is over
 *     kb_assignments_remove(&table, part);
 *
 * A generation numbers one log of one assignment of a partition; it is never used again, so an
 * answer or a commit of an older one is recognised wherever it comes from. An assignment whose log
 * is cut back or made anew has a further generation: what was taken from the old log is never read
 * again, so it still meets its outcome under this assignment's policy, but its offset counts no
 * more. Thread: the worker's. */
#ifndef KB_PIPELINE_ASSIGNMENTS_H
#define KB_PIPELINE_ASSIGNMENTS_H

#include "kafka/offsets.h"
#include "route/rules.h"

enum kb_assignment_state {
    KB_ASSIGNMENT_FREE,
    KB_ASSIGNMENT_ACTIVE,
    KB_ASSIGNMENT_REVOKING, /* nothing new; what is in flight may end and be committed */
    KB_ASSIGNMENT_STOPPED   /* a stop policy was met; from stop_at on nothing is committed */
};

/* Why a partition is not read now; it is read again when no reason is left. X(id, bit, name) */
#define KB_PAUSE_REASONS(X)                                                                      \
    X(MEMORY, 0, "memory")           /* the worker holds as much as limits.memory allows */      \
    X(WINDOW, 1, "window")           /* an early record is open, too many later ones are done */ \
    X(DEAD_LETTER, 2, "dead_letter") /* its dead letters are not taken */                        \
    X(UNROUTED, 3, "unrouted")       /* no topic block takes it */                               \
    X(ENDING, 4, "ending")           /* the worker drains, or its stop policy was met */         \
    X(SCHEMA, 5, "schema")           /* a record waits for its schema, or too many do */         \
    X(RELOAD, 6, "reload")           /* other topics are to be asked for, see topics.c */

enum kb_pause_reason {
#define X(id, bit, name) KB_PAUSE_##id = 1 << bit,
    KB_PAUSE_REASONS(X)
#undef X
};
#define KB_PAUSE_REASON_COUNT 7

const char *kb_pause_reason_name(enum kb_pause_reason reason);

struct kb_assignment {
    enum kb_assignment_state state;
    uint32_t slot, generation, first_generation;
    char *topic;
    int32_t id;
    const struct kb_rules *rules; /* NULL = no topic block takes it */
    struct kb_offsets offsets;
    size_t open;              /* records without an outcome */
    size_t letters_failing;   /* dead letters that were refused at least once */
    bool framed;              /* a record of its topic has waited for a schema */
    size_t waiting;           /* records that wait for a schema, or behind one that does */
    uint64_t stalled;         /* the walk through those in which one waited on */
    int64_t committed;        /* as Kafka acknowledged in this generation, -1 = nothing */
    int64_t stop_at;          /* STOPPED: the record whose policy was met */
    unsigned reasons, paused; /* wanted, and what the source was told */
};

struct kb_assignments {
    struct kb_assignment *slots;
    size_t n, active; /* slots allocated; slots not free */
    uint32_t last_generation;
};

void kb_assignments_init(struct kb_assignments *table);
void kb_assignments_deinit(struct kb_assignments *table);
/* The pointer is valid until the next add. */
struct kb_assignment *kb_assignments_add(
    struct kb_assignments *table, const char *topic, int32_t id, const struct kb_rules *rules);
void kb_assignments_remove(struct kb_assignments *table, struct kb_assignment *part);
/* Its offsets begin anew at `offset`. */
void kb_assignments_new_log(
    struct kb_assignments *table, struct kb_assignment *part, int64_t offset);

static inline struct kb_assignment *kb_assignments_find(
    struct kb_assignments *table, uint32_t slot, uint32_t generation)
{
    if (slot >= table->n || table->slots[slot].state == KB_ASSIGNMENT_FREE ||
        generation < table->slots[slot].first_generation ||
        generation > table->slots[slot].generation)
        return NULL;
    return &table->slots[slot];
}

/* The current holder of a slot, NULL = none. */
static inline struct kb_assignment *kb_assignments_at(struct kb_assignments *table, uint32_t slot)
{
    return slot < table->n && table->slots[slot].state != KB_ASSIGNMENT_FREE ? &table->slots[slot]
                                                                             : NULL;
}

#endif
