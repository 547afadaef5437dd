/* Protobuf's wire format, one field at a time. Private to the proto_ files.
 *
 *     const char *at = bytes.ptr, *end = bytes.ptr + bytes.len;
 *     struct kb_wire wire;
 *     while (at < end)
 *         if (!kb_wire_step(&at, end, &wire)) ... wire.fault says what is wrong; at is where
 *
 * Varints of at most ten bytes with at most 64 bits, field numbers from 1 to 2^29 - 1, groups
 * (which nobody declares any more) passed over whole, at most KB_WIRE_GROUPS_MAX inside each other.
 */
#ifndef KB_DECODE_PROTO_WIRE_H
#define KB_DECODE_PROTO_WIRE_H

#include "base/compiler.h"
#include "base/slice.h"
#include "decode/varint.h"

#define KB_WIRE_GROUPS_MAX 100

enum { KB_WIRE_VARINT, KB_WIRE_64, KB_WIRE_BYTES, KB_WIRE_GROUP, KB_WIRE_GROUP_END, KB_WIRE_32 };

struct kb_wire {
    uint32_t number;
    uint8_t type;
    uint64_t bits;         /* of VARINT, 64 and 32 */
    struct kb_slice bytes; /* of BYTES */
    const char *fault;
};

bool kb_wire_next(const char **at, const char *end, struct kb_wire *out) KB_MUST_CHECK;

static inline uint64_t kb_wire_little(const char *at, int n)
{
    uint64_t bits = 0;
    for (int i = n; i-- > 0;)
        bits = bits << 8 | (unsigned char)at[i];
    return bits;
}

/* The same, without a call for what is most common: a tag of one byte, and a length of one. */
static KB_ALWAYS_INLINE bool kb_wire_step(const char **at, const char *end, struct kb_wire *out)
{
    const char *p = *at;
    unsigned char tag = (unsigned char)*p;
    if (KB_UNLIKELY(tag >= 0x80 || tag < 8 || end - p < 2))
        return kb_wire_next(at, end, out);
    unsigned char len = (unsigned char)p[1];
    out->number = tag >> 3;
    out->type = tag & 7;
    if (out->type == KB_WIRE_VARINT) {
        p++;
        if (!kb_varint(&p, end, &out->bits))
            return kb_wire_next(at, end, out); /* which says what is wrong */
    } else if (out->type == KB_WIRE_BYTES && len < 0x80 && len <= end - p - 2) {
        out->bytes = (struct kb_slice){p + 2, len};
        p += 2 + len;
    } else if (out->type == KB_WIRE_64 && end - p >= 9) {
        out->bits = kb_wire_little(p + 1, 8);
        p += 9;
    } else {
        return kb_wire_next(at, end, out);
    }
    *at = p;
    return true;
}

#endif
