/* Any bytes as a schema registry's answer: it must be read without harm, and an answer that is no
 * schema must never become a denial of one, which would cost records. The first byte chooses the
 * status, the rest is the body. */
#include "base/compiler.h"
#include "base/utf8.h"
#include "decode/registry_reply.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_document(const struct kb_registry_document *doc)
{
    KB_BUG_ON((unsigned)doc->type >= KB_SCHEMA_TYPE_COUNT);
    KB_BUG_ON(!doc->text.ptr || !kb_utf8_valid(doc->text));
    for (size_t i = 0; i < doc->n_refs; i++) {
        KB_BUG_ON(!doc->refs[i].name.ptr || !kb_utf8_valid(doc->refs[i].name));
        KB_BUG_ON(doc->refs[i].subject.len == 0 || !kb_utf8_valid(doc->refs[i].subject));
        KB_BUG_ON(doc->refs[i].version < 1);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const int statuses[] = {200, 404, 401, 403, 422, 429, 500, 0};
    if (size < 1)
        return 0;
    char *body = malloc(size); /* of exactly that length, so that reading past its end is seen */
    KB_BUG_ON(!body);
    memcpy(body, data + 1, size - 1);
    struct kb_http_reply reply = {.status = statuses[data[0] % KB_COUNT(statuses)],
        .truncated = (data[0] & 0x40) != 0,
        .body = {body, size - 1}};
    kb_err_outage(&reply.err, "somewhere: timed out");

    struct kb_arena arena;
    struct kb_registry_document doc = {.n_refs = 0};
    struct kb_err err = {.text = ""};
    kb_arena_init(&arena, 4 << 20);
    switch (kb_registry_read(&reply, &arena, &doc, &err)) {
    case KB_REGISTRY_DOCUMENT:
        KB_BUG_ON(reply.status != 200 || reply.truncated);
        check_document(&doc);
        break;
    case KB_REGISTRY_UNKNOWN: /* a status that says nothing of this schema denies none */
        KB_BUG_ON(reply.status != 404 && reply.status != 200);
        KB_BUG_ON(reply.status == 404 && !memmem(body, size - 1, "404", 3)); /* its error_code */
        KB_BUG_ON(err.class != KB_ERR_RECORD || err.text[0] == '\0');
        break;
    case KB_REGISTRY_OUTAGE:
        KB_BUG_ON(err.class != KB_ERR_OUTAGE || err.text[0] == '\0');
        KB_BUG_ON(!kb_utf8_valid(kb_slice_of(err.text)));
        break;
    }
    kb_arena_deinit(&arena);
    free(body);
    return 0;
}
