/* tests/golden/reply.txt: a reply of Ably's, or of somebody in between, and what became of each
 * spec. */
#include "ably/reply.h"

#include "base/buf.h"
#include "golden.h"
#include "value/msgpack.h"

#define SPECS_MAX 4

static size_t packed_cases;

static void read_reply_line(struct kb_http_reply *http, struct kb_slice text)
{
    const char *space = memchr(text.ptr, ' ', text.len);
    http->status = (int)strtol(text.ptr, NULL, 10);
    http->body =
        space ? (struct kb_slice){space + 1, text.len - (size_t)(space + 1 - text.ptr)} : KB_S("");
    if (http->status == 0)
        kb_err_outage(&http->err, KB_FMT, KB_ARG(http->body));
}

/* True where the line is part of the reply. */
static bool input_line(struct kb_http_reply *http, size_t *n, struct kb_slice line)
{
    struct kb_slice label, text;
    if (kb_slice_starts(line, KB_S("=")) || !golden_label(line, &label, &text))
        return false;
    if (kb_slice_is(label, "n"))
        *n = strtoul(text.ptr, NULL, 10);
    else if (kb_slice_is(label, "type"))
        http->headers.content_type = text.len ? text : (struct kb_slice){0};
    else if (kb_slice_is(label, "code"))
        http->headers.ably_error_code = text;
    else if (kb_slice_is(label, "message"))
        http->headers.ably_error_message = text;
    else if (kb_slice_is(label, "retry_after"))
        http->headers.retry_after = text;
    else if (kb_slice_is(label, "truncated"))
        http->truncated = true;
    else if (kb_slice_is(label, "reply"))
        read_reply_line(http, text);
    else
        return false;
    return true;
}

static void print_result(struct kb_buf *out, const char *before, const struct kb_result *result)
{
    if (result->class == KB_ABLY_OK) {
        kb_buf_printf(out, "= ok\n");
        return;
    }
    kb_buf_printf(out, "= %s%s %d %d%s" KB_FMT "\n", before, kb_ably_class_name(result->class),
        result->code, result->status, result->text.len ? " " : "", KB_ARG(result->text));
}

static void print_reply(struct kb_buf *out, const struct kb_reply *reply, size_t n)
{
    if (reply->verdict == KB_REPLY_REFUSED)
        print_result(out, "refused ", &reply->whole);
    else if (reply->verdict == KB_REPLY_OUTAGE)
        print_result(out, "outage ", &reply->whole);
    for (size_t i = 0; reply->verdict == KB_REPLY_RESULTS && i < n; i++)
        print_result(out, "", &reply->results[i]);
    if (reply->retry_after_ms)
        kb_buf_printf(out, "= retry after %d\n", reply->retry_after_ms);
}

/* What is proper JSON says the same as MessagePack (RSC8d). But 1.0 is 1 there. */
static void check_msgpack(struct golden *golden, const struct golden_case *c,
    struct kb_http_reply *http, struct kb_reply *reply, size_t n, struct kb_slice expected)
{
    struct kb_buf packed, got;
    kb_buf_init(&packed, 1 << 16);
    kb_buf_init(&got, 1 << 16);
    struct kb_slice type = http->headers.content_type;
    bool json = !type.ptr || kb_slice_is(type, "application/json") ||
                kb_slice_starts(type, KB_S("application/json;"));
    if (json && !memmem(http->body.ptr, http->body.len, "1.0", 3) &&
        kb_msgpack_json(&packed, http->body)) {
        http->body = kb_buf_slice(&packed);
        if (type.ptr)
            http->headers.content_type = KB_S("application/x-msgpack; v=1");
        kb_reply_read(reply, http, n);
        print_reply(&got, reply, n);
        golden_check(golden, c, expected, kb_buf_slice(&got));
        packed_cases++;
    }
    kb_buf_deinit(&packed);
    kb_buf_deinit(&got);
}

static void run_case(struct golden *golden, const struct golden_case *c, struct kb_reply *reply,
    struct kb_buf *expected, struct kb_buf *got)
{
    struct kb_http_reply http = {.headers.content_type = KB_S("application/json")};
    size_t n = 1;
    kb_buf_reset(expected);
    kb_buf_reset(got);
    for (size_t i = 0; i < c->n; i++) {
        if (input_line(&http, &n, c->lines[i]))
            continue;
        if (!kb_slice_starts(c->lines[i], KB_S("= ")))
            golden_fail(golden, c, "not understood:", c->lines[i]);
        kb_buf_add(expected, c->lines[i]);
        kb_buf_byte(expected, '\n');
    }
    kb_reply_read(reply, &http, n);
    print_reply(got, reply, n);
    golden_check(golden, c, kb_buf_slice(expected), kb_buf_slice(got));
    check_msgpack(golden, c, &http, reply, n, kb_buf_slice(expected));
}

static void test_golden(void **state)
{
    (void)state;
    struct golden golden;
    static struct golden_case c;
    struct kb_reply reply;
    struct kb_buf expected, got;
    kb_buf_init(&expected, 1 << 16);
    kb_buf_init(&got, 1 << 16);
    assert_true(kb_reply_init(&reply, SPECS_MAX));
    golden_open(&golden, "reply.txt");
    while (golden_next(&golden, &c))
        run_case(&golden, &c, &reply, &expected, &got);
    golden_close(&golden);
    assert_true(packed_cases > 40);
    kb_reply_deinit(&reply);
    kb_buf_deinit(&expected);
    kb_buf_deinit(&got);
}

/* Cut anywhere, a reply of three specs is an outage. */
static void test_a_reply_cut_anywhere_is_an_outage(void **state)
{
    (void)state;
    static const char whole[] =
        "[{\"successCount\":1,\"failureCount\":0,\"results\":[{\"channel\":\"a\",\"messageId\":"
        "\"m\"}]},"
        "{\"results\":[{\"channel\":\"b\",\"error\":{\"code\":40160,\"statusCode\":401}}]},"
        "{\"results\":[{\"channel\":\"c\",\"messageId\":\"n\",\"serials\":[\"s\"]}]}]";
    struct kb_reply reply;
    assert_true(kb_reply_init(&reply, 3));
    for (size_t len = 0; len < sizeof(whole); len++) {
        struct kb_http_reply http = {.status = 201, .body = {whole, len}};
        kb_reply_read(&reply, &http, 3);
        assert_int_equal(
            reply.verdict, len == sizeof(whole) - 1 ? KB_REPLY_RESULTS : KB_REPLY_OUTAGE);
    }
    kb_reply_deinit(&reply);
}

static void test_a_packed_reply_cut_anywhere_is_an_outage(void **state)
{
    (void)state;
    static const char whole[] =
        "[{\"successCount\":1,\"failureCount\":0,\"results\":[{\"channel\":\"a\",\"messageId\":"
        "\"m\"}]},"
        "{\"results\":[{\"channel\":\"b\",\"error\":{\"code\":40160,\"statusCode\":401}}]}]";
    struct kb_reply reply;
    struct kb_buf packed;
    kb_buf_init(&packed, 4096);
    assert_true(kb_msgpack_json(&packed, kb_slice_of(whole)));
    assert_true(kb_reply_init(&reply, 2));
    for (size_t len = 0; len <= packed.len; len++) {
        struct kb_http_reply http = {.status = 201, .body = {packed.ptr, len}};
        kb_reply_read(&reply, &http, 2);
        assert_int_equal(reply.verdict, len == packed.len ? KB_REPLY_RESULTS : KB_REPLY_OUTAGE);
    }
    kb_reply_deinit(&reply);
    kb_buf_deinit(&packed);
}

/* Texts are shortened between characters, and beyond a megabyte of them they are lost, codes are
 * not. */
static void test_long_texts_are_cut(void **state)
{
    (void)state;
    enum { N = 4000 };
    struct kb_reply reply;
    struct kb_buf body;
    kb_buf_init(&body, 32 << 20);
    kb_buf_byte(&body, '[');
    for (int i = 0; i < N; i++) {
        kb_buf_printf(&body,
            "%s{\"results\":[{\"channel\":\"c\",\"error\":{\"code\":40010,"
            "\"message\":\"%s",
            i ? "," : "", i % 2 ? "" : "x");
        for (int k = 0; k < 600; k++)
            kb_buf_add(&body, KB_S("é"));
        kb_buf_add(&body, KB_S("\"}}]}"));
    }
    kb_buf_byte(&body, ']');
    assert_false(body.failed);
    assert_true(kb_reply_init(&reply, N));
    struct kb_http_reply http = {.status = 201, .body = kb_buf_slice(&body)};
    kb_reply_read(&reply, &http, N);
    assert_int_equal(reply.verdict, KB_REPLY_RESULTS);
    assert_int_equal(reply.results[0].text.len, 511); /* x and 255 whole characters */
    assert_int_equal(reply.results[1].text.len, 512);
    assert_int_equal(reply.results[N - 1].code, 40010);
    assert_int_equal(reply.results[N - 1].text.len, 0);
    kb_reply_deinit(&reply);
    kb_buf_deinit(&body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden),
        cmocka_unit_test(test_a_reply_cut_anywhere_is_an_outage),
        cmocka_unit_test(test_a_packed_reply_cut_anywhere_is_an_outage),
        cmocka_unit_test(test_long_texts_are_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
