/* The door to randomness: jitter of retries, order of hosts, seeds of hashes, nonces of token
 * requests and IVs of encrypted messages. No key is made of it.
 *
 *     struct kb_random *random = kb_random_system();
 *     uint64_t one_of_ten = kb_random_below(random, 10);
 *
 * Thread: the system's any; another one is its owner's. */
#ifndef KB_BASE_RANDOM_H
#define KB_BASE_RANDOM_H

#include <stdint.h>

struct kb_random {
    uint64_t (*next)(struct kb_random *random); /* 64 uniform bits */
};

struct kb_random *kb_random_system(void); /* getrandom(2); static, any thread */

/* A generator from one seed (splitmix64): the simulation's and the tests' source. Thread: its
 * owner's. */
struct kb_random_seeded {
    struct kb_random random;
    uint64_t state;
};
void kb_random_seed(struct kb_random_seeded *seeded, uint64_t seed);

static inline uint64_t kb_random_below(struct kb_random *random, uint64_t limit)
{
    return limit ? random->next(random) % limit : 0;
}

#endif
