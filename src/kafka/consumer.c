/* The consumer: librdkafka behind the door of record/source.h, one per worker and used on its
 * thread alone. This file makes it, ends it and knows its failures; its daily work stands in
 * consumer_take.c, consumer_rebalance.c and consumer_position.c.
 *
 * The rules in all four hold for librdkafka 2.0.2 and newer, eager and cooperative; each cost a
 * measurement. */
#include "kafka/consumer_inside.h"

#include "base/buf.h"
#include "base/clock.h"

#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

enum {
    COOPERATIVE_COMMIT_MS = 5000, /* a commit each second is seen to keep a group from settling */
    FREE_WAIT_MS = 1500,          /* to leave the group where nobody closed */
    CLUSTER_ID_WAIT_MS = 50,      /* only before the first record; afterwards the library knows */
    TEXT_MAX = 512,
    AHEAD_SHARE = 4, /* of the queue's bytes keep a worker busy; the rest is for its stalls */
};

/* ------------------------------------------------------------------ failures and errors */

void kb_consumer_fail(struct kb_consumer *c, const char *text)
{
    if (c->has_failed)
        return;
    c->has_failed = true;
    kb_err_fatal(&c->failure, "Kafka consumer: %s", text);
}

static void fail_if_fatal(struct kb_consumer *c)
{
    char why[TEXT_MAX];
    if (rd_kafka_fatal_error(c->rk, why, sizeof(why)) != RD_KAFKA_RESP_ERR_NO_ERROR)
        kb_consumer_fail(c, why);
}

void kb_consumer_note_error(struct kb_consumer *c, rd_kafka_resp_err_t code, const char *text)
{
    if (code == RD_KAFKA_RESP_ERR__PARTITION_EOF)
        return;
    kb_client_log_error(&c->log, rd_kafka_err2name(code), "%s", text);
    if (code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN)
        c->source.down_ms = kb_system_now_ms();
    if (code == RD_KAFKA_RESP_ERR__FATAL)
        fail_if_fatal(c);
    if (code == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET)
        kb_consumer_fail(c, text); /* the user set auto.offset.reset=error */
}

static void error_cb(rd_kafka_t *rk, int code, const char *text, void *opaque)
{
    (void)rk;
    kb_consumer_note_error(opaque, (rd_kafka_resp_err_t)code, text);
}

static bool failed(struct kb_source *src, struct kb_err *err)
{
    struct kb_consumer *c = kb_consumer_of(src);
    if (!c->has_failed || c->told_failure)
        return false;
    *err = c->failure;
    return c->told_failure = true;
}

/* ------------------------------------------------------------------ what to read */

/* A further subscription does not leave the group: the library gives up what it has, or under a
 * cooperative strategy what it no longer wants, and joins again under the same member id. */
static bool subscribe(
    struct kb_source *src, const char *const *topics, size_t n, struct kb_err *err)
{
    struct kb_consumer *c = kb_consumer_of(src);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)n);
    for (size_t i = 0; i < n; i++)
        rd_kafka_topic_partition_list_add(list, topics[i], RD_KAFKA_PARTITION_UA);
    rd_kafka_resp_err_t code = rd_kafka_subscribe(c->rk, list);
    rd_kafka_topic_partition_list_destroy(list);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
        return true;
    return kb_err_config(err,
        "subscribing to the topics: %s; is one of the patterns no regular "
        "expression?",
        rd_kafka_err2str(code));
}

/* ------------------------------------------------------------------ facts about the cluster */

/* The first answer after a record is final: an id must not change while messages carry it. */
static struct kb_slice cluster_id(struct kb_source *src)
{
    struct kb_consumer *c = kb_consumer_of(src);
    if (!c->asked_cluster_id) {
        char *id = rd_kafka_clusterid(c->rk, c->took_records ? 0 : CLUSTER_ID_WAIT_MS);
        c->cluster_id = id ? strdup(id) : NULL;
        c->asked_cluster_id = id || c->took_records;
        if (id)
            rd_kafka_mem_free(c->rk, id);
    }
    return kb_slice_of(c->cluster_id);
}

/* From the last fetch answer, without a request. */
static int64_t log_end(struct kb_source *src, uint32_t slot)
{
    struct kb_consumer *c = kb_consumer_of(src);
    const struct kb_partition *part = kb_partitions_by_slot(&c->parts, slot);
    int64_t low = -1, high = -1;
    if (!part || rd_kafka_get_watermark_offsets(c->rk, part->id.topic, part->id.partition, &low,
                     &high) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return -1;
    return high >= 0 ? high : -1;
}

/* ------------------------------------------------------------------ the end */

/* Before 2.3 a cooperative member that joined but never saw an assignment aborts the process when
 * it is destroyed: such a handle is left behind. */
static bool may_destroy(const struct kb_consumer *c)
{
    return !c->cooperative || c->seen_assignment || rd_kafka_version() >= 0x02030000;
}

/* On a thread of its own, because librdkafka has ways to hang here and the daemon must not. */
static void *end_client(void *arg)
{
    struct kb_consumer *c = arg;
    rd_kafka_consumer_close(c->rk);
    if (may_destroy(c))
        rd_kafka_destroy(c->rk);
    return NULL;
}

static void end_client_in_time(struct kb_consumer *c, int wait_ms)
{
    pthread_t thread;
    struct timespec until;
    if (pthread_create(&thread, NULL, end_client, c) != 0) {
        end_client(c);
        return;
    }
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += wait_ms / 1000;
    until.tv_nsec += wait_ms % 1000 * 1000000;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    if (pthread_clockjoin_np(thread, NULL, CLOCK_MONOTONIC, &until) == 0)
        return;
    pthread_detach(thread);
    c->stuck = true;
    kb_log_warn("kafka",
        "the Kafka client did not leave its group within %d ms; going on without it", wait_ms);
}

static void close_consumer(struct kb_source *src, int wait_ms)
{
    struct kb_consumer *c = kb_consumer_of(src);
    if (c->closing)
        return;
    c->closing = true;
    kb_fetch_gate_open(&c->gate);
    kb_consumer_release_held(c);
    kb_consumer_drop_events(c);
    rd_kafka_queue_io_event_enable(c->queue, -1, NULL, 0);
    rd_kafka_queue_destroy(c->queue);
    end_client_in_time(c, wait_ms);
}

void kb_consumer_free(struct kb_source *src)
{
    if (!src)
        return;
    struct kb_consumer *c = kb_consumer_of(src);
    if (c->rk)
        close_consumer(src, FREE_WAIT_MS);
    if (c->stuck)
        return; /* librdkafka's thread may still call back */
    kb_consumer_drop_events(c);
    kb_partitions_deinit(&c->parts);
    free(c->held);
    free(c->headers);
    free(c->cluster_id);
    if (src->wake_fd >= 0)
        close(src->wake_fd);
    kb_client_log_deinit(&c->log);
    free(c);
}

/* ------------------------------------------------------------------ the beginning */

static const struct kb_source_ops ops = {
    .subscribe = subscribe,
    .take = kb_consumer_take,
    .rebalance = kb_consumer_rebalance,
    .rebalanced = kb_consumer_rebalanced,
    .pause = kb_consumer_pause,
    .resume = kb_consumer_resume,
    .commit = kb_consumer_commit,
    .committed = kb_consumer_committed,
    .cluster_id = cluster_id,
    .log_end = log_end,
    .failed = failed,
    .close = close_consumer,
};

/* Empty where the property was never set. */
static void get(const rd_kafka_conf_t *conf, const char *name, char *value, size_t size)
{
    if (rd_kafka_conf_get(conf, name, value, &size) != RD_KAFKA_CONF_OK)
        *value = '\0';
}

/* Two workers with one instance id would fence each other. */
static bool set_instance_id(
    rd_kafka_conf_t *conf, const struct kb_consumer_options *options, struct kb_err *err)
{
    char id[TEXT_MAX], numbered[TEXT_MAX + 16], why[TEXT_MAX];
    get(conf, "group.instance.id", id, sizeof(id));
    if (!*id || options->n_workers <= 1)
        return true;
    snprintf(numbered, sizeof(numbered), "%s-%d", id, options->worker);
    if (rd_kafka_conf_set(conf, "group.instance.id", numbered, why, sizeof(why)) ==
        RD_KAFKA_CONF_OK)
        return true;
    return kb_err_config(err, "Kafka property \"group.instance.id\": %s", why);
}

/* librdkafka then takes the topic for one that does not exist: no pattern matches it, no member is
 * given it. Behind what the user ignores himself. A dot is the only sign of a topic's name that
 * means something to a regular expression. */
static bool set_ignored_topic(
    rd_kafka_conf_t *conf, const struct kb_consumer_options *options, struct kb_err *err)
{
    char why[TEXT_MAX];
    struct kb_buf list;
    if (!options->ignored_topic)
        return true;
    kb_buf_init(&list, 1 << 20);
    for (size_t i = 0; i < options->n_properties; i++) {
        if (strcmp(options->properties[i].name, "topic.blacklist") == 0)
            kb_buf_printf(&list, "%s,", options->properties[i].value);
    }
    kb_buf_byte(&list, '^');
    for (const char *c = options->ignored_topic; *c; c++)
        kb_buf_printf(&list, *c == '.' ? "[.]" : "%c", *c);
    kb_buf_add(&list, (struct kb_slice){"$", sizeof("$")}); /* with its end */
    bool ok = !list.failed && rd_kafka_conf_set(conf, "topic.blacklist", list.ptr, why,
                                  sizeof(why)) == RD_KAFKA_CONF_OK;
    if (!ok)
        kb_err_config(
            err, "Kafka property \"topic.blacklist\": %s", list.failed ? "it is too long" : why);
    kb_buf_deinit(&list);
    return ok;
}

static bool check_required(const rd_kafka_conf_t *conf, struct kb_err *err)
{
    char value[TEXT_MAX], mock[TEXT_MAX];
    get(conf, "group.id", value, sizeof(value));
    if (!*value)
        return kb_err_config(err, "Kafka property \"group.id\" is missing: the group whose "
                                  "committed offsets say what is done");
    get(conf, "bootstrap.servers", value, sizeof(value));
    get(conf, "test.mock.num.brokers", mock, sizeof(mock));
    if (!*value && strcmp(mock, "0") == 0)
        return kb_err_config(err, "Kafka property \"bootstrap.servers\" is missing");
    return true;
}

static rd_kafka_conf_t *configure(
    struct kb_consumer *c, const struct kb_consumer_options *options, struct kb_err *err)
{
    char strategy[TEXT_MAX];
    rd_kafka_conf_t *conf = kb_properties_conf(options->properties, options->n_properties,
        KB_CLIENT_CONSUMER,
        kb_fetch_gate_needed() ? options->queue_bytes : options->queue_bytes / AHEAD_SHARE, err);
    if (!conf)
        return NULL;
    if (!check_required(conf, err) || !set_instance_id(conf, options, err) ||
        !set_ignored_topic(conf, options, err)) {
        rd_kafka_conf_destroy(conf);
        return NULL;
    }
    get(conf, "partition.assignment.strategy", strategy, sizeof(strategy));
    c->cooperative = strstr(strategy, "cooperative") != NULL;
    if (c->cooperative && !kb_cooperative_trusted())
        c->source.commit_interval_ms = COOPERATIVE_COMMIT_MS;
    kb_client_log_attach(conf, &c->log);
    rd_kafka_conf_set_error_cb(conf, error_cb);
    rd_kafka_conf_set_rebalance_cb(conf, kb_consumer_rebalance_cb);
    return conf;
}

/* Before 2.2 a configuration with interceptors is destroyed twice where no client can be made of
 * it: a client without brokers, which connects to nothing, shows first whether one can. */
static bool try_client(const rd_kafka_conf_t *conf, struct kb_err *err)
{
    char why[TEXT_MAX];
    rd_kafka_conf_t *copy = rd_kafka_conf_dup(conf);
    rd_kafka_conf_set(copy, "bootstrap.servers", NULL, NULL, 0);
    rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_CONSUMER, copy, why, sizeof(why));
    if (!rk) {
        rd_kafka_conf_destroy(copy);
        return kb_err_config(err, "Kafka client: %s", why);
    }
    rd_kafka_destroy(rk);
    return true;
}

static bool attach_gate(
    struct kb_consumer *c, rd_kafka_conf_t *conf, size_t limit, struct kb_err *err)
{
    if (!kb_fetch_gate_needed())
        return true;
    if (!try_client(conf, err))
        return false;
    kb_fetch_gate_attach(conf, &c->gate, limit);
    return true;
}

static bool start_client(struct kb_consumer *c, rd_kafka_conf_t *conf, struct kb_err *err)
{
    static const uint64_t one = 1;
    char why[TEXT_MAX];
    c->rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why, sizeof(why));
    if (!c->rk) {
        rd_kafka_conf_destroy(conf);
        return kb_err_config(err, "Kafka client: %s", why);
    }
    rd_kafka_poll_set_consumer(c->rk);
    c->queue = rd_kafka_queue_get_consumer(c->rk);
    rd_kafka_queue_io_event_enable(c->queue, c->source.wake_fd, &one, sizeof(one));
    return true;
}

void kb_consumer_set_queue_bytes(struct kb_source *src, size_t queue_bytes)
{
    struct kb_consumer *c = kb_consumer_of(src);
    size_t bytes = queue_bytes < c->queue_bytes ? queue_bytes : c->queue_bytes;
    kb_fetch_gate_limit(&c->gate, bytes / AHEAD_SHARE);
}

struct kb_source *kb_consumer_new(const struct kb_consumer_options *options, struct kb_err *err)
{
    struct kb_consumer *c = calloc(1, sizeof(*c));
    if (!c) {
        kb_err_fatal(err, "no memory for a Kafka consumer");
        return NULL;
    }
    c->source = (struct kb_source){.ops = &ops, .wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)};
    c->queue_bytes = options->queue_bytes;
    kb_partitions_init(&c->parts);
    bool logs = kb_client_log_init(&c->log, options->properties, options->n_properties);
    rd_kafka_conf_t *conf = NULL;
    if (!logs || c->source.wake_fd < 0)
        kb_err_fatal(err, "no memory or no descriptor for a Kafka consumer");
    else
        conf = configure(c, options, err);
    if (conf && !attach_gate(c, conf, options->queue_bytes / AHEAD_SHARE, err)) {
        rd_kafka_conf_destroy(conf);
        conf = NULL;
    }
    if (conf && start_client(c, conf, err) &&
        (options->n_topics == 0 || subscribe(&c->source, options->topics, options->n_topics, err)))
        return &c->source;
    kb_consumer_free(&c->source);
    return NULL;
}
