/* One schema of Kafka Connect's JSON envelope, read from its text: which type, may it be null, what
 * stands in its place then. Private to connect_json.c; the slices are of the accepted JSON text.
 * Thread: any, no state. */
#ifndef KB_DECODE_CONNECT_SHAPE_H
#define KB_DECODE_CONNECT_SHAPE_H

#include "base/err.h"
#include "base/slice.h"
#include "decode/format_options.h"

/* X(id, name): the names that JsonConverter writes. */
#define KB_CONNECT_TYPES(X) \
    X(INT8, "int8")         \
    X(INT16, "int16")       \
    X(INT32, "int32")       \
    X(INT64, "int64")       \
    X(FLOAT, "float")       \
    X(DOUBLE, "double")     \
    X(BOOLEAN, "boolean")   \
    X(STRING, "string")     \
    X(BYTES, "bytes")       \
    X(ARRAY, "array")       \
    X(MAP, "map")           \
    X(STRUCT, "struct")

enum kb_connect_type {
#define X(id, name) KB_CONNECT_##id,
    KB_CONNECT_TYPES(X)
#undef X
        KB_CONNECT_TYPE_COUNT
};

struct kb_connect_shape {
    enum kb_connect_type type;
    bool optional;
    enum kb_logical_type logical; /* KB_LOGICAL_COUNT = none */
    int scale;                    /* of a decimal */
    struct kb_slice fallback;     /* "default"; ptr NULL = none */
    struct kb_slice field;        /* its name as a field, escapes and all */
    /* by type, never absent where it needs them */
    struct kb_slice fields, items, map_keys, map_values;
};

/* The error that says: the schema says this, the payload has that. */
bool kb_connect_mismatch(
    const struct kb_connect_shape *shape, struct kb_slice value, struct kb_err *err);

/* False: KB_ERR_RECORD of class decode, this is no schema. */
bool kb_connect_shape_read(
    struct kb_slice schema, struct kb_connect_shape *out, struct kb_err *err) KB_MUST_CHECK;

/* Is that JSON value a number? */
static inline bool kb_connect_is_number(struct kb_slice value)
{
    return value.ptr[0] == '-' || (value.ptr[0] >= '0' && value.ptr[0] <= '9');
}

#endif
