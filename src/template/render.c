/* Template + record -> text. Called once a record and template by route/, on the worker's thread;
 * appends to the caller's buffer and takes no memory of its own. */
#include "base/utf8.h"
#include "template/parts.h"
#include "value/document.h"
#include "value/json.h"

/* What a reference found. Only MISSING and IS_NULL can still get a default. */
enum found {
    FOUND,
    MISSING,
    IS_NULL,
    UNUSABLE /* the error is filled */
};

/* There, but no scalar. Where it is the whole key or value, to take it as text may be what was
 * meant. */
static enum found fail_nested(
    const struct kb_part *part, const char *what, const char *step, struct kb_err *err)
{
    const char *side = part->kind == KB_PART_KEY ? "key" : "value";
    char as_text[64] = "";
    if (kb_slice_is(part->text, side))
        snprintf(as_text, sizeof(as_text), ", or take it as text with %s = \"string\"", side);
    kb_err_record(err, KB_FAILURE_MAPPING, KB_FMT ": is %s, such as " KB_FMT "%s%s",
        KB_ARG(part->text), what, KB_ARG(part->text), step, as_text);
    return UNUSABLE;
}

static bool fail_absent(
    struct kb_err *err, const struct kb_part *part, const struct kb_record *rec, enum found found)
{
    const char *what = "is null";
    if (part->kind == KB_PART_HEADER && found == MISSING)
        what = "this record has no such header";
    else if (part->kind == KB_PART_TIMESTAMP)
        what = "this record has none";
    else if (part->kind == KB_PART_KEY && !rec->key.ptr)
        what = "this record's key is null";
    else if (part->kind == KB_PART_VALUE && !rec->value.ptr)
        what = "this record's value is null";
    else if (found == MISSING)
        what = "this record has no such field";
    return kb_err_record(err, KB_FAILURE_MAPPING,
        KB_FMT ": %s; `| default(\"...\")` stands in where that is right", KB_ARG(part->text),
        what);
}

static enum found add_number(struct kb_buf *out, int64_t number)
{
    kb_buf_add_i64(out, number);
    return FOUND;
}

static bool check_text(const struct kb_part *part, struct kb_slice bytes, struct kb_err *err)
{
    return kb_utf8_valid(bytes) || kb_err_record(err, KB_FAILURE_MAPPING,
                                       KB_FMT ": its bytes are not UTF-8 text", KB_ARG(part->text));
}

static enum found add_bytes(
    const struct kb_part *part, struct kb_slice bytes, struct kb_buf *out, struct kb_err *err)
{
    if (!check_text(part, bytes, err))
        return UNUSABLE;
    kb_buf_add(out, bytes);
    return FOUND;
}

static enum found add_header(
    const struct kb_part *part, const struct kb_record *rec, struct kb_buf *out, struct kb_err *err)
{
    const struct kb_header *header = kb_record_header(rec, part->header);
    if (!header)
        return MISSING;
    if (!header->value.ptr)
        return IS_NULL;
    return add_bytes(part, header->value, out, err);
}

static enum found add_field(const struct kb_part *part, const struct kb_capture *cap,
    struct kb_buf *out, struct kb_err *err)
{
    KB_BUG_ON(!cap);
    const struct kb_scalar *field = kb_capture_get(cap, part->path);
    switch (field->kind) {
    case KB_SCALAR_MISSING:
        return MISSING;
    case KB_SCALAR_NULL:
        return IS_NULL;
    case KB_SCALAR_BOOL:
    case KB_SCALAR_NUMBER:
    case KB_SCALAR_STRING:
        kb_buf_add(out, field->text);
        return FOUND;
    case KB_SCALAR_BYTES:
        return add_bytes(part, field->text, out, err);
    case KB_SCALAR_OBJECT:
        return fail_nested(part, "an object; name a field inside it", ".id", err);
    case KB_SCALAR_ARRAY:
        return fail_nested(part, "an array; name an element", "[0]", err);
    }
    KB_BUG_ON(true);
    return UNUSABLE;
}

static enum found add_reference(const struct kb_part *part, const struct kb_template_input *in,
    struct kb_buf *out, struct kb_err *err)
{
    const struct kb_record *rec = in->record;
    switch (part->kind) {
    case KB_PART_TOPIC:
        kb_buf_add(out, rec->topic);
        return FOUND;
    case KB_PART_PARTITION:
        return add_number(out, rec->partition);
    case KB_PART_OFFSET:
        return add_number(out, rec->offset);
    case KB_PART_TIMESTAMP:
        return rec->timestamp < 0 ? MISSING : add_number(out, rec->timestamp);
    case KB_PART_KEY:
        return add_field(part, in->key, out, err);
    case KB_PART_VALUE:
        return add_field(part, in->value, out, err);
    case KB_PART_HEADER:
        return add_header(part, rec, out, err);
    case KB_PART_LITERAL:
        kb_buf_add(out, part->text);
        return FOUND;
    case KB_PART_FUNCTION:
        KB_BUG_ON(!in->calls);
        return in->calls->text(in->calls->self, part->function, out, err) ? FOUND : UNUSABLE;
    }
    KB_BUG_ON(true);
    return UNUSABLE;
}

/* ---- the filter json: the same references as JSON text ---- */

static enum found add_json_text(
    const struct kb_part *part, struct kb_slice text, struct kb_buf *out, struct kb_err *err)
{
    if (!check_text(part, text, err))
        return UNUSABLE;
    kb_json_string(out, text);
    return FOUND;
}

/* The value at the end of the path, as it stands in the text. */
static enum found add_json_field(const struct kb_part *part, struct kb_slice json,
    struct kb_arena *arena, struct kb_buf *out, struct kb_err *err)
{
    struct kb_document doc;
    struct kb_node *node = kb_document_init(&doc, arena, json) ? doc.root : NULL;
    for (size_t i = 0; i < part->n_steps && node; i++) {
        const struct kb_path_step *step = &part->steps[i];
        node = step->name.ptr ? kb_node_member(&doc, node, step->name)
                              : kb_node_element(&doc, node, step->index);
    }
    if (doc.failed) {
        kb_err_record(err, KB_FAILURE_MAPPING, KB_FMT ": is too large", KB_ARG(part->text));
        return UNUSABLE;
    }
    if (!node)
        return MISSING;
    if (node->kind == KB_NODE_NULL)
        return IS_NULL;
    kb_buf_add(out, node->text);
    return FOUND;
}

static enum found add_json_side(const struct kb_part *part, const struct kb_value *whole,
    const struct kb_capture *cap, struct kb_buf *out, struct kb_err *err)
{
    KB_BUG_ON(!cap);
    switch (whole->form) {
    case KB_FORM_NULL:
        return part->n_steps == 0 ? IS_NULL : MISSING;
    case KB_FORM_TEXT:
    case KB_FORM_BYTES:
        return part->n_steps == 0 ? add_json_text(part, whole->bytes, out, err) : MISSING;
    case KB_FORM_JSON:
        return add_json_field(part, whole->bytes, cap->arena, out, err);
    }
    KB_BUG_ON(true);
    return UNUSABLE;
}

static enum found add_json(const struct kb_part *part, const struct kb_template_input *in,
    struct kb_buf *out, struct kb_err *err)
{
    const struct kb_header *header;
    switch (part->kind) {
    case KB_PART_KEY:
        return add_json_side(part, &in->whole_key, in->key, out, err);
    case KB_PART_VALUE:
        return add_json_side(part, &in->whole_value, in->value, out, err);
    case KB_PART_TOPIC:
        return add_json_text(part, in->record->topic, out, err);
    case KB_PART_HEADER:
        header = kb_record_header(in->record, part->header);
        if (!header)
            return MISSING;
        return header->value.ptr ? add_json_text(part, header->value, out, err) : IS_NULL;
    case KB_PART_PARTITION:
    case KB_PART_OFFSET:
    case KB_PART_TIMESTAMP:
    case KB_PART_LITERAL:
    case KB_PART_FUNCTION: /* has no filters */
        break;             /* numbers are JSON as they are */
    }
    return add_reference(part, in, out, err);
}

static bool render_part(const struct kb_part *part, const struct kb_template_input *in,
    struct kb_buf *out, struct kb_err *err)
{
    size_t start = out->len;
    bool json = kb_part_is_json(part);
    enum found found = (json ? add_json : add_reference)(part, in, out, err);
    for (size_t i = 0; i < part->n_filters && found != UNUSABLE; i++) {
        const struct kb_filter *filter = &part->filters[i];
        if (filter->kind == KB_FILTER_JSON)
            continue;
        if (filter->kind != KB_FILTER_DEFAULT) {
            kb_filter_apply(filter->kind, out, start); /* what is absent has no text to change */
        } else if (found != FOUND) {
            kb_buf_add(out, filter->text);
            found = FOUND;
        }
    }
    if (json && found == IS_NULL) {
        kb_buf_add(out, KB_S("null"));
        found = FOUND;
    }
    if (found == MISSING || found == IS_NULL)
        return fail_absent(err, part, in->record, found);
    return found == FOUND;
}

bool kb_template_render(const struct kb_template *tmpl, const struct kb_template_input *in,
    struct kb_buf *out, struct kb_err *err)
{
    for (size_t i = 0; i < tmpl->n_parts; i++) {
        if (!render_part(&tmpl->parts[i], in, out, err))
            return false;
    }
    return !out->failed || kb_err_record(err, KB_FAILURE_MESSAGE,
                               "the text of this template is longer than %zu bytes", out->max);
}
