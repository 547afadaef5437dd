/* See mock_kafka.h. The cluster hangs on a librdkafka instance that does nothing else. */
#include "sandbox/mock_kafka.h"

#include <librdkafka/rdkafka.h>
/* needs the line above */
#include <librdkafka/rdkafka_mock.h>

struct kb_mock_kafka {
    rd_kafka_t *rk;
    rd_kafka_mock_cluster_t *cluster;
};

struct kb_mock_kafka *kb_mock_kafka_start(int brokers, struct kb_err *err)
{
    struct kb_mock_kafka *kafka = calloc(1, sizeof(*kafka));
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    char why[256] = "out of memory";

    rd_kafka_conf_set_log_cb(conf, NULL);
    if (kafka)
        kafka->rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof(why));
    if (!kafka || !kafka->rk) {
        rd_kafka_conf_destroy(conf);
        goto failed;
    }
    kafka->cluster = rd_kafka_mock_cluster_new(kafka->rk, brokers);
    if (kafka->cluster)
        return kafka;
    snprintf(why, sizeof(why), "no port on loopback");
failed:
    kb_err_fatal(err, "the mock Kafka: %s", why);
    kb_mock_kafka_stop(kafka);
    return NULL;
}

bool kb_mock_kafka_topic(
    struct kb_mock_kafka *kafka, const char *name, int partitions, struct kb_err *err)
{
    rd_kafka_resp_err_t failure = rd_kafka_mock_topic_create(kafka->cluster, name, partitions, 1);

    if (failure)
        return kb_err_config(err, "topic %s: %s", name, rd_kafka_err2str(failure));
    return true;
}

const char *kb_mock_kafka_bootstrap(const struct kb_mock_kafka *kafka)
{
    return rd_kafka_mock_cluster_bootstraps(kafka->cluster);
}

void kb_mock_kafka_stop(struct kb_mock_kafka *kafka)
{
    if (!kafka)
        return;
    if (kafka->cluster)
        rd_kafka_mock_cluster_destroy(kafka->cluster);
    if (kafka->rk)
        rd_kafka_destroy(kafka->rk);
    free(kafka);
}
