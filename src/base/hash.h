/* Two hashes. kb_hash64 is fast and spreads well: lanes, tables; it may change between releases.
 * kb_mix64 is a bijection of 64-bit numbers (splitmix64's finalizer): two inputs never share an
 * output; it is part of the message id and never changes. Thread: any, no
 * state. */
#ifndef KB_BASE_HASH_H
#define KB_BASE_HASH_H

#include "base/slice.h"

#include <stdint.h>

uint64_t kb_hash64(struct kb_slice bytes, uint64_t seed);

/* FNV-1a, 64 bits: stable for ever, for what leaves the process (the id's tag). */
uint64_t kb_hash64_stable(struct kb_slice bytes);

static inline uint64_t kb_mix64(uint64_t x)
{
    x ^= x >> 30;
    x *= UINT64_C(0xbf58476d1ce4e5b9);
    x ^= x >> 27;
    x *= UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

#endif
