/* The two hashes of bytes; see hash.h. */
#include "base/hash.h"

/* Odd numbers without pattern: the fractional digits of pi. */
#define K0 UINT64_C(0x243f6a8885a308d3)
#define K1 UINT64_C(0x13198a2e03707345)
#define K2 UINT64_C(0xa4093822299f31d1)

static uint64_t fold(uint64_t a, uint64_t b)
{
    unsigned __int128 product = (unsigned __int128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t load64(const char *p)
{
    uint64_t word;
    memcpy(&word, p, sizeof(word));
    return word;
}

static uint64_t load32(const char *p)
{
    uint32_t word;
    memcpy(&word, p, sizeof(word));
    return word;
}

uint64_t kb_hash64(struct kb_slice bytes, uint64_t seed)
{
    const char *p = bytes.ptr;
    size_t left = bytes.len;
    uint64_t hash = seed ^ K0;
    for (; left > 16; left -= 16, p += 16)
        hash = fold(load64(p) ^ K1, load64(p + 8) ^ hash);

    /* The last 0 to 16 bytes as two words; they overlap where there are fewer. */
    uint64_t a = 0, b = 0;
    if (left >= 8) {
        a = load64(p);
        b = load64(p + left - 8);
    } else if (left >= 4) {
        a = load32(p);
        b = load32(p + left - 4);
    } else if (left > 0) {
        a = (uint64_t)(unsigned char)p[0] << 16 | (uint64_t)(unsigned char)p[left / 2] << 8 |
            (unsigned char)p[left - 1];
    }
    hash = fold(a ^ K1, b ^ hash);
    return fold(hash ^ K2, bytes.len ^ K1);
}

uint64_t kb_hash64_stable(struct kb_slice bytes)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < bytes.len; i++) {
        hash ^= (unsigned char)bytes.ptr[i];
        hash *= UINT64_C(0x100000001b3);
    }
    return hash;
}
