/* What kably asks of the compiler beyond C11, in one place. */
#ifndef KB_BASE_COMPILER_H
#define KB_BASE_COMPILER_H

#include <stdio.h>
#include <stdlib.h>

#define KB_MUST_CHECK __attribute__((warn_unused_result))
#define KB_PRINTF(fmt, first) __attribute__((format(printf, fmt, first)))
#define KB_ALWAYS_INLINE inline __attribute__((always_inline))
#define KB_LIKELY(x) __builtin_expect(!!(x), 1)
#define KB_UNLIKELY(x) __builtin_expect(!!(x), 0)
#define KB_COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Our own mistakes, kept in release builds: stopping is safer than publishing or committing on a
 * broken assumption. Bad input is never one of them. */
#define KB_BUG_ON(condition)                                                                     \
    do {                                                                                         \
        if (KB_UNLIKELY(condition)) {                                                            \
            fprintf(stderr, "kably: bug: %s at %s:%d; please report it\n", #condition, __FILE__, \
                __LINE__);                                                                       \
            abort();                                                                             \
        }                                                                                        \
    } while (0)

#endif
