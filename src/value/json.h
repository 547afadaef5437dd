/* JSON text in and out (RFC 8259), lossless: no number becomes a double, no key is reordered.
 *
 *     struct kb_err err;
 *     if (!kb_json_read(KB_S("{\"id\":9007199254740993}"), &capture.events, &err))
 *         ... err.text: "column 7: ..." and err.column is the byte where it broke, 1-based
 *
 * kb_json_read checks the whole text: structure, number grammar, escapes, UTF-8, nesting of at most
 * KB_JSON_DEPTH_MAX, nothing but white space behind the value. A lone surrogate escape such as \ud800 is
 * grammatical JSON and passes; in an event it becomes U+FFFD. `sink` NULL only checks, which is the fast way.
 * Bad text is a KB_ERR_RECORD of class decode. Thread: any, no state. */
#ifndef KB_VALUE_JSON_H
#define KB_VALUE_JSON_H

#include "base/buf.h"
#include "base/err.h"
#include "value/events.h"

#define KB_JSON_DEPTH_MAX 512

bool kb_json_read(struct kb_slice text, struct kb_events *sink, struct kb_err *err) KB_MUST_CHECK;

/* `text` as the inside of a JSON string, escaped: quotes, backslash and control characters only. The text
 * must be valid UTF-8 already. SSSE3, SSE2 or scalar, chosen at run time. */
void kb_json_escape(struct kb_buf *out, struct kb_slice text);

/* The same with the quotes around it. */
void kb_json_string(struct kb_buf *out, struct kb_slice text);

/* A double in the shortest form that reads back the same; NaN and the infinities as the texts "NaN",
 * "Infinity", "-Infinity" in quotes (interface.md, settled readings). */
void kb_json_real(struct kb_buf *out, double number);

/* A sink that writes JSON text to `out` (bytes become base64 strings). Zero state besides; init once a value. */
struct kb_json_writer {
    struct kb_events events;
    struct kb_buf *out;
    bool need_comma;
};
void kb_json_writer_init(struct kb_json_writer *writer, struct kb_buf *out);

#endif
