/* Headers by name, and the copy of a record that outlives it. */
#include "record/record.h"

#include "support/prop.h"

static void test_the_last_header_of_a_name_wins(void **state)
{
    (void)state;
    struct kb_header headers[] = {
        {KB_S("a"), KB_S("1")}, {KB_S("b"), KB_S("2")}, {KB_S("a"), {0}}, {KB_S("ab"), KB_S("3")}};
    struct kb_record rec = {.headers = headers, .n_headers = KB_COUNT(headers)};
    assert_ptr_equal(kb_record_header(&rec, KB_S("a")), &headers[2]);
    assert_ptr_equal(kb_record_header(&rec, KB_S("b")), &headers[1]);
    assert_null(kb_record_header(&rec, KB_S("A")));
    assert_null(kb_record_header(&rec, KB_S("")));
    assert_null(kb_record_header(&(struct kb_record){0}, KB_S("a")));
}

static void test_a_copy_has_everything_and_points_at_its_own(void **state)
{
    (void)state;
    char topic[] = "orders", key[] = "k1", value[] = "v\0alue", name[] = "trace", text[] = "abc";
    struct kb_header headers[] = {
        {{name, 5}, {text, 3}}, {KB_S(""), KB_S("")}, {KB_S("null"), {0}}};
    struct kb_record rec = {.topic = {topic, 6},
        .partition = 3,
        .slot = 9,
        .offset = 1881,
        .timestamp = 1700000000000,
        .key = {key, 2},
        .value = {value, 6},
        .headers = headers,
        .n_headers = 3};
    struct kb_original *copy = kb_original_copy(&rec);
    assert_non_null(copy);
    assert_int_equal(
        copy->size, sizeof(*copy) + 3 * sizeof(struct kb_header) + 6 + 2 + 6 + 5 + 3 + 4);
    topic[0] = key[0] = value[0] = name[0] = text[0] = '!'; /* the source lets go of its memory */
    headers[0].name.ptr = NULL;

    const struct kb_record *own = &copy->record;
    assert_slice(own->topic, KB_S("orders"));
    assert_int_equal(own->partition, 3);
    assert_int_equal(own->slot, 9);
    assert_int_equal(own->offset, 1881);
    assert_true(own->timestamp == 1700000000000);
    assert_slice(own->key, KB_S("k1"));
    assert_slice(own->value, KB_S("v\0alue"));
    assert_int_equal(own->n_headers, 3);
    assert_slice(own->headers[0].name, KB_S("trace"));
    assert_slice(own->headers[0].value, KB_S("abc"));
    assert_slice(own->headers[1].value, KB_S(""));
    assert_null(own->headers[2].value.ptr);
    kb_original_free(copy);
}

static void test_null_key_and_value_stay_null(void **state)
{
    (void)state;
    struct kb_original *copy = kb_original_copy(&(struct kb_record){.topic = KB_S("t")});
    assert_non_null(copy);
    assert_null(copy->record.key.ptr);
    assert_null(copy->record.value.ptr);
    kb_original_free(copy);
    kb_original_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_last_header_of_a_name_wins),
        cmocka_unit_test(test_a_copy_has_everything_and_points_at_its_own),
        cmocka_unit_test(test_null_key_and_value_stay_null),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
