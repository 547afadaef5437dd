/* A whole record by a compiled schema; see avro.h. */
#include "decode/avro_run.h"

#include "base/utf8.h"

#define FIRST_ROOM 512 /* most records' text: no growing by steps */

/* What is no JSON text by itself. */
static bool stands_raw(const struct kb_avro_type *type)
{
    return (type->kind == KB_AVRO_BYTES || type->kind == KB_AVRO_FIXED) && !type->is_logical;
}

static struct kb_slice take_rest(struct kb_run *run)
{
    struct kb_slice rest = {run->in, kb_run_left(run)};
    run->in = run->end;
    return rest;
}

static bool decode_raw(struct kb_run *run, const struct kb_avro_type *type, struct kb_value *out)
{
    struct kb_slice bytes = take_rest(run);
    if (type->kind == KB_AVRO_FIXED && bytes.len != type->size)
        return KB_RUN_FAIL(run, "%zu bytes where a fixed has %u", bytes.len, type->size);
    kb_emit_bytes(run->out.sink, bytes);
    *out = (struct kb_value){KB_FORM_BYTES, bytes};
    return true;
}

static bool decode_text(struct kb_run *run, struct kb_value *out)
{
    struct kb_slice text;
    if (!kb_run_bytes(run, &text))
        return false;
    size_t good = kb_utf8_prefix(text);
    if (good < text.len)
        return KB_RUN_FAIL(run, "byte %zu of a text of %zu is not UTF-8", good + 1, text.len);
    kb_emit_string(run->out.sink, text);
    *out = (struct kb_value){KB_FORM_TEXT, text};
    return true;
}

/* A decimal at the top has no length, as every top-level bytes. */
static bool decode_json(struct kb_run *run, const struct kb_avro_type *type, struct kb_value *out)
{
    if (!kb_out_grow(&run->out, FIRST_ROOM) ||
        !(type->kind == KB_AVRO_BYTES ? kb_show_bytes(run, type, take_rest(run))
                                      : kb_run_value(run, type)))
        return false;
    kb_out_sync(&run->out);
    *out = (struct kb_value){KB_FORM_JSON, kb_buf_slice(run->out.buf)};
    return true;
}

static bool decode(struct kb_run *run, const struct kb_avro_type *root, struct kb_value *out)
{
    bool ok = stands_raw(root)               ? decode_raw(run, root, out)
              : root->kind == KB_AVRO_STRING ? decode_text(run, out)
                                             : decode_json(run, root, out);
    if (ok && run->in < run->end)
        return KB_RUN_FAIL(run, "%zu bytes are left over", kb_run_left(run));
    return ok;
}

bool kb_avro_decode(const void *compiled, struct kb_slice payload, const struct kb_decoding *with,
    struct kb_value *out, struct kb_err *err)
{
    const struct kb_avro *avro = compiled;
    struct kb_run run; /* field by field: `place` is filled where it fails */
    run.in = payload.ptr ? payload.ptr : "";
    run.end = run.in + payload.len;
    run.options = with->options;
    run.err = err;
    run.depth = 0;
    run.place[0] = '\0';
    kb_out_begin(&run.out, with, err);
    return decode(&run, avro->root, out) || kb_err_wrap(err, "avro%s%s", run.place[0] ? ": " : "",
                                                run.place[0] ? run.place + 1 : "");
}
