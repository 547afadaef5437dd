/* The JSON reader: what it accepts and refuses, where it says the fault is, which events a sink
 * gets. */
#include "value/json.h"

#include "support/json_tree.h"

/* Reads a copy without a byte behind it, so that reading past the end is seen. */
static bool read_exact(struct kb_slice text, struct kb_events *sink, struct kb_err *err)
{
    char *exact = malloc(text.len ? text.len : 1);
    memcpy(exact, text.ptr, text.len);
    bool ok = kb_json_read((struct kb_slice){exact, text.len}, sink, err);
    free(exact);
    return ok;
}

/* A sink that writes events down, one letter each: {} [] k(ey) s n b z(null). Wants no value of a
 * key "skip". */
struct note {
    struct kb_events events;
    struct kb_buf text;
    bool at_skip;
};

static struct kb_buf *note(struct kb_events *sink)
{
    ((struct note *)sink)->at_skip = false;
    return &((struct note *)sink)->text;
}

static void note_begin_object(struct kb_events *sink)
{
    kb_buf_byte(note(sink), '{');
}

static void note_end_object(struct kb_events *sink)
{
    kb_buf_byte(note(sink), '}');
}

static void note_begin_array(struct kb_events *sink)
{
    kb_buf_byte(note(sink), '[');
}

static void note_end_array(struct kb_events *sink)
{
    kb_buf_byte(note(sink), ']');
}

static void note_key(struct kb_events *sink, struct kb_slice name)
{
    kb_buf_printf(note(sink), "k<" KB_FMT ">", KB_ARG(name));
    ((struct note *)sink)->at_skip = kb_slice_is(name, "skip");
}

static void note_string(struct kb_events *sink, struct kb_slice text)
{
    kb_buf_byte(note(sink), 's');
    kb_buf_byte(note(sink), '<');
    kb_buf_add(note(sink), text);
    kb_buf_byte(note(sink), '>');
}

static void note_number(struct kb_events *sink, struct kb_slice text)
{
    kb_buf_printf(note(sink), "n<" KB_FMT ">", KB_ARG(text));
}

static void note_boolean(struct kb_events *sink, bool truth)
{
    kb_buf_printf(note(sink), "b<%d>", truth);
}

static void note_null(struct kb_events *sink)
{
    kb_buf_byte(note(sink), 'z');
}

static bool note_wants(struct kb_events *sink)
{
    bool skip = ((struct note *)sink)->at_skip;
    note(sink);
    return !skip;
}

static const struct kb_events_ops note_ops = {
    .begin_object = note_begin_object,
    .end_object = note_end_object,
    .begin_array = note_begin_array,
    .end_array = note_end_array,
    .key = note_key,
    .string = note_string,
    .number = note_number,
    .boolean = note_boolean,
    .null = note_null,
    .wants = note_wants,
};

static void check_events(struct kb_slice text, struct kb_slice expected)
{
    struct note sink = {.events = {&note_ops}};
    kb_buf_init(&sink.text, 1 << 20);
    struct kb_err err;
    if (!read_exact(text, &sink.events, &err)) {
        print_error(KB_FMT ": %s\n", KB_ARG(text), err.text);
        fail();
    }
    assert_slice(kb_buf_slice(&sink.text), expected);
    kb_buf_deinit(&sink.text);
}

static void test_events(void **state)
{
    (void)state;
    check_events(KB_S(" {\"id\": 7, \"tags\" :[\"a\" , true,false,null] , \"o\":{}}\n"),
        KB_S("{k<id>n<7>k<tags>[s<a>b<1>b<0>z]k<o>{}}"));
    check_events(KB_S("-12.50e+3"), KB_S("n<-12.50e+3>"));
    check_events(KB_S("9007199254740993"), KB_S("n<9007199254740993>"));
    check_events(KB_S("{\"a\":1,\"a\":2}"), KB_S("{k<a>n<1>k<a>n<2>}"));
    check_events(KB_S("[[],[[]],{}]"), KB_S("[[][[]]{}]"));
    check_events(KB_S("\"\""), KB_S("s<>"));
}

static void test_strings_come_decoded(void **state)
{
    (void)state;
    check_events(KB_S("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\""), KB_S("s<\"\\/\b\f\n\r\t>"));
    check_events(KB_S("\"\\u0041\\u00e9\\u20AC\\ud83d\\uDE00\""),
        KB_S("s<A\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80>"));
    check_events(KB_S("\"a\\u0000b\""), KB_S("s<a\0b>"));
    check_events(KB_S("{\"k\\u0065y\":\"\xc3\xa9\\n\"}"), KB_S("{k<key>s<\xc3\xa9\n>}"));
    /* Half a pair, alone, in front of something else, or the wrong way round. */
    check_events(KB_S("\"\\ud800\""), KB_S("s<\xef\xbf\xbd>"));
    check_events(KB_S("\"\\ud800x\\udc00\""), KB_S("s<\xef\xbf\xbdx\xef\xbf\xbd>"));
    check_events(KB_S("\"\\ud800\\u0041\""), KB_S("s<\xef\xbf\xbd"
                                                  "A>"));
    check_events(KB_S("\"\\udc00\\ud800\\n\""), KB_S("s<\xef\xbf\xbd\xef\xbf\xbd\n>"));
    check_events(KB_S("\"\\udc00\\udc01\""), KB_S("s<\xef\xbf\xbd\xef\xbf\xbd>"));
    check_events(KB_S("\"\\ud800\\ue000\""), KB_S("s<\xef\xbf\xbd\xee\x80\x80>"));
    check_events(KB_S("\"\\ud800\\ud83d\\ude00\""), KB_S("s<\xef\xbf\xbd\xf0\x9f\x98\x80>"));
}

static void test_unwanted_values_are_checked_without_events(void **state)
{
    (void)state;
    check_events(KB_S("{\"skip\":{\"skip\":[1,{\"a\":2}]},\"b\":3,\"skip\":4}"),
        KB_S("{k<skip>k<b>n<3>k<skip>}"));
    struct note sink = {.events = {&note_ops}};
    kb_buf_init(&sink.text, 1000);
    struct kb_err err;
    assert_false(read_exact(KB_S("{\"skip\":[1,},\"b\":3}"), &sink.events, &err));
    assert_int_equal(err.column, 12);
    kb_buf_deinit(&sink.text);
}

/* A sink may leave out whatever it does not care for. */
static void test_a_sink_without_operations(void **state)
{
    (void)state;
    static const struct kb_events_ops none = {0};
    struct kb_events sink = {&none};
    struct kb_err err;
    assert_true(read_exact(KB_S("{\"a\\n\":[1,\"\\n\",true,null]}"), &sink, &err));
}

static const char *const accepted[] = {"0", "-0", "-1", "10", "1.0", "0.10", "1e1", "1E+1", "1e-01",
    "-0.0e0", "1e999999", "123456789012345678901234567890", "true", "false", "null", "\"\"", "[]",
    "{}", " [ ] ", "\t{\r}\n", "[0,0]", "[[[[]]]]", "{\"\":0}", "{\"a\":1,\"a\":1}", "\"\\u0000\"",
    "\"\\uD800\"", "\"\x7f\"", "\"\xc2\x80\"", "\"\xed\x9f\xbf\"", "\"\xee\x80\x80\"",
    "\"\xf4\x8f\xbf\xbf\"", "\"0123456789abcde\xc3\xa9\"", "\"0123456789abcdef0123456789abcdef\"",
    "\"/\"", "\"\\/\"", "[1,\n2]", "\"\xe2\x80\xa8\""};

/* Text, and where it breaks, the byte counted from 1. */
static const struct {
    const char *text;
    int column;
    const char *why;
} refused[] = {
    {"", 1, "expected a value, found the end"}, {" ", 2, "expected a value, found the end"},
    {"\xef\xbb\xbf{}", 1, "expected a value"}, /* a byte order mark */
    {"tru", 1, "expected a value"}, {"True", 1, "expected a value"}, {"nul", 1, "expected a value"},
    {"nulll", 5, "expected nothing more"}, {"NaN", 1, "expected a value"},
    {"Infinity", 1, "expected a value"}, {"'a'", 1, "expected a value"},
    {"+1", 1, "expected a value"}, {".5", 1, "expected a value"},
    {"-", 2, "expected a digit, found the end"}, {"-a", 2, "expected a digit"},
    {"--1", 2, "expected a digit"}, {"01", 2, "expected nothing more"},
    {"-01", 3, "expected nothing more"}, {"1.", 3, "expected a digit, found the end"},
    {"1.e1", 3, "expected a digit"}, {"1e", 3, "expected a digit, found the end"},
    {"1e+", 4, "expected a digit, found the end"}, {"1e1.5", 4, "expected nothing more"},
    {"0x10", 2, "expected nothing more"}, {"1 2", 3, "expected nothing more"},
    {"{}{}", 3, "expected nothing more"}, {"[]]", 3, "expected nothing more"},
    {"\"", 2, "expected '\"' to close the string, found the end"},
    {"\"abc", 5, "expected '\"' to close the string, found the end"},
    {"\"\\", 3, "expected one of"},
    {"\"\\\"", 4, "expected '\"' to close the string, found the end"},
    {"\"\\a\"", 3, "expected one of"}, {"\"\\'\"", 3, "expected one of"},
    {"\"\\u12\"", 6, "expected four hexadecimal digits"},
    {"\"\\u12G4\"", 6, "expected four hexadecimal digits"},
    {"\"\\u", 4, "expected four hexadecimal digits"}, {"\"\\U0041\"", 3, "expected one of"},
    {"\"a\nb\"", 3, "a control character"}, {"\"\t\"", 2, "a control character"},
    {"\"\x1f\"", 2, "a control character"},
    {"\"ghijklmnop\x1fghijklmnop\"", 12, "a control character"}, {"\"\xff\"", 2, "not UTF-8"},
    {"\"a\xc3\"", 3, "not UTF-8"}, {"\"\xc3\xa9\x80\"", 4, "not UTF-8"},
    {"\"\xc0\x80\"", 2, "not UTF-8"}, {"\"\xed\xa0\x80\"", 2, "not UTF-8"},
    {"\"\xf4\x90\x80\x80\"", 2, "not UTF-8"}, {"\"\xf0\x9f\x98", 2, "not UTF-8"},
    {"\"0123456789abcdef\xff\"", 18, "not UTF-8"}, {"\xc3\xa9", 1, "expected a value"},
    {"[", 2, "expected a value, found the end"}, {"[1", 3, "expected ',' or ']', found the end"},
    {"[1,", 4, "expected a value, found the end"}, {"[1,]", 4, "expected a value"},
    {"[,1]", 2, "expected a value"}, {"[1 2]", 4, "expected ',' or ']'"},
    {"[1}", 3, "expected ',' or ']'"}, {"[1,,2]", 4, "expected a value"},
    {"[\"a\":1]", 5, "expected ',' or ']'"}, {"]", 1, "expected a value"},
    {"{", 2, "expected a name in quotes, found the end"}, {"{1:1}", 2, "expected a name in quotes"},
    {"{a:1}", 2, "expected a name in quotes"}, {"{\"a\"}", 5, "expected ':'"},
    {"{\"a\" 1}", 6, "expected ':'"}, {"{\"a\":}", 6, "expected a value"},
    {"{\"a\":1,}", 8, "expected a name in quotes"}, {"{\"a\":1 \"b\":2}", 8, "expected ',' or '}'"},
    {"{\"a\":1]", 7, "expected ',' or '}'"}, {"{,}", 2, "expected a name in quotes"},
    {"[1]//", 4, "expected nothing more"}, {"/**/1", 1, "expected a value"},
    {"[\f1]", 2, "expected a value"}, {"[\xc2\xa0]", 2, "expected a value"}, /* a no-break space */
};

static void check_refused(struct kb_slice text, int column, const char *why)
{
    struct note sink = {.events = {&note_ops}};
    kb_buf_init(&sink.text, 1 << 20);
    struct kb_err err = {0}, sink_err = {0};
    char expected[200];
    snprintf(expected, sizeof(expected), "column %d: %s", column, why);
    bool ok = read_exact(text, NULL, &err) || read_exact(text, &sink.events, &sink_err);
    if (ok || strncmp(err.text, expected, strlen(expected)) != 0) {
        print_error(
            KB_FMT ": %s, but should be: %s\n", KB_ARG(text), ok ? "accepted" : err.text, expected);
        fail();
    }
    assert_int_equal(err.column, column);
    assert_int_equal(err.class, KB_ERR_RECORD);
    assert_int_equal(err.failure, KB_FAILURE_DECODE);
    assert_string_equal(sink_err.text, err.text);
    kb_buf_deinit(&sink.text);
}

static void test_what_is_json(void **state)
{
    (void)state;
    for (size_t i = 0; i < KB_COUNT(accepted); i++) {
        struct kb_err err;
        if (!read_exact(kb_slice_of(accepted[i]), NULL, &err)) {
            print_error("%s: %s\n", accepted[i], err.text);
            fail();
        }
    }
}

static void test_what_is_not_json(void **state)
{
    (void)state;
    for (size_t i = 0; i < KB_COUNT(refused); i++)
        check_refused(kb_slice_of(refused[i].text), refused[i].column, refused[i].why);
    check_refused(KB_S("\"a\0b\""), 3, "a control character");
    check_refused(KB_S("[1\0]"), 3, "expected ',' or ']'");
    check_refused(KB_S("1\0"), 2, "expected nothing more");
    check_refused(KB_S("\"\\\0\""), 3, "expected one of");
    struct kb_err err;
    assert_false(kb_json_read((struct kb_slice){0}, NULL, &err));
}

static void test_nesting_ends_at_the_limit(void **state)
{
    (void)state;
    for (int object = 0; object < 2; object++) {
        for (int depth = KB_JSON_DEPTH_MAX; depth <= KB_JSON_DEPTH_MAX + 1; depth++) {
            struct kb_buf text;
            kb_buf_init(&text, 1 << 20);
            for (int i = 0; i < depth; i++)
                kb_buf_add(&text, object ? KB_S("{\"a\":") : KB_S("["));
            kb_buf_byte(&text, '1');
            for (int i = 0; i < depth; i++)
                kb_buf_byte(&text, object ? '}' : ']');
            struct kb_err err;
            if (depth <= KB_JSON_DEPTH_MAX)
                assert_true(kb_json_read(kb_buf_slice(&text), NULL, &err));
            else
                check_refused(kb_buf_slice(&text), (object ? 5 : 1) * KB_JSON_DEPTH_MAX + 1,
                    "nested deeper than 512");
            kb_buf_deinit(&text);
        }
    }
}

/* Random documents, then with one byte changed: with and without a sink the verdict is the same,
 * and what is accepted prints as something accepted. */
static void test_a_changed_byte_gives_one_verdict(void **state)
{
    (void)state;
    prop_seed();
    struct kb_arena arena;
    kb_arena_init(&arena, 1 << 20);
    struct kb_buf text, printed;
    kb_buf_init(&text, 1 << 20);
    kb_buf_init(&printed, 1 << 20);
    int bad = 0;
    for (int round = 0; round < 5000; round++) {
        kb_arena_reset(&arena);
        kb_buf_reset(&text);
        kb_buf_reset(&printed);
        tree_print(tree_random(&arena, 4), &text, true);
        struct kb_err err, sink_err;
        assert_true(read_exact(kb_buf_slice(&text), NULL, &err));
        if (prop_below(2))
            text.ptr[prop_below(text.len)] = (char)prop_below(256);
        else
            text.len = prop_below(text.len);
        struct kb_json_writer writer;
        kb_json_writer_init(&writer, &printed);
        bool ok = read_exact(kb_buf_slice(&text), NULL, &err);
        assert_int_equal(read_exact(kb_buf_slice(&text), &writer.events, &sink_err), ok);
        if (ok)
            assert_true(read_exact(kb_buf_slice(&printed), NULL, &err));
        else
            assert_string_equal(err.text, sink_err.text);
        bad += !ok;
    }
    assert_in_range(bad, 1000, 4900);
    kb_buf_deinit(&text);
    kb_buf_deinit(&printed);
    kb_arena_deinit(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_events),
        cmocka_unit_test(test_strings_come_decoded),
        cmocka_unit_test(test_unwanted_values_are_checked_without_events),
        cmocka_unit_test(test_a_sink_without_operations),
        cmocka_unit_test(test_what_is_json),
        cmocka_unit_test(test_what_is_not_json),
        cmocka_unit_test(test_nesting_ends_at_the_limit),
        cmocka_unit_test(test_a_changed_byte_gives_one_verdict),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
