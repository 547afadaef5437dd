/* Can Kafka be reached with these properties, and does it take them? Asked before a reload has the
 * workers leave their group for others that have them.
 *
 *     if (!kb_kafka_probe(properties, n, "orders", 10000, &give_up, &err)) ...   // err says why
 *
 * Logs in, asks for the brokers, and asks the group's coordinator what the group has committed.
 * Joins nothing, changes nothing. A topic that is not there, or may not be read, is no failure:
 * kably waits for such topics. Thread: any; blocks, wait_ms at most, and ends early where
 * `give_up` becomes true or there is nothing to wait for. */
#ifndef KB_KAFKA_PROBE_H
#define KB_KAFKA_PROBE_H

#include "kafka/properties.h"

#include <stdatomic.h>
#include <stdint.h>

bool kb_kafka_probe(const struct kb_property *properties, size_t n, const char *topic,
    int64_t wait_ms, const atomic_bool *give_up, struct kb_err *err) KB_MUST_CHECK;

#endif
