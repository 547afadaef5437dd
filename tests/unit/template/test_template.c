/* What the golden files can't show of templates: what they tell about themselves, limits, foreign
 * bytes, and a thousand random templates against a model that is too simple to be wrong. */
#include "base/random.h"
#include "template/template.h"
#include "value/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct fixture {
    struct kb_arena arena;
    struct kb_paths *key_paths, *value_paths;
    struct kb_buf out;
    struct kb_err err;
};

static void setup(struct fixture *f)
{
    *f = (struct fixture){.key_paths = kb_paths_new(), .value_paths = kb_paths_new()};
    kb_arena_init(&f->arena, 1 << 20);
    kb_buf_init(&f->out, 1 << 20);
}

static void teardown(struct fixture *f)
{
    kb_arena_deinit(&f->arena);
    kb_buf_deinit(&f->out);
    kb_paths_free(f->key_paths);
    kb_paths_free(f->value_paths);
}

static struct kb_template *compile(struct fixture *f, struct kb_slice text)
{
    return kb_template_compile(text, f->key_paths, f->value_paths, &f->err);
}

static void assert_text(struct kb_slice got, const char *expected)
{
    if (!kb_slice_is(got, expected))
        fail_msg("expected \"%s\", got \"" KB_FMT "\"", expected, KB_ARG(got));
}

static void test_a_template_tells_what_is_known_at_load(void **state)
{
    (void)state;
    static const struct {
        const char *text, *prefix;
        bool constant;
    } rows[] = {{"", "", true}, {"plain #text", "plain #text", true}, {"#{topic}", "", false},
        {"a:#{topic}b", "a:", false}, {"#{topic}b", "", false}};
    struct fixture f;
    setup(&f);
    for (size_t i = 0; i < KB_COUNT(rows); i++) {
        char source[32];
        snprintf(source, sizeof(source), "%s", rows[i].text);
        struct kb_template *tmpl = compile(&f, kb_slice_of(source));
        assert_non_null(tmpl);
        memset(source, '!', sizeof(source)); /* it has its own copy */
        struct kb_slice constant = KB_S("unchanged");
        assert_int_equal(kb_template_constant(tmpl, &constant), rows[i].constant);
        assert_text(constant, rows[i].constant ? rows[i].text : "unchanged");
        assert_text(kb_template_prefix(tmpl), rows[i].prefix);
        assert_text(kb_template_text(tmpl), rows[i].text);
        kb_template_free(tmpl);
    }
    kb_template_free(NULL);
    teardown(&f);
}

static void test_templates_register_just_the_paths_they_name(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f);
    struct kb_template *first = compile(&f, KB_S("#{value.a}#{value.a.}#{value[\"a\"]}#{key}"));
    struct kb_template *second = compile(&f, KB_S("#{value.a} #{value['b'][3]} #{header.value.c}"));
    assert_non_null(first);
    assert_non_null(second);
    assert_int_equal(kb_paths_count(f.value_paths), 2);
    assert_int_equal(kb_paths_count(f.key_paths), 1);
    kb_template_free(first);
    kb_template_free(second);
    teardown(&f);
}

static void assert_caret(struct fixture *f, struct kb_slice text, int column, const char *expected)
{
    kb_buf_reset(&f->out);
    kb_buf_add(&f->out, KB_S("> "));
    kb_template_caret(&f->out, text, column);
    assert_text(kb_buf_slice(&f->out), expected);
}

static void test_the_caret_stands_under_its_character(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f);
    assert_caret(&f, KB_S("abc"), 1, "> abc\n^\n");
    assert_caret(&f, KB_S("abc"), 4, "> abc\n   ^\n");
    assert_caret(&f, KB_S("abc"), 1000, "> abc\n   ^\n");
    assert_caret(&f, KB_S("abc"), 0, "> abc\n^\n");
    assert_caret(&f, KB_S(""), 1, "> \n^\n");
    assert_caret(&f, KB_S("\xc3\xa9\xf0\x9f\x98\x80x"), 3, "> \xc3\xa9\xf0\x9f\x98\x80x\n  ^\n");
    assert_caret(&f, KB_S("a\tb\nc\033[2J"), 6, "> a b c?[2J\n     ^\n");
    teardown(&f);
}

static void test_a_template_must_be_utf8(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f);
    assert_null(compile(&f, KB_S("\xc3\xa9"
                                 "a\xff#{")));
    assert_string_equal(f.err.text, "column 3: this is not UTF-8");
    assert_int_equal(f.err.column, 3);
    assert_int_equal(f.err.class, KB_ERR_CONFIG);
    teardown(&f);
}

static void test_zero_bytes_are_characters_like_others(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f);
    struct kb_template *tmpl = compile(&f, KB_S("a\0b#{value.x\0y}"));
    assert_non_null(tmpl);
    assert_true(kb_slice_eq(kb_template_prefix(tmpl), KB_S("a\0b")));
    kb_template_free(tmpl);
    assert_null(compile(&f, KB_S("#{topic\0}")));
    assert_non_null(strstr(f.err.text, "did you mean 'topic'?"));
    teardown(&f);
}

static void test_lengths_have_limits(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f);
    char *text = malloc(KB_TEMPLATE_LEN_MAX + 1);
    memset(text, '#', KB_TEMPLATE_LEN_MAX + 1);
    struct kb_template *tmpl = compile(&f, (struct kb_slice){text, KB_TEMPLATE_LEN_MAX});
    assert_non_null(tmpl);
    kb_template_free(tmpl);
    assert_null(compile(&f, (struct kb_slice){text, KB_TEMPLATE_LEN_MAX + 1}));
    assert_string_equal(f.err.text, "the template is longer than 65536 bytes");
    assert_int_equal(f.err.column, 0);
    free(text);

    for (int steps = KB_TEMPLATE_STEPS_MAX; steps <= KB_TEMPLATE_STEPS_MAX + 1; steps++) {
        kb_buf_reset(&f.out);
        kb_buf_add(&f.out, KB_S("#{value"));
        for (int i = 0; i < steps; i++)
            kb_buf_add(&f.out, i % 2 ? KB_S("[1]") : KB_S(".ab"));
        kb_buf_byte(&f.out, '}');
        tmpl = compile(&f, kb_buf_slice(&f.out));
        assert_int_equal(tmpl != NULL, steps == KB_TEMPLATE_STEPS_MAX);
        kb_template_free(tmpl);
    }
    assert_string_equal(f.err.text, "column 200: a path has at most 64 steps");
    teardown(&f);
}

/* Bytes inside a record come from the binary formats only, so the events are given by hand. */
static bool render_bytes(struct fixture *f, const char *text, struct kb_slice bytes)
{
    struct kb_template *tmpl = compile(f, kb_slice_of(text));
    assert_non_null(tmpl);
    struct kb_capture value;
    assert_true(kb_capture_init(&value, f->value_paths, &f->arena));
    value.events.ops->bytes(&value.events, bytes);
    struct kb_record rec = {.topic = KB_S("t"), .value = bytes};
    struct kb_template_input in = {
        .record = &rec, .value = &value, .whole_value = {KB_FORM_BYTES, bytes}};
    kb_buf_reset(&f->out);
    bool ok = kb_template_render(tmpl, &in, &f->out, &f->err);
    kb_template_free(tmpl);
    return ok;
}

static void test_bytes_are_text_where_they_are_utf8(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f);
    assert_true(render_bytes(&f, "#{value | json}", KB_S("h\"\xc3\xa9")));
    assert_text(kb_buf_slice(&f.out), "\"h\\\"\xc3\xa9\"");
    assert_false(render_bytes(&f, "#{value | json}", KB_S("\xff")));
    assert_true(render_bytes(&f, "<#{value}>", KB_S("h\xc3\xa9")));
    assert_text(kb_buf_slice(&f.out), "<h\xc3\xa9>");
    assert_false(render_bytes(&f, "<#{value | default(\"x\")}>", KB_S("h\xc3")));
    assert_int_equal(f.err.class, KB_ERR_RECORD);
    assert_int_equal(f.err.failure, KB_FAILURE_MAPPING);
    assert_string_equal(f.err.text, "value: its bytes are not UTF-8 text");
    teardown(&f);
}

/* `room` bytes hold "ab" + the value, percent-encoded. */
static bool render_into(struct fixture *f, size_t room)
{
    kb_buf_deinit(&f->out);
    kb_buf_init(&f->out, room);
    return render_bytes(f, "ab#{value | url}", KB_S("c d"));
}

static void test_a_text_over_the_maximum_is_the_messages_failure(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f);
    for (size_t room = 0; room < strlen("abc%20d"); room++) {
        assert_false(render_into(&f, room));
        assert_int_equal(f.err.class, KB_ERR_RECORD);
        assert_int_equal(f.err.failure, KB_FAILURE_MESSAGE);
    }
    assert_string_equal(f.err.text, "the text of this template is longer than 6 bytes");
    assert_true(render_into(&f, strlen("abc%20d")));
    assert_text(kb_buf_slice(&f.out), "abc%20d");
    teardown(&f);
}

/* The model: each piece is a text of a template and what it becomes for the one record below. */
struct piece {
    const char *text, *rendered; /* rendered NULL: a mapping error */
};

static const struct piece references[] = {{"topic", "My.Topic"}, {" topic.name", "My.Topic"},
    {"partition", "7"}, {"topic.partition ", "7"}, {"offset", "-1"}, {"timestamp", "99"},
    {"key", "K 1"}, {"value.n", "1.50"}, {"value.t", "true"}, {"value['a.b'][1].c", "\xc3\x9c/u"},
    {"value.empty", ""}, {"value.null", NULL}, {"value.none", NULL}, {"header.a-b.c", "H|}"},
    {"header[\"null\"]", NULL}, {"key.x", NULL}};

static const char record_value[] =
    "{\"n\":1.50,\"t\":true,\"a.b\":[0,{\"c\":\"\\u00dc/u\"}],\"empty\":\"\",\"null\":null}";

static const struct piece literals[] = {
    {"", ""}, {"a", "a"}, {"#", "#"}, {"}{", "}{"}, {"\xf0\x9f\x98\x80 |", "\xf0\x9f\x98\x80 |"}};

static char change_case(char c, int filter)
{
    if (filter == 1 && c >= 'A' && c <= 'Z')
        return (char)(c + 32);
    if (filter == 2 && c >= 'a' && c <= 'z')
        return (char)(c - 32);
    return c;
}

static void model_filter(char *text, size_t size, int filter)
{
    char result[256];
    size_t n = 0;
    for (const char *c = text; *c && n + 4 < sizeof(result); c++) {
        bool plain =
            filter != 3 ||
            strchr("-._~ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", *c);
        if (plain)
            result[n++] = change_case(*c, filter);
        else
            n += (size_t)snprintf(result + n, 4, "%%%02X", (unsigned char)*c);
    }
    result[n] = '\0';
    snprintf(text, size, "%s", result);
}

/* One placeholder with up to four filters into `tmpl`; false where it can't be rendered. */
static bool random_placeholder(
    struct kb_random *random, struct kb_buf *tmpl, struct kb_buf *expected)
{
    static const char *const filters[] = {"default(\"Df #{x}\")", "lower ", "upper", " url"};
    const struct piece *ref = &references[kb_random_below(random, KB_COUNT(references))];
    char text[256] = "";
    bool there = ref->rendered != NULL;
    if (there)
        snprintf(text, sizeof(text), "%s", ref->rendered);
    kb_buf_printf(tmpl, "#{%s", ref->text);
    for (uint64_t n = kb_random_below(random, 5); n > 0; n--) {
        int filter = (int)kb_random_below(random, KB_COUNT(filters));
        kb_buf_printf(tmpl, "|%s", filters[filter]);
        if (filter == 0 && !there)
            snprintf(text, sizeof(text), "Df #{x}");
        if (filter > 0 && there)
            model_filter(text, sizeof(text), filter);
        there = there || filter == 0;
    }
    kb_buf_byte(tmpl, '}');
    kb_buf_add(expected, kb_slice_of(text));
    return there;
}

static void random_template(
    struct kb_random *random, struct kb_buf *tmpl, struct kb_buf *expected, bool *there)
{
    kb_buf_reset(tmpl);
    kb_buf_reset(expected);
    *there = true;
    for (uint64_t n = kb_random_below(random, 4); n > 0 && *there; n--) {
        const struct piece *literal = &literals[kb_random_below(random, KB_COUNT(literals))];
        kb_buf_add(tmpl, kb_slice_of(literal->text));
        kb_buf_add(expected, kb_slice_of(literal->rendered));
        *there = random_placeholder(random, tmpl, expected);
    }
}

static bool render_for_the_record(struct fixture *f, struct kb_slice text)
{
    struct kb_header headers[] = {
        {KB_S("a-b.c"), KB_S("old")}, {KB_S("a-b.c"), KB_S("H|}")}, {KB_S("null"), {NULL, 0}}};
    struct kb_record rec = {.topic = KB_S("My.Topic"),
        .partition = 7,
        .offset = -1,
        .timestamp = 99,
        .key = KB_S("K 1"),
        .value = kb_slice_of(record_value),
        .headers = headers,
        .n_headers = KB_COUNT(headers)};
    struct kb_template *tmpl = compile(f, text);
    if (!tmpl)
        fail_msg(KB_FMT ": %s", KB_ARG(text), f->err.text);

    struct kb_capture key, value;
    assert_true(kb_capture_init(&key, f->key_paths, &f->arena));
    assert_true(kb_capture_init(&value, f->value_paths, &f->arena));
    key.events.ops->string(&key.events, rec.key);
    assert_true(kb_json_read(rec.value, &value.events, &f->err));
    struct kb_template_input in = {.record = &rec, .key = &key, .value = &value};
    bool ok = kb_template_render(tmpl, &in, &f->out, &f->err);
    kb_template_free(tmpl);
    return ok;
}

static void test_random_templates_render_as_the_model_says(void **state)
{
    (void)state;
    struct kb_random_seeded seeded;
    struct kb_buf text, expected;
    uint64_t seed = kb_random_system()->next(kb_random_system());
    print_message("seed %llu\n", (unsigned long long)seed);
    kb_random_seed(&seeded, seed);
    kb_buf_init(&text, 1 << 16);
    kb_buf_init(&expected, 1 << 16);
    int rendered = 0, refused = 0;
    for (int round = 0; round < 2000; round++) {
        struct fixture f;
        bool there;
        setup(&f);
        random_template(&seeded.random, &text, &expected, &there);
        bool ok = render_for_the_record(&f, kb_buf_slice(&text));
        struct kb_slice got = kb_buf_slice(&f.out);
        if (ok != there || (ok && !kb_slice_eq(got, kb_buf_slice(&expected))))
            fail_msg("template " KB_FMT "\nexpected " KB_FMT "\ngot      " KB_FMT,
                KB_ARG(kb_buf_slice(&text)), KB_ARG(kb_buf_slice(&expected)), KB_ARG(got));
        rendered += ok;
        refused += !ok;
        teardown(&f);
    }
    print_message("%d rendered, %d refused\n", rendered, refused);
    assert_true(rendered > 200 && refused > 200);
    kb_buf_deinit(&text);
    kb_buf_deinit(&expected);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_template_tells_what_is_known_at_load),
        cmocka_unit_test(test_templates_register_just_the_paths_they_name),
        cmocka_unit_test(test_the_caret_stands_under_its_character),
        cmocka_unit_test(test_a_template_must_be_utf8),
        cmocka_unit_test(test_zero_bytes_are_characters_like_others),
        cmocka_unit_test(test_lengths_have_limits),
        cmocka_unit_test(test_bytes_are_text_where_they_are_utf8),
        cmocka_unit_test(test_a_text_over_the_maximum_is_the_messages_failure),
        cmocka_unit_test(test_random_templates_render_as_the_model_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
