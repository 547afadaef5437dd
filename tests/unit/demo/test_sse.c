/* Server-sent events, wherever the network cuts the stream. */
#include "demo/sse.h"

#include "support/prop.h"

/* All events of a stream as text: TYPE=DATA, one behind the other. */
static void note(void *context, struct kb_slice type, struct kb_slice data)
{
    struct kb_buf *seen = context;
    kb_buf_printf(seen, "%.*s=<%.*s>", (int)type.len, type.ptr, (int)data.len, data.ptr);
}

/* Fed in pieces of `piece` bytes. */
static void assert_events(struct kb_slice stream, const char *expected, size_t piece)
{
    struct kb_sse sse;
    struct kb_buf seen;
    kb_buf_init(&seen, 1 << 16);
    kb_sse_init(&sse, note, &seen);
    for (size_t at = 0; at < stream.len; at += piece) {
        size_t len = stream.len - at < piece ? stream.len - at : piece;
        assert_true(kb_sse_feed(&sse, (struct kb_slice){stream.ptr + at, len}));
    }
    if (!kb_slice_is(kb_buf_slice(&seen), expected))
        fail_msg("in pieces of %zu: \"" KB_FMT "\", expected \"%s\"", piece,
            KB_ARG(kb_buf_slice(&seen)), expected);
    kb_sse_deinit(&sse);
    kb_buf_deinit(&seen);
}

static void test_streams(void **state)
{
    (void)state;
    static const struct {
        const char *stream, *events;
    } cases[] = {
        {"id: 1\nevent: message\ndata: {\"a\":1}\n\n", "message=<{\"a\":1}>"},
        {"data: one\n\ndata: two\n\n", "message=<one>message=<two>"},
        {"data: one\r\n\r\ndata: two\r\n\r\n", "message=<one>message=<two>"},
        {"data: one\r\rdata: two\r\r", "message=<one>message=<two>"},
        {"data: a\r\ndata: b\r\n\r\n", "message=<a\nb>"},
        {"data: a\ndata: b\ndata:\n\n", "message=<a\nb\n>"},
        {"data:no space\n\ndata:  two\n\n", "message=<no space>message=< two>"},
        {":keep-alive\n\n: and another\n\ndata: x\n\n", "message=<x>"},
        {"event: error\ndata: 40101\n\ndata: x\n\n", "error=<40101>message=<x>"},
        {"event: lonely\n\ndata: x\n\n", "message=<x>"},
        {"data\n\n", "message=<>"},
        {"data: unfinished\n", ""},
        {"retry: 5\nunknown: y\ncolonless\ndata: x\n\n", "message=<x>"},
        {"data: a:b:c\n\n", "message=<a:b:c>"},
    };
    for (size_t i = 0; i < KB_COUNT(cases); i++)
        for (size_t piece = 1; piece < 40; piece++)
            assert_events(kb_slice_of(cases[i].stream), cases[i].events, piece);
}

static void test_an_endless_event_is_refused(void **state)
{
    (void)state;
    struct kb_sse sse;
    struct kb_buf seen;
    static char block[4096];
    memset(block, 'x', sizeof(block));
    kb_buf_init(&seen, 100);
    kb_sse_init(&sse, note, &seen);
    bool ok = kb_sse_feed(&sse, KB_S("data: "));
    size_t fed = 0;
    for (; ok && fed < (16 << 20); fed += sizeof(block))
        ok = kb_sse_feed(&sse, (struct kb_slice){block, sizeof(block)});
    assert_false(ok);
    assert_true(fed < (4 << 20));
    kb_sse_deinit(&sse);
    kb_buf_deinit(&seen);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_streams),
        cmocka_unit_test(test_an_endless_event_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
