/* The admin server on a real socket: what clients of all kinds get, and that none of them keeps
 * others out. */
#include "admin/admin.h"

#include "boards.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/random.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define TOKEN "correct-horse-battery"
#define LONGEST_MS 400

struct fixture {
    struct kb_board board;
    struct kb_admin *admin;
    struct kb_buf answer;
};

static int64_t now_ms(void)
{
    return kb_clock_system()->now_ms(kb_clock_system());
}

static struct kb_admin *start(struct fixture *f, const char *listen, struct kb_err *err)
{
    struct kb_admin_options options = {.listen = listen,
        .token = TOKEN,
        .config_path = "a.lua",
        .boards = &f->board,
        .n_boards = 1,
        .longest_ms = LONGEST_MS};
    return kb_admin_start(&options, err);
}

static int set_up(void **state)
{
    static struct fixture f;
    struct kb_worker_status well = boards_well();
    struct kb_err err;
    kb_board_init(&f.board, now_ms());
    boards_show(&f.board, &well);
    f.admin = start(&f, "127.0.0.1:0", &err);
    assert_non_null(f.admin);
    kb_buf_init(&f.answer, 1 << 20);
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    kb_admin_stop(f->admin);
    kb_board_deinit(&f->board);
    kb_buf_deinit(&f->answer);
    return 0;
}

static int dial(const struct fixture *f)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
        .sin_port = htons((uint16_t)kb_admin_port(f->admin))};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

static void say(int fd, const char *text, size_t len)
{
    while (len > 0) {
        ssize_t n = send(fd, text, len, MSG_NOSIGNAL);
        if (n <= 0)
            return; /* it may refuse to listen to the end */
        text += n;
        len -= (size_t)n;
    }
}

/* What comes until the server closes, or is silent for `wait_ms`; true = it closed. */
static bool hear(struct fixture *f, int fd, int wait_ms)
{
    struct pollfd poll_fd = {fd, POLLIN, 0};
    bool closed = false;
    kb_buf_reset(&f->answer);
    while (!closed && poll(&poll_fd, 1, wait_ms) > 0) {
        ssize_t n = read(fd, kb_buf_reserve(&f->answer, 65536), 65536);
        closed = n <= 0;
        kb_buf_commit(&f->answer, n > 0 ? (size_t)n : 0);
    }
    kb_buf_byte(&f->answer, '\0');
    return closed;
}

/* One request on a connection of its own; gives the status, 0 = none. */
static int exchange(struct fixture *f, const char *text)
{
    int fd = dial(f);
    say(fd, text, strlen(text));
    shutdown(fd, SHUT_WR);
    hear(f, fd, 5000);
    close(fd);
    return strncmp(f->answer.ptr, "HTTP/1.1 ", 9) == 0 ? (int)strtol(f->answer.ptr + 9, NULL, 10)
                                                       : 0;
}

#define GET(path) "GET " path " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
#define HELD "Authorization: Bearer " TOKEN "\r\n"

static void assert_serves(struct fixture *f)
{
    assert_int_equal(exchange(f, GET("/livez") "\r\n"), 200);
    assert_non_null(strstr(f->answer.ptr, "\r\n\r\n{\"live\":true,\"reasons\":[]}\n"));
}

static void answers_and_their_headers(void **state)
{
    struct fixture *f = *state;
    assert_serves(f);
    assert_non_null(strstr(f->answer.ptr, "Content-Type: application/json\r\n"));
    assert_non_null(strstr(f->answer.ptr, "Cache-Control: no-store\r\n"));
    assert_int_equal(exchange(f, GET("/status?x=1") HELD "\r\n"), 200);
    assert_non_null(strstr(f->answer.ptr, "Kably-Ready: yes\r\n"));
    assert_int_equal(exchange(f, GET("/status") "\r\n"), 401);
    assert_non_null(strstr(f->answer.ptr, "WWW-Authenticate: Bearer realm=\"kably\"\r\n"));
    assert_int_equal(exchange(f, GET("/nothing") HELD "\r\n"), 404);
    assert_int_equal(
        exchange(f, "POST /livez HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"), 405);
    assert_non_null(strstr(f->answer.ptr, "Allow: GET, HEAD\r\n"));
    assert_int_equal(exchange(f, "GET /livez HTTP/1.0\r\n\r\n"), 200);
}

static void head_has_no_body(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(
        exchange(f, "HEAD /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"), 200);
    assert_non_null(strstr(f->answer.ptr, "Content-Length: 27\r\n"));
    assert_string_equal(strstr(f->answer.ptr, "\r\n\r\n"), "\r\n\r\n");
}

static void bodies_are_bounded(void **state)
{
    struct fixture *f = *state;
    struct kb_buf big;
    kb_buf_init(&big, 1 << 20);
    assert_int_equal(
        exchange(f, "POST /livez HTTP/1.1\r\nHost: x\r\nContent-Length: 999999999999\r\n\r\n"),
        413);

    kb_buf_add(&big, KB_S("POST /livez HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"));
    for (int i = 0; i < 100; i++)
        kb_buf_printf(&big, "3e8\r\n%01000d\r\n", i);
    kb_buf_add(&big, KB_S("0\r\n\r\n\0"));
    assert_int_equal(exchange(f, big.ptr), 0); /* it ends at 64 KiB, without an answer */

    kb_buf_reset(&big);
    kb_buf_printf(&big, GET("/livez") "X: %0100000d\r\n\r\n", 1);
    int status = exchange(f, big.ptr);
    assert_true(status == 431 || status == 413);
    kb_buf_deinit(&big);
    assert_serves(f);
}

static void nonsense(void **state)
{
    static const char *const texts[] = {"\r\n\r\n", "GET\r\n\r\n", "GET /livez\r\n\r\n",
        "GET /livez HTTP/9.9\r\nHost: x\r\n\r\n", "GET  /livez HTTP/1.1\r\n: x\r\n\r\n",
        "\x16\x03\x01\x02\x01\x01\xfc\x03\x03", "GET /livez HTTP/1.1\r\nHost x\r\n\r\n",
        "POST /livez HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        "POST /livez HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        "GET /%00 HTTP/1.1\r\nHost: x\r\n\r\n", "GET /livez%zz HTTP/1.1\r\nHost: x\r\n\r\n"};
    struct fixture *f = *state;
    for (size_t i = 0; i < KB_COUNT(texts); i++) {
        int status = exchange(f, texts[i]);
        if (status == 200 || status >= 500)
            assert_true(status == 505 && strstr(texts[i], "9.9"));
    }
    assert_serves(f);
}

/* A good request with a few bytes changed, cut anywhere; the seed is printed. */
static void mutated_requests(void **state)
{
    static const char good[] = GET("/status") HELD "Accept: text/plain\r\n\r\n";
    struct fixture *f = *state;
    struct kb_random_seeded random;
    uint64_t seed = kb_random_system()->next(kb_random_system());
    print_message("seed %llu\n", (unsigned long long)seed);
    kb_random_seed(&random, seed);
    for (int i = 0; i < 300; i++) {
        char text[sizeof(good)];
        memcpy(text, good, sizeof(good));
        size_t len = 1 + kb_random_below(&random.random, sizeof(good) - 1);
        for (uint64_t n = kb_random_below(&random.random, 4); n > 0; n--)
            text[kb_random_below(&random.random, len)] = (char)kb_random_below(&random.random, 256);
        int fd = dial(f);
        say(fd, text, len);
        shutdown(fd, SHUT_WR);
        hear(f, fd, 10); /* cut off, it would be waited for */
        close(fd);
    }
    assert_serves(f);
}

/* One byte now and then: libmicrohttpd's own timeout would begin again with each. */
static void a_slow_client_is_shut_down(void **state)
{
    struct fixture *f = *state;
    static const char text[] = GET("/livez");
    int64_t begin = now_ms();
    int fd = dial(f);
    bool closed = false;
    for (size_t i = 0; !closed && i < sizeof(text) - 1 && now_ms() - begin < 5000; i++) {
        say(fd, text + i, 1);
        closed = hear(f, fd, 50);
    }
    close(fd);
    assert_true(closed);
    assert_in_range(now_ms() - begin, LONGEST_MS - 50, 3 * LONGEST_MS);
    assert_serves(f);
}

static void a_kept_connection_lives_while_it_asks(void **state)
{
    struct fixture *f = *state;
    static const char text[] = "GET /livez HTTP/1.1\r\nHost: x\r\n\r\n";
    int fd = dial(f);
    for (int64_t begin = now_ms(); now_ms() - begin < 3 * LONGEST_MS;) {
        say(fd, text, sizeof(text) - 1);
        assert_false(hear(f, fd, LONGEST_MS / 4));
        assert_int_equal(strncmp(f->answer.ptr, "HTTP/1.1 200 ", 13), 0);
    }
    assert_true(hear(f, fd, 5000)); /* then it is silent, and let go */
    close(fd);
}

/* More silent connections than there is room for keep others out for a moment, not for ever. */
static void silent_connections_keep_nobody_out(void **state)
{
    enum { N = 200 };
    struct fixture *f = *state;
    int fds[N], status = 0;
    for (int i = 0; i < N; i++)
        fds[i] = dial(f);
    for (int64_t begin = now_ms(); status != 200 && now_ms() - begin < 5000;)
        status = exchange(f, GET("/livez") "\r\n");
    assert_int_equal(status, 200);
    for (int i = 0; i < N; i++)
        close(fds[i]);
}

static void a_stop_waits_for_nobody(void **state)
{
    struct fixture *f = *state;
    int fd = dial(f);
    int64_t begin = now_ms();
    say(fd, "GET /li", 7);
    assert_false(hear(f, fd, 50));
    kb_admin_stop(f->admin);
    f->admin = NULL;
    assert_true(now_ms() - begin < 300);
    assert_true(hear(f, fd, 1000));
    close(fd);
}

static void an_address_that_cannot_be_had(void **state)
{
    struct fixture *f = *state;
    struct kb_err err;
    char taken[40];
    snprintf(taken, sizeof(taken), "127.0.0.1:%d", kb_admin_port(f->admin));
    assert_null(start(f, taken, &err));
    assert_non_null(strstr(err.text, taken));
    assert_non_null(strstr(err.text, "is in use"));
    assert_non_null(strstr(err.text, "admin { listen = "));
    assert_null(strstr(err.text, TOKEN));
    assert_null(start(f, "192.0.2.7:8088", &err));
    assert_non_null(strstr(err.text, "192.0.2.7:8088 is no address of this machine"));
    assert_serves(f);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(answers_and_their_headers),
        CASE(head_has_no_body),
        CASE(bodies_are_bounded),
        CASE(nonsense),
        CASE(mutated_requests),
        CASE(a_slow_client_is_shut_down),
        CASE(a_kept_connection_lives_while_it_asks),
        CASE(silent_connections_keep_nobody_out),
        CASE(a_stop_waits_for_nobody),
        CASE(an_address_that_cannot_be_had),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
