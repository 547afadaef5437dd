/* Groups by themselves: which specs of a queue come together, and what the BatchSpec made of them
 * says, in both forms. */
#include "ably/group.h"

#include "ably/spec_msgpack.h"
#include "base/base64.h"
#include "value/msgpack.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct {
    struct kb_slabs slabs;
    struct kb_spec_pool pool;
    struct kb_grouper grouper;
    struct kb_queue queue;
    struct kb_buf text, extras;
} here;

static void begin(bool msgpack)
{
    memset(&here, 0, sizeof(here));
    kb_slabs_init(&here.slabs, 4096);
    kb_buf_init(&here.text, 1 << 20);
    kb_buf_init(&here.extras, 1 << 20);
    kb_grouper_init(&here.grouper, &here.slabs, &here.pool, msgpack);
    here.grouper.max_size = 1000;
    here.grouper.max_messages = 100;
    here.grouper.max_bytes = 100000;
}

static void give(struct kb_spec *spec)
{
    kb_slab_release(&here.slabs, &spec->json);
    kb_spec_pool_give(&here.pool, spec);
}

static void end(void)
{
    while (here.queue.head) {
        struct kb_spec *spec = kb_queue_pop_head(&here.queue);
        struct kb_queue members = {NULL, NULL};
        if (spec->group)
            members = kb_group_take_apart(&here.grouper, spec);
        else
            give(spec);
        while (members.head)
            give(kb_queue_pop_head(&members));
    }
    kb_grouper_deinit(&here.grouper);
    kb_buf_deinit(&here.text);
    kb_buf_deinit(&here.extras);
    kb_spec_pool_deinit(&here.pool);
    kb_slabs_deinit(&here.slabs);
}

static struct kb_spec *add_to(const char *channel, const char *id, const char *data)
{
    struct kb_message msg = {.channel = kb_slice_of(channel),
        .id = kb_slice_of(id),
        .data = {.form = KB_FORM_TEXT, .bytes = kb_slice_of(data)},
        .key = {.form = KB_FORM_NULL}};
    struct kb_spec *spec = kb_spec_pool_take(&here.pool);
    kb_buf_reset(&here.text);
    if (here.grouper.msgpack)
        kb_spec_encode_msgpack(&here.text, &msg, &here.extras);
    else
        kb_spec_encode(&here.text, &msg);
    assert_false(here.text.failed);
    assert_true(kb_slabs_put(&here.slabs, kb_buf_slice(&here.text), &spec->json));
    spec->size = msg.data.bytes.len ? (uint32_t)kb_message_size(&msg) : 1; /* 0 = not told */
    spec->channel = 7;
    kb_queue_push_tail(&here.queue, spec);
    return spec;
}

static struct kb_spec *add(const char *id, const char *data)
{
    return add_to("c", id, data);
}

/* How many specs stand in the queue. */
static size_t length(void)
{
    size_t n = 0;
    for (const struct kb_spec *spec = here.queue.head; spec; spec = spec->next)
        n++;
    return n;
}

static void test_messages_of_one_partition_become_one_spec(void **state)
{
    (void)state;
    begin(false);
    add_to("a \"b\"", "t.x/3/5/AAAAAAAAAAA:0", "one");
    add_to("a \"b\"", "t.x/3/5.1/AAAAAAAAAAA:0", "\"two\"");
    add_to("a \"b\"", "t.x/3/17/BBBBBBBBBBB:0", "");
    assert_int_equal(kb_group_front(&here.grouper, &here.queue), 3);
    const struct kb_spec *group = here.queue.head;
    assert_null(group->next);
    assert_int_equal(group->group, 3);
    assert_int_equal(group->channel, 7);
    const char *start = "{\"channels\":[\"a \\\"b\\\"\"],\"messages\":[{\"id\":\"t.x/3/5-17/";
    struct kb_slice text = group->json.bytes;
    assert_memory_equal(text.ptr, start, strlen(start));
    char tag[12], expected[400];
    snprintf(tag, sizeof(tag), "%.11s", text.ptr + strlen(start));
    snprintf(expected, sizeof(expected),
        "%s%s:0\",\"data\":\"one\"},{\"id\":\"t.x/3/5-17/%s:1\",\"data\":\"\\\"two\\\"\"},"
        "{\"id\":\"t.x/3/5-17/%s:2\",\"data\":\"\"}]}",
        start, tag, tag, tag);
    assert_int_equal(text.len, strlen(expected));
    assert_memory_equal(text.ptr, expected, text.len);
    end();
}

/* The base stands for these messages and no others: were it the same for two sets, Ably would drop
 * the second, and what only that one had were lost. */
static void base_of(const char *const *ids, char out[64])
{
    begin(false);
    for (; *ids; ids++)
        add(*ids, "x");
    assert_true(kb_group_front(&here.grouper, &here.queue) > 1);
    const char *id = strstr(here.queue.head->json.bytes.ptr, "\"id\":\"") + 6;
    snprintf(out, 64, "%.*s", (int)strcspn(id, ":"), id);
    end();
}

static void test_the_base_tells_sets_apart(void **state)
{
    (void)state;
    static const char *const sets[][4] = {
        {"t/0/1/AAAAAAAAAAA:0", "t/0/2/AAAAAAAAAAA:0", "t/0/3/AAAAAAAAAAA:0"},
        {"t/0/1/AAAAAAAAAAA:0", "t/0/3/AAAAAAAAAAA:0"},
        {"t/0/1/AAAAAAAAAAA:0", "t/0/2/AAAAAAAAAAB:0", "t/0/3/AAAAAAAAAAA:0"},
        {"t/0/1/AAAAAAAAAAA:0", "t/0/2.1/AAAAAAAAAAA:0", "t/0/3/AAAAAAAAAAA:0"},
    };
    char bases[4][64], again[64];
    for (size_t i = 0; i < 4; i++)
        base_of(sets[i], bases[i]);
    for (size_t i = 0; i < 4; i++) {
        base_of(sets[i], again);
        assert_string_equal(bases[i], again);
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(bases[i], bases[j]);
    }
    assert_memory_equal(bases[0], "t/0/1-3/", 8);
}

static void test_other_partitions_keep_their_place_and_the_unsure_end_it(void **state)
{
    (void)state;
    begin(false);
    struct kb_spec *a1 = add("t/0/1/AAAAAAAAAAA:0", "x"), *b1 = add("t/1/1/AAAAAAAAAAA:0", "x");
    struct kb_spec *a2 = add("t/0/2/AAAAAAAAAAA:0", "x"), *b2 = add("t/1/2/AAAAAAAAAAA:0", "x");
    struct kb_spec *a3 = add("t/0/3/AAAAAAAAAAA:0", "x"), *a4 = add("t/0/4/AAAAAAAAAAA:0", "x");
    a3->unknown = true; /* it may have been sent: a4 must not go before it */
    assert_int_equal(kb_group_front(&here.grouper, &here.queue), 2);
    struct kb_spec *group = here.queue.head;
    assert_ptr_equal(group->members, a1);
    assert_ptr_equal(a1->next, a2);
    assert_null(a2->next);
    assert_ptr_equal(group->next, b1);
    assert_ptr_equal(b1->next, b2);
    assert_ptr_equal(b2->next, a3);
    assert_ptr_equal(here.queue.tail, a4);
    assert_int_equal(kb_group_front(&here.grouper, &here.queue), 0); /* it is one already */
    kb_queue_pop_head(&here.queue);
    struct kb_queue members = kb_group_take_apart(&here.grouper, group);
    assert_true(members.head == a1 && members.tail == a2);
    give(a1);
    give(a2);
    assert_int_equal(kb_group_front(&here.grouper, &here.queue), 2); /* b1, b2 */
    kb_queue_push_tail(&here.queue, kb_queue_pop_head(&here.queue));
    assert_int_equal(kb_group_front(&here.grouper, &here.queue), 0); /* a3 in front */
    end();

    begin(false);
    add("t/0/1/AAAAAAAAAAA:0", "x");
    add("t/0/2/AAAAAAAAAAA:0", "x")->size = 0; /* an id of the user's own, it may stand for any */
    add("t/0/3/AAAAAAAAAAA:0", "x");
    assert_int_equal(kb_group_front(&here.grouper, &here.queue), 0);
    assert_int_equal(length(), 3);
    end();
}

static void test_another_channel_does_not_come_along(void **state)
{
    (void)state;
    begin(false); /* two names with one hash */
    add_to("c", "t/0/1/AAAAAAAAAAA:0", "x");
    add_to("d", "t/0/2/AAAAAAAAAAA:0", "x");
    add_to("c", "t/0/3/AAAAAAAAAAA:0", "x");
    assert_int_equal(kb_group_front(&here.grouper, &here.queue), 2);
    assert_null(
        memmem(here.queue.head->json.bytes.ptr, here.queue.head->json.bytes.len, "\"d\"", 3));
    end();
}

static void add_ten(void)
{
    static const char *const ids[] = {"t/0/0/A:0", "t/0/1/A:0", "t/0/2/A:0", "t/0/3/A:0",
        "t/0/4/A:0", "t/0/5/A:0", "t/0/6/A:0", "t/0/7/A:0", "t/0/8/A:0", "t/0/9/A:0"};
    for (size_t i = 0; i < 10; i++)
        add(ids[i], "12345678901234567890");
}

static void test_the_limits_of_a_group(void **state)
{
    (void)state;
    begin(false);
    add_ten();
    here.grouper.max_size = 79; /* of data; Ably counts no ids */
    assert_int_equal(kb_group_front(&here.grouper, &here.queue), 3);
    end();
    begin(false);
    add_ten();
    here.grouper.max_messages = 7;
    assert_int_equal(kb_group_front(&here.grouper, &here.queue), 7);
    assert_int_equal(here.queue.head->company, 0);
    end();
    begin(false);
    add_ten();
    here.grouper.max_bytes = 500;
    assert_in_range(kb_group_front(&here.grouper, &here.queue), 2, 9);
    assert_true(here.queue.head->json.bytes.len + 2 <= 500);
    end();
    begin(false);
    add_ten();
    here.queue.head->next->company = 4; /* it was refused with six others */
    assert_int_equal(kb_group_front(&here.grouper, &here.queue), 4);
    assert_int_equal(here.queue.head->company, 4);
    end();
    begin(false);
    add_ten();
    here.queue.head->company = 1;
    assert_int_equal(kb_group_front(&here.grouper, &here.queue), 0);
    assert_int_equal(length(), 10);
    end();
}

/* Through the reader of MessagePack: the same names, whatever the lengths' forms. */
static void test_messagepack_says_the_same(void **state)
{
    (void)state;
    static char name[300], long_id[300];
    memset(name, 'n', 299);
    snprintf(long_id, sizeof(long_id), "%.240s/0/1/AAAAAAAAAAA:0", name);
    begin(true);
    here.grouper.max_size = 100000;
    add_to(name, long_id, "one");
    for (int i = 2; i < 22; i++) {
        char id[300];
        snprintf(id, sizeof(id), "%.240s/0/%d/AAAAAAAAAAA:0", name, i);
        add_to(name, id, "more");
    }
    assert_int_equal(kb_group_front(&here.grouper, &here.queue), 21);
    struct kb_slice text = here.queue.head->json.bytes;
    struct kb_buf expected;
    kb_buf_init(&expected, 1 << 20);
    const char *id = memmem(text.ptr, text.len, "/0/1-21/", 8);
    assert_non_null(id);
    kb_msgpack_map(&expected, 2);
    kb_msgpack_text(&expected, KB_S("channels"));
    kb_msgpack_array(&expected, 1);
    kb_msgpack_text(&expected, kb_slice_of(name));
    kb_msgpack_text(&expected, KB_S("messages"));
    kb_msgpack_array(&expected, 21);
    for (int i = 0; i < 21; i++) {
        char text_id[300];
        snprintf(text_id, sizeof(text_id), "%.240s/0/1-21/%.11s:%d", name, id + 8, i);
        kb_msgpack_map(&expected, 2);
        kb_msgpack_text(&expected, KB_S("id"));
        kb_msgpack_text(&expected, kb_slice_of(text_id));
        kb_msgpack_text(&expected, KB_S("data"));
        kb_msgpack_text(&expected, i == 0 ? KB_S("one") : KB_S("more"));
    }
    assert_int_equal(text.len, expected.len);
    assert_memory_equal(text.ptr, expected.ptr, text.len);
    assert_int_equal(kb_group_front(&here.grouper, &here.queue), 0);
    kb_buf_deinit(&expected);
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_messages_of_one_partition_become_one_spec),
        cmocka_unit_test(test_the_base_tells_sets_apart),
        cmocka_unit_test(test_other_partitions_keep_their_place_and_the_unsure_end_it),
        cmocka_unit_test(test_another_channel_does_not_come_along),
        cmocka_unit_test(test_the_limits_of_a_group),
        cmocka_unit_test(test_messagepack_says_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
