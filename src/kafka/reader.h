/* Reads topics by hand: no group is joined, nothing is committed, nobody notices. For `kably
 * preview` and `kably check --online`; the daemon has consumer.h.
 *
 *     struct kb_reader *reader = kb_reader_new(properties, n_properties, &err);
 *     if (!kb_reader_find(reader, wanted, context, 5000, &err)) ...   // which topics are there?
 *     kb_reader_topic(reader, i, &n_partitions);                      // those that `wanted` took
 *     if (!kb_reader_begin(reader, &start, &err)) ...
 *     while ((got = kb_reader_next(reader, &rec, 200)) != KB_READ_END) ...
 *     kb_reader_free(reader);
 *
 * Thread: one at a time. */
#ifndef KB_KAFKA_READER_H
#define KB_KAFKA_READER_H

#include "kafka/properties.h"
#include "record/record.h"

struct kb_reader; /* opaque */

/* Connects in the background. Returns new. */
struct kb_reader *kb_reader_new(
    const struct kb_property *properties, size_t n_properties, struct kb_err *err) KB_MUST_CHECK;
void kb_reader_free(struct kb_reader *reader); /* NULL is fine */

typedef bool kb_reader_wanted(void *context, const char *topic);
/* Waits for Kafka's answer, wait_ms at most, or until it refuses the credentials. False: there is
 * none; err says why, in the client's own words where it has some, and err->code is librdkafka's.
 */
bool kb_reader_find(struct kb_reader *reader, kb_reader_wanted *wanted, void *context, int wait_ms,
    struct kb_err *err) KB_MUST_CHECK;
size_t kb_reader_topics(const struct kb_reader *reader);
const char *kb_reader_topic(const struct kb_reader *reader, size_t i, int *n_partitions);
int kb_reader_brokers(const struct kb_reader *reader);
/* Ptr NULL = the cluster has none. Borrowed. */
struct kb_slice kb_reader_cluster(struct kb_reader *reader);
/* One topic by name, which is not made by asking. False: it is not there, or may not be described;
 * err->code tells which. */
bool kb_reader_look(
    struct kb_reader *reader, const char *topic, int wait_ms, struct kb_err *err) KB_MUST_CHECK;
/* In how many partitions of the topics found a group has committed, without joining it. False: it
 * may not be described, or nobody coordinates it. */
bool kb_reader_group(struct kb_reader *reader, const char *group, size_t *n_committed, int wait_ms,
    struct kb_err *err) KB_MUST_CHECK;

enum kb_start_kind {
    KB_START_BEGINNING,
    KB_START_END,
    KB_START_OFFSET, /* that one, of each partition: none of one that ends before it */
    KB_START_TAIL,   /* so many before the end */
    KB_START_TIME    /* the first record of that time (ms since 1970) or later */
};

struct kb_start {
    enum kb_start_kind kind;
    int64_t value;
};

/* All partitions of the topics found. */
bool kb_reader_begin(
    struct kb_reader *reader, const struct kb_start *start, struct kb_err *err) KB_MUST_CHECK;

/* Has the client complained of something since it was last asked: a broker that is away, a topic
 * that may not be read? Then err has it, with librdkafka's code. */
bool kb_reader_complained(struct kb_reader *reader, struct kb_err *err);

enum kb_read { KB_READ_RECORD, KB_READ_NOTHING, KB_READ_END };
/* END: every partition has been read to where it ended. The record lives until the next call. */
enum kb_read kb_reader_next(struct kb_reader *reader, struct kb_record *out, int wait_ms);

#endif
