/* See feed.h. */
#include "demo/feed.h"

#include "base/compiler.h"
#include "kafka/connect_headers.h"

#include <errno.h>
#include <stdlib.h>

enum { CLUSTER_ID_WAIT_MS = 5000, FLUSH_MS = 1000, NUMBER_MAX = 24 };

struct kb_feed {
    rd_kafka_t *producer, *reader;
    rd_kafka_topic_t *topics[KB_SAMPLE_TOPIC_COUNT];
    char *cluster_id;
    rd_kafka_resp_err_t refused; /* a record was not taken */
};

static void on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *message, void *context)
{
    struct kb_feed *feed = context;
    (void)rk;
    if (message->err)
        feed->refused = message->err;
}

struct setting {
    const char *name, *value;
};

static rd_kafka_t *new_client(struct kb_feed *feed, rd_kafka_type_t type, const char *bootstrap,
    const struct setting *settings, size_t n, struct kb_err *err)
{
    char why[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    bool ok = rd_kafka_conf_set(conf, "bootstrap.servers", bootstrap, why, sizeof(why)) ==
              RD_KAFKA_CONF_OK;
    for (size_t i = 0; ok && i < n; i++)
        ok = rd_kafka_conf_set(conf, settings[i].name, settings[i].value, why, sizeof(why)) ==
             RD_KAFKA_CONF_OK;
    rd_kafka_conf_set_opaque(conf, feed);
    rd_kafka_conf_set_log_cb(conf, NULL);
    if (type == RD_KAFKA_PRODUCER)
        rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
    rd_kafka_t *rk = ok ? rd_kafka_new(type, conf, why, sizeof(why)) : NULL;
    if (!rk) {
        rd_kafka_conf_destroy(conf);
        kb_err_fatal(err, "the demo's Kafka client: %s", why);
    }
    return rk;
}

static bool open_producer(struct kb_feed *feed, const char *bootstrap, struct kb_err *err)
{
    static const struct setting settings[] = {{"client.id", "kably-demo"}, {"linger.ms", "1"},
        {"acks", "all"}, {"message.timeout.ms", "5000"}};
    feed->producer =
        new_client(feed, RD_KAFKA_PRODUCER, bootstrap, settings, KB_COUNT(settings), err);
    if (!feed->producer)
        return false;
    for (size_t t = 0; t < KB_SAMPLE_TOPIC_COUNT; t++) {
        feed->topics[t] = rd_kafka_topic_new(feed->producer, kb_sample_topics[t].name, NULL);
        if (!feed->topics[t])
            return kb_err_fatal(err, "topic %s: %s", kb_sample_topics[t].name,
                rd_kafka_err2str(rd_kafka_last_error()));
    }
    feed->cluster_id = rd_kafka_clusterid(feed->producer, CLUSTER_ID_WAIT_MS);
    return true;
}

static bool open_reader(struct kb_feed *feed, const char *bootstrap, struct kb_err *err)
{
    static const struct setting settings[] = {{"client.id", "kably-demo-reader"},
        {"group.id", "kably-demo-reader"}, {"enable.auto.commit", "false"},
        {"auto.offset.reset", "earliest"}, {"fetch.wait.max.ms", "20"}};
    feed->reader =
        new_client(feed, RD_KAFKA_CONSUMER, bootstrap, settings, KB_COUNT(settings), err);
    if (!feed->reader)
        return false;
    rd_kafka_poll_set_consumer(feed->reader);
    rd_kafka_topic_partition_list_t *all = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(all, KB_SAMPLE_DEAD_LETTERS, 0)->offset = 0;
    rd_kafka_resp_err_t failure = rd_kafka_assign(feed->reader, all);
    rd_kafka_topic_partition_list_destroy(all);
    return !failure ||
           kb_err_fatal(err, "topic " KB_SAMPLE_DEAD_LETTERS ": %s", rd_kafka_err2str(failure));
}

struct kb_feed *kb_feed_new(const char *bootstrap, struct kb_err *err)
{
    struct kb_feed *feed = calloc(1, sizeof(*feed));
    if (!feed) {
        kb_err_fatal(err, "the demo's Kafka client: out of memory");
        return NULL;
    }
    if (open_producer(feed, bootstrap, err) && open_reader(feed, bootstrap, err))
        return feed;
    kb_feed_free(feed);
    return NULL;
}

void kb_feed_free(struct kb_feed *feed)
{
    if (!feed)
        return;
    if (feed->reader) {
        rd_kafka_consumer_close(feed->reader);
        rd_kafka_destroy(feed->reader);
    }
    if (feed->producer) {
        rd_kafka_flush(feed->producer, FLUSH_MS);
        for (size_t t = 0; t < KB_SAMPLE_TOPIC_COUNT; t++)
            if (feed->topics[t])
                rd_kafka_topic_destroy(feed->topics[t]);
        if (feed->cluster_id)
            rd_kafka_mem_free(feed->producer, feed->cluster_id);
        rd_kafka_destroy(feed->producer);
    }
    free(feed);
}

struct kb_slice kb_feed_cluster_id(const struct kb_feed *feed)
{
    return kb_slice_of(feed->cluster_id);
}

bool kb_feed_send(struct kb_feed *feed, const struct kb_sample *sample, int64_t timestamp,
    int32_t *partition, struct kb_err *err)
{
    struct kb_slice value = kb_sample_value(sample);
    *partition = rd_kafka_msg_partitioner_murmur2(feed->topics[sample->topic], sample->key.ptr,
        sample->key.len, kb_sample_topics[sample->topic].partitions, NULL, NULL);
    rd_kafka_resp_err_t failure =
        rd_kafka_producev(feed->producer, RD_KAFKA_V_RKT(feed->topics[sample->topic]),
            RD_KAFKA_V_PARTITION(*partition), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
            RD_KAFKA_V_TIMESTAMP(timestamp), RD_KAFKA_V_KEY(sample->key.ptr, sample->key.len),
            RD_KAFKA_V_VALUE((void *)(uintptr_t)value.ptr, value.len), RD_KAFKA_V_END);
    return !failure || kb_err_fatal(err, "a record for topic %s: %s",
                           kb_sample_topics[sample->topic].name, rd_kafka_err2str(failure));
}

/* The header's text, absent where there is none. */
static struct kb_slice header(const rd_kafka_headers_t *headers, const char *name)
{
    const void *value;
    size_t len;
    if (!headers || rd_kafka_header_get_last(headers, name, &value, &len))
        return (struct kb_slice){NULL, 0};
    return (struct kb_slice){value, len};
}

static int64_t header_number(const rd_kafka_headers_t *headers, const char *name)
{
    struct kb_slice text = header(headers, name);
    char copy[NUMBER_MAX], *end;
    if (text.len == 0 || text.len >= sizeof(copy))
        return -1;
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    errno = 0;
    int64_t number = strtoll(copy, &end, 10);
    return errno == 0 && *end == '\0' ? number : -1;
}

static void read_letter(
    const rd_kafka_message_t *message, kb_feed_on_letter *on_letter, void *context)
{
    rd_kafka_headers_t *headers = NULL;
    rd_kafka_message_headers(message, &headers);
    struct kb_feed_letter letter = {
        .topic = header(headers, KB_CONNECT_ERRORS "topic"),
        .reason = header(headers, KB_CONNECT_ERRORS "exception.message"),
        .partition = header_number(headers, KB_CONNECT_ERRORS "partition"),
        .offset = header_number(headers, KB_CONNECT_ERRORS "offset"),
    };
    on_letter(context, &letter);
}

bool kb_feed_turn(
    struct kb_feed *feed, kb_feed_on_letter *on_letter, void *context, struct kb_err *err)
{
    rd_kafka_message_t *message;
    rd_kafka_poll(feed->producer, 0);
    while ((message = rd_kafka_consumer_poll(feed->reader, 0))) {
        if (!message->err)
            read_letter(message, on_letter, context);
        rd_kafka_message_destroy(message);
    }
    return !feed->refused ||
           kb_err_fatal(err, "Kafka did not take a record: %s", rd_kafka_err2str(feed->refused));
}
