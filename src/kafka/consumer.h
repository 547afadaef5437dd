/* The source of records in the daemon: one librdkafka consumer in the group, behind
 * record/source.h's door.
 *
 * The recipe and its traps (rebalance answered by the loop, resume then seek, close) are written
 * where they apply in consumer.c; they hold for librdkafka 2.0.2 and newer, eager and cooperative.
 *
 *     struct kb_source *src = kb_consumer_new(&options, &err);     // connects in the background
 *     src->ops->subscribe(src, topics, n_topics, &err)             // unless the options named some
 *     ... src->ops->take(...) in the worker's loop
 *     src->ops->close(src, 5000);
 *     kb_consumer_free(src);
 *
 * Thread: one worker's; librdkafka's own threads below. */
#ifndef KB_KAFKA_CONSUMER_H
#define KB_KAFKA_CONSUMER_H

#include "kafka/properties.h"
#include "record/source.h"

struct kb_consumer_options {
    const struct kb_property *properties;
    size_t n_properties;
    const char *const *topics; /* to be subscribed to at once; none = later */
    size_t n_topics;
    const char *ignored_topic; /* that a pattern may match and is not to be read; NULL = none */
    size_t queue_bytes;        /* librdkafka's prefetch ceiling for this consumer */
    int worker;                /* 0.. of n_workers: static membership gets a suffix */
    int n_workers;
};

struct kb_source *kb_consumer_new(
    const struct kb_consumer_options *options, struct kb_err *err) KB_MUST_CHECK;
void kb_consumer_free(struct kb_source *src); /* after close; NULL is fine */

/* Another ceiling for what is fetched ahead. Above the one it was made with it has no effect; below
 * half of that, the library may still queue more for a moment: make another consumer instead. */
void kb_consumer_set_queue_bytes(struct kb_source *src, size_t queue_bytes);

#endif
