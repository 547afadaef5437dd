/* How long one record takes to become JSON, for any type of schema:
 *
 *     bench_decode PROTOBUF schema.proto payload.bin [RECORDS]
 *
 * The payload is what stands behind the schema's id. Prints the JSON, then nanoseconds of CPU a
 * record: the best of five rounds, as the machine may be busy. */
#include "decode/schema.h"

#include <time.h>

#define ROUNDS 5

static struct kb_slice read_file(const char *path)
{
    static char room[2][1 << 20];
    static int n;
    FILE *file = n < 2 ? fopen(path, "rb") : NULL;
    if (!file) {
        perror(path);
        exit(2);
    }
    struct kb_slice bytes = {room[n], fread(room[n], 1, sizeof(room[n]), file)};
    fclose(file);
    n++;
    return bytes;
}

static double cpu_seconds(void)
{
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static struct kb_schema *compile(const char *type_name, struct kb_slice text)
{
    struct kb_err err = {0};
    for (int type = 0; type < KB_SCHEMA_TYPE_COUNT; type++) {
        if (!kb_slice_is(kb_slice_of(type_name), kb_schema_type_name((enum kb_schema_type)type)))
            continue;
        struct kb_schema *schema =
            kb_schema_compile((enum kb_schema_type)type, text, NULL, 0, &err);
        if (schema)
            return schema;
    }
    fprintf(stderr, "%s: %s\n", type_name, err.text[0] ? err.text : "no such type");
    exit(2);
}

static double round_of(struct kb_schema *schema, struct kb_slice payload, struct kb_decoding *with,
    struct kb_value *value, long records)
{
    struct kb_err err;
    double begun = cpu_seconds();
    for (long i = 0; i < records; i++) {
        kb_arena_reset(with->arena);
        kb_buf_reset(with->text);
        if (!kb_schema_decode(schema, payload, with, value, &err)) {
            fprintf(stderr, "%s\n", err.text);
            exit(2);
        }
    }
    return (cpu_seconds() - begun) / (double)records * 1e9;
}

int main(int argc, char **argv)
{
    if (argc < 4) {
        fprintf(stderr, "usage: bench_decode AVRO|PROTOBUF SCHEMA-FILE PAYLOAD-FILE [RECORDS]\n");
        return 2;
    }
    struct kb_schema *schema = compile(argv[1], read_file(argv[2]));
    struct kb_slice payload = read_file(argv[3]);
    long records = argc > 4 ? strtol(argv[4], NULL, 10) : 1000000;
    static const struct kb_format_options options;
    struct kb_buf text;
    struct kb_arena arena;
    struct kb_value value;
    kb_buf_init(&text, KB_DECODE_TEXT_MAX);
    kb_arena_init(&arena, 64 << 20);
    struct kb_decoding with = {.options = &options, .text = &text, .arena = &arena};
    double best = 0;
    for (int i = 0; i < ROUNDS; i++) {
        double nanos = round_of(schema, payload, &with, &value, records);
        best = i == 0 || nanos < best ? nanos : best;
    }
    printf(KB_FMT "\n%.0f ns/record\n", KB_ARG(value.bytes), best);
    kb_schema_unref(schema);
    kb_buf_deinit(&text);
    kb_arena_deinit(&arena);
    return 0;
}
