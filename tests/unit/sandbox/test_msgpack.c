/* MessagePack in and out: known bytes, hostile bytes, and there and back for random documents. */
#include "unit/sandbox/by_hand.h"

#include "sandbox/msgpack.h"
#include "support/json_tree.h"
#include "value/json.h"

/* The bytes as JSON text; ptr NULL = refused, with the reason in `err`. */
static struct kb_slice as_json(struct kb_slice bytes, struct kb_buf *out, struct kb_err *err)
{
    struct kb_json_writer writer;

    kb_buf_reset(out);
    kb_json_writer_init(&writer, out);
    return kb_msgpack_read(bytes, &writer.events, err) ? kb_buf_slice(out) : (struct kb_slice){0};
}

static void test_known_bytes(void **state)
{
    static const struct {
        struct kb_slice bytes;
        const char *json; /* NULL = refused */
    } rows[] = {
        {KB_S("\xc0"), "null"}, {KB_S("\xc2"), "false"}, {KB_S("\xc3"), "true"},
        {KB_S("\x07"), "7"}, {KB_S("\xff"), "-1"}, {KB_S("\xcd\x01\x00"), "256"},
        {KB_S("\xd3\x80\x00\x00\x00\x00\x00\x00\x00"), "-9223372036854775808"},
        {KB_S("\xcf\xff\xff\xff\xff\xff\xff\xff\xff"), "18446744073709551615"},
        {KB_S("\xcb\x40\x14\x00\x00\x00\x00\x00\x00"), "5"}, /* 5.0, as some write a whole number */
        {KB_S("\xcb\x3f\xf8\x00\x00\x00\x00\x00\x00"), "1.5"},
        {KB_S("\xca\x3f\x00\x00\x00"), "0.5"},
        {KB_S("\xcb\x7f\xf8\x00\x00\x00\x00\x00\x00"), "\"NaN\""}, {KB_S("\xa2hi"), "\"hi\""},
        {KB_S("\xa0"), "\"\""}, {KB_S("\xd9\x02hi"), "\"hi\""},
        {KB_S("\xc4\x03\x00\x01\xff"), "\"AAH/\""}, {KB_S("\xc4\x00"), "\"\""},
        {KB_S("\x90"), "[]"}, {KB_S("\x80"), "{}"},
        {KB_S("\x82\xa1\x61\x92\x01\xc0\xa1\x62\x80"), "{\"a\":[1,null],\"b\":{}}"},
        {KB_S("\xdd\x00\x00\x00\x01\x91\x90"), "[[[]]]"}, {KB_S(""), NULL},
        {KB_S("\xc1"), NULL},                                       /* never used */
        {KB_S("\xd4\x01\x00"), NULL},                               /* an extension */
        {KB_S("\xcd\x01"), NULL},                                   /* cut off in a number, */
        {KB_S("\xa3hi"), NULL},                                     /* in a text, */
        {KB_S("\xc6\xff\xff\xff\xff"), NULL},                       /* in 4 GiB of binary, */
        {KB_S("\xdd\xff\xff\xff\xff\xc0"), NULL},                   /* in an array */
        {KB_S("\xdf\xff\xff\xff\xff"), NULL},                       /* and in a map of as many */
        {KB_S("\x81\xa1\x61"), NULL},                               /* no value */
        {KB_S("\x81\x01\x02"), NULL},                               /* a key that is no text */
        {KB_S("\x81\x90\x02"), NULL}, {KB_S("\xa2\xc3\x28"), NULL}, /* no UTF-8 */
        {KB_S("\x81\xa1\xff\x01"), NULL}, {KB_S("\x01\x01"), NULL}, /* two values */
        {KB_S("{}"), NULL}, /* JSON: a number, and then some */
    };
    struct kb_buf out;
    struct kb_err err;

    (void)state;
    kb_buf_init(&out, 1000);
    for (size_t i = 0; i < KB_COUNT(rows); i++) {
        print_message("%zu: %s\n", i, rows[i].json ? rows[i].json : "refused");
        struct kb_slice json = as_json(rows[i].bytes, &out, &err);
        if (rows[i].json)
            assert_slice(json, kb_slice_of(rows[i].json));
        else if (json.ptr)
            fail_msg("accepted as " KB_FMT, KB_ARG(json));
    }
    kb_buf_deinit(&out);
}

static void test_depth(void **state)
{
    static char bytes[KB_JSON_DEPTH_MAX + 2];
    struct kb_buf out;
    struct kb_err err;

    (void)state;
    kb_buf_init(&out, 10000);
    memset(bytes, '\x91', sizeof(bytes)); /* arrays of one */
    bytes[KB_JSON_DEPTH_MAX] = '\xc0';
    assert_non_null(as_json((struct kb_slice){bytes, KB_JSON_DEPTH_MAX + 1}, &out, &err).ptr);
    bytes[KB_JSON_DEPTH_MAX] = '\x91';
    bytes[KB_JSON_DEPTH_MAX + 1] = '\xc0';
    assert_null(as_json((struct kb_slice){bytes, KB_JSON_DEPTH_MAX + 2}, &out, &err).ptr);
    assert_non_null(strstr(err.text, "nested too deeply"));
    kb_buf_deinit(&out);
}

/* Whole numbers keep every digit; the others become the doubles they stand for. */
static void test_there_and_back(void **state)
{
    struct kb_arena arena;
    struct kb_buf json, packed, again, once;
    struct kb_err err;

    (void)state;
    prop_seed();
    kb_arena_init(&arena, 1 << 20);
    kb_buf_init(&json, 1 << 20);
    kb_buf_init(&packed, 1 << 20);
    kb_buf_init(&again, 1 << 20);
    kb_buf_init(&once, 1 << 20);
    for (int i = 0; i < 2000; i++) {
        kb_arena_reset(&arena);
        kb_buf_reset(&json);
        kb_buf_reset(&packed);
        kb_buf_reset(&once);
        tree_print(tree_random(&arena, 4), &json, false);
        kb_msgpack_write(&packed, kb_buf_slice(&json));
        assert_non_null(as_json(kb_buf_slice(&packed), &again, &err).ptr);
        kb_buf_add(&once, kb_buf_slice(&again));
        kb_buf_reset(&packed);
        kb_msgpack_write(&packed, kb_buf_slice(&once));
        assert_slice(as_json(kb_buf_slice(&packed), &again, &err), kb_buf_slice(&once));
        if (!memmem(json.ptr, json.len, "1.50", 4) && !memmem(json.ptr, json.len, "1e5", 3) &&
            !memmem(json.ptr, json.len, "-2.5E-10", 8) && !memmem(json.ptr, json.len, "-0", 2) &&
            !memmem(json.ptr, json.len, "1234567890123", 13))
            assert_slice(kb_buf_slice(&once), kb_buf_slice(&json));
    }
    kb_arena_deinit(&arena);
    kb_buf_deinit(&json);
    kb_buf_deinit(&packed);
    kb_buf_deinit(&again);
    kb_buf_deinit(&once);
}

/* --- as bodies --- */

static void post_packed(const char *path, struct kb_slice body)
{
    by_hand_request.content_type = "application/x-msgpack";
    by_hand_bytes("POST", path, body);
    by_hand_request.content_type = "application/json";
}

/* {"id": ID, "data": <00 01 ff>} */
#define BINARY(id)             \
    "\x82\xa2id\xa1" id "\xa4" \
    "data\xc4\x03\x00\x01\xff"

static void test_posted(void **state)
{
    (void)state;
    by_hand_start(&(struct kb_service_options){0});
    post_packed("/messages", KB_S("\x91\x82\xa8"
                                  "channels\xa1"
                                  "c\xa8"
                                  "messages" BINARY("a")));
    assert_answer(201, "[{\"successCount\":1,");
    post_packed("/channels/c/messages", KB_S("\x83\xa2id\xa1"
                                             "b\xa8"
                                             "encoding\xa5"
                                             "utf-8\xa4"
                                             "data\xc4\x01\x41"));
    assert_answer(201, "\"messageId\":\"b\"");
    post_packed("/channels/c/messages", KB_S("\x83\xa2id\xa1"
                                             "c\xa6"
                                             "extras\x81\xa7headers\x81\xa1n\x01\xa4"
                                             "data\x81\xa1k\xc3"));
    assert_answer(201, "\"messageId\":\"c\"");
    by_hand_set_query("direction", "forwards", NULL);
    by_hand("GET", "/channels/c/messages", "");
    assert_answer(200, "\"encoding\":\"base64\",\"serial\":");
    assert_answer(200, "\"data\":\"AAH/\"}");
    assert_answer(200, "\"encoding\":\"utf-8/base64\",\"serial\":");
    assert_answer(200, "\"data\":\"QQ==\"}");
    assert_answer(200, "\"data\":\"{\\\"k\\\":true}\",\"extras\":{\"headers\":{\"n\":1}}}");
    assert_string_equal(by_hand_x.content_type, "application/json");
    by_hand_end();
}

static void test_refused(void **state)
{
    static const struct {
        struct kb_slice message;
        int status;
        const char *answer;
    } rows[] = {
        {KB_S("\x81\xa2id\x07"), 400, "\"code\":40031,"},
        {KB_S("\x81\xa2id\xc4\x01\x41"), 400, "\"code\":40031,"}, /* binary is no text */
        {KB_S("\x81\xa4"
              "data\x07"),
            400, "\"code\":40013,"},
        {KB_S("\x81\xa6"
              "extras\x81\xa7headers\x81\xa1n\xc4\x01\x41"),
            400, "\"code\":40032,"},
        {KB_S("\x93"), 400, "the body is not MessagePack: byte 1: the value ends too early"},
        {KB_S("{\"data\":\"x\"}"), 400, "the body is not MessagePack"},
        {KB_S(""), 400, "the body is not MessagePack"},
        {KB_S("\xc0"), 400, "\"code\":40001,"},
    };

    (void)state;
    by_hand_start(&(struct kb_service_options){0});
    for (size_t i = 0; i < KB_COUNT(rows); i++) {
        print_message("%zu\n", i);
        post_packed("/channels/c/messages", rows[i].message);
        assert_answer(rows[i].status, rows[i].answer);
    }
    by_hand_end();
}

/* Nested as deep as JSON may be, wrapped by an answer it would be deeper. */
static void test_deep_extras(void **state)
{
    static const struct {
        int arrays, status;
        const char *answer;
    } rows[] = {{98, 201, "serials"}, {99, 201, "serials"}, {100, 400, "\"code\":40032,"},
        {510, 400, "\"code\":40032,"}, {511, 400, "the body is not JSON"}};
    struct kb_buf body;

    (void)state;
    by_hand_start(&(struct kb_service_options){0});
    for (size_t row = 0; row < KB_COUNT(rows); row++) {
        kb_buf_init(&body, 10000);
        kb_buf_add(&body, KB_S("{\"extras\":{\"ref\":"));
        for (int i = 0; i < rows[row].arrays; i++)
            kb_buf_byte(&body, '[');
        for (int i = 0; i < rows[row].arrays; i++)
            kb_buf_byte(&body, ']');
        kb_buf_add(&body, KB_S("}}"));
        by_hand_bytes("POST", "/channels/c/messages", kb_buf_slice(&body));
        assert_answer(rows[row].status, rows[row].answer);
        kb_buf_deinit(&body);
    }
    by_hand_request.accept = "application/x-msgpack";
    by_hand("GET", "/channels/c/messages", "");
    assert_int_equal(by_hand_x.status, 200);
    by_hand_end();
}

static void test_answers(void **state)
{
    struct kb_slice answer;
    struct kb_err err;
    struct kb_buf out;

    (void)state;
    kb_buf_init(&out, 10000);
    by_hand_start(&(struct kb_service_options){0});
    by_hand("POST", "/channels/c/messages",
        "[{\"id\":\"a:0\",\"encoding\":\"cipher+aes-256-cbc/base64\",\"data\":\"AAH/\"},"
        "{\"id\":\"a:1\",\"encoding\":\"base64\",\"data\":\"AAH/\"},"
        "{\"id\":\"a:2\",\"encoding\":\"base64\",\"data\":\"no base64!\"},"
        "{\"id\":\"a:3\",\"encoding\":\"notbase64\",\"data\":\"AAH/\"},"
        "{\"id\":\"a:4\",\"data\":\"AAH/"
        "\",\"extras\":{\"headers\":{\"encoding\":\"base64\",\"data\":"
        "\"AAH/\"}}}]");
    assert_answer(201, "serials");
    by_hand_request.accept = "application/x-msgpack,application/json";
    by_hand_set_query("direction", "forwards", NULL);
    by_hand("GET", "/channels/c/messages", "");
    assert_int_equal(by_hand_x.status, 200);
    assert_string_equal(by_hand_x.content_type, "application/x-msgpack");
    answer = kb_buf_slice(&by_hand_x.answer);
    assert_true(kb_slice_starts(answer, KB_S("\xdd\x00\x00\x00\x05\xdf\x00\x00\x00\x05")));
    /* the first two are binary; the third never was base64, nor the fourth, nor are headers */
    static const struct kb_slice wanted[] = {
        KB_S("\xa8"
             "encoding\xb2"
             "cipher+aes-256-cbc\xa6serial"),
        KB_S("\xa4"
             "data\xc4\x03\x00\x01\xff\xdf\x00\x00\x00\x04\xa2id\xa3"
             "a:1"),
        KB_S("\xa4"
             "data\xaano base64!"),
        KB_S("\xa8"
             "encoding\xa9notbase64"),
        KB_S("\xa8"
             "encoding\xa6"
             "base64\xa4"
             "data\xa4"
             "AAH/"),
    };
    for (size_t i = 0; i < KB_COUNT(wanted); i++) {
        print_message("%zu\n", i);
        assert_non_null(memmem(answer.ptr, answer.len, wanted[i].ptr, wanted[i].len));
    }
    assert_non_null(as_json(answer, &out, &err).ptr);

    by_hand("GET", "/time", "");
    assert_slice(kb_buf_slice(&by_hand_x.answer),
        KB_S("\xdd\x00\x00\x00\x01\xcf\x00\x00\x01\x8b\xcf\xe5\x68\x00"));
    by_hand("GET", "/nowhere", "");
    assert_slice(as_json(kb_buf_slice(&by_hand_x.answer), &out, &err),
        KB_S("{\"error\":{\"code\":40400,\"statusCode\":404,\"message\":\"no such address: "
             "/nowhere\","
             "\"href\":\"https://help.ably.io/error/40400\"}}"));
    by_hand_request.accept = "application/json,application/x-msgpack";
    by_hand("GET", "/time", "");
    assert_answer(200, "[1700000000000]");
    by_hand_end();
    kb_buf_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_bytes),
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_there_and_back),
        cmocka_unit_test(test_posted),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_deep_extras),
        cmocka_unit_test(test_answers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
