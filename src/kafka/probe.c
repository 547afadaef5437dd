/* A consumer that asks and joins nothing; see probe.h. Called by pipeline/probe.c. */
#include "kafka/probe.h"

#include "base/clock.h"
#include "kafka/client_log.h"

#define QUEUE_BYTES ((size_t)1 << 20)
#define TEXT_MAX 512
#define STEP_MS 250 /* what one question may take before it is looked whether to go on */

struct probe {
    struct kb_client_log log; /* first: librdkafka's opaque points here */
    rd_kafka_t *rk;
    const atomic_bool *give_up;
    int64_t until_ms;
    bool hopeless;       /* no waiting helps: the login is refused, or no broker is there */
    char text[TEXT_MAX]; /* of the last error */
};

/* The library's own words of what keeps it from connecting; a question only says that it timed
 * out. */
static void note_error(rd_kafka_t *rk, int code, const char *text, void *opaque)
{
    struct probe *probe = opaque;
    (void)rk;
    kb_client_log_error(
        &probe->log, rd_kafka_err2name((rd_kafka_resp_err_t)code), "reload: %s", text);
    if (code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) {
        probe->hopeless = true;
        if (*probe->text)
            return; /* the reason of one broker says more */
    }
    probe->hopeless = probe->hopeless || code == RD_KAFKA_RESP_ERR__AUTHENTICATION;
    snprintf(probe->text, sizeof(probe->text), "%s", text);
}

static bool open_client(
    struct probe *probe, const struct kb_property *properties, size_t n, struct kb_err *err)
{
    char why[TEXT_MAX];
    rd_kafka_conf_t *conf = kb_properties_conf(properties, n, KB_CLIENT_CONSUMER, QUEUE_BYTES, err);
    if (!conf)
        return false;
    kb_client_log_attach(conf, &probe->log);
    rd_kafka_conf_set_error_cb(conf, note_error);
    probe->rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why, sizeof(why));
    if (probe->rk)
        return true;
    rd_kafka_conf_destroy(conf);
    return kb_err_config(err, "Kafka client: %s", why);
}

static rd_kafka_resp_err_t ask_brokers(struct probe *probe, const char *topic)
{
    const struct rd_kafka_metadata *answer;
    (void)topic;
    rd_kafka_resp_err_t code = rd_kafka_metadata(probe->rk, 0, NULL, &answer, STEP_MS);
    if (!code)
        rd_kafka_metadata_destroy(answer);
    return code;
}

static rd_kafka_resp_err_t ask_group(struct probe *probe, const char *topic)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, topic, 0);
    rd_kafka_resp_err_t code = rd_kafka_committed(probe->rk, list, STEP_MS);
    rd_kafka_topic_partition_list_destroy(list);
    return code;
}

/* Answers that another try does not change. */
static bool is_final(rd_kafka_resp_err_t code)
{
    return code == RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED ||
           code == RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED ||
           code == RD_KAFKA_RESP_ERR_INVALID_GROUP_ID || code == RD_KAFKA_RESP_ERR__AUTHENTICATION;
}

static bool may_go_on(const struct probe *probe)
{
    return !probe->hopeless && !atomic_load(probe->give_up) && kb_system_now_ms() < probe->until_ms;
}

/* Again and again, until there is an answer. */
static bool ask(struct probe *probe, const char *what,
    rd_kafka_resp_err_t (*question)(struct probe *probe, const char *topic), const char *topic,
    struct kb_err *err)
{
    rd_kafka_resp_err_t code;
    do {
        code = question(probe, topic);
        rd_kafka_poll(probe->rk, 0);
    } while (code && !is_final(code) && may_go_on(probe));
    if (!code)
        return true;
    const char *text = *probe->text && !is_final(code) ? probe->text : rd_kafka_err2str(code);
    return kb_err_outage(err, "Kafka: %s: %s", what, text);
}

bool kb_kafka_probe(const struct kb_property *properties, size_t n, const char *topic,
    int64_t wait_ms, const atomic_bool *give_up, struct kb_err *err)
{
    struct probe probe = {.give_up = give_up, .until_ms = kb_system_now_ms() + wait_ms};
    if (!kb_client_log_init(&probe.log, properties, n))
        return kb_err_fatal(err, "no memory for a Kafka client");
    bool ok = open_client(&probe, properties, n, err) &&
              ask(&probe, "the brokers give no answer", ask_brokers, topic, err) &&
              ask(&probe, "the group's coordinator gives no answer", ask_group, topic, err);
    if (probe.rk)
        rd_kafka_destroy(probe.rk);
    kb_client_log_deinit(&probe.log);
    return ok;
}
