/* The consumer against librdkafka's mock cluster: what a record carries, commits and their answers,
 * pause and resume, and every way of closing.
 *
 * The mock's first join takes three seconds, so one test does several things where they belong
 * together. */
#include "base/log.h"
#include "support/kafka_member.h"
#include "support/kafka_mock.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const char *const orders[] = {"orders"};

/* ------------------------------------------------------------------ what a record carries */

static int seen;

static void assert_header(const struct kb_header *header, const char *name, struct kb_slice value)
{
    assert_true(kb_slice_is(header->name, name));
    assert_int_equal(header->value.ptr != NULL, value.ptr != NULL);
    assert_true(kb_slice_eq(header->value, value));
}

static void check_record(struct kafka_member *m, const struct kb_record *rec, void *arg)
{
    (void)m;
    (void)arg;
    assert_true(kb_slice_is(rec->topic, "orders"));
    assert_int_equal(rec->offset, seen);
    assert_true(rec->timestamp > 1600000000000);
    switch (seen++) {
    case 0:
        assert_true(kb_slice_is(rec->key, "k1"));
        assert_true(kb_slice_is(rec->value, "v1"));
        assert_int_equal(rec->n_headers, 0);
        assert_null(rec->headers);
        break;
    case 1: /* null key, null value */
        assert_null(rec->key.ptr);
        assert_null(rec->value.ptr);
        break;
    case 2: /* empty is not null */
        assert_non_null(rec->key.ptr);
        assert_int_equal(rec->key.len, 0);
        assert_non_null(rec->value.ptr);
        assert_int_equal(rec->value.len, 0);
        break;
    case 3:
        assert_int_equal(rec->n_headers, 4);
        assert_header(&rec->headers[0], "a", KB_S("1"));
        assert_header(&rec->headers[1], "a", KB_S("2"));
        assert_header(&rec->headers[2], "null", (struct kb_slice){NULL, 0});
        assert_header(&rec->headers[3], "empty", KB_S(""));
        break;
    default: /* so many headers that the array moves while a take fills it */
        assert_int_equal(rec->n_headers, 50);
        assert_header(&rec->headers[0], "h", rec->value);
        assert_header(&rec->headers[49], "h", rec->value);
        break;
    }
}

static rd_kafka_headers_t *four_headers(void)
{
    rd_kafka_headers_t *headers = rd_kafka_headers_new(4);
    rd_kafka_header_add(headers, "a", -1, "1", 1);
    rd_kafka_header_add(headers, "a", -1, "2", 1);
    rd_kafka_header_add(headers, "null", -1, NULL, 0);
    rd_kafka_header_add(headers, "empty", -1, "", 0);
    return headers;
}

static void test_a_record_arrives_as_it_is(void **state)
{
    struct kafka_mock *mock = *state;
    struct kafka_member m;
    kafka_mock_topic(mock, "orders", 1);
    kafka_mock_produce(mock, "orders", 0, KB_S("k1"), KB_S("v1"), NULL);
    kafka_mock_produce(
        mock, "orders", 0, (struct kb_slice){NULL, 0}, (struct kb_slice){NULL, 0}, NULL);
    kafka_mock_produce(mock, "orders", 0, KB_S(""), KB_S(""), NULL);
    kafka_mock_produce(mock, "orders", 0, KB_S("k"), KB_S("v"), four_headers());
    for (char value[] = "0"; value[0] <= '9'; value[0]++) {
        rd_kafka_headers_t *headers = rd_kafka_headers_new(50);
        for (int k = 0; k < 50; k++)
            rd_kafka_header_add(headers, "h", -1, value, 1);
        kafka_mock_produce(mock, "orders", 0, KB_S("k"), kb_slice_of(value), headers);
    }
    kafka_mock_flush(mock);

    seen = 0;
    kafka_member_join(&m, mock->bootstraps, "g", "range", orders, 1, check_record, NULL);
    assert_int_equal(m.src->ops->log_end(m.src, 0), -1);
    assert_true(kafka_member_run_until(&m, 14, 20));
    assert_int_equal(m.src->ops->log_end(m.src, 0), 14);
    struct kb_slice id = m.src->ops->cluster_id(m.src);
    assert_true(id.len > 0);
    assert_ptr_equal(m.src->ops->cluster_id(m.src).ptr, id.ptr);
    kafka_member_leave(&m);
}

static void test_more_and_wake(void **state)
{
    struct kafka_mock *mock = *state;
    struct kafka_member m;
    struct kb_record records[4];
    kafka_mock_topic(mock, "orders", 1);
    kafka_mock_numbers(mock, "orders", 0, 0, 200);
    kafka_member_join(&m, mock->bootstraps, "g", "range", orders, 1, NULL, NULL);
    while (kafka_member_slots(&m) == 0) {
        kafka_member_wait(&m, 10);
        m.src->ops->take(
            m.src, records, 0, &m.more); /* callbacks need polling, records don't come */
        assert_true(m.src->ops->take(m.src, records, 1, &m.more) == 0);
        kafka_member_rebalance(&m);
    }
    /* However the records come, in one fetch or in many: `more` says whether a take was full. */
    size_t n = 0, total = 0;
    bool more = false, has_been_more = false;
    for (const int64_t until = kafka_member_ms() + 20000;
         total < 200 && kafka_member_ms() < until;) {
        poll(&(struct pollfd){.fd = m.src->wake_fd, .events = POLLIN}, 1, more ? 0 : 100);
        n = m.src->ops->take(m.src, records, 4, &more);
        assert_int_equal(more, n == 4);
        has_been_more = has_been_more || more;
        for (size_t i = 0; i < n; i++)
            assert_int_equal(records[i].offset, total + i);
        total += n;
    }
    assert_int_equal(total, 200);
    assert_true(has_been_more);
    assert_int_equal(m.src->ops->take(m.src, records, 4, &more), 0);
    assert_false(more);

    struct pollfd fd = {.fd = m.src->wake_fd, .events = POLLIN};
    while (m.src->ops->take(m.src, records, 4, &more) || poll(&fd, 1, 50) > 0)
        ;
    kafka_mock_numbers(mock, "orders", 0, 200, 201);
    assert_int_equal(poll(&fd, 1, 5000), 1);
    for (n = 0; n == 0 && poll(&fd, 1, 5000) == 1;)
        n = m.src->ops->take(m.src, records, 4, &more);
    assert_int_equal(n, 1);
    assert_int_equal(records[0].offset, 200);
    kafka_member_leave(&m);
}

/* A further subscription takes topics up and gives them back; nothing of what stays is lost, and
 * the member is no newcomer (rd_kafka_memberid has no door; tests/e2e/test_reload.py looks at the
 * group). */
static void resubscribe(struct kafka_mock *mock, const char *strategy)
{
    static const char *const both[] = {"orders", "more"}, *const more[] = {"more"};
    struct kafka_member m;
    struct kb_err err;
    kafka_mock_topic(mock, "orders", 2);
    kafka_mock_topic(mock, "more", 2);
    kafka_mock_numbers(mock, "orders", 0, 0, 50);
    kafka_mock_numbers(mock, "more", 1, 0, 30);
    kafka_member_join(&m, mock->bootstraps, "g", strategy, NULL, 0, NULL, NULL);
    assert_true(m.src->ops->subscribe(m.src, orders, 1, &err));
    assert_true(kafka_member_run_until(&m, 50, 20));
    assert_true(m.src->ops->subscribe(m.src, both, 2, &err));
    assert_true(kafka_member_run_until(&m, 80, 30));
    assert_int_equal(kafka_member_slots(&m), 4);
    assert_true(m.src->ops->subscribe(m.src, more, 1, &err));
    for (const int64_t until = kafka_member_ms() + 30000;
         kafka_member_slots(&m) != 2 && kafka_member_ms() < until;)
        kafka_member_turn(&m);
    kafka_mock_numbers(mock, "orders", 0, 50, 60);
    kafka_mock_numbers(mock, "more", 1, 30, 40);
    assert_true(kafka_member_run_until(&m, 90, 30));
    assert_false(m.src->ops->subscribe(m.src, (const char *const[]){"^(", "more"}, 2, &err));
    assert_int_equal(err.class, KB_ERR_CONFIG);
    assert_int_equal(m.gaps, 0);
    assert_int_equal(m.lost, 0);
    kafka_member_leave(&m);
}

static void test_other_topics_range(void **state)
{
    resubscribe(*state, "range");
}

static void test_other_topics_cooperative(void **state)
{
    resubscribe(*state, "cooperative-sticky");
}

/* ------------------------------------------------------------------ commits */

static void test_commit_is_where_the_next_one_starts(void **state)
{
    struct kafka_mock *mock = *state;
    struct kafka_member m;
    kafka_mock_topic(mock, "orders", 2);
    kafka_mock_numbers(mock, "orders", 0, 0, 100);
    kafka_mock_numbers(mock, "orders", 1, 0, 50);
    kafka_member_join(&m, mock->bootstraps, "g", "range", orders, 1, NULL, NULL);
    assert_true(kafka_member_run_until(&m, 150, 20));
    assert_true(kafka_member_commit(&m));
    assert_true(kafka_member_await_commit(&m, 5000));
    assert_true(m.last_answer.ok);
    assert_false(m.last_answer.fenced);
    assert_int_equal(m.last_answer.token, 1);
    assert_false(m.src->ops->commit(m.src, NULL, 0, 2));
    kafka_member_leave(&m);

    kafka_mock_numbers(mock, "orders", 0, 100, 103);
    kafka_member_join(&m, mock->bootstraps, "g", "range", orders, 1, NULL, NULL);
    assert_true(kafka_member_run_until(&m, 3, 20));
    kafka_member_leave(&m);
    assert_int_equal(m.gaps, 0);
}

static void one_failing_commit(
    struct kafka_mock *mock, struct kafka_member *m, int number, rd_kafka_resp_err_t code)
{
    kafka_mock_numbers(mock, "orders", 0, number, number + 1);
    assert_true(kafka_member_run_until(m, m->records + 1, 10));
    rd_kafka_mock_push_request_errors(mock->cluster, 8 /* OffsetCommit */, 1, code);
    assert_true(kafka_member_commit(m));
    assert_true(kafka_member_await_commit(m, 5000));
    assert_false(m->last_answer.ok);
    assert_true(strlen(m->last_answer.text) > 5);
}

static void test_a_refused_commit_says_so(void **state)
{
    struct kafka_mock *mock = *state;
    struct kafka_member m;
    kafka_mock_topic(mock, "orders", 1);
    kafka_member_join(&m, mock->bootstraps, "g", "range", orders, 1, NULL, NULL);
    one_failing_commit(mock, &m, 0, RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED);
    assert_false(m.last_answer.fenced);
    one_failing_commit(mock, &m, 1, RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION);
    assert_true(m.last_answer.fenced);
    kafka_member_leave(&m);
}

/* An answer that comes after its commit was given up says nothing of the next one. */
static void test_an_answer_is_of_its_own_commit(void **state)
{
    struct kafka_mock *mock = *state;
    struct kafka_member m;
    struct kb_commit_answer answer = {.token = 0};
    kafka_mock_topic(mock, "orders", 1);
    kafka_mock_numbers(mock, "orders", 0, 0, 10);
    kafka_member_join(&m, mock->bootstraps, "g", "range", orders, 1, NULL, NULL);
    assert_true(kafka_member_run_until(&m, 10, 20));
    rd_kafka_mock_broker_push_request_error_rtts(mock->cluster, 1, 8 /* OffsetCommit */, 2,
        RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED, 100, RD_KAFKA_RESP_ERR_NO_ERROR, 1000);
    assert_true(m.src->ops->commit(m.src, &(struct kb_commit){0, 3}, 1, 71));
    assert_true(m.src->ops->commit(m.src, &(struct kb_commit){0, 4}, 1, 72));
    const int64_t until = kafka_member_ms() + 10000;
    while (!m.src->ops->committed(m.src, &answer) && kafka_member_ms() < until) {
        kafka_member_wait(&m, 10);
        kafka_member_take(&m);
    }
    assert_int_equal(answer.token, 72);
    assert_true(answer.ok);
    kafka_member_leave(&m);
}

/* ------------------------------------------------------------------ pause and resume */

static void test_pause_loses_and_repeats_nothing(void **state)
{
    struct kafka_mock *mock = *state;
    struct kafka_member m;
    const int n = 20000;
    kafka_mock_topic(mock, "orders", 2);
    kafka_mock_numbers(mock, "orders", 0, 0, n);
    kafka_mock_numbers(mock, "orders", 1, 0, n);
    kafka_member_join(&m, mock->bootstraps, "g", "range", orders, 1, NULL, NULL);

    unsigned turns = 0, pauses = 0;
    const int64_t until = kafka_member_ms() + 60000;
    while (m.records < 2ul * (unsigned)n && kafka_member_ms() < until) {
        kafka_member_turn(&m);
        const uint32_t slot = turns++ & 1;
        if (kafka_member_slots(&m) != 2)
            continue;
        if (turns % 7 == 0) { /* resuming what runs must do nothing */
            bool pause = !m.slots[slot].paused;
            pauses += pause;
            kafka_member_pause(&m, slot, pause);
        } else if (!m.slots[slot].paused) {
            m.src->ops->resume(m.src, &slot, &(int64_t){-1}, 1);
        }
    }
    assert_int_equal(m.records, 2 * n);
    assert_true(pauses > 20);
    assert_int_equal(m.gaps, 0);
    assert_int_equal(m.repeats, 0);
    assert_int_equal(m.while_paused, 0);
    kafka_member_leave(&m);
}

/* ------------------------------------------------------------------ what a pattern takes */

static void test_an_ignored_topic_is_not_assigned(void **state)
{
    static const char *const pattern[] = {"^orders.*"};
    struct kafka_mock *mock = *state;
    struct kafka_member m;
    kafka_mock_topic(mock, "orders.dlq", 2);
    kafka_mock_topic(mock, "ordersxdlq", 1); /* the name is no pattern */
    kafka_mock_topic(mock, "orders.dlq2", 1);
    kafka_member_ignores = "orders.dlq";
    kafka_member_join(&m, mock->bootstraps, "g", "range", pattern, 1, NULL, NULL);
    kafka_member_ignores = NULL;
    const int64_t until = kafka_member_ms() + 20000;
    while (kafka_member_slots(&m) == 0 && kafka_member_ms() < until)
        kafka_member_turn(&m);
    assert_int_equal(kafka_member_slots(&m), 2);
    assert_string_not_equal(m.slots[0].topic, "orders.dlq");
    assert_string_not_equal(m.slots[1].topic, "orders.dlq");
    kafka_member_leave(&m);
}

/* ------------------------------------------------------------------ a log that was cut */

static void count_new_logs(struct kafka_member *m, const struct kb_record *rec, void *arg)
{
    (void)m;
    int64_t *begins = arg;
    if (rec->new_log)
        *begins = rec->offset;
}

/* The mock spends one fetch in a few without a word about the error it was handed for it, where a
 * real broker says so again at each: so one at a time, until one arrived. */
static void refuse_a_fetch(struct kafka_mock *mock, struct kafka_member *m)
{
    const int64_t until = kafka_member_ms() + 20000;
    while (m->new_logs == 0 && kafka_member_ms() < until) {
        rd_kafka_mock_push_request_errors(
            mock->cluster, 1 /* Fetch */, 1, RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE);
        const int64_t patience = kafka_member_ms() + 2000;
        while (m->new_logs == 0 && kafka_member_ms() < patience)
            kafka_member_turn(m);
    }
}

/* The mock can't cut a log; but what librdkafka learns of one is the broker's word for it, and then
 * it reads where auto.offset.reset says. Without that word nothing is a new log: not a pause, not a
 * seek. */
static void test_an_offset_out_of_range_is_a_new_log(void **state)
{
    struct kafka_mock *mock = *state;
    struct kafka_member m;
    int64_t begins = -1;
    kafka_mock_topic(mock, "orders", 1);
    kafka_mock_numbers(mock, "orders", 0, 0, 100);
    kafka_member_join(&m, mock->bootstraps, "g", "range", orders, 1, count_new_logs, &begins);
    assert_true(kafka_member_run_until(&m, 100, 20));
    kafka_member_pause(&m, 0, true);
    kafka_member_pause(&m, 0, false);
    kafka_mock_numbers(mock, "orders", 0, 100, 110);
    assert_true(kafka_member_run_until(&m, 110, 10));
    assert_int_equal(begins, -1);

    refuse_a_fetch(mock, &m);
    assert_true(kafka_member_run_until(&m, 220, 20));
    assert_int_equal(begins, 0);
    assert_int_equal(m.repeats, 0);
    assert_true(kafka_member_commit(&m));
    assert_true(kafka_member_await_commit(&m, 5000));
    kafka_member_leave(&m);
}

/* ------------------------------------------------------------------ closing, refusing */

static void close_in_time(struct kafka_member *m)
{
    const int64_t start = kafka_member_ms();
    kafka_member_leave(m);
    assert_true(kafka_member_ms() - start < 9000);
}

static void closes(struct kafka_mock *mock, const char *strategy)
{
    struct kafka_member m;
    struct kb_rebalance *change;
    kafka_mock_topic(mock, "orders", 2);
    kafka_mock_numbers(mock, "orders", 0, 0, 10);

    /* with an assignment that waits for its answer */
    kafka_member_join(&m, mock->bootstraps, "g", strategy, orders, 1, NULL, NULL);
    while (!m.src->ops->rebalance(m.src, &change)) {
        kafka_member_wait(&m, 10);
        kafka_member_take(&m);
    }
    close_in_time(&m);

    /* with records that are still held, while others are paused */
    kafka_member_join(&m, mock->bootstraps, "g", strategy, orders, 1, NULL, NULL);
    assert_true(kafka_member_run_until(&m, 10, 20));
    kafka_member_pause(&m, 0, true);
    close_in_time(&m);
}

static void test_close_range(void **state)
{
    closes(*state, "range");
}

static void test_close_cooperative(void **state)
{
    closes(*state, "cooperative-sticky");
}

static void test_close_before_anything_happened(void **state)
{
    struct kafka_mock *mock = *state;
    struct kafka_member m;
    kafka_mock_topic(mock, "orders", 2);
    kafka_member_join(&m, mock->bootstraps, "g", "range", orders, 1, NULL, NULL);
    close_in_time(&m);
    kafka_member_join(&m, "127.0.0.1:1", "g", "range", orders, 1, NULL, NULL);
    for (int i = 0; i < 20; i++)
        kafka_member_turn(&m);
    struct kb_err err;
    assert_false(m.src->ops->failed(m.src, &err)); /* an absent broker is waited for */
    close_in_time(&m);
}

static void test_a_broker_that_comes_back(void **state)
{
    struct kafka_mock *mock = *state;
    struct kafka_member m;
    kafka_mock_topic(mock, "orders", 1);
    kafka_mock_numbers(mock, "orders", 0, 0, 10);
    kafka_member_join(&m, mock->bootstraps, "g", "range", orders, 1, NULL, NULL);
    assert_true(kafka_member_run_until(&m, 10, 20));
    rd_kafka_mock_broker_set_down(mock->cluster, 1);
    for (int i = 0; i < 30; i++)
        kafka_member_turn(&m);
    assert_true(kafka_member_commit(&m)); /* queued; its answer comes whatever happens */
    rd_kafka_mock_broker_set_up(mock->cluster, 1);
    kafka_mock_numbers(mock, "orders", 0, 10, 20);
    assert_true(kafka_member_run_until(&m, 20, 30));
    assert_true(kafka_member_await_commit(&m, 20000));
    kafka_member_leave(&m);
    assert_int_equal(m.gaps + m.repeats, 0);
}

static void test_refusals(void **state)
{
    (void)state;
    struct kafka_member m;
    struct kb_err err;
    static const char *const bad[] = {"^orders(["};
    assert_false(kafka_member_try_join(&m, "127.0.0.1:1", "g", "range", bad, 1, NULL, NULL, &err));
    assert_int_equal(err.class, KB_ERR_CONFIG);
    assert_non_null(strstr(err.text, "pattern"));
    assert_false(
        kafka_member_try_join(&m, "127.0.0.1:1", "", "range", orders, 1, NULL, NULL, &err));
    assert_int_equal(err.class, KB_ERR_CONFIG);
    assert_non_null(strstr(err.text, "group.id"));
    assert_false(kafka_member_try_join(&m, "", "g", "range", orders, 1, NULL, NULL, &err));
    assert_non_null(strstr(err.text, "bootstrap.servers"));
    assert_false(kafka_member_try_join(&m, "a:1", "g", "rangy", orders, 1, NULL, NULL, &err));
    assert_int_equal(err.class, KB_ERR_CONFIG);
}

/* One name or pattern as an argument runs those tests alone: each takes seconds. */
int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        KAFKA_MOCK_TEST(test_a_record_arrives_as_it_is),
        KAFKA_MOCK_TEST(test_more_and_wake),
        KAFKA_MOCK_TEST(test_other_topics_range),
        KAFKA_MOCK_TEST(test_other_topics_cooperative),
        KAFKA_MOCK_TEST(test_commit_is_where_the_next_one_starts),
        KAFKA_MOCK_TEST(test_a_refused_commit_says_so),
        KAFKA_MOCK_TEST(test_an_answer_is_of_its_own_commit),
        KAFKA_MOCK_TEST(test_an_ignored_topic_is_not_assigned),
        KAFKA_MOCK_TEST(test_pause_loses_and_repeats_nothing),
        KAFKA_MOCK_TEST(test_an_offset_out_of_range_is_a_new_log),
        KAFKA_MOCK_TEST(test_close_range),
        KAFKA_MOCK_TEST(test_close_cooperative),
        KAFKA_MOCK_TEST(test_close_before_anything_happened),
        KAFKA_MOCK_TEST(test_a_broker_that_comes_back),
        cmocka_unit_test(test_refusals),
    };
    kb_log_setup(KB_LOG_ERROR, KB_LOG_TEXT);
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
