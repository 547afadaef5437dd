/* How long to wait before trying again: exponential, with jitter, so that a thousand daemons don't
 * come back at the same moment. Pure; shared by everybody who waits for somebody else's fault to
 * end.
 *
 *     wait_ms = kb_backoff_delay_ms(attempt, 100, 10000, random->next(random));
 *     // attempt 1: 50 to 100 ms, 2: 100 to 200 ... 8 and later: 5 to 10 s
 */
#ifndef KB_BASE_BACKOFF_H
#define KB_BASE_BACKOFF_H

#include <stdint.h>

/* The wait before try number `attempt` (1 = the first repeat): base_ms, doubled for each further
 * attempt, at most max_ms, and of that a random point of its upper half. `random` is 64 uniform
 * bits. Never below 1. */
int kb_backoff_delay_ms(uint32_t attempt, int base_ms, int max_ms, uint64_t random);

#endif
