/* The JSON reader; see json.h. One loop with a stack of its own, so that deep nesting costs no C
 * stack; strings are scanned sixteen bytes at a time and come to the sink as they stand in the text
 * unless they hold escapes. Called by decode/ for every record: without a sink it is the check that
 * lets a record's own bytes through. */
#include "value/json.h"

#include "base/utf8.h"

#include <limits.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

struct reader {
    const char *start, *p, *end;
    struct kb_err *err;
    struct kb_buf
        scratch; /* a string with its escapes decoded; allocated only where there are some */
    uint32_t depth;
    char closing[KB_JSON_DEPTH_MAX]; /* of each open container, the bracket that closes it */
};

static bool fail(struct reader *r, const char *what)
{
    size_t column = (size_t)(r->p - r->start) + 1;
    kb_err_record(r->err, KB_FAILURE_DECODE, "column %zu: %s%s", column, what,
        r->p == r->end ? ", found the end" : "");
    r->err->column = column < INT_MAX ? (int)column : INT_MAX;
    return false;
}

static inline bool at(const struct reader *r, char c)
{
    return r->p < r->end && *r->p == c;
}

static inline void skip_space(struct reader *r)
{
    while (r->p < r->end && (*r->p == ' ' || *r->p == '\n' || *r->p == '\r' || *r->p == '\t'))
        r->p++;
}

/* The first byte from `p` on that is not plain inside a string: a quote, a backslash, a control
 * character, or the first of a character beyond ASCII. */
static inline const char *skip_plain(const char *p, const char *end)
{
#ifdef __SSE2__
    const __m128i quote = _mm_set1_epi8('"');
    const __m128i backslash = _mm_set1_epi8('\\');
    const __m128i space = _mm_set1_epi8(' ');
    for (; end - p >= 16; p += 16) {
        __m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
        __m128i stop = _mm_or_si128(_mm_cmpeq_epi8(v, quote), _mm_cmpeq_epi8(v, backslash));
        stop = _mm_or_si128(stop, _mm_cmplt_epi8(v, space)); /* signed: beyond ASCII is negative */
        int mask = _mm_movemask_epi8(stop);
        if (mask)
            return p + __builtin_ctz((unsigned)mask);
    }
#endif
    while (p < end && *p != '"' && *p != '\\' && (signed char)*p >= ' ')
        p++;
    return p;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Passes over an escape; p stands at its backslash. */
static bool check_escape(struct reader *r)
{
    r->p++;
    if (r->p == r->end || !*r->p || !strchr("\"\\/bfnrtu", *r->p))
        return fail(r, "expected one of \" \\ / b f n r t u after the backslash");
    if (*r->p++ != 'u')
        return true;
    for (int i = 0; i < 4; i++, r->p++)
        if (r->p == r->end || hex_digit(*r->p) < 0)
            return fail(r, "expected four hexadecimal digits after \\u");
    return true;
}

/* Checks a string; p stands behind its opening quote and ends behind the closing one. *raw is what
 * is between them, *escaped says whether it holds escapes. */
static inline bool check_string(struct reader *r, struct kb_slice *raw, bool *escaped)
{
    const char *from = r->p;
    *escaped = false;
    for (;;) {
        r->p = skip_plain(r->p, r->end);
        if (r->p == r->end)
            return fail(r, "expected '\"' to close the string");
        unsigned char c = (unsigned char)*r->p;
        if (c == '"')
            break;
        if (c == '\\') {
            *escaped = true;
            if (!check_escape(r))
                return false;
        } else if (c < 0x20) {
            return fail(r, "a control character in a string must be escaped");
        } else {
            do {
                size_t step = kb_utf8_step(r->p, r->end);
                if (step == 0)
                    return fail(r, "not UTF-8");
                r->p += step;
            } while (r->p < r->end && (unsigned char)*r->p >= 0x80);
        }
    }
    *raw = (struct kb_slice){from, (size_t)(r->p - from)};
    r->p++;
    return true;
}

static unsigned hex4(const char *p)
{
    unsigned code = 0;
    for (int i = 0; i < 4; i++)
        code = code << 4 | (unsigned)hex_digit(p[i]);
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

/* The character of a \u escape that is known to be well formed; *p stands behind the u and ends
 * behind all that belongs to it. A surrogate without its other half becomes U+FFFD. */
static unsigned unicode_escape(const char **p, const char *end)
{
    unsigned high = hex4(*p);
    *p += 4;
    if (high < 0xd800 || high > 0xdfff)
        return high;
    if (high < 0xdc00 && end - *p >= 6 && (*p)[0] == '\\' && (*p)[1] == 'u') {
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

/* Decodes the escapes of a checked string into the scratch; it never gets longer by that. */
static bool decode_escapes(struct reader *r, struct kb_slice raw, struct kb_slice *out)
{
    kb_buf_reset(&r->scratch);
    char *to = kb_buf_reserve(&r->scratch, raw.len);
    if (!to)
        return kb_err_fatal(r->err, "no memory for a JSON string of %zu bytes", raw.len);
    const char *p = raw.ptr, *end = raw.ptr + raw.len;
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
            to = put_utf8(to, unicode_escape(&p, end));
        else
            *to++ = control_escape(letter);
    }
    kb_buf_commit(&r->scratch, (size_t)(to - r->scratch.ptr));
    *out = kb_buf_slice(&r->scratch);
    return true;
}

/* A string as a sink takes it; p stands behind its opening quote. Nobody to take it: only checked.
 */
static inline bool read_string(struct reader *r, bool taken, struct kb_slice *text)
{
    bool escaped;
    if (!check_string(r, text, &escaped))
        return false;
    return !escaped || !taken || decode_escapes(r, *text, text);
}

static inline bool skip_digits(struct reader *r)
{
    const char *from = r->p;
    while (r->p < r->end && *r->p >= '0' && *r->p <= '9')
        r->p++;
    return r->p > from || fail(r, "expected a digit");
}

static inline bool read_number(struct reader *r, struct kb_events *sink)
{
    const char *from = r->p;
    if (*r->p == '-')
        r->p++;
    if (at(r, '0'))
        r->p++;
    else if (!skip_digits(r))
        return false;
    if (at(r, '.')) {
        r->p++;
        if (!skip_digits(r))
            return false;
    }
    if (at(r, 'e') || at(r, 'E')) {
        r->p++;
        if (at(r, '+') || at(r, '-'))
            r->p++;
        if (!skip_digits(r))
            return false;
    }
    kb_emit_number(sink, (struct kb_slice){from, (size_t)(r->p - from)});
    return true;
}

static bool read_word(struct reader *r, struct kb_slice word)
{
    if (!kb_slice_starts((struct kb_slice){r->p, (size_t)(r->end - r->p)}, word))
        return fail(r, "expected a value");
    r->p += word.len;
    return true;
}

static bool open_container(struct reader *r, char closing)
{
    if (r->depth == KB_JSON_DEPTH_MAX)
        return fail(r, "nested deeper than 512 objects and arrays");
    r->closing[r->depth++] = closing;
    r->p++;
    return true;
}

/* Reads a scalar, or the opening bracket of a container, which stays open; *opened says which. */
static inline bool begin_value(struct reader *r, struct kb_events *sink, bool *opened)
{
    struct kb_slice text;
    *opened = false;
    switch (r->p < r->end ? *r->p : '\0') {
    case '"':
        r->p++;
        if (!read_string(r, sink && sink->ops->string, &text))
            return false;
        kb_emit_string(sink, text);
        return true;
    case '{':
        if (!open_container(r, '}'))
            return false;
        kb_emit_begin_object(sink);
        return *opened = true;
    case '[':
        if (!open_container(r, ']'))
            return false;
        kb_emit_begin_array(sink);
        return *opened = true;
    case 't':
        if (!read_word(r, KB_S("true")))
            return false;
        kb_emit_boolean(sink, true);
        return true;
    case 'f':
        if (!read_word(r, KB_S("false")))
            return false;
        kb_emit_boolean(sink, false);
        return true;
    case 'n':
        if (!read_word(r, KB_S("null")))
            return false;
        kb_emit_null(sink);
        return true;
    case '-':
    case '0' ... '9':
        return read_number(r, sink);
    default:
        return fail(r, "expected a value");
    }
}

static inline bool read_key(struct reader *r, struct kb_events *sink)
{
    if (!at(r, '"'))
        return fail(r, "expected a name in quotes");
    r->p++;
    struct kb_slice name;
    if (!read_string(r, sink && sink->ops->key, &name))
        return false;
    skip_space(r);
    if (!at(r, ':'))
        return fail(r, "expected ':'");
    r->p++;
    skip_space(r);
    kb_emit_key(sink, name);
    return true;
}

static void close_container(struct reader *r, struct kb_events *sink)
{
    if (r->closing[--r->depth] == '}')
        kb_emit_end_object(sink);
    else
        kb_emit_end_array(sink);
    r->p++;
}

/* Goes on from the end of a value, or from behind an opening bracket, to the place of the next
 * value, closing what closes on the way. With the container at `base` closed, there is none: depth
 * equals base then. */
static inline bool next_place(struct reader *r, struct kb_events *sink, uint32_t base, bool opened)
{
    while (r->depth > base) {
        skip_space(r);
        char closing = r->closing[r->depth - 1];
        if (at(r, closing)) {
            close_container(r, sink);
            opened = false;
            continue;
        }
        if (!opened) {
            if (!at(r, ','))
                return fail(r, closing == '}' ? "expected ',' or '}'" : "expected ',' or ']'");
            r->p++;
            skip_space(r);
        }
        return closing == ']' || read_key(r, sink);
    }
    return true;
}

/* One whole value. What a sink does not want is read by the same function without a sink, which
 * asks no more: the recursion is one deep. */
static bool read_value(struct reader *r, struct kb_events *sink)
{
    const uint32_t base = r->depth;
    do {
        bool opened = false;
        bool wanted = !sink || kb_emit_wanted(sink);
        if (!(wanted ? begin_value(r, sink, &opened) : read_value(r, NULL)))
            return false;
        if (!next_place(r, sink, base, opened))
            return false;
    } while (r->depth > base);
    return true;
}

bool kb_json_read(struct kb_slice text, struct kb_events *sink, struct kb_err *err)
{
    struct reader r;
    r.start = r.p = text.ptr ? text.ptr : "";
    r.end = r.start + text.len;
    r.err = err;
    r.depth = 0;
    kb_buf_init(&r.scratch, text.len);

    skip_space(&r);
    bool ok = read_value(&r, sink);
    if (ok) {
        skip_space(&r);
        ok = r.p == r.end || fail(&r, "expected nothing more behind the value");
    }
    kb_buf_deinit(&r.scratch);
    return ok;
}
