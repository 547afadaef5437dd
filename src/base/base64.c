/* Base64; see base64.h. The encoder turns six bytes into eight characters at a time inside one
 * 64-bit word. */
#include "base/base64.h"

#include <endian.h>

#define EACH(byte) (UINT64_C(0x0101010101010101) * (byte))

/* 48 bits -> eight bytes of six bits each, the first in the highest byte. */
static uint64_t spread(uint64_t bits)
{
    bits = (bits & UINT64_C(0x0000000000ffffff)) | (bits & UINT64_C(0xffffff000000)) << 8;
    bits = (bits & UINT64_C(0x00000fff00000fff)) | (bits & UINT64_C(0x00fff00000fff000)) << 4;
    return (bits & UINT64_C(0x003f003f003f003f)) | (bits & UINT64_C(0x0fc00fc00fc00fc0)) << 2;
}

/* 1 in each byte of `six` that is at least `limit`; both below 128. */
static uint64_t at_least(uint64_t six, unsigned limit)
{
    return (six + EACH(128 - limit)) >> 7 & EACH(1);
}

/* Eight values of six bits -> eight characters, of which the alphabet chooses the last two. Each
 * byte stays within 0..255 after each step, so that no carry or borrow ever reaches its neighbour.
 */
static inline uint64_t characters(uint64_t six, unsigned of_62, unsigned of_63)
{
    uint64_t text = six + EACH('A');
    text += at_least(six, 26) * ('a' - 'Z' - 1);
    text -= at_least(six, 52) * ('z' + 1 - '0');
    text -= at_least(six, 62) * ('9' + 1 - of_62);
    text += at_least(six, 63) * (of_63 - of_62 - 1);
    return text;
}

static void store(char *to, uint64_t text, size_t len)
{
    text = htobe64(text);
    memcpy(to, &text, len);
}

void kb_base64_add(struct kb_buf *out, struct kb_slice bytes)
{
    if (bytes.len > SIZE_MAX / 2) { /* its length in base64 would wrap around */
        out->failed = true;
        return;
    }
    char *to = kb_buf_reserve(out, KB_BASE64_LEN(bytes.len));
    if (!to)
        return;
    const char *p = bytes.ptr;
    size_t left = bytes.len;
    for (; left >= 8; left -= 6, p += 6, to += 8) {
        uint64_t word;
        memcpy(&word, p, 8);
        store(to, characters(spread(be64toh(word) >> 16), '+', '/'), 8);
    }
    for (; left > 0; to += 4) {
        size_t n = left < 3 ? left : 3;
        unsigned char three[3] = {0};
        memcpy(three, p, n);
        uint64_t bits =
            (uint64_t)three[0] << 40 | (uint64_t)three[1] << 32 | (uint64_t)three[2] << 24;
        store(to, characters(spread(bits), '+', '/'), 4);
        memset(to + 1 + n, '=', 3 - n);
        left -= n;
        p += n;
    }
    kb_buf_commit(out, KB_BASE64_LEN(bytes.len));
}

void kb_base64url_u64(char out[11], uint64_t number)
{
    store(out, characters(spread(number >> 16), '-', '_'), 8);
    store(out + 8, characters(spread((number & 0xffff) << 32), '-', '_'), 3);
}

/* The six bits of a character of either alphabet, -1 for any other. */
static int six_bits(unsigned char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == '+' || c == '-')
        return 62;
    return c == '/' || c == '_' ? 63 : -1;
}

bool kb_base64_decode(struct kb_buf *out, struct kb_slice text)
{
    size_t n = text.len;
    if (n % 4 == 0)
        for (int i = 0; i < 2 && n > 0 && text.ptr[n - 1] == '='; i++)
            n--;
    if (n % 4 == 1) /* six bits make no byte */
        return false;
    char *to = kb_buf_reserve(out, n / 4 * 3 + 2);
    if (!to)
        return false;
    uint32_t bits = 0;
    unsigned have = 0;
    size_t len = 0;
    for (size_t i = 0; i < n; i++) {
        int six = six_bits((unsigned char)text.ptr[i]);
        if (six < 0)
            return false;
        bits = bits << 6 | (uint32_t)six;
        have += 6;
        if (have >= 8) {
            have -= 8;
            to[len++] = (char)(bits >> have);
        }
    }
    if (bits & ((1u << have) - 1)) /* bits behind the last byte: not what an encoder writes */
        return false;
    kb_buf_commit(out, len);
    return true;
}
