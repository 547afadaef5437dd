/* Two clocks of the system; see hook_clock.h. */
#include "script/hook_clock.h"

#include <time.h>

static int64_t read_clock(clockid_t id)
{
    struct timespec ts;
    clock_gettime(id, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static int64_t work_ms(struct kb_clock *clock)
{
    (void)clock;
    return read_clock(CLOCK_THREAD_CPUTIME_ID);
}

static int64_t coarse_ms(struct kb_clock *clock)
{
    (void)clock;
    return read_clock(CLOCK_MONOTONIC_COARSE);
}

static struct kb_clock work = {work_ms, work_ms}, coarse = {coarse_ms, coarse_ms};

struct kb_clock *kb_hook_clock(void)
{
    return &work;
}

struct kb_clock *kb_hook_clock_coarse(void)
{
    return &coarse;
}
