/* See proto_build.h, and proto.h for the functions that are everybody's. */
#include "decode/proto_build.h"

#include "base/base64.h"

struct kb_proto *kb_proto_new(void)
{
    struct kb_proto *proto = calloc(1, sizeof(*proto));
    if (proto)
        kb_arena_init(&proto->arena, KB_PROTO_MEMORY_MAX);
    return proto;
}

void kb_proto_free(struct kb_proto *proto)
{
    if (!proto)
        return;
    kb_arena_deinit(&proto->arena);
    free(proto);
}

static bool no_room(struct kb_proto *proto, struct kb_err *err)
{
    if (proto->arena.used < KB_PROTO_MEMORY_MAX / 2)
        return kb_err_fatal(err, "no memory for a schema");
    return kb_err_record(err, KB_FAILURE_DECODE, "the schema and its imports take more than %d MiB",
        KB_PROTO_MEMORY_MAX >> 20);
}

void *kb_proto_alloc(struct kb_proto *proto, size_t size, struct kb_err *err)
{
    void *piece = kb_arena_alloc(&proto->arena, size);
    if (piece)
        return memset(piece, 0, size);
    no_room(proto, err);
    return NULL;
}

bool kb_proto_copy(
    struct kb_proto *proto, struct kb_slice text, struct kb_slice *out, struct kb_err *err)
{
    return kb_arena_copy(&proto->arena, text, out) || no_room(proto, err);
}

/* Room for one more element: the array is twice as large at each power of two. */
static void *grow(struct kb_proto *proto, void *array, size_t n, size_t size, struct kb_err *err)
{
    if (n & (n - 1)) /* not at one */
        return array;
    void *larger = kb_proto_alloc(proto, (n ? 2 * n : 1) * size, err);
    if (larger && n)
        memcpy(larger, array, n * size);
    return larger;
}

bool kb_proto_full_name(struct kb_proto *proto, struct kb_slice scope, struct kb_slice name,
    struct kb_slice *out, struct kb_err *err)
{
    size_t dot = scope.len > 0;
    if (scope.len + dot + name.len > KB_PROTO_NAME_MAX)
        return kb_err_record(
            err, KB_FAILURE_DECODE, "a full name is longer than %d bytes", KB_PROTO_NAME_MAX);
    char text[KB_PROTO_NAME_MAX];
    if (dot) {
        memcpy(text, scope.ptr, scope.len);
        text[scope.len] = '.';
    }
    memcpy(text + scope.len + dot, name.ptr, name.len);
    return kb_proto_copy(proto, (struct kb_slice){text, scope.len + dot + name.len}, out, err);
}

bool kb_proto_add_import(struct kb_proto *proto, struct kb_slice name, struct kb_err *err)
{
    if (proto->n_imports++ == KB_PROTO_IMPORTS_MAX)
        return kb_err_record(
            err, KB_FAILURE_DECODE, "the files have more than %d imports", KB_PROTO_IMPORTS_MAX);
    struct kb_proto_import *import = kb_proto_alloc(proto, sizeof(*import), err);
    if (!import)
        return false;
    *import = (struct kb_proto_import){.name = name, .next = proto->imports};
    proto->imports = import;
    return true;
}

bool kb_proto_add_message(struct kb_proto *proto, struct kb_proto_message *parent,
    struct kb_proto_message *message, struct kb_err *err)
{
    struct kb_proto_message ***list = parent ? &parent->nested : &proto->top;
    size_t *n = parent ? &parent->n_nested : &proto->n_top;
    *list = grow(proto, *list, *n, sizeof(**list), err);
    if (!*list)
        return false;
    (*list)[(*n)++] = message;
    message->next = proto->messages;
    proto->messages = message;
    proto->n_symbols++;
    return true;
}

bool kb_proto_add_field(struct kb_proto *proto, struct kb_proto_message *message,
    const struct kb_proto_field *field, struct kb_err *err)
{
    if (message->n_fields == KB_PROTO_FIELDS_MAX)
        return kb_err_record(
            err, KB_FAILURE_DECODE, "a message has more than %d fields", KB_PROTO_FIELDS_MAX);
    message->fields =
        grow(proto, message->fields, message->n_fields, sizeof(*message->fields), err);
    if (!message->fields)
        return false;
    message->fields[message->n_fields++] = *field;
    return true;
}

bool kb_proto_add_value(struct kb_proto *proto, struct kb_proto_enum *enumeration,
    struct kb_slice name, int32_t number, struct kb_err *err)
{
    size_t n = enumeration->n_values;
    enumeration->values = grow(proto, enumeration->values, n, sizeof(*enumeration->values), err);
    if (!enumeration->values)
        return false;
    enumeration->values[n] =
        (struct kb_proto_enum_value){.name = name, .number = number, .place = (uint32_t)n};
    enumeration->n_values++;
    return true;
}

bool kb_proto_add_enum(
    struct kb_proto *proto, struct kb_proto_enum *enumeration, struct kb_err *err)
{
    if (enumeration->n_values == 0)
        return kb_err_record(
            err, KB_FAILURE_DECODE, "enum " KB_FMT " has no value", KB_ARG(enumeration->full_name));
    enumeration->next = proto->enums;
    proto->enums = enumeration;
    proto->n_symbols++;
    return true;
}

/* A .proto text that declares anything has a brace or a semicolon; base64 has neither. */
static bool is_base64(struct kb_slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i], lower = (char)(c | 0x20);
        if (!((c >= '0' && c <= '9') || (lower >= 'a' && lower <= 'z') || c == '+' || c == '/' ||
                c == '='))
            return false;
    }
    return text.len > 0;
}

static bool add_base64(
    struct kb_proto *proto, struct kb_slice name, struct kb_slice text, struct kb_err *err)
{
    struct kb_buf bytes;
    kb_buf_init(&bytes, KB_PROTO_MEMORY_MAX);
    bool ok = kb_base64_decode(&bytes, text)
                  ? kb_proto_add_descriptor(proto, name, kb_buf_slice(&bytes), err)
                  : kb_err_record(err, KB_FAILURE_DECODE,
                        "the schema is neither a .proto text nor base64 of a descriptor");
    kb_buf_deinit(&bytes);
    return ok;
}

bool kb_proto_add(
    struct kb_proto *proto, struct kb_slice name, struct kb_slice text, struct kb_err *err)
{
    struct kb_proto_import *file = kb_proto_alloc(proto, sizeof(*file), err);
    struct kb_slice given = {name.ptr ? name.ptr : "", name.len};
    proto->top = NULL;
    proto->n_top = 0;
    if (!file || !kb_proto_copy(proto, given, &file->name, err))
        return false;
    file->next = proto->files;
    proto->files = file;
    text.ptr = text.ptr ? text.ptr : "";
    return is_base64(text) ? add_base64(proto, file->name, text, err)
                           : kb_proto_add_text(proto, file->name, text, err);
}
