/* The door to Kafka's consuming side: what the worker may ask of it, and nothing else.
 *
 * librdkafka stands behind it in the daemon (kafka/consumer.c), a simulated cluster in tests/sim.
 * All calls come from the worker's thread; none blocks for longer than a few milliseconds except
 * `close`.
 *
 *     n = src->ops->take(src, records, 512, &more);       // once a turn; 0 = nothing now
 *     if (src->ops->rebalance(src, &change)) ...          // noted before, decided by the loop
 *     if (!src->ops->commit(src, commits, n, token)) ...  // asynchronous
 *     while (src->ops->committed(src, &answer)) ...       // its answer, by token
 *
 * Slots: the worker numbers the partitions of an assignment; the source stamps each record with the
 * slot, so nobody searches a table per record. A slot number is reused only after its revocation
 * was answered. Repeats: a source may hand out a record again (librdkafka around pause); the
 * worker's offsets window drops what lies below the next expected offset. It never skips one.
 *
 * New logs: a topic may be deleted and made again, or its log lose its end with the broker that had
 * it, while it is read. What comes then has offsets that were there before and is no repeat.
 * Telling the two apart is the source's business: the first record of such a log, and only that
 * one, says `new_log`; offsets and commits count from it on, and nothing that is known of the old
 * ones holds. A source in doubt says so too: then records come again, and none is lost. */
#ifndef KB_RECORD_SOURCE_H
#define KB_RECORD_SOURCE_H

#include "base/err.h"
#include "record/record.h"

struct kb_partition_id {
    char topic[250]; /* Kafka's own limit is 249 */
    int32_t partition;
    uint32_t slot; /* set by the worker before assign; by the source in a revocation */
};

enum kb_rebalance_kind { KB_REBALANCE_ASSIGN, KB_REBALANCE_REVOKE };

struct kb_rebalance {
    enum kb_rebalance_kind kind;
    bool lost; /* revoked without being asked: others may already own them; don't commit */
    struct kb_partition_id *partitions; /* the source's memory, valid until the answer */
    size_t n;
};

struct kb_commit {
    uint32_t slot;
    int64_t offset; /* the next offset to read, as Kafka stores it */
};

struct kb_commit_answer {
    uint64_t token;
    bool ok;
    bool fenced; /* an older generation's commit: records will come again, nothing is wrong */
    char text[160];
};

struct kb_source;

struct kb_source_ops {
    /* What to read from now on: names, and patterns that begin with '^'. Copied. The first time it
     * joins the group; later the group is asked to share out anew, and is not left.
     * KB_ERR_CONFIG where one is no pattern: what was read before stays. */
    bool (*subscribe)(
        struct kb_source *src, const char *const *topics, size_t n, struct kb_err *err);

    /* Up to `max` records, 0 = none now. Valid until the next take. `more` is true when it stopped
     * at `max` and there may be more at once. */
    size_t (*take)(struct kb_source *src, struct kb_record *out, size_t max, bool *more);

    /* A rebalance waits for the worker: true, and *out describes it, until it is answered. */
    bool (*rebalance)(struct kb_source *src, struct kb_rebalance **out);
    /* Applies it: takes up the assigned partitions (slots set, reading starts at the committed
     * offset or auto.offset.reset), or gives up the revoked ones. */
    void (*rebalanced)(struct kb_source *src);

    void (*pause)(struct kb_source *src, const uint32_t *slots, size_t n);
    /* Reading goes on at `next[i]`, -1 where nothing was read yet. */
    void (*resume)(struct kb_source *src, const uint32_t *slots, const int64_t *next, size_t n);

    /* Asynchronous; at most one outstanding. False = could not even be queued (then no answer
     * comes). */
    bool (*commit)(
        struct kb_source *src, const struct kb_commit *commits, size_t n, uint64_t token);
    bool (*committed)(struct kb_source *src, struct kb_commit_answer *out);

    /* Kafka's cluster id, ptr NULL where it gives none (then ids carry the timestamp alone). Known
     * once the first record has come. Valid for the source's life. */
    struct kb_slice (*cluster_id)(struct kb_source *src);

    /* The log end of a slot's partition as last heard, -1 = unknown. For lag. */
    int64_t (*log_end)(struct kb_source *src, uint32_t slot);

    /* An error that ends the source for good (a fenced static member...): true and the text, once.
     */
    bool (*failed)(struct kb_source *src, struct kb_err *err);

    /* Leaves the group; a pending rebalance is dropped. Blocks, at most wait_ms: a client that
     * takes longer is left behind. The source is still to be freed by whoever made it. */
    void (*close)(struct kb_source *src, int wait_ms);
};

struct kb_source {
    const struct kb_source_ops *ops;
    int wake_fd;            /* readable when there may be something to take; -1 in the simulation */
    int commit_interval_ms; /* the shortest time between two commits that it bears, 0 = any */
    /* For health: when it was told that no broker can be reached (kb_clock_system's now_ms), 0 = a
     * commit or an assignment went well since. That they are back is not told by itself. */
    int64_t down_ms;
};

#endif
