/* Numbers of variable length as Avro and Protobuf have them: seven bits a byte, the lowest first, a
 * set top bit in all but the last. At most ten bytes, at most 64 bits.
 *
 *     if (!kb_varint(&at, end, &bits)) ...
 *
 * False: it is cut off, or it is too long; where ten bytes or more are left it is too long. Then
 * *at is where it was. Thread: any, no state. */
#ifndef KB_DECODE_VARINT_H
#define KB_DECODE_VARINT_H

#include "base/compiler.h"

#include <stdbool.h>
#include <stdint.h>

#define KB_VARINT_MAX 10 /* bytes */

bool kb_varint_long(const char **at, const char *end, uint64_t *out); /* varint.c's */

static KB_ALWAYS_INLINE bool kb_varint(const char **at, const char *end, uint64_t *out)
{
    if (KB_LIKELY(*at < end && (unsigned char)**at < 0x80)) {
        *out = (unsigned char)*(*at)++;
        return true;
    }
    return kb_varint_long(at, end, out);
}

/* 0, -1, 1, -2, ... are 0, 1, 2, 3, ... */
static inline int64_t kb_zigzag(uint64_t bits)
{
    return (int64_t)(bits >> 1 ^ -(bits & 1));
}

#endif
