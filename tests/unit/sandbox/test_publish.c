/* Ably's rules as the local Ably enforces them: a table of requests and what comes back. */
#include "unit/sandbox/by_hand.h"

#include "value/json.h"

#define SUCCESS \
    "{\"successCount\":1,\"failureCount\":0,\"results\":[{\"channel\":\"c\",\"messageId\":"
#define FAILURE(code, status)                                                            \
    "{\"successCount\":0,\"failureCount\":1,\"results\":[{\"channel\":\"c\",\"error\":{" \
    "\"code\":" code ",\"statusCode\":" status ","
#define REFUSED(code) "{\"error\":{\"code\":" code ","
#define MESSAGE(members) "{\"channels\":\"c\",\"messages\":{" members "}}"

struct rule {
    const char *body;
    int status;
    const char *answer;
};

static const struct rule rules[] = {
    /* the shape of a batch */
    {MESSAGE("\"data\":\"x\""), 201, "[" SUCCESS},
    {"[" MESSAGE("\"data\":\"x\"") "]", 201, "[" SUCCESS},
    {"[{\"channels\":[\"c\"],\"messages\":[{\"data\":\"x\"}]}]", 201, "[" SUCCESS},
    {"[{\"messages\":[{}],\"channels\":[\"c\"],\"later\":{\"deep\":[1]}}]", 201, "[" SUCCESS},
    {"{\"channels\":[\"c\",\"d\"],\"messages\":{}}", 201, "\"successCount\":2,\"failureCount\":0"},
    {"[" MESSAGE("") "," MESSAGE("") "]", 201, "]}," SUCCESS},
    {"", 400, REFUSED("40001")},
    {"{", 400, REFUSED("40001")},
    {"7", 400, REFUSED("40001")},
    {"\"c\"", 400, REFUSED("40001")},
    {"[]", 400, REFUSED("40001")},
    {"[[]]", 400, REFUSED("40001")},
    {"[" MESSAGE("") ",3]", 400, REFUSED("40001")},
    {"{}", 400, REFUSED("40001")},
    {"{\"channels\":\"c\"}", 400, REFUSED("40001")},
    {"{\"messages\":{}}", 400, REFUSED("40001")},
    {"{\"channels\":[],\"messages\":{}}", 400, REFUSED("40001")},
    {"{\"channels\":\"c\",\"messages\":[]}", 400, REFUSED("40001")},
    {"{\"channels\":[[\"c\"]],\"messages\":{}}", 400, REFUSED("40001")},
    {"{\"channels\":{\"c\":1},\"messages\":{}}", 400, REFUSED("40001")},
    {"{\"channels\":\"c\",\"messages\":[[{}]]}", 400, REFUSED("40001")},
    {"{\"channels\":\"c\",\"messages\":\"m\"}", 400, REFUSED("40001")},
    {"{\"channels\":[\"c\",\"c\"],\"messages\":{}}", 400, "the same channel twice"},
    {MESSAGE("\"data\":\"\xff\""), 400, REFUSED("40001")},
    /* of a member that comes twice the last counts */
    {"{\"channels\":[\"[\",\"b\"],\"channels\":\"c\",\"messages\":{}}", 201, "[" SUCCESS},
    {MESSAGE("\"id\":\"one\",\"id\":\"two\""), 201, "[" SUCCESS "\"two\""},
    /* channel names */
    {"{\"channels\":\"\",\"messages\":{}}", 201, "\"error\":{\"code\":40010,\"statusCode\":400"},
    {"{\"channels\":\"[m]x\",\"messages\":{}}", 201, "\"error\":{\"code\":40010,"},
    {"{\"channels\":\":x\",\"messages\":{}}", 201, "\"error\":{\"code\":40010,"},
    {"{\"channels\":\"a\\nb\",\"messages\":{}}", 201, "\"error\":{\"code\":40010,"},
    {"{\"channels\":\"a\\rb\",\"messages\":{}}", 201, "\"error\":{\"code\":40010,"},
    {"{\"channels\":\"a[:b,\\u00e9\",\"messages\":{}}", 201, "\"successCount\":1"},
    {"{\"channels\":[\"a\",\"[b\"],\"messages\":{}}", 201, "\"successCount\":1,\"failureCount\":1"},
    /* data and encoding */
    {MESSAGE("\"data\":{\"a\":[1,{}]}"), 201, "[" SUCCESS},
    {MESSAGE("\"data\":null,\"encoding\":null,\"name\":null,\"id\":null,\"extras\":null"), 201,
        "[" SUCCESS},
    {MESSAGE("\"data\":7"), 201, "[" FAILURE("40013", "400")},
    {MESSAGE("\"data\":true"), 201, "[" FAILURE("40013", "400")},
    {MESSAGE("\"encoding\":7"), 201, "[" FAILURE("40013", "400")},
    {MESSAGE("\"encoding\":[\"json\"]"), 201, "[" FAILURE("40013", "400")},
    {MESSAGE("\"name\":{}"), 201, "[" FAILURE("40016", "400")},
    {MESSAGE("\"clientId\":1"), 201, "[" FAILURE("40012", "400")},
    {MESSAGE("\"clientId\":\"*\""), 201, "[" FAILURE("40012", "400")},
    {MESSAGE("\"clientId\":\"me\""), 201, "[" SUCCESS},
    /* extras */
    {MESSAGE("\"extras\":{\"kafka\":{\"key\":\"k\"},\"headers\":{\"a\":\"1\",\"b\":2,\"c\":true,"
             "\"d\":null},\"push\":{\"notification\":{\"title\":\"t\"}},\"ephemeral\":true,"
             "\"privileged\":{},\"ref\":{}}"),
        201, "[" SUCCESS},
    {MESSAGE("\"extras\":{}"), 201, "[" SUCCESS},
    {MESSAGE("\"extras\":{\"other\":1}"), 201, "[" FAILURE("40032", "400")},
    {MESSAGE("\"extras\":{\"headers\":{\"a\":{}}}"), 201, "[" FAILURE("40032", "400")},
    {MESSAGE("\"extras\":{\"headers\":{\"a\":[1]}}"), 201, "[" FAILURE("40032", "400")},
    {MESSAGE("\"extras\":{\"headers\":\"a\"}"), 201, "[" FAILURE("40032", "400")},
    {MESSAGE("\"extras\":{\"headers\":[]}"), 201, "[" FAILURE("40032", "400")},
    {MESSAGE("\"extras\":[]"), 201, "[" FAILURE("40032", "400")},
    {MESSAGE("\"extras\":\"x\""), 201, "[" FAILURE("40032", "400")},
    {MESSAGE("\"extras\":{\"kafka\":{\"headers\":{\"other\":{\"headers\":[[]]}}}}"), 201,
        "[" SUCCESS},
    /* ids */
    {MESSAGE("\"id\":\"t/0/7/abc:0\""), 201, "[" SUCCESS "\"t/0/7/abc:0\",\"serials\":[\"0"},
    {MESSAGE("\"id\":\"anything\""), 201, "[" SUCCESS "\"anything\""},
    {MESSAGE("\"id\":\"\""), 201, "[" FAILURE("40031", "400")},
    {MESSAGE("\"id\":7"), 201, "[" FAILURE("40031", "400")},
    {"{\"channels\":\"c\",\"messages\":[{\"id\":\"b:0\"},{\"id\":\"b:1\"}]}", 201,
        "[" SUCCESS "\"b\""},
    {"{\"channels\":\"c\",\"messages\":[{\"id\":\"b:c:0\"},{\"id\":\"b:c:1\"}]}", 201,
        "[" SUCCESS "\"b:c\""},
    {"{\"channels\":\"c\",\"messages\":[{\"id\":\"b:0\"},{\"id\":\"b:2\"}]}", 201,
        "[" FAILURE("40031", "400")},
    {"{\"channels\":\"c\",\"messages\":[{\"id\":\"b:1\"},{\"id\":\"b:2\"}]}", 201,
        "[" FAILURE("40031", "400")},
    {"{\"channels\":\"c\",\"messages\":[{\"id\":\"a:0\"},{\"id\":\"b:1\"}]}", 201,
        "[" FAILURE("40031", "400")},
    {"{\"channels\":\"c\",\"messages\":[{\"id\":\"a:0\"},{}]}", 201, "[" FAILURE("40031", "400")},
    {"{\"channels\":\"c\",\"messages\":[{},{\"id\":\"a:1\"}]}", 201, "[" FAILURE("40031", "400")},
    {"{\"channels\":\"c\",\"messages\":[{\"id\":\":0\"},{\"id\":\":1\"}]}", 201,
        "[" FAILURE("40031", "400")},
    {"{\"channels\":\"c\",\"messages\":[{\"id\":\"b:0\"},{\"id\":\"b:01\"}]}", 201,
        "[" FAILURE("40031", "400")},
    {"{\"channels\":\"c\",\"messages\":[{\"id\":\"b\"},{\"id\":\"c\"}]}", 201,
        "[" FAILURE("40031", "400")},
    {"{\"channels\":\"c\",\"messages\":[{},{}]}", 201, "[" SUCCESS},
    /* one bad spec leaves the others */
    {"[" MESSAGE("\"data\":1") "," MESSAGE("\"data\":\"x\"") "]", 201, "}}]}," SUCCESS},
};

static void test_rules(void **state)
{
    (void)state;
    for (size_t i = 0; i < KB_COUNT(rules); i++) {
        by_hand_start(&(struct kb_service_options){0});
        print_message("%s\n", rules[i].body);
        by_hand("POST", "/messages", rules[i].body);
        assert_answer(rules[i].status, rules[i].answer);
        by_hand_end();
    }
}

/* Appends `n` times `text`. */
static void repeat(struct kb_buf *out, const char *text, size_t n)
{
    for (size_t i = 0; i < n; i++)
        kb_buf_add(out, kb_slice_of(text));
}

static void post_repeated(const char *before, const char *text, size_t n, const char *after)
{
    struct kb_buf body;

    kb_buf_init(&body, (size_t)4 << 20);
    repeat(&body, before, 1);
    repeat(&body, text, n);
    repeat(&body, after, 1);
    assert_false(body.failed);
    by_hand_bytes("POST", "/messages", kb_buf_slice(&body));
    kb_buf_deinit(&body);
}

static void test_limits(void **state)
{
    (void)state;
    by_hand_start(&(struct kb_service_options){0});
    /* 64 KiB of name, data, clientId and extras together, over all messages of a spec */
    post_repeated("{\"channels\":\"c\",\"messages\":{\"data\":\"", "x", 65536, "\"}}");
    assert_answer(201, SUCCESS);
    post_repeated("{\"channels\":\"c\",\"messages\":{\"data\":\"", "x", 65537, "\"}}");
    assert_answer(201, FAILURE("40009", "413"));
    post_repeated(
        "{\"channels\":\"c\",\"messages\":{\"name\":\"n\",\"data\":\"", "x", 65536, "\"}}");
    assert_answer(201, FAILURE("40009", "413"));
    post_repeated("{\"channels\":\"c\",\"messages\":{\"extras\":{\"ref\":1},\"data\":\"", "x",
        65527, "\"}}"); /* {"ref":1} is 9 */
    assert_answer(201, SUCCESS);
    post_repeated(
        "{\"channels\":\"c\",\"messages\":{\"extras\":{\"ref\":1},\"data\":\"", "x", 65528, "\"}}");
    assert_answer(201, FAILURE("40009", "413"));
    post_repeated("{\"channels\":\"c\",\"messages\":[{\"data\":\"x\"}",
        ",{\"data\":\"0123456789\"}", 999, "]}");
    assert_answer(201, SUCCESS);
    post_repeated("{\"channels\":\"c\",\"messages\":[{}", ",{}", 1000, "]}");
    assert_answer(201, FAILURE("40034", "400"));
    /* binary data count as their bytes: 65536 of them are 87384 characters of base64 */
    post_repeated("{\"channels\":\"c\",\"messages\":{\"encoding\":\"base64\",\"data\":\"", "AAAA",
        21845, "AA==\"}}");
    assert_answer(201, SUCCESS);
    post_repeated("{\"channels\":\"c\",\"messages\":{\"encoding\":\"base64\",\"data\":\"", "AAAA",
        21845, "AAA=\"}}");
    assert_answer(201, FAILURE("40009", "413"));
    /* the body, to the byte */
    post_repeated("{\"channels\":\"c\",\"messages\":{}}", " ", ((size_t)2 << 20) - 30, "");
    assert_answer(201, SUCCESS);
    post_repeated("{\"channels\":\"c\",\"messages\":{}}", " ", ((size_t)2 << 20) - 29, "");
    assert_answer(413, REFUSED("40009"));
    by_hand_end();
}

static void post_channels(int n)
{
    struct kb_buf body;

    kb_buf_init(&body, 1 << 20);
    for (int i = 0; i < n; i++) /* each name in two specs: it counts once */
        kb_buf_printf(&body, "%s{\"channels\":[\"c%d\",\"c%d\"],\"messages\":{}}", i ? "," : "[", i,
            (i + 1) % n);
    kb_buf_byte(&body, ']');
    by_hand_bytes("POST", "/messages", kb_buf_slice(&body));
    kb_buf_deinit(&body);
}

static void test_channels_of_a_request(void **state)
{
    (void)state;
    by_hand_start(&(struct kb_service_options){0});
    post_channels(100);
    assert_answer(201, "\"channel\":\"c99\"");
    post_channels(101);
    assert_answer(400, "more than 100 different channels");
    by_hand_end();
}

static void test_headers(void **state)
{
    (void)state;
    const char *body = MESSAGE("\"data\":\"x\"");

    by_hand_start(&(struct kb_service_options){.key = "app.key:secret"});
    by_hand("POST", "/messages", body);
    assert_answer(201, SUCCESS);
    by_hand_request.authorization = NULL;
    by_hand("POST", "/messages", body);
    assert_answer(401, REFUSED("40101"));
    by_hand_request.authorization = "Basic YXBwLmtleTpvdGhlcg=="; /* app.key:other */
    by_hand("POST", "/messages", body);
    assert_answer(401, REFUSED("40101"));
    assert_string_equal(by_hand_x.headers[0].name, "X-Ably-ErrorCode");
    assert_string_equal(by_hand_x.headers[0].value, "40101");
    assert_string_equal(by_hand_x.headers[1].name, "X-Ably-ErrorMessage");
    assert_string_equal(by_hand_x.headers[1].value, "invalid credentials");
    by_hand_request.authorization = "Bearer " BY_HAND_KEY;
    by_hand("POST", "/messages", body);
    assert_answer(401, REFUSED("40145"));

    by_hand_usual_request();
    by_hand_request.version = NULL;
    by_hand("POST", "/messages", body);
    assert_answer(400, REFUSED("40004"));
    by_hand_request.version = "1.2";
    by_hand("POST", "/messages", body);
    assert_answer(400, REFUSED("40004"));

    by_hand_usual_request();
    by_hand_request.content_type = "application/jsonp";
    by_hand("POST", "/messages", body);
    assert_answer(415, REFUSED("40001"));
    by_hand_request.content_type = "application/json; charset=utf-8";
    by_hand("POST", "/messages", body);
    assert_answer(201, SUCCESS);
    by_hand_end();
}

static void test_any_key_has_the_form_of_one(void **state)
{
    static const struct {
        const char *authorization;
        int status;
    } keys[] = {
        {"Basic YXBwLmtleTpzZWNyZXQ=", 200}, /* app.key:secret */
        {"basic YXBwLmtleTpzZWNyZXQ=", 200},
        {"Basic YXBwLmtleTo=", 401},     /* app.key: */
        {"Basic YXBwOnNlY3JldA==", 401}, /* app:secret */
        {"Basic LmtleTpzZWNyZXQ=", 401}, /* .key:secret */
        {"Basic YXBwLjpzZWNyZXQ=", 401}, /* app.:secret */
        {"Basic c2VjcmV0", 401},         /* secret */
        {"Basic !!", 401},
        {"Basic ", 401},
        {"", 401},
    };
    (void)state;
    by_hand_start(&(struct kb_service_options){0});
    for (size_t i = 0; i < KB_COUNT(keys); i++) {
        by_hand_request.authorization = keys[i].authorization;
        by_hand("GET", "/channels/c/messages", "");
        assert_answer(keys[i].status, keys[i].status == 200 ? "[]" : REFUSED("40101"));
    }
    by_hand_end();
}

static void test_client_id(void **state)
{
    (void)state;
    by_hand_start(&(struct kb_service_options){0});
    by_hand_request.client_id = "a2FibHk="; /* kably */
    by_hand("POST", "/messages", MESSAGE("\"data\":\"x\""));
    assert_answer(201, SUCCESS);
    by_hand("POST", "/messages", MESSAGE("\"clientId\":\"kably\""));
    assert_answer(201, SUCCESS);
    by_hand("POST", "/messages", MESSAGE("\"clientId\":\"other\""));
    assert_answer(201, FAILURE("40012", "400"));
    by_hand("GET", "/channels/c/messages", "");
    assert_answer(200, "\"clientId\":\"kably\",\"timestamp\"");
    by_hand_request.client_id = "Kg=="; /* the wildcard */
    by_hand("POST", "/messages", MESSAGE(""));
    assert_answer(400, REFUSED("40012"));
    by_hand_request.client_id = "";
    by_hand("POST", "/messages", MESSAGE(""));
    assert_answer(400, REFUSED("40012"));
    by_hand_end();
}

static void test_old_reply(void **state)
{
    (void)state;
    by_hand_start(&(struct kb_service_options){0});
    by_hand_request.version = "2";
    by_hand("POST", "/messages", "[" MESSAGE("\"id\":\"a\"") "," MESSAGE("\"id\":\"b\"") "]");
    assert_int_equal(by_hand_x.status, 201);
    assert_slice(kb_buf_slice(&by_hand_x.answer),
        KB_S("[{\"channel\":\"c\",\"messageId\":\"a\"},{\"channel\":\"c\",\"messageId\":\"b\"}]"));
    by_hand("POST", "/messages", "[" MESSAGE("\"id\":\"c\"") "," MESSAGE("\"data\":1") "]");
    assert_answer(400, "\"code\":40020,\"statusCode\":400,");
    assert_answer(400, "},\"batchResponse\":[{\"channel\":\"c\",\"messageId\":\"c\"},{\"channel\":"
                       "\"c\",\"error\":");
    struct kb_err err;
    assert_true(kb_json_read(kb_buf_slice(&by_hand_x.answer), NULL, &err));
    by_hand_request.query[0][0] = "newBatchResponse";
    by_hand_request.query[0][1] = "true";
    by_hand("POST", "/messages", MESSAGE(""));
    assert_answer(201, SUCCESS);
    by_hand_end();
}

static void test_one_channel(void **state)
{
    (void)state;
    by_hand_start(&(struct kb_service_options){0});
    by_hand("POST", "/channels/a/b/messages", "{\"id\":\"x\",\"data\":\"1\"}");
    assert_answer(201, "{\"channel\":\"a/b\",\"messageId\":\"x\",\"serials\":[\"");
    by_hand("POST", "/channels/a/b/messages", "[{\"data\":\"2\"},{\"data\":\"3\"}]");
    assert_answer(201, "\",\"017");
    by_hand("POST", "/channels/a/b/messages", "{\"data\":1}");
    assert_answer(400, REFUSED("40013"));
    by_hand("POST", "/channels/:a/messages", "{\"data\":\"1\"}");
    assert_answer(400, REFUSED("40010"));
    by_hand("POST", "/channels/a/messages", "[]");
    assert_answer(400, REFUSED("40001"));
    by_hand("POST", "/channels/a/messages", "\"x\"");
    assert_answer(400, REFUSED("40001"));
    by_hand("GET", "/_control/stats", "");
    assert_answer(200, "\"published\":3,\"duplicates\":0,\"duplicated_ids\":0,\"refused\":2,");
    by_hand_end();
}

static void test_history(void **state)
{
    (void)state;
    by_hand_start(&(struct kb_service_options){0});
    for (int i = 0; i < 5; i++) {
        char body[200];
        snprintf(body, sizeof(body),
            MESSAGE("\"id\":\"m%d\",\"name\":\"n\\\"\",\"data\":{\"i\": %d},\"encoding\":\"json\","
                    "\"extras\":{\"ref\": 1}"),
            i, i);
        by_hand("POST", "/messages", body);
        by_hand_now += 10;
    }
    by_hand("GET", "/channels/c/messages", "");
    assert_answer(
        200, "[{\"id\":\"m4\",\"timestamp\":1700000000040,\"encoding\":\"json\",\"serial\":\"");
    assert_answer(200,
        "\",\"data\":\"{\\\"i\\\":4}\",\"name\":\"n\\\"\",\"extras\":{\"ref\":1}},{\"id\":\"m3\"");
    assert_string_equal(by_hand_x.headers[0].name, "Link");
    assert_string_equal(by_hand_x.headers[0].value,
        "<./messages?limit=100&direction=backwards>; rel=\"first\", "
        "<./messages?limit=100&direction=backwards>; rel=\"current\"");

    by_hand_request.query[0][0] = "direction";
    by_hand_request.query[0][1] = "forwards";
    by_hand_request.query[1][0] = "limit";
    by_hand_request.query[1][1] = "2";
    by_hand("GET", "/channels/c/messages", "");
    assert_answer(200, "[{\"id\":\"m0\"");
    assert_string_equal(by_hand_x.headers[0].name, "Link");
    assert_string_equal(by_hand_x.headers[0].value,
        "<./messages?limit=2&direction=forwards>; rel=\"first\", "
        "<./messages?limit=2&direction=forwards>; rel=\"current\", "
        "<./messages?limit=2&direction=forwards&behind=2>; rel=\"next\"");
    by_hand_request.query[2][0] = "behind";
    by_hand_request.query[2][1] = "4";
    by_hand("GET", "/channels/c/messages", "");
    assert_answer(200, "[{\"id\":\"m4\"");
    assert_string_equal(by_hand_x.headers[0].value,
        "<./messages?limit=2&direction=forwards>; rel=\"first\", "
        "<./messages?limit=2&direction=forwards&behind=4>; rel=\"current\"");
    by_hand_request.query[2][0] = "start";
    by_hand_request.query[2][1] = "1700000000020";
    by_hand_request.query[3][0] = "end";
    by_hand_request.query[3][1] = "1700000000029";
    by_hand("GET", "/channels/c/messages", "");
    assert_answer(200, "[{\"id\":\"m2\"");
    assert_false(by_hand_holds("m3"));
    assert_non_null(strstr(by_hand_x.headers[0].value, "&start=1700000000020&end=1700000000029>"));
    by_hand_request.query[3][1] = "1700000000019";
    by_hand("GET", "/channels/c/messages", "");
    assert_answer(400, REFUSED("40003"));
    by_hand_request.query[3][1] = "1700000000020";
    by_hand_request.query[1][1] = "0";
    by_hand("GET", "/channels/c/messages", "");
    assert_answer(400, REFUSED("40003"));
    by_hand_usual_request();
    by_hand("GET", "/channels/other/messages", "");
    assert_slice(kb_buf_slice(&by_hand_x.answer), KB_S("[]"));
    by_hand_end();
}

static void test_duplicates(void **state)
{
    (void)state;
    const char *body = MESSAGE("\"id\":\"t/0/1:0\",\"data\":\"x\"");
    char serials[128];

    by_hand_start(&(struct kb_service_options){0});
    by_hand("POST", "/messages", body);
    assert_answer(201, "\"serials\":[\"01700000000000-000000000001@kably-sandbox:000\"]");
    snprintf(serials, sizeof(serials), KB_FMT, KB_ARG(kb_buf_slice(&by_hand_x.answer)));
    by_hand_now += 119999;
    by_hand("POST", "/messages", body); /* accepted, not stored; told the first one's serial */
    assert_answer(201, serials);
    by_hand("POST", "/channels/d/messages", "{\"id\":\"t/0/1:0\"}"); /* another channel */
    by_hand("GET", "/_control/stats", "");
    assert_answer(200, "\"requests\":3,\"raw\":3,\"published\":2,\"duplicates\":1,"
                       "\"duplicated_ids\":1,\"refused\":0,");
    assert_answer(200, "\"history_messages\":2,");
    by_hand_now += 1; /* two minutes after the first, whatever came between */
    by_hand("POST", "/messages", body);
    by_hand("GET", "/_control/stats", "");
    assert_answer(200, "\"raw\":4,\"published\":3,\"duplicates\":1,");
    by_hand("GET", "/channels/c/messages", "");
    assert_answer(200, "},{\"id\":\"t/0/1:0\"");

    /* a set goes by its base: all of it is new, or all of it was there */
    by_hand("POST", "/channels/s/messages", "[{\"id\":\"b:0\"},{\"id\":\"b:1\"}]");
    by_hand("POST", "/channels/s/messages", "[{\"id\":\"b:0\"},{\"id\":\"b:1\"}]");
    by_hand_request.query[0][0] = "channel";
    by_hand_request.query[0][1] = "s";
    by_hand("GET", "/_control/deliveries", "");
    struct kb_buf all;
    kb_buf_init(&all, 4096);
    char piece[7]; /* smaller than a line */
    for (size_t n; (n = by_hand_x.stream->read(by_hand_x.stream, piece, sizeof(piece))) > 0;)
        kb_buf_add(&all, (struct kb_slice){piece, n});
    assert_slice(kb_buf_slice(&all),
        KB_S("[{\"seq\":5,\"request\":6,\"duplicate\":false,\"channel\":\"s\",\"id\":\"b:0\"},"
             "{\"seq\":6,\"request\":6,\"duplicate\":false,\"channel\":\"s\",\"id\":\"b:1\"},"
             "{\"seq\":7,\"request\":7,\"duplicate\":true,\"channel\":\"s\",\"id\":\"b:0\"},"
             "{\"seq\":8,\"request\":7,\"duplicate\":true,\"channel\":\"s\",\"id\":\"b:1\"}]"));
    kb_buf_deinit(&all);
    by_hand_end();
}

static void test_addresses(void **state)
{
    (void)state;
    by_hand_start(&(struct kb_service_options){0});
    by_hand("GET", "/time", "");
    assert_slice(kb_buf_slice(&by_hand_x.answer), KB_S("[1700000000000]"));
    by_hand("GET", "/nowhere", "");
    assert_answer(404, REFUSED("40400"));
    by_hand("PUT", "/messages", "");
    assert_answer(405, REFUSED("40500"));
    by_hand("GET", "/channels/messages", ""); /* too short for a name between */
    assert_answer(404, REFUSED("40400"));
    by_hand("GET", "/channels//messages", "");
    assert_answer(400, REFUSED("40010"));
    by_hand("GET", "/_control/stats", "");
    assert_answer(200, "\"requests\":5,");
    assert_answer(200, "\"by_status\":{\"200\":1,\"400\":1,\"404\":2,\"405\":1}}");
    by_hand("POST", "/_control/reset", "");
    by_hand("GET", "/_control/stats", "");
    assert_answer(200, "{\"requests\":0,");
    assert_answer(200, "\"by_status\":{}}");
    by_hand_end();
}

/* Whatever the bytes: an answer in Ably's form, JSON, and counts that fit together. */
/* Ably's own limit for each channel: a set of messages counts as one, and so does a repeat. */
static void test_the_rate_of_a_channel(void **state)
{
    (void)state;
    const char *set =
        "{\"channels\":[\"a\",\"b\"],\"messages\":[{\"id\":\"s:0\"},{\"id\":\"s:1\"}]}";
    by_hand_start(&(struct kb_service_options){.channel_rate = 2});
    for (int i = 0; i < 2; i++) {
        by_hand("POST", "/messages", set);
        assert_answer(201, "\"successCount\":2,\"failureCount\":0");
    }
    by_hand("POST", "/messages", set);
    assert_answer(201, "\"successCount\":0,\"failureCount\":2");
    assert_answer(201, "\"code\":42913,\"statusCode\":429");
    by_hand("POST", "/channels/a/messages", "{\"data\":\"x\"}");
    assert_answer(429, "\"code\":42913");
    by_hand_now += 500;
    by_hand("POST", "/channels/a/messages", "{\"data\":\"x\"}");
    assert_int_equal(by_hand_x.status, 201);
    by_hand("GET", "/_control/stats", "");
    assert_answer(200, "\"published\":5,");
    assert_answer(200, "\"duplicates\":4,");
    assert_answer(200, "\"refused\":5");
    by_hand_end();
}

static void test_garbage(void **state)
{
    (void)state;
    prop_seed();
    by_hand_start(&(struct kb_service_options){.history = 2});
    for (int i = 0; i < 3000; i++) {
        char body[400];
        const char *from = rules[prop_below(KB_COUNT(rules))].body;
        size_t len = strlen(from);
        struct kb_err err;

        assert_true(len < sizeof(body));
        memcpy(body, from, len);
        for (size_t n = prop_below(4); n > 0 && len > 0; n--) {
            size_t at = prop_below(len);
            if (prop_below(2)) {
                body[at] = "{}[]\",:0\\a\xc3"[prop_below(11)];
            } else {
                memmove(body + at, body + at + 1, len - at - 1);
                len--;
            }
        }
        by_hand_bytes("POST", prop_below(2) ? "/messages" : "/channels/c/messages",
            (struct kb_slice){body, len});
        if (by_hand_x.status != 201 && by_hand_x.status != 400)
            fail_msg("status %d for %.*s", by_hand_x.status, (int)len, body);
        if (!kb_json_read(kb_buf_slice(&by_hand_x.answer), NULL, &err))
            fail_msg("answer to %.*s: %s", (int)len, body, err.text);
        assert_true(by_hand_x.status == 400 || by_hand_holds("channel"));
    }
    by_hand("GET", "/_control/stats", "");
    assert_answer(200, "\"requests\":3000,");
    by_hand_end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rules),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_channels_of_a_request),
        cmocka_unit_test(test_headers),
        cmocka_unit_test(test_any_key_has_the_form_of_one),
        cmocka_unit_test(test_client_id),
        cmocka_unit_test(test_old_reply),
        cmocka_unit_test(test_one_channel),
        cmocka_unit_test(test_history),
        cmocka_unit_test(test_duplicates),
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_the_rate_of_a_channel),
        cmocka_unit_test(test_garbage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
