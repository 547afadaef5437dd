/* Numbers, texts, bytes and enums as Protobuf's JSON has them; see proto_run.h. */
#include "decode/proto_run.h"

int64_t kb_proto_integer(enum kb_proto_type type, uint64_t bits)
{
    switch (type) {
    case KB_PROTO_UINT32:
    case KB_PROTO_FIXED32:
        return (uint32_t)bits;
    case KB_PROTO_INT64:
    case KB_PROTO_SFIXED64:
        return (int64_t)bits;
    case KB_PROTO_SINT64:
        return kb_zigzag(bits);
    case KB_PROTO_SINT32:
        return (int32_t)kb_zigzag((uint32_t)bits);
    default:
        return (int32_t)bits;
    }
}

char *kb_proto_digits(char to[KB_I64_MAX], enum kb_proto_type type, uint64_t bits)
{
    bool is_unsigned = type == KB_PROTO_UINT64 || type == KB_PROTO_FIXED64;
    if (!is_unsigned)
        return kb_i64_put(to, kb_proto_integer(type, bits));
    if (bits <= INT64_MAX)
        return kb_i64_put(to, (int64_t)bits);
    to = kb_i64_put(to, (int64_t)(bits / 10));
    *to = (char)('0' + bits % 10);
    return to + 1;
}

static bool show_wide(struct kb_proto_run *run, enum kb_proto_type type, uint64_t bits)
{
    struct kb_out *out = &run->out;
    char *to;
    if (run->options->proto_int64 == KB_PROTO_INT64_STRING)
        return kb_out_write(out, KB_I64_MAX, &to) &&
               kb_out_written(out, (size_t)(kb_proto_digits(to, type, bits) - to));
    char text[KB_I64_MAX];
    return kb_out_digits(
        out, (struct kb_slice){text, (size_t)(kb_proto_digits(text, type, bits) - text)});
}

/* Most enums count from zero, so that a value's place is its number. */
static const struct kb_proto_enum_value *value_of(const struct kb_proto_enum *e, int32_t number)
{
    size_t low = 0, high = e->n_values;
    if (number >= 0 && (size_t)number < high && e->values[number].number == number)
        return &e->values[number];
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (e->values[middle].number == number)
            return &e->values[middle];
        if (e->values[middle].number < number)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

static bool show_enum(struct kb_proto_run *run, const struct kb_proto_enum *e, int32_t number)
{
    bool by_name = run->options->proto_enums == KB_PROTO_ENUMS_NAME;
    const struct kb_proto_enum_value *value = by_name ? value_of(e, number) : NULL;
    if (by_name && e->null_value)
        return kb_out_null(&run->out);
    if (!value)
        return kb_out_integer(&run->out, number);
    kb_emit_string(run->out.sink, value->name);
    return kb_out_padded(&run->out, value->json);
}

bool kb_proto_show_scalar(struct kb_proto_run *run, const struct kb_proto_field *field,
    uint64_t bits, struct kb_slice bytes)
{
    switch (field->type) {
    case KB_PROTO_STRING:
        return kb_out_string(&run->out, bytes);
    case KB_PROTO_BYTES:
        return kb_out_base64(&run->out, bytes);
    case KB_PROTO_DOUBLE:
        return kb_out_double(&run->out, bits);
    case KB_PROTO_FLOAT:
        return kb_out_float(&run->out, (uint32_t)bits);
    case KB_PROTO_BOOL:
        return kb_out_boolean(&run->out, bits != 0);
    case KB_PROTO_ENUM:
        return show_enum(run, field->enumeration, (int32_t)bits);
    case KB_PROTO_INT64:
    case KB_PROTO_UINT64:
    case KB_PROTO_SINT64:
    case KB_PROTO_FIXED64:
    case KB_PROTO_SFIXED64:
        return show_wide(run, field->type, bits);
    default:
        return kb_out_integer(&run->out, kb_proto_integer(field->type, bits));
    }
}
