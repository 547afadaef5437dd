/* Logical types as a topic's options have them; see avro_run.h. What a way of showing can't do
 * for a type (ISO for a decimal) the configuration has refused; here it falls back to the raw
 * value. */
#include "decode/avro_run.h"

#include "decode/iso8601.h"
#include "value/decimal.h"

static enum kb_shown shown_as(const struct kb_run *run, const struct kb_avro_type *type)
{
    return kb_shown_as(run->options, type->logical);
}

static size_t iso_text(char out[KB_ISO8601_MAX], const struct kb_avro_type *type, int64_t number)
{
    switch (type->logical) {
    case KB_LOGICAL_DATE:
        return kb_iso8601_date(out, number);
    case KB_LOGICAL_TIME:
        return kb_iso8601_time(out, number, type->per_second);
    case KB_LOGICAL_TIMESTAMP:
        return kb_iso8601_timestamp(out, number, type->per_second, true);
    default:
        return kb_iso8601_timestamp(out, number, type->per_second, false);
    }
}

bool kb_show_number(struct kb_run *run, const struct kb_avro_type *type, int64_t number)
{
    char text[KB_ISO8601_MAX];
    size_t len;
    switch (shown_as(run, type)) {
    case KB_SHOWN_ISO:
        len = iso_text(text, type, number);
        if (len == 0)
            return KB_RUN_FAIL(run,
                "%lld is no time of a day, which it must be to be shown as ISO 8601",
                (long long)number);
        return kb_out_quoted(&run->out, (struct kb_slice){text, len});
    case KB_SHOWN_TEXT:
        return kb_out_quoted(
            &run->out, (struct kb_slice){text, (size_t)(kb_i64_put(text, number) - text)});
    default:
        return kb_out_integer(&run->out, number);
    }
}

static bool put_mark(struct kb_out *out, bool quoted)
{
    return !quoted || kb_out_word(out, KB_S("\""));
}

static bool show_decimal(
    struct kb_run *run, const struct kb_avro_type *type, struct kb_slice bytes, bool quoted)
{
    struct kb_out *out = &run->out;
    if (!put_mark(out, quoted))
        return false;
    kb_out_sync(out);
    size_t start = out->buf->len;
    if (type->scale > KB_DECIMAL_SCALE_MAX || !kb_decimal_add(out->buf, bytes, (int)type->scale))
        return KB_RUN_FAIL(run,
            "a decimal of %zu bytes and scale %u; %d bytes and a scale of %d are the most",
            bytes.len, type->scale, KB_DECIMAL_BYTES_MAX, KB_DECIMAL_SCALE_MAX);
    if (!kb_out_resume(out))
        return false;
    struct kb_slice digits = {out->buf->ptr + start, out->buf->len - start};
    quoted ? kb_emit_string(out->sink, digits) : kb_emit_number(out->sink, digits);
    return put_mark(out, quoted);
}

/* 8-4-4-4-12 hex digits. */
static bool show_uuid(struct kb_run *run, struct kb_slice bytes)
{
    static const char hex[] = "0123456789abcdef";
    char text[36], *to = text;
    for (size_t i = 0; i < bytes.len; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *to++ = '-';
        *to++ = hex[(unsigned char)bytes.ptr[i] >> 4];
        *to++ = hex[(unsigned char)bytes.ptr[i] & 15];
    }
    return kb_out_quoted(&run->out, (struct kb_slice){text, (size_t)(to - text)});
}

static uint32_t little_endian(const char *p)
{
    const unsigned char *byte = (const unsigned char *)p;
    return byte[0] | (uint32_t)byte[1] << 8 | (uint32_t)byte[2] << 16 | (uint32_t)byte[3] << 24;
}

static bool show_duration(struct kb_run *run, struct kb_slice bytes)
{
    char text[KB_ISO8601_MAX];
    size_t len = kb_iso8601_duration(
        text, little_endian(bytes.ptr), little_endian(bytes.ptr + 4), little_endian(bytes.ptr + 8));
    return kb_out_quoted(&run->out, (struct kb_slice){text, len});
}

bool kb_show_bytes(struct kb_run *run, const struct kb_avro_type *type, struct kb_slice bytes)
{
    enum kb_shown shown = shown_as(run, type);
    bool raw = shown == KB_SHOWN_RAW;
    if (type->logical == KB_LOGICAL_DECIMAL && !raw)
        return show_decimal(run, type, bytes, shown == KB_SHOWN_TEXT);
    if (type->logical == KB_LOGICAL_UUID && shown == KB_SHOWN_TEXT)
        return show_uuid(run, bytes);
    if (type->logical == KB_LOGICAL_DURATION && shown == KB_SHOWN_ISO)
        return show_duration(run, bytes);
    return kb_run_binary(run, bytes);
}
