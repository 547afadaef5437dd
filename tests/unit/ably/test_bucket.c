/* The token bucket against a count of what it let through, and its exact times. */
#include "ably/bucket.h"

#include "base/compiler.h"
#include "base/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_the_burst_then_the_rate(void **state)
{
    (void)state;
    struct kb_bucket bucket;
    kb_bucket_init(&bucket, 100, 3);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(kb_bucket_ready_ms(&bucket, 1, 5000), 5000);
        kb_bucket_take(&bucket, 1, 5000);
    }
    for (int64_t now = 5000; now < 5200; now += 10) {
        assert_int_equal(kb_bucket_ready_ms(&bucket, 1, now), now + 10);
        assert_int_equal(kb_bucket_ready_ms(&bucket, 1, now + 9), now + 10);
        kb_bucket_take(&bucket, 1, now + 10);
    }
    for (int i = 0; i < 3; i++) /* a pause fills it to the burst, not beyond */
        kb_bucket_take(&bucket, 1, 1000000);
    assert_int_equal(kb_bucket_ready_ms(&bucket, 1, 1000000), 1000010);
}

static void test_no_rate_is_no_limit(void **state)
{
    (void)state;
    struct kb_bucket bucket;
    kb_bucket_init(&bucket, 0, 0);
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(kb_bucket_ready_ms(&bucket, 1, 7), 7);
        kb_bucket_take(&bucket, 1, 7);
    }
}

static void test_a_rate_below_one_and_no_burst(void **state)
{
    (void)state;
    struct kb_bucket bucket;
    kb_bucket_init(&bucket, 0.25, 0);
    kb_bucket_take(&bucket, 1, 0);
    assert_int_equal(kb_bucket_ready_ms(&bucket, 1, 0), 4000);
    kb_bucket_take(&bucket, 1, 4000);
    assert_int_equal(kb_bucket_ready_ms(&bucket, 1, 4001), 8000);
}

/* Never more than burst + rate x time in any stretch, and a greedy taker gets all of it. */
static void test_random_rates_hold_in_the_long_run(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 200; seed++) {
        struct kb_random_seeded seeded;
        struct kb_bucket bucket;
        kb_random_seed(&seeded, seed);
        double rate = 0.5 + (double)kb_random_below(&seeded.random, 4000) / 4.0;
        double burst =
            (double)(3 + kb_random_below(&seeded.random, 100)); /* 1: whole ms would cost some */
        kb_bucket_init(&bucket, rate, burst);
        int64_t now = 0, taken = 0;
        for (int i = 0; i < 2000; i++, taken++) {
            now = kb_bucket_ready_ms(&bucket, 1, now);
            kb_bucket_take(&bucket, 1, now);
        }
        double allowed = burst + rate * (double)now / 1000.0;
        if ((double)taken > allowed + 0.01 || (double)taken < allowed - rate / 1000.0 - 2)
            fail_msg("seed %llu: %lld taken, %.2f allowed in %lld ms", (unsigned long long)seed,
                (long long)taken, allowed, (long long)now);
    }
}

/* However often it is changed, it gives no more than the larger of its rates would. */
static void test_a_change_gives_nothing_away(void **state)
{
    (void)state;
    struct kb_bucket bucket;
    kb_bucket_init(&bucket, 10, 10);
    int64_t now = 0, taken = 0;
    for (int i = 0; i < 1000; i++) {
        kb_bucket_change(&bucket, i % 2 ? 10 : 5, i % 2 ? 10 : 5, now);
        now += 10;
        for (; kb_bucket_ready_ms(&bucket, 1, now) <= now; taken++)
            kb_bucket_take(&bucket, 1, now);
    }
    assert_true(taken <= 10 + 10 * now / 1000);
    assert_true(taken >= 5 * now / 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_burst_then_the_rate),
        cmocka_unit_test(test_no_rate_is_no_limit),
        cmocka_unit_test(test_a_rate_below_one_and_no_burst),
        cmocka_unit_test(test_a_change_gives_nothing_away),
        cmocka_unit_test(test_random_rates_hold_in_the_long_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
