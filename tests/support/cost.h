/* What one piece of work costs: this thread's CPU time and, in builds with AddressSanitizer, the
 * most memory it held at a time.
 *
 *     cost_begin();
 *     ...
 *     struct cost cost = cost_end();     // stops where it is beyond what a record may cost
 *
 * CPU time, not the clock's: what else runs on the machine has no part in it. Sanitizers slow the
 * work down by less than COST_SLOWDOWN. */
#ifndef KB_TESTS_SUPPORT_COST_H
#define KB_TESTS_SUPPORT_COST_H

#include "base/compiler.h"

#include <stdint.h>
#include <time.h>

#define COST_CPU_MS 100
#define COST_MEMORY (64u << 20)
#define COST_SLOWDOWN 10

struct cost {
    double cpu_ms;
    size_t memory;
};

/* AddressSanitizer's, where it is there. */
extern int __sanitizer_install_malloc_and_free_hooks(
    void (*on_malloc)(const volatile void *, size_t), void (*on_free)(const volatile void *))
    __attribute__((weak));
extern size_t __sanitizer_get_allocated_size(const volatile void *) __attribute__((weak));

static struct {
    bool installed;
    int64_t held, most; /* since cost_begin */
    struct timespec begun;
} cost_now;

static inline void cost_on_malloc(const volatile void *piece, size_t size)
{
    (void)piece;
    cost_now.held += (int64_t)size;
    if (cost_now.held > cost_now.most)
        cost_now.most = cost_now.held;
}

static inline void cost_on_free(const volatile void *piece)
{
    if (piece)
        cost_now.held -= (int64_t)__sanitizer_get_allocated_size(piece);
}

static inline void cost_begin(void)
{
    if (!cost_now.installed && __sanitizer_install_malloc_and_free_hooks)
        __sanitizer_install_malloc_and_free_hooks(cost_on_malloc, cost_on_free);
    cost_now.installed = true;
    cost_now.held = cost_now.most = 0;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &cost_now.begun);
}

static inline struct cost cost_end(void)
{
    struct timespec ended;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ended);
    struct cost cost = {
        .cpu_ms = (double)(ended.tv_sec - cost_now.begun.tv_sec) * 1e3 +
                  (double)(ended.tv_nsec - cost_now.begun.tv_nsec) / 1e6,
        .memory = (size_t)cost_now.most,
    };
    double budget =
        __sanitizer_install_malloc_and_free_hooks ? COST_CPU_MS * COST_SLOWDOWN : COST_CPU_MS;
    if (cost.cpu_ms > budget || cost.memory > COST_MEMORY)
        fprintf(stderr, "one record took %.1f ms of CPU time and %zu bytes\n", cost.cpu_ms,
            cost.memory);
    KB_BUG_ON(cost.cpu_ms > budget || cost.memory > COST_MEMORY);
    return cost;
}

#endif
