/* The values that are less common or take longer; see out.h. */
#include "decode/out.h"

#include "base/base64.h"
#include "base/utf8.h"

#include <math.h>

static bool too_long(struct kb_out *out)
{
    return kb_err_record(out->err, KB_FAILURE_DECODE, "its JSON text is longer than %u MiB",
        KB_DECODE_TEXT_MAX >> 20);
}

static void place(struct kb_out *out)
{
    struct kb_buf *buf = out->buf;
    out->at = buf->ptr ? buf->ptr + buf->len : NULL;
    out->limit = buf->ptr ? buf->ptr + buf->cap : NULL;
}

void kb_out_begin(struct kb_out *out, const struct kb_decoding *with, struct kb_err *err)
{
    out->buf = with->text;
    out->sink = with->sink;
    out->err = err;
    place(out);
}

bool kb_out_resume(struct kb_out *out)
{
    place(out);
    return !out->buf->failed || too_long(out);
}

bool kb_out_grow(struct kb_out *out, size_t len)
{
    kb_out_sync(out);
    kb_buf_reserve(out->buf, len);
    return kb_out_resume(out);
}

bool kb_out_escaped(struct kb_out *out, struct kb_slice text)
{
    size_t good = kb_utf8_prefix(text);
    if (good < text.len)
        return kb_err_record(out->err, KB_FAILURE_DECODE,
            "byte %zu of a text of %zu (0x%02x) is not UTF-8", good + 1, text.len,
            (unsigned char)text.ptr[good]);
    kb_out_sync(out);
    kb_json_string(out->buf, text);
    return kb_out_resume(out);
}

/* Digits, or one of the words NaN and Infinity. */
static bool put_real(struct kb_out *out, struct kb_slice text, bool finite)
{
    return finite ? kb_out_digits(out, text) : kb_out_quoted(out, text);
}

bool kb_out_double(struct kb_out *out, uint64_t bits)
{
    char text[KB_JSON_REAL_MAX];
    double number;
    memcpy(&number, &bits, sizeof(number));
    struct kb_slice digits = {text, kb_json_real_text(text, number)};
    return put_real(out, digits, isfinite(number));
}

bool kb_out_float(struct kb_out *out, uint32_t bits)
{
    char text[KB_JSON_REAL_MAX];
    float number;
    memcpy(&number, &bits, sizeof(number));
    struct kb_slice digits = {text, kb_json_float_text(text, number)};
    return put_real(out, digits, isfinite(number));
}

bool kb_out_base64(struct kb_out *out, struct kb_slice bytes)
{
    size_t len = KB_BASE64_LEN(bytes.len);
    if (!kb_out_room(out, len + 2))
        return false;
    *out->at++ = '"';
    const char *start = out->at;
    kb_out_sync(out);
    kb_base64_add(out->buf, bytes);
    if (!kb_out_resume(out))
        return false;
    kb_emit_string(out->sink, (struct kb_slice){start, len});
    *out->at++ = '"';
    return true;
}
