/* A decoded key or value, as it will be published: nothing, text, bytes, or a JSON text.
 *
 * `bytes` borrows: from the record where the record's own bytes are already right (JSON and text
 * pass byte for byte), else from the record's arena. */
#ifndef KB_VALUE_VALUE_H
#define KB_VALUE_VALUE_H

#include "base/slice.h"

enum kb_form { KB_FORM_NULL, KB_FORM_TEXT, KB_FORM_BYTES, KB_FORM_JSON };

struct kb_value {
    enum kb_form form;
    struct kb_slice bytes;
};

/* The formats of `key` and `value` in a topic block. One table: names for parsing, help for the
 * docs. */
#define KB_FORMATS(X)                                                      \
    X(AUTO, "auto", "a JSON object or array, else UTF-8 text, else bytes") \
    X(JSON, "json", "any JSON value, passed byte for byte")                \
    X(STRING, "string", "UTF-8 text")                                      \
    X(BYTES, "bytes", "bytes as they are")

enum kb_format {
#define X(id, name, help) KB_FORMAT_##id,
    KB_FORMATS(X)
#undef X
        KB_FORMAT_COUNT
};

const char *kb_format_name(enum kb_format format);
bool kb_format_parse(struct kb_slice name, enum kb_format *out);

#endif
