/* The hashes, and the doors to time and randomness. */
#include "base/clock.h"
#include "base/hash.h"

#include "support/prop.h"

static void test_stable_hash_is_fnv_1a(void **state)
{
    (void)state;
    assert_true(kb_hash64_stable(KB_S("")) == UINT64_C(0xcbf29ce484222325));
    assert_true(kb_hash64_stable(KB_S("a")) == UINT64_C(0xaf63dc4c8601ec8c));
    assert_true(kb_hash64_stable(KB_S("foobar")) == UINT64_C(0x85944171f73967e8));
}

static void test_mix_never_changes(void **state)
{
    (void)state;
    assert_true(kb_mix64(0) == 0);
    assert_true(kb_mix64(1) == UINT64_C(0x5692161d100b05e5));
}

/* Channel names as they are: a prefix and a number. None of 2^16 share 64 bits, and low bits spread
 * evenly. */
static void test_names_spread(void **state)
{
    (void)state;
    enum { NAMES = 1 << 16, BUCKETS = 256 };
    static uint64_t hashes[NAMES];
    unsigned low[BUCKETS] = {0}, high[BUCKETS] = {0};
    for (int i = 0; i < NAMES; i++) {
        char name[40];
        snprintf(name, sizeof(name), "user:%d", i);
        hashes[i] = kb_hash64(kb_slice_of(name), 7);
        low[hashes[i] % BUCKETS]++;
        high[hashes[i] >> 56]++;
    }
    for (int i = 0; i < BUCKETS; i++) { /* 256 each on average, 16 the standard deviation */
        assert_in_range(low[i], 256 - 100, 256 + 100);
        assert_in_range(high[i], 256 - 100, 256 + 100);
    }
    for (int i = 1; i < NAMES; i++)
        assert_true(hashes[i] != hashes[i - 1]);
}

/* Every byte of every length counts, wherever the text lies in memory; so do length and seed. */
static void test_every_byte_counts(void **state)
{
    (void)state;
    char text[80] = {0};
    for (size_t len = 0; len < sizeof(text); len++) {
        struct kb_slice slice = {text, len};
        uint64_t hash = kb_hash64(slice, 1);
        assert_true(hash != kb_hash64(slice, 2));
        assert_true(
            hash != kb_hash64((struct kb_slice){text, len + 1}, 1) || len + 1 == sizeof(text));
        for (size_t i = 0; i < len; i++) {
            text[i] = 1;
            assert_true(kb_hash64(slice, 1) != hash);
            text[i] = 0;
        }
    }
}

static void test_seeded_randomness_repeats(void **state)
{
    (void)state;
    struct kb_random_seeded a, b, c;
    kb_random_seed(&a, 1);
    kb_random_seed(&b, 1);
    kb_random_seed(&c, 2);
    int same = 0;
    for (int i = 0; i < 100; i++) {
        uint64_t next = a.random.next(&a.random);
        assert_true(next == b.random.next(&b.random));
        same += next == c.random.next(&c.random);
    }
    assert_int_equal(same, 0);
    assert_int_equal(kb_random_below(&a.random, 0), 0);
    for (int i = 0; i < 100; i++)
        assert_in_range(kb_random_below(&a.random, 3), 0, 2);
    struct kb_random *system = kb_random_system();
    assert_true(system->next(system) != system->next(system));
}

static void test_clocks(void **state)
{
    (void)state;
    struct kb_clock *clock = kb_clock_system();
    int64_t before = clock->now_ms(clock);
    assert_true(before > 0);
    assert_true(clock->now_ms(clock) >= before);
    assert_true(clock->wall_ms(clock) > INT64_C(1700000000000)); /* milliseconds, after 2023 */
    assert_true(clock->wall_ms(clock) < INT64_C(10000000000000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stable_hash_is_fnv_1a),
        cmocka_unit_test(test_mix_never_changes),
        cmocka_unit_test(test_names_spread),
        cmocka_unit_test(test_every_byte_counts),
        cmocka_unit_test(test_seeded_randomness_repeats),
        cmocka_unit_test(test_clocks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
