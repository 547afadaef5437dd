/* Randomness of the system, and from a seed; see random.h. */
#include "base/random.h"

#include "base/compiler.h"
#include "base/hash.h"

#include <errno.h>
#include <sys/random.h>

static uint64_t system_next(struct kb_random *random)
{
    (void)random;
    uint64_t bits;
    ssize_t got;
    do
        got = getrandom(&bits, sizeof(bits), 0);
    while (got < 0 && errno == EINTR);
    KB_BUG_ON(got != (ssize_t)sizeof(bits)); /* a request this small is never cut short */
    return bits;
}

struct kb_random *kb_random_system(void)
{
    static struct kb_random system = {system_next};
    return &system;
}

static uint64_t seeded_next(struct kb_random *random)
{
    struct kb_random_seeded *seeded = (struct kb_random_seeded *)random;
    seeded->state += UINT64_C(0x9e3779b97f4a7c15);
    return kb_mix64(seeded->state);
}

void kb_random_seed(struct kb_random_seeded *seeded, uint64_t seed)
{
    *seeded = (struct kb_random_seeded){.random = {seeded_next}, .state = seed};
}
