/* The rates of many keys: each against a bucket of its own, and the bound on what they take. */
#include "base/rates.h"

#include "base/compiler.h"
#include "base/hash.h"
#include "base/random.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define KEYS 50

static void test_no_rate_is_no_limit(void **state)
{
    (void)state;
    struct kb_rates rates;
    kb_rates_init(&rates, 0);
    for (int i = 0; i < 1000; i++) {
        assert_true(kb_rates_room(&rates, 7, 5) == SIZE_MAX);
        assert_int_equal(kb_rates_ready_ms(&rates, 7, 100, 5), 5);
        kb_rates_take(&rates, 7, 1, 5);
    }
    assert_null(rates.cells);
    kb_rates_deinit(&rates);
}

static void test_a_burst_then_the_rate(void **state)
{
    (void)state;
    struct kb_rates rates;
    kb_rates_init(&rates, 20);
    assert_int_equal(kb_rates_room(&rates, 1, 1000), 20);
    kb_rates_take(&rates, 1, 20, 1000);
    assert_int_equal(kb_rates_room(&rates, 1, 1000), 0);
    assert_int_equal(kb_rates_room(&rates, 2, 1000), 20);
    assert_int_equal(kb_rates_ready_ms(&rates, 1, 1, 1000), 1050);
    assert_int_equal(kb_rates_ready_ms(&rates, 1, 5, 1000), 1250);
    assert_int_equal(kb_rates_ready_ms(&rates, 1, 500, 1000), 2000); /* never more than a burst */
    assert_int_equal(kb_rates_room(&rates, 1, 1049), 0);
    assert_int_equal(kb_rates_room(&rates, 1, 1050), 1);
    assert_int_equal(kb_rates_room(&rates, 1, 100000), 20);
    kb_rates_change(&rates, 0.5);
    assert_int_equal(kb_rates_room(&rates, 1, 1000), 1);
    kb_rates_take(&rates, 1, 1, 1000);
    assert_int_equal(kb_rates_ready_ms(&rates, 1, 1, 1000), 3000);
    kb_rates_deinit(&rates);
}

/* What the table says of each key is what a bucket of that key alone would. */
static void test_keys_do_not_disturb_each_other(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        struct kb_random_seeded random;
        struct kb_rates rates;
        double tokens[KEYS], rate = (const double[]){1, 3.5, 50}[seed % 3], burst = floor(rate);
        kb_random_seed(&random, seed);
        kb_rates_init(&rates, rate);
        for (int i = 0; i < KEYS; i++)
            tokens[i] = burst;
        int64_t now = 0;
        for (int turn = 0; turn < 4000; turn++) {
            int64_t pause = (int64_t)kb_random_below(&random.random, 40);
            uint64_t key = kb_random_below(&random.random, KEYS);
            now += pause;
            for (int i = 0; i < KEYS; i++)
                tokens[i] = fmin(burst, tokens[i] + (double)pause * rate / 1000);
            size_t room = kb_rates_room(&rates, kb_mix64(key), now);
            double off = (double)room - tokens[key];
            if (off > 1e-3 || off < -1 - 1e-3)
                fail_msg("seed %d: room %zu, tokens %f", (int)seed, room, tokens[key]);
            if (room == 0)
                continue;
            size_t n = 1 + kb_random_below(&random.random, room);
            kb_rates_take(&rates, kb_mix64(key), n, now);
            tokens[key] -= (double)n;
        }
        kb_rates_deinit(&rates);
    }
}

static void test_memory_follows_who_is_busy(void **state)
{
    (void)state;
    struct kb_rates rates;
    kb_rates_init(&rates, 50);
    for (uint64_t key = 0; key < 1000000; key++) /* 20 ms each: 20 busy at a time */
        kb_rates_take(&rates, key, 1, (int64_t)key);
    assert_in_range(rates.mask, 1, 1023);
    for (uint64_t key = 0; key < 100000; key++)
        kb_rates_take(&rates, key, 50, 2000000);
    assert_in_range(rates.mask, 199999, (1 << 19) - 1);
    for (uint64_t key = 0; key < 100000; key++)
        assert_int_equal(kb_rates_room(&rates, key, 2000000), 0);
    kb_rates_deinit(&rates);
}

static void test_more_than_it_may_count_go_uncounted(void **state)
{
    (void)state;
    struct kb_rates rates;
    kb_rates_init(&rates, 1);
    for (uint64_t key = 0; key < 4 * KB_RATES_MAX; key++)
        kb_rates_take(&rates, key, 1, 5);
    assert_in_range(rates.mask, KB_RATES_MAX, 4 * KB_RATES_MAX - 1);
    assert_int_equal(kb_rates_room(&rates, 0, 5), 0);
    assert_int_equal(kb_rates_room(&rates, 4 * KB_RATES_MAX - 1, 5), 1);
    kb_rates_take(&rates, 1ull << 60, 1, 2000); /* there is room again */
    assert_int_equal(kb_rates_room(&rates, 1ull << 60, 2000), 0);
    kb_rates_deinit(&rates);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_rate_is_no_limit),
        cmocka_unit_test(test_a_burst_then_the_rate),
        cmocka_unit_test(test_keys_do_not_disturb_each_other),
        cmocka_unit_test(test_memory_follows_who_is_busy),
        cmocka_unit_test(test_more_than_it_may_count_go_uncounted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
