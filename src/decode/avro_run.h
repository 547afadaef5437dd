/* One record being read: the bytes that are left, the text that grows; private to the avro_* files.
 * The text is written through `at`, not through the buffer: kb_run_room makes room, and
 * kb_run_sync tells the buffer how far it has come before somebody else appends to it. */
#ifndef KB_DECODE_AVRO_RUN_H
#define KB_DECODE_AVRO_RUN_H

#include "decode/avro_type.h"

struct kb_run {
    const char *in, *end;
    char *at, *limit; /* of the text: the next byte, the end of what is allocated */
    struct kb_buf *text;
    const struct kb_format_options *options;
    struct kb_events *sink; /* NULL = nobody wants the value at this place */
    struct kb_err *err;
    uint32_t depth;
    char place[120]; /* of a failure: .address.city */
};

static inline void kb_run_sync(struct kb_run *run)
{
    run->text->len = run->at ? (size_t)(run->at - run->text->ptr) : 0;
}

/* The other way: after others have appended. */
static inline void kb_run_resume(struct kb_run *run)
{
    run->at = run->text->ptr ? run->text->ptr + run->text->len : NULL;
    run->limit = run->text->ptr ? run->text->ptr + run->text->cap : NULL;
}

bool kb_run_grow(struct kb_run *run, size_t len); /* avro_read.c's */

static KB_ALWAYS_INLINE bool kb_run_room(struct kb_run *run, size_t len)
{
    return KB_LIKELY((size_t)(run->limit - run->at) >= len) || kb_run_grow(run, len);
}

static KB_ALWAYS_INLINE void kb_run_put(struct kb_run *run, struct kb_slice text)
{
    memcpy(run->at, text.ptr, text.len);
    run->at += text.len;
}

/* avro_show.c: a value of a logical type, as the topic's options have it. The number of an int or
 * long, the bytes of bytes, fixed or string. */
bool kb_show_number(struct kb_run *run, const struct kb_avro_type *type, int64_t number);
bool kb_show_bytes(struct kb_run *run, const struct kb_avro_type *type, struct kb_slice bytes);

/* avro_read.c, for avro_show.c: a number as it is, bytes as base64 (or as the options have them),
 * a piece of text in quotes that needs no escape, digits without quotes. */
bool kb_run_integer(struct kb_run *run, int64_t number);
bool kb_run_binary(struct kb_run *run, struct kb_slice bytes);
bool kb_run_quoted(struct kb_run *run, struct kb_slice plain);
bool kb_run_digits(struct kb_run *run, struct kb_slice digits);
bool kb_run_string(struct kb_run *run, struct kb_slice text);

#endif
