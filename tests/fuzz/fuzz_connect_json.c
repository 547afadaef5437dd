/* Fuzzes Kafka Connect's JSON envelope: whatever the bytes, an error of the record or a value that
 * is what it says, and a sink that hears just that value. */
#include "base/compiler.h"
#include "base/utf8.h"
#include "decode/connect_json.h"
#include "value/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_value(const struct kb_value *value, struct kb_slice heard)
{
    struct kb_buf printed;
    struct kb_json_writer writer;
    struct kb_err err;
    kb_buf_init(&printed, 2 * KB_DECODE_TEXT_MAX);
    kb_json_writer_init(&writer, &printed);
    if (value->form == KB_FORM_JSON)
        KB_BUG_ON(!kb_json_read(value->bytes, &writer.events, &err));
    else if (value->form == KB_FORM_TEXT)
        kb_emit_string(&writer.events, value->bytes);
    else
        kb_emit_bytes(&writer.events, value->bytes);
    KB_BUG_ON(value->form == KB_FORM_TEXT && !kb_utf8_valid(value->bytes));
    KB_BUG_ON(!kb_slice_eq(kb_buf_slice(&printed), heard));
    kb_buf_deinit(&printed);
}

static void decode(struct kb_slice raw, enum kb_shown way)
{
    struct kb_buf text, heard;
    struct kb_json_writer writer;
    struct kb_value value;
    struct kb_err err;
    struct kb_format_options options = {0};
    for (size_t type = 0; type < KB_LOGICAL_COUNT; type++)
        options.logical[type] = way;
    kb_buf_init(&text, KB_DECODE_TEXT_MAX);
    kb_buf_init(&heard, 2 * KB_DECODE_TEXT_MAX);
    kb_json_writer_init(&writer, &heard);
    struct kb_decoding with = {.options = &options, .text = &text, .sink = &writer.events};
    if (kb_connect_json_decode(raw, &with, &value, &err))
        check_value(&value, kb_buf_slice(&heard));
    else
        KB_BUG_ON(err.class != KB_ERR_RECORD);
    kb_buf_deinit(&text);
    kb_buf_deinit(&heard);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct kb_slice raw = {data ? (const char *)data : "", size};
    decode(raw, KB_SHOWN_DEFAULT);
    decode(raw, KB_SHOWN_RAW);
    decode(raw, KB_SHOWN_ISO);
    decode(raw, KB_SHOWN_TEXT);
    return 0;
}
