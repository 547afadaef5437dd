/* The plain reply recognised at a glance: what it accepts, the reader of events accepts as
 * published, for bodies as they come and for bodies with random damage. */
#include "ably/reply_body.h"
#include "base/buf.h"
#include "support/prop.h"

#define SPECS_MAX 4
#define ONE                                                                                     \
    "{\"successCount\":1,\"failureCount\":0,\"results\":[{\"channel\":\"a\",\"messageId\":\"i:" \
    "0\"}]}"
#define SERIAL                                                                              \
    "{\"successCount\":1,\"failureCount\":0,\"results\":[{\"channel\":\"b\",\"messageId\":" \
    "\"i\",\"serials\":[\"s@1\"]}]}"

static void test_what_is_plain(void **state)
{
    (void)state;
    assert_true(kb_reply_body_plain(KB_S("[" ONE "]"), 1));
    assert_true(kb_reply_body_plain(KB_S("[" SERIAL "]"), 1));
    assert_true(kb_reply_body_plain(KB_S("[" ONE "," SERIAL "," ONE "]"), 3));
}

static void test_what_is_not(void **state)
{
    (void)state;
    static const struct kb_slice bodies[] = {KB_S(""), {NULL, 0}, KB_S("["), KB_S("[]"), KB_S(ONE),
        KB_S("[" ONE), KB_S("[" ONE "," ONE "]"), KB_S("[" ONE "]]"), KB_S("[" ONE "] "),
        KB_S("[" ONE ",]"), KB_S("[{\"successCount\":1,\"failureCount\":0,\"results\":[]}]"),
        KB_S("[{\"successCount\":0,\"failureCount\":1,\"results\":[{\"channel\":\"a\",\"error\":{"
             "\"code\":40000}}]}]"),
        KB_S("[{\"successCount\":1,\"failureCount\":0,\"results\":[{\"channel\":\"\xff\","
             "\"messageId\":\"i\"}]}]")};
    for (size_t i = 0; i < KB_COUNT(bodies); i++)
        if (kb_reply_body_plain(bodies[i], 1))
            fail_msg("plain: " KB_FMT, KB_ARG(bodies[i]));
    assert_false(kb_reply_body_plain(KB_S("[]"), 0));
}

/* A plain body, often with a byte changed, lost, doubled or moved. */
static void make_body(struct kb_buf *body, size_t n)
{
    static const char bytes[] = "\"\\{}[],:019aes \n\xc3\xff";
    kb_buf_reset(body);
    kb_buf_byte(body, '[');
    for (size_t i = 0; i < n; i++) {
        kb_buf_add(body, i > 0 ? KB_S(",") : KB_S(""));
        kb_buf_add(body, prop_below(2) ? KB_S(ONE) : KB_S(SERIAL));
    }
    kb_buf_byte(body, ']');
    for (uint64_t damage = prop_below(3); damage > 0; damage--) {
        size_t at = prop_below(body->len);
        switch (prop_below(3)) {
        case 0:
            body->ptr[at] = bytes[prop_below((sizeof(bytes)) - 1)];
            break;
        case 1:
            memmove(body->ptr + at, body->ptr + at + 1, body->len - at - 1);
            body->len--;
            break;
        default:
            body->ptr[at] = body->ptr[prop_below(body->len)];
        }
    }
}

static void test_the_reader_agrees(void **state)
{
    (void)state;
    struct kb_reply reply;
    struct kb_buf body;
    size_t plain = 0;
    prop_seed();
    assert_true(kb_reply_init(&reply, SPECS_MAX));
    kb_buf_init(&body, 4096);
    for (int i = 0; i < 100000; i++) {
        size_t n = 1 + prop_below(SPECS_MAX);
        struct kb_reply_body read;
        make_body(&body, n);
        if (!kb_reply_body_plain(kb_buf_slice(&body), n))
            continue;
        plain++;
        kb_reply_body_read(&reply, kb_buf_slice(&body), n, true, false, &read);
        assert_null(read.unusable);
        assert_null(read.bad);
        assert_int_equal(read.n, n);
        for (size_t k = 0; k < n; k++)
            assert_int_equal(reply.results[k].class, KB_ABLY_OK);
    }
    assert_in_range(plain, 30000, 99000); /* neither never nor always: the test tests something */
    kb_buf_deinit(&body);
    kb_reply_deinit(&reply);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_plain),
        cmocka_unit_test(test_what_is_not),
        cmocka_unit_test(test_the_reader_agrees),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
