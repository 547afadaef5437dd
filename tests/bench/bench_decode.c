/* What transcoding alone costs: the bytes of one record (order_avro.h, order_proto.h) to JSON text,
 * as scripts/bench's scenarios avro and protobuf do it for each, without Kafka or HTTP.
 *
 *     bench_decode avro --schema         prints the schema
 *     bench_decode avro [RECORDS]        -> "avro: 146 bytes -> 290 of JSON, 0.301 us/record", also
 *                                           with the fields of a template captured on the way
 *     bench_decode protobuf ...          the same */
#include "decode/schema.h"
#include "order_avro.h"
#include "order_proto.h"
#include "value/capture.h"

#include <time.h>

#define DISTINCT 1024

struct input {
    char bytes[DISTINCT][ORDER_AVRO_MAX > ORDER_PROTO_MAX ? ORDER_AVRO_MAX : ORDER_PROTO_MAX];
    size_t len[DISTINCT], total;
};

static double cpu_seconds(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void measure(const struct kb_schema *schema, const struct input *in, long records,
    const struct kb_paths *paths, const char *what)
{
    static const struct kb_format_options options;
    struct kb_buf text;
    struct kb_arena arena;
    struct kb_capture cap;
    struct kb_value value;
    struct kb_err err;
    size_t out = 0;
    kb_buf_init(&text, KB_DECODE_TEXT_MAX);
    kb_arena_init(&arena, 1 << 20);
    double begun = cpu_seconds();
    for (long i = 0; i < records; i++) {
        struct kb_decoding with = {.options = &options, .text = &text, .arena = &arena};
        kb_buf_reset(&text);
        kb_arena_reset(&arena);
        if (paths) {
            KB_BUG_ON(!kb_capture_init(&cap, paths, &arena));
            with.sink = &cap.events;
        }
        struct kb_slice raw = {in->bytes[i % DISTINCT], in->len[i % DISTINCT]};
        KB_BUG_ON(!kb_schema_decode(schema, raw, &with, &value, &err));
        out += value.bytes.len;
    }
    double seconds = cpu_seconds() - begun;
    printf("%s: %zu bytes -> %zu of JSON, %.3f us/record\n", what, in->total / DISTINCT,
        out / (size_t)records, seconds * 1e6 / (double)records);
    kb_buf_deinit(&text);
    kb_arena_deinit(&arena);
}

static const struct {
    const char *name, *schema;
    enum kb_schema_type type;
    size_t (*order)(char *room, uint64_t seq);
} formats[] = {
    {"avro", order_avro_schema, KB_SCHEMA_AVRO, order_avro},
    {"protobuf", order_proto_schema, KB_SCHEMA_PROTOBUF, order_proto},
};

static void measure_both(const struct kb_schema *schema, const struct input *in, long records)
{
    struct kb_paths *paths = kb_paths_new();
    const struct kb_path_step user[] = {{.name = KB_S("user")}};
    const struct kb_path_step city[] = {{.name = KB_S("address")}, {.name = KB_S("city")}};
    KB_BUG_ON(kb_paths_add(paths, user, 1) == SIZE_MAX || kb_paths_add(paths, city, 2) == SIZE_MAX);
    const char *name = kb_schema_type(schema) == KB_SCHEMA_AVRO ? "avro" : "protobuf";
    measure(schema, in, records, NULL, name);
    measure(schema, in, records, paths, "  two fields captured");
    kb_paths_free(paths);
}

int main(int argc, char **argv)
{
    static struct input in;
    size_t format = 0;
    while (format < KB_COUNT(formats) && (argc < 2 || strcmp(argv[1], formats[format].name) != 0))
        format++;
    if (format == KB_COUNT(formats)) {
        fprintf(stderr, "usage: bench_decode avro|protobuf [--schema|RECORDS]\n");
        return 2;
    }
    if (argc > 2 && strcmp(argv[2], "--schema") == 0)
        return printf("%s", formats[format].schema) < 0;
    long records = argc > 2 ? strtol(argv[2], NULL, 10) : 2000000;
    struct kb_err err;
    struct kb_schema *schema =
        kb_schema_compile(formats[format].type, kb_slice_of(formats[format].schema), NULL, 0, &err);
    KB_BUG_ON(!schema || records < 1);
    for (size_t i = 0; i < DISTINCT; i++) {
        in.len[i] = formats[format].order(in.bytes[i], i * 7919);
        in.total += in.len[i];
    }
    measure_both(schema, &in, records);
    kb_schema_free(schema);
    return 0;
}
