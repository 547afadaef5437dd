/* The types of schemas as a table; see schema.h. */
#include "decode/schema.h"

#include "decode/avro.h"
#include "decode/protobuf.h"
#include "value/json.h"

#include <stdlib.h>

struct kb_schema {
    enum kb_schema_type type;
    void *compiled;
    size_t size;
};

static const char *const names[KB_SCHEMA_TYPE_COUNT] = {
#define X(id, name) [KB_SCHEMA_##id] = name,
    KB_SCHEMA_TYPES(X)
#undef X
};

/* A JSON Schema describes a payload that is JSON already: nothing of it is needed. */

static void *json_compile(struct kb_slice text, const struct kb_schema_ref *refs, size_t n_refs,
    size_t *size, struct kb_err *err)
{
    static char nothing;
    (void)text, (void)refs, (void)n_refs, (void)err;
    *size = 0;
    return &nothing;
}

static bool json_decode(const void *compiled, struct kb_slice payload,
    const struct kb_decoding *with, struct kb_value *out, struct kb_err *err)
{
    (void)compiled;
    if (!kb_json_read(payload, with->sink, err))
        return false;
    *out = (struct kb_value){KB_FORM_JSON, payload};
    return true;
}

static void json_free(void *compiled)
{
    (void)compiled;
}

static const struct kb_schema_kind kinds[KB_SCHEMA_TYPE_COUNT] = {
    [KB_SCHEMA_AVRO] = {kb_avro_compile, kb_avro_decode, kb_avro_free},
    [KB_SCHEMA_PROTOBUF] = {kb_protobuf_compile, kb_protobuf_decode, kb_protobuf_free},
    [KB_SCHEMA_JSON] = {json_compile, json_decode, json_free},
};

const char *kb_schema_type_name(enum kb_schema_type type)
{
    return names[type];
}

bool kb_schema_type_of(enum kb_format format, enum kb_schema_type *out)
{
    switch (format) {
    case KB_FORMAT_AVRO:
        *out = KB_SCHEMA_AVRO;
        return true;
    case KB_FORMAT_JSON_SCHEMA:
        *out = KB_SCHEMA_JSON;
        return true;
    case KB_FORMAT_PROTOBUF:
        *out = KB_SCHEMA_PROTOBUF;
        return true;
    default:
        return false;
    }
}

struct kb_schema *kb_schema_compile(enum kb_schema_type type, struct kb_slice text,
    const struct kb_schema_ref *refs, size_t n_refs, struct kb_err *err)
{
    const struct kb_schema_kind *kind = &kinds[type];
    struct kb_schema *schema;
    if (!kind->compile) {
        kb_err_record(err, KB_FAILURE_DECODE, "%s schemas are not read", names[type]);
        return NULL;
    }
    schema = calloc(1, sizeof(*schema));
    if (!schema) {
        kb_err_fatal(err, "no memory for a schema");
        return NULL;
    }
    schema->type = type;
    schema->compiled = kind->compile(text, refs, n_refs, &schema->size, err);
    if (schema->compiled)
        return schema;
    free(schema);
    return NULL;
}

void kb_schema_free(struct kb_schema *schema)
{
    if (!schema)
        return;
    kinds[schema->type].free(schema->compiled);
    free(schema);
}

enum kb_schema_type kb_schema_type(const struct kb_schema *schema)
{
    return schema->type;
}

size_t kb_schema_size(const struct kb_schema *schema)
{
    return sizeof(*schema) + schema->size;
}

bool kb_schema_decode(const struct kb_schema *schema, struct kb_slice payload,
    const struct kb_decoding *with, struct kb_value *out, struct kb_err *err)
{
    return kinds[schema->type].decode(schema->compiled, payload, with, out, err);
}
