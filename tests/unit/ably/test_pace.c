/* The pace against an Ably with a limit: it finds it, keeps near it, and forgets it. */
#include "ably/pace.h"

#include "base/compiler.h"
#include "base/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_without_a_limit_nothing_waits(void **state)
{
    (void)state;
    struct kb_pace pace;
    kb_pace_init(&pace, 0, 0);
    for (int64_t now = 0; now < 1000; now++) {
        assert_int_equal(kb_pace_ready_ms(&pace, 1000, now), now);
        assert_int_equal(kb_pace_room(&pace, now), SIZE_MAX);
        kb_pace_take(&pace, 1000, now);
        kb_pace_good(&pace, now);
    }
}

static void test_slowing_halves_once_for_all_that_were_out(void **state)
{
    (void)state;
    struct kb_pace pace;
    kb_pace_init(&pace, 100, 100);
    for (int i = 0; i < 80; i++)
        kb_pace_take(&pace, 1, 5000 + i);
    assert_true(kb_pace_slow(&pace, 5010, 5100, 0));
    assert_int_equal(kb_pace_rate(&pace), 40); /* half of what was sent, not of what was allowed */
    assert_int_equal(kb_pace_ready_ms(&pace, 1, 5100), 5125);
    for (int i = 11; i < 80; i++)
        assert_false(kb_pace_slow(&pace, 5000 + i, 5100 + i, 0));
    assert_int_equal(kb_pace_rate(&pace), 40);
    kb_pace_take(&pace, 1, 5200);
    assert_true(kb_pace_slow(&pace, 5200, 5300, 0));
    assert_int_equal(kb_pace_rate(&pace), 20);
}

static void test_retry_after_is_waited_for(void **state)
{
    (void)state;
    struct kb_pace pace;
    kb_pace_init(&pace, 0, 0);
    kb_pace_take(&pace, 1, 10);
    assert_true(kb_pace_slow(&pace, 10, 20, 3000));
    assert_int_equal(kb_pace_ready_ms(&pace, 1, 20), 3020);
    assert_false(kb_pace_slow(&pace, 15, 25, 7000)); /* an older request's answer says more */
    assert_int_equal(kb_pace_ready_ms(&pace, 1, 25), 7025);
    assert_true(kb_pace_slow(&pace, 8000, 8020, 3600000));
    assert_int_equal(kb_pace_ready_ms(&pace, 1, 8020), 8020 + KB_PACE_RETRY_AFTER_MAX_MS);
}

static void test_good_answers_bring_the_users_limit_back(void **state)
{
    (void)state;
    struct kb_pace pace;
    kb_pace_init(&pace, 60, 60);
    for (int i = 0; i < 60; i++)
        kb_pace_take(&pace, 1, 1000);
    assert_true(kb_pace_slow(&pace, 1000, 1100, 0));
    assert_int_equal(kb_pace_rate(&pace), 30);
    for (int64_t now = 1100; now < 1100 + 9000; now += 10)
        kb_pace_good(&pace, now);
    assert_in_range(kb_pace_rate(&pace), 50, 59);
    for (int64_t now = 10100; now < 13000; now += 10)
        kb_pace_good(&pace, now);
    assert_int_equal(kb_pace_rate(&pace), 60);
}

static void test_without_a_limit_it_is_forgotten_in_the_end(void **state)
{
    (void)state;
    struct kb_pace pace;
    kb_pace_init(&pace, 0, 0);
    kb_pace_take(&pace, 100, 0);
    assert_true(kb_pace_slow(&pace, 0, 10, 0));
    assert_int_equal(kb_pace_rate(&pace), 50);
    for (int64_t now = 10; now < 72000; now += 100)
        kb_pace_good(&pace, now);
    assert_int_equal(kb_pace_rate(&pace), 0);
}

/* A greedy sender of small requests and an Ably that refuses what is above its limit: nearly all of
 * the limit is used, and few requests are in vain. */
static void check_limit(double limit, int64_t rtt_ms)
{
    struct kb_pace pace;
    struct kb_bucket ably;
    int64_t out[4096], sent = 0, answered = 0, accepted = 0, refused = 0;
    kb_pace_init(&pace, 0, 0);
    kb_bucket_init(&ably, limit, limit);
    for (int64_t now = 0; now < 300000; now++) {
        for (; answered < sent && out[answered % 4096] + rtt_ms <= now; answered++) {
            if (kb_bucket_ready_ms(&ably, 1, now) <= now) {
                kb_bucket_take(&ably, 1, now);
                kb_pace_good(&pace, now);
                accepted++;
            } else {
                kb_pace_slow(&pace, out[answered % 4096], now, 0);
                refused++;
            }
        }
        while (sent - answered < 10 && kb_pace_ready_ms(&pace, 1, now) <= now) {
            kb_pace_take(&pace, 1, now);
            out[sent++ % 4096] = now;
        }
    }
    if ((double)accepted < 0.65 * limit * 300 || refused > accepted / 10)
        fail_msg("limit %.0f, answers after %d ms: %d accepted, %d refused", limit, (int)rtt_ms,
            (int)accepted, (int)refused);
}

static void test_it_finds_the_limit(void **state)
{
    (void)state;
    check_limit(50, 20);
    check_limit(50, 150);
    check_limit(360, 20);
    check_limit(10, 20);
}

static void test_messages_go_by_the_tenth_of_a_second(void **state)
{
    (void)state;
    struct kb_pace pace;
    kb_pace_init(&pace, 500, 500);
    assert_int_equal(kb_pace_room(&pace, 0), 500);
    kb_pace_take(&pace, 500, 0);
    assert_int_equal(kb_pace_ready_ms(&pace, 1000, 0), 100);
    assert_int_equal(kb_pace_ready_ms(&pace, 3, 0), 6); /* no more than these are there */
    assert_int_equal(kb_pace_room(&pace, 100), 50);
    kb_pace_take(&pace, 50, 100);
    kb_pace_take(&pace, 1, 100); /* a debt */
    assert_int_equal(kb_pace_room(&pace, 100), 1);
    assert_int_equal(kb_pace_ready_ms(&pace, 1, 100), 104);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_without_a_limit_nothing_waits),
        cmocka_unit_test(test_slowing_halves_once_for_all_that_were_out),
        cmocka_unit_test(test_retry_after_is_waited_for),
        cmocka_unit_test(test_good_answers_bring_the_users_limit_back),
        cmocka_unit_test(test_without_a_limit_it_is_forgotten_in_the_end),
        cmocka_unit_test(test_it_finds_the_limit),
        cmocka_unit_test(test_messages_go_by_the_tenth_of_a_second),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
