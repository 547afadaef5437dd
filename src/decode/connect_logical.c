/* See connect_logical.h. */
#include "decode/connect_logical.h"

#include "base/base64.h"
#include "decode/iso8601.h"
#include "value/decimal.h"

#include <errno.h>
#include <stdlib.h>

#define PER_SECOND 1000 /* all of Connect's are in milliseconds */
#define INTEGER_MAX 20  /* characters */

static void add_quoted(struct kb_buf *out, struct kb_slice plain)
{
    kb_buf_byte(out, '"');
    kb_buf_add(out, plain);
    kb_buf_byte(out, '"');
}

/* ---- numbers of days and milliseconds ---- */

static bool read_integer(struct kb_slice value, int64_t *out)
{
    char text[INTEGER_MAX + 1], *end;
    if (!kb_connect_is_number(value) || value.len > INTEGER_MAX)
        return false;
    memcpy(text, value.ptr, value.len);
    text[value.len] = '\0';
    errno = 0;
    *out = strtoll(text, &end, 10);
    return *end == '\0' && errno == 0;
}

static bool show_iso(
    struct kb_buf *out, enum kb_logical_type type, int64_t number, struct kb_err *err)
{
    char text[KB_ISO8601_MAX];
    size_t len = type == KB_LOGICAL_DATE   ? kb_iso8601_date(text, number)
                 : type == KB_LOGICAL_TIME ? kb_iso8601_time(text, number, PER_SECOND)
                                           : kb_iso8601_timestamp(text, number, PER_SECOND, true);
    if (len == 0)
        return kb_err_record(err, KB_FAILURE_DECODE,
            "%lld is no time of a day, which it must be to be shown as ISO 8601",
            (long long)number);
    add_quoted(out, (struct kb_slice){text, len});
    return true;
}

static bool show_number(struct kb_buf *out, const struct kb_connect_shape *shape,
    struct kb_slice value, enum kb_shown shown, struct kb_err *err)
{
    int64_t number;
    if (!read_integer(value, &number))
        return kb_connect_mismatch(shape, value, err);
    if (shown == KB_SHOWN_ISO)
        return show_iso(out, shape->logical, number, err);
    if (shown == KB_SHOWN_TEXT)
        add_quoted(out, value);
    else
        kb_buf_add(out, value);
    return true;
}

/* ---- decimals ---- */

/* From the base64 of the unscaled number; it is decoded behind what `out` holds, and taken away. */
static bool add_digits(struct kb_buf *out, const struct kb_connect_shape *shape,
    struct kb_slice value, struct kb_err *err)
{
    size_t start = out->len;
    struct kb_slice base64 = {value.ptr + 1, value.len - 2};
    if (value.ptr[0] != '"' || (!kb_base64_decode(out, base64) && !out->failed))
        return kb_connect_mismatch(shape, value, err);
    if (out->failed)
        return true;
    char unscaled[KB_DECIMAL_BYTES_MAX];
    size_t len = out->len - start;
    out->len = start;
    if (len <= sizeof(unscaled))
        memcpy(unscaled, out->ptr + start, len);
    if (len > sizeof(unscaled) ||
        !kb_decimal_add(out, (struct kb_slice){unscaled, len}, shape->scale))
        return kb_err_record(err, KB_FAILURE_DECODE,
            "a Decimal of %zu bytes and scale %d is too large", len, shape->scale);
    return true;
}

/* With decimal.format=NUMERIC the payload has the number itself, which is then what is raw. */
static bool show_decimal(struct kb_buf *out, const struct kb_connect_shape *shape,
    struct kb_slice value, enum kb_shown shown, struct kb_err *err)
{
    bool quoted = shown == KB_SHOWN_TEXT;
    bool as_it_is = kb_connect_is_number(value) || (shown == KB_SHOWN_RAW && value.ptr[0] == '"');
    if (quoted)
        kb_buf_byte(out, '"');
    if (as_it_is)
        kb_buf_add(out, value);
    else if (!add_digits(out, shape, value, err))
        return false;
    if (quoted)
        kb_buf_byte(out, '"');
    return true;
}

bool kb_connect_show(struct kb_buf *out, const struct kb_connect_shape *shape,
    struct kb_slice value, const struct kb_format_options *options, struct kb_err *err)
{
    enum kb_shown shown = kb_shown_as(options, shape->logical);
    return shape->logical == KB_LOGICAL_DECIMAL ? show_decimal(out, shape, value, shown, err)
                                                : show_number(out, shape, value, shown, err);
}
