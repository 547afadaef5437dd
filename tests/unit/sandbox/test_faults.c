/* Faults of the local Ably: each kind, how long each lasts, what a wrong list is told. */
#include "unit/sandbox/by_hand.h"

#define SPEC(channel) "{\"channels\":\"" channel "\",\"messages\":{\"data\":\"x\"}}"

static void set_faults(const char *faults)
{
    by_hand("POST", "/_control/faults", faults);
    if (by_hand_x.status != 200)
        fail_msg("%s: " KB_FMT, faults, KB_ARG(kb_buf_slice(&by_hand_x.answer)));
}

static void publish(const char *body)
{
    by_hand("POST", "/messages", body);
}

static void assert_published(int published)
{
    char expected[64];

    by_hand("GET", "/_control/stats", "");
    snprintf(expected, sizeof(expected), "\"published\":%d,", published);
    assert_answer(200, expected);
}

static const char *answer_header(const char *name)
{
    for (size_t i = 0; i < by_hand_x.n_headers; i++) {
        if (strcmp(by_hand_x.headers[i].name, name) == 0)
            return by_hand_x.headers[i].value;
    }
    return "";
}

static void test_refuses_the_request(void **state)
{
    (void)state;
    by_hand_start(&(struct kb_service_options){0});
    set_faults("[{\"status\":503,\"times\":2,\"headers\":{\"Server\":\"CloudFront\"}}]");
    by_hand_request.authorization = NULL; /* met before anything is looked at */
    publish("garbage");
    assert_answer(503, "{\"error\":{\"code\":50300,\"statusCode\":503,\"message\":\"a fault");
    assert_string_equal(answer_header("Server"), "CloudFront");
    assert_string_equal(answer_header("X-Ably-ErrorCode"), "50300");
    by_hand_usual_request();
    publish(SPEC("a"));
    assert_int_equal(by_hand_x.status, 503);
    assert_published(0);
    publish(SPEC("a"));
    assert_int_equal(by_hand_x.status, 201);
    assert_string_equal(answer_header("Server"), "");
    by_hand("GET", "/_control/faults", "");
    assert_answer(200, "[{\"status\":503,\"code\":50300,\"headers\":{\"Server\":\"CloudFront\"},"
                       "\"times\":2,\"met\":2}]");

    set_faults("[{\"code\":40142,\"message\":\"token \\\"t\\\" expired\"}]");
    publish(SPEC("a"));
    assert_answer(401, "\"message\":\"token \\\"t\\\" expired\"");
    assert_string_equal(answer_header("X-Ably-ErrorMessage"), "token \"t\" expired");
    set_faults("[]");
    publish(SPEC("a"));
    assert_int_equal(by_hand_x.status, 201);
    by_hand_end();
}

static void test_edge_answers_with_headers_only(void **state)
{
    (void)state;
    by_hand_start(&(struct kb_service_options){0});
    set_faults("[{\"status\":429,\"code\":42922}]");
    publish(SPEC("a"));
    assert_int_equal(by_hand_x.status, 429);
    assert_int_equal(by_hand_x.answer.len, 0);
    assert_string_equal(answer_header("X-Ably-ErrorCode"), "42922");
    by_hand_end();
}

/* What is above so many specs a second; several messages in one spec count as one. */
static void test_refuses_what_is_above_a_rate(void **state)
{
    (void)state;
    by_hand_start(&(struct kb_service_options){0});
    set_faults("[{\"channel\":\"a\",\"rate\":2}]");
    publish("[" SPEC("a") ",{\"channels\":\"a\",\"messages\":[{\"data\":\"x\"},{\"data\":\"y\"}]}"
                          "," SPEC("a") "," SPEC("b") "]");
    assert_answer(201, "\"error\":{\"code\":42913,\"statusCode\":429,");
    assert_published(4);
    by_hand("GET", "/_control/faults", "");
    assert_answer(200, "[{\"channel\":\"a\",\"status\":429,\"code\":42913,\"rate\":2,\"met\":1}]");
    by_hand_now += 500;
    publish("[" SPEC("a") "," SPEC("a") "]");
    assert_published(5);
    set_faults("[{\"rate\":1}]"); /* of each channel */
    publish("[" SPEC("c") "," SPEC("d") "," SPEC("d") "]");
    assert_published(7);
    by_hand_end();
}

static void test_refuses_specs_of_a_channel(void **state)
{
    (void)state;
    by_hand_start(&(struct kb_service_options){0});
    set_faults("[{\"channel\":\"b\",\"status\":429,\"code\":42913,\"times\":1}]");
    publish("[" SPEC("a") "," SPEC("b") "," SPEC("b") "]"); /* the second spec of b is taken */
    assert_answer(201, "[{\"successCount\":1,\"failureCount\":0,\"results\":[{\"channel\":\"a\",");
    assert_answer(201, "{\"successCount\":0,\"failureCount\":1,\"results\":[{\"channel\":\"b\","
                       "\"error\":{\"code\":42913,\"statusCode\":429,");
    assert_answer(
        201, "}}]},{\"successCount\":1,\"failureCount\":0,\"results\":[{\"channel\":\"b\"");
    assert_published(2);
    set_faults("[{\"channel\":\"b\",\"code\":40160}]");
    by_hand("POST", "/channels/b/messages", "{\"data\":\"x\"}");
    assert_answer(401, "{\"error\":{\"code\":40160,\"statusCode\":401,");
    publish("{\"channels\":[\"a\",\"b\"],\"messages\":{}}");
    assert_answer(201, "{\"successCount\":1,\"failureCount\":1,");
    by_hand_end();
}

static void test_refuses_one_spec(void **state)
{
    (void)state;
    by_hand_start(&(struct kb_service_options){0});
    set_faults("[{\"spec\":1,\"code\":40009}]");
    publish("[" SPEC("a") "," SPEC("b") "," SPEC("c") "]");
    assert_answer(201, "[{\"successCount\":1,\"failureCount\":0,\"results\":[{\"channel\":\"a\"");
    assert_answer(
        201, "\"results\":[{\"channel\":\"b\",\"error\":{\"code\":40009,\"statusCode\":400");
    assert_answer(201, "{\"successCount\":1,\"failureCount\":0,\"results\":[{\"channel\":\"c\"");
    set_faults("[{\"spec\":0,\"channel\":\"z\",\"code\":40009}]"); /* both must fit */
    publish("[" SPEC("a") "," SPEC("z") "]");
    assert_answer(201, "{\"successCount\":1,\"failureCount\":0,\"results\":[{\"channel\":\"z\"");
    assert_published(4);
    by_hand_end();
}

/* One bad message that Ably takes for a fault of the whole request. */
static void test_refuses_the_whole_request_for_a_channel(void **state)
{
    (void)state;
    by_hand_start(&(struct kb_service_options){0});
    set_faults("[{\"channel\":\"b\",\"code\":40013,\"status\":400,\"whole\":true}]");
    publish("[" SPEC("a") "," SPEC("b") "]");
    assert_answer(400, "{\"error\":{\"code\":40013,\"statusCode\":400,");
    assert_published(0);
    publish("[" SPEC("a") "]");
    assert_int_equal(by_hand_x.status, 201);
    assert_published(1);
    by_hand_end();
}

/* What a proxy, a load balancer or a hotel's network says. */
static void test_answers_with_anything(void **state)
{
    (void)state;
    by_hand_start(&(struct kb_service_options){0});
    set_faults("[{\"status\":200,\"body\":\"<html>log in\",\"type\":\"text/html; charset=x\","
               "\"headers\":{\"Server\":\"hotel\"},\"times\":1}]");
    publish(SPEC("a"));
    assert_answer(200, "<html>log in");
    assert_int_equal(by_hand_x.answer.len, strlen("<html>log in"));
    assert_string_equal(by_hand_x.content_type, "text/html; charset=x");
    assert_string_equal(answer_header("X-Ably-ErrorCode"), "");
    assert_published(0);
    publish(SPEC("a"));
    assert_string_equal(by_hand_x.content_type, "application/json");
    by_hand_end();
}

static void test_path(void **state)
{
    (void)state;
    by_hand_start(&(struct kb_service_options){0});
    set_faults("[{\"path\":\"/time\",\"status\":500}]");
    publish(SPEC("a"));
    assert_int_equal(by_hand_x.status, 201);
    by_hand("GET", "/time", "");
    assert_answer(500, "\"code\":50000,");
    by_hand_end();
}

static void test_seconds(void **state)
{
    (void)state;
    by_hand_start(&(struct kb_service_options){0});
    by_hand_now = 5000;
    set_faults("[{\"status\":500,\"seconds\":3}]");
    by_hand_now = 7999;
    publish(SPEC("a"));
    assert_int_equal(by_hand_x.status, 500);
    by_hand_now = 8000;
    publish(SPEC("a"));
    assert_int_equal(by_hand_x.status, 201);
    by_hand_end();
}

static void test_delays_add_up(void **state)
{
    (void)state;
    by_hand_start(&(struct kb_service_options){0});
    set_faults(
        "[{\"delay_ms\":50},{\"channel\":\"a\",\"delay_ms\":7},{\"channel\":\"b\",\"delay_ms\":"
        "900}]");
    publish("[" SPEC("a") "," SPEC("a") "]");
    assert_answer(201, "\"channel\":\"a\"");
    assert_int_equal(by_hand_x.delay_ms, 57);
    publish(SPEC("c"));
    assert_int_equal(by_hand_x.delay_ms, 50);
    by_hand_end();
}

static void test_cuts(void **state)
{
    static const struct {
        const char *fault;
        enum kb_cut cut;
        int published;
    } cuts[] = {
        {"[{\"cut\":\"before\"}]", KB_CUT_BEFORE, 0},
        {"[{\"cut\":\"after\"}]", KB_CUT_AFTER, 1},
        {"[{\"cut\":\"middle\"}]", KB_CUT_MIDDLE, 1},
        {"[{\"cut\":\"before\",\"channel\":\"a\"}]", KB_CUT_BEFORE, 0},
        {"[{\"cut\":\"after\",\"channel\":\"a\"}]", KB_CUT_AFTER, 1},
        {"[{\"cut\":\"before\",\"channel\":\"b\"}]", KB_CUT_NONE, 1},
    };
    (void)state;
    for (size_t i = 0; i < KB_COUNT(cuts); i++) {
        by_hand_start(&(struct kb_service_options){0});
        set_faults(cuts[i].fault);
        publish(SPEC("a"));
        assert_int_equal(by_hand_x.cut, cuts[i].cut);
        assert_published(cuts[i].published);
        assert_answer(200, cuts[i].cut ? "\"cut\":1," : "\"cut\":0,");
        by_hand_end();
    }
}

static void test_wrong_lists(void **state)
{
    static const char *const wrong[][2] = {
        {"{}", "must be an array of objects"},
        {"[7]", "must be an array of objects"},
        {"[[]]", "must be an array of objects"},
        {"[{}]", "fault 0: : does nothing"},
        {"[{\"rate\":1,\"path\":\"/messages\"}]", "fault 0: : rate counts specs"},
        {"[{\"delay_ms\":1},{\"channel\":\"a\"}]", "fault 1: : does nothing"},
        {"[{\"statsu\":500}]", "fault 0: statsu: unknown key"},
        {"[{\"status\":\"500\"}]", "fault 0: status: must be a whole number"},
        {"[{\"status\":-1}]", "fault 0: status: must be a whole number"},
        {"[{\"status\":5.5}]", "fault 0: status: must be a whole number"},
        {"[{\"status\":9999999999}]", "fault 0: status: must be a whole number"},
        {"[{\"status\":200}]", "status must be 300 to 599"},
        {"[{\"status\":600}]", "status must be 300 to 599"},
        {"[{\"status\":500,\"code\":1000000}]", "code must be one of Ably's"},
        {"[{\"channel\":7}]", "fault 0: channel: must be a string"},
        {"[{\"cut\":\"never\"}]", "fault 0: cut: must be \\\"before\\\""},
        {"[{\"cut\":\"after\",\"status\":500}]", "either status or cut"},
        {"[{\"spec\":1,\"delay_ms\":5}]", "spec needs a status"},
        {"[{\"status\":500,\"headers\":{\"a\":{}}}]", "a header must be a string"},
        {"[{\"status\":500,\"headers\":[]}]", "fault 0: headers: unknown key, or a value"},
        {"[{\"status\":500}", "column"},
        {"", "column"},
    };
    (void)state;
    by_hand_start(&(struct kb_service_options){0});
    set_faults("[{\"status\":500}]");
    for (size_t i = 0; i < KB_COUNT(wrong); i++) {
        by_hand("POST", "/_control/faults", wrong[i][0]);
        assert_answer(400, wrong[i][1]);
    }
    by_hand("GET", "/_control/faults", ""); /* the list stayed as it was */
    assert_answer(200, "[{\"status\":500,\"code\":50000,\"met\":0}]");
    by_hand_end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refuses_the_request),
        cmocka_unit_test(test_edge_answers_with_headers_only),
        cmocka_unit_test(test_refuses_what_is_above_a_rate),
        cmocka_unit_test(test_refuses_specs_of_a_channel),
        cmocka_unit_test(test_refuses_one_spec),
        cmocka_unit_test(test_refuses_the_whole_request_for_a_channel),
        cmocka_unit_test(test_answers_with_anything),
        cmocka_unit_test(test_path),
        cmocka_unit_test(test_seconds),
        cmocka_unit_test(test_delays_add_up),
        cmocka_unit_test(test_cuts),
        cmocka_unit_test(test_wrong_lists),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
