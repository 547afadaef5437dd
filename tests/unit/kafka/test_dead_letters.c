/* The dead-letter producer against librdkafka's mock cluster: what a letter carries, that every
 * letter is answered, an outage and its end. */
#include "base/log.h"
#include "kafka/dead_letters.h"
#include "support/kafka_member.h"
#include "support/kafka_mock.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define PROPERTY(n, v)                                                        \
    {                                                                         \
        .name = (char *)(n), .value = (char *)(v), .secret = false, .line = 1 \
    }

static struct kb_dead_letters *start(const char *bootstraps, const char *timeout_ms)
{
    const struct kb_property properties[] = {
        PROPERTY("bootstrap.servers", bootstraps),
        PROPERTY("group.id", "kably-orders"),
        PROPERTY("auto.offset.reset", "latest"),
        PROPERTY("message.timeout.ms", timeout_ms),
        PROPERTY("reconnect.backoff.max.ms", "300"),
        PROPERTY("topic.metadata.refresh.interval.ms", "500"),
    };
    const struct kb_dead_letters_options options = {
        .properties = properties,
        .n_properties = KB_COUNT(properties),
        .topic = "dlq",
        .group_id = "kably-orders",
        .worker = 3,
    };
    struct kb_err err;
    struct kb_dead_letters *dl = kb_dead_letters_new(&options, &err);
    if (!dl)
        fail_msg("%s", err.text);
    return dl;
}

static struct kb_original *original(const struct kb_header *headers, size_t n_headers,
    struct kb_slice key, struct kb_slice value, int64_t offset)
{
    const struct kb_record rec = {.topic = KB_S("orders"),
        .partition = 7,
        .offset = offset,
        .timestamp = 1234567890123,
        .key = key,
        .value = value,
        .headers = headers,
        .n_headers = n_headers};
    struct kb_original *copy = kb_original_copy(&rec);
    assert_non_null(copy);
    return copy;
}

/* Where it does not matter what is in it. */
static struct kb_original *any_letter(void)
{
    return original(NULL, 0, KB_S("k"), KB_S("v"), 1);
}

static void end(struct kb_dead_letters *dl, struct kb_original *letter)
{
    kb_dead_letters_free(dl);
    kb_original_free(letter);
}

static const struct kb_dead_letter_reason undecodable = {
    .failure = KB_FAILURE_DECODE, .code = 0, .text = "json: no object", .attempts = 1};

static void must_send(struct kb_dead_letters *dl, const struct kb_original *letter,
    const struct kb_dead_letter_reason *reason, void *tag)
{
    struct kb_err err = {.text = ""};
    if (!dl->ops->send(dl, letter, reason, tag, &err))
        fail_msg("send: %s", err.text);
}

/* Sleeps on the wake descriptor alone, as the worker does. */
static struct kb_dead_letter_ack await(struct kb_dead_letters *dl, int ms)
{
    struct kb_dead_letter_ack ack = {.tag = NULL};
    const int64_t until = kafka_member_ms() + ms;
    while (!dl->ops->acknowledged(dl, &ack)) {
        int left = (int)(until - kafka_member_ms());
        if (left <= 0)
            fail_msg("no acknowledgement within %d ms", ms);
        poll(&(struct pollfd){.fd = dl->wake_fd, .events = POLLIN}, 1, left);
    }
    return ack;
}

enum { READ_MAX = 256 };

struct reading {
    rd_kafka_t *rk;
    rd_kafka_message_t *messages[READ_MAX];
    size_t n;
};

/* The first `want` messages of a dead-letter topic. */
static void read_topic(struct reading *got, const char *bootstraps, const char *topic, size_t want)
{
    char why[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set(conf, "bootstrap.servers", bootstraps, why, sizeof(why));
    rd_kafka_conf_set(conf, "group.id", "reader", why, sizeof(why));
    rd_kafka_conf_set(conf, "fetch.wait.max.ms", "10", why, sizeof(why));
    *got = (struct reading){.rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why, sizeof(why))};
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, topic, 0)->offset = 0;
    rd_kafka_assign(got->rk, list);
    rd_kafka_topic_partition_list_destroy(list);
    const int64_t until = kafka_member_ms() + 10000;
    while (got->n < want && kafka_member_ms() < until) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(got->rk, 100);
        if (message && !message->err)
            got->messages[got->n++] = message;
        else if (message)
            rd_kafka_message_destroy(message);
    }
    assert_int_equal(got->n, want);
}

static void read_back(struct reading *got, const char *bootstraps, size_t want)
{
    read_topic(got, bootstraps, "dlq", want);
}

static void done_reading(struct reading *got)
{
    for (size_t i = 0; i < got->n; i++)
        rd_kafka_message_destroy(got->messages[i]);
    rd_kafka_consumer_close(got->rk);
    rd_kafka_destroy(got->rk);
}

static void expect_letters(struct kafka_mock *mock, const char *topic, size_t n)
{
    struct reading got;
    read_topic(&got, mock->bootstraps, topic, n);
    done_reading(&got);
}

static void expect_header(
    rd_kafka_headers_t *headers, size_t index, const char *name, struct kb_slice value)
{
    const char *got_name;
    const void *got;
    size_t size;
    if (rd_kafka_header_get_all(headers, index, &got_name, &got, &size) !=
        RD_KAFKA_RESP_ERR_NO_ERROR)
        fail_msg("no header %zu (%s)", index, name);
    assert_string_equal(got_name, name);
    assert_int_equal(got != NULL, value.ptr != NULL);
    if (!kb_slice_eq((struct kb_slice){got, size}, value))
        fail_msg(
            "%s: \"%.*s\", expected \"%.*s\"", name, (int)size, (const char *)got, KB_ARG(value));
}

static void test_the_contract(void **state)
{
    struct kafka_mock *mock = *state;
    const struct kb_header headers[] = {
        {KB_S("trace"), KB_S("abc")}, {KB_S("nothing"), {NULL, 0}}, {KB_S("trace"), KB_S("\xff")}};
    struct kb_dead_letters *dl = start(mock->bootstraps, "10000");
    struct kb_original *letter = original(headers, 3, KB_S("key"), KB_S("{bad"), 42);
    struct kb_original *bare = original(NULL, 0, (struct kb_slice){NULL, 0}, KB_S(""), 43);
    const struct kb_dead_letter_reason refused = {
        .failure = KB_FAILURE_PUBLISH, .code = 40160, .text = "not permitted", .attempts = 4};

    must_send(dl, letter, &undecodable, letter);
    struct kb_dead_letter_ack ack = await(dl, 15000);
    if (!ack.ok)
        fail_msg("%s", ack.text);
    assert_ptr_equal(ack.tag, letter);
    must_send(dl, bare, &refused, bare);
    ack = await(dl, 15000);
    assert_true(ack.ok);
    assert_ptr_equal(ack.tag, bare);
    assert_false(dl->ops->acknowledged(dl, &ack));
    kb_dead_letters_free(dl);

    struct reading reading;
    rd_kafka_headers_t *list;
    rd_kafka_timestamp_type_t type;
    read_back(&reading, mock->bootstraps, 2);
    rd_kafka_message_t **got = reading.messages;
    assert_true(kb_slice_is((struct kb_slice){got[0]->key, got[0]->key_len}, "key"));
    assert_true(kb_slice_is((struct kb_slice){got[0]->payload, got[0]->len}, "{bad"));
    assert_true(rd_kafka_message_timestamp(got[0], &type) == 1234567890123);
    assert_int_equal(rd_kafka_message_headers(got[0], &list), RD_KAFKA_RESP_ERR_NO_ERROR);
    assert_int_equal(rd_kafka_header_cnt(list), 16);
    expect_header(list, 0, "trace", KB_S("abc"));
    expect_header(list, 1, "nothing", (struct kb_slice){NULL, 0});
    expect_header(list, 2, "trace", KB_S("\xff"));
    expect_header(list, 3, "__connect.errors.topic", KB_S("orders"));
    expect_header(list, 4, "__connect.errors.partition", KB_S("7"));
    expect_header(list, 5, "__connect.errors.offset", KB_S("42"));
    expect_header(list, 6, "__connect.errors.connector.name", KB_S("kably-orders"));
    expect_header(list, 7, "__connect.errors.task.id", KB_S("3"));
    expect_header(list, 8, "__connect.errors.stage", KB_S("VALUE_CONVERTER"));
    expect_header(
        list, 9, "__connect.errors.class.name", KB_S("org.apache.kafka.connect.storage.Converter"));
    expect_header(list, 10, "__connect.errors.exception.class.name", KB_S("kably.DecodeError"));
    expect_header(list, 11, "__connect.errors.exception.message", KB_S("json: no object"));
    expect_header(list, 12, "__connect.errors.exception.stacktrace", KB_S(""));
    expect_header(list, 13, "kably.error.class", KB_S("decode"));
    expect_header(list, 14, "kably.error.code", KB_S("0"));
    expect_header(list, 15, "kably.error.attempts", KB_S("1"));

    assert_null(got[1]->key);
    assert_non_null(got[1]->payload);
    assert_int_equal(got[1]->len, 0);
    assert_int_equal(rd_kafka_message_headers(got[1], &list), RD_KAFKA_RESP_ERR_NO_ERROR);
    assert_int_equal(rd_kafka_header_cnt(list), 13);
    expect_header(list, 5, "__connect.errors.stage", KB_S("TASK_PUT"));
    expect_header(
        list, 6, "__connect.errors.class.name", KB_S("org.apache.kafka.connect.sink.SinkTask"));
    expect_header(list, 11, "kably.error.code", KB_S("40160"));
    expect_header(list, 12, "kably.error.attempts", KB_S("4"));
    done_reading(&reading);
    kb_original_free(letter);
    kb_original_free(bare);
}

/* Letters sent before the topic exists wait for it, and keep their order. */
static void test_many_letters_in_order(void **state)
{
    struct kafka_mock *mock = *state;
    enum { N = 200 };
    struct kb_original *letters[N];
    struct reading got;
    struct kb_dead_letters *dl = start(mock->bootstraps, "10000");
    for (size_t i = 0; i < N; i++) {
        letters[i] = original(NULL, 0, KB_S("k"), KB_S("v"), (int64_t)i);
        must_send(dl, letters[i], &undecodable, letters[i]);
    }
    for (size_t i = 0; i < N; i++) {
        struct kb_dead_letter_ack ack = await(dl, 15000);
        assert_true(ack.ok);
        assert_ptr_equal(ack.tag, letters[i]);
    }
    kb_dead_letters_free(dl);
    read_back(&got, mock->bootstraps, N);
    for (size_t i = 0; i < N; i++) {
        rd_kafka_headers_t *list;
        char offset[16];
        snprintf(offset, sizeof(offset), "%zu", i);
        assert_int_equal(
            rd_kafka_message_headers(got.messages[i], &list), RD_KAFKA_RESP_ERR_NO_ERROR);
        expect_header(list, 2, "__connect.errors.offset", kb_slice_of(offset));
        kb_original_free(letters[i]);
    }
    done_reading(&got);
}

/* Sends until a letter gets through: refused at once or by its answer, both are outages that pass.
 */
static void comes_back(struct kb_dead_letters *dl, struct kb_original *letter)
{
    for (const int64_t until = kafka_member_ms() + 15000; kafka_member_ms() < until;) {
        struct kb_err err = {.class = KB_ERR_NONE};
        if (dl->ops->send(dl, letter, &undecodable, letter, &err)) {
            if (await(dl, 15000).ok)
                return;
        } else {
            assert_int_equal(err.class, KB_ERR_OUTAGE);
            poll(NULL, 0, 100);
        }
    }
    fail_msg("no letter got through again");
}

static void test_a_broker_that_is_away(void **state)
{
    struct kafka_mock *mock = *state;
    struct kb_dead_letters *dl = start(mock->bootstraps, "2000");
    struct kb_original *letter = any_letter();
    must_send(dl, letter, &undecodable, letter);
    assert_true(await(dl, 15000).ok);

    rd_kafka_mock_broker_set_down(mock->cluster, 1);
    must_send(dl, letter, &undecodable, letter);
    struct kb_dead_letter_ack ack = await(dl, 10000);
    assert_false(ack.ok);
    assert_ptr_equal(ack.tag, letter);
    assert_non_null(strstr(ack.text, "dlq"));

    rd_kafka_mock_broker_set_up(mock->cluster, 1);
    comes_back(dl, letter);
    end(dl, letter);
}

/* What the topic refuses is answered, and letters go through again when it no longer does. */
static void test_a_refused_letter(void **state)
{
    struct kafka_mock *mock = *state;
    struct kb_dead_letters *dl = start(mock->bootstraps, "5000");
    struct kb_original *letter = any_letter();
    comes_back(dl, letter);
    rd_kafka_mock_push_request_errors(
        mock->cluster, 0 /* Produce */, 1, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
    must_send(dl, letter, &undecodable, letter);
    struct kb_dead_letter_ack ack = await(dl, 15000);
    assert_false(ack.ok);
    assert_non_null(strstr(ack.text, "uthorization"));
    comes_back(dl, letter);
    end(dl, letter);
}

/* A reload: letters that are on their way stay with their topic, the next go to the other. */
static void test_another_topic(void **state)
{
    struct kafka_mock *mock = *state;
    struct kb_err err;
    kafka_mock_topic(mock, "other", 1);
    struct kb_dead_letters *dl = start(mock->bootstraps, "20000");
    struct kb_original *letter = any_letter();
    comes_back(dl, letter);
    must_send(dl, letter, &undecodable, letter);
    assert_true(kb_dead_letters_prepare(dl, "nowhere", &err));
    kb_dead_letters_forget(dl);
    kb_dead_letters_adopt(dl); /* nothing was left to adopt */
    must_send(dl, letter, &undecodable, letter);
    assert_true(kb_dead_letters_prepare(dl, "other", &err));
    kb_dead_letters_adopt(dl);
    for (int i = 0; i < 3; i++)
        must_send(dl, letter, &undecodable, letter);
    for (int i = 0; i < 5; i++)
        assert_true(await(dl, 15000).ok);
    end(dl, letter);
    expect_letters(mock, "dlq", 3);
    expect_letters(mock, "other", 3);
}

/* Letters that waited for a topic to be there are not kept waiting for it by a reload. */
static void test_another_topic_while_one_is_created(void **state)
{
    struct kafka_mock *mock = *state;
    struct kb_err err;
    kafka_mock_topic(mock, "other", 1);
    struct kb_dead_letters *dl = start(mock->bootstraps, "20000");
    struct kb_original *letter = any_letter();
    must_send(dl, letter, &undecodable, letter);
    assert_true(kb_dead_letters_prepare(dl, "other", &err));
    kb_dead_letters_adopt(dl);
    must_send(dl, letter, &undecodable, letter);
    assert_true(await(dl, 15000).ok);
    assert_true(await(dl, 15000).ok);
    end(dl, letter);
    expect_letters(mock, "other", 2);
}

/* An error that is final for the client (here: no right to be idempotent): its letter comes back,
 * and a new client takes the next one. */
static void test_a_final_error_is_not_the_end(void **state)
{
    struct kafka_mock *mock = *state;
    rd_kafka_mock_push_request_errors(
        mock->cluster, 22 /* InitProducerId */, 1, RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED);
    struct kb_dead_letters *dl = start(mock->bootstraps, "20000");
    struct kb_original *letter = any_letter();
    must_send(dl, letter, &undecodable, letter);
    struct kb_dead_letter_ack ack = await(dl, 15000);
    assert_false(ack.ok);
    assert_ptr_equal(ack.tag, letter);
    comes_back(dl, letter);
    end(dl, letter);
}

/* Freed with letters that nobody answers: within its second, and without a leak. */
static void test_free_during_an_outage(void **state)
{
    (void)state;
    struct kb_dead_letters *dl = start("127.0.0.1:1", "30000");
    struct kb_original *letter = any_letter();
    must_send(dl, letter, &undecodable, letter);
    must_send(dl, letter, &undecodable, letter);
    const int64_t start_ms = kafka_member_ms();
    kb_dead_letters_free(dl);
    assert_true(kafka_member_ms() - start_ms < 4000);
    kb_original_free(letter);
}

static int start_with_topic(void **state)
{
    kafka_mock_setup(state);
    kafka_mock_topic(*state, "dlq", 1); /* the mock has no admin requests */
    return 0;
}

#define WITH_TOPIC(test) \
    cmocka_unit_test_setup_teardown(test, start_with_topic, kafka_mock_teardown)

/* One name or pattern as an argument runs those tests alone: each takes seconds. */
int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        WITH_TOPIC(test_the_contract),
        WITH_TOPIC(test_many_letters_in_order),
        WITH_TOPIC(test_a_broker_that_is_away),
        WITH_TOPIC(test_a_refused_letter),
        WITH_TOPIC(test_another_topic),
        WITH_TOPIC(test_another_topic_while_one_is_created),
        WITH_TOPIC(test_a_final_error_is_not_the_end),
        cmocka_unit_test(test_free_during_an_outage),
    };
    kb_log_setup(KB_LOG_ERROR, KB_LOG_TEXT);
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
