/* Keys, tokens, JWTs and capabilities: what the local Ably lets in, and with which of Ably's codes
 * it refuses the rest. */
#include "unit/sandbox/by_hand.h"

#include "base/base64.h"
#include "base/hmac.h"
#include "sandbox/capability.h"

#define KEY "app.key:secret"
#define NAME "app.key"
#define REFUSED(code) "{\"error\":{\"code\":" code ","

static const struct kb_service_options with_key = {.key = KEY};
static char header[2000];

/* The second test of RFC 4231. */
static void test_hmac(void **state)
{
    char mac[KB_HMAC_LEN];

    (void)state;
    kb_hmac_sha256(mac, KB_S("Jefe"), KB_S("what do ya want for nothing?"));
    assert_memory_equal(mac,
        "\x5b\xdc\xc1\x46\xbf\x60\x75\x4e\x6a\x04\x24\x26\x08\x95\x75\xc7\x5a\x00\x3f\x08\x9d\x27"
        "\x39\x83\x9d\xec\x58\xb9\x64\xec\x38\x43",
        KB_HMAC_LEN);
    assert_true(kb_hmac_equal(mac, (struct kb_slice){mac, KB_HMAC_LEN}));
    assert_false(kb_hmac_equal(mac, (struct kb_slice){mac, KB_HMAC_LEN - 1}));
    assert_false(kb_hmac_equal(mac, (struct kb_slice){mac + 1, KB_HMAC_LEN}));
}

/* --- capabilities --- */

static void test_capability_canonical(void **state)
{
    static const struct {
        const char *given, *canonical; /* NULL = it is none */
    } rows[] = {
        {"{\"*\":[\"*\"]}", "{\"*\":[\"*\"]}"},
        {" { \"b\" : [\"subscribe\", \"publish\"] , \"a:*\":[ \"history\" ] } ",
            "{\"a:*\":[\"history\"],\"b\":[\"publish\",\"subscribe\"]}"},
        {"{\"ab\":[\"x\"],\"a\":[\"x\"],\"\xc3\xa9\\n\":[\"x\",\"x\"]}",
            "{\"a\":[\"x\"],\"ab\":[\"x\"],\"\xc3\xa9\\n\":[\"x\"]}"},
        {"{}", "{}"},
        {"", NULL},
        {"[]", NULL},
        {"\"*\"", NULL},
        {"{\"a\":\"publish\"}", NULL},
        {"{\"a\":[]}", NULL},
        {"{\"a\":[\"\"]}", NULL},
        {"{\"\":[\"publish\"]}", NULL},
        {"{\"a\":[[\"publish\"]]}", NULL},
        {"{\"a\":[7]}", NULL},
        {"{\"a\":{\"b\":[\"publish\"]}}", NULL},
        {"{\"a\":[\"publish\"]}x", NULL},
    };
    struct kb_arena arena;
    struct kb_buf out;

    (void)state;
    kb_arena_init(&arena, 1 << 20);
    for (size_t i = 0; i < KB_COUNT(rows); i++) {
        kb_buf_init(&out, 1000);
        bool is = kb_capability_canonical(kb_slice_of(rows[i].given), &arena, &out);
        print_message("%s\n", rows[i].given);
        assert_int_equal(is, rows[i].canonical != NULL);
        assert_slice(kb_buf_slice(&out), kb_slice_of(is ? rows[i].canonical : ""));
        kb_buf_deinit(&out);
    }
    kb_arena_deinit(&arena);
}

static void test_capability_allows(void **state)
{
    static const struct {
        const char *resource, *channel;
        bool allowed;
    } rows[] = {
        {"*", "a", true},
        {"*", "a:b:c", true},
        {"a", "a", true},
        {"a", "b", false},
        {"a", "a:b", false},
        {"a:b", "a", false},
        {"a:*", "a:b", true},
        {"a:*", "a:b:c", true},
        {"a:*", "a", false},
        {"a:*", "ab:c", false},
        {"a:*:c", "a:b:c", true},
        {"a:*:c", "a:b:b:c", false},
        {"*:c", "b:c", true},
        {"*:c", "b:d", false},
        {"*:c", "b:c:d", false},
        {"a*", "ab", false},
        {"a*", "a*", true},
        {"[meta]*", "a", false},
    };
    char text[100];

    (void)state;
    for (size_t i = 0; i < KB_COUNT(rows); i++) {
        print_message("%s %s\n", rows[i].resource, rows[i].channel);
        snprintf(text, sizeof(text), "{\"%s\":[\"history\",\"publish\"],\"zz\":[\"*\"]}",
            rows[i].resource);
        assert_int_equal(
            kb_capability_allows(kb_slice_of(text), kb_slice_of(rows[i].channel), "publish"),
            rows[i].allowed);
        assert_false(
            kb_capability_allows(kb_slice_of(text), kb_slice_of(rows[i].channel), "subscribe"));
    }
    assert_true(kb_capability_allows(KB_S("{\"zz\":[\"*\"]}"), KB_S("zz"), "anything"));
    assert_false(kb_capability_allows(KB_S("{}"), KB_S("zz"), "publish"));
}

/* --- asking for a token --- */

static void sign(struct kb_slice text, struct kb_buf *out)
{
    char mac[KB_HMAC_LEN];

    kb_hmac_sha256(mac, KB_S("secret"), text);
    kb_base64_add(out, (struct kb_slice){mac, sizeof(mac)});
}

/* A signed TokenRequest; `timestamp` as an offset to now. */
static void request_signed(const char *ttl, const char *capability, const char *client_id,
    int64_t timestamp, const char *nonce)
{
    struct kb_buf text, body;

    kb_buf_init(&text, 4096);
    kb_buf_init(&body, 4096);
    kb_buf_printf(&text, NAME "\n%s\n%s\n%s\n%lld\n%s\n", ttl, capability, client_id,
        (long long)(BY_HAND_WALL + by_hand_now + timestamp), nonce);
    kb_buf_add(&body, KB_S("{\"keyName\":\"" NAME "\",\"capability\":\""));
    for (const char *at = capability; *at; at++)
        kb_buf_printf(&body, *at == '"' ? "\\%c" : "%c", *at);
    kb_buf_printf(&body, "\",\"clientId\":\"%s\",\"timestamp\":%lld,\"nonce\":\"%s\",\"mac\":\"",
        client_id, (long long)(BY_HAND_WALL + by_hand_now + timestamp), nonce);
    sign(kb_buf_slice(&text), &body);
    kb_buf_printf(&body, *ttl ? "\",\"ttl\":%s}" : "\"}", ttl);
    by_hand_request.authorization = NULL;
    by_hand_bytes("POST", "/keys/" NAME "/requestToken", kb_buf_slice(&body));
    kb_buf_deinit(&text);
    kb_buf_deinit(&body);
}

/* The token of the last answer becomes the authorization of the next requests. */
static void use_token(bool as_base64)
{
    struct kb_slice answer = kb_buf_slice(&by_hand_x.answer);
    const char *start = memmem(answer.ptr, answer.len, "\"token\":\"", 9);
    struct kb_buf text;

    assert_non_null(start);
    start += 9;
    const char *quote = memchr(start, '"', (size_t)(answer.ptr + answer.len - start));
    assert_non_null(quote);
    struct kb_slice token = {start, (size_t)(quote - start)};
    kb_buf_init(&text, 1000);
    kb_buf_add(&text, KB_S("Bearer "));
    if (as_base64)
        kb_base64_add(&text, token);
    else
        kb_buf_add(&text, token);
    snprintf(header, sizeof(header), KB_FMT, KB_ARG(kb_buf_slice(&text)));
    kb_buf_deinit(&text);
    by_hand_request.authorization = header;
}

static void test_signed_request(void **state)
{
    (void)state;
    by_hand_start(&with_key);
    request_signed(
        "60000", "{ \"b\":[\"publish\"],\"a:*\":[\"publish\"]}", "me", 0, "0123456789abcdef");
    assert_answer(201,
        "\"keyName\":\"app.key\",\"issued\":1700000000000,\"expires\":1700000060000,"
        "\"capability\":\"{\\\"a:*\\\":[\\\"publish\\\"],\\\"b\\\":[\\\"publish\\\"]}\","
        "\"clientId\":\"me\"}");
    assert_answer(201, "{\"token\":\"app.");
    use_token(true);
    by_hand("POST", "/channels/b/messages", "{\"data\":\"x\"}");
    assert_answer(201, "{\"channel\":\"b\"");
    by_hand("POST", "/channels/a:b/messages", "{\"data\":\"x\"}");
    assert_answer(201, "{\"channel\":\"a:b\"");
    by_hand("POST", "/channels/c/messages", "{\"data\":\"x\"}");
    assert_answer(401, REFUSED("40160"));
    by_hand("POST", "/messages",
        "[{\"channels\":[\"b\",\"c\"],\"messages\":{}},{\"channels\":\"a:c\",\"messages\":{}}]");
    assert_answer(201, "[{\"successCount\":1,\"failureCount\":1,\"results\":[{\"channel\":\"b\"");
    assert_answer(201, "{\"channel\":\"c\",\"error\":{\"code\":40160,\"statusCode\":401,");
    by_hand("GET", "/channels/b/messages", "");
    assert_answer(401, REFUSED("40160"));
    by_hand_set_query("channel", "b", "v", "1.2", NULL);
    by_hand("GET", "/sse", "");
    assert_answer(401, REFUSED("40160"));
    by_hand_now = 59999;
    by_hand("POST", "/channels/b/messages", "{\"data\":\"x\"}");
    assert_answer(201, "{\"channel\":\"b\"");
    by_hand_now = 60000;
    by_hand("POST", "/channels/b/messages", "{\"data\":\"x\"}");
    assert_answer(401, REFUSED("40142"));
    by_hand("POST", "/_control/reset", "");
    by_hand("POST", "/channels/b/messages", "{\"data\":\"x\"}");
    assert_answer(401, REFUSED("40143"));
    by_hand_end();
}

static void test_defaults_of_a_request(void **state)
{
    (void)state;
    by_hand_start(&with_key);
    request_signed("", "", "", 0, "0123456789abcdef");
    assert_answer(201, "\"expires\":1700003600000,\"capability\":\"{\\\"*\\\":[\\\"*\\\"]}\"}");
    use_token(false);
    by_hand_set_query("channel", "b", "v", "1.2", NULL);
    by_hand("GET", "/sse", "");
    assert_int_equal(by_hand_x.status, 200);
    by_hand_end();
}

static void test_freshness(void **state)
{
    (void)state;
    by_hand_start(&with_key);
    request_signed("1", "", "", -120001, "0123456789abcdef");
    assert_answer(401, REFUSED("40104"));
    request_signed("1", "", "", 120001, "0123456789abcdef");
    assert_answer(401, REFUSED("40104"));
    request_signed("1", "", "", 120000, "0123456789abcdef");
    assert_answer(201, "token");
    by_hand_now = 240000; /* the same timestamp, just not too old: the nonce must still be known */
    request_signed("1", "", "", -120000, "0123456789abcdef");
    assert_answer(401, REFUSED("40105"));
    request_signed("1", "", "", -120000, "0123456789abcdeF");
    assert_answer(201, "token");
    request_signed("1", "", "", 0, "0123456789abcde");
    assert_answer(400, REFUSED("40003"));
    by_hand_end();
}

static void test_refused_requests(void **state)
{
    static const struct {
        const char *path, *authorization, *body;
        int status;
        const char *code;
    } rows[] = {
        {NAME, "Basic " BY_HAND_KEY, "{}", 201, NULL},
        {NAME, "Basic " BY_HAND_KEY, "{\"ttl\":\"1000\",\"timestamp\":\"1700000000000\"}", 201,
            NULL},
        {NAME, "Basic " BY_HAND_KEY, "{\"keyName\":\"app.key\",\"mac\":null,\"other\":[{}]}", 201,
            NULL},
        {NAME, NULL, "{}", 401, "40101"},
        {NAME, "Basic YXBwLmtleTpvdGhlcg==", "{}", 401, "40101"}, /* app.key:other */
        {NAME, "Bearer app.token", "{}", 401, "40101"},
        {"app.other", "Basic " BY_HAND_KEY, "{}", 401, "40102"},
        {NAME, "Basic " BY_HAND_KEY, "{\"keyName\":\"app.other\"}", 401, "40102"},
        {NAME, NULL, "{\"keyName\":\"app.other\",\"mac\":\"AAAA\"}", 401, "40101"},
        {NAME, NULL, "{\"keyName\":\"app.key\",\"mac\":\"AAAA\"}", 400, "40003"},
        {NAME, NULL,
            "{\"keyName\":\"app.key\",\"timestamp\":1700000000000,\"nonce\":\"0123456789abcdef\","
            "\"mac\":\"AAAA\"}",
            401, "40101"},
        {NAME, "Basic " BY_HAND_KEY, "", 400, "40001"},
        {NAME, "Basic " BY_HAND_KEY, "[]", 400, "40001"},
        {NAME, "Basic " BY_HAND_KEY, "{\"ttl\":0}", 400, "40003"},
        {NAME, "Basic " BY_HAND_KEY, "{\"ttl\":86400001}", 400, "40003"},
        {NAME, "Basic " BY_HAND_KEY, "{\"ttl\":-1}", 400, "40003"},
        {NAME, "Basic " BY_HAND_KEY, "{\"ttl\":[1]}", 400, "40003"},
        {NAME, "Basic " BY_HAND_KEY, "{\"clientId\":7}", 400, "40003"},
        {NAME, "Basic " BY_HAND_KEY, "{\"timestamp\":\"now\"}", 400, "40003"},
        {NAME, "Basic " BY_HAND_KEY, "{\"timestamp\":1600000000000}", 401, "40104"},
        {NAME, "Basic " BY_HAND_KEY, "{\"capability\":{\"*\":[\"*\"]}}", 400, "40003"},
        {NAME, "Basic " BY_HAND_KEY, "{\"capability\":\"[]\"}", 400, "40003"},
    };
    char path[64], code[32];

    (void)state;
    by_hand_start(&with_key);
    for (size_t i = 0; i < KB_COUNT(rows); i++) {
        print_message("%s\n", rows[i].body);
        snprintf(path, sizeof(path), "/keys/%s/requestToken", rows[i].path);
        snprintf(code, sizeof(code), REFUSED("%s"), rows[i].code ? rows[i].code : "");
        by_hand_request.authorization = rows[i].authorization;
        by_hand("POST", path, rows[i].body);
        assert_answer(rows[i].status, rows[i].code ? code : "{\"token\":\"app.");
    }
    by_hand_end();

    by_hand_start(&(struct kb_service_options){0}); /* no key: none to check a signature with */
    request_signed("1", "", "", 0, "0123456789abcdef");
    assert_answer(401, REFUSED("40101"));
    by_hand_end();
}

/* --- JWTs --- */

static void use_jwt(const char *jwt_header, const char *claims)
{
    struct kb_buf text, token;

    kb_buf_init(&text, 4096);
    kb_buf_init(&token, 4096);
    kb_base64_add(&token, kb_slice_of(jwt_header));
    kb_buf_byte(&token, '.');
    kb_base64_add(&token, kb_slice_of(claims));
    kb_buf_add(&text, kb_buf_slice(&token));
    kb_buf_byte(&token, '.');
    sign(kb_buf_slice(&text), &token);
    snprintf(header, sizeof(header), "Bearer " KB_FMT, KB_ARG(kb_buf_slice(&token)));
    by_hand_request.authorization = header;
    kb_buf_deinit(&text);
    kb_buf_deinit(&token);
}

#define HS256 "{\"alg\":\"HS256\",\"typ\":\"JWT\",\"kid\":\"app.key\"}"
#define TIMES "\"iat\":1700000000,\"exp\":1700000060"

static void test_jwt(void **state)
{
    static const struct {
        const char *jwt_header, *claims, *code; /* NULL = it publishes to channel c */
    } rows[] = {
        {HS256, "{" TIMES "}", NULL},
        {HS256, "{" TIMES ",\"x-ably-capability\":\"{\\\"c\\\":[\\\"publish\\\"]}\"}", NULL},
        {HS256, "{\"iat\":1700000120,\"exp\":1700000121}", NULL}, /* a clock that is ahead */
        {HS256, "{" TIMES ",\"x-ably-capability\":\"{\\\"d\\\":[\\\"publish\\\"]}\"}", "40160"},
        {HS256, "{" TIMES ",\"x-ably-capability\":{\"c\":[\"publish\"]}}", "40144"},
        {HS256, "{" TIMES ",\"x-ably-capability\":\"all\"}", "40144"},
        {HS256, "{" TIMES ",\"x-ably-clientId\":7}", "40144"},
        {HS256, "{\"iat\":1699999000,\"exp\":1700000000}", "40142"},
        {HS256, "{\"iat\":1700000121,\"exp\":1700000200}", "40144"},
        {HS256, "{\"iat\":1700000000,\"exp\":1700000000}", "40144"},
        {HS256, "{\"iat\":1700000000}", "40144"},
        {HS256, "{\"exp\":1700000060}", "40144"},
        {HS256, "{\"iat\":\"1700000000\",\"exp\":1700000060}", "40144"},
        {HS256, "[]", "40144"},
        {"{\"alg\":\"none\",\"kid\":\"app.key\"}", "{" TIMES "}", "40144"},
        {"{\"alg\":\"HS256\",\"kid\":\"app.other\"}", "{" TIMES "}", "40144"},
        {"{\"alg\":\"HS256\"}", "{" TIMES "}", "40144"},
        {"{\"a", "{" TIMES "}", "40144"},
    };
    char code[32];

    (void)state;
    by_hand_start(&with_key);
    for (size_t i = 0; i < KB_COUNT(rows); i++) {
        print_message("%s %s\n", rows[i].jwt_header, rows[i].claims);
        snprintf(code, sizeof(code), REFUSED("%s"), rows[i].code ? rows[i].code : "");
        use_jwt(rows[i].jwt_header, rows[i].claims);
        by_hand("POST", "/channels/c/messages", "{\"data\":\"x\"}");
        assert_answer(rows[i].code ? 401 : 201, rows[i].code ? code : "{\"channel\":\"c\"");
    }
    use_jwt(HS256, "{" TIMES "}");
    header[strlen(header) - 3] ^= 1;
    by_hand("POST", "/channels/c/messages", "{\"data\":\"x\"}");
    assert_answer(401, "signature verification failed");
    by_hand_end();

    by_hand_start(&(struct kb_service_options){0});
    use_jwt(HS256, "{" TIMES "}");
    by_hand("POST", "/channels/c/messages", "{\"data\":\"x\"}");
    assert_answer(401, "started without a key");
    by_hand_end();
}

static void test_tokens_that_are_none(void **state)
{
    static const struct {
        const char *authorization, *code;
    } rows[] = {
        {"Bearer app.unknown", "40143"},
        {"Bearer YXBwLnVua25vd24=", "40143"}, /* app.unknown */
        {"Bearer bm90aGluZw==", "40145"},     /* nothing */
        {"Bearer !!", "40145"},
        {"Bearer ", "40145"},
        {"Digest x", "40101"},
    };
    char code[32];

    (void)state;
    by_hand_start(&with_key);
    for (size_t i = 0; i < KB_COUNT(rows); i++) {
        by_hand_request.authorization = rows[i].authorization;
        by_hand("GET", "/channels/c/messages", "");
        snprintf(code, sizeof(code), REFUSED("%s"), rows[i].code);
        assert_answer(401, code);
    }
    by_hand_end();
}

/* --- whom a token speaks for --- */

static void publish_as(const char *token_client, const char *client_header, const char *message,
    int status, const char *answer)
{
    char claims[200];

    snprintf(claims, sizeof(claims), "{" TIMES ",\"x-ably-clientId\":\"%s\"}", token_client);
    use_jwt(HS256, claims);
    by_hand_request.client_id = client_header;
    by_hand("POST", "/channels/c/messages", message);
    assert_answer(status, answer);
}

static void test_clients(void **state)
{
    (void)state;
    by_hand_start(&with_key);
    publish_as("me", NULL, "{\"id\":\"1\"}", 201, "c");
    publish_as("me", NULL, "{\"id\":\"2\",\"clientId\":\"me\"}", 201, "c");
    publish_as("me", "bWU=", "{\"id\":\"3\"}", 201, "c");              /* me */
    publish_as("me", "eW91", "{\"id\":\"4\"}", 401, REFUSED("40102")); /* you */
    publish_as("me", NULL, "{\"clientId\":\"you\"}", 400, REFUSED("40012"));
    publish_as("*", NULL, "{\"id\":\"5\",\"clientId\":\"you\"}", 201, "c");
    publish_as("", NULL, "{\"clientId\":\"you\"}", 400, REFUSED("40012"));
    publish_as("", "bWU=", "{}", 401, REFUSED("40102"));
    publish_as("", NULL, "{\"id\":\"6\"}", 201, "c");
    by_hand_usual_request();
    by_hand_set_query("direction", "forwards", NULL);
    by_hand("GET", "/channels/c/messages", "");
    assert_answer(200, "[{\"id\":\"1\",\"clientId\":\"me\"");
    assert_answer(200, "{\"id\":\"3\",\"clientId\":\"me\"");
    assert_answer(200, "{\"id\":\"5\",\"clientId\":\"you\"");
    assert_answer(200, "{\"id\":\"6\",\"timestamp\"");
    by_hand_end();
}

static void test_privileged_headers(void **state)
{
    const char *message = "{\"extras\":{\"privileged\":{}}}";

    (void)state;
    by_hand_start(&with_key);
    by_hand("POST", "/channels/c/messages", message);
    assert_answer(201, "serials");
    use_jwt(HS256, "{" TIMES ",\"x-ably-capability\":\"{\\\"*\\\":[\\\"publish\\\"]}\"}");
    by_hand("POST", "/channels/c/messages", message);
    assert_answer(401, REFUSED("40160"));
    by_hand_end();
}

/* --- in the query --- */

static void test_query(void **state)
{
    (void)state;
    by_hand_start(&with_key);
    by_hand_request.authorization = NULL;
    by_hand_set_query("key", KEY, NULL);
    by_hand("GET", "/channels/c/messages", "");
    assert_answer(200, "[]");
    by_hand_set_query("key", "app.key:other", NULL);
    by_hand("GET", "/channels/c/messages", "");
    assert_answer(401, REFUSED("40101"));
    use_jwt(HS256, "{" TIMES "}");
    by_hand_request.authorization = NULL;
    by_hand_set_query("accessToken", header + strlen("Bearer "), NULL);
    by_hand("GET", "/channels/c/messages", "");
    assert_answer(200, "[]");
    by_hand_set_query("access_token", "app.other", NULL);
    by_hand("GET", "/channels/c/messages", "");
    assert_answer(401, REFUSED("40143"));
    by_hand_end();
}

/* A stream ends with its token: an error event says so. */
static void test_a_stream_ends_with_its_token(void **state)
{
    char text[1000];
    ptrdiff_t len;

    (void)state;
    by_hand_start(&with_key);
    request_signed("9000", "", "", 0, "0123456789abcdef");
    use_token(true);
    by_hand_set_query("channel", "c", "v", "1.2", NULL);
    by_hand("GET", "/sse", "");
    assert_int_equal(by_hand_x.status, 200);
    assert_int_equal(kb_service_tick(by_hand_service, 60000), 9000);
    by_hand_now = 9000;
    assert_int_equal(kb_service_tick(by_hand_service, 60000), 60000);
    len = by_hand_x.stream->read(by_hand_x.stream, text, sizeof(text) - 1);
    assert_true(len > 0);
    text[len] = '\0';
    assert_non_null(strstr(text, "event: error\ndata: {\"code\":40142,\"statusCode\":401,"));
    assert_int_equal(by_hand_x.stream->read(by_hand_x.stream, text, sizeof(text)), KB_STREAM_END);
    by_hand_end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hmac),
        cmocka_unit_test(test_capability_canonical),
        cmocka_unit_test(test_capability_allows),
        cmocka_unit_test(test_signed_request),
        cmocka_unit_test(test_defaults_of_a_request),
        cmocka_unit_test(test_freshness),
        cmocka_unit_test(test_refused_requests),
        cmocka_unit_test(test_jwt),
        cmocka_unit_test(test_tokens_that_are_none),
        cmocka_unit_test(test_clients),
        cmocka_unit_test(test_privileged_headers),
        cmocka_unit_test(test_query),
        cmocka_unit_test(test_a_stream_ends_with_its_token),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
