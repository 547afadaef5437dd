/* How the values of a format are shown, as a topic's block chooses it for key and value alike. Each
 * field is an option of config/options.h; the zero value of each is its default.
 * Immutable after load. */
#ifndef KB_DECODE_FORMAT_OPTIONS_H
#define KB_DECODE_FORMAT_OPTIONS_H

/* How an Avro logical type (or a peer of it in another format) is shown. */
enum kb_shown {
    KB_SHOWN_DEFAULT,
    KB_SHOWN_RAW,    /* as the underlying type: an integer, bytes as base64 */
    KB_SHOWN_ISO,    /* ISO 8601 text */
    KB_SHOWN_NUMBER, /* a JSON number with all digits */
    KB_SHOWN_TEXT,   /* these digits, or a UUID, as text */
    KB_SHOWN_PEER    /* as the Kafka Connect sink shows it */
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

enum kb_union_style {
    KB_UNION_PLAIN,   /* the value alone */
    KB_UNION_AVRO,    /* {"string": "x"}, Avro's own JSON */
    KB_UNION_CONNECT, /* {"int": null, "string": "x"}, as Kafka Connect's converter makes it */
};

struct kb_format_options {
    enum kb_shown logical[KB_LOGICAL_COUNT];
    enum kb_union_style unions;
};

#endif
