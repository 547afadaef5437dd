/* What a decoder makes of a record: JSON text, and where somebody listens the same as events. Both
 * are told by one call, so they can't differ.
 *
 *     struct kb_out out;
 *     kb_out_begin(&out, with, err);
 *     ok = kb_out_word(&out, KB_S("[")) && kb_out_integer(&out, 7) && kb_out_word(&out, KB_S("]"));
 *     kb_out_sync(&out);                     // now with->text has it
 *
 * The text is written through the bare pointer `at`: to ask the buffer for room at each comma would
 * cost more than the comma. kb_out_room makes room, kb_out_sync tells the buffer how far the text
 * has come before somebody else appends to it, kb_out_resume is the way back.
 *
 * All functions are false, and `err` a KB_ERR_RECORD of class decode, where the text passes its
 * maximum (or a string is no UTF-8). Private to the decoders. Thread: its owner's. */
#ifndef KB_DECODE_OUT_H
#define KB_DECODE_OUT_H

#include "base/compiler.h"
#include "decode/decoding.h"
#include "value/json.h"

struct kb_out {
    char *at, *limit; /* of the text: the next byte, the end of what is allocated */
    struct kb_buf *buf;
    struct kb_events *sink; /* NULL = nobody wants the value at this place */
    struct kb_err *err;
};

static inline void kb_out_sync(struct kb_out *out)
{
    out->buf->len = out->at ? (size_t)(out->at - out->buf->ptr) : 0;
}

/* False: what was appended meanwhile found no room. */
bool kb_out_resume(struct kb_out *out) KB_MUST_CHECK;

/* Behind what with->text holds. */
void kb_out_begin(struct kb_out *out, const struct kb_decoding *with, struct kb_err *err);

static inline size_t kb_out_len(const struct kb_out *out)
{
    return (size_t)(out->at - out->buf->ptr);
}

bool kb_out_grow(struct kb_out *out, size_t len); /* the slow way of kb_out_room */

static KB_ALWAYS_INLINE bool kb_out_room(struct kb_out *out, size_t len)
{
    return KB_LIKELY((size_t)(out->limit - out->at) >= len) || kb_out_grow(out, len);
}

/* Where the room has been made. */
static KB_ALWAYS_INLINE void kb_out_put(struct kb_out *out, struct kb_slice text)
{
    memcpy(out->at, text.ptr, text.len);
    out->at += text.len;
}

/* A piece of text as it is, no event: brackets, commas, names that are ready. */
static KB_ALWAYS_INLINE bool kb_out_word(struct kb_out *out, struct kb_slice word)
{
    if (!kb_out_room(out, word.len))
        return false;
    kb_out_put(out, word);
    return true;
}

/* The same of a piece that has KB_OUT_PAD bytes to read in all, or is longer: most are copied by
 * one move. */
#define KB_OUT_PAD 16
static KB_ALWAYS_INLINE bool kb_out_padded(struct kb_out *out, struct kb_slice piece)
{
    if (!kb_out_room(out, piece.len + KB_OUT_PAD))
        return false;
    memcpy(out->at, piece.ptr, KB_OUT_PAD);
    if (KB_UNLIKELY(piece.len > KB_OUT_PAD))
        memcpy(out->at + KB_OUT_PAD, piece.ptr + KB_OUT_PAD, piece.len - KB_OUT_PAD);
    out->at += piece.len;
    return true;
}

/* Asks the sink about the value at this place: not wanted, it hears nothing of it. Once the value
 * is told, `out->sink` is to be what this returned. */
static KB_ALWAYS_INLINE struct kb_events *kb_out_ask(struct kb_out *out)
{
    struct kb_events *sink = out->sink;
    if (KB_UNLIKELY(sink != NULL) && !kb_emit_wanted(sink))
        out->sink = NULL;
    return sink;
}

/* ---- values, each with its event ---- */

static inline bool kb_out_null(struct kb_out *out)
{
    kb_emit_null(out->sink);
    return kb_out_word(out, KB_S("null"));
}

static inline bool kb_out_boolean(struct kb_out *out, bool truth)
{
    kb_emit_boolean(out->sink, truth);
    return kb_out_word(out, truth ? KB_S("true") : KB_S("false"));
}

static inline bool kb_out_integer(struct kb_out *out, int64_t number)
{
    if (!kb_out_room(out, KB_I64_MAX))
        return false;
    out->at = kb_i64_put(out->at, number);
    kb_emit_integer(out->sink, number);
    return true;
}

/* A JSON number that is text already. */
static inline bool kb_out_digits(struct kb_out *out, struct kb_slice digits)
{
    kb_emit_number(out->sink, digits);
    return kb_out_word(out, digits);
}

/* A text that needs no escape, in quotes. */
static inline bool kb_out_quoted(struct kb_out *out, struct kb_slice plain)
{
    if (!kb_out_room(out, plain.len + 2))
        return false;
    *out->at++ = '"';
    kb_out_put(out, plain);
    *out->at++ = '"';
    kb_emit_string(out->sink, plain);
    return true;
}

/* The same of a text that the caller writes himself: at most `most` bytes from *to on, then
 * kb_out_written says how many it became. */
static inline bool kb_out_write(struct kb_out *out, size_t most, char **to)
{
    if (!kb_out_room(out, most + 2))
        return false;
    *out->at = '"';
    *to = out->at + 1;
    return true;
}

static inline bool kb_out_written(struct kb_out *out, size_t len)
{
    struct kb_slice text = {out->at + 1, len};
    out->at += len + 2;
    out->at[-1] = '"';
    kb_emit_string(out->sink, text);
    return true;
}

bool kb_out_escaped(struct kb_out *out, struct kb_slice text); /* the slow way of kb_out_text */

/* In quotes, escaped where it must be, which most texts need not; checked for UTF-8. No event: the
 * name of a member. */
static KB_ALWAYS_INLINE bool kb_out_text(struct kb_out *out, struct kb_slice text)
{
    enum { SHORT = 512 }; /* text of that size is copied at the risk of doing it again */
    if (KB_UNLIKELY(text.len > SHORT) || !kb_out_room(out, KB_JSON_PLAIN_ROOM(text.len) + 2) ||
        !kb_json_copy_plain(out->at + 1, text))
        return kb_out_escaped(out, text);
    *out->at = '"';
    out->at += text.len + 2;
    out->at[-1] = '"';
    return true;
}

static KB_ALWAYS_INLINE bool kb_out_string(struct kb_out *out, struct kb_slice text)
{
    if (!kb_out_text(out, text))
        return false;
    kb_emit_string(out->sink, text);
    return true;
}

/* From the bits. NaN and the infinities are strings: JSON has no such numbers. */
bool kb_out_double(struct kb_out *out, uint64_t bits);
bool kb_out_float(struct kb_out *out, uint32_t bits);
bool kb_out_base64(struct kb_out *out, struct kb_slice bytes);

#endif
