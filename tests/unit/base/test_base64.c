/* Base64 against the plain way of it, bit by bit, and against the examples of RFC 4648. */
#include "base/base64.h"

#include "support/prop.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static unsigned bit(struct kb_slice bytes, size_t i)
{
    return i / 8 < bytes.len ? (unsigned char)bytes.ptr[i / 8] >> (7 - i % 8) & 1 : 0;
}

static void model_encode(struct kb_slice bytes, char *out)
{
    for (size_t i = 0; i < KB_BASE64_LEN(bytes.len); i++) {
        unsigned six = 0;
        for (size_t j = 0; j < 6; j++)
            six = six << 1 | bit(bytes, i * 6 + j);
        out[i] = i * 6 < bytes.len * 8 ? alphabet[six] : '=';
    }
}

static void test_examples_of_the_rfc(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {{"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"},
        {"foob", "Zm9vYg=="}, {"fooba", "Zm9vYmE="}, {"foobar", "Zm9vYmFy"}};
    for (size_t i = 0; i < KB_COUNT(pairs); i++) {
        struct kb_buf text, back;
        kb_buf_init(&text, 100);
        kb_buf_init(&back, 100);
        kb_base64_add(&text, kb_slice_of(pairs[i][0]));
        assert_slice(kb_buf_slice(&text), kb_slice_of(pairs[i][1]));
        assert_true(kb_base64_decode(&back, kb_slice_of(pairs[i][1])));
        assert_slice(kb_buf_slice(&back), kb_slice_of(pairs[i][0]));
        kb_buf_deinit(&text);
        kb_buf_deinit(&back);
    }
}

static void test_random_bytes(void **state)
{
    (void)state;
    prop_seed();
    struct kb_buf text, back;
    kb_buf_init(&text, 10000);
    kb_buf_init(&back, 10000);
    for (int round = 0; round < 5000; round++) {
        size_t len = prop_below(120);
        char *bytes = malloc(len ? len : 1); /* exact, so that a read past the end is seen */
        for (size_t i = 0; i < len; i++)
            bytes[i] = (char)prop_below(256);
        struct kb_slice slice = {bytes, len};
        char expected[200];
        model_encode(slice, expected);
        kb_buf_reset(&text);
        kb_buf_reset(&back);
        kb_base64_add(&text, slice);
        assert_slice(kb_buf_slice(&text), (struct kb_slice){expected, KB_BASE64_LEN(len)});

        struct kb_slice encoded = kb_buf_slice(&text);
        if (prop_below(2)) /* padding is optional */
            while (encoded.len > 0 && encoded.ptr[encoded.len - 1] == '=')
                encoded.len--;
        for (size_t i = 0; i < encoded.len; i++) /* and so is the alphabet */
            if (prop_below(2))
                text.ptr[i] = (char)(text.ptr[i] == '+'   ? '-'
                                     : text.ptr[i] == '/' ? '_'
                                                          : text.ptr[i]);
        assert_true(kb_base64_decode(&back, encoded));
        assert_slice(kb_buf_slice(&back), slice);
        free(bytes);
    }
    kb_buf_deinit(&text);
    kb_buf_deinit(&back);
}

static void test_what_is_no_base64(void **state)
{
    (void)state;
    static const char *const bad[] = {"A", "AAAAA", "A===", "====", "=", "AA=", "AA=A", "AAA=A",
        "AA==AA==", "AA A", "AAA\n", "AA,A", "\xc3\xa9\xc3\xa9", "AB==", "AAB=", "AB", "AAB"};
    for (size_t i = 0; i < KB_COUNT(bad); i++) {
        struct kb_buf out;
        kb_buf_init(&out, 100);
        kb_buf_add(&out, KB_S("x"));
        if (kb_base64_decode(&out, kb_slice_of(bad[i]))) {
            print_error("accepted: %s\n", bad[i]);
            fail();
        }
        assert_slice(kb_buf_slice(&out), KB_S("x"));
        assert_false(out.failed);
        kb_buf_deinit(&out);
    }
}

static void test_ids_of_eleven_characters(void **state)
{
    (void)state;
    prop_seed();
    for (int round = 0; round < 1000; round++) {
        uint64_t number = prop_random.random.next(&prop_random.random) >> prop_below(64);
        char bytes[8], id[11];
        for (int i = 0; i < 8; i++)
            bytes[i] = (char)(number >> (56 - 8 * i));
        kb_base64url_u64(id, number);
        for (int i = 0; i < 11; i++)
            assert_true((id[i] && strchr(alphabet, id[i])) || id[i] == '-' || id[i] == '_');
        assert_null(memchr(id, '+', 11));
        assert_null(memchr(id, '/', 11));
        struct kb_buf back;
        kb_buf_init(&back, 20);
        assert_true(kb_base64_decode(&back, (struct kb_slice){id, 11}));
        assert_slice(kb_buf_slice(&back), (struct kb_slice){bytes, 8});
        kb_buf_deinit(&back);
    }
}

static void test_no_room(void **state)
{
    (void)state;
    struct kb_buf out;
    kb_buf_init(&out, 7);
    kb_base64_add(&out, KB_S("abcd"));
    assert_true(out.failed);
    assert_int_equal(out.len, 0);
    kb_buf_reset(&out);
    kb_base64_add(&out, (struct kb_slice){"", SIZE_MAX});
    assert_true(out.failed);
    kb_buf_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_examples_of_the_rfc),
        cmocka_unit_test(test_random_bytes),
        cmocka_unit_test(test_what_is_no_base64),
        cmocka_unit_test(test_ids_of_eleven_characters),
        cmocka_unit_test(test_no_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
