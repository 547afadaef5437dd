/* librdkafka's mock cluster inside the test's own process, and a producer for it.
 *
 *     struct kafka_mock mock;
 *     kafka_mock_start(&mock, 1);
 *     kafka_mock_topic(&mock, "orders", 3);
 *     kafka_mock_produce(&mock, "orders", 0, KB_S("k"), KB_S("v"), NULL);
 *     kafka_mock_flush(&mock);
 *     ... mock.bootstraps, mock.cluster ...
 *     kafka_mock_stop(&mock);
 *
 * A failing step ends the process: a test without its cluster proves nothing. Thread: one at a
 * time. */
#ifndef TESTS_SUPPORT_KAFKA_MOCK_H
#define TESTS_SUPPORT_KAFKA_MOCK_H

#include "base/compiler.h"
#include "base/slice.h"

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include <stdint.h>

struct kafka_mock {
    rd_kafka_t *producer; /* hosts the cluster as well */
    rd_kafka_mock_cluster_t *cluster;
    const char *bootstraps;
};

static inline void kafka_mock_must(bool ok, const char *what)
{
    if (!ok) {
        fprintf(stderr, "mock cluster: %s failed\n", what);
        exit(1);
    }
}

static inline void kafka_mock_start(struct kafka_mock *mock, int brokers)
{
    char number[16], why[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    snprintf(number, sizeof(number), "%d", brokers);
    kafka_mock_must(
        rd_kafka_conf_set(conf, "test.mock.num.brokers", number, why, sizeof(why)) ==
                RD_KAFKA_CONF_OK &&
            rd_kafka_conf_set(conf, "linger.ms", "1", why, sizeof(why)) == RD_KAFKA_CONF_OK &&
            rd_kafka_conf_set(conf, "reconnect.backoff.max.ms", "300", why, sizeof(why)) ==
                RD_KAFKA_CONF_OK &&
            rd_kafka_conf_set(conf, "log_level", "2", why, sizeof(why)) == RD_KAFKA_CONF_OK,
        "configuration");
    mock->producer = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof(why));
    kafka_mock_must(mock->producer != NULL, "start");
    mock->cluster = rd_kafka_handle_mock_cluster(mock->producer);
    mock->bootstraps = rd_kafka_mock_cluster_bootstraps(mock->cluster);
}

static inline void kafka_mock_stop(struct kafka_mock *mock)
{
    rd_kafka_destroy(mock->producer);
}

static inline void kafka_mock_topic(struct kafka_mock *mock, const char *topic, int partitions)
{
    kafka_mock_must(rd_kafka_mock_topic_create(mock->cluster, topic, partitions, 1) ==
                        RD_KAFKA_RESP_ERR_NO_ERROR,
        "creating a topic");
}

/* Takes `headers` (NULL = none). */
static inline void kafka_mock_produce(struct kafka_mock *mock, const char *topic, int32_t partition,
    struct kb_slice key, struct kb_slice value, rd_kafka_headers_t *headers)
{
    rd_kafka_resp_err_t code;
    do {
        rd_kafka_poll(mock->producer, 0);
        code = rd_kafka_producev(mock->producer, RD_KAFKA_V_TOPIC(topic),
            RD_KAFKA_V_PARTITION(partition), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
            RD_KAFKA_V_KEY(key.ptr, key.len), RD_KAFKA_V_VALUE((void *)value.ptr, value.len),
            RD_KAFKA_V_HEADERS(headers), RD_KAFKA_V_END);
    } while (code == RD_KAFKA_RESP_ERR__QUEUE_FULL);
    kafka_mock_must(code == RD_KAFKA_RESP_ERR_NO_ERROR, "produce");
}

static inline void kafka_mock_flush(struct kafka_mock *mock)
{
    kafka_mock_must(rd_kafka_flush(mock->producer, 20000) == RD_KAFKA_RESP_ERR_NO_ERROR, "flush");
}

/* Records whose values are the numbers from..to, key "k"; they are there when it returns. */
static inline void kafka_mock_numbers(
    struct kafka_mock *mock, const char *topic, int32_t partition, int from, int to)
{
    for (int i = from; i < to; i++) {
        char text[16];
        int len = snprintf(text, sizeof(text), "%d", i);
        kafka_mock_produce(
            mock, topic, partition, KB_S("k"), (struct kb_slice){text, (size_t)len}, NULL);
    }
    kafka_mock_flush(mock);
}

/* One cluster a test, as its *state: KAFKA_MOCK_TEST(name) stands in the table of a cmocka program.
 */
static inline int kafka_mock_setup(void **state)
{
    static struct kafka_mock mock;
    kafka_mock_start(&mock, 1);
    *state = &mock;
    return 0;
}

static inline int kafka_mock_teardown(void **state)
{
    kafka_mock_stop(*state);
    return 0;
}

#define KAFKA_MOCK_TEST(test) \
    cmocka_unit_test_setup_teardown(test, kafka_mock_setup, kafka_mock_teardown)

#endif
