/* Decimals of any size, against Java's own texts and against a sum of powers done by hand. */
#include "value/decimal.h"

#include "support/prop.h"

#define TEXT(literal)                \
    {                                \
        literal, sizeof(literal) - 1 \
    }

static const struct {
    struct kb_slice unscaled;
    int scale;
    const char *text;
} table[] = {
    {TEXT("\x04\xd2"), 2, "12.34"},
    {TEXT("\x04\xd2"), 0, "1234"},
    {TEXT("\xff"), 0, "-1"},
    {TEXT("\xff"), 3, "-0.001"},
    {TEXT("\x30\x34"), 3, "12.340"},
    {TEXT("\x80\x00\x00\x00\x00\x00\x00\x00"), 2, "-92233720368547758.08"},
    {TEXT("\x00\xff\xff\xff\xff\xff\xff\xff\xff"), 0, "18446744073709551615"},
    {TEXT("\xff\x00\x00\x00\x00\x00\x00\x00\x00"), 0, "-18446744073709551616"},
    {TEXT("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xfb\x2e"), 2, "-12.34"},
    {TEXT("\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"), 5,
        "792281625142643375935439.50336"},
    {TEXT(""), 2, "0.00"},
    {TEXT("\x00"), 0, "0"},
    {TEXT("\x00"), 6, "0.000000"},
    {TEXT("\x00"), 7, "0E-7"},
    {TEXT("\x01"), 6, "0.000001"},
    {TEXT("\x01"), 7, "1E-7"},
    {TEXT("\x0c"), 8, "1.2E-7"},
    {TEXT("\x01"), -3, "1E+3"},
    {TEXT("\xf4"), -3, "-1.2E+4"},
};

static void test_texts(void **state)
{
    (void)state;
    struct kb_buf out;
    kb_buf_init(&out, 1000);
    for (size_t i = 0; i < KB_COUNT(table); i++) {
        kb_buf_reset(&out);
        assert_true(kb_decimal_add(&out, table[i].unscaled, table[i].scale));
        assert_slice(kb_buf_slice(&out), kb_slice_of(table[i].text));
    }
    kb_buf_deinit(&out);
}

/* digits = digits * 256 + byte, one decimal digit a cell, the least first. */
static size_t times_256_plus(unsigned char *digits, size_t n, unsigned byte)
{
    unsigned carry = byte;
    for (size_t i = 0; i < n; i++) {
        carry += digits[i] * 256u;
        digits[i] = (unsigned char)(carry % 10);
        carry /= 10;
    }
    for (; carry; carry /= 10)
        digits[n++] = (unsigned char)(carry % 10);
    return n;
}

static void check_random(size_t len, struct kb_buf *out)
{
    char bytes[KB_DECIMAL_BYTES_MAX] = {0};
    unsigned char digits[3000];
    char text[3001];
    size_t n = 0;
    for (size_t i = 0; i < len; i++)
        bytes[i] = (char)prop_below(256);
    bytes[0] &= 0x7f;
    for (size_t i = 0; i < len; i++)
        n = times_256_plus(digits, n, (unsigned char)bytes[i]);
    for (size_t i = 0; i < n; i++)
        text[i] = (char)('0' + digits[n - 1 - i]);
    if (n == 0)
        text[n++] = '0';
    kb_buf_reset(out);
    assert_true(kb_decimal_add(out, (struct kb_slice){bytes, len}, 0));
    assert_slice(kb_buf_slice(out), ((struct kb_slice){text, n}));
}

static void test_any_size(void **state)
{
    (void)state;
    struct kb_buf out;
    kb_buf_init(&out, 4000);
    prop_seed();
    for (int i = 0; i < 3000; i++)
        check_random(1 + prop_below(40), &out);
    for (int i = 0; i < 20; i++)
        check_random(KB_DECIMAL_BYTES_MAX - prop_below(9), &out);
    kb_buf_deinit(&out);
}

static void test_bounds(void **state)
{
    (void)state;
    static const char bytes[KB_DECIMAL_BYTES_MAX + 1] = {1};
    struct kb_buf out;
    kb_buf_init(&out, 4000);
    assert_false(kb_decimal_add(&out, (struct kb_slice){bytes, sizeof(bytes)}, 0));
    assert_false(kb_decimal_add(&out, KB_S("\1"), KB_DECIMAL_SCALE_MAX + 1));
    assert_false(kb_decimal_add(&out, KB_S("\1"), -KB_DECIMAL_SCALE_MAX - 1));
    assert_int_equal(out.len, 0);
    kb_buf_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_any_size),
        cmocka_unit_test(test_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
