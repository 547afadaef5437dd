/* Whose fault, and what then: the whole table of error class x failure class x action, and the
 * waits. */
#include "failure/policy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const enum kb_action actions[] = {KB_ACTION_STOP, KB_ACTION_SKIP, KB_ACTION_DLQ};
static const enum kb_verdict verdicts[] = {KB_VERDICT_STOP, KB_VERDICT_SKIP, KB_VERDICT_DLQ};

static enum kb_action other_than(enum kb_action action)
{
    return action == KB_ACTION_SKIP ? KB_ACTION_DLQ : KB_ACTION_SKIP;
}

/* One class's action stands alone among others, so that reading the wrong row shows. */
static void test_record_faults_follow_the_policy_of_their_class(void **state)
{
    (void)state;
    assert_int_equal(KB_COUNT(actions), KB_ACTION_COUNT);
    for (int failure = 0; failure < KB_FAILURE_COUNT; failure++) {
        for (size_t i = 0; i < KB_COUNT(actions); i++) {
            struct kb_policy policy = kb_policy_all(other_than(actions[i]));
            policy.action[failure] = actions[i];
            struct kb_err err = {.class = KB_ERR_RECORD, .failure = (enum kb_failure)failure};
            assert_int_equal(kb_failure_decide(&err, &policy), verdicts[i]);
        }
    }
}

static void test_no_policy_touches_an_outage_or_a_broken_configuration(void **state)
{
    (void)state;
    for (size_t i = 0; i < KB_COUNT(actions); i++) {
        struct kb_policy policy = kb_policy_all(actions[i]);
        for (int failure = 0; failure < KB_FAILURE_COUNT; failure++) {
            struct kb_err err = {.class = KB_ERR_OUTAGE, .failure = (enum kb_failure)failure};
            assert_int_equal(kb_failure_decide(&err, &policy), KB_VERDICT_RETRY);
            err.class = KB_ERR_CONFIG;
            assert_int_equal(kb_failure_decide(&err, &policy), KB_VERDICT_STOP);
            err.class = KB_ERR_FATAL;
            assert_int_equal(kb_failure_decide(&err, &policy), KB_VERDICT_STOP);
        }
    }
}

static void test_actions_are_read_by_their_names(void **state)
{
    (void)state;
    for (size_t i = 0; i < KB_COUNT(actions); i++) {
        enum kb_action parsed = other_than(actions[i]);
        assert_true(kb_action_parse(kb_slice_of(kb_action_name(actions[i])), &parsed));
        assert_int_equal(parsed, actions[i]);
    }
    assert_string_equal(kb_action_name(KB_ACTION_DLQ), "dlq");
    enum kb_action unchanged = KB_ACTION_DLQ;
    static const char *const wrong[] = {"", "DLQ", "dlq ", "sto", "retry"};
    for (size_t i = 0; i < KB_COUNT(wrong); i++)
        assert_false(kb_action_parse(kb_slice_of(wrong[i]), &unchanged));
    assert_int_equal(unchanged, KB_ACTION_DLQ);
}

static void test_one_class_is_enough_to_need_the_dead_letter_topic(void **state)
{
    (void)state;
    for (int failure = 0; failure < KB_FAILURE_COUNT; failure++) {
        struct kb_policy policy = kb_policy_all(KB_ACTION_SKIP);
        assert_false(kb_policy_uses_dlq(&policy));
        policy.action[failure] = KB_ACTION_DLQ;
        assert_true(kb_policy_uses_dlq(&policy));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_record_faults_follow_the_policy_of_their_class),
        cmocka_unit_test(test_no_policy_touches_an_outage_or_a_broken_configuration),
        cmocka_unit_test(test_actions_are_read_by_their_names),
        cmocka_unit_test(test_one_class_is_enough_to_need_the_dead_letter_topic),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
