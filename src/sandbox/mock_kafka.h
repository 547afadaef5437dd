/* Kafka in this process: librdkafka's mock cluster, for the sandbox, the demo and tests.
 *
 *     struct kb_mock_kafka *kafka = kb_mock_kafka_start(1, &err);
 *     kb_mock_kafka_topic(kafka, "orders", 4, &err);
 *     kb_mock_kafka_bootstrap(kafka);               // "127.0.0.1:40123"
 *     kb_mock_kafka_stop(kafka);
 *
 * What to know of it: it listens on loopback; other processes may connect; it keeps 5 MiB a
 * partition and silently drops what is older; the first member of a group waits 3 s; a topic that
 * is merely used gets 4 partitions. Thread: start and stop the caller's; librdkafka has threads of
 * its own. */
#ifndef KB_SANDBOX_MOCK_KAFKA_H
#define KB_SANDBOX_MOCK_KAFKA_H

#include "base/err.h"

struct kb_mock_kafka; /* opaque */

struct kb_mock_kafka *kb_mock_kafka_start(
    int brokers, struct kb_err *err) KB_MUST_CHECK; /* returns new */
bool kb_mock_kafka_topic(struct kb_mock_kafka *kafka, const char *name, int partitions,
    struct kb_err *err) KB_MUST_CHECK;
/* All brokers, for bootstrap.servers; borrowed. */
const char *kb_mock_kafka_bootstrap(const struct kb_mock_kafka *kafka);
void kb_mock_kafka_stop(struct kb_mock_kafka *kafka); /* NULL is fine */

#endif
