/* The local Ably over real sockets: keep-alive, large bodies, delays beside others, cuts as a
 * client sees them, garbage, many connections, an end with everything still open. */
#include "unit/sandbox/by_wire.h"

#include <errno.h>

static void set_faults(const char *faults)
{
    int fd = open_connection();

    request(fd, "POST", "/_control/faults", faults, 200);
    close(fd);
}

static void assert_stats(const char *expected)
{
    int fd = open_connection();

    request(fd, "GET", "/_control/stats", "", 200);
    if (!strstr(answer, expected))
        fail_msg("expected %s in %s", expected, answer);
    close(fd);
}

#define SPEC(id) "{\"channels\":\"c\",\"messages\":{\"id\":\"" id "\",\"data\":\"x\"}}"

static void test_keep_alive(void **state)
{
    int fd = open_connection();

    (void)state;
    request(fd, "POST", "/messages", SPEC("a"), 201);
    request(fd, "POST", "/messages", SPEC("a"), 201);
    request(fd, "GET", "/channels/c/messages?limit=1", "", 200);
    assert_non_null(strstr(answer, "[{\"id\":\"a\","));
    request(fd, "POST", "/channels/a%2Fb%20c/messages", "{\"data\":\"1\"}", 201);
    assert_non_null(strstr(answer, "{\"channel\":\"a/b c\""));
    request(fd, "GET", "/nowhere", "", 404);
    assert_non_null(strstr(answer, "\r\nX-Ably-ErrorCode: 40400\r\n"));
    request(fd, "GET", "/time", "", 200);
    close(fd);
    assert_stats("\"requests\":6,\"raw\":3,\"published\":2,\"duplicates\":1,");
}

/* Nearly 2 MiB are published in one request; 3 MiB are refused after they were read, and the
 * connection lives on. */
static void test_large_bodies(void **state)
{
    int fd = open_connection();
    struct kb_buf body;

    (void)state;
    kb_buf_init(&body, (size_t)4 << 20);
    kb_buf_byte(&body, '[');
    for (int i = 0; i < 20000; i++)
        kb_buf_printf(&body,
            "%s{\"channels\":\"c\",\"messages\":{\"id\":\"%d\",\"data\":\"%048d\"}}", i ? "," : "",
            i, i);
    kb_buf_byte(&body, ']');
    assert_true(body.len > 1900000 && body.len < 2 << 20);
    send_request(fd, "POST", "/messages", kb_buf_slice(&body));
    assert_true(read_answer(fd));
    assert_status(201);
    assert_stats("\"requests\":1,\"raw\":20000,\"published\":20000,");

    kb_buf_reset(&body);
    for (size_t i = 0; i < (size_t)3 << 20; i++)
        kb_buf_byte(&body, ' ');
    send_request(fd, "POST", "/messages", kb_buf_slice(&body));
    assert_true(read_answer(fd));
    assert_status(413);
    request(fd, "GET", "/time", "", 200);
    close(fd);
    kb_buf_deinit(&body);
}

/* A delayed answer keeps nobody else waiting, and comes when its time is there, not earlier. */
static void test_delay(void **state)
{
    int slow = open_connection(), quick = open_connection();
    int64_t begun_ms;
    int rounds = 0;

    (void)state;
    set_faults("[{\"path\":\"/messages\",\"delay_ms\":1000,\"times\":1}]");
    begun_ms = now_ms();
    send_request(slow, "POST", "/messages", kb_slice_of(SPEC("a")));
    while (now_ms() - begun_ms < 950) {
        struct pollfd slow_ready = {slow, POLLIN, 0};
        request(quick, "GET", "/time", "", 200);
        if (poll(&slow_ready, 1, 0) != 0) /* this process may have slept on the way here */
            assert_true(now_ms() - begun_ms >= 1000);
        rounds++;
    }
    assert_true(rounds > 5);
    assert_stats("\"published\":1,"); /* only the answer waits */
    assert_true(read_answer(slow));
    assert_status(201);
    assert_true(now_ms() - begun_ms >= 1000);
    request(slow, "GET", "/time", "", 200);
    close(slow);
    close(quick);
    assert_stats("\"max_in_flight_requests\":2,");
}

static void test_cuts(void **state)
{
    static const struct {
        const char *fault, *stats;
        bool some;
    } cuts[] = {
        {"[{\"cut\":\"before\",\"times\":1}]", "\"published\":0,", false},
        {"[{\"cut\":\"after\",\"times\":1,\"delay_ms\":20}]", "\"published\":1,", false},
        {"[{\"cut\":\"middle\",\"times\":1}]", "\"published\":1,", true},
    };

    (void)state;
    for (size_t i = 0; i < KB_COUNT(cuts); i++) {
        int fd = open_connection();
        set_faults(cuts[i].fault);
        send_request(fd, "POST", "/messages", kb_slice_of(SPEC("a")));
        assert_false(read_answer(fd));
        assert_int_equal(answer_len > 0, cuts[i].some);
        if (cuts[i].some) { /* the head is whole and right, of the body there is half */
            const char *body = strstr(answer, "\r\n\r\n") + 4;
            size_t there = (size_t)(answer + answer_len - body);
            size_t whole = promised() - (size_t)(body - answer);
            assert_status(201);
            assert_int_equal(there, whole / 2);
        }
        close(fd);
        assert_stats(cuts[i].stats);
        set_faults("[]");
        fd = open_connection();
        request(fd, "POST", "/_control/reset", "", 200);
        close(fd);
    }
}

/* What is no HTTP at all, requests that stop half way, clients that leave: the next one is served.
 */
static void test_rude_clients(void **state)
{
    static const char *const rude[] = {"\r\n\r\n", "\x16\x03\x01", "GET",
        "POST /messages HTTP/1.1\r\n",
        "POST /messages HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\n[",
        "POST /messages HTTP/1.1\r\nHost: h\r\nContent-Length: x\r\n\r\n",
        "POST /messages HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        "GET /time?%00=%ff&&== HTTP/1.1\r\nHost: h\r\n\r\n", "GET /%2 HTTP/1.1\r\nHost: h\r\n\r\n"};
    int fd;

    (void)state;
    for (int round = 0; round < 20; round++) {
        for (size_t i = 0; i < KB_COUNT(rude); i++) {
            fd = open_connection();
            send_all(fd, kb_slice_of(rude[i]));
            if (round % 2)
                shutdown(fd, SHUT_WR);
            close(fd);
        }
    }
    set_faults("[{\"delay_ms\":10}]"); /* one that leaves while its answer is delayed */
    fd = open_connection();
    send_request(fd, "POST", "/messages", kb_slice_of(SPEC("gone")));
    close(fd);
    fd = open_connection();
    request(fd, "POST", "/messages", SPEC("a"), 201);
    close(fd);
}

static void test_many_connections(void **state)
{
    enum { CONNECTIONS = 200 };
    int fds[CONNECTIONS];
    char body[128];

    (void)state;
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < CONNECTIONS; i++) {
            if (round == 0)
                fds[i] = open_connection();
            snprintf(body, sizeof(body),
                "{\"channels\":\"c%d\",\"messages\":{\"id\":\"%d\",\"data\":\"x\"}}", i, round);
            send_request(fds[i], "POST", "/messages", kb_slice_of(body));
        }
        for (int i = 0; i < CONNECTIONS; i++) {
            assert_true(read_answer(fds[i]));
            assert_status(201);
        }
    }
    for (int i = 0; i < CONNECTIONS; i++)
        close(fds[i]);
    assert_stats("\"requests\":600,\"raw\":600,\"published\":600,");
}

/* Deliveries by the ten thousand come as a stream of lines. */
static void test_deliveries(void **state)
{
    int fd = open_connection();
    struct kb_buf body;
    size_t lines = 0;

    (void)state;
    kb_buf_init(&body, (size_t)2 << 20);
    for (int request_number = 0; request_number < 5; request_number++) {
        kb_buf_reset(&body);
        for (int i = 0; i < 1000; i++)
            kb_buf_printf(&body, "%s{\"channels\":\"c\",\"messages\":{\"id\":\"%d.%d\"}}",
                i ? "," : "[", request_number, i);
        kb_buf_byte(&body, ']');
        send_request(fd, "POST", "/messages", kb_buf_slice(&body));
        assert_true(read_answer(fd));
        assert_status(201);
    }
    kb_buf_deinit(&body);
    close(fd);
    fd = open_connection();
    send_all(fd, KB_S("GET /_control/deliveries?format=lines&channel=c HTTP/1.0\r\n\r\n"));
    answer_len = 0;
    for (ssize_t n; (n = recv(fd, answer + answer_len, sizeof(answer) - 1 - answer_len, 0)) > 0;)
        answer_len += (size_t)n;
    answer[answer_len] = '\0';
    assert_non_null(strstr(answer, "\r\nContent-Type: application/x-ndjson\r\n"));
    for (const char *at = strstr(answer, "\r\n\r\n") + 4; (at = strchr(at, '\n')); at++)
        lines++;
    assert_int_equal(lines, 5000);
    assert_non_null(
        strstr(answer, "{\"seq\":5000,\"request\":5,\"duplicate\":false,\"channel\":\"c\","
                       "\"id\":\"4.999\"}\n"));
    close(fd);
}

/* stop_ably must not wait for a delayed answer, nor for a half request. */
static void test_ends_at_once(void **state)
{
    int delayed = open_connection(), half = open_connection(), idle = open_connection();
    int64_t begun_ms;
    struct kb_err err;

    (void)state;
    set_faults("[{\"path\":\"/time\",\"delay_ms\":60000}]");
    send_request(delayed, "GET", "/time", KB_S(""));
    send_all(half, KB_S("POST /messages HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\n["));
    while (true) { /* until both are there */
        int fd = open_connection();
        request(fd, "GET", "/_control/faults", "", 200);
        close(fd);
        if (strstr(answer, "\"met\":1"))
            break;
    }
    begun_ms = now_ms();
    kb_local_ably_stop(ably);
    assert_true(now_ms() - begun_ms < 2000);
    assert_false(read_answer(delayed));
    close(delayed);
    close(half);
    close(idle);
    ably = kb_local_ably_start(&(struct kb_local_ably_options){0}, &err);
    assert_non_null(ably);
}

static void test_port_in_use(void **state)
{
    struct kb_err err;

    (void)state;
    assert_null(kb_local_ably_start(
        &(struct kb_local_ably_options){.port = kb_local_ably_port(ably)}, &err));
    assert_int_equal(err.class, KB_ERR_FATAL);
    assert_non_null(strstr(err.text, "can't listen on 127.0.0.1:"));
    kb_local_ably_stop(NULL);
}

int main(void)
{
#define HTTP_TEST(test) cmocka_unit_test_setup_teardown(test, start_ably, stop_ably)
    const struct CMUnitTest tests[] = {
        HTTP_TEST(test_keep_alive),
        HTTP_TEST(test_large_bodies),
        HTTP_TEST(test_delay),
        HTTP_TEST(test_cuts),
        HTTP_TEST(test_rude_clients),
        HTTP_TEST(test_many_connections),
        HTTP_TEST(test_deliveries),
        HTTP_TEST(test_ends_at_once),
        HTTP_TEST(test_port_in_use),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
