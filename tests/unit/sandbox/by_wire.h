/* A local Ably over real sockets, spoken to by hand.
 *
 *     cmocka_unit_test_setup_teardown(test, start_ably, stop_ably)
 *     ...
 *     int fd = open_connection();
 *     request(fd, "GET", "/time", "", 200);          // the answer, head and body, is in `answer`
 */
#ifndef KB_TESTS_SANDBOX_BY_WIRE_H
#define KB_TESTS_SANDBOX_BY_WIRE_H

#include "sandbox/local_ably.h"

#include "support/prop.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

static struct kb_local_ably *ably; /* the test's: started and stopped by its setup */
static char answer[4 << 20];       /* of the last request: head and body */
static size_t answer_len;

static inline int64_t now_ms(void)
{
    return kb_clock_system()->now_ms(kb_clock_system());
}

/* A test's setup and teardown. */
static inline int start_ably(void **state)
{
    struct kb_local_ably_options options = {.service = {.history = 10}};
    struct kb_err err;

    (void)state;
    ably = kb_local_ably_start(&options, &err);
    return ably ? 0 : -1;
}

static inline int stop_ably(void **state)
{
    (void)state;
    kb_local_ably_stop(ably);
    return 0;
}

static inline int open_connection(void)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons((uint16_t)kb_local_ably_port(ably)),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

static inline void send_all(int fd, struct kb_slice bytes)
{
    while (bytes.len > 0) {
        ssize_t n = send(fd, bytes.ptr, bytes.len, MSG_NOSIGNAL);
        assert_true(n > 0);
        bytes.ptr += n;
        bytes.len -= (size_t)n;
    }
}

static inline void send_request(int fd, const char *method, const char *path, struct kb_slice body)
{
    char head[512];
    int len = snprintf(head, sizeof(head),
        "%s %s HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic YXBwLmtleTpzZWNyZXQ=\r\n"
        "X-Ably-Version: 6\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
        method, path, body.len);

    send_all(fd, (struct kb_slice){head, (size_t)len});
    send_all(fd, body);
}

/* The length the head promises; SIZE_MAX = the head is not there yet. */
static inline size_t promised(void)
{
    const char *end, *length;

    answer[answer_len] = '\0';
    end = strstr(answer, "\r\n\r\n");
    if (!end)
        return SIZE_MAX;
    length = strcasestr(answer, "\r\nContent-Length: ");
    return (size_t)(end + 4 - answer) + (length ? strtoul(length + 18, NULL, 10) : 0);
}

/* Reads one answer; false = the connection ended before all of it was there. Never waits longer
 * than 10 s. */
static inline bool read_answer(int fd)
{
    answer_len = 0;
    while (promised() > answer_len) {
        struct pollfd ready = {fd, POLLIN, 0};
        assert_int_equal(poll(&ready, 1, 10000), 1);
        ssize_t n = recv(fd, answer + answer_len, sizeof(answer) - 1 - answer_len, 0);
        if (n <= 0)
            return false;
        answer_len += (size_t)n;
    }
    return true;
}

static inline void assert_status(int status)
{
    char start[32];

    snprintf(start, sizeof(start), "HTTP/1.1 %d ", status);
    if (strncmp(answer, start, strlen(start)) != 0)
        fail_msg("expected %d: %.300s", status, answer);
}

static inline void request(
    int fd, const char *method, const char *path, const char *body, int status)
{
    send_request(fd, method, path, kb_slice_of(body));
    assert_true(read_answer(fd));
    assert_status(status);
}

#endif
