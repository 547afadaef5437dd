/* UTF-8 against a decoder that is written the long way: it decodes the number, then asks whether
 * that number may be written so. All one- to three-byte sequences, and four-byte ones at their
 * edges. */
#include "base/utf8.h"

#include "support/prop.h"

/* Length of the valid sequence at `p`, 0 = none. */
static size_t model_step(const unsigned char *p, size_t left)
{
    size_t n = p[0] < 0x80 ? 1 : p[0] >> 5 == 6 ? 2 : p[0] >> 4 == 14 ? 3 : p[0] >> 3 == 30 ? 4 : 0;
    if (n == 0 || n > left)
        return 0;
    uint32_t code = n == 1 ? p[0] : p[0] & (0xffu >> (n + 1));
    for (size_t i = 1; i < n; i++) {
        if (p[i] >> 6 != 2)
            return 0;
        code = code << 6 | (p[i] & 0x3f);
    }
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    bool surrogate = code >= 0xd800 && code <= 0xdfff;
    return code < least[n] || surrogate || code > 0x10ffff ? 0 : n;
}

static size_t model_prefix(struct kb_slice text)
{
    size_t done = 0;
    while (done < text.len) {
        size_t n = model_step((const unsigned char *)text.ptr + done, text.len - done);
        if (n == 0)
            break;
        done += n;
    }
    return done;
}

static void check(const unsigned char *bytes, size_t len)
{
    const char *text = (const char *)bytes;
    if (kb_utf8_step(text, text + len) != model_step(bytes, len)) {
        print_error(
            "%02x %02x %02x %02x (%zu bytes)\n", bytes[0], bytes[1], bytes[2], bytes[3], len);
        fail();
    }
}

static void test_every_sequence(void **state)
{
    (void)state;
    for (unsigned a = 0; a < 256; a++) {
        for (unsigned b = 0; b < 256; b++) {
            for (unsigned c = 0; c < 256; c++) {
                unsigned char bytes[4] = {
                    (unsigned char)a, (unsigned char)b, (unsigned char)c, 0x80};
                check(bytes, 4);
                check(bytes, 3);
                bytes[3] = 0x7f;
                check(bytes, 4);
                bytes[3] = 0xbf;
                check(bytes, 4);
                bytes[3] = 0xc0;
                check(bytes, 4);
            }
            unsigned char bytes[4] = {(unsigned char)a, (unsigned char)b};
            check(bytes, 2);
            check(bytes, 1);
        }
    }
    assert_int_equal(kb_utf8_step("", ""), 0);
}

/* ASCII runs of all lengths with characters, whole or broken, in between: the fast path and its
 * ends. */
static void test_random_text(void **state)
{
    (void)state;
    prop_seed();
    static const char *const pieces[] = {"a", "0123456789abcdef", "\xc3\xa9", "\xe2\x82\xac",
        "\xf0\x9f\x98\x80", "\xed\xa0\x80", "\xc0\x80", "\xff", "\xe2\x82", "\xf4\x90\x80\x80"};
    int valid = 0;
    for (int round = 0; round < 20000; round++) {
        char text[400];
        size_t len = 0;
        size_t whole = prop_below(2) ? 5 : KB_COUNT(pieces); /* half of them without a broken one */
        for (size_t n = prop_below(20); n > 0; n--) {
            const char *piece = pieces[prop_below(whole)];
            memcpy(text + len, piece, strlen(piece));
            len += strlen(piece);
        }
        char *exact = malloc(len ? len : 1);
        memcpy(exact, text, len);
        struct kb_slice slice = {exact, len};
        assert_int_equal(kb_utf8_prefix(slice), model_prefix(slice));
        assert_int_equal(kb_utf8_valid(slice), model_prefix(slice) == len);
        valid += kb_utf8_valid(slice);
        free(exact);
    }
    assert_in_range(valid, 10000, 19000);
}

static void test_cut(void **state)
{
    (void)state;
    struct kb_slice text = KB_S("a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80");
    static const size_t expected[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 10};
    for (size_t max = 0; max < KB_COUNT(expected); max++)
        assert_int_equal(kb_utf8_cut(text, max), expected[max]);
    assert_int_equal(kb_utf8_cut(KB_S("\x80\x80\x80\x80\x80\x80"), 5), 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_sequence),
        cmocka_unit_test(test_random_text),
        cmocka_unit_test(test_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
