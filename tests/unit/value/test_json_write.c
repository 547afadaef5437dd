/* JSON out: escaping in all its variants, reals, and that what was read prints as it was meant. */
#include "value/json.h"
#include "value/json_escape_variants.h"

#include "support/json_tree.h"

#include <locale.h>
#include <math.h>

/* RFC 8259 section 7, by the letter. */
static size_t model_escape(char *to, const char *from, size_t len)
{
    size_t n = 0;
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)from[i];
        static const char shorts[] = "\"\\\b\f\n\r\t", letters[] = "\"\\bfnrt";
        const char *found = c ? strchr(shorts, c) : NULL;
        if (found)
            n += (size_t)snprintf(to + n, 3, "\\%c", letters[found - shorts]);
        else if (c < 0x20)
            n += (size_t)snprintf(to + n, 7, "\\u%04x", c);
        else
            to[n++] = (char)c;
    }
    return n;
}

static void random_text(char *text, size_t len)
{
    size_t dense = 1 + prop_below(30); /* how rare the bytes to escape are */
    for (size_t i = 0; i < len; i++)
        text[i] = prop_below(dense) ? (char)(' ' + prop_below(95) + (prop_below(9) == 0) * 100)
                                    : "\"\\\n\x01\x1f\"\\"[prop_below(7)];
}

static void test_every_variant_escapes_alike(void **state)
{
    (void)state;
    prop_seed();
    size_t usable = 0;
    for (size_t v = 0; v < kb_json_escape_variant_count; v++)
        usable += kb_json_escape_usable(v);
    print_message("%zu of %zu variants run here\n", usable, kb_json_escape_variant_count);
    for (int round = 0; round < 20000; round++) {
        size_t len = prop_below(90);
        char *text = malloc(len ? len : 1); /* exact, so that a read past the end is seen */
        random_text(text, len);
        char expected[KB_JSON_ESCAPED_MAX(90)];
        size_t expected_len = model_escape(expected, text, len);
        for (size_t v = 0; v < kb_json_escape_variant_count; v++) {
            if (!kb_json_escape_usable(v))
                continue;
            char *got = malloc(KB_JSON_ESCAPED_MAX(len));
            size_t got_len = kb_json_escape_variants[v].escape(got, text, len);
            if (got_len != expected_len || memcmp(got, expected, got_len) != 0)
                print_error("variant %s:\n", kb_json_escape_variants[v].name);
            assert_slice(
                (struct kb_slice){got, got_len}, (struct kb_slice){expected, expected_len});
            free(got);
        }
        free(text);
    }
}

/* All 256 patterns of eight quotes among letters: each row of the table of shuffles. */
static void test_every_pattern_of_quotes(void **state)
{
    (void)state;
    for (unsigned pattern = 0; pattern < 256; pattern++) {
        char text[16], expected[KB_JSON_ESCAPED_MAX(16)], got[KB_JSON_ESCAPED_MAX(16)];
        for (unsigned i = 0; i < 16; i++)
            text[i] = (pattern ^ (i < 8 ? 0 : 0xff)) >> (i % 8) & 1 ? '"' : (char)('a' + i);
        size_t len = model_escape(expected, text, 16);
        for (size_t v = 0; v < kb_json_escape_variant_count; v++) {
            if (!kb_json_escape_usable(v))
                continue;
            size_t got_len = kb_json_escape_variants[v].escape(got, text, 16);
            assert_slice((struct kb_slice){got, got_len}, (struct kb_slice){expected, len});
        }
    }
}

/* A buffer with just the room that the escaped text needs takes it; one byte less does not. */
static void test_escape_needs_no_more_room_than_it_uses(void **state)
{
    (void)state;
    prop_seed();
    for (int round = 0; round < 300; round++) {
        static char text[5000], expected[KB_JSON_ESCAPED_MAX(5000)];
        size_t len = prop_below(3) ? prop_below(100) : prop_below(sizeof(text));
        random_text(text, len);
        size_t need = model_escape(expected, text, len);
        struct kb_buf out;
        kb_buf_init(&out, need);
        kb_json_escape(&out, (struct kb_slice){text, len});
        assert_false(out.failed);
        assert_slice(kb_buf_slice(&out), (struct kb_slice){expected, need});
        kb_buf_deinit(&out);
        if (need == 0)
            continue;
        kb_buf_init(&out, need - 1);
        kb_json_escape(&out, (struct kb_slice){text, len});
        assert_true(out.failed);
        kb_buf_deinit(&out);
    }
}

static void check_real(double number, const char *expected)
{
    char text[KB_JSON_REAL_MAX];
    size_t len = kb_json_real_text(text, number);
    assert_slice((struct kb_slice){text, len}, kb_slice_of(expected));
}

/* Each byte at each place of each length, the text at the end of its block. */
static void test_plain_text_is_copied(void **state)
{
    (void)state;
    for (size_t len = 0; len <= 50; len++) {
        char *text = malloc(len + 1), *to = malloc(KB_JSON_PLAIN_ROOM(len));
        assert_true(text && to);
        char *from = text + 1;
        memset(from, 'a', len);
        for (size_t at = 0; at < len; at++) {
            for (int byte = 0; byte < 256; byte++) {
                from[at] = (char)byte;
                bool plain = kb_json_skip_plain(from, from + len) == from + len;
                assert_int_equal(kb_json_copy_plain(to, (struct kb_slice){from, len}), plain);
                assert_true(!plain || memcmp(to, from, len) == 0);
            }
            from[at] = 'a';
        }
        assert_true(kb_json_copy_plain(to, (struct kb_slice){from, len}));
        free(text);
        free(to);
    }
}

static void test_reals(void **state)
{
    (void)state;
    check_real(0, "0.0");
    check_real(-0.0, "-0.0");
    check_real(5, "5.0");
    check_real(-2.5, "-2.5");
    check_real(19.99, "19.99");
    check_real(0.1, "0.1");
    check_real(0.1f, "0.10000000149011612");
    check_real(1.0 / 3, "0.3333333333333333");
    check_real(123456.789012, "123456.789012");
    check_real(1e15, "1000000000000000.0");
    check_real(576460752303423488.0, "576460752303423500.0"); /* 2^59 */
    check_real(1e20, "100000000000000000000.0");
    check_real(1e21, "1e+21");
    check_real(-1.5e300, "-1.5e+300");
    check_real(0.000001, "0.000001");
    check_real(1e-7, "1e-7");
    check_real(1.7976931348623157e308, "1.7976931348623157e+308");
    check_real(-2.2250738585072014e-308, "-2.2250738585072014e-308");
    check_real(5e-324, "5e-324");
    check_real(9007199254740993.0, "9007199254740992.0");
    check_real(0.3, "0.3");
    check_real(0.1 + 0.2, "0.30000000000000004");
    check_real(NAN, "NaN");
    check_real(INFINITY, "Infinity");
    check_real(-INFINITY, "-Infinity");
}

static void check_float(float number, const char *expected)
{
    char text[KB_JSON_REAL_MAX];
    size_t len = kb_json_float_text(text, number);
    assert_slice(((struct kb_slice){text, len}), kb_slice_of(expected));
}

static void test_floats(void **state)
{
    (void)state;
    check_float(0.1f, "0.1");
    check_float(-5, "-5.0");
    check_float(16777216, "16777216.0");
    check_float(3.4028235e38f, "3.4028235e+38");
    check_float(1.17549435e-38f, "1.1754944e-38");
    check_float(1e-45f, "1e-45");
    check_float(1.0f / 3, "0.33333334");
    check_float(123456.79f, "123456.79");
    check_float(NAN, "NaN");
    check_float(-INFINITY, "-Infinity");
}

/* The same float comes back, and no text with fewer digits gives it. */
static void test_floats_read_back_the_same(void **state)
{
    (void)state;
    for (int i = 0; i < 200000; i++) {
        uint32_t bits = (uint32_t)prop_below(UINT32_MAX);
        float number = i % 2 ? (float)prop_below(100000000) / 1000 : 0;
        if (i % 2 == 0)
            memcpy(&number, &bits, sizeof(number));
        if (!isfinite(number))
            continue;
        char text[KB_JSON_REAL_MAX + 1], fewest[40];
        text[kb_json_float_text(text, number)] = '\0';
        float back = strtof(text, NULL);
        assert_memory_equal(&back, &number, sizeof(number));
        int behind = 0, digits = 0, zeros = 0;
        for (; behind < 9; behind++) {
            snprintf(fewest, sizeof(fewest), "%.*e", behind, (double)number);
            if (strtof(fewest, NULL) == number)
                break;
        }
        for (const char *p = text; *p && *p != 'e'; p++) {
            digits += *p >= '0' && *p <= '9' && (digits > 0 || *p != '0');
            zeros = *p == '0' ? zeros + 1 : *p == '.' || *p == '-' ? zeros : 0;
        }
        if (number != 0)
            assert_int_equal(digits - zeros, behind + 1);
    }
}

static double random_real(void)
{
    if (prop_below(2))
        return (double)(int64_t)(prop_below(2000000000) - 1000000000) /
               (double)(size_t[]){1, 10, 100, 1000, 3, 7}[prop_below(6)];
    uint64_t bits = prop_random.random.next(&prop_random.random);
    double number;
    memcpy(&number, &bits, sizeof(number));
    return number;
}

static void check_real_reads_back(double number)
{
    char text[KB_JSON_REAL_MAX + 1];
    size_t len = kb_json_real_text(text, number);
    assert_in_range(len, 3, KB_JSON_REAL_MAX);
    text[len] = '\0';
    struct kb_err err;
    assert_true(kb_json_read((struct kb_slice){text, len}, NULL, &err));
    if (memcmp(&(double){strtod(text, NULL)}, &number, sizeof(number)) != 0) {
        print_error("%.17g became %s\n", number, text);
        fail();
    }
}

static void test_reals_read_back_the_same(void **state)
{
    (void)state;
    prop_seed();
    for (int round = 0; round < 100000; round++) {
        double number = random_real();
        if (isfinite(number))
            check_real_reads_back(number);
    }
}

static void test_reals_in_a_locale_with_a_comma(void **state)
{
    (void)state;
    if (!setlocale(LC_NUMERIC, "de_DE.UTF-8") && !setlocale(LC_NUMERIC, "de_DE"))
        skip();
    check_real(1.0 / 3, "0.3333333333333333");
    check_real(19.99, "19.99");
    check_real(1e-7 / 3, "3.3333333333333334e-8");
    setlocale(LC_NUMERIC, "C");
}

static void test_the_writer(void **state)
{
    (void)state;
    struct kb_buf out;
    kb_buf_init(&out, 1000);
    kb_buf_add(&out, KB_S("data="));
    struct kb_json_writer writer;
    kb_json_writer_init(&writer, &out);
    struct kb_events *sink = &writer.events;
    kb_emit_begin_array(sink);
    kb_emit_string(sink, KB_S("void"));
    sink->ops->restart(sink);
    kb_emit_begin_object(sink);
    kb_emit_key(sink, KB_S("a\""));
    kb_emit_begin_array(sink);
    kb_emit_integer(sink, INT64_MIN);
    kb_emit_real(sink, 2);
    kb_emit_real(sink, NAN);
    kb_emit_bytes(sink, KB_S("\xff\x00"));
    kb_emit_end_array(sink);
    kb_emit_key(sink, KB_S("b"));
    kb_emit_begin_object(sink);
    kb_emit_end_object(sink);
    kb_emit_key(sink, KB_S("c"));
    kb_emit_boolean(sink, false);
    kb_emit_key(sink, KB_S("d"));
    kb_emit_null(sink);
    kb_emit_end_object(sink);
    assert_slice(kb_buf_slice(&out), KB_S("data={\"a\\\"\":[-9223372036854775808,2.0,\"NaN\",\"/"
                                          "wA=\"],\"b\":{},\"c\":false,\"d\":null}"));
    kb_buf_deinit(&out);
}

/* print(parse(x)): random documents with random white space and escapes come out plain. */
static void test_round_trip(void **state)
{
    (void)state;
    prop_seed();
    struct kb_arena arena;
    kb_arena_init(&arena, 1 << 20);
    struct kb_buf noisy, plain, printed;
    kb_buf_init(&noisy, 1 << 20);
    kb_buf_init(&plain, 1 << 20);
    kb_buf_init(&printed, 1 << 20);
    size_t total = 0;
    for (int round = 0; round < 5000; round++) {
        kb_arena_reset(&arena);
        kb_buf_reset(&noisy);
        kb_buf_reset(&plain);
        kb_buf_reset(&printed);
        const struct tree *tree = tree_random(&arena, 5);
        tree_print(tree, &noisy, true);
        tree_print(tree, &plain, false);
        struct kb_json_writer writer;
        kb_json_writer_init(&writer, &printed);
        struct kb_err err;
        if (!kb_json_read(kb_buf_slice(&noisy), &writer.events, &err)) {
            print_error(KB_FMT "\n%s\n", KB_ARG(kb_buf_slice(&noisy)), err.text);
            fail();
        }
        assert_slice(kb_buf_slice(&printed), kb_buf_slice(&plain));
        total += plain.len;
    }
    assert_true(total > 100000);
    kb_buf_deinit(&noisy);
    kb_buf_deinit(&plain);
    kb_buf_deinit(&printed);
    kb_arena_deinit(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_variant_escapes_alike),
        cmocka_unit_test(test_every_pattern_of_quotes),
        cmocka_unit_test(test_escape_needs_no_more_room_than_it_uses),
        cmocka_unit_test(test_plain_text_is_copied),
        cmocka_unit_test(test_reals),
        cmocka_unit_test(test_floats),
        cmocka_unit_test(test_floats_read_back_the_same),
        cmocka_unit_test(test_reals_read_back_the_same),
        cmocka_unit_test(test_reals_in_a_locale_with_a_comma),
        cmocka_unit_test(test_the_writer),
        cmocka_unit_test(test_round_trip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
