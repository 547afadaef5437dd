/* A compiled Avro schema: a graph of types (records may lead back to themselves), private to the
 * avro_* files. Made by avro_parse.c, completed by avro_least.c, walked by avro_read.c. All of it
 * lives in the arena of struct kb_avro. Thread: immutable once it is made. */
#ifndef KB_DECODE_AVRO_TYPE_H
#define KB_DECODE_AVRO_TYPE_H

#include "base/arena.h"
#include "decode/avro.h"

/* X(id, name): primitive types first. */
#define KB_AVRO_PRIMITIVES(X) \
    X(NULL, "null")           \
    X(BOOLEAN, "boolean")     \
    X(INT, "int")             \
    X(LONG, "long")           \
    X(FLOAT, "float")         \
    X(DOUBLE, "double")       \
    X(BYTES, "bytes")         \
    X(STRING, "string")

enum kb_avro_kind {
#define X(id, name) KB_AVRO_##id,
    KB_AVRO_PRIMITIVES(X)
#undef X
        KB_AVRO_RECORD,
    KB_AVRO_ENUM,
    KB_AVRO_ARRAY,
    KB_AVRO_MAP,
    KB_AVRO_UNION,
    KB_AVRO_FIXED
};

struct kb_avro_type;

/* A record's field, an enum's symbol, a union's branch, an array's or map's item. */
struct kb_avro_part {
    struct kb_slice name;
    /* As JSON text: a field `{"name":` or `,"name":`, a symbol `"NAME"`, a branch `"name":`. */
    struct kb_slice json;
    struct kb_avro_type *type; /* of a symbol NULL */
};

#define KB_AVRO_LEAST_NONE UINT64_MAX /* no value of the type ever ends */

struct kb_avro_type {
    enum kb_avro_kind kind;
    bool is_logical;
    enum kb_logical_type logical;
    uint32_t per_second; /* of times and timestamps: 1000, 1000000 or 1000000000 */
    uint32_t scale;      /* of a decimal */
    uint32_t size;       /* of a fixed */
    uint32_t n;          /* parts */
    struct kb_avro_part *parts;
    struct kb_avro_part *short_parts; /* of a union: its branches named without namespaces */
    uint64_t least;                   /* the bytes that any value of it has at least */
    struct kb_slice name;             /* of a named type: the full one */
    struct kb_avro_type *next;        /* of avro->all */
    struct kb_avro_type *same_hash;   /* named types */
};

struct kb_avro {
    struct kb_arena arena;
    const struct kb_avro_type *root;
    /* All but primitive types, each behind those it is made of, save where a record leads back into
     * one that holds it. */
    struct kb_avro_type *all, **all_end;
    struct kb_avro_type primitives[KB_AVRO_STRING + 1]; /* those without a logical type */
};

/* avro_parse.c: adds a schema's types; the root is that of the last. */
bool kb_avro_parse(struct kb_avro *avro, const struct kb_schema_ref *texts, size_t n,
    struct kb_err *err) KB_MUST_CHECK;

/* avro_least.c: fills `least`; false where a record can have no end. */
bool kb_avro_least(struct kb_avro *avro, struct kb_err *err) KB_MUST_CHECK;

/* avro_logical_name.c: what a `logicalType` of that name makes of the type; nothing where the two
 * don't fit. */
struct kb_json_node;
void kb_avro_set_logical(struct kb_avro_type *type, const struct kb_json_node *attributes);

#endif
