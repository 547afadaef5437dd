/* Fuzzes what stands between a record's bytes and the message: the JSON reader with and without a
 * sink, the writer, the capture, the formats. Each run is a list of things that must hold for any
 * bytes. */
#include "base/compiler.h"
#include "base/utf8.h"
#include "decode/decoder.h"
#include "value/capture.h"
#include "value/json.h"
#include "value/json_escape_variants.h"

#define BUF_MAX (8 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is accepted prints as something that is accepted and prints the same again. */
static void check_print(struct kb_slice text, struct kb_buf *once)
{
    struct kb_err err, sink_err;
    struct kb_json_writer writer;
    struct kb_buf twice;
    kb_json_writer_init(&writer, once);
    bool ok = kb_json_read(text, NULL, &err);
    KB_BUG_ON(kb_json_read(text, &writer.events, &sink_err) != ok);
    if (!ok) {
        KB_BUG_ON(strcmp(err.text, sink_err.text) != 0);
        KB_BUG_ON(err.column < 1 || (size_t)err.column > text.len + 1);
        return;
    }
    kb_buf_init(&twice, BUF_MAX);
    kb_json_writer_init(&writer, &twice);
    KB_BUG_ON(!kb_utf8_valid(text));
    KB_BUG_ON(!kb_json_read(kb_buf_slice(once), &writer.events, &err));
    KB_BUG_ON(!kb_slice_eq(kb_buf_slice(once), kb_buf_slice(&twice)));
    kb_buf_deinit(&twice);
}

/* The ways of escaping write the same, and as a string it is JSON where it was UTF-8. */
static void check_escape(struct kb_slice text, struct kb_buf *out)
{
    kb_json_string(out, text);
    struct kb_err err;
    KB_BUG_ON(kb_json_read(kb_buf_slice(out), NULL, &err) != kb_utf8_valid(text));
    char *escaped = malloc(KB_JSON_ESCAPED_MAX(text.len));
    for (size_t i = 0; escaped && i < kb_json_escape_variant_count; i++) {
        if (!kb_json_escape_usable(i))
            continue;
        size_t len = kb_json_escape_variants[i].escape(escaped, text.ptr, text.len);
        KB_BUG_ON(len + 2 != out->len || memcmp(escaped, out->ptr + 1, len) != 0);
    }
    free(escaped);
}

static void check_made(const struct kb_value *value, const struct kb_buf *made)
{
    struct kb_err err;
    KB_BUG_ON(value->form != KB_FORM_JSON || !kb_slice_eq(value->bytes, kb_buf_slice(made)));
    KB_BUG_ON(!kb_json_read(value->bytes, NULL, &err));
}

/* Every format without a schema gives the record's own bytes, a JSON text that it made of them, or
 * an error of class record; auto and bytes refuse nothing. */
static void check_formats(struct kb_slice raw, const struct kb_paths *paths, struct kb_arena *arena)
{
    static const struct kb_format_options options;
    for (int format = KB_FORMAT_AUTO; format <= KB_FORMAT_UUID; format++) {
        if (format == KB_FORMAT_CONNECT_JSON) /* fuzz_connect_json.c */
            continue;
        kb_arena_reset(arena);
        struct kb_capture cap;
        struct kb_value value;
        struct kb_err err;
        KB_BUG_ON(!kb_capture_init(&cap, paths, arena));
        struct kb_buf made;
        kb_buf_init(&made, KB_DECODE_TEXT_MAX);
        struct kb_decoding with = {.options = &options, .text = &made, .sink = &cap.events};
        bool ok = kb_decode((enum kb_format)format, raw, &with, &value, &err);
        KB_BUG_ON(!ok && (format == KB_FORMAT_AUTO || format == KB_FORMAT_BYTES));
        KB_BUG_ON(!ok && err.class != KB_ERR_RECORD);
        if (ok && made.len > 0)
            check_made(&value, &made);
        else if (ok)
            KB_BUG_ON(value.bytes.ptr != raw.ptr || value.bytes.len != raw.len);
        kb_buf_deinit(&made);
        if (!ok)
            continue;
        enum kb_scalar_kind whole = kb_capture_get(&cap, 0)->kind;
        KB_BUG_ON((value.form == KB_FORM_TEXT) != (whole == KB_SCALAR_STRING) &&
                  value.form != KB_FORM_JSON);
        KB_BUG_ON((value.form == KB_FORM_BYTES) != (whole == KB_SCALAR_BYTES));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct kb_slice text = {(const char *)data, size};
    if (size > 1 << 16)
        return 0;
    if (!data)
        text.ptr = "";

    struct kb_buf printed, escaped;
    kb_buf_init(&printed, BUF_MAX);
    kb_buf_init(&escaped, BUF_MAX);
    check_print(text, &printed);
    check_escape(text, &escaped);
    kb_buf_deinit(&printed);
    kb_buf_deinit(&escaped);

    struct kb_path_step steps[] = {{.name = KB_S("a")}, {.index = 1}, {.name = KB_S("b")}};
    struct kb_arena arena;
    struct kb_paths *paths = kb_paths_new();
    kb_arena_init(&arena, BUF_MAX);
    if (paths) {
        for (size_t n = 0; n <= KB_COUNT(steps); n++)
            KB_BUG_ON(kb_paths_add(paths, steps, n) != n);
        check_formats(text, paths, &arena);
    }
    kb_paths_free(paths);
    kb_arena_deinit(&arena);
    return 0;
}
