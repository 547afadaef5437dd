/* tests/golden/avro.txt: schemas, records in hex, and what becomes of them; and bounds that no line
 * of text can show. */
#include "decode/avro.h"

#include "golden.h"
#include "support/prop.h"
#include "value/json.h"

static const char *const logical_names[] = {
#define X(id, name) [KB_LOGICAL_##id] = name,
    KB_LOGICAL_TYPES(X)
#undef X
};
static const char *const shown_names[] = {
#define X(id, name, help) [KB_SHOWN_##id] = name,
    KB_SHOWN(X)
#undef X
};
static const char *const union_names[] = {
#define X(id, name, help) [KB_UNION_##id] = name,
    KB_UNION_STYLES(X)
#undef X
};
static const char *const binary_names[] = {
#define X(id, name, help) [KB_BINARY_##id] = name,
    KB_BINARY_STYLES(X)
#undef X
};

static int index_of(struct kb_slice name, const char *const *names, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (kb_slice_is(name, names[i]))
            return (int)i;
    return -1;
}

#define INDEX_OF(name, names) index_of(name, names, KB_COUNT(names))

/* "decimal=text" */
static bool parse_option(struct kb_slice word, struct kb_format_options *out)
{
    const char *equals = memchr(word.ptr, '=', word.len);
    if (!equals)
        return false;
    struct kb_slice key = {word.ptr, (size_t)(equals - word.ptr)};
    struct kb_slice name = {equals + 1, word.len - key.len - 1};
    int style = kb_slice_is(key, "unions")   ? INDEX_OF(name, union_names)
                : kb_slice_is(key, "binary") ? INDEX_OF(name, binary_names)
                                             : INDEX_OF(name, shown_names);
    if (style < 0)
        return false;
    if (kb_slice_is(key, "unions"))
        out->unions = (enum kb_union_style)style;
    else if (kb_slice_is(key, "binary"))
        out->binary = (enum kb_binary_style)style;
    else if (INDEX_OF(key, logical_names) >= 0)
        out->logical[INDEX_OF(key, logical_names)] = (enum kb_shown)style;
    else
        return false;
    return true;
}

static bool parse_options(struct kb_slice text, struct kb_format_options *out)
{
    bool ok = true;
    while (ok && text.len > 0) {
        const char *space = memchr(text.ptr, ' ', text.len);
        size_t len = space ? (size_t)(space - text.ptr) : text.len;
        ok = parse_option((struct kb_slice){text.ptr, len}, out);
        len += space != NULL;
        text = (struct kb_slice){text.ptr + len, text.len - len};
    }
    return ok;
}

static size_t parse_hex(struct kb_slice text, char *out, size_t room)
{
    size_t n = 0;
    for (size_t i = 0; i + 1 < text.len && n < room; i++) {
        if (text.ptr[i] == ' ')
            continue;
        out[n++] = (char)(golden_hex(text.ptr[i]) * 16 + golden_hex(text.ptr[i + 1]));
        i++;
    }
    return n;
}

/* What stays from case to case, until the next schema. */
struct bench {
    struct golden golden;
    char schema_text[GOLDEN_LINE_LEN_MAX], ref_text[4][GOLDEN_LINE_LEN_MAX];
    struct kb_schema_ref refs[4];
    size_t n_refs;
    void *schema;
    struct kb_buf got, text, told;
};

static void show(struct kb_buf *out, const struct kb_value *value)
{
    static const char *const forms[] = {"null", "text", "bytes", "json"};
    kb_buf_printf(out, "%s: ", forms[value->form]);
    if (value->form != KB_FORM_BYTES)
        kb_buf_add(out, value->bytes);
    for (size_t i = 0; value->form == KB_FORM_BYTES && i < value->bytes.len; i++)
        kb_buf_printf(out, "%02x", (unsigned char)value->bytes.ptr[i]);
}

/* With a sink and without; told as JSON again, the events are the very text. */
static void decode(struct bench *b, const struct golden_case *c, struct kb_slice hex,
    const struct kb_format_options *options)
{
    char raw[GOLDEN_LINE_LEN_MAX];
    /* A copy of its own size: a read beyond it is found. */
    size_t len = parse_hex(hex, raw, sizeof(raw));
    char *exact = malloc(len + 1);
    assert_non_null(exact);
    memcpy(exact, raw, len);
    struct kb_value value;
    struct kb_err err;
    struct kb_json_writer writer;
    kb_buf_reset(&b->told);
    kb_json_writer_init(&writer, &b->told);
    for (int with_sink = 0; with_sink < 2; with_sink++) {
        kb_buf_reset(&b->text);
        kb_buf_reset(&b->got);
        struct kb_decoding with = {
            .options = options, .text = &b->text, .sink = with_sink ? &writer.events : NULL};
        if (!kb_avro_decode(b->schema, (struct kb_slice){exact, len}, &with, &value, &err))
            kb_buf_printf(&b->got, "error: %s", err.text);
        else
            show(&b->got, &value);
        golden_check(&b->golden, c, c->lines[c->n - 1], kb_buf_slice(&b->got));
    }
    if (kb_slice_starts(kb_buf_slice(&b->got), KB_S("json: ")))
        golden_check(&b->golden, c, value.bytes, kb_buf_slice(&b->told));
    free(exact);
}

static void compile(struct bench *b, const struct golden_case *c)
{
    struct kb_err err;
    size_t size = 0;
    kb_avro_free(b->schema);
    b->schema = kb_avro_compile(kb_slice_of(b->schema_text), b->refs, b->n_refs, &size, &err);
    if (b->schema) {
        assert_true(size > 0);
        return;
    }
    kb_buf_reset(&b->got);
    kb_buf_printf(&b->got, "refused: %s", err.text);
    assert_int_equal(err.class, KB_ERR_RECORD);
    golden_check(&b->golden, c, c->lines[c->n - 1], kb_buf_slice(&b->got));
}

static void run_case(struct bench *b, const struct golden_case *c)
{
    struct kb_format_options options = {0};
    struct kb_slice label, text, hex = {NULL, 0};
    bool schema = false, known = true;
    size_t n_refs = 0;
    for (size_t i = 0; i + 1 < c->n && known; i++) {
        known = golden_label(c->lines[i], &label, &text);
        if (known && kb_slice_is(label, "schema")) {
            snprintf(b->schema_text, sizeof(b->schema_text), KB_FMT, KB_ARG(text));
            schema = true;
        } else if (known && kb_slice_is(label, "ref")) {
            snprintf(b->ref_text[n_refs], sizeof(b->ref_text[0]), KB_FMT, KB_ARG(text));
            b->refs[n_refs] = (struct kb_schema_ref){KB_S("Ref"), kb_slice_of(b->ref_text[n_refs])};
            n_refs++;
        } else if (known && kb_slice_is(label, "hex")) {
            hex = text;
        } else if (known && kb_slice_is(label, "options")) {
            known = parse_options(text, &options);
        } else {
            known = false;
        }
    }
    if (!known)
        golden_fail(&b->golden, c, "a line that is not understood", c->lines[0]);
    if (schema) {
        b->n_refs = n_refs;
        compile(b, c);
    }
    if (known && hex.ptr && b->schema)
        decode(b, c, hex, &options);
    else if (known && (hex.ptr || b->schema))
        golden_fail(&b->golden, c, "neither decoded nor refused", c->lines[0]);
}

static void test_golden(void **state)
{
    (void)state;
    static struct bench b;
    static struct golden_case c;
    kb_buf_init(&b.got, 1 << 20);
    kb_buf_init(&b.text, KB_DECODE_TEXT_MAX);
    kb_buf_init(&b.told, KB_DECODE_TEXT_MAX);
    golden_open(&b.golden, "avro.txt");
    while (golden_next(&b.golden, &c))
        run_case(&b, &c);
    golden_close(&b.golden);
    kb_avro_free(b.schema);
    kb_buf_deinit(&b.got);
    kb_buf_deinit(&b.text);
    kb_buf_deinit(&b.told);
}

/* ---- bounds ---- */

static void *schema_of(const char *text)
{
    struct kb_err err;
    size_t size;
    void *schema = kb_avro_compile(kb_slice_of(text), NULL, 0, &size, &err);
    if (!schema)
        fail_msg("%s", err.text);
    return schema;
}

static void expect_error(const char *schema_text, struct kb_slice raw, const char *error)
{
    static const struct kb_format_options options;
    struct kb_value value;
    struct kb_err err;
    struct kb_buf text;
    kb_buf_init(&text, KB_DECODE_TEXT_MAX);
    struct kb_decoding with = {.options = &options, .text = &text};
    void *schema = schema_of(schema_text);
    if (kb_avro_decode(schema, raw, &with, &value, &err))
        fail_msg("%s: decoded", schema_text);
    assert_int_equal(err.class, KB_ERR_RECORD);
    assert_int_equal(err.failure, KB_FAILURE_DECODE);
    assert_string_equal(err.text, error);
    kb_avro_free(schema);
    kb_buf_deinit(&text);
}

/* Eight bytes must not cost more than the text's maximum: an item without bytes is still text. */
static void test_counts_of_nothing(void **state)
{
    (void)state;
    expect_error("{\"type\":\"array\",\"items\":\"null\"}", KB_S("\x80\x80\x80\x08"),
        "avro: its JSON text is longer than 16 MiB");
    expect_error("{\"type\":\"array\",\"items\":\"null\"}", KB_S("\x80\x80\x80\x80\x80\x80\x40"),
        "avro: a count of 140737488355328 where 0 bytes are left");
    expect_error(
        "{\"type\":\"array\",\"items\":{\"type\":\"record\",\"name\":\"R\",\"fields\":[]}}",
        KB_S("\x80\x80\x80\x08"), "avro: its JSON text is longer than 16 MiB");
}

static void test_deep_values(void **state)
{
    (void)state;
    char ones[200];
    memset(ones, 2, sizeof(ones)); /* branch 1 of each union */
    expect_error("{\"type\":\"record\",\"name\":\"List\",\"fields\":[{\"name\":\"next\",\"type\":["
                 "\"null\",\"List\"]}]}",
        (struct kb_slice){ones, sizeof(ones)},
        "avro: next.next.next.next.next.next.next.next.next.next.next.next.next.next.next.next."
        "next.next.next.next.next.next.next: more than 64 levels inside each other");
}

static void test_large_decimals(void **state)
{
    (void)state;
    static char raw[100000];
    memset(raw, 0x55, sizeof(raw));
    expect_error("{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":9}",
        (struct kb_slice){raw, sizeof(raw)},
        "avro: a decimal of 100000 bytes and scale 0; 1024 bytes and a scale of 100000 are the "
        "most");
    expect_error("{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":99999999,\"scale\":"
                 "99999999}",
        KB_S("\x01"),
        "avro: a decimal of 1 bytes and scale 99999999; 1024 bytes and a scale of 100000 are the "
        "most");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden),
        cmocka_unit_test(test_counts_of_nothing),
        cmocka_unit_test(test_deep_values),
        cmocka_unit_test(test_large_decimals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
