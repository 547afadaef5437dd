/* What unit tests share: cmocka with what it wants included before it, slices in assertions, and
 * random cases from a printed seed.
 *
 *     struct kb_random *random = prop_seed();        // of all cases
 *     for (int i = 0; i < 1000; i++)
 *         ... prop_below(10) ...
 *
 *     struct prop_seeds seeds = prop_seeds(1, 120);  // of a case each
 *     for (uint64_t seed; prop_next_seed(&seeds, &seed);)
 *         ...
 *
 * KABLY_SEED=123 runs the same cases, or that one case, again. */
#ifndef KB_TESTS_SUPPORT_PROP_H
#define KB_TESTS_SUPPORT_PROP_H

#include "base/compiler.h"
#include "base/random.h"
#include "base/slice.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static struct kb_random_seeded prop_random;

static inline struct kb_random *prop_seed(void)
{
    const char *given = getenv("KABLY_SEED");
    uint64_t seed =
        given ? strtoull(given, NULL, 10) : kb_random_below(kb_random_system(), 1000000000);
    print_message("KABLY_SEED=%llu\n", (unsigned long long)seed);
    kb_random_seed(&prop_random, seed);
    return &prop_random.random;
}

static inline size_t prop_below(size_t limit)
{
    return (size_t)kb_random_below(&prop_random.random, limit);
}

struct prop_seeds {
    uint64_t next, end;
};

static inline struct prop_seeds prop_seeds(uint64_t first, uint64_t n)
{
    const char *given = getenv("KABLY_SEED");
    if (given) {
        first = strtoull(given, NULL, 10);
        n = 1;
    }
    return (struct prop_seeds){first, first + n};
}

static inline bool prop_next_seed(struct prop_seeds *seeds, uint64_t *seed)
{
    *seed = seeds->next++;
    if (*seed == seeds->end)
        return false;
    print_message("KABLY_SEED=%llu\r", (unsigned long long)*seed);
    return true;
}

/* Length and bytes; an absent slice (ptr NULL) equals only an absent one. Prints both. */
#define assert_slice(...) check_slice(__FILE__, __LINE__, __VA_ARGS__) /* actual, expected */

static inline void check_slice(
    const char *file, int line, struct kb_slice actual, struct kb_slice expected)
{
    if (!actual.ptr == !expected.ptr && kb_slice_eq(actual, expected))
        return;
    print_error("\"" KB_FMT "\" (%zu bytes) should be \"" KB_FMT "\" (%zu bytes)\n", KB_ARG(actual),
        actual.len, KB_ARG(expected), expected.len);
    _fail(file, line);
}

#endif
