/* The two sides of a record, key and value: decoded, and captured where a template reads them; see
 * route_inside.h. */
#include "route/route_inside.h"

#include "decode/decoder.h"

#define DECODED_KEPT (1 << 20) /* what a buffer of decoded text may hold on to between records */

static bool check_capture(
    const struct kb_capture *cap, const struct kb_arena *arena, struct kb_err *err)
{
    return !cap->failed ||
           kb_err_record(err, KB_FAILURE_MAPPING,
               "the fields that templates read are larger than %zu MiB together", arena->max >> 20);
}

/* One side; `paths` are what templates read of it, NULL = nothing. */
static bool decode_side(struct kb_router *router, enum kb_format format, struct kb_slice raw,
    const struct kb_paths *paths, struct kb_capture *cap, struct kb_decoding *with,
    struct kb_value *out, struct kb_err *err)
{
    if (!paths || kb_paths_count(paths) == 0)
        return kb_decode(format, raw, with, out, err);
    if (!kb_capture_init(cap, paths, &router->arena))
        return kb_err_fatal(err, "no memory for the fields of a record");
    with->sink = &cap->events;
    return kb_decode(format, raw, with, out, err) && check_capture(cap, &router->arena, err);
}

/* Where a serializer named the schema of this side in a header. */
static struct kb_slice schema_header(
    const struct kb_router *router, const struct kb_record *rec, struct kb_slice name)
{
    const struct kb_header *header =
        router->schemas && rec->n_headers > 0 ? kb_record_header(rec, name) : NULL;
    return header ? header->value : (struct kb_slice){NULL, 0};
}

bool kb_routing_decode(struct kb_routing *r, struct kb_err *err)
{
    struct kb_router *router = r->router;
    const struct kb_rules *rules = r->rules;
    bool later = kb_routing_has(r, KB_HOOK_TRANSFORM);
    struct kb_decoding of_key = {.options = &rules->formats,
        .text = &router->key_text,
        .arena = &router->arena,
        .schemas = router->schemas,
        .header = schema_header(router, &r->rec, KB_S("__key_schema_id"))};
    struct kb_decoding of_value = {.options = &rules->formats,
        .text = &router->value_text,
        .arena = &router->arena,
        .schemas = router->schemas,
        .members = rules->n_functions > 0 ? &router->members : NULL,
        .header = schema_header(router, &r->rec, KB_S("__value_schema_id"))};
    kb_buf_settle(&router->key_text, DECODED_KEPT);
    kb_buf_settle(&router->value_text, DECODED_KEPT);
    router->members.all = false;
    if (!decode_side(router, rules->key_format, r->rec.key, later ? NULL : rules->key_paths,
            &r->key_fields, &of_key, &r->key, err))
        return kb_err_wrap(err, "key");
    if (!decode_side(router, rules->value_format, r->rec.value, later ? NULL : rules->value_paths,
            &r->value_fields, &of_value, &r->value, err))
        return kb_err_wrap(err, "value");
    return true;
}

/* Reads a side once more, as the format that it is of by now: none of these needs a buffer of its
 * own, so that of the messages' texts, empty yet, stands in. */
static bool capture_side(struct kb_routing *r, const struct kb_value *value,
    const struct kb_paths *paths, struct kb_capture *cap, struct kb_err *err)
{
    static const enum kb_format formats[] = {[KB_FORM_NULL] = KB_FORMAT_AUTO,
        [KB_FORM_TEXT] = KB_FORMAT_STRING,
        [KB_FORM_BYTES] = KB_FORMAT_BYTES,
        [KB_FORM_JSON] = KB_FORMAT_JSON};
    struct kb_decoding with = {.options = &r->rules->formats, .text = &r->router->text};
    struct kb_value again;
    return !paths || kb_paths_count(paths) == 0 ||
           decode_side(
               r->router, formats[value->form], value->bytes, paths, cap, &with, &again, err);
}

bool kb_routing_capture(struct kb_routing *r, struct kb_err *err)
{
    if (!capture_side(r, &r->key, r->rules->key_paths, &r->key_fields, err))
        return kb_err_wrap(err, "key");
    if (!capture_side(r, &r->value, r->rules->value_paths, &r->value_fields, err))
        return kb_err_wrap(err, "value");
    return true;
}
