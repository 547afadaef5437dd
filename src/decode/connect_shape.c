/* Reads one schema object; see connect_shape.h. */
#include "decode/connect_shape.h"

#include "value/json_walk.h"

static const char *const names[KB_CONNECT_TYPE_COUNT] = {
#define X(id, name) [KB_CONNECT_##id] = name,
    KB_CONNECT_TYPES(X)
#undef X
};

const char *kb_connect_type_name(enum kb_connect_type type)
{
    return names[type];
}

static bool bad(struct kb_err *err, const char *what)
{
    return kb_err_record(err, KB_FAILURE_DECODE, "the schema %s", what);
}

static struct kb_slice inside(struct kb_slice string)
{
    return string.ptr && string.ptr[0] == '"' ? (struct kb_slice){string.ptr + 1, string.len - 2}
                                              : (struct kb_slice){NULL, 0};
}

static bool read_type(struct kb_slice text, enum kb_connect_type *out, struct kb_err *err)
{
    if (!text.ptr)
        return bad(err, "names no type");
    for (int i = 0; i < KB_CONNECT_TYPE_COUNT; i++) {
        if (kb_slice_is(text, names[i])) {
            *out = (enum kb_connect_type)i;
            return true;
        }
    }
    return kb_err_record(err, KB_FAILURE_DECODE, "the schema has the unknown type \"%.*s\"",
        text.len < 40 ? (int)text.len : 40, text.ptr);
}

/* "parameters": {"scale": "2"} */
static bool read_scale(struct kb_slice parameters, int *out, struct kb_err *err)
{
    struct kb_slice name, value, scale = {0};
    if (parameters.ptr && parameters.ptr[0] == '{') {
        struct kb_json_walk walk = kb_json_enter(parameters);
        while (kb_json_next_member(&walk, &name, &value))
            if (kb_slice_is(name, "scale"))
                scale = inside(value);
    }
    bool negative = scale.len > 0 && scale.ptr[0] == '-';
    if (negative)
        scale = (struct kb_slice){scale.ptr + 1, scale.len - 1};
    int64_t number = kb_slice_digits(scale);
    if (number < 0)
        return bad(err, "of a Decimal has no whole number as its parameter \"scale\"");
    *out = (int)(negative ? -number : number);
    return true;
}

static bool is(struct kb_slice value, char first)
{
    return value.ptr && value.ptr[0] == first;
}

bool kb_connect_shape_read(struct kb_slice schema, struct kb_connect_shape *out, struct kb_err *err)
{
    struct kb_slice name, value, type = {0}, logical = {0}, parameters = {0};
    *out = (struct kb_connect_shape){0};
    if (!is(schema, '{'))
        return bad(err, "is not an object");
    struct kb_json_walk walk = kb_json_enter(schema);
    while (kb_json_next_member(&walk, &name, &value)) {
        if (kb_slice_is(name, "type"))
            type = inside(value);
        else if (kb_slice_is(name, "optional"))
            out->optional = is(value, 't');
        else if (kb_slice_is(name, "name"))
            logical = inside(value);
        else if (kb_slice_is(name, "parameters"))
            parameters = value;
        else if (kb_slice_is(name, "default") && !is(value, 'n'))
            out->fallback = value;
        else if (kb_slice_is(name, "field"))
            out->field = inside(value);
        else if (kb_slice_is(name, "fields"))
            out->fields = value;
        else if (kb_slice_is(name, "items"))
            out->items = value;
        else if (kb_slice_is(name, "keys"))
            out->map_keys = value;
        else if (kb_slice_is(name, "values"))
            out->map_values = value;
    }
    if (!read_type(type, &out->type, err))
        return false;
    if (out->type == KB_CONNECT_STRUCT && !is(out->fields, '['))
        return bad(err, "of a struct has no list of \"fields\"");
    if (out->type == KB_CONNECT_ARRAY && !out->items.ptr)
        return bad(err, "of an array has no \"items\"");
    if (out->type == KB_CONNECT_MAP && (!out->map_keys.ptr || !out->map_values.ptr))
        return bad(err, "of a map has no \"keys\" or no \"values\"");
    out->decimal = out->type == KB_CONNECT_BYTES && logical.ptr &&
                   kb_slice_is(logical, "org.apache.kafka.connect.data.Decimal");
    return !out->decimal || read_scale(parameters, &out->scale, err);
}
