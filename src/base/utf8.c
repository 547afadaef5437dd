/* UTF-8 checks; see utf8.h. Runs of ASCII go sixteen bytes at a time, the rest character by
 * character. */
#include "base/utf8.h"

#include "base/compiler.h"

#include <stdint.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

size_t kb_utf8_step(const char *at, const char *end)
{
    const unsigned char *p = (const unsigned char *)at;
    size_t left = (size_t)(end - at);
    if (left == 0)
        return 0;
    unsigned char lead = p[0];
    if (lead < 0x80)
        return 1;
    if (lead < 0xc2 || lead > 0xf4)
        return 0;
    if (left < 2)
        return 0;
    if (lead < 0xe0)
        return (p[1] & 0xc0) == 0x80 ? 2 : 0;

    /* Four leads narrow their second byte: that is what keeps out overlong forms (e0, f0),
     * surrogates (ed) and what lies past U+10FFFF (f4). */
    unsigned char low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
    unsigned char high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
    if (p[1] < low || p[1] > high)
        return 0;
    if (left < 3 || (p[2] & 0xc0) != 0x80)
        return 0;
    if (lead < 0xf0)
        return 3;
    return left >= 4 && (p[3] & 0xc0) == 0x80 ? 4 : 0;
}

#define HIGH_BITS UINT64_C(0x8080808080808080)

static uint64_t load_word(const char *p)
{
    uint64_t word;
    memcpy(&word, p, sizeof(word));
    return word;
}

/* The first byte from `p` on that is not ASCII. */
static const char *skip_ascii(const char *p, const char *end)
{
#ifdef __SSE2__
    for (; end - p >= 16; p += 16) {
        int high = _mm_movemask_epi8(_mm_loadu_si128((const __m128i *)(const void *)p));
        if (high)
            return p + __builtin_ctz((unsigned)high);
    }
#endif
    for (; end - p >= 8; p += 8)
        if (load_word(p) & HIGH_BITS)
            break;
    while (p < end && (unsigned char)*p < 0x80)
        p++;
    return p;
}

/* Is it short, and all of it ASCII? Names and channels are, most often: two words that overlap. */
static bool is_short_ascii(struct kb_slice bytes)
{
    return bytes.len >= 8 && bytes.len <= 16 &&
           !((load_word(bytes.ptr) | load_word(bytes.ptr + bytes.len - 8)) & HIGH_BITS);
}

size_t kb_utf8_prefix(struct kb_slice bytes)
{
    if (bytes.len == 0)
        return 0;
    const char *p = bytes.ptr, *end = bytes.ptr + bytes.len;
    while ((p = skip_ascii(p, end)) < end) {
        /* Text that is not English has runs of such characters: stay here until the next ASCII
         * byte. */
        while (p < end && (unsigned char)*p >= 0x80) {
            size_t step = kb_utf8_step(p, end);
            if (step == 0)
                return (size_t)(p - bytes.ptr);
            p += step;
        }
    }
    return bytes.len;
}

bool kb_utf8_valid(struct kb_slice bytes)
{
    return is_short_ascii(bytes) || kb_utf8_prefix(bytes) == bytes.len;
}

size_t kb_utf8_cut(struct kb_slice text, size_t max)
{
    if (text.len <= max)
        return text.len;
    size_t cut = max;
    while (cut > 0 && max - cut < 3 && ((unsigned char)text.ptr[cut] & 0xc0) == 0x80)
        cut--;
    /* No lead byte near: not UTF-8 anyway, so there is nothing to spare. */
    return ((unsigned char)text.ptr[cut] & 0xc0) == 0x80 ? max : cut;
}

void kb_utf8_one_line(char *text, size_t len)
{
    char *end = text + len;
    for (char *p = text; p < end;) {
        size_t step = kb_utf8_step(p, end);
        unsigned char c = (unsigned char)*p;
        bool c1_control = step == 2 && c == 0xc2 && (unsigned char)p[1] < 0xa0;
        if (c == '\t' || c == '\n' || c == '\r')
            *p = ' ';
        else if (step == 0 || c < 0x20 || c == 0x7f)
            *p = '?';
        else if (c1_control)
            p[0] = p[1] = '?';
        p += step ? step : 1;
    }
}
