/* What each format makes of a record's bytes, and what it says of those it refuses. */
#include "decode/decoder.h"

#include "base/buf.h"
#include "support/prop.h"
#include "value/json.h"

/* KB_S is a compound literal, which gcc does not take for a static initialiser in a table. */
#define TEXT(literal)                \
    {                                \
        literal, sizeof(literal) - 1 \
    }

static const struct {
    enum kb_format format;
    struct kb_slice raw;
    enum kb_form form; /* where it decodes */
    const char *error; /* where it does not */
    const char *told;  /* to a sink that writes JSON */
} table[] = {
    {KB_FORMAT_AUTO, {0}, KB_FORM_NULL, NULL, "null"},
    {KB_FORMAT_JSON, {0}, KB_FORM_NULL, NULL, "null"},
    {KB_FORMAT_STRING, {0}, KB_FORM_NULL, NULL, "null"},
    {KB_FORMAT_BYTES, {0}, KB_FORM_NULL, NULL, "null"},

    {KB_FORMAT_AUTO, TEXT("{\"a\": [1]}"), KB_FORM_JSON, NULL, "{\"a\":[1]}"},
    {KB_FORMAT_AUTO, TEXT(" \t\r\n[1 , 2]\n"), KB_FORM_JSON, NULL, "[1,2]"},
    {KB_FORMAT_AUTO, TEXT("{\"a\":1,}"), KB_FORM_TEXT, NULL, "\"{\\\"a\\\":1,}\""},
    {KB_FORMAT_AUTO, TEXT("[info] started"), KB_FORM_TEXT, NULL, "\"[info] started\""},
    {KB_FORMAT_AUTO, TEXT("[1,2]x"), KB_FORM_TEXT, NULL, "\"[1,2]x\""},
    {KB_FORMAT_AUTO, TEXT("{\"a\":\"\xff\"}"), KB_FORM_BYTES, NULL, "\"eyJhIjoi/yJ9\""},
    {KB_FORMAT_AUTO, TEXT("7"), KB_FORM_TEXT, NULL, "\"7\""},
    {KB_FORMAT_AUTO, TEXT("\"quoted\""), KB_FORM_TEXT, NULL, "\"\\\"quoted\\\"\""},
    {KB_FORMAT_AUTO, TEXT("null"), KB_FORM_TEXT, NULL, "\"null\""},
    {KB_FORMAT_AUTO, TEXT(""), KB_FORM_TEXT, NULL, "\"\""},
    {KB_FORMAT_AUTO, TEXT("  "), KB_FORM_TEXT, NULL, "\"  \""},
    {KB_FORMAT_AUTO, TEXT("na\xc3\xafve"), KB_FORM_TEXT, NULL, "\"na\xc3\xafve\""},
    {KB_FORMAT_AUTO, TEXT("\xff\xfe"), KB_FORM_BYTES, NULL, "\"//4=\""},

    {KB_FORMAT_JSON, TEXT(" 7 "), KB_FORM_JSON, NULL, "7"},
    {KB_FORMAT_JSON, TEXT("\"x\""), KB_FORM_JSON, NULL, "\"x\""},
    {KB_FORMAT_JSON, TEXT("null"), KB_FORM_JSON, NULL, "null"},
    {KB_FORMAT_JSON, TEXT("{\"n\":9007199254740993}"), KB_FORM_JSON, NULL,
        "{\"n\":9007199254740993}"},
    {KB_FORMAT_JSON, TEXT(""), KB_FORM_NULL,
        "empty value under format json; use auto or string, or send null", NULL},
    {KB_FORMAT_JSON, TEXT("{\"a\" 1}"), KB_FORM_NULL,
        "format json: column 6: expected ':'; use auto or string if these are not all JSON texts",
        NULL},
    {KB_FORMAT_JSON, TEXT("hello"), KB_FORM_NULL,
        "format json: column 1: expected a value; use auto or string if these are not all JSON "
        "texts",
        NULL},

    {KB_FORMAT_STRING, TEXT("{\"a\":1}"), KB_FORM_TEXT, NULL, "\"{\\\"a\\\":1}\""},
    {KB_FORMAT_STRING, TEXT(""), KB_FORM_TEXT, NULL, "\"\""},
    {KB_FORMAT_STRING, TEXT("ab\xff"), KB_FORM_NULL,
        "format string: byte 3 of 3 (0xff) is not UTF-8; use auto or bytes", NULL},

    {KB_FORMAT_BYTES, TEXT("abc"), KB_FORM_BYTES, NULL, "\"YWJj\""},
    {KB_FORMAT_BYTES, TEXT(""), KB_FORM_BYTES, NULL, "\"\""},
    {KB_FORMAT_BYTES, TEXT("\xff"), KB_FORM_BYTES, NULL, "\"/w==\""},

    {KB_FORMAT_UUID, TEXT("123e4567-E89B-12d3-a456-426614174000"), KB_FORM_TEXT, NULL,
        "\"123e4567-E89B-12d3-a456-426614174000\""},
    {KB_FORMAT_UUID, {0}, KB_FORM_NULL, NULL, "null"},
    {KB_FORMAT_UUID, TEXT("123e4567-e89b-12d3-a456-42661417400"), KB_FORM_NULL,
        "format uuid takes 36 bytes, there are 35; was it written by another serializer?", NULL},
    {KB_FORMAT_UUID, TEXT("123e4567-e89b-12d3-a456_426614174000"), KB_FORM_NULL,
        "format uuid: these 36 bytes are no UUID text (8-4-4-4-12 hexadecimal digits); use auto, "
        "string or bytes",
        NULL},
    {KB_FORMAT_UUID, TEXT("g23e4567-e89b-12d3-a456-426614174000"), KB_FORM_NULL,
        "format uuid: these 36 bytes are no UUID text (8-4-4-4-12 hexadecimal digits); use auto, "
        "string or bytes",
        NULL},
    {KB_FORMAT_INT16, TEXT("\0"), KB_FORM_NULL,
        "format int16 takes 2 bytes, there are 1; was it written by another serializer?", NULL},
    {KB_FORMAT_INT64, TEXT(""), KB_FORM_NULL,
        "format int64 takes 8 bytes, there are 0; was it written by another serializer?", NULL},
    {KB_FORMAT_DOUBLE, TEXT("\0\0\0\0\0\0\0\0\0"), KB_FORM_NULL,
        "format double takes 8 bytes, there are 9; was it written by another serializer?", NULL},
};

/* Formats that make a text of their own: that text, which is also what a sink hears. */
static const struct {
    enum kb_format format;
    struct kb_slice raw;
    const char *json;
} made[] = {
    {KB_FORMAT_INT16, TEXT("\0\7"), "7"},
    {KB_FORMAT_INT16, TEXT("\x80\0"), "-32768"},
    {KB_FORMAT_INT32, TEXT("\xff\xff\xff\xfe"), "-2"},
    {KB_FORMAT_INT32, TEXT("\x7f\xff\xff\xff"), "2147483647"},
    {KB_FORMAT_INT64, TEXT("\0\x20\0\0\0\0\0\1"), "9007199254740993"},
    {KB_FORMAT_INT64, TEXT("\x80\0\0\0\0\0\0\0"), "-9223372036854775808"},
    {KB_FORMAT_FLOAT, TEXT("\x3d\xcc\xcc\xcd"), "0.1"},
    {KB_FORMAT_FLOAT, TEXT("\x7f\xc0\0\0"), "\"NaN\""},
    {KB_FORMAT_FLOAT, TEXT("\xff\x80\0\0"), "\"-Infinity\""},
    {KB_FORMAT_DOUBLE, TEXT("\x3f\xb9\x99\x99\x99\x99\x99\x9a"), "0.1"},
    {KB_FORMAT_DOUBLE, TEXT("\x80\0\0\0\0\0\0\0"), "-0.0"},
    {KB_FORMAT_DOUBLE, TEXT("\x7f\xf0\0\0\0\0\0\0"), "\"Infinity\""},
};

static void check_value(size_t i, bool ok, const struct kb_value *value, const struct kb_err *err)
{
    if (ok == !table[i].error && (!ok || value->form == table[i].form))
        return;
    print_error("row %zu, %s of \"" KB_FMT "\": %s\n", i, kb_format_name(table[i].format),
        KB_ARG(table[i].raw), ok ? "another form" : err->text);
    fail();
}

static void check_row(size_t i, struct kb_events *sink)
{
    struct kb_value value;
    struct kb_err err = {0};
    static const struct kb_format_options options;
    struct kb_decoding with = {.options = &options, .sink = sink};
    bool ok = kb_decode(table[i].format, table[i].raw, &with, &value, &err);
    check_value(i, ok, &value, &err);
    if (ok) { /* the record's very bytes */
        assert_ptr_equal(value.bytes.ptr, table[i].raw.ptr);
        assert_int_equal(value.bytes.len, table[i].raw.len);
    } else {
        assert_string_equal(err.text, table[i].error);
        assert_int_equal(err.class, KB_ERR_RECORD);
        assert_int_equal(err.failure, KB_FAILURE_DECODE);
    }
}

static void test_forms_and_errors(void **state)
{
    (void)state;
    for (size_t i = 0; i < KB_COUNT(table); i++)
        check_row(i, NULL);
}

static void check_told(size_t i, struct kb_json_writer *writer)
{
    check_row(i, &writer->events);
    if (table[i].told)
        assert_slice(kb_buf_slice(writer->out), kb_slice_of(table[i].told));
}

/* Whether or not the sink can start again: of text that only began like JSON it hears once, as
 * text. */
static void test_what_the_sink_is_told(void **state)
{
    (void)state;
    struct kb_buf out;
    kb_buf_init(&out, 1000);
    for (size_t i = 0; i < KB_COUNT(table); i++) {
        struct kb_json_writer writer;
        kb_buf_reset(&out);
        kb_json_writer_init(&writer, &out);
        check_told(i, &writer);
        kb_buf_reset(&out);
        kb_json_writer_init(&writer, &out);
        struct kb_events_ops without = *writer.events.ops;
        without.restart = NULL;
        writer.events.ops = &without;
        check_told(i, &writer);
    }
    kb_buf_deinit(&out);
}

static void test_the_column_of_a_json_error(void **state)
{
    (void)state;
    struct kb_value value;
    struct kb_err err;
    struct kb_decoding with = {0};
    assert_false(kb_decode(KB_FORMAT_JSON, KB_S("{\"a\" 1}"), &with, &value, &err));
    assert_int_equal(err.column, 6);
}

static void test_formats_that_make_a_text(void **state)
{
    (void)state;
    struct kb_buf text, heard;
    kb_buf_init(&text, 100);
    kb_buf_init(&heard, 100);
    for (size_t i = 0; i < KB_COUNT(made); i++) {
        struct kb_value value;
        struct kb_err err = {0};
        struct kb_json_writer writer;
        kb_buf_reset(&text);
        kb_buf_reset(&heard);
        kb_json_writer_init(&writer, &heard);
        struct kb_decoding with = {.text = &text, .sink = &writer.events};
        assert_true(kb_decode(made[i].format, made[i].raw, &with, &value, &err));
        assert_int_equal(value.form, KB_FORM_JSON);
        assert_slice(value.bytes, kb_slice_of(made[i].json));
        assert_slice(kb_buf_slice(&heard), kb_slice_of(made[i].json));
    }
    kb_buf_deinit(&text);
    kb_buf_deinit(&heard);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forms_and_errors),
        cmocka_unit_test(test_what_the_sink_is_told),
        cmocka_unit_test(test_the_column_of_a_json_error),
        cmocka_unit_test(test_formats_that_make_a_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
