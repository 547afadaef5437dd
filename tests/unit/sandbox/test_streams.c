/* Streams over real sockets: two hear the same beside other requests, one that does not read costs
 * nobody anything, one that left is forgotten, an end with all of them open. */
#include "unit/sandbox/by_wire.h"

static int listen_to(const char *channel)
{
    int fd = open_connection();
    char path[64];

    snprintf(path, sizeof(path), "/sse?channel=%s&v=1.2", channel);
    send_request(fd, "GET", path, KB_S(""));
    assert_true(read_answer(fd)); /* its head */
    assert_status(200);
    assert_non_null(strstr(answer, "\r\nContent-Type: text/event-stream\r\n"));
    return fd;
}

/* Reads until `text` has come, or the end; false = the end. */
static bool hear(int fd, const char *text)
{
    answer_len = 0;
    answer[0] = '\0';
    while (!strstr(answer, text)) {
        struct pollfd ready = {fd, POLLIN, 0};
        if (answer_len > sizeof(answer) / 2) { /* only its end may still be the start of `text` */
            memmove(answer, answer + answer_len - 100, 101);
            answer_len = 100;
        }
        assert_int_equal(poll(&ready, 1, 10000), 1);
        ssize_t n = recv(fd, answer + answer_len, sizeof(answer) - 1 - answer_len, 0);
        if (n <= 0)
            return false;
        answer_len += (size_t)n;
        answer[answer_len] = '\0';
    }
    return true;
}

static void publish(int fd, const char *data)
{
    char body[200];

    snprintf(body, sizeof(body), "{\"data\":\"%s\"}", data);
    request(fd, "POST", "/channels/c/messages", body, 201);
}

static void wait_for_subscribers(size_t n)
{
    for (int i = 0; kb_local_ably_tally(ably).subscribers != n; i++) {
        assert_true(i < 1000);
        poll(NULL, 0, 10);
    }
}

static void test_two_hear_the_same(void **state)
{
    int one = listen_to("c"), two = listen_to("c"), publisher = open_connection();
    char wanted[32];

    (void)state;
    assert_int_equal(kb_local_ably_tally(ably).subscribers, 2);
    for (int i = 0; i < 100; i++) {
        snprintf(wanted, sizeof(wanted), "message %d", i);
        publish(publisher, wanted);
        assert_true(hear(one, wanted));
        assert_true(hear(two, wanted));
    }
    close(one);
    close(two);
    publish(publisher, "x"); /* what is written shows that they are gone */
    publish(publisher, "x");
    wait_for_subscribers(0);
    close(publisher);
}

static void test_a_slow_one(void **state)
{
    static char large[60000];
    int slow = listen_to("c"), quick = listen_to("c"), publisher = open_connection();
    struct kb_buf body;
    int sent = 0;

    (void)state;
    memset(large, 'x', sizeof(large));
    kb_buf_init(&body, 100000);
    kb_buf_printf(&body, "{\"data\":\"%.*s\",\"name\":\"#\"}", (int)sizeof(large), large);
    while (kb_local_ably_tally(ably).subscribers == 2) {
        assert_true(sent++ < 400);
        send_request(publisher, "POST", "/channels/c/messages", kb_buf_slice(&body));
        assert_true(read_answer(publisher));
        assert_status(201);
        assert_true(hear(quick, "\"name\":\"#\""));
    }
    assert_true(sent > 100); /* 8 MiB are more than that */
    assert_false(hear(slow, "never"));
    publish(publisher, "goes on");
    assert_true(hear(quick, "goes on"));
    kb_buf_deinit(&body);
    close(slow);
    close(quick);
    close(publisher);
}

/* The end comes at once, for each stream behind what was published before. */
static void test_end_with_streams_open(void **state)
{
    int fds[20], publisher;

    assert_int_equal(start_ably(state), 0);
    for (size_t i = 0; i < KB_COUNT(fds); i++)
        fds[i] = listen_to("c");
    publisher = open_connection();
    publish(publisher, "x");
    int64_t begun_ms = now_ms();
    kb_local_ably_stop(ably);
    assert_true(now_ms() - begun_ms < 5000);
    for (size_t i = 0; i < KB_COUNT(fds); i++) {
        assert_true(hear(fds[i], "\n\n\r\n0\r\n\r\n"));
        assert_non_null(strstr(answer, "\"data\":\"x\""));
        assert_false(hear(fds[i], "more"));
        close(fds[i]);
    }
    close(publisher);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_two_hear_the_same, start_ably, stop_ably),
        cmocka_unit_test_setup_teardown(test_a_slow_one, start_ably, stop_ably),
        cmocka_unit_test(test_end_with_streams_open),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
