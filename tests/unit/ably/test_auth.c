/* Credentials on virtual time: which Authorization line holds, what is asked of whom, and what
 * becomes of each kind of answer (RSA3, RSA4, RSA8, RSA9). */
#include "ably/auth.h"

#include "ably/jwt.h"
#include "base/base64.h"
#include "base/hmac.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#define WALL INT64_C(1700000000000)

struct world {
    struct kb_transport door;
    struct kb_clock clock;
    struct kb_random_seeded random;
    struct kb_http_request *asked; /* NULL = nobody asks */
    char body[4096];
    size_t questions, cancelled;
    bool no_submit;
    int64_t wall_ms;
    struct kb_auth *auth;
};

static struct world world;

static bool submit(struct kb_transport *door, struct kb_http_request *req, struct kb_err *err)
{
    struct world *w = (struct world *)door;
    if (w->no_submit)
        return kb_err_outage(err, "no socket");
    assert_null(w->asked); /* one question at a time */
    w->asked = req;
    w->questions++;
    size_t n = 0, got;
    while (req->body_len > 0 && (got = req->read(req, w->body + n, 7)) > 0)
        n += got;
    assert_int_equal(n, req->body_len);
    w->body[n] = '\0';
    return true;
}

static void cancel(struct kb_transport *door, struct kb_http_request *req)
{
    struct world *w = (struct world *)door;
    assert_ptr_equal(w->asked, req);
    w->cancelled++;
}

static int64_t wall(struct kb_clock *clock)
{
    return ((struct world *)((char *)clock - offsetof(struct world, clock)))->wall_ms;
}

static const struct kb_transport_ops ops = {submit, NULL, cancel};

static void world_new(struct world *w, const struct kb_auth_options *options)
{
    struct kb_err err;
    struct kb_auth_options all = *options;
    all.agent = "kably/test";
    all.ttl_ms = all.ttl_ms ? all.ttl_ms : 3600000;
    *w = (struct world){.door.ops = &ops, .clock.wall_ms = wall, .wall_ms = WALL};
    kb_random_seed(&w->random, 1);
    w->auth = kb_auth_new(&all, &w->door, &w->clock, &w->random.random, &err);
    assert_non_null(w->auth);
}

static void begin(struct world *w, int64_t now_ms, enum kb_auth_step expected)
{
    struct kb_err err = {.text = ""};
    if (kb_auth_begin(w->auth, "https://ably", now_ms, &err) != expected)
        fail_msg("another step: %s", err.text);
}

static enum kb_auth_step answer(
    struct world *w, int64_t now_ms, int status, const char *type, const char *body, char *why)
{
    struct kb_err err = {.text = ""};
    bool elsewhere;
    struct kb_http_request *req = w->asked;
    assert_non_null(req);
    w->asked = NULL;
    req->reply = (struct kb_http_reply){.status = status, .body = kb_slice_of(body)};
    req->reply.headers.content_type = kb_slice_of(type);
    if (status == 0)
        kb_err_outage(&req->reply.err, "somewhere: timed out");
    enum kb_auth_step step = kb_auth_ended(w->auth, now_ms, &elsewhere, &err);
    if (why)
        snprintf(why, 200, "%.199s", err.text);
    return step;
}

static bool shows(const struct kb_http_request *req, const char *line)
{
    for (const char *const *h = req->headers; *h; h++)
        if (strcmp(*h, line) == 0)
            return true;
    return false;
}

static void a_key_goes_as_it_is(void **state)
{
    (void)state;
    struct world *w = &world;
    world_new(w, &(struct kb_auth_options){.key = "app.key:SECRET"});
    assert_true(kb_auth_ready(w->auth, 0));
    assert_string_equal(kb_auth_line(w->auth), "Authorization: Basic YXBwLmtleTpTRUNSRVQ=");
    assert_false(kb_auth_due(w->auth, INT64_MAX - 1));
    assert_false(kb_auth_refused(w->auth, 1, true, 5));
    assert_false(kb_auth_refused(w->auth, 1, false, 5));
    assert_true(kb_auth_ready(w->auth, 5)); /* it is all there is: an outage, tried again */
    kb_auth_free(w->auth);
}

static void a_token_goes_as_base64_a_jwt_as_it_is(void **state)
{
    (void)state;
    struct world *w = &world;
    world_new(w, &(struct kb_auth_options){.token = "abc"});
    assert_string_equal(kb_auth_line(w->auth), "Authorization: Bearer YWJj");
    kb_auth_free(w->auth);
    world_new(w, &(struct kb_auth_options){.token = "eyJ.x.y"});
    assert_string_equal(kb_auth_line(w->auth), "Authorization: Bearer eyJ.x.y");
    kb_auth_free(w->auth);
}

static void a_jwt_is_made_of_the_key_and_renewed_before_its_end(void **state)
{
    (void)state;
    struct world *w = &world;
    world_new(w, &(struct kb_auth_options){.key = "app.key:SECRET",
                     .use_token = true,
                     .client_id = "me",
                     .capability = "{\"a\":[\"publish\"]}"});
    assert_false(kb_auth_ready(w->auth, 1000));
    begin(w, 1000, KB_AUTH_READY);
    assert_true(kb_auth_ready(w->auth, 1000));
    assert_int_equal(w->questions, 0);
    const char *token = kb_auth_line(w->auth) + strlen("Authorization: Bearer ");
    const char *second = strchr(token, '.') + 1, *third = strchr(second, '.') + 1;
    struct kb_buf text;
    char mac[KB_HMAC_LEN];
    kb_buf_init(&text, 4096);
    assert_true(kb_base64_decode(&text, (struct kb_slice){token, (size_t)(second - token) - 1}));
    kb_buf_byte(&text, '|');
    assert_true(kb_base64_decode(&text, (struct kb_slice){second, (size_t)(third - second) - 1}));
    kb_buf_byte(&text, '\0');
    assert_string_equal(text.ptr,
        "{\"typ\":\"JWT\",\"alg\":\"HS256\",\"kid\":\"app.key\"}|"
        "{\"iat\":1700000000,\"exp\":1700003600,"
        "\"x-ably-capability\":\"{\\\"a\\\":[\\\"publish\\\"]}\",\"x-ably-clientId\":\"me\"}");
    kb_hmac_sha256(mac, KB_S("SECRET"), (struct kb_slice){token, (size_t)(third - token) - 1});
    kb_buf_reset(&text);
    assert_true(kb_base64_decode(&text, kb_slice_of(third)));
    assert_true(kb_hmac_equal(mac, kb_buf_slice(&text)));
    assert_int_equal(kb_jwt_expiry_ms(kb_slice_of(token)), WALL + 3600000);
    kb_buf_deinit(&text);

    assert_false(kb_auth_due(w->auth, 1000 + 3600000 - 60001));
    assert_true(kb_auth_due(w->auth, 1000 + 3600000 - 60000));
    assert_true(kb_auth_ready(w->auth, 1000 + 3600000 - 1));
    assert_false(kb_auth_ready(w->auth, 1000 + 3600000));
    begin(w, 1000 + 3600000 - 60000, KB_AUTH_READY);
    assert_int_equal(kb_auth_generation(w->auth), 2);
    assert_false(kb_auth_due(w->auth, 1000 + 3600000));
    kb_auth_free(w->auth);
}

/* RSA9: what Ably signs again with the key's secret must be the same text. */
static void a_token_request_is_signed_and_exchanged(void **state)
{
    (void)state;
    struct world *w = &world;
    world_new(
        w, &(struct kb_auth_options){
               .key = "app.key:SECRET", .use_token = true, .exchange = true, .client_id = "me"});
    begin(w, 0, KB_AUTH_ASKING);
    assert_true(kb_auth_asking(w->auth));
    assert_string_equal(w->asked->url, "https://ably/keys/app.key/requestToken");
    assert_string_equal(w->asked->method, "POST");
    assert_true(shows(w->asked, "Content-Type: application/json"));
    assert_null(strstr(w->body, "SECRET"));
    char nonce[64], mac[64], signed_text[300], expected[KB_HMAC_LEN];
    long long ttl, timestamp;
    assert_int_equal(sscanf(w->body,
                         "{\"keyName\":\"app.key\",\"ttl\":%lld,\"timestamp\":%lld,\"clientId\":"
                         "\"me\",\"nonce\":\"%60[^\"]\",\"mac\":\"%60[^\"]\"}",
                         &ttl, &timestamp, nonce, mac),
        4);
    assert_int_equal(timestamp, WALL);
    assert_true(strlen(nonce) >= 16);
    snprintf(
        signed_text, sizeof(signed_text), "app.key\n%lld\n\nme\n%lld\n%s\n", ttl, timestamp, nonce);
    kb_hmac_sha256(expected, KB_S("SECRET"), kb_slice_of(signed_text));
    struct kb_buf given;
    kb_buf_init(&given, 100);
    assert_true(kb_base64_decode(&given, kb_slice_of(mac)));
    assert_true(kb_hmac_equal(expected, kb_buf_slice(&given)));
    kb_buf_deinit(&given);

    char body[100];
    snprintf(body, sizeof(body), "{\"token\":\"abc\",\"expires\":%lld,\"issued\":1}",
        (long long)WALL + 10000);
    assert_int_equal(answer(w, 50, 201, "application/json", body, NULL), KB_AUTH_READY);
    assert_string_equal(kb_auth_line(w->auth), "Authorization: Bearer YWJj");
    assert_true(kb_auth_ready(w->auth, 50 + 9999));
    assert_false(kb_auth_ready(w->auth, 50 + 10000));
    kb_auth_free(w->auth);
}

/* RSA9d: a clock that is wrong is found out once, and then gone by the service's. */
static void a_refused_timestamp_asks_for_the_time(void **state)
{
    (void)state;
    struct world *w = &world;
    static const char refused[] =
        "{\"error\":{\"code\":40104,\"message\":\"timestamp not current\"}}";
    world_new(
        w, &(struct kb_auth_options){.key = "app.key:SECRET", .use_token = true, .exchange = true});
    w->wall_ms = WALL - 7200000;
    begin(w, 0, KB_AUTH_ASKING);
    assert_int_equal(answer(w, 0, 401, "application/json", refused, NULL), KB_AUTH_ASKING);
    assert_string_equal(w->asked->url, "https://ably/time");
    assert_string_equal(w->asked->method, "GET");
    assert_int_equal(
        answer(w, 0, 200, "application/json", "[1700000000000]", NULL), KB_AUTH_ASKING);
    assert_non_null(strstr(w->body, "\"timestamp\":1700000000000"));
    char why[200];
    assert_int_equal(answer(w, 0, 401, "application/json", refused, why), KB_AUTH_FAILED);
    assert_non_null(strstr(why, "40104"));
    kb_auth_free(w->auth);

    /* A JWT that is refused when it was just made: the same. */
    world_new(w, &(struct kb_auth_options){.key = "app.key:SECRET", .use_token = true});
    w->wall_ms = WALL + 7200000;
    begin(w, 0, KB_AUTH_READY);
    assert_true(kb_auth_refused(w->auth, 1, true, 20));
    begin(w, 20, KB_AUTH_ASKING);
    assert_string_equal(w->asked->url, "https://ably/time");
    assert_int_equal(
        answer(w, 20, 200, "application/json", "[1700000000000]", NULL), KB_AUTH_READY);
    const char *token = kb_auth_line(w->auth) + strlen("Authorization: Bearer ");
    assert_int_equal(kb_jwt_expiry_ms(kb_slice_of(token)), WALL + 3600000);
    kb_auth_free(w->auth);
}

static void auth_url_is_asked_with_its_parameters(void **state)
{
    (void)state;
    struct world *w = &world;
    static char team[] = "X-Team", a[] = "a b", scope[] = "sc ope", all[] = "p&q";
    char *headers[] = {team, a, NULL}, *params[] = {scope, all, NULL};
    struct kb_auth_options options = {.auth_url = "https://auth/t?x=1",
        .auth_headers = headers,
        .auth_params = params,
        .client_id = "me"};
    world_new(w, &options);
    begin(w, 0, KB_AUTH_ASKING);
    assert_string_equal(w->asked->url, "https://auth/t?x=1&sc%20ope=p%26q&clientId=me");
    assert_string_equal(w->asked->method, "GET");
    assert_true(shows(w->asked, "X-Team: a b"));
    kb_auth_free(w->auth);
    assert_int_equal(w->cancelled, 1);
    options.auth_post = true;
    world_new(w, &options);
    begin(w, 0, KB_AUTH_ASKING);
    assert_string_equal(w->asked->url, "https://auth/t?x=1");
    assert_string_equal(w->asked->method, "POST");
    assert_string_equal(w->body, "sc%20ope=p%26q&clientId=me");
    assert_true(shows(w->asked, "Content-Type: application/x-www-form-urlencoded"));
    kb_auth_free(w->auth);
}

static void auth_url_may_answer_in_four_ways(void **state)
{
    (void)state;
    static const struct {
        int status;
        const char *type, *body, *line; /* of a token; NULL = it fails, */
        const char *why;                /* saying this */
    } cases[] = {
        {200, "text/plain", "abc\n", "Authorization: Bearer YWJj", ""},
        {200, "text/plain; charset=utf-8", " abc ", "Authorization: Bearer YWJj", ""},
        {200, "application/jwt", "eyJ.x.y", "Authorization: Bearer eyJ.x.y", ""},
        {201, "application/json", "{\"token\":\"abc\",\"x\":{\"token\":\"no\"},\"y\":[\"token\"]}",
            "Authorization: Bearer YWJj", ""},
        {200, "application/json", "{\"keyName\":\"app.key\"}", NULL, "neither a token nor"},
        {200, "application/json", "[\"abc\"]", NULL, "no JSON object"},
        {200, "application/json", "{\"token\":\"abc\"", NULL, "no JSON object"},
        {200, "application/json", "{\"token\":\"\"}", NULL, "neither"},
        {200, "application/json", "{\"token\":\"a b\"}", NULL, "neither"},
        {200, "text/plain", "", NULL, "neither"},
        {200, "text/plain", "Please log in", NULL, "byte 7"},
        {200, "text/html", "abc", NULL, "text/html"},
        {200, NULL, "abc", NULL, "content type"},
        {302, "text/plain", "abc", NULL, "HTTP 302"},
        {403, "text/plain", "abc", NULL, "HTTP 403"},
        {500, "application/json", "{\"error\":{\"code\":50000,\"message\":\"oh\"}}", NULL,
            "HTTP 500, Ably code 50000: oh"},
        {0, NULL, "", NULL, "timed out"},
    };
    struct world *w = &world;
    for (size_t i = 0; i < KB_COUNT(cases); i++) {
        char why[200];
        world_new(w, &(struct kb_auth_options){.auth_url = "https://auth/t?secret=S"});
        begin(w, 0, KB_AUTH_ASKING);
        enum kb_auth_step step = answer(w, 0, cases[i].status, cases[i].type, cases[i].body, why);
        if ((step == KB_AUTH_READY) != (cases[i].line != NULL) || !strstr(why, cases[i].why) ||
            strstr(why, "secret"))
            fail_msg("row %zu: step %d, %s", i, (int)step, why);
        assert_int_equal(kb_auth_ready(w->auth, 0), cases[i].line != NULL);
        if (cases[i].line)
            assert_string_equal(kb_auth_line(w->auth), cases[i].line);
        kb_auth_free(w->auth);
    }
}

static void a_token_request_from_auth_url_is_exchanged(void **state)
{
    (void)state;
    struct world *w = &world;
    static const char request[] = "{\"keyName\":\"app.key\",\"nonce\":\"n\",\"mac\":\"m\"}";
    world_new(w, &(struct kb_auth_options){.auth_url = "https://auth"});
    begin(w, 0, KB_AUTH_ASKING);
    assert_int_equal(answer(w, 0, 200, "application/json", request, NULL), KB_AUTH_ASKING);
    assert_string_equal(w->asked->url, "https://ably/keys/app.key/requestToken");
    assert_string_equal(w->body, request);
    char why[200];
    assert_int_equal(answer(w, 0, 201, "application/json", request, why), KB_AUTH_FAILED);
    begin(w, 0, KB_AUTH_ASKING);
    assert_int_equal(answer(w, 0, 200, "application/json", request, NULL), KB_AUTH_ASKING);
    assert_int_equal(
        answer(w, 0, 201, "application/json", "{\"token\":\"abc\"}", NULL), KB_AUTH_READY);
    kb_auth_free(w->auth);
}

static void a_refused_token_is_renewed_once_for_all(void **state)
{
    (void)state;
    struct world *w = &world;
    world_new(w, &(struct kb_auth_options){.token = "abc", .key = "app.key:SECRET"});
    assert_true(kb_auth_ready(w->auth, 0));
    assert_true(kb_auth_refused(w->auth, 1, true, 30000));
    assert_false(kb_auth_ready(w->auth, 30000));
    assert_true(kb_auth_refused(w->auth, 1, true, 30000));
    begin(w, 30000, KB_AUTH_READY);
    assert_int_equal(kb_auth_generation(w->auth), 2);
    assert_true(kb_auth_refused(w->auth, 1, true, 30000)); /* sent with the old one */
    assert_true(kb_auth_ready(w->auth, 30000));
    assert_int_equal(w->questions, 0);
    kb_auth_free(w->auth);
}

static void write_file(const char *path, const char *text)
{
    char other[100];
    snprintf(other, sizeof(other), "%s.new", path);
    FILE *file = fopen(other, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
    assert_int_equal(rename(other, path), 0);
}

static void a_key_in_a_file_is_followed(void **state)
{
    (void)state;
    struct world *w = &world;
    char path[] = "/tmp/kably-test-key-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    write_file(path, "app.key:SECRET\n");
    world_new(w, &(struct kb_auth_options){.key = "app.key:SECRET", .key_file = path});
    kb_auth_look(w->auth, 0);
    assert_int_equal(kb_auth_generation(w->auth), 1);
    write_file(path, "app.new:OTHER\n");
    kb_auth_look(w->auth, 500); /* not more than once a second */
    assert_int_equal(kb_auth_generation(w->auth), 1);
    kb_auth_look(w->auth, 1500);
    assert_string_equal(kb_auth_line(w->auth), "Authorization: Basic YXBwLm5ldzpPVEhFUg==");
    write_file(path, "half a ke"); /* what makes no sense changes nothing */
    kb_auth_look(w->auth, 3000);
    assert_int_equal(kb_auth_generation(w->auth), 2);
    write_file(path, "app.third:X\n");
    assert_true(kb_auth_refused(w->auth, 2, false, 3001)); /* at once after a 401 */
    assert_string_equal(kb_auth_line(w->auth), "Authorization: Basic YXBwLnRoaXJkOlg=");
    assert_false(kb_auth_refused(w->auth, 3, false, 3002));
    unlink(path);
    kb_auth_look(w->auth, 9000); /* gone: what was known stays */
    assert_true(kb_auth_ready(w->auth, 9000));
    kb_auth_free(w->auth);
}

static void what_cannot_be_asked_fails(void **state)
{
    (void)state;
    struct world *w = &world;
    world_new(w, &(struct kb_auth_options){.auth_url = "https://auth"});
    w->no_submit = true;
    begin(w, 0, KB_AUTH_FAILED);
    assert_false(kb_auth_asking(w->auth));
    w->no_submit = false;
    begin(w, 0, KB_AUTH_ASKING);
    kb_auth_free(w->auth);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_goes_as_it_is),
        cmocka_unit_test(a_token_goes_as_base64_a_jwt_as_it_is),
        cmocka_unit_test(a_jwt_is_made_of_the_key_and_renewed_before_its_end),
        cmocka_unit_test(a_token_request_is_signed_and_exchanged),
        cmocka_unit_test(a_refused_timestamp_asks_for_the_time),
        cmocka_unit_test(auth_url_is_asked_with_its_parameters),
        cmocka_unit_test(auth_url_may_answer_in_four_ways),
        cmocka_unit_test(a_token_request_from_auth_url_is_exchanged),
        cmocka_unit_test(a_refused_token_is_renewed_once_for_all),
        cmocka_unit_test(a_key_in_a_file_is_followed),
        cmocka_unit_test(what_cannot_be_asked_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
