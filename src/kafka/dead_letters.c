/* The dead-letter topic: an idempotent librdkafka producer behind record/dead_letter.h, one per
 * worker and used on its thread alone.
 *
 * A letter is on exactly one list from send() until its acknowledgement was handed out: `waiting`
 * for the topic to be created, `out` in librdkafka's hands, `done` with its answer. The payload is
 * not copied, the letter's original stays the worker's until then.
 *
 * Idempotence can end in an error that is final for the client. Then every letter it holds is
 * answered with that error and a new client takes its place; the worker sends the letters again. */
#include "kafka/dead_letters_inside.h"

#include "kafka/connect_headers.h"

#include <sys/eventfd.h>
#include <unistd.h>

enum { WAITING_MAX = 1000, FLUSH_MS = 1000 };

static struct kb_letter_producer *producer_of(struct kb_dead_letters *dl)
{
    return (struct kb_letter_producer *)((char *)dl - offsetof(struct kb_letter_producer, dl));
}

/* ------------------------------------------------------------------ letters */

static void letter_free(struct kb_letter *letter)
{
    if (letter->headers)
        rd_kafka_headers_destroy(letter->headers);
    free(letter);
}

static void letters_free(struct kb_letters *letters)
{
    struct kb_letter *letter;
    while ((letter = TAILQ_FIRST(letters))) {
        TAILQ_REMOVE(letters, letter, link);
        letter_free(letter);
    }
}

/* The letter, on no list now, has its answer. The eventfd is written for answers that don't come
 * from polling. */
static void answer_of(struct kb_letter_producer *p, struct kb_letter *letter, const char *topic,
    rd_kafka_resp_err_t code)
{
    static const uint64_t one = 1;
    letter->ack.ok = code == RD_KAFKA_RESP_ERR_NO_ERROR;
    if (code)
        snprintf(
            letter->ack.text, sizeof(letter->ack.text), "%s: %s", topic, rd_kafka_err2str(code));
    TAILQ_INSERT_TAIL(&p->done, letter, link);
    if (write(p->dl.wake_fd, &one, sizeof(one)) < 0)
        return; /* full: it is readable anyway */
}

static void answer(struct kb_letter_producer *p, struct kb_letter *letter, rd_kafka_resp_err_t code)
{
    answer_of(p, letter, p->topic, code);
}

static void answer_all(
    struct kb_letter_producer *p, struct kb_letters *letters, rd_kafka_resp_err_t code)
{
    struct kb_letter *letter;
    while ((letter = TAILQ_FIRST(letters))) {
        TAILQ_REMOVE(letters, letter, link);
        answer(p, letter, code);
    }
}

/* librdkafka takes 0 for "now"; a record from the first millisecond of 1970 is dated one later. */
static int64_t timestamp_of(const struct kb_record *rec)
{
    return rec->timestamp == 0 ? 1 : rec->timestamp < 0 ? 0 : rec->timestamp;
}

static rd_kafka_resp_err_t produce(struct kb_letter_producer *p, struct kb_letter *letter)
{
    const struct kb_record *rec = &letter->original->record;
    rd_kafka_resp_err_t code = rd_kafka_producev(p->rk, RD_KAFKA_V_TOPIC(p->topic),
        RD_KAFKA_V_KEY(rec->key.ptr, rec->key.len),
        RD_KAFKA_V_VALUE((void *)rec->value.ptr, rec->value.len),
        RD_KAFKA_V_TIMESTAMP(timestamp_of(rec)), RD_KAFKA_V_HEADERS(letter->headers),
        RD_KAFKA_V_OPAQUE(letter), RD_KAFKA_V_END);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
        letter->headers = NULL;
        TAILQ_INSERT_TAIL(&p->out, letter, link);
    }
    return code;
}

void kb_letters_produce_waiting(struct kb_letter_producer *p)
{
    struct kb_letter *letter;
    while ((letter = TAILQ_FIRST(&p->waiting))) {
        TAILQ_REMOVE(&p->waiting, letter, link);
        rd_kafka_resp_err_t code = produce(p, letter);
        if (code)
            answer(p, letter, code);
    }
    p->n_waiting = 0;
}

void kb_letters_refuse_waiting(struct kb_letter_producer *p, rd_kafka_resp_err_t code)
{
    answer_all(p, &p->waiting, code);
    p->n_waiting = 0;
}

static void delivered(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque)
{
    struct kb_letter_producer *p = opaque;
    struct kb_letter *letter = message->_private;
    const char *topic = rd_kafka_topic_name(message->rkt); /* it may be another by now */
    (void)rk;
    if ((message->err == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC ||
            message->err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) &&
        strcmp(topic, p->topic) == 0)
        p->topic_state =
            KB_LETTER_TOPIC_UNKNOWN; /* deleted under us: created again with the next letter */
    TAILQ_REMOVE(&p->out, letter, link);
    answer_of(p, letter, topic, message->err);
}

static void error_cb(rd_kafka_t *rk, int code, const char *text, void *opaque)
{
    struct kb_letter_producer *p = opaque;
    (void)rk;
    kb_client_log_error(
        &p->log, rd_kafka_err2name((rd_kafka_resp_err_t)code), "dead-letter producer: %s", text);
    if (code == RD_KAFKA_RESP_ERR__FATAL)
        p->broken = true;
}

/* ------------------------------------------------------------------ the client */

static bool start_client(struct kb_letter_producer *p, struct kb_err *err)
{
    static const uint64_t one = 1;
    char why[512];
    rd_kafka_conf_t *conf = rd_kafka_conf_dup(p->conf);
    p->rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof(why));
    if (!p->rk) {
        rd_kafka_conf_destroy(conf);
        return kb_err_config(err, "dead-letter producer: %s", why);
    }
    p->broken = false;
    p->main_queue = rd_kafka_queue_get_main(p->rk);
    p->admin_queue = rd_kafka_queue_new(p->rk);
    rd_kafka_queue_io_event_enable(p->main_queue, p->dl.wake_fd, &one, sizeof(one));
    rd_kafka_queue_io_event_enable(p->admin_queue, p->dl.wake_fd, &one, sizeof(one));
    return true;
}

/* Every letter the client still holds is answered, at the latest by its end. */
static void end_client(struct kb_letter_producer *p)
{
    if (!p->rk)
        return;
    rd_kafka_purge(p->rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    rd_kafka_flush(p->rk, FLUSH_MS);
    rd_kafka_queue_destroy(p->main_queue);
    rd_kafka_queue_destroy(p->admin_queue);
    rd_kafka_destroy(p->rk);
    p->rk = NULL;
    kb_letters_refuse_waiting(p, RD_KAFKA_RESP_ERR__DESTROY);
    answer_all(p, &p->out, RD_KAFKA_RESP_ERR__DESTROY);
    if (p->topic_state == KB_LETTER_TOPIC_CREATING)
        p->topic_state = KB_LETTER_TOPIC_UNKNOWN;
}

/* A working client, made anew where the last one has met its final error. */
static bool have_client(struct kb_letter_producer *p, struct kb_err *err)
{
    if (p->rk && p->broken) {
        kb_log_warn("kafka", "the dead-letter producer met a final error; starting a new one");
        end_client(p);
    }
    return p->rk || start_client(p, err);
}

/* ------------------------------------------------------------------ the door */

static bool send_letter(struct kb_dead_letters *dl, const struct kb_original *original,
    const struct kb_dead_letter_reason *reason, void *tag, struct kb_err *err)
{
    struct kb_letter_producer *p = producer_of(dl);
    if (!have_client(p, err))
        return kb_err_outage(err, "dead-letter topic %s: no producer can be started", p->topic);
    if (p->topic_state == KB_LETTER_TOPIC_UNKNOWN)
        kb_letters_create_topic(p);
    if (p->n_waiting == WAITING_MAX)
        return kb_err_outage(err, "dead-letter topic %s: it is still being created", p->topic);
    struct kb_letter *letter = calloc(1, sizeof(*letter));
    if (!letter)
        return kb_err_outage(err, "dead-letter topic %s: no memory", p->topic);
    letter->original = original;
    letter->ack.tag = tag;
    letter->headers = kb_connect_headers(&original->record, reason, p->group_id, p->worker);
    if (p->topic_state == KB_LETTER_TOPIC_CREATING) {
        TAILQ_INSERT_TAIL(&p->waiting, letter, link);
        p->n_waiting++;
        return true;
    }
    rd_kafka_resp_err_t code = produce(p, letter);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
        return true;
    letter_free(letter);
    return kb_err_outage(err, "dead-letter topic %s: %s", p->topic, rd_kafka_err2str(code));
}

static bool acknowledged(struct kb_dead_letters *dl, struct kb_dead_letter_ack *out)
{
    struct kb_letter_producer *p = producer_of(dl);
    struct kb_letter *letter = TAILQ_FIRST(&p->done);
    if (!letter) {
        uint64_t count;
        struct kb_err err;
        while (read(dl->wake_fd, &count, sizeof(count)) > 0) {}
        if (have_client(p, &err)) {
            kb_letters_topic_answers(p);
            rd_kafka_poll(p->rk, 0);
        }
        letter = TAILQ_FIRST(&p->done);
    }
    if (!letter)
        return false;
    TAILQ_REMOVE(&p->done, letter, link);
    *out = letter->ack;
    letter_free(letter);
    return true;
}

/* ------------------------------------------------------------------ another topic */

bool kb_dead_letters_prepare(struct kb_dead_letters *dl, const char *topic, struct kb_err *err)
{
    struct kb_letter_producer *p = producer_of(dl);
    kb_dead_letters_forget(dl);
    p->next_topic = strdup(topic);
    return p->next_topic || kb_err_fatal(err, "no memory for the dead-letter topic's name");
}

void kb_dead_letters_adopt(struct kb_dead_letters *dl)
{
    struct kb_letter_producer *p = producer_of(dl);
    char *topic = p->next_topic;
    p->next_topic = NULL;
    if (!topic || strcmp(topic, p->topic) == 0) {
        free(topic);
        return;
    }
    free(p->topic);
    p->topic = topic;
    p->changes++;
    p->topic_state = KB_LETTER_TOPIC_UNKNOWN;
    p->default_replication = true;
    if (p->rk && !p->broken)
        kb_letters_create_topic(p); /* those that wait for the one before now wait for this one */
}

void kb_dead_letters_forget(struct kb_dead_letters *dl)
{
    struct kb_letter_producer *p = producer_of(dl);
    free(p->next_topic);
    p->next_topic = NULL;
}

/* ------------------------------------------------------------------ begin and end */

static const struct kb_dead_letters_ops ops = {.send = send_letter, .acknowledged = acknowledged};

static bool configure(
    struct kb_letter_producer *p, const struct kb_dead_letters_options *options, struct kb_err *err)
{
    p->conf =
        kb_properties_conf(options->properties, options->n_properties, KB_CLIENT_PRODUCER, 0, err);
    if (!p->conf)
        return false;
    kb_client_log_attach(p->conf, &p->log);
    rd_kafka_conf_set_error_cb(p->conf, error_cb);
    rd_kafka_conf_set_dr_msg_cb(p->conf, delivered);
    return true;
}

struct kb_dead_letters *kb_dead_letters_new(
    const struct kb_dead_letters_options *options, struct kb_err *err)
{
    struct kb_letter_producer *p = calloc(1, sizeof(*p));
    if (!p) {
        kb_err_fatal(err, "no memory for the dead-letter producer");
        return NULL;
    }
    p->dl =
        (struct kb_dead_letters){.ops = &ops, .wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)};
    p->worker = options->worker;
    p->default_replication = true;
    TAILQ_INIT(&p->waiting);
    TAILQ_INIT(&p->out);
    TAILQ_INIT(&p->done);
    p->topic = strdup(options->topic);
    p->group_id = strdup(options->group_id);
    bool logs = kb_client_log_init(&p->log, options->properties, options->n_properties);
    bool ok = logs && p->topic && p->group_id && p->dl.wake_fd >= 0;
    if (!ok)
        kb_err_fatal(err, "no memory or no descriptor for the dead-letter producer");
    if (ok && configure(p, options, err) && start_client(p, err)) {
        kb_letters_create_topic(p);
        return &p->dl;
    }
    kb_dead_letters_free(&p->dl);
    return NULL;
}

void kb_dead_letters_free(struct kb_dead_letters *dl)
{
    if (!dl)
        return;
    struct kb_letter_producer *p = producer_of(dl);
    end_client(p);
    letters_free(&p->done);
    if (p->conf)
        rd_kafka_conf_destroy(p->conf);
    if (dl->wake_fd >= 0)
        close(dl->wake_fd);
    kb_client_log_deinit(&p->log);
    free(p->topic);
    free(p->next_topic);
    free(p->group_id);
    free(p);
}
