/* A record's bytes under the format of its topic; see decoder.h. The one place that knows what a
 * format accepts. Of JSON, text and bytes nothing is copied: what passes the check is published
 * byte for byte. */
#include "decode/decoder.h"

#include "base/utf8.h"
#include "decode/connect_json.h"
#include "decode/framed.h"
#include "decode/plain.h"
#include "value/json.h"

/* Says under which format a JSON text failed and what the user may do about it; the column stays.
 */
static bool json_failed(struct kb_err *err)
{
    if (err->class != KB_ERR_RECORD)
        return kb_err_wrap(err, "format json");
    int column = err->column;
    kb_err_record(err, KB_FAILURE_DECODE,
        "format json: %s; use auto or string if these are not all JSON texts", err->text);
    err->column = column;
    return false;
}

/* Without a sink only checked, which is the fast way. */
static bool read_json(struct kb_slice raw, const struct kb_decoding *with, struct kb_err *err)
{
    return with->sink ? kb_json_read(raw, with->sink, err) : kb_json_check(raw, with->members, err);
}

static bool decode_json(
    struct kb_slice raw, const struct kb_decoding *with, struct kb_value *out, struct kb_err *err)
{
    if (raw.len == 0)
        return kb_err_record(err, KB_FAILURE_DECODE,
            "empty value under format json; use auto or string, or send null");
    if (!read_json(raw, with, err))
        return json_failed(err);
    *out = (struct kb_value){KB_FORM_JSON, raw};
    return true;
}

static bool decode_text(
    struct kb_slice raw, struct kb_events *sink, struct kb_value *out, struct kb_err *err)
{
    size_t good = kb_utf8_prefix(raw);
    if (good < raw.len) {
        kb_err_record(err, KB_FAILURE_DECODE,
            "format string: byte %zu of %zu (0x%02x) is not UTF-8; use auto or bytes", good + 1,
            raw.len, (unsigned char)raw.ptr[good]);
        return false;
    }
    kb_emit_string(sink, raw);
    *out = (struct kb_value){KB_FORM_TEXT, raw};
    return true;
}

static void decode_bytes(struct kb_slice raw, struct kb_events *sink, struct kb_value *out)
{
    kb_emit_bytes(sink, raw);
    *out = (struct kb_value){KB_FORM_BYTES, raw};
}

static bool starts_like_json(struct kb_slice raw)
{
    for (size_t i = 0; i < raw.len; i++) {
        char c = raw.ptr[i];
        if (c != ' ' && c != '\t' && c != '\n' && c != '\r')
            return c == '{' || c == '[';
    }
    return false;
}

/* An object or array, all of it, into the sink; where it is none after all, the sink has seen
 * nothing. */
static bool try_json(struct kb_slice raw, const struct kb_decoding *with, struct kb_err *err)
{
    struct kb_events *sink = with->sink;
    bool restarts = sink && sink->ops->restart;
    if (sink && !restarts && !kb_json_read(raw, NULL, err))
        return false;
    if (read_json(raw, with, err))
        return true;
    if (restarts)
        sink->ops->restart(sink);
    return false;
}

static bool decode_auto(
    struct kb_slice raw, const struct kb_decoding *with, struct kb_value *out, struct kb_err *err)
{
    struct kb_events *sink = with->sink;
    if (with->schemas) {
        enum kb_framed framed = kb_framed_try(raw, with, out, err);
        if (framed != KB_FRAMED_NOT)
            return framed == KB_FRAMED_DECODED;
    }
    if (starts_like_json(raw)) {
        if (try_json(raw, with, err)) {
            *out = (struct kb_value){KB_FORM_JSON, raw};
            return true;
        }
        if (err->class != KB_ERR_RECORD) /* no memory: nothing is known of the text */
            return kb_err_wrap(err, "format auto");
    }
    if (kb_utf8_valid(raw))
        return decode_text(raw, sink, out, err);
    decode_bytes(raw, sink, out);
    return true;
}

bool kb_decode(enum kb_format format, struct kb_slice raw, const struct kb_decoding *with,
    struct kb_value *out, struct kb_err *err)
{
    struct kb_events *sink = with->sink;
    if (!raw.ptr) {
        kb_emit_null(sink);
        *out = (struct kb_value){KB_FORM_NULL, raw};
        return true;
    }
    switch (format) {
    case KB_FORMAT_AUTO:
        return decode_auto(raw, with, out, err);
    case KB_FORMAT_JSON:
        return decode_json(raw, with, out, err);
    case KB_FORMAT_STRING:
        return decode_text(raw, sink, out, err);
    case KB_FORMAT_BYTES:
        decode_bytes(raw, sink, out);
        return true;
    case KB_FORMAT_INT16:
    case KB_FORMAT_INT32:
    case KB_FORMAT_INT64:
    case KB_FORMAT_FLOAT:
    case KB_FORMAT_DOUBLE:
    case KB_FORMAT_UUID:
        return kb_plain_decode(format, raw, with, out, err);
    case KB_FORMAT_CONNECT_JSON:
        return kb_connect_json_decode(raw, with, out, err);
    case KB_FORMAT_AVRO:
    case KB_FORMAT_PROTOBUF:
    case KB_FORMAT_JSON_SCHEMA:
        return kb_framed_decode(format, raw, with, out, err);
    case KB_FORMAT_COUNT:
        break;
    }
    KB_BUG_ON(true);
}
