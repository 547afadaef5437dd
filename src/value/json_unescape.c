/* The escapes of JSON strings become the characters they stand for; see json.h. json_read.c has
 * checked them before. */
#include "value/json.h"

static unsigned hex4(const char *p)
{
    unsigned code = 0;
    for (int i = 0; i < 4; i++)
        code = code << 4 | (unsigned)kb_hex_digit(p[i]);
    return code;
}

static char *put_utf8(char *to, unsigned code)
{
    if (code < 0x80) {
        *to++ = (char)code;
    } else if (code < 0x800) {
        *to++ = (char)(0xc0 | code >> 6);
        *to++ = (char)(0x80 | (code & 0x3f));
    } else if (code < 0x10000) {
        *to++ = (char)(0xe0 | code >> 12);
        *to++ = (char)(0x80 | (code >> 6 & 0x3f));
        *to++ = (char)(0x80 | (code & 0x3f));
    } else {
        *to++ = (char)(0xf0 | code >> 18);
        *to++ = (char)(0x80 | (code >> 12 & 0x3f));
        *to++ = (char)(0x80 | (code >> 6 & 0x3f));
        *to++ = (char)(0x80 | (code & 0x3f));
    }
    return to;
}

/* The character of a \u escape in a checked string; *p stands behind the u and ends behind all that
 * belongs to it. Looking for the second half of a pair goes no further than the string's closing
 * quote. A surrogate without its other half becomes U+FFFD. */
static unsigned unicode_escape(const char **p)
{
    unsigned high = hex4(*p);
    *p += 4;
    if (high < 0xd800 || high > 0xdfff)
        return high;
    if (high < 0xdc00 && (*p)[0] == '\\' && (*p)[1] == 'u') {
        unsigned low = hex4(*p + 2);
        if (low >= 0xdc00 && low <= 0xdfff) {
            *p += 6;
            return 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
        }
    }
    return 0xfffd;
}

static char control_escape(char letter)
{
    switch (letter) {
    case 'b':
        return '\b';
    case 'f':
        return '\f';
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    default: /* a quote, a backslash or a slash stands for itself */
        return letter;
    }
}

size_t kb_json_unescape(char *to, struct kb_slice inside)
{
    const char *start = to, *p = inside.ptr, *end = inside.ptr + inside.len;
    while (p < end) {
        const char *backslash = memchr(p, '\\', (size_t)(end - p));
        size_t plain = (size_t)((backslash ? backslash : end) - p);
        memcpy(to, p, plain);
        to += plain;
        p += plain;
        if (!backslash)
            break;
        char letter = p[1];
        p += 2;
        if (letter == 'u')
            to = put_utf8(to, unicode_escape(&p));
        else
            *to++ = control_escape(letter);
    }
    return (size_t)(to - start);
}
