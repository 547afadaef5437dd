/* Protobuf's wire format, one field at a time. Private to the proto_ files.
 *
 *     const char *at = bytes.ptr, *end = bytes.ptr + bytes.len;
 *     struct kb_wire wire;
 *     while (at < end)
 *         if (!kb_wire_next(&at, end, &wire)) ... wire.fault says what is wrong; at is where
 *
 * Varints of at most ten bytes with at most 64 bits, field numbers from 1 to 2^29 - 1, groups
 * (which nobody declares any more) passed over whole, at most KB_WIRE_GROUPS_MAX inside each other.
 */
#ifndef KB_DECODE_PROTO_WIRE_H
#define KB_DECODE_PROTO_WIRE_H

#include "base/compiler.h"
#include "base/slice.h"

#define KB_WIRE_GROUPS_MAX 100

enum { KB_WIRE_VARINT, KB_WIRE_64, KB_WIRE_BYTES, KB_WIRE_GROUP, KB_WIRE_GROUP_END, KB_WIRE_32 };

struct kb_wire {
    uint32_t number;
    uint8_t type;
    uint64_t bits;         /* of VARINT, 64 and 32 */
    struct kb_slice bytes; /* of BYTES */
    const char *fault;
};

bool kb_wire_long_varint(const char **at, const char *end, uint64_t *out);
bool kb_wire_next(const char **at, const char *end, struct kb_wire *out) KB_MUST_CHECK;

static inline bool kb_wire_varint(const char **at, const char *end, uint64_t *out)
{
    if (KB_LIKELY(*at < end && !(**at & 0x80))) {
        *out = (unsigned char)*(*at)++;
        return true;
    }
    return kb_wire_long_varint(at, end, out);
}

static inline uint64_t kb_wire_little(const char *at, int n)
{
    uint64_t bits = 0;
    for (int i = n; i-- > 0;)
        bits = bits << 8 | (unsigned char)at[i];
    return bits;
}

#endif
