/* The dead-letter topic is created once, with one partition, before the first letter leaves: left
 * to the broker it would get whatever the broker's defaults are, or not exist. Where creating is
 * refused (no rights, an old broker) the topic may still be there, so letters are sent and their
 * own answers tell. See dead_letters_inside.h. */
#include "kafka/dead_letters_inside.h"

#include "base/log.h"

enum { CREATE_WAIT_MS = 3000 };

void kb_letters_create_topic(struct kb_letter_producer *p)
{
    char why[512];
    rd_kafka_NewTopic_t *topic =
        rd_kafka_NewTopic_new(p->topic, 1, p->default_replication ? -1 : 1, why, sizeof(why));
    if (!topic) { /* a name no broker would take; its letters will say so */
        kb_client_log_error(&p->log, "dead-letter topic", "%s: %s", p->topic, why);
        p->topic_state = KB_LETTER_TOPIC_READY;
        return;
    }
    rd_kafka_AdminOptions_t *options =
        rd_kafka_AdminOptions_new(p->rk, RD_KAFKA_ADMIN_OP_CREATETOPICS);
    rd_kafka_AdminOptions_set_request_timeout(options, CREATE_WAIT_MS, why, sizeof(why));
    rd_kafka_AdminOptions_set_opaque(options, (void *)p->changes);
    p->topic_state = KB_LETTER_TOPIC_CREATING;
    rd_kafka_CreateTopics(p->rk, &topic, 1, options, p->admin_queue);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_NewTopic_destroy(topic);
}

/* Nobody was there to create it. A cluster that has told its controller's id but lets the request
 * time out has no controller to speak of (librdkafka's mock is one): then the letters are tried. */
static bool nobody_answered(const struct kb_letter_producer *p, rd_kafka_resp_err_t code)
{
    switch (code) {
    case RD_KAFKA_RESP_ERR__TIMED_OUT:
        return rd_kafka_controllerid(p->rk, 0) < 0;
    case RD_KAFKA_RESP_ERR__TRANSPORT:
    case RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT:
    case RD_KAFKA_RESP_ERR_NOT_CONTROLLER:
        return true;
    default:
        return false;
    }
}

static bool wants_a_replication_factor(rd_kafka_resp_err_t code)
{
    return code == RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE ||
           code == RD_KAFKA_RESP_ERR_INVALID_REPLICATION_FACTOR;
}

static void topic_created(struct kb_letter_producer *p, rd_kafka_resp_err_t code, const char *text)
{
    if (p->default_replication && wants_a_replication_factor(code)) {
        p->default_replication = false;
        kb_letters_create_topic(p);
        return;
    }
    if (nobody_answered(p, code)) {
        p->topic_state = KB_LETTER_TOPIC_UNKNOWN;
        kb_letters_refuse_waiting(p, code);
        return;
    }
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
        kb_log_info("kafka", "created the dead-letter topic %s", p->topic);
    else if (code != RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS)
        kb_log_info("kafka",
            "the dead-letter topic %s could not be created (%s); using it as it is", p->topic,
            text ? text : rd_kafka_err2str(code));
    p->topic_state = KB_LETTER_TOPIC_READY;
    kb_letters_produce_waiting(p);
}

/* The answer has an error for the whole request or one for the topic. */
void kb_letters_topic_answers(struct kb_letter_producer *p)
{
    rd_kafka_event_t *event;
    while ((event = rd_kafka_queue_poll(p->admin_queue, 0))) {
        const rd_kafka_CreateTopics_result_t *result = rd_kafka_event_CreateTopics_result(event);
        rd_kafka_resp_err_t code = rd_kafka_event_error(event);
        const char *text = code ? rd_kafka_event_error_string(event) : NULL;
        size_t n = 0;
        const rd_kafka_topic_result_t **topics =
            result ? rd_kafka_CreateTopics_result_topics(result, &n) : NULL;
        if (!code && n) {
            code = rd_kafka_topic_result_error(topics[0]);
            text = rd_kafka_topic_result_error_string(topics[0]);
        }
        if (result && (uintptr_t)rd_kafka_event_opaque(event) == p->changes)
            topic_created(p, code, text);
        rd_kafka_event_destroy(event);
    }
}
