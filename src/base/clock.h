/* The door to time. The worker reads it once a turn and hands `now_ms` down as an argument; nothing
 * below asks for the time by itself, so that the simulation can run years in seconds.
 *
 *     struct kb_clock *clock = kb_clock_system();
 *     int64_t now_ms = clock->now_ms(clock);
 *
 * Thread: the system's any; another one is its owner's. */
#ifndef KB_BASE_CLOCK_H
#define KB_BASE_CLOCK_H

#include <stdint.h>

struct kb_clock {
    int64_t (*now_ms)(struct kb_clock *clock); /* monotonic, any origin: for waiting */
    /* Since 1970, may jump: for people and timestamps. */
    int64_t (*wall_ms)(struct kb_clock *clock);
};

struct kb_clock *kb_clock_system(void); /* CLOCK_MONOTONIC and CLOCK_REALTIME; static, any thread */

/* The system's times at once: for commands and for threads beside the workers. */
static inline int64_t kb_system_now_ms(void)
{
    return kb_clock_system()->now_ms(kb_clock_system());
}

static inline int64_t kb_system_wall_ms(void)
{
    return kb_clock_system()->wall_ms(kb_clock_system());
}

#endif
