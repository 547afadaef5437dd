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
    const char *start, *end;
    struct kb_err *err;
    struct kb_buf scratch; /* a string's escapes decoded; allocated only where there are some */
    struct kb_json_members *members; /* NULL = nobody wants to know them */
    uint32_t depth;
    char closing[KB_JSON_DEPTH_MAX]; /* of each open container, the bracket that closes it */
};

/* The functions below take the place to read at and give the place behind what they read, NULL
 * where it is not what it should be: a place that lives in a register halves the time of the check.
 */

static const char *fail(const struct reader *r, const char *p, const char *what)
{
    size_t column = (size_t)(p - r->start) + 1;
    kb_err_record(r->err, KB_FAILURE_DECODE, "column %zu: %s%s", column, what,
        p == r->end ? ", found the end" : "");
    r->err->column = column < INT_MAX ? (int)column : INT_MAX;
    return NULL;
}

static inline bool at(const struct reader *r, const char *p, char c)
{
    return p < r->end && *p == c;
}

static inline bool at_digit(const struct reader *r, const char *p)
{
    return p < r->end && (unsigned char)(*p - '0') < 10;
}

static const char *skip_spaces(const struct reader *r, const char *p)
{
    while (p < r->end && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t'))
        p++;
    return p;
}

/* Most texts have no white space at all. */
static KB_ALWAYS_INLINE const char *skip_space(const struct reader *r, const char *p)
{
    return KB_LIKELY(p < r->end && (unsigned char)*p > ' ') ? p : skip_spaces(r, p);
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

/* Passes over an escape, from its backslash. */
static const char *check_escape(const struct reader *r, const char *p)
{
    p++;
    if (p == r->end || !*p || !strchr("\"\\/bfnrtu", *p))
        return fail(r, p, "expected one of \" \\ / b f n r t u after the backslash");
    if (*p++ != 'u')
        return p;
    for (int i = 0; i < 4; i++, p++)
        if (p == r->end || kb_hex_digit(*p) < 0)
            return fail(r, p, "expected four hexadecimal digits after \\u");
    return p;
}

/* Passes over characters beyond ASCII. */
static const char *check_utf8(const struct reader *r, const char *p)
{
    do {
        size_t step = kb_utf8_step(p, r->end);
        if (step == 0)
            return fail(r, p, "not UTF-8");
        p += step;
    } while (p < r->end && (unsigned char)*p >= 0x80);
    return p;
}

/* Checks a string from behind its opening quote to behind the closing one. *raw is what is between
 * them, *escaped says whether it holds escapes. */
static KB_ALWAYS_INLINE const char *check_string(
    const struct reader *r, const char *p, struct kb_slice *raw, bool *escaped)
{
    const char *from = p;
    *escaped = false;
    while (p) {
        p = skip_plain(p, r->end);
        if (p == r->end)
            return fail(r, p, "expected '\"' to close the string");
        if (KB_LIKELY(*p == '"')) {
            *raw = (struct kb_slice){from, (size_t)(p - from)};
            return p + 1;
        }
        if (*p == '\\') {
            *escaped = true;
            p = check_escape(r, p);
        } else if ((unsigned char)*p < 0x20) {
            return fail(r, p, "a control character in a string must be escaped");
        } else {
            p = check_utf8(r, p);
        }
    }
    return NULL;
}

/* Decodes the escapes of a checked string into the scratch; it never gets longer by that. */
static bool decode_escapes(struct reader *r, struct kb_slice raw, struct kb_slice *out)
{
    kb_buf_reset(&r->scratch);
    char *to = kb_buf_reserve(&r->scratch, raw.len);
    if (!to)
        return kb_err_fatal(r->err, "no memory for a JSON string of %zu bytes", raw.len);
    kb_buf_commit(&r->scratch, kb_json_unescape(to, raw));
    *out = kb_buf_slice(&r->scratch);
    return true;
}

/* A string as a sink takes it, from behind its opening quote. Nobody to take it: only checked. */
static KB_ALWAYS_INLINE const char *read_string(
    struct reader *r, const char *p, bool taken, struct kb_slice *text)
{
    bool escaped;
    p = check_string(r, p, text, &escaped);
    if (p && escaped && taken && !decode_escapes(r, *text, text))
        return NULL;
    return p;
}

static inline const char *skip_digits(const struct reader *r, const char *p)
{
    if (!at_digit(r, p))
        return fail(r, p, "expected a digit");
    while (at_digit(r, p))
        p++;
    return p;
}

static KB_ALWAYS_INLINE const char *read_number(
    const struct reader *r, const char *p, struct kb_events *sink)
{
    const char *from = p;
    if (*p == '-')
        p++;
    p = at(r, p, '0') ? p + 1 : skip_digits(r, p);
    if (p && at(r, p, '.'))
        p = skip_digits(r, p + 1);
    if (p && (at(r, p, 'e') || at(r, p, 'E'))) {
        p++;
        p = skip_digits(r, at(r, p, '+') || at(r, p, '-') ? p + 1 : p);
    }
    if (p)
        kb_emit_number(sink, (struct kb_slice){from, (size_t)(p - from)});
    return p;
}

static const char *read_word(
    const struct reader *r, const char *p, struct kb_slice word, struct kb_events *sink)
{
    if (!kb_slice_starts((struct kb_slice){p, (size_t)(r->end - p)}, word))
        return fail(r, p, "expected a value");
    if (*p == 'n')
        kb_emit_null(sink);
    else
        kb_emit_boolean(sink, *p == 't');
    return p + word.len;
}

static KB_ALWAYS_INLINE const char *open_container(
    struct reader *r, const char *p, struct kb_events *sink)
{
    if (r->depth == KB_JSON_DEPTH_MAX)
        return fail(r, p, "nested deeper than 512 objects and arrays");
    r->closing[r->depth++] = *p == '{' ? '}' : ']';
    if (*p == '{')
        kb_emit_begin_object(sink);
    else
        kb_emit_begin_array(sink);
    return p + 1;
}

static KB_ALWAYS_INLINE const char *close_container(
    struct reader *r, const char *p, struct kb_events *sink)
{
    r->depth--;
    if (*p == '}')
        kb_emit_end_object(sink);
    else
        kb_emit_end_array(sink);
    return p + 1;
}

/* Reads a scalar, or the opening bracket of a container, which stays open. */
static KB_ALWAYS_INLINE const char *begin_value(
    struct reader *r, const char *p, struct kb_events *sink)
{
    struct kb_slice text;
    switch (p < r->end ? *p : '\0') {
    case '"':
        p = read_string(r, p + 1, sink && sink->ops->string, &text);
        if (p)
            kb_emit_string(sink, text);
        return p;
    case '{':
    case '[':
        return open_container(r, p, sink);
    case 't':
        return read_word(r, p, KB_S("true"), sink);
    case 'f':
        return read_word(r, p, KB_S("false"), sink);
    case 'n':
        return read_word(r, p, KB_S("null"), sink);
    case '-':
    case '0' ... '9':
        return read_number(r, p, sink);
    default:
        return fail(r, p, "expected a value");
    }
}

/* The list is left as it is: half a kilobyte that nobody reads. */
static void begin_members(struct kb_json_members *members, bool is_object)
{
    members->all = is_object;
    members->n = 0;
}

static void note_member(
    struct kb_json_members *members, struct kb_slice name, bool escaped, const char *value)
{
    if (escaped || members->n == KB_JSON_MEMBERS_MAX)
        members->all = false;
    else
        members->list[members->n++] = (struct kb_json_member){name, value};
}

static KB_ALWAYS_INLINE const char *read_key(
    struct reader *r, const char *p, struct kb_events *sink, bool noting)
{
    if (!at(r, p, '"'))
        return fail(r, p, "expected a name in quotes");
    struct kb_slice name;
    bool escaped;
    p = check_string(r, p + 1, &name, &escaped);
    if (!p || (escaped && sink && sink->ops->key && !decode_escapes(r, name, &name)))
        return NULL;
    p = skip_space(r, p);
    if (!at(r, p, ':'))
        return fail(r, p, "expected ':'");
    kb_emit_key(sink, name);
    p = skip_space(r, p + 1);
    if (noting && r->depth == 1)
        note_member(r->members, name, escaped, p);
    return p;
}

/* Goes on from the end of a value, or from behind an opening bracket, to the place of the next
 * value, closing what closes on the way. With the container above `base` closed there is none:
 * depth equals base then. */
static KB_ALWAYS_INLINE const char *next_place(struct reader *r, const char *p,
    struct kb_events *sink, bool noting, uint32_t base, bool opened)
{
    while (r->depth > base) {
        char closing = r->closing[r->depth - 1];
        p = skip_space(r, p);
        if (at(r, p, closing)) {
            p = close_container(r, p, sink);
            opened = false;
            continue;
        }
        if (!opened) {
            if (!at(r, p, ','))
                return fail(r, p, closing == '}' ? "expected ',' or '}'" : "expected ',' or ']'");
            p = skip_space(r, p + 1);
        }
        return closing == ']' ? p : read_key(r, p, sink, noting);
    }
    return p;
}

static const char *check_value(struct reader *r, const char *p);

/* One whole value; what the sink does not want is only checked. Inlined once for each way to call
 * it: who wants no members is not asked at every name. */
static KB_ALWAYS_INLINE const char *walk(
    struct reader *r, const char *p, struct kb_events *sink, bool noting)
{
    const uint32_t base = r->depth;
    do {
        uint32_t depth = r->depth;
        bool wanted = !sink || kb_emit_wanted(sink);
        p = wanted ? begin_value(r, p, sink) : check_value(r, p);
        if (p)
            p = next_place(r, p, sink, noting, base, r->depth > depth);
    } while (p && r->depth > base);
    return p;
}

static const char *check_value(struct reader *r, const char *p)
{
    return walk(r, p, NULL, false);
}

static const char *check_members(struct reader *r, const char *p)
{
    begin_members(r->members, at(r, p, '{'));
    return walk(r, p, NULL, true);
}

static const char *read_value(struct reader *r, const char *p, struct kb_events *sink)
{
    return walk(r, p, sink, false);
}

const char *kb_json_skip_plain(const char *p, const char *end)
{
    return skip_plain(p, end);
}

static bool read(struct kb_slice text, struct kb_events *sink, struct kb_json_members *members,
    struct kb_err *err)
{
    struct reader r;
    r.members = members;
    r.start = text.ptr ? text.ptr : "";
    r.end = r.start + text.len;
    r.err = err;
    r.depth = 0;
    kb_buf_init(&r.scratch, text.len);

    const char *p = skip_space(&r, r.start);
    p = sink ? read_value(&r, p, sink) : members ? check_members(&r, p) : check_value(&r, p);
    if (p) {
        p = skip_space(&r, p);
        if (p < r.end)
            p = fail(&r, p, "expected nothing more behind the value");
    }
    if (r.scratch.ptr)
        kb_buf_deinit(&r.scratch);
    return p;
}

bool kb_json_read(struct kb_slice text, struct kb_events *sink, struct kb_err *err)
{
    return read(text, sink, NULL, err);
}

bool kb_json_check(struct kb_slice text, struct kb_json_members *members, struct kb_err *err)
{
    return read(text, NULL, members, err);
}
