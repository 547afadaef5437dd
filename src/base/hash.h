/* Three hashes, two of which never change, for they are part of every message's id.
 *
 *     kb_hash64(KB_S("user:7"), seed)            // fast, spreads well: lanes, tables. May change
 *     kb_hash64_stable(KB_S("MkU3OEVBNTcw"))     // FNV-1a: what leaves the process
 *     kb_mix64(x)                                // a bijection (splitmix64's finalizer)
 *
 * Thread: any, no state. */
#ifndef KB_BASE_HASH_H
#define KB_BASE_HASH_H

#include "base/slice.h"

#include <stdint.h>

uint64_t kb_hash64(struct kb_slice bytes, uint64_t seed);
uint64_t kb_hash64_stable(struct kb_slice bytes);

/* Two inputs never share an output. */
static inline uint64_t kb_mix64(uint64_t x)
{
    x ^= x >> 30;
    x *= UINT64_C(0xbf58476d1ce4e5b9);
    x ^= x >> 27;
    x *= UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

#endif
