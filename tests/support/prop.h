/* What the unit tests of base, record, value and decode share: cmocka with what it wants included
 * before it, slices in assertions, and random cases from a printed seed.
 *
 *     struct kb_random *random = prop_seed();        // KB_SEED=123 runs the same cases again
 *     for (int i = 0; i < 1000; i++)
 *         ... prop_below(10) ...
 */
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
    const char *given = getenv("KB_SEED");
    uint64_t seed =
        given ? strtoull(given, NULL, 10) : kb_random_below(kb_random_system(), 1000000000);
    print_message("seed: KB_SEED=%llu\n", (unsigned long long)seed);
    kb_random_seed(&prop_random, seed);
    return &prop_random.random;
}

static inline size_t prop_below(size_t limit)
{
    return (size_t)kb_random_below(&prop_random.random, limit);
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
