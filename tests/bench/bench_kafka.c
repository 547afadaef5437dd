/* The Kafka of scripts/bench: librdkafka's mock cluster, filled with believable records of about
 * 200 bytes; of --format avro or protobuf about 150, with a registry's framing and the schema id 1.
 *
 *     bench_kafka --topic bench:100 --records 1000000 [--keys 10000] [--bootstrap HOST:PORT]
 *                 [--format json|avro|protobuf]
 *     -> prints "BOOTSTRAP HOST:PORT", then "FILLED N" when the records are there
 *     then reads commands from standard input:
 *         rate R SECONDS    produces R records a second, each with its time ("ts_us");
 *                           then "DONE N"
 *
 * It ends at end of input. With --bootstrap it fills a topic of a real broker instead of a mock,
 * which it creates first and deletes at the end.
 *
 * The mock keeps 5 MiB a partition and forgets what is older: more partitions for more records, and
 * each gets the same share whatever its keys. */
#include "order_avro.h"
#include "order_proto.h"

#include <inttypes.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct bench {
    rd_kafka_t *producer;
    char topic[128];
    int partitions;
    long records, keys;
    const char *bootstrap;
    size_t (*order)(char *room, uint64_t seq); /* NULL = JSON */
    uint64_t seq;
};

static int64_t now_us(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_REALTIME, &ts);
    return ts.tv_sec * INT64_C(1000000) + ts.tv_nsec / 1000;
}

static void fail(const char *what, const char *why)
{
    fprintf(stderr, "bench_kafka: %s: %s\n", what, why);
    exit(1);
}

static int json_value(char *value, size_t size, uint64_t seq)
{
    return snprintf(value, size,
        "{\"user\":\"u%05" PRIu64 "\",\"seq\":%" PRIu64 ",\"ts_us\":%" PRId64
        ",\"type\":\"order.created\",\"items\":[{\"sku\":\"A-100\",\"qty\":2}],"
        "\"total\":129.90,\"currency\":\"EUR\",\"city\":\"Lisbon\",\"note\":\"leave at the door\"}",
        seq % 10000, seq, now_us());
}

static int framed_value(size_t (*order)(char *room, uint64_t seq), char *value, uint64_t seq)
{
    static const char framing[] = {0, 0, 0, 0, 1};
    memcpy(value, framing, sizeof(framing));
    return (int)(sizeof(framing) + order(value + sizeof(framing), seq));
}

static void produce(struct bench *b)
{
    char key[32], value[512];
    uint64_t seq = b->seq++;
    int key_len = snprintf(key, sizeof(key), "k%" PRIu64, seq * 2654435761u % (uint64_t)b->keys);
    int len = b->order ? framed_value(b->order, value, seq) : json_value(value, sizeof(value), seq);
    for (;;) {
        rd_kafka_resp_err_t err = rd_kafka_producev(b->producer, RD_KAFKA_V_TOPIC(b->topic),
            RD_KAFKA_V_PARTITION((int32_t)(seq % (uint64_t)b->partitions)),
            RD_KAFKA_V_KEY(key, (size_t)key_len), RD_KAFKA_V_VALUE(value, (size_t)len),
            RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END);
        if (err == RD_KAFKA_RESP_ERR_NO_ERROR)
            return;
        if (err != RD_KAFKA_RESP_ERR__QUEUE_FULL)
            fail("produce", rd_kafka_err2str(err));
        rd_kafka_poll(b->producer, 100);
    }
}

/* `linger` in ms: filling wants big batches, a rate wants each record to go at once. */
static rd_kafka_t *open_producer(const char *bootstrap, const char *linger)
{
    char text[512];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    if (bootstrap)
        rd_kafka_conf_set(conf, "bootstrap.servers", bootstrap, text, sizeof(text));
    else
        rd_kafka_conf_set(conf, "test.mock.num.brokers", "1", text, sizeof(text));
    rd_kafka_conf_set(conf, "queue.buffering.max.messages", "1000000", text, sizeof(text));
    rd_kafka_conf_set(conf, "linger.ms", linger, text, sizeof(text));
    rd_kafka_conf_set(conf, "log_level", "4", text, sizeof(text)); /* the mock greets at 5 */
    rd_kafka_t *producer = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof(text));
    if (!producer)
        fail("producer", text);
    return producer;
}

/* Waits for the answer about the one topic that an admin request was for. */
static void finish_admin(rd_kafka_queue_t *queue, const char *what, bool created)
{
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, 30000);
    if (!event)
        fail(what, "no answer");
    if (rd_kafka_event_error(event))
        fail(what, rd_kafka_event_error_string(event));
    size_t n;
    const rd_kafka_topic_result_t **topics =
        created
            ? rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event), &n)
            : rd_kafka_DeleteTopics_result_topics(rd_kafka_event_DeleteTopics_result(event), &n);
    if (n != 1 || rd_kafka_topic_result_error(topics[0]))
        fail(what, n == 1 ? rd_kafka_topic_result_error_string(topics[0]) : "no result");
    rd_kafka_event_destroy(event);
}

static void create_topic(const struct bench *b, rd_kafka_t *client)
{
    char text[512];
    rd_kafka_queue_t *queue = rd_kafka_queue_new(client);
    rd_kafka_NewTopic_t *topic =
        rd_kafka_NewTopic_new(b->topic, b->partitions, 1, text, sizeof(text));
    rd_kafka_CreateTopics(client, &topic, 1, NULL, queue);
    finish_admin(queue, "creating the topic", true);
    rd_kafka_NewTopic_destroy(topic);
    rd_kafka_queue_destroy(queue);
}

static void delete_topic(const struct bench *b, rd_kafka_t *client)
{
    rd_kafka_queue_t *queue = rd_kafka_queue_new(client);
    rd_kafka_DeleteTopic_t *topic = rd_kafka_DeleteTopic_new(b->topic);
    rd_kafka_DeleteTopics(client, &topic, 1, NULL, queue);
    finish_admin(queue, "deleting the topic", false);
    rd_kafka_DeleteTopic_destroy(topic);
    rd_kafka_queue_destroy(queue);
}

static void fill(struct bench *b)
{
    rd_kafka_t *host = open_producer(b->bootstrap, "50");
    if (b->bootstrap) {
        create_topic(b, host);
    } else {
        rd_kafka_mock_cluster_t *mock = rd_kafka_handle_mock_cluster(host);
        rd_kafka_mock_topic_create(mock, b->topic, b->partitions, 1);
        b->bootstrap = rd_kafka_mock_cluster_bootstraps(mock);
    }
    printf("BOOTSTRAP %s\n", b->bootstrap);
    fflush(stdout);
    b->producer = host;
    for (long i = 0; i < b->records; i++) {
        produce(b);
        if (i % 1000 == 0)
            rd_kafka_poll(b->producer, 0);
    }
    if (rd_kafka_flush(b->producer, 120000) != RD_KAFKA_RESP_ERR_NO_ERROR)
        fail("flush", "records are left");
    printf("FILLED %ld\n", b->records);
    fflush(stdout);
}

static void rate(struct bench *b, double per_second, double seconds)
{
    int64_t start = now_us();
    long total = (long)(per_second * seconds);
    for (long i = 0; i < total; i++) {
        int64_t due = start + (int64_t)((double)i * 1e6 / per_second), now;
        while ((now = now_us()) < due) {
            struct timespec pause = {
                .tv_nsec = (due - now) * 1000 < 999999999 ? (due - now) * 1000 : 0};
            nanosleep(&pause, NULL);
        }
        produce(b);
        rd_kafka_poll(b->producer, 0);
    }
    rd_kafka_flush(b->producer, 10000);
    printf("DONE %ld\n", total);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    struct bench b = {.topic = "bench", .partitions = 100, .keys = 10000};
    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--topic") == 0)
            sscanf(argv[i + 1], "%127[^:]:%d", b.topic, &b.partitions);
        else if (strcmp(argv[i], "--records") == 0)
            b.records = strtol(argv[i + 1], NULL, 10);
        else if (strcmp(argv[i], "--keys") == 0)
            b.keys = strtol(argv[i + 1], NULL, 10);
        else if (strcmp(argv[i], "--bootstrap") == 0)
            b.bootstrap = argv[i + 1];
        else if (strcmp(argv[i], "--format") == 0)
            b.order = strcmp(argv[i + 1], "avro") == 0       ? order_avro
                      : strcmp(argv[i + 1], "protobuf") == 0 ? order_proto
                                                             : NULL;
    }
    bool real = b.bootstrap != NULL;
    fill(&b);
    rd_kafka_t *host = b.producer;
    b.producer = open_producer(b.bootstrap, "0");

    char line[128];
    while (fgets(line, sizeof(line), stdin)) {
        double per_second, seconds;
        if (sscanf(line, "rate %lf %lf", &per_second, &seconds) == 2)
            rate(&b, per_second, seconds);
    }
    if (real)
        delete_topic(&b, host);
    rd_kafka_destroy(b.producer);
    rd_kafka_destroy(host);
    return 0;
}
