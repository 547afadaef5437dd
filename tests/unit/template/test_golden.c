/* tests/golden/template.txt and template_errors.txt: what templates render to, and what a person
 * reads where one is refused. */
#include "golden_record.h"
#include "template/template.h"
#include "value/json.h"

/* Key and value of these cases are JSON. */
static void capture_json(struct kb_capture *cap, const struct kb_paths *paths,
    struct kb_arena *arena, struct kb_slice json)
{
    struct kb_err err;
    assert_true(kb_capture_init(cap, paths, arena));
    if (json.ptr && !kb_json_read(json, &cap->events, &err))
        fail_msg("%s: " KB_FMT, err.text, KB_ARG(json));
}

static struct kb_value json_or_null(struct kb_slice json)
{
    return (struct kb_value){json.ptr ? KB_FORM_JSON : KB_FORM_NULL, json};
}

/* The rendered text, or the mapping error's. */
static void render(struct kb_slice text, const struct kb_record *rec, struct kb_buf *out, bool *ok)
{
    struct kb_err err = {0};
    struct kb_arena arena;
    kb_arena_init(&arena, 1 << 20);
    struct kb_paths *key_paths = kb_paths_new(), *value_paths = kb_paths_new();
    struct kb_template *tmpl = kb_template_compile(text, key_paths, value_paths, &err);
    if (!tmpl)
        fail_msg(KB_FMT ": %s", KB_ARG(text), err.text);

    struct kb_capture key, value;
    capture_json(&key, key_paths, &arena, rec->key);
    capture_json(&value, value_paths, &arena, rec->value);
    struct kb_template_input in = {.record = rec,
        .key = &key,
        .value = &value,
        .whole_key = json_or_null(rec->key),
        .whole_value = json_or_null(rec->value)};
    kb_buf_reset(out);
    kb_buf_add(out, KB_S("kept:"));
    *ok = kb_template_render(tmpl, &in, out, &err);
    if (!*ok) {
        assert_int_equal(err.class, KB_ERR_RECORD);
        assert_int_equal(err.failure, KB_FAILURE_MAPPING);
        kb_buf_reset(out);
        kb_buf_add(out, KB_S("kept:"));
        kb_buf_add(out, kb_slice_of(err.text));
    }
    kb_template_free(tmpl);
    kb_paths_free(key_paths);
    kb_paths_free(value_paths);
    kb_arena_deinit(&arena);
}

static void run_case(struct golden *golden, const struct golden_case *c, struct kb_buf *out)
{
    struct golden_record record;
    struct kb_slice text = {NULL, 0}, expected = {NULL, 0}, label, rest;
    bool expect_text = false;
    golden_record_init(&record);
    for (size_t i = 0; i < c->n; i++) {
        if (!golden_label(c->lines[i], &label, &rest)) {
            golden_fail(golden, c, "no label:", c->lines[i]);
        } else if (kb_slice_is(label, "template")) {
            text = rest;
        } else if (kb_slice_is(label, "text") || kb_slice_is(label, "error")) {
            expected = rest;
            expect_text = kb_slice_is(label, "text");
        } else if (!golden_record_line(&record, label, rest)) {
            golden_fail(golden, c, "unknown label:", label);
        }
    }
    if (!text.ptr || !expected.ptr) {
        golden_fail(golden, c, "no template, or nothing expected", KB_S(""));
        return;
    }
    bool ok;
    render(text, &record.rec, out, &ok);
    struct kb_slice got = {out->ptr + strlen("kept:"), out->len - strlen("kept:")};
    golden_check(golden, c, expected, got);
    if (ok != expect_text)
        golden_fail(golden, c, ok ? "rendered:" : "refused:", text);
}

static void test_templates_render_as_the_golden_file_says(void **state)
{
    (void)state;
    struct golden golden;
    static struct golden_case c;
    struct kb_buf out;
    kb_buf_init(&out, 1 << 16);
    golden_open(&golden, "template.txt");
    while (golden_next(&golden, &c))
        run_case(&golden, &c, &out);
    golden_close(&golden);
    kb_buf_deinit(&out);
}

static void run_error(struct golden *golden, const struct golden_case *c, struct kb_buf *out)
{
    if (c->n != 4) {
        golden_fail(golden, c, "not four lines:", c->lines[0]);
        return;
    }
    struct kb_err err = {0};
    struct kb_paths *paths = kb_paths_new();
    struct kb_template *tmpl = kb_template_compile(c->lines[0], paths, paths, &err);
    kb_buf_reset(out);
    if (tmpl) {
        golden_fail(golden, c, "compiled:", c->lines[0]);
    } else {
        assert_int_equal(err.class, KB_ERR_CONFIG);
        golden_check(golden, c, c->lines[1], kb_slice_of(err.text));
        struct kb_buf expected;
        kb_buf_init(&expected, 1 << 16);
        kb_buf_printf(&expected, KB_FMT "\n" KB_FMT "\n", KB_ARG(c->lines[2]), KB_ARG(c->lines[3]));
        kb_template_caret(out, c->lines[0], err.column);
        golden_check(golden, c, kb_buf_slice(&expected), kb_buf_slice(out));
        kb_buf_deinit(&expected);
    }
    kb_template_free(tmpl);
    kb_paths_free(paths);
}

static void test_errors_read_as_the_golden_file_says(void **state)
{
    (void)state;
    struct golden golden;
    static struct golden_case c;
    struct kb_buf out;
    kb_buf_init(&out, 1 << 16);
    golden_open(&golden, "template_errors.txt");
    while (golden_next(&golden, &c))
        run_error(&golden, &c, &out);
    golden_close(&golden);
    kb_buf_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_templates_render_as_the_golden_file_says),
        cmocka_unit_test(test_errors_read_as_the_golden_file_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
