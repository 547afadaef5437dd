/* The files that every Protobuf compiler brings along, as texts for our own reader; see proto.h.
 * Only what decoding needs of them: names, types and numbers. */
#include "decode/proto.h"

#define PROTO3 "syntax=\"proto3\";package google.protobuf;"

static const struct {
    const char *name, *text;
} files[] = {
    {"google/protobuf/any.proto", PROTO3 "message Any{string type_url=1;bytes value=2;}"},
    {"google/protobuf/timestamp.proto", PROTO3 "message Timestamp{int64 seconds=1;int32 nanos=2;}"},
    {"google/protobuf/duration.proto", PROTO3 "message Duration{int64 seconds=1;int32 nanos=2;}"},
    {"google/protobuf/field_mask.proto", PROTO3 "message FieldMask{repeated string paths=1;}"},
    {"google/protobuf/empty.proto", PROTO3 "message Empty{}"},
    {"google/protobuf/struct.proto",
        PROTO3 "message Struct{map<string,Value>fields=1;}enum NullValue{NULL_VALUE=0;}"
               "message ListValue{repeated Value values=1;}"
               "message Value{oneof kind{NullValue null_value=1;double number_value=2;"
               "string string_value=3;bool bool_value=4;Struct struct_value=5;"
               "ListValue list_value=6;}}"},
    {"google/protobuf/wrappers.proto",
        PROTO3 "message DoubleValue{double value=1;}message FloatValue{float value=1;}"
               "message Int64Value{int64 value=1;}message UInt64Value{uint64 value=1;}"
               "message Int32Value{int32 value=1;}message UInt32Value{uint32 value=1;}"
               "message BoolValue{bool value=1;}message StringValue{string value=1;}"
               "message BytesValue{bytes value=1;}"},
    /* These two are imported for the sake of options, which are passed over. */
    {"google/protobuf/descriptor.proto", PROTO3},
    {"confluent/meta.proto", "syntax=\"proto3\";package confluent;"},
    {"confluent/type/decimal.proto",
        "syntax=\"proto3\";package confluent.type;"
        "message Decimal{bytes value=1;uint32 precision=2;int32 scale=3;}"},
};

struct kb_slice kb_proto_builtin(struct kb_slice name)
{
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
        if (kb_slice_is(name, files[i].name))
            return kb_slice_of(files[i].text);
    return (struct kb_slice){NULL, 0};
}
