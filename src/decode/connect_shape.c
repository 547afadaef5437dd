/* Reads one schema object; see connect_shape.h. */
#include "decode/connect_shape.h"

#include "value/json_walk.h"

static const char *const names[KB_CONNECT_TYPE_COUNT] = {
#define X(id, name) [KB_CONNECT_##id] = name,
    KB_CONNECT_TYPES(X)
#undef X
};

#define PACKAGE "org.apache.kafka.connect.data."

static const struct {
    enum kb_connect_type type;
    enum kb_logical_type logical;
    const char *name;
} logicals[] = {{KB_CONNECT_BYTES, KB_LOGICAL_DECIMAL, "Decimal"},
    {KB_CONNECT_INT32, KB_LOGICAL_DATE, "Date"}, {KB_CONNECT_INT32, KB_LOGICAL_TIME, "Time"},
    {KB_CONNECT_INT64, KB_LOGICAL_TIMESTAMP, "Timestamp"}};

static const char *name_of(const struct kb_connect_shape *shape)
{
    for (size_t i = 0; i < KB_COUNT(logicals); i++)
        if (logicals[i].logical == shape->logical)
            return logicals[i].name;
    return names[shape->type];
}

bool kb_connect_mismatch(
    const struct kb_connect_shape *shape, struct kb_slice value, struct kb_err *err)
{
    return kb_err_record(err, KB_FAILURE_DECODE, "the schema says %s, the payload has %.*s%s",
        name_of(shape), (int)(value.len < 40 ? value.len : 40), value.ptr,
        value.len > 40 ? "..." : "");
}

/* A name of another package is its user's own: the type below counts. */
static enum kb_logical_type logical_type(enum kb_connect_type type, struct kb_slice name)
{
    size_t package = sizeof(PACKAGE) - 1;
    if (!name.ptr || !kb_slice_starts(name, KB_S(PACKAGE)))
        return KB_LOGICAL_COUNT;
    struct kb_slice last = {name.ptr + package, name.len - package};
    for (size_t i = 0; i < KB_COUNT(logicals); i++)
        if (logicals[i].type == type && kb_slice_is(last, logicals[i].name))
            return logicals[i].logical;
    return KB_LOGICAL_COUNT;
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
    *out = (struct kb_connect_shape){.logical = KB_LOGICAL_COUNT};
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
    out->logical = logical_type(out->type, logical);
    return out->logical != KB_LOGICAL_DECIMAL || read_scale(parameters, &out->scale, err);
}
