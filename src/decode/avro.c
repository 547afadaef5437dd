/* The life of a compiled Avro schema; see avro.h. */
#include "decode/avro_type.h"

#define COMPILED_MAX (64u << 20)

static bool compile(struct kb_avro *avro, struct kb_slice text, const struct kb_schema_ref *refs,
    size_t n_refs, struct kb_err *err)
{
    struct kb_schema_ref *texts = calloc(n_refs + 1, sizeof(*texts));
    if (!texts)
        return kb_err_fatal(err, "no memory for a schema");
    if (n_refs > 0)
        memcpy(texts, refs, n_refs * sizeof(*texts));
    texts[n_refs].text = text;
    bool ok = kb_avro_parse(avro, texts, n_refs + 1, err) && kb_avro_least(avro, err);
    free(texts);
    return ok;
}

void *kb_avro_compile(struct kb_slice text, const struct kb_schema_ref *refs, size_t n_refs,
    size_t *size, struct kb_err *err)
{
    struct kb_avro *avro = calloc(1, sizeof(*avro));
    if (!avro) {
        kb_err_fatal(err, "no memory for a schema");
        return NULL;
    }
    kb_arena_init(&avro->arena, COMPILED_MAX);
    if (!compile(avro, text, refs, n_refs, err)) {
        kb_err_wrap(err, "avro schema");
        kb_avro_free(avro);
        return NULL;
    }
    *size = sizeof(*avro) + avro->arena.used;
    return avro;
}

void kb_avro_free(void *compiled)
{
    struct kb_avro *avro = compiled;
    if (!avro)
        return;
    kb_arena_deinit(&avro->arena);
    free(avro);
}
