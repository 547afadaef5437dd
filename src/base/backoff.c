/* Exponential waits with jitter; see backoff.h. */
#include "base/backoff.h"

int kb_backoff_delay_ms(uint32_t attempt, int base_ms, int max_ms, uint64_t random)
{
    int64_t wait = base_ms < 1 ? 1 : base_ms; /* doubling then ends after 31 rounds at most */
    for (uint32_t i = 1; i < attempt && wait < max_ms; i++)
        wait *= 2;
    if (wait > max_ms)
        wait = max_ms;
    int64_t half = wait / 2;
    wait = half + (int64_t)(random % (uint64_t)(wait - half + 1));
    return wait < 1 ? 1 : (int)wait;
}
