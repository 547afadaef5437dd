/* The varints of more than one byte; see varint.h. */
#include "decode/varint.h"

#include <string.h>

static bool byte_by_byte(const char **at, const char *end, uint64_t *out)
{
    const char *p = *at;
    uint64_t number = 0;
    for (int shift = 0; shift < 64 && p < end; shift += 7) {
        unsigned char byte = (unsigned char)*p++;
        if (shift == 63 && byte > 1)
            return false;
        number |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            *at = p;
            *out = number;
            return true;
        }
    }
    return false;
}

/* Up to eight bytes at once: those up to the first without a top bit are kept, then the gaps close,
 * of one bit between two bytes, of two between two pairs, of four in the middle. */
bool kb_varint_long(const char **at, const char *end, uint64_t *out)
{
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    const uint64_t tops = UINT64_C(0x8080808080808080);
    uint64_t word;
    if (end - *at >= 8) {
        memcpy(&word, *at, sizeof(word));
        uint64_t last = ~word & tops;
        if (last) {
            *at += (__builtin_ctzll(last) >> 3) + 1;
            word &= (last ^ (last - 1)) & ~tops;
            word =
                (word & UINT64_C(0x7f007f007f007f00)) >> 1 | (word & UINT64_C(0x007f007f007f007f));
            word =
                (word & UINT64_C(0x3fff00003fff0000)) >> 2 | (word & UINT64_C(0x00003fff00003fff));
            *out =
                (word & UINT64_C(0x0fffffff00000000)) >> 4 | (word & UINT64_C(0x000000000fffffff));
            return true;
        }
    }
#endif
    return byte_by_byte(at, end, out);
}
