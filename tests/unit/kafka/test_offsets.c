/* The offsets window: its header's example, its edges, and random histories against a model that is
 * too simple to be wrong (an array of offsets with a flag each). */
#include "kafka/offsets.h"

#include "support/prop.h"

#include <time.h>

/* splitmix64: one number names a whole history. */
static uint64_t random_next(uint64_t *state)
{
    uint64_t x = *state += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

static uint64_t below(uint64_t *state, uint64_t limit)
{
    return random_next(state) % limit;
}

static void test_header_example(void **state)
{
    (void)state;
    struct kb_offsets w;
    kb_offsets_init(&w);
    assert_int_equal(kb_offsets_committable(&w), -1);
    assert_int_equal(kb_offsets_next(&w), -1);
    assert_int_equal(kb_offsets_add(&w, 100), KB_OFFSET_TAKEN);
    assert_int_equal(kb_offsets_add(&w, 101), KB_OFFSET_TAKEN);
    assert_int_equal(kb_offsets_add(&w, 105), KB_OFFSET_TAKEN);
    assert_int_equal(kb_offsets_add(&w, 101), KB_OFFSET_REPEAT);
    assert_int_equal(kb_offsets_open(&w), 3);
    kb_offsets_done(&w, 101);
    assert_int_equal(kb_offsets_committable(&w), 100);
    assert_int_equal(kb_offsets_open(&w), 3);
    kb_offsets_done(&w, 100);
    assert_int_equal(kb_offsets_committable(&w), 105);
    assert_int_equal(kb_offsets_open(&w), 1);
    kb_offsets_done(&w, 105);
    assert_int_equal(kb_offsets_committable(&w), 106);
    assert_int_equal(kb_offsets_next(&w), 106);
    assert_int_equal(kb_offsets_open(&w), 0);
    kb_offsets_deinit(&w);
}

static void test_repeats_after_everything_is_done(void **state)
{
    (void)state;
    struct kb_offsets w;
    kb_offsets_init(&w);
    assert_int_equal(kb_offsets_add(&w, 7), KB_OFFSET_TAKEN);
    kb_offsets_done(&w, 7);
    assert_int_equal(kb_offsets_add(&w, 7), KB_OFFSET_REPEAT);
    assert_int_equal(kb_offsets_add(&w, 0), KB_OFFSET_REPEAT);
    assert_int_equal(kb_offsets_committable(&w), 8);
    assert_int_equal(kb_offsets_add(&w, 8), KB_OFFSET_TAKEN);
    kb_offsets_deinit(&w);
}

static void test_far_offsets(void **state)
{
    (void)state;
    struct kb_offsets w;
    kb_offsets_init(&w);
    const int64_t last = INT64_MAX - 1;
    assert_int_equal(kb_offsets_add(&w, 0), KB_OFFSET_TAKEN);
    assert_int_equal(kb_offsets_add(&w, last), KB_OFFSET_TAKEN);
    kb_offsets_done(&w, last);
    assert_true(kb_offsets_committable(&w) == 0);
    kb_offsets_done(&w, 0);
    assert_true(kb_offsets_committable(&w) == INT64_MAX);
    kb_offsets_deinit(&w);
}

struct model {
    int64_t offsets[4096];
    bool done[4096];
    size_t n;
};

static int64_t model_committable(const struct model *m)
{
    for (size_t i = 0; i < m->n; i++) {
        if (!m->done[i])
            return m->offsets[i];
    }
    return m->n ? m->offsets[m->n - 1] + 1 : -1;
}

static size_t model_open(const struct model *m)
{
    size_t first = 0;
    while (first < m->n && m->done[first])
        first++;
    return m->n - first;
}

/* Finishes the k-th open record, if there is one. */
static void finish_one(struct kb_offsets *w, struct model *m, uint64_t k)
{
    size_t open = 0;
    for (size_t i = 0; i < m->n; i++)
        open += !m->done[i];
    if (!open)
        return;
    k %= open;
    for (size_t i = 0; i < m->n; i++) {
        if (!m->done[i] && k-- == 0) {
            kb_offsets_done(w, m->offsets[i]);
            m->done[i] = true;
            return;
        }
    }
}

/* One history: bursts of records with gaps and repeats, outcomes mostly from the front or from
 * anywhere. */
static void run_history(uint64_t seed)
{
    uint64_t rnd = seed;
    struct kb_offsets w;
    struct model m = {.n = 0};
    int64_t committed = -1;
    const uint64_t gap = below(&rnd, 3) ? 1 + below(&rnd, 50) : 1; /* every third: no gaps */
    const uint64_t spread = 1 + below(&rnd, 300); /* how far from the front outcomes come */
    const uint64_t adds = 1 + below(&rnd, 9);     /* adds of ten steps */
    int64_t next = (int64_t)below(&rnd, 1000);

    kb_offsets_init(&w);
    for (int step = 0; step < 3000; step++) {
        if (m.n < KB_COUNT(m.offsets) && below(&rnd, 10) < adds) {
            if (m.n && below(&rnd, 8) == 0) {
                int64_t again = m.offsets[m.n - 1] - (int64_t)below(&rnd, 5);
                if (again >= 0)
                    assert_int_equal(kb_offsets_add(&w, again), KB_OFFSET_REPEAT);
            }
            next += (int64_t)below(&rnd, gap);
            assert_int_equal(kb_offsets_add(&w, next), KB_OFFSET_TAKEN);
            m.offsets[m.n++] = next++;
        } else {
            finish_one(&w, &m, below(&rnd, spread));
        }
        assert_true(kb_offsets_committable(&w) == model_committable(&m));
        assert_int_equal(kb_offsets_open(&w), model_open(&m));
        assert_true(kb_offsets_next(&w) == (m.n ? m.offsets[m.n - 1] + 1 : -1));
        assert_true(kb_offsets_committable(&w) >= committed);
        committed = kb_offsets_committable(&w);
    }
    while (model_open(&m))
        finish_one(&w, &m, random_next(&rnd));
    assert_true(kb_offsets_committable(&w) == kb_offsets_next(&w));
    kb_offsets_deinit(&w);
}

/* The seeds differ from run to run. */
static void test_against_the_model(void **state)
{
    (void)state;
    struct prop_seeds seeds = prop_seeds((uint64_t)time(NULL) * 1000, 24);
    for (uint64_t seed; prop_next_seed(&seeds, &seed);)
        run_history(seed);
}

static void test_growth_keeps_what_is_open(void **state)
{
    (void)state;
    struct kb_offsets w;
    kb_offsets_init(&w);
    const int64_t n = 100000;
    for (int64_t i = 0; i < n; i++) {
        assert_int_equal(kb_offsets_add(&w, i * 2), KB_OFFSET_TAKEN);
        if (i == 40) { /* the head stands in the middle of a ring when it grows */
            for (int64_t k = 0; k < 30; k++)
                kb_offsets_done(&w, k * 2);
        }
    }
    assert_int_equal(kb_offsets_open(&w), n - 30);
    for (int64_t i = n - 1; i >= 30; i--) {
        assert_int_equal(kb_offsets_committable(&w), 60);
        kb_offsets_done(&w, i * 2);
    }
    assert_int_equal(kb_offsets_committable(&w), (n - 1) * 2 + 1);
    kb_offsets_deinit(&w);
}

static void another_log_begins_anywhere(void **state)
{
    (void)state;
    struct kb_offsets w;
    kb_offsets_init(&w);
    for (int64_t i = 1000; i < 1100; i++)
        assert_int_equal(kb_offsets_add(&w, i), KB_OFFSET_TAKEN);
    kb_offsets_done(&w, 1050);
    kb_offsets_restart(&w, 20);
    assert_int_equal(kb_offsets_open(&w), 0);
    assert_int_equal(kb_offsets_committable(&w), 20);
    assert_int_equal(kb_offsets_next(&w), 20);
    assert_int_equal(kb_offsets_add(&w, 19), KB_OFFSET_REPEAT);
    assert_int_equal(kb_offsets_add(&w, 20), KB_OFFSET_TAKEN);
    assert_int_equal(kb_offsets_add(&w, 22), KB_OFFSET_TAKEN);
    kb_offsets_done(&w, 22);
    assert_int_equal(kb_offsets_committable(&w), 20);
    kb_offsets_done(&w, 20);
    assert_int_equal(kb_offsets_committable(&w), 23);
    kb_offsets_deinit(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(another_log_begins_anywhere),
        cmocka_unit_test(test_header_example),
        cmocka_unit_test(test_repeats_after_everything_is_done),
        cmocka_unit_test(test_far_offsets),
        cmocka_unit_test(test_against_the_model),
        cmocka_unit_test(test_growth_keeps_what_is_open),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
