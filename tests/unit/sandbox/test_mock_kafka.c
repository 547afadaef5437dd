/* The mock Kafka: topics with the partitions that were asked for, seen by a client of its own. */
#include "sandbox/mock_kafka.h"

#include "support/prop.h"

#include <librdkafka/rdkafka.h>

static int partitions_of(rd_kafka_t *rk, const char *topic)
{
    const struct rd_kafka_metadata *metadata;
    rd_kafka_topic_t *handle = rd_kafka_topic_new(rk, topic, NULL);
    int n;

    assert_int_equal(
        rd_kafka_metadata(rk, 0, handle, &metadata, 10000), RD_KAFKA_RESP_ERR_NO_ERROR);
    assert_int_equal(metadata->topic_cnt, 1);
    n = metadata->topics[0].partition_cnt;
    rd_kafka_metadata_destroy(metadata);
    rd_kafka_topic_destroy(handle);
    return n;
}

static void test_topics(void **state)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    struct kb_err err;
    char why[200];

    (void)state;
    struct kb_mock_kafka *kafka = kb_mock_kafka_start(2, &err);
    assert_non_null(kafka);
    assert_true(kb_mock_kafka_topic(kafka, "orders", 3, &err));
    assert_true(kb_mock_kafka_topic(kafka, "audit", 100, &err));
    assert_false(kb_mock_kafka_topic(kafka, "orders", 3, &err));
    assert_int_equal(err.class, KB_ERR_CONFIG);
    assert_non_null(strstr(err.text, "topic orders: "));

    assert_non_null(strchr(kb_mock_kafka_bootstrap(kafka), ',')); /* two brokers */
    rd_kafka_conf_set(conf, "bootstrap.servers", kb_mock_kafka_bootstrap(kafka), why, sizeof(why));
    rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof(why));
    assert_non_null(rk);
    assert_int_equal(partitions_of(rk, "orders"), 3);
    assert_int_equal(partitions_of(rk, "audit"), 100);
    rd_kafka_destroy(rk);
    kb_mock_kafka_stop(kafka);
    kb_mock_kafka_stop(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_topics)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
