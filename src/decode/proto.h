/* Protobuf's descriptors, as a schema's texts declare them: files, messages, enums, fields, linked
 * and with the tables that decoding needs.
 *
 *     struct kb_proto *proto = kb_proto_new();
 *     if (!kb_proto_add(proto, KB_S("a.proto"), imported, &err) ||
 *         !kb_proto_add(proto, KB_S(""), text, &err) ||      // last: the schema itself
 *         !kb_proto_link(proto, &err)) ...
 *     kb_proto_free(proto);
 *
 * proto2 and proto3 are read: packages, nested messages and enums, oneof, map, proto3's optional,
 * json_name. Services, extensions, reserved ranges and options are passed over. Groups, editions
 * and names that no file declares are refused, with `name:line:column`. The files that everybody
 * imports, google/protobuf/ and google/type/, are built in. Fields that share a JSON name, which
 * proto2 allows, go by the schema's. A text may also be the base64 of a
 * FileDescriptorProto: some registries give back what a client registered so. Bounds: KB_PROTO_*
 * below and KB_PROTO_MEMORY_MAX for everything together.
 *
 * All memory is the arena's of `struct kb_proto`; after linking it is immutable, so any thread may
 * read it. Errors are KB_ERR_RECORD of class decode (a bad schema is the record's fault), or FATAL
 * for want of memory. */
#ifndef KB_DECODE_PROTO_H
#define KB_DECODE_PROTO_H

#include "base/arena.h"
#include "base/err.h"

#define KB_PROTO_NESTING_MAX 32        /* messages declared inside each other */
#define KB_PROTO_FIELDS_MAX 8192       /* of one message */
#define KB_PROTO_IMPORTS_MAX 1024      /* of all files together */
#define KB_PROTO_NAME_MAX 512          /* bytes of a full name */
#define KB_PROTO_MEMORY_MAX (32 << 20) /* of one schema and its imports */

/* In the order of Protobuf's own numbers, which start at 1. X(id, name, wire type) */
#define KB_PROTO_TYPES(X)      \
    X(DOUBLE, "double", 1)     \
    X(FLOAT, "float", 5)       \
    X(INT64, "int64", 0)       \
    X(UINT64, "uint64", 0)     \
    X(INT32, "int32", 0)       \
    X(FIXED64, "fixed64", 1)   \
    X(FIXED32, "fixed32", 5)   \
    X(BOOL, "bool", 0)         \
    X(STRING, "string", 2)     \
    X(BYTES, "bytes", 2)       \
    X(UINT32, "uint32", 0)     \
    X(SFIXED32, "sfixed32", 5) \
    X(SFIXED64, "sfixed64", 1) \
    X(SINT32, "sint32", 0)     \
    X(SINT64, "sint64", 0)     \
    X(ENUM, "an enum", 0)      \
    X(MESSAGE, "a message", 2)

enum kb_proto_type {
#define X(id, name, wire) KB_PROTO_##id,
    KB_PROTO_TYPES(X)
#undef X
        KB_PROTO_TYPE_COUNT
};

/* Messages of google.protobuf that JSON shows in a way of their own; the wrappers come last. */
enum kb_proto_well_known {
    KB_PROTO_ORDINARY,
    KB_PROTO_WK_ANY,
    KB_PROTO_WK_TIMESTAMP,
    KB_PROTO_WK_DURATION,
    KB_PROTO_WK_FIELD_MASK,
    KB_PROTO_WK_STRUCT,
    KB_PROTO_WK_VALUE,
    KB_PROTO_WK_LIST_VALUE,
    KB_PROTO_WK_DOUBLE_VALUE,
    KB_PROTO_WK_FLOAT_VALUE,
    KB_PROTO_WK_INT64_VALUE,
    KB_PROTO_WK_UINT64_VALUE,
    KB_PROTO_WK_INT32_VALUE,
    KB_PROTO_WK_UINT32_VALUE,
    KB_PROTO_WK_BOOL_VALUE,
    KB_PROTO_WK_STRING_VALUE,
    KB_PROTO_WK_BYTES_VALUE
};

struct kb_proto_place {
    struct kb_slice file; /* its import name, "" = the schema itself */
    int line, column;
};

struct kb_proto_enum_value {
    struct kb_slice name, json; /* json = with its quotes, padded (out.h) */
    int32_t number;
    uint32_t place; /* as declared */
};

struct kb_proto_enum {
    struct kb_slice full_name;
    bool null_value; /* google.protobuf.NullValue: shown as null */
    struct kb_proto_enum_value *values;
    size_t n_values;            /* as declared; after linking sorted, one a number */
    struct kb_proto_enum *next; /* of the whole schema */
};

struct kb_proto_message;

#define KB_PROTO_NO_ONEOF UINT16_MAX

struct kb_proto_field {
    struct kb_slice name, json_name;
    struct kb_slice key, key_proto; /* `,"jsonName":` and `,"proto_name":`, padded */
    uint32_t number;
    enum kb_proto_type type;
    uint8_t wire;       /* of one value that is not packed */
    uint64_t bits;      /* of a number: those that count, all 64 or the low 32 */
    bool repeated, map; /* map: repeated too, of an entry message */
    bool presence;      /* an unset one and its zero are different: shown where it was set */
    uint16_t oneof;     /* of its message, or KB_PROTO_NO_ONEOF */
    uint16_t plain;     /* the first from this one on that has no presence, or n_fields */
    struct kb_proto_message *message;
    struct kb_proto_enum *enumeration;
    struct kb_slice type_name; /* as written, until it is linked */
    struct kb_proto_place place;
};

struct kb_proto_message {
    struct kb_slice full_name;
    enum kb_proto_well_known well_known;
    bool map_entry;                /* what one entry of a map is on the wire */
    bool synthetic;                /* such a one that no text declares: of map<...> */
    struct kb_proto_field *fields; /* as declared */
    size_t n_fields, n_oneofs;
    struct kb_proto_message **nested; /* as declared, synthetic ones where their field is */
    size_t n_nested;
    /* A number's place in `fields` plus 1, 0 = none: dense below n_dense, else by search. */
    uint16_t *dense;
    uint32_t n_dense;
    uint16_t *sparse; /* places, sorted by number */
    size_t n_sparse;
    struct kb_proto_message *next; /* of the whole schema */
};

struct kb_proto_symbol {
    struct kb_slice name; /* ptr NULL = a free cell */
    struct kb_proto_message *message;
    struct kb_proto_enum *enumeration;
};

struct kb_proto_import {
    struct kb_slice name;
    bool found;
    struct kb_proto_import *next;
};

struct kb_proto {
    struct kb_arena arena;
    struct kb_proto_message *messages; /* all, in any order */
    struct kb_proto_enum *enums;
    struct kb_proto_import *imports, *files; /* what is asked for, what is there */
    size_t n_imports;
    size_t n_symbols;
    struct kb_proto_symbol *symbols; /* a hash table, once linked */
    size_t n_cells;
    struct kb_proto_message **top; /* of the file added last, as declared */
    size_t n_top;
};

struct kb_proto *kb_proto_new(void); /* returns new, NULL = no memory */
void kb_proto_free(struct kb_proto *proto);

bool kb_proto_add(struct kb_proto *proto, struct kb_slice name, struct kb_slice text,
    struct kb_err *err) KB_MUST_CHECK;
bool kb_proto_link(struct kb_proto *proto, struct kb_err *err) KB_MUST_CHECK;

/* By its full name without a leading dot; NULL = none. After linking. */
const struct kb_proto_symbol *kb_proto_find(const struct kb_proto *proto, struct kb_slice name);

/* The text of a file that is built in; ptr NULL = it is none. */
struct kb_slice kb_proto_builtin(struct kb_slice name);

/* NULL = the message has no such field. */
static inline const struct kb_proto_field *kb_proto_field(
    const struct kb_proto_message *message, uint32_t number)
{
    if (number < message->n_dense)
        return message->dense[number] ? &message->fields[message->dense[number] - 1] : NULL;
    size_t low = 0, high = message->n_sparse;
    while (low < high) {
        size_t middle = (low + high) / 2;
        const struct kb_proto_field *field = &message->fields[message->sparse[middle]];
        if (field->number == number)
            return field;
        if (field->number < number)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

#endif
