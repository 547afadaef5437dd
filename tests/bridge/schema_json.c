/* Schemas and records on standard input, JSON on standard output: what tests/differential compares
 * with other implementations. One command a line, one answer a line; texts in hexadecimal.
 *
 *     ref NAME TEXT          a schema that the next one imports           -> ok
 *     AVRO TEXT              compiles, with the refs before it            -> ok | error WHY
 *     PROTOBUF TEXT          the same
 *     options WORD...        names defaults int64-number enum-number      -> ok
 *     decode PAYLOAD         as it stands behind the id                   -> ok JSON | error WHY
 *
 * Each record is also given to a sink, whose JSON must be the same: else it says so and ends. */
#include "decode/schema.h"

#include "base/utf8.h"
#include "value/json.h"

#define REFS_MAX 64
#define TEXT_MAX (64 << 20)

struct bridge {
    struct kb_schema *schema;
    struct kb_schema_ref refs[REFS_MAX];
    size_t n_refs;
    struct kb_format_options options;
    struct kb_buf text, heard, same;
    struct kb_arena arena;
};

static int hex_digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The bytes of the next word, on the heap; "-" stands for none. Moves behind it. */
static struct kb_slice take_hex(char **line)
{
    char *from = *line + strspn(*line, " ");
    size_t len = strcspn(from, " ");
    char *bytes = malloc(len / 2 + 1);
    *line = from + len;
    if (!bytes)
        exit(1);
    size_t n = 0;
    for (; 2 * n + 1 < len; n++)
        bytes[n] = (char)(hex_digit(from[2 * n]) * 16 + hex_digit(from[2 * n + 1]));
    return (struct kb_slice){bytes, n};
}

static void answer(bool ok, struct kb_slice text)
{
    printf("%s " KB_FMT "\n", ok ? "ok" : "error", KB_ARG(text));
    fflush(stdout);
}

static void answer_error(struct kb_err *err)
{
    kb_utf8_one_line(err->text, strlen(err->text));
    answer(false, kb_slice_of(err->text));
}

static void drop_refs(struct bridge *b)
{
    for (size_t i = 0; i < b->n_refs; i++) {
        free((char *)b->refs[i].name.ptr);
        free((char *)b->refs[i].text.ptr);
    }
    b->n_refs = 0;
}

static void add_ref(struct bridge *b, char *line)
{
    if (b->n_refs == REFS_MAX)
        exit(1);
    b->refs[b->n_refs].name = take_hex(&line);
    b->refs[b->n_refs++].text = take_hex(&line);
    answer(true, KB_S(""));
}

static void compile(struct bridge *b, enum kb_schema_type type, char *line)
{
    struct kb_err err = {0};
    struct kb_slice text = take_hex(&line);
    kb_schema_free(b->schema);
    b->schema = kb_schema_compile(type, text, b->refs, b->n_refs, &err);
    drop_refs(b);
    free((char *)text.ptr);
    if (b->schema)
        answer(true, KB_S(""));
    else
        answer_error(&err);
}

static void set_options(struct bridge *b, const char *line)
{
    b->options = (struct kb_format_options){
        .proto_names = strstr(line, "names"),
        .proto_defaults = strstr(line, "defaults"),
        .proto_int64 = strstr(line, "int64-number") ? KB_PROTO_INT64_NUMBER : 0,
        .proto_enums = strstr(line, "enum-number") ? KB_PROTO_ENUMS_NUMBER : 0,
    };
    answer(true, KB_S(""));
}

/* What the sink heard and the text itself, both printed by the same writer, are one. */
static void check_heard(struct bridge *b, const struct kb_value *value)
{
    struct kb_json_writer writer;
    struct kb_err err;
    if (value->form != KB_FORM_JSON)
        return;
    kb_json_writer_init(&writer, &b->same);
    if (kb_json_read(value->bytes, &writer.events, &err) &&
        kb_slice_eq(kb_buf_slice(&b->same), kb_buf_slice(&b->heard)))
        return;
    answer(false, KB_S("the sink heard something else"));
    exit(1);
}

static void decode(struct bridge *b, char *line)
{
    struct kb_json_writer writer;
    struct kb_value value;
    struct kb_err err = {0};
    struct kb_slice payload = take_hex(&line);
    kb_arena_reset(&b->arena);
    kb_buf_reset(&b->text);
    kb_buf_reset(&b->heard);
    kb_buf_reset(&b->same);
    kb_json_writer_init(&writer, &b->heard);
    struct kb_decoding with = {
        .options = &b->options, .text = &b->text, .arena = &b->arena, .sink = &writer.events};
    if (!b->schema) {
        answer(false, KB_S("no schema"));
    } else if (!kb_schema_decode(b->schema, payload, &with, &value, &err)) {
        answer_error(&err);
    } else {
        check_heard(b, &value);
        answer(true, value.bytes);
    }
    free((char *)payload.ptr);
}

static void obey(struct bridge *b, char *line)
{
    size_t len = strcspn(line, " ");
    struct kb_slice word = {line, len};
    char *rest = line + len;
    for (int type = 0; type < KB_SCHEMA_TYPE_COUNT; type++) {
        if (kb_slice_is(word, kb_schema_type_name((enum kb_schema_type)type))) {
            compile(b, (enum kb_schema_type)type, rest);
            return;
        }
    }
    if (kb_slice_is(word, "ref"))
        add_ref(b, rest);
    else if (kb_slice_is(word, "options"))
        set_options(b, rest);
    else if (kb_slice_is(word, "decode"))
        decode(b, rest);
    else
        answer(false, KB_S("no such command"));
}

int main(void)
{
    struct bridge bridge = {0};
    char *line = NULL;
    size_t cap = 0;
    kb_buf_init(&bridge.text, KB_DECODE_TEXT_MAX);
    kb_buf_init(&bridge.heard, TEXT_MAX);
    kb_buf_init(&bridge.same, TEXT_MAX);
    kb_arena_init(&bridge.arena, TEXT_MAX);
    while (getline(&line, &cap, stdin) > 0) {
        line[strcspn(line, "\n")] = '\0';
        obey(&bridge, line);
    }
    free(line);
    kb_schema_free(bridge.schema);
    drop_refs(&bridge);
    kb_buf_deinit(&bridge.text);
    kb_buf_deinit(&bridge.heard);
    kb_buf_deinit(&bridge.same);
    kb_arena_deinit(&bridge.arena);
    return 0;
}
