/* The consumer's own struct, shared by the files that make up the source: consumer.c (the
 * beginning, the end), consumer_take.c (records), consumer_rebalance.c (assignments),
 * consumer_position.c (pause, resume, commit). Nobody else includes this. Thread: the worker's; on
 * the closing thread only consumer_rebalance.c's callback. */
#ifndef KB_KAFKA_CONSUMER_INSIDE_H
#define KB_KAFKA_CONSUMER_INSIDE_H

#include "kafka/client_log.h"
#include "kafka/consumer.h"
#include "kafka/fetch_gate.h"
#include "kafka/partitions.h"

/* One rebalance event, noted by the callback and answered by kb_consumer_rebalanced. */
struct kb_consumer_event {
    struct kb_consumer_event *next;
    rd_kafka_topic_partition_list_t *list;
    struct kb_rebalance described;
    bool is_described;
};

struct kb_consumer {
    struct kb_client_log log; /* first: librdkafka's opaque points here */
    struct kb_source source;
    rd_kafka_t *rk;
    rd_kafka_queue_t *queue;
    bool cooperative;
    size_t queue_bytes;   /* that it was made with */
    bool seen_assignment; /* see may_destroy */
    bool closing;
    bool stuck; /* librdkafka did not end in time and its thread may still use this struct */

    struct kb_fetch_gate gate;
    struct kb_partitions parts;
    struct kb_consumer_event *events; /* oldest first: the one the worker sees */

    rd_kafka_message_t **held; /* of the last take: the records point at their bytes */
    size_t n_held, held_cap;
    struct kb_header *headers; /* of all held messages, one after the other */
    size_t n_headers, headers_cap;

    uint64_t commit_token;
    bool has_answer;
    struct kb_commit_answer answer;

    bool took_records;
    bool asked_cluster_id; /* and the answer is final */
    char *cluster_id;

    bool has_failed, told_failure;
    struct kb_err failure;
};

static inline struct kb_consumer *kb_consumer_of(struct kb_source *src)
{
    return (struct kb_consumer *)((char *)src - offsetof(struct kb_consumer, source));
}

/* consumer.c */
/* The first failure ends the source: from here on it hands out nothing. */
void kb_consumer_fail(struct kb_consumer *c, const char *text);
/* Logs an error of librdkafka; it is never the end, unless the library says so: brokers come back,
 * topics appear, rights are granted. */
void kb_consumer_note_error(struct kb_consumer *c, rd_kafka_resp_err_t code, const char *text);

/* consumer_take.c */
size_t kb_consumer_take(struct kb_source *src, struct kb_record *out, size_t max, bool *more);
void kb_consumer_release_held(struct kb_consumer *c);

/* consumer_rebalance.c */
void kb_consumer_rebalance_cb(
    rd_kafka_t *rk, rd_kafka_resp_err_t code, rd_kafka_topic_partition_list_t *list, void *opaque);
bool kb_consumer_rebalance(struct kb_source *src, struct kb_rebalance **out);
void kb_consumer_rebalanced(struct kb_source *src);
void kb_consumer_drop_events(struct kb_consumer *c);

/* consumer_position.c */
void kb_consumer_pause(struct kb_source *src, const uint32_t *slots, size_t n);
void kb_consumer_resume(
    struct kb_source *src, const uint32_t *slots, const int64_t *next, size_t n);
bool kb_consumer_commit(
    struct kb_source *src, const struct kb_commit *commits, size_t n, uint64_t token);
bool kb_consumer_committed(struct kb_source *src, struct kb_commit_answer *out);

#endif
