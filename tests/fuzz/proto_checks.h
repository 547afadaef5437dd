/* What must hold of a Protobuf schema and a payload, for fuzz_proto.c and fuzz_proto_descriptor.c:
 * an error of the record, or JSON that the sink hears just so. */
#ifndef KB_TESTS_FUZZ_PROTO_CHECKS_H
#define KB_TESTS_FUZZ_PROTO_CHECKS_H

#include "base/compiler.h"
#include "decode/schema.h"
#include "value/json.h"

#define TEXT_MAX (64 << 20)

static inline void check_value(const struct kb_value *value, struct kb_slice heard)
{
    struct kb_buf printed;
    struct kb_json_writer writer;
    struct kb_err err;
    kb_buf_init(&printed, TEXT_MAX);
    kb_json_writer_init(&writer, &printed);
    KB_BUG_ON(value->form != KB_FORM_JSON || !kb_json_read(value->bytes, &writer.events, &err));
    KB_BUG_ON(!kb_slice_eq(kb_buf_slice(&printed), heard));
    kb_buf_deinit(&printed);
}

static inline void check_payload(const struct kb_schema *schema, struct kb_slice payload,
    const struct kb_format_options *options)
{
    struct kb_buf text, heard;
    struct kb_arena arena;
    struct kb_json_writer writer;
    struct kb_value value;
    struct kb_err err;
    kb_buf_init(&text, KB_DECODE_TEXT_MAX);
    kb_buf_init(&heard, TEXT_MAX);
    kb_arena_init(&arena, TEXT_MAX);
    kb_json_writer_init(&writer, &heard);
    struct kb_decoding with = {
        .options = options, .text = &text, .arena = &arena, .sink = &writer.events};
    if (kb_schema_decode(schema, payload, &with, &value, &err))
        check_value(&value, kb_buf_slice(&heard));
    else
        KB_BUG_ON(err.class != KB_ERR_RECORD);
    kb_buf_deinit(&text);
    kb_buf_deinit(&heard);
    kb_arena_deinit(&arena);
}

static inline void check_schema(struct kb_slice text, struct kb_slice payload)
{
    static const struct kb_format_options plain, other = {.proto_names = true,
                                                     .proto_defaults = true,
                                                     .proto_int64 = KB_PROTO_INT64_NUMBER,
                                                     .proto_enums = KB_PROTO_ENUMS_NUMBER};
    struct kb_schema_ref ref = {KB_S("dir/first.proto"),
        KB_S("syntax=\"proto3\";message Ref{repeated Ref ref=1;int32 i=2;}")};
    struct kb_err err;
    struct kb_schema *schema = kb_schema_compile(KB_SCHEMA_PROTOBUF, text, &ref, 1, &err);
    KB_BUG_ON(!schema && err.class != KB_ERR_RECORD);
    if (schema) {
        check_payload(schema, payload, &plain);
        check_payload(schema, payload, &other);
    }
    kb_schema_unref(schema);
}

#endif
