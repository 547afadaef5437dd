/* Waits grow, stay inside their bounds, and use the whole upper half. */
#include "base/backoff.h"

#include "base/compiler.h"
#include "base/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_the_bounds_of_each_attempt(void **state)
{
    (void)state;
    static const struct {
        uint32_t attempt;
        int base_ms, max_ms, least, most;
    } rows[] = {
        {0, 100, 10000, 50, 100},
        {1, 100, 10000, 50, 100},
        {2, 100, 10000, 100, 200},
        {7, 100, 10000, 3200, 6400},
        {8, 100, 10000, 5000, 10000},
        {UINT32_MAX, 100, 10000, 5000, 10000},
        {1, 0, 10, 1, 1},
        {1, 1, 10, 1, 1},
        {5, 7, 7, 3, 7},
        {40, INT32_MAX, INT32_MAX, INT32_MAX / 2, INT32_MAX},
    };
    for (size_t i = 0; i < KB_COUNT(rows); i++) {
        struct kb_random_seeded seeded;
        kb_random_seed(&seeded, i + 1);
        int least = INT32_MAX, most = 0;
        for (int k = 0; k < 2000; k++) {
            int wait = kb_backoff_delay_ms(rows[i].attempt, rows[i].base_ms, rows[i].max_ms,
                seeded.random.next(&seeded.random));
            least = wait < least ? wait : least;
            most = wait > most ? wait : most;
        }
        assert_in_range(least, rows[i].least, rows[i].most);
        assert_in_range(most, rows[i].least, rows[i].most);
        int span = rows[i].most - rows[i].least;
        assert_true(least - rows[i].least <= span / 20 && rows[i].most - most <= span / 20);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_the_bounds_of_each_attempt)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
