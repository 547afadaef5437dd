/* Payload and schema side by side; see connect_json.h. */
#include "decode/connect_json.h"

#include "base/base64.h"
#include "decode/connect_logical.h"
#include "value/json.h"
#include "value/json_walk.h"

struct writer {
    struct kb_buf *out;
    const struct kb_format_options *options;
    size_t work; /* bytes that may still be looked at */
    int depth;
    struct kb_err *err;
};

static bool write_shape(
    struct writer *w, const struct kb_connect_shape *shape, struct kb_slice value);
static bool write_value(struct writer *w, struct kb_slice schema, struct kb_slice value);

/* A member or element was passed over, or a schema read: both are scanned as often as they are met.
 */
static bool spend(struct writer *w, struct kb_slice text)
{
    if (text.len >= w->work)
        return kb_err_record(w->err, KB_FAILURE_DECODE,
            "schema and payload take more than %d MiB of reading", KB_CONNECT_JSON_WORK_MAX >> 20);
    w->work -= text.len + 1;
    return true;
}

static bool is_null(struct kb_slice value)
{
    return !value.ptr || value.ptr[0] == 'n';
}

static bool is_integer(struct kb_slice value)
{
    size_t from = value.ptr[0] == '-';
    for (size_t i = from; i < value.len; i++)
        if (value.ptr[i] < '0' || value.ptr[i] > '9')
            return false;
    return value.len > from;
}

/* A number, or one of the three texts for those that JSON has no number for. */
static bool is_real(struct kb_slice value)
{
    return kb_connect_is_number(value) || kb_slice_is(value, "\"NaN\"") ||
           kb_slice_is(value, "\"Infinity\"") || kb_slice_is(value, "\"-Infinity\"");
}

static struct kb_slice inside(struct kb_slice string)
{
    return (struct kb_slice){string.ptr + 1, string.len - 2};
}

/* Bytes that base64 decodes, behind what `out` holds. */
static bool add_base64(struct writer *w, struct kb_slice value)
{
    return value.ptr[0] == '"' && (kb_base64_decode(w->out, inside(value)) || w->out->failed);
}

static bool write_scalar(
    struct writer *w, const struct kb_connect_shape *shape, struct kb_slice value)
{
    bool fits;
    switch (shape->type) {
    case KB_CONNECT_FLOAT:
    case KB_CONNECT_DOUBLE:
        fits = is_real(value);
        break;
    case KB_CONNECT_BOOLEAN:
        fits = value.ptr[0] == 't' || value.ptr[0] == 'f';
        break;
    case KB_CONNECT_STRING:
    case KB_CONNECT_BYTES:
        fits = value.ptr[0] == '"';
        break;
    default:
        fits = is_integer(value);
    }
    if (!fits)
        return kb_connect_mismatch(shape, value, w->err);
    kb_buf_add(w->out, value);
    return true;
}

/* The members of one object, looked for in turn: the next one is where the last one was. */
struct members {
    struct kb_slice object;
    struct kb_json_walk at;
};

static bool find_until(struct writer *w, struct members *members, struct kb_slice field,
    const char *until, struct kb_slice *out)
{
    struct kb_slice name, value;
    while (members->at.at != until && kb_json_next_member(&members->at, &name, &value)) {
        if (!spend(w, value) || !spend(w, name))
            return false;
        if (kb_slice_eq(name, field)) {
            *out = value;
            break;
        }
    }
    return true;
}

/* `out` without ptr where the object has no such member. */
static bool find(
    struct writer *w, struct members *members, struct kb_slice field, struct kb_slice *out)
{
    const char *begun = members->at.at;
    *out = (struct kb_slice){0};
    if (!find_until(w, members, field, NULL, out))
        return false;
    if (out->ptr)
        return true;
    members->at = kb_json_enter(members->object);
    return find_until(w, members, field, begun, out);
}

static void write_name(struct writer *w, bool first, struct kb_slice inside_quotes)
{
    kb_buf_add(w->out, first ? KB_S("\"") : KB_S(",\""));
    kb_buf_add(w->out, inside_quotes);
    kb_buf_add(w->out, KB_S("\":"));
}

static bool write_struct(
    struct writer *w, const struct kb_connect_shape *shape, struct kb_slice value)
{
    if (value.ptr[0] != '{')
        return kb_connect_mismatch(shape, value, w->err);
    struct members members = {value, kb_json_enter(value)};
    struct kb_json_walk fields = kb_json_enter(shape->fields);
    struct kb_slice schema, member;
    struct kb_connect_shape field;
    kb_buf_byte(w->out, '{');
    for (bool first = true; kb_json_next_element(&fields, &schema); first = false) {
        if (!spend(w, schema) || !kb_connect_shape_read(schema, &field, w->err))
            return false;
        if (!field.field.ptr)
            return kb_err_record(
                w->err, KB_FAILURE_DECODE, "the schema of a field has no \"field\"");
        if (!find(w, &members, field.field, &member))
            return false;
        write_name(w, first, field.field);
        if (!write_shape(w, &field, member))
            return kb_err_wrap(w->err, "field %.*s", (int)field.field.len, field.field.ptr);
    }
    kb_buf_byte(w->out, '}');
    return true;
}

static bool write_array(
    struct writer *w, const struct kb_connect_shape *shape, struct kb_slice value)
{
    if (value.ptr[0] != '[')
        return kb_connect_mismatch(shape, value, w->err);
    struct kb_json_walk walk = kb_json_enter(value);
    struct kb_slice element;
    kb_buf_byte(w->out, '[');
    for (bool first = true; kb_json_next_element(&walk, &element); first = false) {
        if (!first)
            kb_buf_byte(w->out, ',');
        if (!spend(w, element) || !write_value(w, shape->items, element))
            return false;
    }
    kb_buf_byte(w->out, ']');
    return true;
}

/* [[key, value], ...], as Connect writes a map whose keys are no text: their JSON is the member's
 * name. */
static bool write_pairs(
    struct writer *w, const struct kb_connect_shape *shape, struct kb_slice value)
{
    struct kb_json_walk walk = kb_json_enter(value);
    struct kb_slice pair, key, member, more;
    kb_buf_byte(w->out, '{');
    for (bool first = true; kb_json_next_element(&walk, &pair); first = false) {
        struct kb_json_walk both = kb_json_enter(pair);
        bool two = pair.ptr[0] == '[' && kb_json_next_element(&both, &key) &&
                   kb_json_next_element(&both, &member) && !kb_json_next_element(&both, &more);
        if (!two || key.ptr[0] == '{' || key.ptr[0] == '[')
            return kb_connect_mismatch(shape, pair, w->err);
        if (!spend(w, pair))
            return false;
        write_name(w, first, key.ptr[0] == '"' ? inside(key) : key);
        if (!write_value(w, shape->map_values, member))
            return false;
    }
    kb_buf_byte(w->out, '}');
    return true;
}

static bool write_map(struct writer *w, const struct kb_connect_shape *shape, struct kb_slice value)
{
    if (value.ptr[0] == '[')
        return write_pairs(w, shape, value);
    if (value.ptr[0] != '{')
        return kb_connect_mismatch(shape, value, w->err);
    struct kb_json_walk walk = kb_json_enter(value);
    struct kb_slice name, member;
    kb_buf_byte(w->out, '{');
    for (bool first = true; kb_json_next_member(&walk, &name, &member); first = false) {
        write_name(w, first, name);
        if (!spend(w, member) || !write_value(w, shape->map_values, member))
            return false;
    }
    kb_buf_byte(w->out, '}');
    return true;
}

static bool write_present(
    struct writer *w, const struct kb_connect_shape *shape, struct kb_slice value)
{
    switch (shape->type) {
    case KB_CONNECT_STRUCT:
        return write_struct(w, shape, value);
    case KB_CONNECT_ARRAY:
        return write_array(w, shape, value);
    case KB_CONNECT_MAP:
        return write_map(w, shape, value);
    default:
        return shape->logical != KB_LOGICAL_COUNT
                   ? kb_connect_show(w->out, shape, value, w->options, w->err)
                   : write_scalar(w, shape, value);
    }
}

static bool write_shape(
    struct writer *w, const struct kb_connect_shape *shape, struct kb_slice value)
{
    if (is_null(value) && shape->fallback.ptr)
        value = shape->fallback;
    if (is_null(value)) {
        kb_buf_add(w->out, KB_S("null"));
        return shape->optional || kb_err_record(w->err, KB_FAILURE_DECODE,
                                      "is null or missing, and the schema says not optional");
    }
    if (w->depth == KB_DECODE_DEPTH_MAX)
        return kb_err_record(w->err, KB_FAILURE_DECODE, "the schema is nested more than %d deep",
            KB_DECODE_DEPTH_MAX);
    w->depth++;
    bool ok = write_present(w, shape, value);
    w->depth--;
    return ok;
}

static bool write_value(struct writer *w, struct kb_slice schema, struct kb_slice value)
{
    struct kb_connect_shape shape;
    return spend(w, schema) && kb_connect_shape_read(schema, &shape, w->err) &&
           write_shape(w, &shape, value);
}

/* The sink hears what the text says. Already checked, so it can't fail. */
static bool told(struct kb_slice json, const struct kb_decoding *with, struct kb_err *err)
{
    return !with->sink || kb_json_read(json, with->sink, err);
}

/* A JSON string's own text, unescaped into `out`. */
struct unescape {
    struct kb_events events;
    struct kb_buf *out;
};

static void on_string(struct kb_events *sink, struct kb_slice text)
{
    kb_buf_add(((struct unescape *)sink)->out, text);
}

static bool decode_string(
    struct kb_slice value, const struct kb_decoding *with, struct kb_value *out, struct kb_err *err)
{
    static const struct kb_events_ops ops = {.string = on_string};
    struct unescape unescape = {{&ops}, with->text};
    if (!kb_json_read(value, &unescape.events, err) || !kb_decoded_json(with, out, err))
        return false;
    out->form = KB_FORM_TEXT;
    kb_emit_string(with->sink, out->bytes);
    return true;
}

static bool decode_bytes(
    struct writer *w, struct kb_slice value, const struct kb_decoding *with, struct kb_value *out)
{
    if (!add_base64(w, value))
        return kb_err_record(
            w->err, KB_FAILURE_DECODE, "the schema says bytes, the payload is no base64");
    if (!kb_decoded_json(with, out, w->err))
        return false;
    out->form = KB_FORM_BYTES;
    kb_emit_bytes(with->sink, out->bytes);
    return true;
}

static bool decode_payload(struct kb_slice schema, struct kb_slice payload,
    const struct kb_decoding *with, struct kb_value *out, struct kb_err *err)
{
    struct writer w = {
        .out = with->text, .options = with->options, .work = KB_CONNECT_JSON_WORK_MAX, .err = err};
    struct kb_connect_shape shape;
    if (!kb_connect_shape_read(schema, &shape, err))
        return false;
    struct kb_slice value = is_null(payload) && shape.fallback.ptr ? shape.fallback : payload;
    if (shape.type == KB_CONNECT_STRING && value.ptr[0] == '"')
        return decode_string(value, with, out, err);
    if (shape.type == KB_CONNECT_BYTES && shape.logical == KB_LOGICAL_COUNT && value.ptr[0] == '"')
        return decode_bytes(&w, value, with, out);
    return write_shape(&w, &shape, payload) && kb_decoded_json(with, out, err) &&
           told(out->bytes, with, err);
}

/* Exactly these two members, and a schema that can be one. */
static bool is_envelope(struct kb_slice value, struct kb_slice *schema, struct kb_slice *payload)
{
    struct kb_slice name, member;
    if (value.ptr[0] != '{')
        return false;
    struct kb_json_walk walk = kb_json_enter(value);
    *schema = *payload = (struct kb_slice){0};
    for (int n = 0; kb_json_next_member(&walk, &name, &member); n++) {
        if (n == 2)
            return false;
        if (kb_slice_is(name, "schema"))
            *schema = member;
        else if (kb_slice_is(name, "payload"))
            *payload = member;
        else
            return false;
    }
    return schema->ptr && payload->ptr && (schema->ptr[0] == '{' || schema->ptr[0] == 'n');
}

static bool decode(
    struct kb_slice raw, const struct kb_decoding *with, struct kb_value *out, struct kb_err *err)
{
    struct kb_slice schema, payload;
    if (raw.len == 0)
        return kb_err_record(
            err, KB_FAILURE_DECODE, "empty value; use auto or string, or send null");
    if (!kb_json_read(raw, NULL, err))
        return false;
    bool envelope = is_envelope(kb_json_value_of(raw), &schema, &payload);
    if (envelope && !is_null(schema))
        return decode_payload(schema, payload, with, out, err);
    *out = (struct kb_value){KB_FORM_JSON, envelope ? payload : raw};
    return told(out->bytes, with, err);
}

bool kb_connect_json_decode(
    struct kb_slice raw, const struct kb_decoding *with, struct kb_value *out, struct kb_err *err)
{
    return decode(raw, with, out, err) || kb_err_wrap(err, "format connect_json");
}
