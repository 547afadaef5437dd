/* Schemas and payloads as the golden file says; and the bounds. The differential test beside
 * protobuf itself is tests/e2e/test_protobuf_oracle.py. */
#include "decode/protobuf.h"

#include "decode/proto_run.h"
#include "golden.h"
#include "support/prop.h"
#include "value/json.h"

#define TEXT_MAX (4 << 20)

struct fixture {
    struct kb_schema *schema;
    char refused[KB_ERR_TEXT_MAX];
    struct kb_buf schema_text, payload, text, got;
    struct kb_arena arena;
    struct kb_schema_ref refs[8];
    size_t n_refs;
};

static void setup(struct fixture *f)
{
    *f = (struct fixture){0};
    kb_buf_init(&f->schema_text, TEXT_MAX);
    kb_buf_init(&f->payload, TEXT_MAX);
    kb_buf_init(&f->text, KB_DECODE_TEXT_MAX);
    kb_buf_init(&f->got, TEXT_MAX);
    kb_arena_init(&f->arena, 64 << 20);
}

static void teardown(struct fixture *f)
{
    kb_schema_free(f->schema);
    kb_buf_deinit(&f->schema_text);
    kb_buf_deinit(&f->payload);
    kb_buf_deinit(&f->text);
    kb_buf_deinit(&f->got);
    kb_arena_deinit(&f->arena);
}

static void compile(struct fixture *f)
{
    struct kb_err err = {0};
    kb_schema_free(f->schema);
    f->refused[0] = '\0';
    f->schema = kb_schema_compile(
        KB_SCHEMA_PROTOBUF, kb_buf_slice(&f->schema_text), f->refs, f->n_refs, &err);
    if (f->schema)
        return;
    assert_int_equal(err.class, KB_ERR_RECORD);
    memcpy(f->refused, err.text, sizeof(f->refused));
}

static bool decode(struct fixture *f, const struct kb_format_options *options, struct kb_err *err)
{
    struct kb_value value;
    kb_arena_reset(&f->arena);
    kb_buf_reset(&f->text);
    struct kb_decoding with = {.options = options, .text = &f->text, .arena = &f->arena};
    bool ok = kb_schema_decode(f->schema, kb_buf_slice(&f->payload), &with, &value, err);
    assert_true(ok || (err->class == KB_ERR_RECORD && err->failure == KB_FAILURE_DECODE));
    return ok;
}

/* Digits of either case, spaces between them. */
static void add_hex(struct kb_buf *out, struct kb_slice hex)
{
    char digits[3] = {0};
    for (size_t i = 0, n = 0; i < hex.len; i++) {
        if (hex.ptr[i] == ' ')
            continue;
        digits[n++ % 2] = hex.ptr[i];
        if (n % 2 == 0)
            kb_buf_byte(out, (char)strtol(digits, NULL, 16));
    }
}

static bool has(struct kb_slice words, const char *word)
{
    return words.ptr && memmem(words.ptr, words.len, word, strlen(word));
}

static struct kb_format_options options_of(struct kb_slice words)
{
    return (struct kb_format_options){
        .proto_names = has(words, "names"),
        .proto_defaults = has(words, "defaults"),
        .proto_int64 = has(words, "int64-number") ? KB_PROTO_INT64_NUMBER : 0,
        .proto_enums = has(words, "enum-number") ? KB_PROTO_ENUMS_NUMBER : 0,
    };
}

static void run_decode(struct fixture *f, struct kb_slice words)
{
    struct kb_err err = {0};
    struct kb_format_options options = options_of(words);
    kb_buf_reset(&f->got);
    if (!f->schema)
        kb_buf_printf(&f->got, "refused: %s", f->refused);
    else if (decode(f, &options, &err))
        kb_buf_printf(&f->got, "json: " KB_FMT, KB_ARG(kb_buf_slice(&f->text)));
    else
        kb_buf_printf(&f->got, "failed: %s", err.text);
}

static void begin_schema(struct fixture *f, struct kb_slice text)
{
    if (f->schema_text.len)
        kb_buf_byte(&f->schema_text, '\n');
    kb_buf_add(&f->schema_text, text);
}

/* The last line is what must come out. */
static void check_case(struct fixture *f, struct golden *golden, const struct golden_case *c)
{
    struct kb_slice label, text, options = {0};
    bool schema = false;
    kb_buf_reset(&f->payload);
    for (size_t i = 0; i + 1 < c->n; i++) {
        if (!golden_label(c->lines[i], &label, &text)) {
            golden_fail(golden, c, "no label:", c->lines[i]);
            return;
        }
        if (kb_slice_is(label, "schema")) {
            if (!schema) {
                kb_buf_reset(&f->schema_text);
                f->n_refs = 0;
            }
            schema = true;
            begin_schema(f, text);
        } else if (kb_slice_is(label, "ref")) {
            size_t len = strcspn(text.ptr, " ");
            f->refs[f->n_refs++] =
                (struct kb_schema_ref){{text.ptr, len}, {text.ptr + len + 1, text.len - len - 1}};
        } else if (kb_slice_is(label, "options")) {
            options = text;
        } else if (kb_slice_is(label, "hex")) {
            add_hex(&f->payload, text);
        } else {
            golden_fail(golden, c, "no such label:", label);
        }
    }
    if (schema)
        compile(f);
    run_decode(f, options);
    golden_check(golden, c, c->lines[c->n - 1], kb_buf_slice(&f->got));
}

static void test_as_the_golden_file_says(void **state)
{
    (void)state;
    struct golden golden;
    static struct golden_case c;
    struct fixture f;
    setup(&f);
    golden_open(&golden, "protobuf.txt");
    while (golden_next(&golden, &c))
        check_case(&f, &golden, &c);
    golden_close(&golden);
    teardown(&f);
}

static void use_schema(struct fixture *f, const char *text)
{
    kb_buf_reset(&f->schema_text);
    kb_buf_add(&f->schema_text, kb_slice_of(text));
    compile(f);
    assert_string_equal(f->refused, "");
}

/* A message inside itself, `depth` of them in all: built from the inside, the lengths before. */
static void nest(struct kb_buf *out, int depth)
{
    char bytes[1024], *at = bytes + sizeof(bytes);
    for (int i = 1; i < depth; i++) {
        size_t len = (size_t)(bytes + sizeof(bytes) - at);
        if (len > 127)
            *--at = (char)(len >> 7);
        *--at = (char)(len > 127 ? (len & 127) | 128 : len);
        *--at = 0x0a;
    }
    kb_buf_reset(out);
    kb_buf_byte(out, 0);
    kb_buf_add(out, (struct kb_slice){at, (size_t)(bytes + sizeof(bytes) - at)});
}

static void test_depth(void **state)
{
    (void)state;
    static const struct kb_format_options options;
    struct kb_err err = {0};
    struct fixture f;
    setup(&f);
    use_schema(&f, "message A { optional A a = 1; }");
    nest(&f.payload, KB_PROTO_DEPTH_MAX - 1);
    assert_true(decode(&f, &options, &err));
    nest(&f.payload, KB_PROTO_DEPTH_MAX);
    assert_false(decode(&f, &options, &err));
    assert_non_null(strstr(err.text, "messages are nested more than"));
    teardown(&f);
}

static void put_varint(struct kb_buf *out, uint64_t bits)
{
    for (; bits > 127; bits >>= 7)
        kb_buf_byte(out, (char)(bits | 128));
    kb_buf_byte(out, (char)bits);
}

/* Lists whose items lie far apart, each between those of all the others. */
static void test_mixed_lists(void **state)
{
    (void)state;
    enum { LISTS = 100, ROUNDS = 6000 };
    static const struct kb_format_options options;
    struct kb_err err = {0};
    struct fixture f;
    setup(&f);
    kb_buf_add(&f.schema_text, KB_S("message A {"));
    for (int i = 1; i <= LISTS; i++)
        kb_buf_printf(&f.schema_text, "repeated int32 f%d = %d;", i, i);
    kb_buf_byte(&f.schema_text, '}');
    compile(&f);
    assert_string_equal(f.refused, "");
    kb_buf_byte(&f.payload, 0);
    for (int round = 0; round < ROUNDS; round++) {
        for (unsigned i = 1; i <= LISTS; i++) {
            put_varint(&f.payload, i << 3);
            kb_buf_byte(&f.payload, (char)(round & 127));
        }
    }
    for (int i = 1; i <= LISTS; i++) {
        kb_buf_printf(&f.got, "%s\"f%d\":[", i == 1 ? "{" : "],", i);
        for (int round = 0; round < ROUNDS; round++)
            kb_buf_printf(&f.got, "%s%d", round ? "," : "", round & 127);
    }
    kb_buf_add(&f.got, KB_S("]}"));
    if (!decode(&f, &options, &err))
        fail_msg("%s", err.text);
    assert_false(f.payload.failed || f.got.failed);
    assert_true(kb_slice_eq(kb_buf_slice(&f.text), kb_buf_slice(&f.got)));
    teardown(&f);
}

/* `x` in these fields, the last first, of a message inside another. */
static void put_reversed(struct kb_buf *out, const unsigned *numbers, size_t n, char x)
{
    struct kb_buf inside;
    kb_buf_init(&inside, 1000);
    while (n-- > 0) {
        put_varint(&inside, numbers[n] << 3);
        kb_buf_byte(&inside, x);
    }
    put_varint(out, 9000 << 3 | 2);
    put_varint(out, inside.len);
    kb_buf_add(out, kb_buf_slice(&inside));
    kb_buf_deinit(&inside);
}

/* Each message shows its own fields, in the order of the schema, however many it could have. */
static void test_few_of_many_fields(void **state)
{
    (void)state;
    static const struct kb_format_options options, defaults = {.proto_defaults = true};
    static const unsigned all[] = {1, 64, 65, 4096, 4097, 8000}, some[] = {2, 64, 8000};
    struct kb_err err = {0};
    struct fixture f;
    setup(&f);
    kb_buf_add(&f.schema_text, KB_S("message A {"));
    for (int i = 1; i <= 8000; i++)
        kb_buf_printf(&f.schema_text, "optional int32 f%d = %d;", i, i);
    kb_buf_add(&f.schema_text, KB_S("repeated A l = 9000; repeated int32 e = 9001; }"));
    compile(&f);
    assert_string_equal(f.refused, "");
    kb_buf_byte(&f.payload, 0);
    put_reversed(&f.payload, all, KB_COUNT(all), 1);
    put_reversed(&f.payload, some, KB_COUNT(some), 2);
    put_reversed(&f.payload, all, 0, 0);
    kb_buf_add(&f.payload, KB_S("\x08\3"));
    if (!decode(&f, &options, &err))
        fail_msg("%s", err.text);
    assert_slice(kb_buf_slice(&f.text),
        KB_S("{\"f1\":3,\"l\":[{\"f1\":1,\"f64\":1,\"f65\":1,\"f4096\":1,\"f4097\":1,\"f8000\":1},"
             "{\"f2\":2,\"f64\":2,\"f8000\":2},{}]}"));
    if (!decode(&f, &defaults, &err))
        fail_msg("%s", err.text);
    assert_slice(kb_buf_slice(&f.text),
        KB_S("{\"f1\":3,\"l\":[{\"f1\":1,\"f64\":1,\"f65\":1,\"f4096\":1,\"f4097\":1,\"f8000\":1,"
             "\"l\":[],\"e\":[]},{\"f2\":2,\"f64\":2,\"f8000\":2,\"l\":[],\"e\":[]},"
             "{\"l\":[],\"e\":[]}],\"e\":[]}"));
    teardown(&f);
}

static void test_bounds_of_schemas(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f);
    for (int i = 0; i <= KB_PROTO_NESTING_MAX; i++)
        kb_buf_add(&f.schema_text, KB_S("message A {"));
    compile(&f);
    assert_non_null(strstr(f.refused, "messages are declared more than 32 deep"));

    kb_buf_reset(&f.schema_text);
    kb_buf_add(&f.schema_text, KB_S("message A {"));
    for (int i = 1; i <= KB_PROTO_FIELDS_MAX + 1; i++)
        kb_buf_printf(&f.schema_text, "int32 f%d = %d;", i, i);
    kb_buf_byte(&f.schema_text, '}');
    compile(&f);
    assert_non_null(strstr(f.refused, "a message has more than 8192 fields"));

    kb_buf_reset(&f.schema_text);
    kb_buf_add(&f.schema_text, KB_S("message "));
    for (int i = 0; i <= KB_PROTO_NAME_MAX; i++)
        kb_buf_byte(&f.schema_text, 'a');
    kb_buf_add(&f.schema_text, KB_S(" {}"));
    compile(&f);
    assert_non_null(strstr(f.refused, "a full name is longer than 512 bytes"));

    kb_buf_reset(&f.schema_text);
    for (int i = 0; i <= KB_PROTO_IMPORTS_MAX; i++)
        kb_buf_add(&f.schema_text, KB_S("import \"a\";"));
    compile(&f);
    assert_non_null(strstr(f.refused, "the files have more than 1024 imports"));
    teardown(&f);
}

/* The indexes stand in the header, the value is all payload. */
static void test_indexes_of_a_header(void **state)
{
    (void)state;
    static const struct kb_format_options options;
    struct kb_value value;
    struct kb_err err = {0};
    struct fixture f;
    setup(&f);
    use_schema(&f, "message A { optional int32 a = 1; } message B { optional int32 b = 1; }");
    struct kb_decoding with = {
        .options = &options, .text = &f.text, .arena = &f.arena, .behind_guid = KB_S("\x02\x02")};
    assert_true(kb_schema_decode(f.schema, KB_S("\x08\x07"), &with, &value, &err));
    assert_true(kb_slice_is(value.bytes, "{\"b\":7}"));
    teardown(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_as_the_golden_file_says),
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_mixed_lists),
        cmocka_unit_test(test_few_of_many_fields),
        cmocka_unit_test(test_bounds_of_schemas),
        cmocka_unit_test(test_indexes_of_a_header),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
