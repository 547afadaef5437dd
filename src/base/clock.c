/* The system's clocks behind the door of clock.h. */
#include "base/clock.h"

#include <time.h>

static int64_t read_ms(clockid_t id)
{
    struct timespec ts;
    clock_gettime(id, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static int64_t now_ms(struct kb_clock *clock)
{
    (void)clock;
    return read_ms(CLOCK_MONOTONIC);
}

static int64_t wall_ms(struct kb_clock *clock)
{
    (void)clock;
    return read_ms(CLOCK_REALTIME);
}

struct kb_clock *kb_clock_system(void)
{
    static struct kb_clock system = {now_ms, wall_ms};
    return &system;
}
