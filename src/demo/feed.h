/* The demo's ends in Kafka, with librdkafka's own producer and consumer: what an application would
 * write, and somebody who reads the dead-letter topic.
 *
 *     struct kb_feed *feed = kb_feed_new(bootstrap, &err);
 *     kb_feed_send(feed, &sample, timestamp, &partition, &err);
 *     kb_feed_turn(feed, on_dead_letter, context, &err);   // answers and dead letters, no waiting
 *     kb_feed_free(feed);
 *
 * A record that Kafka doesn't take is an error. Thread: one at a time. */
#ifndef KB_DEMO_FEED_H
#define KB_DEMO_FEED_H

#include "base/err.h"
#include "demo/samples.h"

struct kb_feed; /* opaque */

/* The dead-letter topic must exist. Returns new. */
struct kb_feed *kb_feed_new(const char *bootstrap, struct kb_err *err) KB_MUST_CHECK;
void kb_feed_free(struct kb_feed *feed); /* NULL is fine */

/* Empty where the cluster has none. Borrowed. */
struct kb_slice kb_feed_cluster_id(const struct kb_feed *feed);

/* Hands the record to the producer. Kafka's usual rule chooses the partition: a hash of the key. */
bool kb_feed_send(struct kb_feed *feed, const struct kb_sample *sample, int64_t timestamp,
    int32_t *partition, struct kb_err *err) KB_MUST_CHECK;

/* Where the dead record came from, and why it is one. Valid during the call. */
struct kb_feed_letter {
    struct kb_slice topic, reason;
    int64_t partition, offset;
};
typedef void kb_feed_on_letter(void *context, const struct kb_feed_letter *letter);

bool kb_feed_turn(struct kb_feed *feed, kb_feed_on_letter *on_letter, void *context,
    struct kb_err *err) KB_MUST_CHECK;

#endif
