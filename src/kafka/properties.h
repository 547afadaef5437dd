/* librdkafka's client properties: the user's, kably's own defaults below them, and the few that are
 * kably's business alone.
 *
 *     struct kb_property props[] = {{"bootstrap.servers", "localhost:9092", false, 3}, ...};
 *     rd_kafka_conf_t *conf = kb_properties_conf(
 *         props, n, KB_CLIENT_CONSUMER, queue_bytes, &err);
 *     if (!conf) ...                                              // KB_ERR_CONFIG
 *
 * Thread: any; values. */
#ifndef KB_KAFKA_PROPERTIES_H
#define KB_KAFKA_PROPERTIES_H

#include "base/err.h"
#include "base/slice.h"

#include <librdkafka/rdkafka.h>

struct kb_property {
    char *name, *value;
    bool secret; /* never printed: sasl.password, ssl.key.password... */
    int line;    /* where the file sets it, 0 = kably's own */
};

enum kb_client { KB_CLIENT_CONSUMER, KB_CLIENT_PRODUCER };

/* Is this a property whose value must never be printed? */
bool kb_property_secret(struct kb_slice name);

/* Checks one property: known to librdkafka, value in its bounds, not one that kably sets itself
 * (enable.auto.commit, enable.auto.offset.store). KB_ERR_CONFIG says what to do instead. */
bool kb_property_check(const struct kb_property *property, struct kb_err *err) KB_MUST_CHECK;

/* Does this librdkafka bear commits during a cooperative rebalance? Before 2.10 such a commit can
 * cost the member its whole assignment: nothing is lost, records come again. */
bool kb_cooperative_trusted(void);

/* A configuration for one client: kably's defaults, then the user's. For a producer the
 * consumer-only ones are left out. Returns new (rd_kafka_new takes it). `queue_bytes` is the
 * consumer's share of the memory ceiling (queued.max.messages.kbytes), unless the user sets that
 * himself. */
rd_kafka_conf_t *kb_properties_conf(const struct kb_property *properties, size_t n,
    enum kb_client client, size_t queue_bytes, struct kb_err *err) KB_MUST_CHECK;

#endif
