/* A schema from a registry, compiled once, used for many records.
 *
 *     struct kb_schema *schema = kb_schema_compile(KB_SCHEMA_AVRO, text, refs, n_refs, &err);
 *     ... NULL: KB_ERR_RECORD of class decode, what is wrong with the schema and where; or FATAL
 *     if (!kb_schema_decode(schema, payload, &with, &value, &err)) ...
 *     kb_schema_free(schema);
 *
 * Each type is one row of the table in schema.c: compile, decode, free. `payload` is what stands
 * behind the five bytes of framing (for Protobuf that begins with the message indexes), or the
 * whole value where a header names the schema.
 *
 * A schema owns all it needs; nothing is borrowed from the texts. Immutable: any thread may use it;
 * it has one owner. */
#ifndef KB_DECODE_SCHEMA_H
#define KB_DECODE_SCHEMA_H

#include "decode/decoding.h"

/* X(id, name): as a registry's `schemaType` has them. */
#define KB_SCHEMA_TYPES(X) X(AVRO, "AVRO") X(JSON, "JSON") X(PROTOBUF, "PROTOBUF")

enum kb_schema_type {
#define X(id, name) KB_SCHEMA_##id,
    KB_SCHEMA_TYPES(X)
#undef X
        KB_SCHEMA_TYPE_COUNT
};

const char *kb_schema_type_name(enum kb_schema_type type);

/* The type that values of a format are written by; false where the format names none. */
bool kb_schema_type_of(enum kb_format format, enum kb_schema_type *out);

/* A schema that another one refers to, with its text. A list of them is complete and in such an
 * order that each stands behind those it refers to itself. */
struct kb_schema_ref {
    struct kb_slice name; /* a full name (Avro) or the path of an import (Protobuf) */
    struct kb_slice text;
};

struct kb_schema; /* opaque */

/* Returns new. */
struct kb_schema *kb_schema_compile(enum kb_schema_type type, struct kb_slice text,
    const struct kb_schema_ref *refs, size_t n_refs, struct kb_err *err) KB_MUST_CHECK;
void kb_schema_free(struct kb_schema *schema); /* NULL is fine */
enum kb_schema_type kb_schema_type(const struct kb_schema *schema);
size_t kb_schema_size(const struct kb_schema *schema); /* bytes it holds, for the cache's bound */

bool kb_schema_decode(const struct kb_schema *schema, struct kb_slice payload,
    const struct kb_decoding *with, struct kb_value *out, struct kb_err *err) KB_MUST_CHECK;

/* What a type brings; `compiled` is its own. */
struct kb_schema_kind {
    void *(*compile)(struct kb_slice text, const struct kb_schema_ref *refs, size_t n_refs,
        size_t *size, struct kb_err *err);
    bool (*decode)(const void *compiled, struct kb_slice payload, const struct kb_decoding *with,
        struct kb_value *out, struct kb_err *err);
    void (*free)(void *compiled);
};

#endif
