/* A FileDescriptorProto, which is a Protobuf record itself, into descriptors; see proto.h. Field
 * numbers are those of google/protobuf/descriptor.proto. What has no bearing on decoding is passed
 * over; what is read is checked as if it came from a text. Map entries are among the nested
 * messages here, and message indexes count them: so do the clients that register descriptors. */
#include "decode/proto_build.h"
#include "decode/proto_wire.h"

#include "base/utf8.h"

enum {
    FILE_PACKAGE = 2,
    FILE_DEPENDENCY = 3,
    FILE_MESSAGE = 4,
    FILE_ENUM = 5,
    FILE_SYNTAX = 12,
    FILE_EDITION = 14,
    MESSAGE_NAME = 1,
    MESSAGE_FIELD = 2,
    MESSAGE_NESTED = 3,
    MESSAGE_ENUM = 4,
    MESSAGE_OPTIONS = 7,
    MESSAGE_ONEOF = 8,
    MESSAGE_OPTIONS_MAP_ENTRY = 7,
    FIELD_NAME = 1,
    FIELD_NUMBER = 3,
    FIELD_LABEL = 4,
    FIELD_TYPE = 5,
    FIELD_TYPE_NAME = 6,
    FIELD_ONEOF = 9,
    FIELD_JSON_NAME = 10,
    FIELD_PROTO3_OPTIONAL = 17,
    ENUM_NAME = 1,
    ENUM_VALUE = 2,
    VALUE_NAME = 1,
    VALUE_NUMBER = 2,
};

enum { LABEL_REPEATED = 3, FIELD_NUMBER_MAX = 536870911 };

struct reader {
    struct kb_proto *proto;
    struct kb_slice file, package;
    bool proto3;
    int nesting;
    struct kb_err *err;
};

static bool fail(struct reader *r, const char *what)
{
    return kb_err_record(r->err, KB_FAILURE_DECODE, "the descriptor is broken: %s", what);
}

/* A name as .proto texts have them, with dots where `dots` allows it. */
static bool name(struct reader *r, struct kb_slice bytes, bool dots, struct kb_slice *out)
{
    for (size_t i = 0; i < bytes.len; i++) {
        char c = bytes.ptr[i], lower = (char)(c | 0x20);
        if (!((c >= '0' && c <= '9') || (lower >= 'a' && lower <= 'z') || c == '_' ||
                (c == '.' && dots)))
            return fail(r, "a name is none");
    }
    if (bytes.len == 0 || bytes.len > KB_PROTO_NAME_MAX)
        return fail(r, "a name is missing or too long");
    return kb_proto_copy(r->proto, bytes, out, r->err);
}

/* The next field, false at the end or (*ok false) where the wire is broken. */
static bool next(
    struct reader *r, const char **at, struct kb_slice bytes, struct kb_wire *wire, bool *ok)
{
    const char *end = bytes.ptr + bytes.len;
    *wire = (struct kb_wire){0};
    if (!*ok || *at == end)
        return false;
    *ok = kb_wire_next(at, end, wire) || fail(r, wire->fault);
    return *ok;
}

static bool is_bytes(const struct kb_wire *wire, uint32_t number)
{
    return wire->number == number && wire->type == KB_WIRE_BYTES;
}

static bool is_number(const struct kb_wire *wire, uint32_t number)
{
    return wire->number == number && wire->type == KB_WIRE_VARINT;
}

/* ---- enums ---- */

static bool read_value(struct reader *r, struct kb_slice bytes, struct kb_proto_enum *enumeration)
{
    const char *at = bytes.ptr;
    struct kb_wire wire;
    struct kb_slice text = {0};
    int32_t number = 0;
    bool ok = true;
    while (next(r, &at, bytes, &wire, &ok)) {
        if (is_bytes(&wire, VALUE_NAME))
            ok = name(r, wire.bytes, false, &text);
        else if (is_number(&wire, VALUE_NUMBER))
            number = (int32_t)wire.bits;
    }
    if (ok && !text.ptr)
        return fail(r, "an enum's value has no name");
    return ok && kb_proto_add_value(r->proto, enumeration, text, number, r->err);
}

static bool read_enum(struct reader *r, struct kb_slice bytes, struct kb_slice scope)
{
    struct kb_proto_enum *enumeration = kb_proto_alloc(r->proto, sizeof(*enumeration), r->err);
    const char *at = bytes.ptr;
    struct kb_wire wire;
    struct kb_slice text = {0};
    bool ok = enumeration != NULL;
    while (next(r, &at, bytes, &wire, &ok)) {
        if (is_bytes(&wire, ENUM_NAME))
            ok = name(r, wire.bytes, false, &text);
        else if (is_bytes(&wire, ENUM_VALUE))
            ok = read_value(r, wire.bytes, enumeration);
    }
    if (ok && !text.ptr)
        return fail(r, "an enum has no name");
    return ok && kb_proto_full_name(r->proto, scope, text, &enumeration->full_name, r->err) &&
           kb_proto_add_enum(r->proto, enumeration, r->err);
}

/* ---- fields ---- */

static bool set_type(struct reader *r, struct kb_proto_field *field, uint64_t type)
{
    static const int8_t types[] = {-1, KB_PROTO_DOUBLE, KB_PROTO_FLOAT, KB_PROTO_INT64,
        KB_PROTO_UINT64, KB_PROTO_INT32, KB_PROTO_FIXED64, KB_PROTO_FIXED32, KB_PROTO_BOOL,
        KB_PROTO_STRING, -1, KB_PROTO_MESSAGE, KB_PROTO_BYTES, KB_PROTO_UINT32, KB_PROTO_ENUM,
        KB_PROTO_SFIXED32, KB_PROTO_SFIXED64, KB_PROTO_SINT32, KB_PROTO_SINT64};
    if (type == 10)
        return kb_err_record(
            r->err, KB_FAILURE_DECODE, "groups are not supported; declare a message instead");
    if (type >= KB_COUNT(types) || types[type] < 0)
        return fail(r, "a field's type is none");
    field->type = (enum kb_proto_type)types[type];
    return true;
}

struct raw_field {
    uint64_t number, label, type, oneof;
    bool in_oneof, optional;
};

static bool read_raw_field(
    struct reader *r, struct kb_slice bytes, struct kb_proto_field *field, struct raw_field *raw)
{
    const char *at = bytes.ptr;
    struct kb_wire wire;
    bool ok = true;
    while (next(r, &at, bytes, &wire, &ok)) {
        if (is_bytes(&wire, FIELD_NAME)) {
            ok = name(r, wire.bytes, false, &field->name);
        } else if (is_bytes(&wire, FIELD_TYPE_NAME)) {
            ok = name(r, wire.bytes, true, &field->type_name);
        } else if (is_bytes(&wire, FIELD_JSON_NAME)) {
            ok = kb_utf8_valid(wire.bytes) && wire.bytes.len <= KB_PROTO_NAME_MAX
                     ? kb_proto_copy(r->proto, wire.bytes, &field->json_name, r->err)
                     : fail(r, "a JSON name is none");
        } else if (is_number(&wire, FIELD_NUMBER)) {
            raw->number = wire.bits;
        } else if (is_number(&wire, FIELD_LABEL)) {
            raw->label = wire.bits;
        } else if (is_number(&wire, FIELD_TYPE)) {
            raw->type = wire.bits;
        } else if (is_number(&wire, FIELD_PROTO3_OPTIONAL)) {
            raw->optional = wire.bits != 0;
        } else if (is_number(&wire, FIELD_ONEOF)) {
            raw->oneof = wire.bits;
            raw->in_oneof = true;
        }
    }
    return ok;
}

/* proto3's optional is a oneof of its own on paper only. */
static bool read_field(struct reader *r, struct kb_slice bytes, struct kb_proto_message *message)
{
    struct kb_proto_field field = {.oneof = KB_PROTO_NO_ONEOF, .place = {.file = r->file}};
    struct raw_field raw = {0};
    if (!read_raw_field(r, bytes, &field, &raw) || !set_type(r, &field, raw.type))
        return false;
    bool named = field.type == KB_PROTO_MESSAGE || field.type == KB_PROTO_ENUM;
    if (!field.name.ptr || raw.number == 0 || raw.number > FIELD_NUMBER_MAX)
        return fail(r, "a field has no name or no number");
    if (named != (field.type_name.ptr != NULL))
        return fail(r, "a field's type has a name where it should not, or none");
    if (raw.in_oneof && raw.oneof >= KB_PROTO_FIELDS_MAX)
        return fail(r, "a field's oneof is none");
    field.number = (uint32_t)raw.number;
    field.repeated = raw.label == LABEL_REPEATED;
    field.presence = !field.repeated && (!r->proto3 || raw.in_oneof || raw.optional);
    if (raw.in_oneof && !raw.optional && !field.repeated)
        field.oneof = (uint16_t)raw.oneof;
    return kb_proto_add_field(r->proto, message, &field, r->err);
}

/* ---- messages ---- */

static bool read_options(struct reader *r, struct kb_slice bytes, struct kb_proto_message *message)
{
    const char *at = bytes.ptr;
    struct kb_wire wire;
    bool ok = true;
    while (next(r, &at, bytes, &wire, &ok))
        if (is_number(&wire, MESSAGE_OPTIONS_MAP_ENTRY))
            message->map_entry = wire.bits != 0;
    return ok;
}

static bool read_message(struct reader *r, struct kb_slice bytes, struct kb_slice scope,
    struct kb_proto_message *parent);

static bool read_part(
    struct reader *r, const struct kb_wire *wire, struct kb_proto_message *message)
{
    if (wire->type != KB_WIRE_BYTES)
        return true;
    switch (wire->number) {
    case MESSAGE_FIELD:
        return read_field(r, wire->bytes, message);
    case MESSAGE_NESTED:
        return read_message(r, wire->bytes, message->full_name, message);
    case MESSAGE_ENUM:
        return read_enum(r, wire->bytes, message->full_name);
    case MESSAGE_OPTIONS:
        return read_options(r, wire->bytes, message);
    case MESSAGE_ONEOF:
        message->n_oneofs++;
        return message->n_oneofs <= KB_PROTO_FIELDS_MAX || fail(r, "it has too many oneofs");
    default:
        return true;
    }
}

static bool oneofs_are_there(struct reader *r, const struct kb_proto_message *message)
{
    for (size_t i = 0; i < message->n_fields; i++)
        if (message->fields[i].oneof != KB_PROTO_NO_ONEOF &&
            message->fields[i].oneof >= message->n_oneofs)
            return fail(r, "a field's oneof is none");
    return true;
}

/* The name must be known before what lies inside, wherever on the wire it stands. */
static bool read_name(struct reader *r, struct kb_slice bytes, struct kb_slice *out)
{
    const char *at = bytes.ptr;
    struct kb_wire wire;
    bool ok = true;
    out->ptr = NULL;
    while (next(r, &at, bytes, &wire, &ok))
        if (is_bytes(&wire, MESSAGE_NAME))
            ok = name(r, wire.bytes, false, out);
    return ok && (out->ptr || fail(r, "a message has no name"));
}

static bool read_message(
    struct reader *r, struct kb_slice bytes, struct kb_slice scope, struct kb_proto_message *parent)
{
    struct kb_proto_message *message = kb_proto_alloc(r->proto, sizeof(*message), r->err);
    const char *at = bytes.ptr;
    struct kb_wire wire;
    struct kb_slice text;
    if (r->nesting == KB_PROTO_NESTING_MAX)
        return fail(r, "messages are declared more than 32 deep");
    bool ok = message && read_name(r, bytes, &text) &&
              kb_proto_full_name(r->proto, scope, text, &message->full_name, r->err) &&
              kb_proto_add_message(r->proto, parent, message, r->err);
    r->nesting++;
    while (next(r, &at, bytes, &wire, &ok))
        ok = read_part(r, &wire, message);
    r->nesting--;
    return ok && oneofs_are_there(r, message);
}

/* ---- the file ---- */

/* Package and syntax first, wherever they stand: the rest depends on them. */
static bool read_head(struct reader *r, struct kb_slice bytes)
{
    const char *at = bytes.ptr;
    struct kb_wire wire;
    bool ok = true;
    while (next(r, &at, bytes, &wire, &ok)) {
        struct kb_slice import;
        if (is_bytes(&wire, FILE_PACKAGE) && wire.bytes.len > 0)
            ok = name(r, wire.bytes, true, &r->package);
        else if (is_bytes(&wire, FILE_SYNTAX))
            r->proto3 = kb_slice_is(wire.bytes, "proto3");
        else if (wire.number == FILE_EDITION)
            ok = kb_err_record(
                r->err, KB_FAILURE_DECODE, "editions are not supported; proto2 and proto3 are");
        else if (is_bytes(&wire, FILE_DEPENDENCY))
            ok = kb_utf8_valid(wire.bytes) && wire.bytes.len <= KB_PROTO_NAME_MAX
                     ? kb_proto_copy(r->proto, wire.bytes, &import, r->err) &&
                           kb_proto_add_import(r->proto, import, r->err)
                     : fail(r, "an import's name is none");
    }
    return ok;
}

bool kb_proto_add_descriptor(
    struct kb_proto *proto, struct kb_slice file, struct kb_slice bytes, struct kb_err *err)
{
    struct reader r = {.proto = proto, .file = file, .err = err};
    const char *at = bytes.ptr;
    struct kb_wire wire;
    bool ok = read_head(&r, bytes);
    while (next(&r, &at, bytes, &wire, &ok)) {
        if (is_bytes(&wire, FILE_MESSAGE))
            ok = read_message(&r, wire.bytes, r.package, NULL);
        else if (is_bytes(&wire, FILE_ENUM))
            ok = read_enum(&r, wire.bytes, r.package);
    }
    return ok;
}
