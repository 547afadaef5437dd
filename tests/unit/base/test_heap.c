/* The heap against a search through all items. */
#include "base/heap.h"

#include "base/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define ITEMS 60

static void test_the_least_key_is_on_top_whatever_is_moved(void **state)
{
    (void)state;
    struct kb_heap_item items[ITEMS] = {0};
    struct kb_heap heap = {0};
    struct kb_random_seeded random;
    kb_random_seed(&random, 1);
    assert_null(kb_heap_first(&heap));
    assert_true(kb_heap_reserve(&heap, ITEMS));
    for (int turn = 0; turn < 100000; turn++) {
        struct kb_heap_item *item = &items[kb_random_below(&random.random, ITEMS)];
        if (kb_random_below(&random.random, 3) == 0)
            kb_heap_remove(&heap, item);
        else
            kb_heap_put(&heap, item, (int64_t)kb_random_below(&random.random, 100));
        int64_t least = INT64_MAX;
        uint32_t n = 0;
        for (int i = 0; i < ITEMS; i++) {
            if (!items[i].place)
                continue;
            n++;
            assert_ptr_equal(heap.items[items[i].place - 1], &items[i]);
            least = items[i].key < least ? items[i].key : least;
        }
        assert_int_equal(heap.n, n);
        assert_int_equal(n ? kb_heap_first(&heap)->key : INT64_MAX, least);
    }
    kb_heap_deinit(&heap);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_least_key_is_on_top_whatever_is_moved),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
