/* What must hold of a Protobuf schema and a payload, for fuzz_proto.c and fuzz_proto_descriptor.c:
 * an error of the record, or JSON that the sink hears just so. */
#ifndef KB_TESTS_FUZZ_PROTO_CHECKS_H
#define KB_TESTS_FUZZ_PROTO_CHECKS_H

#include "base/compiler.h"
#include "decode/proto_run.h"
#include "decode/protobuf.h"
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

struct decoded {
    struct kb_buf text, heard;
    struct kb_value value;
    struct kb_err err;
    bool ok;
};

static inline void decode_payload(const struct kb_proto *proto, struct kb_slice payload,
    const struct kb_format_options *options, bool straight, struct decoded *out)
{
    struct kb_arena arena;
    struct kb_json_writer writer;
    kb_buf_init(&out->text, KB_DECODE_TEXT_MAX);
    kb_buf_init(&out->heard, TEXT_MAX);
    kb_arena_init(&arena, TEXT_MAX);
    kb_json_writer_init(&writer, &out->heard);
    struct kb_decoding with = {
        .options = options, .text = &out->text, .arena = &arena, .sink = &writer.events};
    out->ok = kb_proto_decode(proto, payload, &with, straight, &out->value, &out->err);
    if (out->ok)
        check_value(&out->value, kb_buf_slice(&out->heard));
    else
        KB_BUG_ON(out->err.class != KB_ERR_RECORD);
    kb_arena_deinit(&arena);
}

/* Straight first or the thorough way at once: the same comes out. */
static inline void check_payload(
    const struct kb_proto *proto, struct kb_slice payload, const struct kb_format_options *options)
{
    struct decoded straight, thorough;
    decode_payload(proto, payload, options, true, &straight);
    decode_payload(proto, payload, options, false, &thorough);
    KB_BUG_ON(straight.ok != thorough.ok);
    KB_BUG_ON(straight.ok ? !kb_slice_eq(straight.value.bytes, thorough.value.bytes)
                          : strcmp(straight.err.text, thorough.err.text) != 0);
    kb_buf_deinit(&straight.text);
    kb_buf_deinit(&straight.heard);
    kb_buf_deinit(&thorough.text);
    kb_buf_deinit(&thorough.heard);
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
    size_t size;
    struct kb_proto *proto = kb_protobuf_compile(text, &ref, 1, &size, &err);
    KB_BUG_ON(!proto && err.class != KB_ERR_RECORD);
    if (proto) {
        check_payload(proto, payload, &plain);
        check_payload(proto, payload, &other);
    }
    kb_protobuf_free(proto);
}

#endif
