/* Any text as a template: it compiles or says where it doesn't, and renders against one record to
 * text within the buffer's maximum. Input: the template. */
#include "base/utf8.h"
#include "template/template.h"
#include "value/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct kb_header headers[] = {
    {KB_S("tenant"), KB_S("acme")}, {KB_S("null"), {NULL, 0}}, {KB_S("bytes"), KB_S("\xff")}};

static const struct kb_record rec = {.topic = KB_S("orders"),
    .partition = 3,
    .offset = 1881,
    .timestamp = -1,
    .key = KB_S("[\"k\", null, {}]"),
    .value = KB_S("{\"a\":{\"b\":[1,true,\"\xc3\xa9 /\"]},\"n\":null,\"\":0}"),
    .headers = headers,
    .n_headers = KB_COUNT(headers)};

static void check_error(struct kb_slice text, const struct kb_err *err)
{
    struct kb_buf out;
    kb_buf_init(&out, 1 << 20);
    KB_BUG_ON(err->class != KB_ERR_CONFIG || err->text[0] == '\0');
    KB_BUG_ON(err->column < 0 || err->column > (int)text.len + 1);
    kb_template_caret(&out, text, err->column);
    KB_BUG_ON(out.failed);
    kb_buf_deinit(&out);
}

static void render(const struct kb_template *tmpl, const struct kb_paths *key_paths,
    const struct kb_paths *value_paths)
{
    struct kb_err err = {0};
    struct kb_arena arena;
    struct kb_buf out;
    struct kb_capture key, value;
    kb_arena_init(&arena, 16 << 20);
    kb_buf_init(&out, 4096);
    KB_BUG_ON(!kb_capture_init(&key, key_paths, &arena));
    KB_BUG_ON(!kb_capture_init(&value, value_paths, &arena));
    KB_BUG_ON(!kb_json_read(rec.key, &key.events, &err));
    KB_BUG_ON(!kb_json_read(rec.value, &value.events, &err));

    struct kb_template_input in = {.record = &rec,
        .key = &key,
        .value = &value,
        .whole_key = {KB_FORM_JSON, rec.key},
        .whole_value = {KB_FORM_JSON, rec.value}};
    if (kb_template_render(tmpl, &in, &out, &err)) {
        KB_BUG_ON(!kb_utf8_valid(kb_buf_slice(&out)));
        struct kb_slice constant;
        KB_BUG_ON(
            kb_template_constant(tmpl, &constant) && !kb_slice_eq(constant, kb_buf_slice(&out)));
        KB_BUG_ON(kb_template_is_json(tmpl) && !kb_json_read(kb_buf_slice(&out), NULL, &err));
    } else {
        KB_BUG_ON(err.class != KB_ERR_RECORD || err.text[0] == '\0');
    }
    kb_buf_deinit(&out);
    kb_arena_deinit(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct kb_slice text = {(const char *)data, size < 8192 ? size : 8192};
    struct kb_err err = {0};
    struct kb_paths *key_paths = kb_paths_new(), *value_paths = kb_paths_new();
    KB_BUG_ON(!key_paths || !value_paths);
    struct kb_template *tmpl = kb_template_compile(text, key_paths, value_paths, &err);
    if (tmpl)
        render(tmpl, key_paths, value_paths);
    else
        check_error(text, &err);
    kb_template_free(tmpl);
    kb_paths_free(key_paths);
    kb_paths_free(value_paths);
    return 0;
}
