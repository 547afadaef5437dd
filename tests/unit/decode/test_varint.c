/* Varints against a reader that is too simple to be wrong, in a block of exactly their size. */
#include "decode/varint.h"

#include "support/prop.h"

#include <string.h>

/* 0 = no number; else its length. */
static size_t simple(const unsigned char *bytes, size_t len, uint64_t *out)
{
    *out = 0;
    for (size_t i = 0; i < len && i < KB_VARINT_MAX; i++) {
        if (i == KB_VARINT_MAX - 1 && bytes[i] > 1)
            return 0;
        *out |= (uint64_t)(bytes[i] & 127) << 7 * i;
        if (bytes[i] < 128)
            return i + 1;
    }
    return 0;
}

static void check(const unsigned char *bytes, size_t len)
{
    uint64_t wanted, got = 0;
    size_t used = simple(bytes, len, &wanted);
    char *exact = malloc(len + 1), *at;
    assert_non_null(exact);
    memcpy(exact + 1, bytes, len); /* ends where the block ends */
    const char *p = at = exact + 1;
    assert_int_equal(kb_varint(&p, at + len, &got), used > 0);
    assert_ptr_equal(p, at + used);
    if (used > 0)
        assert_true(got == wanted);
    free(exact);
}

static void test_any_bytes(void **state)
{
    (void)state;
    prop_seed();
    for (int i = 0; i < 200000; i++) {
        unsigned char bytes[16];
        size_t len = prop_below(sizeof(bytes) + 1), ends = prop_below(13);
        for (size_t n = 0; n < len; n++)
            bytes[n] = (unsigned char)(prop_below(128) | (n == ends ? 0 : 128));
        if (len > 9 && prop_below(2))
            bytes[9] &= 129;
        check(bytes, len);
    }
}

static void test_the_ends(void **state)
{
    (void)state;
    uint64_t got;
    const char *most = "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", *at = most;
    assert_true(kb_varint(&at, most + 10, &got) && got == UINT64_MAX);
    at = "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02";
    assert_false(kb_varint(&at, at + 10, &got));
    at = "\x80\x00";
    assert_true(kb_varint(&at, at + 2, &got) && got == 0);
    assert_int_equal(kb_zigzag(UINT64_MAX), INT64_MIN);
    assert_int_equal(kb_zigzag(UINT64_MAX - 1), INT64_MAX);
    assert_int_equal(kb_zigzag(1), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_any_bytes),
        cmocka_unit_test(test_the_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
