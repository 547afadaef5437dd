/* See registry_reply.h. */
#include "decode/registry_reply.h"

#include "base/utf8.h"
#include "decode/schemas.h"
#include "value/json_tree.h"

#define SHOWN 120 /* of an answer's own words */

static bool schema_type(const struct kb_json_node *reply, enum kb_schema_type *out)
{
    struct kb_slice name = kb_json_text(reply, "schemaType");
    *out = KB_SCHEMA_AVRO; /* the API leaves it out */
    for (int i = 0; name.ptr && i < KB_SCHEMA_TYPE_COUNT; i++) {
        if (kb_slice_is(name, kb_schema_type_name((enum kb_schema_type)i))) {
            *out = (enum kb_schema_type)i;
            return true;
        }
    }
    return !name.ptr;
}

static bool read_refs(
    const struct kb_json_node *reply, struct kb_arena *arena, struct kb_registry_document *out)
{
    const struct kb_json_node *list = kb_json_member(reply, "references");
    out->n_refs = 0;
    if (!list || list->kind != KB_JSON_ARRAY)
        return true;
    out->refs = kb_arena_alloc(arena, list->n * sizeof(*out->refs));
    if (!out->refs)
        return false;
    for (const struct kb_json_node *item = list->first; item; item = item->next) {
        struct kb_registry_ref *ref = &out->refs[out->n_refs++];
        ref->name = kb_json_text(item, "name");
        ref->subject = kb_json_text(item, "subject");
        ref->version = (int)kb_json_count(item, "version");
        if (!ref->name.ptr || ref->subject.len == 0 || ref->version < 1)
            return false;
    }
    return true;
}

static enum kb_registry_answer read_document(const struct kb_http_reply *reply,
    struct kb_arena *arena, struct kb_registry_document *out, struct kb_err *err)
{
    if (reply->truncated) {
        kb_err_record(err, KB_FAILURE_DECODE, "the schema is longer than is read");
        return KB_REGISTRY_UNKNOWN;
    }
    const struct kb_json_node *doc = kb_json_tree(reply->body, arena, err);
    if (!doc || !kb_json_text(doc, "schema").ptr) {
        kb_err_outage(err, "HTTP 200, but no schema in it: is this a schema registry's address?");
        return KB_REGISTRY_OUTAGE;
    }
    out->text = kb_json_text(doc, "schema");
    if (!schema_type(doc, &out->type)) {
        kb_err_record(err, KB_FAILURE_DECODE, "schemas of type " KB_FMT " are not read",
            KB_ARG(kb_json_text(doc, "schemaType")));
        return KB_REGISTRY_UNKNOWN;
    }
    if (!read_refs(doc, arena, out)) {
        kb_err_record(err, KB_FAILURE_DECODE, "its references make no sense");
        return KB_REGISTRY_UNKNOWN;
    }
    return KB_REGISTRY_DOCUMENT;
}

/* The registry's own words, fit for one line. */
static void own_words(
    const struct kb_http_reply *reply, struct kb_arena *arena, int64_t *code, char out[SHOWN + 1])
{
    struct kb_err ignored;
    const struct kb_json_node *doc = kb_json_tree(reply->body, arena, &ignored);
    struct kb_slice words = kb_json_text(doc, "message");
    *code = doc ? kb_json_count(doc, "error_code") : -1;
    size_t len = words.ptr ? kb_utf8_cut(words, SHOWN) : 0;
    if (len > 0)
        memcpy(out, words.ptr, len);
    out[len] = '\0';
    kb_utf8_one_line(out, len);
}

enum kb_registry_answer kb_registry_read(const struct kb_http_reply *reply, struct kb_arena *arena,
    struct kb_registry_document *out, struct kb_err *err)
{
    char words[SHOWN + 1];
    int64_t code;
    if (reply->status == 0) {
        *err = reply->err;
        return KB_REGISTRY_OUTAGE;
    }
    if (reply->status == 200)
        return read_document(reply, arena, out, err);
    own_words(reply, arena, &code, words);
    bool own = code >= 40400 && code < 40500;
    if (reply->status == 404 && own) {
        kb_err_record(err, KB_FAILURE_DECODE, "the registry does not know it%s%s",
            words[0] ? ": " : "", words);
        err->code = KB_SCHEMA_UNKNOWN_CODE;
        return KB_REGISTRY_UNKNOWN;
    }
    kb_err_outage(err, "HTTP %d%s%s%s", reply->status, words[0] ? ": " : "", words,
        reply->status == 404                           ? " (is the path of the address right?)"
        : reply->status == 401 || reply->status == 403 ? " (look at registry { auth } or { token })"
        : reply->status >= 300 && reply->status < 400  ? " (redirects are not followed)"
                                                       : "");
    return KB_REGISTRY_OUTAGE;
}
