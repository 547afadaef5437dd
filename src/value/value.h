/* A decoded key or value, as it will be published: nothing, text, bytes, or a JSON text.
 *
 * `bytes` borrows: from the record where the record's own bytes are already right (JSON and text
 * pass byte for byte), else from the buffer that the decoder was given. Thread: values. */
#ifndef KB_VALUE_VALUE_H
#define KB_VALUE_VALUE_H

#include "base/slice.h"

enum kb_form { KB_FORM_NULL, KB_FORM_TEXT, KB_FORM_BYTES, KB_FORM_JSON };

struct kb_value {
    enum kb_form form;
    struct kb_slice bytes;
};

/* The formats of `key` and `value` in a topic block. X(id, name, meaning) */
#define KB_FORMATS(X)                                                                             \
    X(AUTO, "auto", "registry framing, else a JSON object or array, else UTF-8 text, else bytes") \
    X(JSON, "json", "any JSON value, passed byte for byte")                                       \
    X(STRING, "string", "UTF-8 text")                                                             \
    X(BYTES, "bytes", "bytes as they are")                                                        \
    X(AVRO, "avro", "Avro with the framing of a schema registry")                                 \
    X(PROTOBUF, "protobuf", "Protobuf with the framing of a schema registry")                     \
    X(JSON_SCHEMA, "json_schema", "JSON with the framing of a schema registry")                   \
    X(CONNECT_JSON, "connect_json", "Kafka Connect's {\"schema\": ..., \"payload\": ...}")        \
    X(INT16, "int16", "2 bytes, big-endian: Kafka's ShortSerializer")                             \
    X(INT32, "int32", "4 bytes, big-endian: Kafka's IntegerSerializer")                           \
    X(INT64, "int64", "8 bytes, big-endian: Kafka's LongSerializer")                              \
    X(FLOAT, "float", "4 bytes, big-endian IEEE 754: FloatSerializer")                            \
    X(DOUBLE, "double", "8 bytes, big-endian IEEE 754: DoubleSerializer")                         \
    X(UUID, "uuid", "36 characters of text: Kafka's UUIDSerializer")

enum kb_format {
#define X(id, name, meaning) KB_FORMAT_##id,
    KB_FORMATS(X)
#undef X
        KB_FORMAT_COUNT
};

const char *kb_format_name(enum kb_format format);

#endif
