/* A librdkafka consumer with a manual assignment; see reader.h. Its group id is not the file's: it
 * is never joined, and even a mistake in here could not commit for it. */
#include "kafka/reader.h"

#include "kafka/client_log.h"

#include <string.h>

#define QUEUE_BYTES ((size_t)16 << 20)
#define TEXT_MAX 512
#define HEADERS_MAX 1024
#define ASK_MS 2500
#define OFFSETS_MS 10000

struct topic {
    char *name;
    int n_partitions;
};

struct kb_reader {
    struct kb_client_log log; /* first: librdkafka's opaque points here */
    rd_kafka_t *rk;
    struct topic *topics;
    size_t n_topics, n_partitions, n_ended;
    int n_brokers;
    char *cluster;
    char complaint[TEXT_MAX]; /* the last */
    int complaint_code;
    bool complained; /* and nobody was told */
    bool refused;    /* the credentials, or the certificate: it gets no better */
    rd_kafka_message_t *held;
    struct kb_header headers[HEADERS_MAX];
};

/* A handshake that fails comes with the transport's code as often as with that of TLS; and that all
 * brokers are down says less than what was said of one. */
static void note_error(rd_kafka_t *rk, int code, const char *text, void *opaque)
{
    struct kb_reader *reader = opaque;
    (void)rk;
    if (code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN && reader->complained)
        return;
    if (code == RD_KAFKA_RESP_ERR__TRANSPORT && strstr(text, "SSL routines"))
        code = RD_KAFKA_RESP_ERR__SSL;
    snprintf(reader->complaint, sizeof(reader->complaint), "%s", text);
    kb_client_log_blot(&reader->log, reader->complaint);
    reader->complaint_code = code;
    reader->complained = true;
    reader->refused = reader->refused || code == RD_KAFKA_RESP_ERR__AUTHENTICATION ||
                      code == RD_KAFKA_RESP_ERR__SSL;
}

static bool set(rd_kafka_conf_t *conf, const char *name, const char *value, struct kb_err *err)
{
    char why[TEXT_MAX];
    return rd_kafka_conf_set(conf, name, value, why, sizeof(why)) == RD_KAFKA_CONF_OK ||
           kb_err_config(err, "Kafka property \"%s\": %s", name, why);
}

/* What is asked for, and deleted meanwhile, begins with what is left, whatever the file says of its
 * group. */
static rd_kafka_conf_t *configure(
    struct kb_reader *reader, const struct kb_property *properties, size_t n, struct kb_err *err)
{
    rd_kafka_conf_t *conf = kb_properties_conf(properties, n, KB_CLIENT_CONSUMER, QUEUE_BYTES, err);
    if (!conf)
        return NULL;
    if (!set(conf, "group.id", "kably-preview", err) || !set(conf, "group.instance.id", "", err) ||
        !set(conf, "enable.partition.eof", "true", err) ||
        !set(conf, "auto.offset.reset", "earliest", err)) {
        rd_kafka_conf_destroy(conf);
        return NULL;
    }
    kb_client_log_attach(conf, &reader->log);
    rd_kafka_conf_set_error_cb(conf, note_error);
    return conf;
}

struct kb_reader *kb_reader_new(
    const struct kb_property *properties, size_t n_properties, struct kb_err *err)
{
    char why[TEXT_MAX];
    struct kb_reader *reader = calloc(1, sizeof(*reader));
    if (!reader || !kb_client_log_init(&reader->log, properties, n_properties)) {
        free(reader);
        kb_err_fatal(err, "no memory for a Kafka client");
        return NULL;
    }
    rd_kafka_conf_t *conf = configure(reader, properties, n_properties, err);
    if (conf)
        reader->rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why, sizeof(why));
    if (reader->rk) {
        rd_kafka_poll_set_consumer(reader->rk);
        return reader;
    }
    if (conf) {
        rd_kafka_conf_destroy(conf);
        kb_err_config(err, "Kafka client: %s", why);
    }
    kb_reader_free(reader);
    return NULL;
}

static void forget_topics(struct kb_reader *reader)
{
    for (size_t i = 0; i < reader->n_topics; i++)
        free(reader->topics[i].name);
    free(reader->topics);
    reader->topics = NULL;
    reader->n_topics = reader->n_partitions = 0;
}

static void let_go(struct kb_reader *reader)
{
    if (reader->held)
        rd_kafka_message_destroy(reader->held);
    reader->held = NULL;
}

void kb_reader_free(struct kb_reader *reader)
{
    if (!reader)
        return;
    let_go(reader);
    if (reader->rk) {
        rd_kafka_assign(reader->rk, NULL);
        rd_kafka_consumer_close(reader->rk);
        rd_kafka_destroy(reader->rk);
    }
    forget_topics(reader);
    free(reader->cluster);
    kb_client_log_deinit(&reader->log);
    free(reader);
}

/* ---- what is there ---- */

static bool take_topics(struct kb_reader *reader, const struct rd_kafka_metadata *all,
    kb_reader_wanted *wanted, void *context)
{
    forget_topics(reader);
    reader->n_brokers = all->broker_cnt;
    reader->topics = calloc((size_t)all->topic_cnt + 1, sizeof(*reader->topics));
    for (int i = 0; reader->topics && i < all->topic_cnt; i++) {
        const struct rd_kafka_metadata_topic *one = &all->topics[i];
        if (one->err || one->partition_cnt == 0 || !wanted(context, one->topic))
            continue;
        struct topic *topic = &reader->topics[reader->n_topics];
        *topic = (struct topic){.name = strdup(one->topic), .n_partitions = one->partition_cnt};
        if (!topic->name)
            return false;
        reader->n_topics++;
        reader->n_partitions += (size_t)one->partition_cnt;
    }
    return reader->topics != NULL;
}

/* Nothing is assigned yet: what comes can only be a complaint, which goes to note_error. */
static void hear(struct kb_reader *reader)
{
    rd_kafka_message_t *message = rd_kafka_consumer_poll(reader->rk, 0);
    if (message && message->err)
        note_error(reader->rk, message->err, rd_kafka_message_errstr(message), reader);
    if (message)
        rd_kafka_message_destroy(message);
}

static bool outage(struct kb_err *err, int code, const char *text)
{
    kb_err_outage(err, "Kafka: %s", text);
    err->code = code;
    return false;
}

bool kb_reader_complained(struct kb_reader *reader, struct kb_err *err)
{
    bool news = reader->complained;
    reader->complained = false;
    if (news)
        outage(err, reader->complaint_code, reader->complaint);
    return news;
}

bool kb_reader_find(struct kb_reader *reader, kb_reader_wanted *wanted, void *context, int wait_ms,
    struct kb_err *err)
{
    const struct rd_kafka_metadata *all = NULL;
    rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR__TIMED_OUT;
    for (int waited = 0; code && waited < wait_ms && !reader->refused; waited += ASK_MS) {
        code = rd_kafka_metadata(reader->rk, 1, NULL, &all, ASK_MS);
        hear(reader);
    }
    if (code && kb_reader_complained(reader, err)) /* which says more than that time ran out */
        return false;
    if (code)
        return outage(err, (int)code, rd_kafka_err2str(code));
    reader->complained = false; /* of one address of several, maybe: it is there */
    bool ok = take_topics(reader, all, wanted, context);
    rd_kafka_metadata_destroy(all);
    char *cluster = rd_kafka_clusterid(reader->rk, wait_ms);
    free(reader->cluster);
    reader->cluster = cluster ? strdup(cluster) : NULL;
    if (cluster)
        rd_kafka_mem_free(reader->rk, cluster);
    return ok || kb_err_fatal(err, "no memory for the list of topics");
}

size_t kb_reader_topics(const struct kb_reader *reader)
{
    return reader->n_topics;
}

const char *kb_reader_topic(const struct kb_reader *reader, size_t i, int *n_partitions)
{
    *n_partitions = reader->topics[i].n_partitions;
    return reader->topics[i].name;
}

int kb_reader_brokers(const struct kb_reader *reader)
{
    return reader->n_brokers;
}

struct kb_slice kb_reader_cluster(struct kb_reader *reader)
{
    return kb_slice_of(reader->cluster);
}

bool kb_reader_look(struct kb_reader *reader, const char *topic, int wait_ms, struct kb_err *err)
{
    const struct rd_kafka_metadata *found = NULL;
    rd_kafka_topic_t *rkt = rd_kafka_topic_new(reader->rk, topic, NULL);
    rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR__INVALID_ARG;
    if (rkt)
        code = rd_kafka_metadata(reader->rk, 0, rkt, &found, wait_ms);
    if (!code)
        code =
            found->topic_cnt == 1 ? found->topics[0].err : RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
    if (found)
        rd_kafka_metadata_destroy(found);
    if (rkt)
        rd_kafka_topic_destroy(rkt);
    if (!code)
        return true;
    outage(err, (int)code, rd_kafka_err2str(code));
    return kb_err_wrap(err, "topic %s", topic);
}

/* All of the topics found, each at that offset. Returns new. */
static rd_kafka_topic_partition_list_t *partitions_of(
    const struct kb_reader *reader, int64_t offset)
{
    rd_kafka_topic_partition_list_t *list =
        rd_kafka_topic_partition_list_new((int)reader->n_partitions);
    for (size_t i = 0; i < reader->n_topics; i++)
        for (int p = 0; p < reader->topics[i].n_partitions; p++)
            rd_kafka_topic_partition_list_add(list, reader->topics[i].name, p)->offset = offset;
    return list;
}

/* The one group of the answer: partitions with a commit, or its error. */
static rd_kafka_resp_err_t take_group(rd_kafka_event_t *event, size_t *n_committed)
{
    size_t n = 0;
    const rd_kafka_group_result_t **groups = rd_kafka_ListConsumerGroupOffsets_result_groups(
        rd_kafka_event_ListConsumerGroupOffsets_result(event), &n);
    if (n != 1)
        return RD_KAFKA_RESP_ERR__BAD_MSG;
    if (rd_kafka_group_result_error(groups[0]))
        return rd_kafka_error_code(rd_kafka_group_result_error(groups[0]));
    const rd_kafka_topic_partition_list_t *list = rd_kafka_group_result_partitions(groups[0]);
    for (int i = 0; list && i < list->cnt; i++)
        *n_committed += list->elems[i].offset >= 0;
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

bool kb_reader_group(struct kb_reader *reader, const char *group, size_t *n_committed, int wait_ms,
    struct kb_err *err)
{
    *n_committed = 0;
    if (reader->n_partitions == 0)
        return true;
    rd_kafka_topic_partition_list_t *list = partitions_of(reader, RD_KAFKA_OFFSET_INVALID);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(reader->rk);
    rd_kafka_ListConsumerGroupOffsets_t *asked = rd_kafka_ListConsumerGroupOffsets_new(group, list);
    rd_kafka_AdminOptions_t *options =
        rd_kafka_AdminOptions_new(reader->rk, RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPOFFSETS);
    char why[TEXT_MAX];
    rd_kafka_AdminOptions_set_request_timeout(options, wait_ms, why, sizeof(why));
    rd_kafka_ListConsumerGroupOffsets(reader->rk, &asked, 1, options, queue);
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, wait_ms + ASK_MS);
    rd_kafka_resp_err_t code = event ? rd_kafka_event_error(event) : RD_KAFKA_RESP_ERR__TIMED_OUT;
    if (!code)
        code = take_group(event, n_committed);
    if (event)
        rd_kafka_event_destroy(event);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_ListConsumerGroupOffsets_destroy(asked);
    rd_kafka_queue_destroy(queue);
    rd_kafka_topic_partition_list_destroy(list);
    if (!code)
        return true;
    outage(err, (int)code, rd_kafka_err2str(code));
    return kb_err_wrap(err, "group %s", group);
}

/* ---- reading ---- */

static int64_t offset_of(const struct kb_start *start)
{
    switch (start->kind) {
    case KB_START_BEGINNING:
        return RD_KAFKA_OFFSET_BEGINNING;
    case KB_START_END:
        return RD_KAFKA_OFFSET_END;
    case KB_START_TAIL:
        return RD_KAFKA_OFFSET_TAIL(start->value);
    case KB_START_OFFSET:
    case KB_START_TIME:
        return start->value;
    }
    return RD_KAFKA_OFFSET_BEGINNING;
}

/* Offsets behind the end become the end: a fetch of theirs would be answered by all records there
 * are. One request to each broker. */
static rd_kafka_resp_err_t stop_at_ends(
    const struct kb_reader *reader, rd_kafka_topic_partition_list_t *list)
{
    rd_kafka_topic_partition_list_t *ends = partitions_of(reader, RD_KAFKA_OFFSET_END);
    rd_kafka_resp_err_t code = rd_kafka_offsets_for_times(reader->rk, ends, OFFSETS_MS);
    for (int i = 0; !code && i < list->cnt; i++) {
        const rd_kafka_topic_partition_t *end = &ends->elems[i];
        if (!end->err && end->offset >= 0 && list->elems[i].offset > end->offset)
            list->elems[i].offset = end->offset;
    }
    rd_kafka_topic_partition_list_destroy(ends);
    return code;
}

bool kb_reader_begin(struct kb_reader *reader, const struct kb_start *start, struct kb_err *err)
{
    rd_kafka_topic_partition_list_t *list = partitions_of(reader, offset_of(start));
    rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR_NO_ERROR;
    if (start->kind == KB_START_TIME) /* one behind all records is answered by the end */
        code = rd_kafka_offsets_for_times(reader->rk, list, OFFSETS_MS);
    if (start->kind == KB_START_OFFSET)
        code = stop_at_ends(reader, list);
    if (!code)
        code = rd_kafka_assign(reader->rk, list);
    rd_kafka_topic_partition_list_destroy(list);
    reader->n_ended = 0;
    return !code || outage(err, (int)code, rd_kafka_err2str(code));
}

static void take_headers(struct kb_reader *reader, struct kb_record *out)
{
    rd_kafka_headers_t *list;
    if (rd_kafka_message_headers(reader->held, &list) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return;
    size_t n = rd_kafka_header_cnt(list);
    for (size_t i = 0; i < n && i < HEADERS_MAX; i++) {
        const char *name;
        const void *value;
        size_t size;
        if (rd_kafka_header_get_all(list, i, &name, &value, &size) != RD_KAFKA_RESP_ERR_NO_ERROR)
            break;
        reader->headers[out->n_headers++] =
            (struct kb_header){.name = kb_slice_of(name), .value = {value, size}};
    }
    out->headers = reader->headers;
}

enum kb_read kb_reader_next(struct kb_reader *reader, struct kb_record *out, int wait_ms)
{
    let_go(reader);
    rd_kafka_message_t *message = rd_kafka_consumer_poll(reader->rk, wait_ms);
    if (!message)
        return KB_READ_NOTHING;
    if (message->err) {
        if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF)
            reader->n_ended++;
        else
            note_error(reader->rk, message->err, rd_kafka_message_errstr(message), reader);
        rd_kafka_message_destroy(message);
        return reader->n_ended >= reader->n_partitions ? KB_READ_END : KB_READ_NOTHING;
    }
    reader->held = message;
    rd_kafka_timestamp_type_t type;
    *out = (struct kb_record){.topic = kb_slice_of(rd_kafka_topic_name(message->rkt)),
        .partition = message->partition,
        .offset = message->offset,
        .timestamp = rd_kafka_message_timestamp(message, &type),
        .key = {message->key, message->key_len},
        .value = {message->payload, message->len}};
    take_headers(reader, out);
    return KB_READ_RECORD;
}
