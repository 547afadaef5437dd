/* The ids that Ably remembers, against a plain list; the early forgetting where there is no room.
 */
#include "sandbox/ids.h"

#include "support/prop.h"

#define WINDOW 50

struct seen {
    size_t channel, id;
    int64_t at_ms;
    uint64_t seq;
};

static struct kb_slice name(char prefix, size_t number, char text[32])
{
    return (struct kb_slice){text, (size_t)snprintf(text, 32, "%c-%zu", prefix, number)};
}

/* The model's answer: the place of what is still within the window, else n. */
static size_t find(const struct seen *seen, size_t n, const struct seen *one)
{
    size_t i = n;

    while (i > 0) {
        i--;
        if (seen[i].channel == one->channel && seen[i].id == one->id)
            return one->at_ms - seen[i].at_ms < WINDOW ? i : n;
    }
    return n;
}

static void test_against_a_list(void **state)
{
    enum { STEPS = 6000 };
    struct seen *seen = malloc(STEPS * sizeof(*seen));
    size_t n = 0, again = 0;
    int64_t now_ms = 0;

    (void)state;
    prop_seed();
    assert_non_null(seen);
    struct kb_ids *ids = kb_ids_new(WINDOW, 1 << 20);
    for (uint64_t seq = 1; seq <= STEPS; seq++) {
        /* few channels and ids; mostly many a millisecond, so that the table must grow and shrink
         */
        struct seen one = {prop_below(3), prop_below(2000), now_ms, seq};
        char channel_text[32], id_text[32];
        uint64_t first = seq;
        size_t found = find(seen, n, &one);
        enum kb_ids_result result = kb_ids_add(
            ids, name('c', one.channel, channel_text), name('i', one.id, id_text), now_ms, &first);

        assert_int_equal(result, found < n ? KB_IDS_AGAIN : KB_IDS_NEW);
        assert_int_equal(first, found < n ? seen[found].seq : seq);
        if (found == n)
            seen[n++] = one;
        again += found < n - 1;
        now_ms += prop_below(100) == 0 ? (int64_t)prop_below(60) : 0;
    }
    assert_true(again > 100);
    assert_true(n > 1024); /* beyond the first table */
    free(seen);
    kb_ids_free(ids);
}

static void test_room(void **state)
{
    char text[32];

    (void)state;
    struct kb_ids *ids = kb_ids_new(1000000, 100);
    for (size_t i = 0; i < 1000; i++) {
        uint64_t seq = i;
        assert_int_equal(kb_ids_add(ids, KB_S("c"), name('i', i, text), 0, &seq), KB_IDS_NEW);
    }
    assert_int_equal(kb_ids_count(ids), 100);
    assert_int_equal(kb_ids_early(ids), 900);
    for (size_t i = 900; i < 1000; i++) { /* the newest are the ones that stayed */
        uint64_t seq = 0;
        assert_int_equal(kb_ids_add(ids, KB_S("c"), name('i', i, text), 0, &seq), KB_IDS_AGAIN);
        assert_int_equal(seq, i);
        assert_int_equal(kb_ids_add(ids, KB_S("c"), name('i', i, text), 0, &seq), KB_IDS_AGAIN);
    }
    assert_int_equal(kb_ids_repeated(ids), 100); /* ids, not repeats */
    kb_ids_clear(ids);
    assert_int_equal(kb_ids_count(ids) + kb_ids_early(ids) + kb_ids_repeated(ids), 0);
    uint64_t seq = 5;
    assert_int_equal(kb_ids_add(ids, KB_S("c"), name('i', 999, text), 0, &seq), KB_IDS_NEW);
    kb_ids_free(ids);
    kb_ids_free(NULL);
}

/* "a" in "bc" is not "ab" in "c". */
static void test_channel_and_id_do_not_run_together(void **state)
{
    uint64_t seq = 1;

    (void)state;
    struct kb_ids *ids = kb_ids_new(1000, 10);
    assert_int_equal(kb_ids_add(ids, KB_S("bc"), KB_S("a"), 0, &seq), KB_IDS_NEW);
    assert_int_equal(kb_ids_add(ids, KB_S("c"), KB_S("ab"), 0, &seq), KB_IDS_NEW);
    assert_int_equal(kb_ids_add(ids, KB_S("b"), KB_S("ca"), 0, &seq), KB_IDS_NEW);
    assert_int_equal(kb_ids_add(ids, KB_S("bc"), KB_S("a"), 0, &seq), KB_IDS_AGAIN);
    kb_ids_free(ids);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_a_list),
        cmocka_unit_test(test_room),
        cmocka_unit_test(test_channel_and_id_do_not_run_together),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
