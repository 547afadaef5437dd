/* How the values of a format are shown, as a topic's block chooses it for key and value alike. Each
 * field is an option of config/options.h; the zero value of each is its default.
 * Immutable after load. */
#ifndef KB_DECODE_FORMAT_OPTIONS_H
#define KB_DECODE_FORMAT_OPTIONS_H

#include <stdbool.h>

/* How an Avro logical type (or a peer of it in another format) is shown. X(id, name, meaning) */
#define KB_SHOWN(X)                                      \
    X(DEFAULT, "default", "what suits the type best")    \
    X(RAW, "raw", "the type below: an integer, bytes")   \
    X(ISO, "iso", "ISO 8601 text")                       \
    X(NUMBER, "number", "a JSON number with all digits") \
    X(TEXT, "text", "these digits, or a UUID, as text")  \
    X(PEER, "peer", "as the Kafka Connect sink shows it")

enum kb_shown {
#define X(id, name, meaning) KB_SHOWN_##id,
    KB_SHOWN(X)
#undef X
        KB_SHOWN_COUNT
};

/* X(id, name): the logical types that can be chosen for. */
#define KB_LOGICAL_TYPES(X)               \
    X(DATE, "date")                       \
    X(TIME, "time")                       \
    X(TIMESTAMP, "timestamp")             \
    X(LOCAL_TIMESTAMP, "local-timestamp") \
    X(DECIMAL, "decimal")                 \
    X(UUID, "uuid")                       \
    X(DURATION, "duration")

enum kb_logical_type {
#define X(id, name) KB_LOGICAL_##id,
    KB_LOGICAL_TYPES(X)
#undef X
        KB_LOGICAL_COUNT
};

#define KB_UNION_STYLES(X)                                  \
    X(PLAIN, "plain", "the value alone")                    \
    X(AVRO, "avro", "{\"string\": \"x\"}, Avro's own JSON") \
    X(CONNECT, "connect", "{\"int\": null, \"string\": \"x\"}, as Kafka Connect has it")

enum kb_union_style {
#define X(id, name, meaning) KB_UNION_##id,
    KB_UNION_STYLES(X)
#undef X
};

/* Bytes inside a structure. */
#define KB_BINARY_STYLES(X)       \
    X(BASE64, "base64", "base64") \
    X(LATIN1, "latin1", "each byte as the character of that number, Avro's own JSON")

enum kb_binary_style {
#define X(id, name, meaning) KB_BINARY_##id,
    KB_BINARY_STYLES(X)
#undef X
};

/* Protobuf's 64-bit integers. */
#define KB_PROTO_INT64(X)                                                        \
    X(STRING, "string", "text: digits survive in every reader (Protobuf's own)") \
    X(NUMBER, "number", "a JSON number")

enum kb_proto_int64 {
#define X(id, name, meaning) KB_PROTO_INT64_##id,
    KB_PROTO_INT64(X)
#undef X
};

#define KB_PROTO_ENUMS(X)                                    \
    X(NAME, "name", "by name, an unknown one by its number") \
    X(NUMBER, "number", "by number")

enum kb_proto_enums {
#define X(id, name, meaning) KB_PROTO_ENUMS_##id,
    KB_PROTO_ENUMS(X)
#undef X
};

struct kb_format_options {
    enum kb_shown logical[KB_LOGICAL_COUNT];
    enum kb_union_style unions;
    enum kb_binary_style binary;
    /* Protobuf's */
    enum kb_proto_int64 proto_int64;
    enum kb_proto_enums proto_enums;
    bool proto_names;    /* fields by the names of the schema, not in camelCase */
    bool proto_defaults; /* fields without presence are shown where they are zero or empty too */
};

/* The way that the options choose for a type; never KB_SHOWN_DEFAULT. */
enum kb_shown kb_shown_as(const struct kb_format_options *options, enum kb_logical_type type);

#endif
