/* What an answer means for a reload, and whom else is asked: against a door that answers from a
 * list. */
#include "ably/probe.h"

#include "support/prop.h"

#define KEY "app.id:secret"

struct answer {
    int status;       /* 0 = none came */
    const char *code; /* X-Ably-ErrorCode, NULL = none */
};

struct door {
    struct kb_transport transport;
    const struct answer *answers; /* of one request after the other */
    struct kb_http_request *open;
    size_t asked, times_told, cancelled;
    char urls[4][200], authorizations[4][1024];
    char body[200];
};

/* A token that is refused when it was just made has whoever made it ask for the time. */
static bool is_time(const struct kb_http_request *req)
{
    return strcmp(req->url, "http://first/time") == 0;
}

static bool submit(struct kb_transport *tr, struct kb_http_request *req, struct kb_err *err)
{
    struct door *door = (struct door *)tr;
    (void)err;
    assert_null(door->open);
    assert_true(door->asked < KB_COUNT(door->urls));
    assert_string_equal(req->method, "GET");
    door->open = req;
    if (is_time(req))
        return true;
    snprintf(door->urls[door->asked], sizeof(door->urls[0]), "%s", req->url);
    snprintf(
        door->authorizations[door->asked], sizeof(door->authorizations[0]), "%s", req->headers[0]);
    return true;
}

static struct kb_http_request *done(struct kb_transport *tr)
{
    struct door *door = (struct door *)tr;
    struct kb_http_request *req = door->open;
    if (!req)
        return NULL;
    if (is_time(req)) {
        door->open = NULL;
        door->times_told++;
        req->reply = (struct kb_http_reply){.status = 200, .body = KB_S("[1795759200000]")};
        return req;
    }
    const struct answer *answer = &door->answers[door->asked++];
    door->open = NULL;
    req->reply = (struct kb_http_reply){.status = answer->status};
    if (answer->status == 0)
        kb_err_outage(&req->reply.err, "nobody is there");
    if (answer->code) {
        snprintf(door->body, sizeof(door->body),
            "{\"error\":{\"code\":%s,\"statusCode\":%d,\"message\":\"as the test has it\"}}",
            answer->code, answer->status);
        req->reply.body = kb_slice_of(door->body);
        req->reply.headers.ably_error_code = kb_slice_of(answer->code);
        req->reply.headers.content_type = KB_S("application/json");
    }
    return req;
}

static void cancel(struct kb_transport *tr, struct kb_http_request *req)
{
    struct door *door = (struct door *)tr;
    assert_ptr_equal(door->open, req);
    door->open = NULL;
    door->cancelled++;
}

static const struct kb_transport_ops ops = {submit, done, cancel};
static const struct kb_host_list hosts = {.n = 2, .url = {"http://first", "http://second"}};

static struct kb_publisher_options with_key(bool tokens)
{
    return (struct kb_publisher_options){.hosts = &hosts,
        .max_retries = 3,
        .retry_ms = 15000,
        .keep_ms = 600000,
        .auth = {.key = KEY, .use_token = tokens, .ttl_ms = 3600000},
        .clock = kb_clock_system(),
        .agent = "kably/test",
        .open_timeout_ms = 1000,
        .request_timeout_ms = 1000};
}

static enum kb_probe_state ask(
    struct door *door, const struct answer *answers, bool tokens, struct kb_err *err)
{
    struct kb_random_seeded random;
    const struct kb_publisher_options options = with_key(tokens);
    kb_random_seed(&random, 1);
    *door = (struct door){.transport.ops = &ops, .answers = answers};
    struct kb_ably_probe *probe =
        kb_ably_probe_new(&options, &door->transport, &random.random, err);
    assert_non_null(probe);
    enum kb_probe_state state = KB_PROBE_ASKING;
    for (int i = 0; i < 10 && state == KB_PROBE_ASKING; i++)
        state = kb_ably_probe_step(probe, 1000 + i, err);
    kb_ably_probe_free(probe);
    return state;
}

static void what_an_answer_means(void **state)
{
    static const struct {
        struct answer answer;
        bool well;
        const char *says;
    } cases[] = {
        {{200, NULL}, true, NULL}, {{401, "40160"}, true, NULL}, /* may publish, and no more */
        {{429, "42910"}, true, NULL},
        {{400, "40000"}, true, NULL}, /* Ably has spoken, and not against the key */
        {{401, "40101"}, false, "not accepted"}, {{401, "40005"}, false, "as the test has it"},
        {{403, "40300"}, false, "HTTP 403"},
        {{404, "40400"}, false, "HTTP 404"}, /* no such application */
        {{401, NULL}, false, "http://first"},
        {{404, NULL}, false, "HTTP 404"}, /* not Ably at all */
        {{400, NULL}, false, "HTTP 400"}, {{302, NULL}, false, "HTTP 302"},
        {{407, NULL}, false, "HTTP 407"}, /* the proxy's */
    };
    (void)state;
    for (size_t i = 0; i < KB_COUNT(cases); i++) {
        struct door door;
        struct kb_err err;
        enum kb_probe_state got = ask(&door, &cases[i].answer, false, &err);
        if (got != (cases[i].well ? KB_PROBE_WELL : KB_PROBE_FAILED))
            fail_msg("HTTP %d, code %s", cases[i].answer.status, cases[i].answer.code);
        assert_int_equal(door.asked, 1);
        if (cases[i].says && !strstr(err.text, cases[i].says))
            fail_msg("\"%s\" is not in: %s", cases[i].says, err.text);
        if (!cases[i].well)
            assert_null(strstr(err.text, "secret"));
    }
}

static void what_it_asks_for(void **state)
{
    (void)state;
    static const struct answer well[] = {{200, NULL}};
    struct door door;
    struct kb_err err;
    assert_int_equal(ask(&door, well, false, &err), KB_PROBE_WELL);
    assert_string_equal(door.urls[0], "http://first/channels/kably-probe/messages?limit=1");
    assert_string_equal(door.authorizations[0], "Authorization: Basic YXBwLmlkOnNlY3JldA==");
}

static void any_host_will_do(void **state)
{
    (void)state;
    static const struct answer second[] = {{503, NULL}, {200, NULL}},
                               none[] = {{0, NULL}, {502, NULL}};
    struct door door;
    struct kb_err err;
    assert_int_equal(ask(&door, second, false, &err), KB_PROBE_WELL);
    assert_int_equal(door.asked, 2);
    assert_true(kb_slice_starts(kb_slice_of(door.urls[1]), KB_S("http://second/")));
    assert_int_equal(ask(&door, none, false, &err), KB_PROBE_FAILED);
    assert_int_equal(door.asked, 2);
    assert_int_equal(err.class, KB_ERR_OUTAGE);
    assert_string_equal(err.text, "http://second answers HTTP 502");
}

static void another_token_is_tried_once(void **state)
{
    (void)state;
    static const struct answer once[] = {{401, "40142"}, {200, NULL}},
                               twice[] = {{401, "40142"}, {401, "40142"}};
    struct door door;
    struct kb_err err;
    assert_int_equal(ask(&door, once, true, &err), KB_PROBE_WELL);
    assert_int_equal(door.asked, 2);
    assert_int_equal(door.times_told, 1);
    assert_string_not_equal(door.authorizations[0], door.authorizations[1]);
    assert_int_equal(ask(&door, twice, true, &err), KB_PROBE_FAILED);
    assert_int_equal(door.asked, 2);
    assert_int_equal(ask(&door, once, false, &err), KB_PROBE_FAILED); /* a key has no other */
    assert_int_equal(door.asked, 1);
}

static void one_that_is_given_up_takes_its_request_back(void **state)
{
    (void)state;
    struct door door = {.transport.ops = &ops};
    struct kb_random_seeded random;
    struct kb_err err;
    const struct kb_publisher_options options = with_key(false);
    kb_random_seed(&random, 1);
    struct kb_ably_probe *probe =
        kb_ably_probe_new(&options, &door.transport, &random.random, &err);
    assert_int_equal(kb_ably_probe_step(probe, 1000, &err), KB_PROBE_ASKING);
    kb_ably_probe_free(probe);
    assert_int_equal(door.cancelled, 1);
    kb_ably_probe_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_an_answer_means),
        cmocka_unit_test(what_it_asks_for),
        cmocka_unit_test(any_host_will_do),
        cmocka_unit_test(another_token_is_tried_once),
        cmocka_unit_test(one_that_is_given_up_takes_its_request_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
