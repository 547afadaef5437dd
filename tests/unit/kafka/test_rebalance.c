/* Two members of one group on librdkafka's mock cluster: what moves from one to the other, in which
 * order, and that nothing is lost or stuck on the way. */
#include "base/log.h"
#include "support/kafka_member.h"
#include "support/kafka_mock.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const char *const orders[] = {"orders"};

/* The mock refuses commits while an eager group rebalances (a real broker takes them until the
 * members have joined again), so what shall stand is committed before. */
static void commit_now(struct kafka_member *m)
{
    assert_true(kafka_member_commit(m));
    assert_true(kafka_member_await_commit(m, 5000));
    assert_true(m->last_answer.ok);
}

static void two_members(struct kafka_mock *mock, const char *strategy)
{
    struct kafka_member a, b;
    kafka_mock_topic(mock, "orders", 4);
    for (int32_t p = 0; p < 4; p++)
        kafka_mock_numbers(mock, "orders", p, 0, 100);
    kafka_member_join(&a, mock->bootstraps, "g", strategy, orders, 1, NULL, NULL);
    assert_true(kafka_member_run_until(&a, 400, 20));
    assert_int_equal(kafka_member_slots(&a), 4);
    commit_now(&a);

    kafka_member_join(&b, mock->bootstraps, "g", strategy, orders, 1, NULL, NULL);
    const int64_t until = kafka_member_ms() + 30000;
    while (
        (kafka_member_slots(&a) != 2 || kafka_member_slots(&b) != 2) && kafka_member_ms() < until) {
        kafka_member_turn(&a);
        kafka_member_turn(&b);
    }
    assert_int_equal(kafka_member_slots(&a), 2);
    assert_int_equal(kafka_member_slots(&b), 2);
    assert_int_equal(a.lost, 0);

    for (int32_t p = 0; p < 4; p++)
        kafka_mock_numbers(mock, "orders", p, 100, 110);
    while (a.records + b.records < 440 && kafka_member_ms() < until) {
        kafka_member_turn(&a);
        kafka_member_turn(&b);
    }
    assert_true(b.records >= 20);
    assert_int_equal(a.records + b.records, 440);
    assert_int_equal(a.gaps + b.gaps + a.repeats + b.repeats, 0);

    commit_now(&a);
    commit_now(&b);
    kafka_member_leave(&a); /* b gets everything and starts behind what was committed */
    kafka_mock_numbers(mock, "orders", 0, 110, 111);
    while (kafka_member_slots(&b) != 4 && kafka_member_ms() < until)
        kafka_member_turn(&b);
    assert_true(kafka_member_run_until(&b, 441 - a.records, 10));
    kafka_member_leave(&b);
    assert_int_equal(b.gaps + b.repeats, 0);
}

static void test_two_members_range(void **state)
{
    two_members(*state, "range");
}

static void test_two_members_cooperative(void **state)
{
    two_members(*state, "cooperative-sticky");
}

/* A pause outlives an assignment inside librdkafka: who gets the partition back must read on. */
static void test_pause_does_not_outlive_the_assignment(void **state)
{
    struct kafka_mock *mock = *state;
    struct kafka_member a, b;
    kafka_mock_topic(mock, "orders", 2);
    kafka_mock_numbers(mock, "orders", 0, 0, 10);
    kafka_mock_numbers(mock, "orders", 1, 0, 10);
    kafka_member_join(&a, mock->bootstraps, "g", "range", orders, 1, NULL, NULL);
    assert_true(kafka_member_run_until(&a, 20, 20));
    commit_now(&a);
    kafka_member_pause(&a, 0, true);
    kafka_member_pause(&a, 1, true);
    kafka_member_join(&b, mock->bootstraps, "g", "range", orders, 1, NULL, NULL);
    const int64_t until = kafka_member_ms() + 30000;
    while (kafka_member_slots(&b) != 1 && kafka_member_ms() < until) {
        kafka_member_turn(&a);
        kafka_member_turn(&b);
    }
    kafka_member_leave(&b);
    while (kafka_member_slots(&a) != 2 && kafka_member_ms() < until)
        kafka_member_turn(&a);
    kafka_mock_numbers(mock, "orders", 0, 10, 12);
    kafka_mock_numbers(mock, "orders", 1, 10, 12);
    assert_true(kafka_member_run_until(&a, 24, 10));
    kafka_member_leave(&a);
}

/* One name or pattern as an argument runs those tests alone: each takes seconds. */
int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        KAFKA_MOCK_TEST(test_two_members_range),
        KAFKA_MOCK_TEST(test_two_members_cooperative),
        KAFKA_MOCK_TEST(test_pause_does_not_outlive_the_assignment),
    };
    kb_log_setup(KB_LOG_ERROR, KB_LOG_TEXT);
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
