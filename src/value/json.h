/* JSON text in and out (RFC 8259), lossless: no number becomes a double, no key is reordered.
 *
 *     struct kb_err err;
 *     if (!kb_json_read(KB_S("{\"id\":9007199254740993}"), &capture.events, &err))
 *         ... err.text: "column 7: ..." and err.column is the byte where it broke, 1-based
 *
 * kb_json_read checks the whole text: structure, number grammar, escapes, UTF-8, nesting of at most
 * KB_JSON_DEPTH_MAX, nothing but white space behind the value. A lone surrogate escape such as
 * \ud800 is grammatical JSON and passes; in an event it becomes U+FFFD. `sink` NULL only checks,
 * which is the fast way. Bad text is a KB_ERR_RECORD of class decode. Thread: any, no state. */
#ifndef KB_VALUE_JSON_H
#define KB_VALUE_JSON_H

#include "base/buf.h"
#include "base/err.h"
#include "value/events.h"

#define KB_JSON_DEPTH_MAX 512

bool kb_json_read(struct kb_slice text, struct kb_events *sink, struct kb_err *err) KB_MUST_CHECK;

/* Where the members of an object stand: what the check of its text finds on the way. */
#define KB_JSON_MEMBERS_MAX 32
struct kb_json_member {
    struct kb_slice name; /* between its quotes */
    const char *value;
};
struct kb_json_members {
    bool all; /* it is an object, these are all it has, and no name has an escape in it */
    uint32_t n;
    struct kb_json_member list[KB_JSON_MEMBERS_MAX];
};

/* kb_json_read without a sink. `members` NULL = not asked for; else it borrows from the text, and
 * is of use where the text has passed and `all` is set. */
bool kb_json_check(
    struct kb_slice text, struct kb_json_members *members, struct kb_err *err) KB_MUST_CHECK;

/* The first byte from `p` on that is not plain inside a string: a quote, a backslash, a control
 * character, or the first of a character beyond ASCII; `end` where there is none. */
const char *kb_json_skip_plain(const char *p, const char *end);

/* Decodes the escapes of a checked string, given without its quotes but with the closing one behind
 * it in memory. `to` has room for as many bytes; returns how many it became. */
size_t kb_json_unescape(char *to, struct kb_slice inside);

/* `text` as the inside of a JSON string, escaped: quotes, backslash and control characters only.
 * The text must be valid UTF-8 already. SSSE3, SSE2 or scalar, chosen at run time. */
void kb_json_escape(struct kb_buf *out, struct kb_slice text);

/* Copies text that stands in a JSON string as it is: ASCII without quotes, backslashes and control
 * characters. False where it does not; then `to` holds nothing of use. `to` has KB_JSON_PLAIN_ROOM
 * bytes. For text that is mostly so, and short: one pass instead of a check, a copy and a search.
 */
#define KB_JSON_PLAIN_ROOM(len) ((len) + 16)
bool kb_json_copy_plain(char *to, struct kb_slice text);

/* As kb_json_escape, with the quotes around it. */
void kb_json_string(struct kb_buf *out, struct kb_slice text);

/* A double as the fewest digits that read back the same, laid out as JavaScript does
 * (1e+21, 1.5e-7), but always recognisable as a real: 5 is "5.0". Its length; no NUL. NaN, Infinity
 * and -Infinity are those words. The process's locale plays no part. */
#define KB_JSON_REAL_MAX 32
size_t kb_json_real_text(char out[KB_JSON_REAL_MAX], double number);

/* The same of a float, which has its own fewest digits: 0.1, not 0.10000000149011612. */
size_t kb_json_float_text(char out[KB_JSON_REAL_MAX], float number);

/* A float as an event: a number with those digits, or the text of NaN and the infinities. */
void kb_emit_float(struct kb_events *sink, float number);

/* A double's text appended, NaN and the infinities as strings in quotes: JSON has no numbers
 * for them. */
void kb_json_real(struct kb_buf *out, double number);

/* A sink that writes JSON text to `out` (bytes become base64 strings); `out` remembers a lack of
 * room. Init once a value. */
struct kb_json_writer {
    struct kb_events events;
    struct kb_buf *out;
    size_t start; /* where in `out` the value begins */
    bool need_comma;
};
void kb_json_writer_init(struct kb_json_writer *writer, struct kb_buf *out);

#endif
