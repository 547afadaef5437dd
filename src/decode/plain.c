/* Numbers and UUIDs of Kafka's own serializers; see plain.h. */
#include "decode/plain.h"

#include "value/json.h"

#define UUID_LEN 36

static size_t size_of(enum kb_format format)
{
    switch (format) {
    case KB_FORMAT_INT16:
        return 2;
    case KB_FORMAT_INT32:
    case KB_FORMAT_FLOAT:
        return 4;
    case KB_FORMAT_INT64:
    case KB_FORMAT_DOUBLE:
        return 8;
    default:
        return UUID_LEN;
    }
}

static uint64_t big_endian(struct kb_slice raw)
{
    uint64_t number = 0;
    for (size_t i = 0; i < raw.len; i++)
        number = number << 8 | (unsigned char)raw.ptr[i];
    return number;
}

static void emit_number(enum kb_format format, uint64_t bits, struct kb_events *sink)
{
    uint32_t low = (uint32_t)bits;
    float single;
    double real;
    switch (format) {
    case KB_FORMAT_INT16:
        kb_emit_integer(sink, (int16_t)bits);
        break;
    case KB_FORMAT_INT32:
        kb_emit_integer(sink, (int32_t)bits);
        break;
    case KB_FORMAT_INT64:
        kb_emit_integer(sink, (int64_t)bits);
        break;
    case KB_FORMAT_FLOAT:
        memcpy(&single, &low, sizeof(single));
        kb_emit_float(sink, single);
        break;
    default:
        memcpy(&real, &bits, sizeof(real));
        kb_emit_real(sink, real);
    }
}

/* 8-4-4-4-12 hexadecimal digits. */
static bool is_uuid(struct kb_slice raw)
{
    for (size_t i = 0; i < UUID_LEN; i++) {
        char c = raw.ptr[i], lower = (char)(c | 0x20);
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        bool hex = (c >= '0' && c <= '9') || (lower >= 'a' && lower <= 'f');
        if (dash ? c != '-' : !hex)
            return false;
    }
    return true;
}

static bool decode_uuid(
    struct kb_slice raw, struct kb_events *sink, struct kb_value *out, struct kb_err *err)
{
    if (!is_uuid(raw))
        return kb_err_record(err, KB_FAILURE_DECODE,
            "format uuid: these %d bytes are no UUID text (8-4-4-4-12 hexadecimal digits); use "
            "auto, string or bytes",
            UUID_LEN);
    kb_emit_string(sink, raw);
    *out = (struct kb_value){KB_FORM_TEXT, raw};
    return true;
}

bool kb_plain_decode(enum kb_format format, struct kb_slice raw, const struct kb_decoding *with,
    struct kb_value *out, struct kb_err *err)
{
    if (raw.len != size_of(format))
        return kb_err_record(err, KB_FAILURE_DECODE,
            "format %s takes %zu bytes, there are %zu; was it written by another serializer?",
            kb_format_name(format), size_of(format), raw.len);
    if (format == KB_FORMAT_UUID)
        return decode_uuid(raw, with->sink, out, err);

    uint64_t bits = big_endian(raw);
    struct kb_json_writer writer;
    kb_json_writer_init(&writer, with->text);
    emit_number(format, bits, &writer.events);
    emit_number(format, bits, with->sink);
    return kb_decoded_json(with, out, err);
}
