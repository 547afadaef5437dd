/* Error texts: classes, wrapping, and that a text is one line of UTF-8 whatever went into it. */
#include "base/err.h"
#include "base/utf8.h"

#include "support/prop.h"

static void test_each_maker_sets_its_class_and_gives_false(void **state)
{
    (void)state;
    struct kb_err err = {.code = 7, .column = 9};
    assert_false(kb_err_outage(&err, "no answer from %s", "host"));
    assert_int_equal(err.class, KB_ERR_OUTAGE);
    assert_string_equal(err.text, "no answer from host");
    assert_int_equal(err.code, 0);
    assert_int_equal(err.column, 0);
    assert_false(kb_err_record(&err, KB_FAILURE_HOOK, "x"));
    assert_int_equal(err.class, KB_ERR_RECORD);
    assert_int_equal(err.failure, KB_FAILURE_HOOK);
    assert_false(kb_err_config(&err, "x"));
    assert_int_equal(err.class, KB_ERR_CONFIG);
    assert_false(kb_err_fatal(&err, "x"));
    assert_int_equal(err.class, KB_ERR_FATAL);
}

static void test_failure_names_are_those_of_on_error(void **state)
{
    (void)state;
    assert_string_equal(kb_failure_name(KB_FAILURE_DECODE), "decode");
    assert_string_equal(kb_failure_name(KB_FAILURE_PUBLISH), "publish");
}

static void test_wrap_puts_the_context_before_and_keeps_the_rest(void **state)
{
    (void)state;
    struct kb_err err;
    kb_err_record(&err, KB_FAILURE_MAPPING, "column 16: '}' expected");
    err.column = 16;
    err.code = 40009;
    assert_false(kb_err_wrap(&err, "channel"));
    assert_false(kb_err_wrap(&err, "topic \"%s\"", "orders"));
    assert_string_equal(err.text, "topic \"orders\": channel: column 16: '}' expected");
    assert_int_equal(err.class, KB_ERR_RECORD);
    assert_int_equal(err.failure, KB_FAILURE_MAPPING);
    assert_int_equal(err.column, 16);
    assert_int_equal(err.code, 40009);
}

/* A text may be made of the one it replaces. */
static void test_own_text_as_argument(void **state)
{
    (void)state;
    struct kb_err err;
    kb_err_outage(&err, "inner");
    kb_err_record(&err, KB_FAILURE_DECODE, "outer: %s; do this", err.text);
    assert_string_equal(err.text, "outer: inner; do this");
}

static void test_foreign_bytes_stay_on_one_line_of_utf8(void **state)
{
    (void)state;
    struct kb_err err;
    kb_err_outage(&err, "a\nb\tc\033[31m \xff\xc3\xa9\xc3 \xc2\x9b \x7f");
    assert_string_equal(err.text, "a b c?[31m ?\xc3\xa9? ?? ?");
}

/* Every cut: the text holds characters of two to four bytes, moved by one byte at a time. */
static void test_a_cut_goes_through_no_character(void **state)
{
    (void)state;
    for (int shift = 0; shift < 16; shift++) {
        char text[3 * KB_ERR_TEXT_MAX] = "";
        memset(text, 'x', (size_t)shift);
        for (size_t len = (size_t)shift; len + 10 < sizeof(text); len += 9)
            memcpy(text + len, "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", 10);
        struct kb_err err;
        kb_err_outage(&err, "%s", text);
        size_t len = strlen(err.text);
        assert_in_range(len, KB_ERR_TEXT_MAX - 4, KB_ERR_TEXT_MAX - 1);
        assert_memory_equal(err.text, text, len);
        assert_true(kb_utf8_valid(kb_slice_of(err.text)));

        kb_err_wrap(&err, "context");
        assert_in_range(strlen(err.text), KB_ERR_TEXT_MAX - 4, KB_ERR_TEXT_MAX - 1);
        assert_true(kb_utf8_valid(kb_slice_of(err.text)));
        kb_err_wrap(&err, "%s", text); /* a context that leaves no room at all */
        assert_in_range(strlen(err.text), KB_ERR_TEXT_MAX - 4, KB_ERR_TEXT_MAX - 1);
        assert_true(kb_utf8_valid(kb_slice_of(err.text)));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_maker_sets_its_class_and_gives_false),
        cmocka_unit_test(test_failure_names_are_those_of_on_error),
        cmocka_unit_test(test_wrap_puts_the_context_before_and_keeps_the_rest),
        cmocka_unit_test(test_own_text_as_argument),
        cmocka_unit_test(test_foreign_bytes_stay_on_one_line_of_utf8),
        cmocka_unit_test(test_a_cut_goes_through_no_character),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
