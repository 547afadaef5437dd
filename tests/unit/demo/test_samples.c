/* The demo's records: always the same, readable but for one, each channel in one partition's key.
 */
#include "demo/samples.h"

#include "support/prop.h"
#include "value/json.h"

static void test_the_same_every_time(void **state)
{
    (void)state;
    struct kb_sample a, b;
    for (uint32_t i = 0; i < 3000; i++) {
        kb_sample_make(i, &a);
        memset(&b, 0xff, sizeof(b));
        kb_sample_make(i, &b);
        assert_true(kb_slice_eq(kb_sample_value(&a), kb_sample_value(&b)));
        assert_true(kb_slice_eq(a.key, b.key));
        assert_int_equal(a.channel, b.channel);
        assert_int_equal(a.topic, b.topic);
    }
    kb_sample_make(0, &a);
    assert_true(kb_slice_is(kb_sample_value(&a),
        "{\"order\":1001,\"user\":\"ada\",\"status\":\"placed\",\"total\":329.00}"));
}

static void test_json_but_for_the_poison(void **state)
{
    (void)state;
    struct kb_sample sample;
    struct kb_err err;
    for (uint32_t i = 0; i < 100000; i += i < 1000 ? 1 : 997) {
        kb_sample_make(i, &sample);
        bool readable = kb_json_read(kb_sample_value(&sample), NULL, &err);
        if (readable == (i == KB_SAMPLE_POISON))
            fail_msg("record %u: " KB_FMT, i, KB_ARG(kb_sample_value(&sample)));
        assert_int_equal(sample.poison, i == KB_SAMPLE_POISON);
    }
}

/* The key decides the partition: were a channel's records of two keys, they could lie in two
 * partitions, and the channel had no order. */
static void test_one_key_a_channel(void **state)
{
    (void)state;
    struct kb_slice keys[16] = {{0}};
    size_t used = 0;
    struct kb_sample sample;
    assert_true(kb_n_sample_channels <= KB_COUNT(keys));
    for (uint32_t i = 0; i < 3000; i++) {
        kb_sample_make(i, &sample);
        struct kb_slice *key = &keys[sample.channel];
        used += !key->ptr;
        if (key->ptr)
            assert_true(kb_slice_eq(*key, sample.key));
        *key = sample.key;
        const char *channel = kb_sample_channels[sample.channel];
        size_t len = strlen(channel);
        assert_true(len > sample.key.len);
        assert_memory_equal(channel + len - sample.key.len, sample.key.ptr, sample.key.len);
        assert_non_null(strstr(channel, kb_sample_topics[sample.topic].name));
    }
    assert_int_equal(used, kb_n_sample_channels);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_same_every_time),
        cmocka_unit_test(test_json_but_for_the_poison),
        cmocka_unit_test(test_one_key_a_channel),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
