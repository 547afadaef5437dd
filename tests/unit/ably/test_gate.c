/* The outage's states, one row a step; and the run of refusals. */
#include "ably/gate.h"

#include "base/compiler.h"
#include "base/slice.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static bool close_gate(struct kb_gate *gate, uint64_t epoch, int64_t now_ms)
{
    return kb_gate_failed(gate, epoch, now_ms, 0, 0, "down");
}

static void test_it_closes_waits_probes_and_opens(void **state)
{
    (void)state;
    struct kb_gate gate;
    kb_gate_init(&gate);
    assert_false(kb_gate_outage(&gate));
    assert_true(kb_gate_ready_ms(&gate) <= 1000);
    uint64_t first = kb_gate_sent(&gate), second = kb_gate_sent(&gate);
    assert_int_equal(first, second); /* open: many at once */

    assert_true(close_gate(&gate, first, 1000));
    assert_true(kb_gate_outage(&gate));
    assert_int_equal(gate.since_ms, 1000);
    assert_string_equal(gate.text, "down");
    assert_int_equal(kb_gate_ready_ms(&gate), 1000 + KB_GATE_WAIT_MIN_MS / 2);
    assert_false(close_gate(&gate, second, 1010)); /* the same wave: counted once */
    assert_int_equal(gate.attempts, 1);
    assert_int_equal(kb_gate_ready_ms(&gate), 1000 + KB_GATE_WAIT_MIN_MS / 2);

    uint64_t probe = kb_gate_sent(&gate);
    assert_int_not_equal(probe, first);
    assert_int_equal(kb_gate_ready_ms(&gate), INT64_MAX); /* one at a time */
    assert_true(close_gate(&gate, probe, 1100));
    assert_int_equal(gate.attempts, 2);
    assert_int_equal(gate.since_ms, 1000);
    assert_int_equal(kb_gate_ready_ms(&gate), 1100 + KB_GATE_WAIT_MIN_MS);

    probe = kb_gate_sent(&gate);
    assert_false(kb_gate_answered(&gate, second, true)); /* from before: opens nothing */
    assert_true(kb_gate_outage(&gate));
    assert_true(kb_gate_answered(&gate, probe, false)); /* any answer will do */
    assert_false(kb_gate_outage(&gate));
    assert_int_equal(gate.attempts, 0);
    assert_string_equal(gate.text, "");
    assert_true(kb_gate_ready_ms(&gate) <= 1100);
}

static void test_a_late_failure_from_before_the_outage_closes_nothing(void **state)
{
    (void)state;
    struct kb_gate gate;
    kb_gate_init(&gate);
    uint64_t slow = kb_gate_sent(&gate), fast = kb_gate_sent(&gate);
    assert_true(close_gate(&gate, fast, 0));
    uint64_t probe = kb_gate_sent(&gate);
    assert_false(close_gate(&gate, slow, 10)); /* while the probe is out */
    assert_int_equal(kb_gate_ready_ms(&gate), INT64_MAX);
    assert_true(kb_gate_answered(&gate, probe, true));
    assert_false(close_gate(&gate, slow, 20)); /* and after */
    assert_false(kb_gate_outage(&gate));
    assert_true(close_gate(&gate, probe, 30)); /* of this time: it does */
}

static void test_waits_grow_to_their_maximum_and_start_anew(void **state)
{
    (void)state;
    static const int64_t halves[] = {50, 100, 200, 400, 800, 1600, 3200, 5000, 5000};
    struct kb_gate gate;
    kb_gate_init(&gate);
    for (size_t i = 0; i < KB_COUNT(halves); i++) {
        assert_true(close_gate(&gate, kb_gate_sent(&gate), 0));
        assert_int_equal(kb_gate_ready_ms(&gate), halves[i]);
    }
    assert_true(kb_gate_answered(&gate, kb_gate_sent(&gate), true));
    assert_true(close_gate(&gate, kb_gate_sent(&gate), 0));
    assert_int_equal(kb_gate_ready_ms(&gate), halves[0]);
}

static void test_retry_after_lengthens_a_wait_up_to_a_minute(void **state)
{
    (void)state;
    static const struct {
        int retry_after, wait;
    } rows[] = {{0, 50}, {30, 50}, {2000, 2000}, {60000, 60000}, {3600000, 60000}};
    for (size_t i = 0; i < KB_COUNT(rows); i++) {
        struct kb_gate gate;
        kb_gate_init(&gate);
        assert_true(kb_gate_failed(&gate, 0, 7, rows[i].retry_after, 0, "429"));
        assert_int_equal(kb_gate_ready_ms(&gate), 7 + rows[i].wait);
    }
}

static void test_a_run_of_refusals_is_no_longer_believed(void **state)
{
    (void)state;
    struct kb_gate gate;
    kb_gate_init(&gate);
    for (int i = 0; i < KB_GATE_REFUSALS_MAX - 1; i++)
        assert_true(kb_gate_refused(&gate));
    kb_gate_answered(&gate, kb_gate_sent(&gate), true); /* one acceptance: from the start */
    for (int i = 0; i < KB_GATE_REFUSALS_MAX; i++) {
        assert_false(kb_gate_refusing(&gate));
        assert_true(kb_gate_refused(&gate));
    }
    assert_true(kb_gate_refusing(&gate));
    assert_false(kb_gate_refused(&gate));
    assert_true(close_gate(&gate, kb_gate_sent(&gate), 0));

    uint64_t probe = kb_gate_sent(&gate);
    assert_false(kb_gate_answered(&gate, probe, false)); /* an answer isn't enough */
    assert_true(kb_gate_outage(&gate));
    assert_true(close_gate(&gate, probe, 100));
    assert_true(kb_gate_answered(&gate, 0, true)); /* an acceptance is, whenever it was sent */
    assert_false(kb_gate_outage(&gate));
    assert_true(kb_gate_refused(&gate));
}

static void test_a_long_text_is_cut(void **state)
{
    (void)state;
    struct kb_gate gate;
    char text[1000];
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    kb_gate_init(&gate);
    assert_true(kb_gate_failed(&gate, 0, 0, 0, 0, text));
    assert_int_equal(strlen(gate.text), sizeof(gate.text) - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_it_closes_waits_probes_and_opens),
        cmocka_unit_test(test_a_late_failure_from_before_the_outage_closes_nothing),
        cmocka_unit_test(test_waits_grow_to_their_maximum_and_start_anew),
        cmocka_unit_test(test_retry_after_lengthens_a_wait_up_to_a_minute),
        cmocka_unit_test(test_a_run_of_refusals_is_no_longer_believed),
        cmocka_unit_test(test_a_long_text_is_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
