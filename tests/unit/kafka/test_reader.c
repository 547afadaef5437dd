/* What a reader is told that may not do what it wants: by the mock cluster, which says any error.
 */
#include "kafka/reader.h"

#include "support/kafka_mock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define WAIT_MS 10000

static struct kafka_mock mock;

static int start(void **state)
{
    (void)state;
    kafka_mock_start(&mock, 1);
    kafka_mock_topic(&mock, "orders", 2);
    kafka_mock_topic(&mock, "secret", 1);
    rd_kafka_mock_topic_set_error(
        mock.cluster, "secret", RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    kafka_mock_stop(&mock);
    return 0;
}

static bool any(void *context, const char *topic)
{
    (void)context;
    (void)topic;
    return true;
}

static struct kb_reader *open_reader(const char *bootstrap)
{
    struct kb_property properties[] = {
        {(char *)(uintptr_t) "bootstrap.servers", (char *)(uintptr_t)bootstrap, false, 1},
        {(char *)(uintptr_t) "group.id", (char *)(uintptr_t) "g", false, 1},
        {(char *)(uintptr_t) "auto.offset.reset", (char *)(uintptr_t) "latest", false, 1},
        {(char *)(uintptr_t) "sasl.password", (char *)(uintptr_t) "swordfish", true, 1},
    };
    struct kb_err err;
    struct kb_reader *reader = kb_reader_new(properties, KB_COUNT(properties), &err);
    assert_non_null(reader);
    return reader;
}

static void a_topic_that_may_not_be_described(void **state)
{
    (void)state;
    struct kb_err err;
    struct kb_reader *reader = open_reader(mock.bootstraps);
    assert_true(kb_reader_find(reader, any, NULL, WAIT_MS, &err));
    assert_true(kb_reader_look(reader, "orders", WAIT_MS, &err));
    assert_false(kb_reader_look(reader, "secret", WAIT_MS, &err));
    assert_int_equal(err.class, KB_ERR_OUTAGE);
    assert_int_equal(err.code, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
    assert_non_null(strstr(err.text, "topic secret: Kafka: "));
    kb_reader_free(reader);
}

static void a_group_that_may_not_be_described(void **state)
{
    (void)state;
    struct kb_err err;
    size_t n = 7;
    struct kb_reader *reader = open_reader(mock.bootstraps);
    assert_true(kb_reader_find(reader, any, NULL, WAIT_MS, &err));
    assert_true(kb_reader_group(reader, "g", &n, WAIT_MS, &err));
    assert_int_equal(n, 0);
    rd_kafka_mock_push_request_errors(
        mock.cluster, 9 /* OffsetFetch */, 1, RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED);
    assert_false(kb_reader_group(reader, "g", &n, WAIT_MS, &err));
    assert_int_equal(err.code, RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED);
    assert_non_null(strstr(err.text, "group g: Kafka: "));
    kb_reader_free(reader);
}

/* A right that is missing shows when the first fetch is refused. */
static void a_topic_that_may_not_be_read(void **state)
{
    (void)state;
    const struct kb_start end = {.kind = KB_START_END};
    struct kb_record rec;
    struct kb_err err;
    struct kb_reader *reader = open_reader(mock.bootstraps);
    assert_true(kb_reader_find(reader, any, NULL, WAIT_MS, &err));
    for (int i = 0; i < 4; i++)
        rd_kafka_mock_push_request_errors(
            mock.cluster, 1 /* Fetch */, 1, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
    assert_true(kb_reader_begin(reader, &end, &err));
    bool complained = false;
    for (int i = 0; i < 100 && !complained; i++) {
        (void)kb_reader_next(reader, &rec, 100);
        complained = kb_reader_complained(reader, &err);
    }
    assert_true(complained);
    assert_int_equal(err.code, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
    assert_false(kb_reader_complained(reader, &err)); /* once */
    kb_reader_free(reader);
    rd_kafka_mock_clear_request_errors(mock.cluster, 1 /* Fetch: those that nobody met */);
}

static bool is_short(void *context, const char *topic)
{
    (void)context;
    return strcmp(topic, "short") == 0;
}

/* How many records come from that offset of each partition on, until all have ended. */
static int count_from(int64_t offset)
{
    const struct kb_start start_there = {.kind = KB_START_OFFSET, .value = offset};
    struct kb_record rec;
    struct kb_err err;
    int n = 0;
    struct kb_reader *reader = open_reader(mock.bootstraps);
    assert_true(kb_reader_find(reader, is_short, NULL, WAIT_MS, &err));
    assert_true(kb_reader_begin(reader, &start_there, &err));
    enum kb_read got = KB_READ_NOTHING;
    for (int i = 0; i < 100 && got != KB_READ_END; i++) {
        got = kb_reader_next(reader, &rec, 100);
        n += got == KB_READ_RECORD;
        if (got == KB_READ_RECORD)
            assert_true(rec.offset >= offset);
    }
    assert_int_equal(got, KB_READ_END);
    kb_reader_free(reader);
    return n;
}

/* The daemon goes back to the beginning where its offset is gone; who asks for one wants it. */
static void an_offset_behind_the_end(void **state)
{
    (void)state;
    kafka_mock_topic(&mock, "short", 2);
    kafka_mock_numbers(&mock, "short", 0, 0, 3);
    kafka_mock_numbers(&mock, "short", 1, 0, 5);
    assert_int_equal(count_from(0), 8);
    assert_int_equal(count_from(2), 4);
    assert_int_equal(count_from(3), 2);
    assert_int_equal(count_from(4), 1);
    assert_int_equal(count_from(100), 0);
}

/* Whatever the file says of the daemon's group: what is left begins where it begins. */
static void an_offset_that_is_deleted(void **state)
{
    (void)state;
    rd_kafka_mock_push_request_errors(
        mock.cluster, 1 /* Fetch */, 1, RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE);
    assert_int_equal(count_from(0), 8);
}

static void nobody_there(void **state)
{
    (void)state;
    struct kb_err err;
    struct kb_reader *reader = open_reader("127.0.0.1:1");
    assert_false(kb_reader_find(reader, any, NULL, 2500, &err));
    assert_int_equal(err.class, KB_ERR_OUTAGE);
    assert_non_null(strstr(err.text, "Connection refused"));
    kb_reader_free(reader);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_topic_that_may_not_be_described),
        cmocka_unit_test(a_group_that_may_not_be_described),
        cmocka_unit_test(a_topic_that_may_not_be_read),
        cmocka_unit_test(an_offset_behind_the_end),
        cmocka_unit_test(an_offset_that_is_deleted),
        cmocka_unit_test(nobody_there),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
