/* Fuzzes an Avro schema and a record read by it: the first two bytes choose the options, then comes
 * the schema's text, a NUL, and the record. What is decoded is JSON, the same with a sink and
 * without, and told as events it is that very text. */
#include "base/compiler.h"
#include "base/utf8.h"
#include "decode/schema.h"
#include "value/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct kb_format_options options_of(const uint8_t *data)
{
    struct kb_format_options options = {
        .unions = (enum kb_union_style)(data[0] % 3),
        .binary = (enum kb_binary_style)(data[0] / 3 % 2),
    };
    for (size_t i = 0; i < KB_LOGICAL_COUNT; i++)
        options.logical[i] = (enum kb_shown)((data[1] + i * (data[0] / 6u)) % KB_SHOWN_COUNT);
    return options;
}

static void check_record(
    const struct kb_schema *schema, struct kb_slice raw, const struct kb_format_options *options)
{
    struct kb_buf text, again, told;
    struct kb_value value, value_again;
    struct kb_err err, err_again;
    struct kb_json_writer writer;
    kb_buf_init(&text, KB_DECODE_TEXT_MAX);
    kb_buf_init(&again, KB_DECODE_TEXT_MAX);
    kb_buf_init(&told, KB_DECODE_TEXT_MAX);
    kb_json_writer_init(&writer, &told);
    struct kb_decoding with = {.options = options, .text = &text};
    struct kb_decoding with_sink = {.options = options, .text = &again, .sink = &writer.events};
    bool ok = kb_schema_decode(schema, raw, &with, &value, &err);
    KB_BUG_ON(kb_schema_decode(schema, raw, &with_sink, &value_again, &err_again) != ok);
    if (!ok) {
        KB_BUG_ON(err.class != KB_ERR_RECORD || strcmp(err.text, err_again.text) != 0);
        KB_BUG_ON(!kb_utf8_valid(kb_slice_of(err.text)));
    } else {
        KB_BUG_ON(value.form != value_again.form || !kb_slice_eq(value.bytes, value_again.bytes));
        KB_BUG_ON(value.form == KB_FORM_TEXT && !kb_utf8_valid(value.bytes));
        if (value.form == KB_FORM_JSON) {
            KB_BUG_ON(!kb_json_read(value.bytes, NULL, &err));
            KB_BUG_ON(!kb_slice_eq(value.bytes, kb_buf_slice(&told)));
        }
    }
    kb_buf_deinit(&text);
    kb_buf_deinit(&again);
    kb_buf_deinit(&told);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 3 || size > 1 << 16)
        return 0;
    struct kb_format_options options = options_of(data);
    struct kb_slice text = {(const char *)data + 2, size - 2};
    const char *nul = memchr(text.ptr, '\0', text.len);
    struct kb_slice raw = {NULL, 0};
    if (nul) {
        raw = (struct kb_slice){nul + 1, text.len - (size_t)(nul + 1 - text.ptr)};
        text.len = (size_t)(nul - text.ptr);
    }
    struct kb_err err;
    struct kb_schema *schema = kb_schema_compile(KB_SCHEMA_AVRO, text, NULL, 0, &err);
    if (!schema) {
        KB_BUG_ON(err.class != KB_ERR_RECORD);
        return 0;
    }
    check_record(schema, raw, &options);
    kb_schema_free(schema);
    return 0;
}
