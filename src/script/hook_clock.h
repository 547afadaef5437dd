/* The time that a function of a user counts by: work of its own thread, not waiting. A busy machine
 * is no endless loop. Static, any thread. */
#ifndef KB_SCRIPT_HOOK_CLOCK_H
#define KB_SCRIPT_HOOK_CLOCK_H

#include "base/clock.h"

struct kb_clock *kb_hook_clock(void);        /* CLOCK_THREAD_CPUTIME_ID: a system call */
struct kb_clock *kb_hook_clock_coarse(void); /* CLOCK_MONOTONIC_COARSE: a few nanoseconds */

#endif
