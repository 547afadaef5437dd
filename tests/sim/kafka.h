/* The simulated Kafka: topics whose partitions hold records with gaps between their offsets, a
 * group coordinator with generations and committed offsets, and for each worker a member of that
 * group behind the door of record/source.h.
 *
 * It knows what a record is meant to come to (its fate) and what has come of it (the truth that
 * ably.c and letters.c write), so each commit can be judged at the moment the coordinator takes it.
 *
 *     sim_kafka_new(sim);
 *     struct kb_source *src = sim_source_new(sim, worker);
 *     ...
 *     sim_source_crash(src);      // gone without a goodbye; the group learns it later */
#ifndef SIM_KAFKA_H
#define SIM_KAFKA_H

#include "record/source.h"
#include "sim.h"

/* What a record is, and so what must come of it. */
#define SIM_FATES(X)                                             \
    X(GOOD, "good", -1)                                          \
    X(TOMBSTONE, "null value", -1)                               \
    X(BAD_JSON, "bad JSON", KB_FAILURE_DECODE)                   \
    X(NO_SCHEMA, "unknown schema", KB_FAILURE_DECODE)            \
    X(UNMAPPABLE, "no channel", KB_FAILURE_MAPPING)              \
    X(TOO_LARGE, "too large", KB_FAILURE_MESSAGE)                \
    X(BAD_CHANNEL, "bad channel", KB_FAILURE_MESSAGE)            \
    X(OVERSIZE, "too large for the account", KB_FAILURE_MESSAGE) \
    X(BREAKS, "breaks its request", KB_FAILURE_PUBLISH)          \
    X(REFUSED, "refused channel", KB_FAILURE_PUBLISH)

enum sim_fate {
#define X(id, name, failure) SIM_##id,
    SIM_FATES(X)
#undef X
        SIM_FATE_COUNT
};

struct sim_channel {
    char *name;
    size_t index;
    bool refused;    /* Ably never takes a message for it */
    int64_t *newest; /* by partition: the highest number published, -1 = none */
    struct sim_channel *next;
};

#define SIM_MESSAGES_MAX 3

/* One of the messages that a record becomes, and the truth about it. */
struct sim_message {
    struct sim_channel *channel;
    char *id;                 /* as first seen */
    unsigned publications;    /* unique ones: repeats that Ably dropped don't count */
    int64_t published_ms;     /* the latest of them */
    unsigned refusals;        /* times Ably refused it for good */
    bool overtaken;           /* Ably refused it for now and took a later one of the same request */
    int told_worker;          /* the worker that was told its fate, from 1... */
    uint64_t told_assignment; /* ...in which assignment of the partition... */
    bool told_refused;        /* ...and that it is refused, not published */
    /* Of worlds with groups: the key under which it went without a word of what came of it, by
     * which worker in which assignment; who had it published; a refusal took such a set apart. */
    uint64_t doubt_key, doubt_assignment, published_assignment;
    int doubt_worker, published_worker;
    bool forgiven;
};

struct sim_record {
    struct sim_partition *partition;
    int64_t offset, timestamp;
    int64_t number; /* in its partition's history, whatever became of the log */
    struct kb_slice key, value;
    struct kb_header headers[2];
    size_t n_headers;
    enum sim_fate fate;
    struct sim_message messages[SIM_MESSAGES_MAX];
    size_t n_messages; /* 0 = none can be made of it */
    /* The configurations of workers when they were given it: a bit for each generation, and of
     * each class of failure a bit for each action. */
    uint64_t generations;
    unsigned actions[KB_FAILURE_COUNT];
    uint64_t
        given; /* the last assignment of its partition in which a worker was given it, from 1 */
    /* The truth. */
    unsigned refusals;    /* of its messages, together */
    unsigned letters;     /* times it stands in the dead-letter topic */
    bool mass_refused;    /* refused while Ably refused everything */
    uint64_t given_up_by; /* a bit for each worker that dead-lettered it though it is good */
};

struct sim_partition {
    struct sim_topic *topic;
    int32_t number;
    size_t index; /* over all topics */
    struct sim_record **records;
    size_t n_records, cap_records;
    int64_t log_end, committed; /* committed: -1 = never */
    uint64_t assignments;       /* how often it was taken up */
    /* Logs that were cut: which one this is, what only earlier ones held, whether records are read
     * twice for it, and where the first commit of whoever was told may lead back to (-1 = nowhere).
     */
    uint64_t log;
    struct sim_record **gone;
    size_t n_gone;
    bool reread;
    int64_t back_to, n_ever;
};

#define SIM_FRAMING 5

struct sim_topic {
    char name[32];
    bool json;   /* else text */
    bool framed; /* each value with five bytes of a registry's framing */
    size_t n_partitions;
    struct sim_partition *partitions;
};

struct sim_kafka {
    struct sim_topic *topics;
    size_t n_topics, n_partitions;
    struct sim_partition **partitions; /* all of them, by index */
    struct sim_channel *channels;
    size_t n_channels;
    struct sim_group *group;
    const char *cluster_id; /* NULL = the brokers give none */
    int64_t down_until_ms;  /* the brokers don't answer */
    uint64_t n_records, n_taken;
};

struct sim_worker;

/* log.c: topics and records */
void sim_kafka_new(struct sim *sim);
void sim_log_append(struct sim *sim, struct sim_partition *part, enum sim_fate fate);
struct sim_partition *sim_partition_find(struct sim *sim, struct kb_slice topic, int64_t number);
/* The record of the log as it is; -2 as timestamp = any. Else one of a log that is gone. */
struct sim_record *sim_record_find(struct sim_partition *part, int64_t offset, int64_t timestamp);
bool sim_record_gone(const struct sim_record *rec); /* its log is cut off before it */
void sim_topic_made_again(struct sim *sim, struct sim_topic *topic);
void sim_log_cut_back(
    struct sim *sim, struct sim_partition *part); /* not below what is committed */
size_t sim_record_index(const struct sim_partition *part, int64_t offset); /* first at or behind */
const char *sim_fate_name(enum sim_fate fate);
int sim_fate_failure(enum sim_fate fate); /* a kb_failure, -1 = none */

/* group.c: the coordinator */
struct sim_stamp { /* who commits: a member of one incarnation, in one generation */
    struct sim_member *member;
    uint64_t incarnation;
    int generation;
};
struct sim_group *sim_group_new(struct sim *sim, bool cooperative);
struct sim_member *sim_member_new(struct sim *sim, struct kb_source *src);
void sim_group_join(struct sim *sim, struct sim_member *member);       /* it holds nothing */
void sim_group_join_again(struct sim *sim, struct sim_member *member); /* it stays a member */
void sim_group_leave(struct sim *sim, struct sim_member *member);
/* The coordinator gives it up; it learns that so much later, and never if it is gone. */
void sim_group_expire(struct sim *sim, struct sim_member *member, int64_t learns_ms);
void sim_member_gone(struct sim_member *member); /* crashed: the coordinator doesn't know yet */
void sim_group_revoked(struct sim *sim, struct sim_member *member);  /* it answered */
void sim_group_assigned(struct sim *sim, struct sim_member *member); /* it answered */
struct sim_stamp sim_member_stamp(struct sim_member *member);
bool sim_group_accepts(const struct sim *sim, const struct sim_stamp *stamp);
bool sim_group_stable(const struct sim *sim);

/* source.c: a member as its worker sees it */
struct kb_source *sim_source_new(struct sim *sim, struct sim_worker *worker);
void sim_source_crash(struct kb_source *src);
bool sim_source_closed(const struct kb_source *src);
bool sim_source_left_uncommitted(const struct kb_source *src); /* at its close */
struct sim_member *sim_source_member(struct kb_source *src);
/* Does its worker keep the group happy? It polls, and answers a rebalance in bounded time. */
void sim_source_check(struct sim *sim, const struct kb_source *src);
void sim_source_break(struct kb_source *src); /* an error that ends it for good */
/* For group.c: an event for the worker; `parts` are what is given or taken away. */
void sim_source_rebalance(struct sim *sim, struct kb_source *src, enum kb_rebalance_kind kind,
    bool lost, struct sim_partition **parts, size_t n);
size_t sim_source_holds(struct kb_source *src, struct sim_partition **out);
/* Of the i-th partition it holds: where it began, and behind the last record given. */
void sim_source_given(
    struct kb_source *src, size_t i, struct sim_partition **part, int64_t *start, int64_t *next);
bool sim_source_pending(const struct kb_source *src); /* an event isn't answered yet */
void sim_source_appended(struct sim *sim, struct kb_source *src, const struct sim_partition *part);
/* The log ends at `end` now: whoever was given more reads from its beginning. */
void sim_source_cut(
    struct sim *sim, struct kb_source *src, const struct sim_partition *part, int64_t end);

#endif
