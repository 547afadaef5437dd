/* The buffer: what is appended, its maximum to the byte, the sticky error. */
#include "base/buf.h"

#include "support/prop.h"

#include <inttypes.h>

static void test_appends_in_order(void **state)
{
    (void)state;
    struct kb_buf buf;
    kb_buf_init(&buf, 1000);
    assert_slice(kb_buf_slice(&buf), KB_S(""));
    kb_buf_add(&buf, KB_S("[1,"));
    kb_buf_add_i64(&buf, -7);
    kb_buf_byte(&buf, ']');
    kb_buf_add(&buf, (struct kb_slice){0});
    kb_buf_printf(&buf, " %s %d", "and", 5);
    assert_false(buf.failed);
    assert_slice(kb_buf_slice(&buf), KB_S("[1,-7] and 5"));
    char *before = buf.ptr;
    kb_buf_reset(&buf);
    kb_buf_byte(&buf, 'x');
    assert_ptr_equal(buf.ptr, before);
    assert_slice(kb_buf_slice(&buf), KB_S("x"));
    kb_buf_deinit(&buf);
}

static void test_integers(void **state)
{
    (void)state;
    static const int64_t numbers[] = {0, 9, 10, -1, -10, 99, 100, INT64_MAX, INT64_MIN};
    for (size_t i = 0; i < KB_COUNT(numbers); i++) {
        struct kb_buf buf;
        kb_buf_init(&buf, 20);
        kb_buf_add_i64(&buf, numbers[i]);
        assert_false(buf.failed);
        char expected[32];
        snprintf(expected, sizeof(expected), "%" PRId64, numbers[i]);
        assert_slice(kb_buf_slice(&buf), kb_slice_of(expected));
        kb_buf_deinit(&buf);
    }
}

/* Each way of appending fills the buffer to its last byte, and fails with one more. */
static void test_maximum_is_exact(void **state)
{
    (void)state;
    for (size_t max = 0; max < 300; max++) {
        for (int way = 0; way < 3; way++) {
            struct kb_buf buf;
            kb_buf_init(&buf, max);
            static const char text[301];
            if (way == 0)
                kb_buf_add(&buf, (struct kb_slice){text, max});
            else if (way == 1)
                kb_buf_printf(&buf, "%*s", (int)max, "");
            for (size_t i = 0; way == 2 && i < max; i++)
                kb_buf_byte(&buf, 'x');
            assert_false(buf.failed);
            assert_int_equal(buf.len, max);
            if (way == 0)
                kb_buf_add(&buf, KB_S("y"));
            else if (way == 1)
                kb_buf_printf(&buf, "y");
            else
                kb_buf_byte(&buf, 'y');
            assert_true(buf.failed);
            assert_int_equal(buf.len, max);
            kb_buf_deinit(&buf);
        }
    }
}

static void test_error_sticks_until_reset(void **state)
{
    (void)state;
    struct kb_buf buf;
    kb_buf_init(&buf, 8);
    kb_buf_add(&buf, KB_S("12345"));
    kb_buf_add(&buf, KB_S("6789")); /* left out as a whole */
    kb_buf_byte(&buf, 'x');         /* would fit, but comes after the failure */
    assert_null(kb_buf_reserve(&buf, 1));
    assert_null(kb_buf_reserve(&buf, SIZE_MAX));
    assert_true(buf.failed);
    assert_slice(kb_buf_slice(&buf), KB_S("12345"));
    kb_buf_reset(&buf);
    kb_buf_add(&buf, KB_S("12345678"));
    assert_false(buf.failed);
    assert_null(kb_buf_reserve(&buf, SIZE_MAX)); /* the sum would wrap around */
    kb_buf_deinit(&buf);
}

static void test_settling_gives_back_what_is_more_than_kept(void **state)
{
    (void)state;
    struct kb_buf buf;
    kb_buf_init(&buf, 4096);
    kb_buf_add(&buf, KB_S("a few"));
    char *few = buf.ptr;
    kb_buf_settle(&buf, 1024);
    assert_ptr_equal(buf.ptr, few);
    assert_int_equal(buf.len, 0);
    assert_non_null(kb_buf_reserve(&buf, 2000));
    kb_buf_commit(&buf, 0);
    kb_buf_settle(&buf, 1024);
    assert_null(buf.ptr);
    assert_int_equal(buf.cap, 0);
    assert_null(kb_buf_reserve(&buf, 4097)); /* its maximum is what it was */
    kb_buf_settle(&buf, 1024);
    assert_false(buf.failed);
    kb_buf_deinit(&buf);
}

static void test_random_appends_equal_a_plain_array(void **state)
{
    (void)state;
    prop_seed();
    for (int round = 0; round < 300; round++) {
        char model[4096];
        size_t len = 0, max = prop_below(sizeof(model));
        struct kb_buf buf;
        kb_buf_init(&buf, max);
        for (int i = 0; i < 60 && !buf.failed; i++) {
            char piece[200];
            size_t n = prop_below(sizeof(piece));
            memset(piece, 'a' + i % 26, n);
            kb_buf_add(&buf, (struct kb_slice){piece, n});
            assert_int_equal(buf.failed, len + n > max);
            if (buf.failed)
                break;
            memcpy(model + len, piece, n);
            len += n;
        }
        assert_slice(kb_buf_slice(&buf), (struct kb_slice){model, len});
        kb_buf_deinit(&buf);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_appends_in_order),
        cmocka_unit_test(test_integers),
        cmocka_unit_test(test_maximum_is_exact),
        cmocka_unit_test(test_error_sticks_until_reset),
        cmocka_unit_test(test_settling_gives_back_what_is_more_than_kept),
        cmocka_unit_test(test_random_appends_equal_a_plain_array),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
