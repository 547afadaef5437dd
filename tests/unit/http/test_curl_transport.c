/* curl behind the transport's door, against a small server of sockets on loopback that does what
 * each case says: answers, cuts, stalls, never stops. */
#include "http/curl_transport.h"

#include "base/buf.h"
#include "base/clock.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define OK_REPLY \
    "HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n[]"

/* ---- the server: one thread, one connection after the other ---- */

struct server {
    int listener, port;
    pthread_t thread;
    /* What it does; a case may change its mind while the server runs. */
    const char *_Atomic reply;  /* what a complete request is answered with */
    atomic_size_t reply_len;    /* of that, as much is sent */
    atomic_bool hold;           /* wait before it */
    atomic_bool stall;          /* then keep the connection open and silent */
    atomic_bool close_after;    /* or close it */
    atomic_bool endless;        /* or go on for ever */
    atomic_int drop_connection; /* close the one with this number at its second request */
    atomic_int connections, requests, stop;
    struct kb_buf incoming;
    struct kb_buf
        request; /* the last whole one, with a NUL; the server writes it before it answers */
};

static size_t content_length(const char *head)
{
    const char *at = strcasestr(head, "content-length:");
    return at ? strtoul(at + strlen("content-length:"), NULL, 10) : 0;
}

static bool wait_readable(struct server *s, int fd)
{
    struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
    while (!s->stop)
        if (poll(&poll_fd, 1, 10) > 0)
            return true;
    return false;
}

/* One whole request, kept in s->request; false when the client went away. */
static bool read_request(struct server *s, int fd)
{
    struct kb_buf *in = &s->incoming;
    kb_buf_reset(in);
    for (;;) {
        char *room = kb_buf_reserve(in, 65537);
        *room = '\0';
        const char *body = in->len ? strstr(in->ptr, "\r\n\r\n") : NULL;
        if (body && in->len >= (size_t)(body + 4 - in->ptr) + content_length(in->ptr))
            break;
        ssize_t n = wait_readable(s, fd) ? read(fd, room, 65536) : 0;
        if (n <= 0)
            return false;
        kb_buf_commit(in, (size_t)n);
    }
    kb_buf_reset(&s->request);
    kb_buf_add(&s->request, kb_buf_slice(in));
    kb_buf_byte(&s->request, '\0');
    return true;
}

static bool send_all(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL);
        if (n <= 0)
            return false;
        bytes += n;
        len -= (size_t)n;
    }
    return true;
}

/* False: the connection is to be closed. */
static bool answer(struct server *s, int fd)
{
    while (s->hold && !s->stop)
        usleep(1000);
    if (!send_all(fd, s->reply, s->reply_len))
        return false;
    while (s->endless && !s->stop)
        if (!send_all(fd, "0123456789", 10))
            return false;
    while (s->stall && !s->stop)
        usleep(1000);
    return !s->close_after;
}

static void serve(struct server *s, int fd, int number)
{
    for (int n = 1; !s->stop && read_request(s, fd); n++) {
        if (number == s->drop_connection && n == 2)
            break; /* a kept connection that turns out to be dead */
        s->requests++;
        if (!answer(s, fd))
            break;
    }
    close(fd);
}

static void *serve_all(void *context)
{
    struct server *s = context;
    while (!s->stop && wait_readable(s, s->listener)) {
        int fd = accept(s->listener, NULL, NULL);
        if (fd >= 0)
            serve(s, fd, ++s->connections);
    }
    return NULL;
}

static void server_start(struct server *s, const char *reply)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);
    *s = (struct server){.reply = reply, .reply_len = strlen(reply)};
    kb_buf_init(&s->incoming, 8 << 20);
    kb_buf_init(&s->request, 8 << 20);
    s->listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(s->listener >= 0);
    assert_int_equal(bind(s->listener, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(s->listener, 16), 0);
    assert_int_equal(getsockname(s->listener, (struct sockaddr *)&address, &len), 0);
    s->port = ntohs(address.sin_port);
}

static void server_run(struct server *s)
{
    assert_int_equal(pthread_create(&s->thread, NULL, serve_all, s), 0);
}

static void server_stop(struct server *s)
{
    s->stop = 1;
    pthread_join(s->thread, NULL);
    close(s->listener);
    kb_buf_deinit(&s->incoming);
    kb_buf_deinit(&s->request);
}

/* ---- the client ---- */

/* A body of n bytes that nobody holds in memory. */
struct body {
    size_t n, at, reads, rewinds;
};

static size_t read_pattern(struct kb_http_request *req, char *room, size_t size)
{
    struct body *body = req->context;
    size_t used = 0;
    body->reads++;
    for (; used < size && body->at < body->n; body->at++)
        room[used++] = (char)('a' + body->at % 23);
    return used;
}

static void rewind_pattern(struct kb_http_request *req)
{
    struct body *body = req->context;
    body->at = 0;
    body->rewinds++;
}

struct client {
    struct kb_transport *tr;
    char url[128];
    struct body body;
    struct kb_http_request req;
};

static const char *const plain_headers[] = {"X-One: 1", "X-Two: 2", NULL};

static void client_init(struct client *c, int port, size_t body_len)
{
    struct kb_curl_options options = {.user_agent = "kably/test", .max_connections = 4};
    struct kb_err err;
    *c = (struct client){.body.n = body_len};
    snprintf(c->url, sizeof(c->url), "http://user:SECRET@127.0.0.1:%d/messages", port);
    c->tr = kb_curl_new(&options, &err);
    assert_non_null(c->tr);
    c->req = (struct kb_http_request){.method = "POST",
        .url = c->url,
        .headers = plain_headers,
        .headers_version = 1,
        .body_len = body_len,
        .read = read_pattern,
        .rewind = rewind_pattern,
        .open_timeout_ms = 2000,
        .timeout_ms = 5000,
        .max_reply = 4096,
        .context = &c->body};
}

static int64_t now_ms(void)
{
    return kb_clock_system()->now_ms(kb_clock_system());
}

static struct kb_http_request *wait_done(struct client *c)
{
    for (int64_t deadline = now_ms() + 10000; now_ms() < deadline;) {
        struct kb_http_request *done = c->tr->ops->done(c->tr);
        if (done)
            return done;
        kb_curl_wait(c->tr, NULL, 0, 50);
    }
    fail_msg("no end of the request");
    return NULL;
}

static const struct kb_http_reply *exchange(struct client *c)
{
    struct kb_err err;
    c->body.at = 0;
    assert_null(c->tr->ops->done(c->tr)); /* the last reply is read: its handle is free again */
    assert_true(c->tr->ops->submit(c->tr, &c->req, &err));
    assert_ptr_equal(wait_done(c), &c->req);
    return &c->req.reply;
}

static void run(struct server *s, struct client *c, const char *reply, size_t body_len)
{
    server_start(s, reply);
    server_run(s);
    client_init(c, s->port, body_len);
}

static void end(struct server *s, struct client *c)
{
    kb_curl_free(c->tr);
    server_stop(s);
}

/* ---- what arrives ---- */

static void test_the_request_arrives_as_it_was_given(void **state)
{
    (void)state;
    static const size_t lengths[] = {1, 100, 65536, 65537, 2 << 20};
    for (size_t i = 0; i < KB_COUNT(lengths); i++) {
        struct server s;
        struct client c;
        run(&s, &c, OK_REPLY, lengths[i]);
        const struct kb_http_reply *reply = exchange(&c);
        assert_int_equal(reply->status, 201);
        assert_true(kb_slice_is(reply->body, "[]"));
        assert_int_equal(strncmp(s.request.ptr, "POST /messages HTTP/1.1\r\n", 25), 0);
        assert_non_null(strstr(s.request.ptr, "\r\nX-One: 1\r\n"));
        assert_non_null(strstr(s.request.ptr, "\r\nX-Two: 2\r\n"));
        assert_non_null(strstr(s.request.ptr, "\r\nUser-Agent: kably/test\r\n"));
        assert_null(strcasestr(s.request.ptr, "\r\nExpect:"));
        assert_null(strcasestr(s.request.ptr, "\r\nTransfer-Encoding:"));
        assert_int_equal(content_length(s.request.ptr), lengths[i]);
        const char *body = strstr(s.request.ptr, "\r\n\r\n") + 4;
        for (size_t k = 0; k < lengths[i]; k++)
            if (body[k] != (char)('a' + k % 23))
                fail_msg("body of %zu bytes differs at %zu", lengths[i], k);
        end(&s, &c);
    }
}

static void test_the_connection_is_kept(void **state)
{
    (void)state;
    struct server s;
    struct client c;
    run(&s, &c, OK_REPLY, 10);
    for (int i = 0; i < 20; i++)
        assert_int_equal(exchange(&c)->status, 201);
    assert_int_equal(s.connections, 1);
    assert_int_equal(s.requests, 20);
    end(&s, &c);
}

static void test_headers_change_with_their_version(void **state)
{
    (void)state;
    const char *headers[] = {"X-One: 1", "X-Two: 2", NULL};
    struct server s;
    struct client c;
    run(&s, &c, OK_REPLY, 10);
    c.req.headers = headers;
    exchange(&c);
    headers[0] = "X-One: changed";
    headers[1] = NULL;
    c.req.headers_version++;
    exchange(&c);
    assert_non_null(strstr(s.request.ptr, "\r\nX-One: changed\r\n"));
    assert_null(strstr(s.request.ptr, "X-Two"));
    end(&s, &c);
}

static void test_get_has_no_body(void **state)
{
    (void)state;
    struct server s;
    struct client c;
    run(&s, &c, OK_REPLY, 10);
    exchange(&c); /* the same handle was a POST before */
    c.req.method = "GET";
    assert_int_equal(exchange(&c)->status, 201);
    assert_int_equal(strncmp(s.request.ptr, "GET /messages HTTP/1.1\r\n", 24), 0);
    assert_int_equal(content_length(s.request.ptr), 0);
    c.req.method = "POST"; /* and back */
    assert_int_equal(exchange(&c)->status, 201);
    assert_int_equal(strncmp(s.request.ptr, "POST ", 5), 0);
    assert_int_equal(content_length(s.request.ptr), 10);
    end(&s, &c);
}

/* curl finds a kept connection dead, and sends the body from the start on another. */
static void test_a_dead_kept_connection_rewinds_the_body(void **state)
{
    (void)state;
    struct server s;
    struct client c;
    server_start(&s, OK_REPLY);
    s.drop_connection = 1;
    server_run(&s);
    client_init(&c, s.port, 100);
    const struct kb_http_reply *reply = exchange(&c);
    assert_true(reply->status == 201 && !reply->resent);
    reply = exchange(&c);
    assert_true(reply->status == 201 && reply->resent);
    assert_int_equal(s.connections, 2);
    assert_int_equal(c.body.rewinds, 1);
    assert_int_equal(c.body.at, 100);
    reply = exchange(&c);
    assert_true(reply->status == 201 && !reply->resent);
    end(&s, &c);
}

/* ---- what comes back ---- */

static void test_headers_that_decide_are_read(void **state)
{
    (void)state;
    struct server s;
    struct client c;
    run(&s, &c,
        "HTTP/1.1 103 Early Hints\r\nServer: interim\r\nRetry-After: 9\r\n\r\n"
        "HTTP/1.1 429 Too Many\r\ncontent-TYPE:application/json; charset=utf-8 \r\nRETRY-AFTER: "
        "3\r\n"
        "X-Ably-ErrorCode: 42922\r\nX-Ably-ErrorMessage: rate  limit\t\r\nX-Other: 1\r\n"
        "Content-Length: 0\r\n\r\n",
        10);
    const struct kb_http_reply *reply = exchange(&c);
    assert_int_equal(reply->status, 429);
    assert_int_equal(reply->body.len, 0);
    assert_true(kb_slice_is(reply->headers.content_type, "application/json; charset=utf-8"));
    assert_true(kb_slice_is(reply->headers.retry_after, "3"));
    assert_true(kb_slice_is(reply->headers.ably_error_code, "42922"));
    assert_true(kb_slice_is(reply->headers.ably_error_message, "rate  limit"));
    assert_null(reply->headers.server.ptr);
    end(&s, &c);
}

static void test_old_headers_and_bodies_are_forgotten(void **state)
{
    (void)state;
    struct server s;
    struct client c;
    run(&s, &c, "HTTP/1.1 500 Oops\r\nServer: x\r\nRetry-After: 1\r\nContent-Length: 4\r\n\r\noops",
        10);
    exchange(&c);
    s.reply = OK_REPLY;
    s.reply_len = strlen(OK_REPLY);
    const struct kb_http_reply *reply = exchange(&c);
    assert_true(kb_slice_is(reply->body, "[]"));
    assert_null(reply->headers.server.ptr);
    assert_null(reply->headers.retry_after.ptr);
    end(&s, &c);
}

static void test_a_chunked_reply(void **state)
{
    (void)state;
    struct server s;
    struct client c;
    run(&s, &c,
        "HTTP/1.1 201 Created\r\nTransfer-Encoding: "
        "chunked\r\n\r\n3\r\n[1,\r\n2\r\n2]\r\n0\r\n\r\n",
        10);
    const struct kb_http_reply *reply = exchange(&c);
    assert_int_equal(reply->status, 201);
    assert_true(kb_slice_is(reply->body, "[1,2]"));
    assert_false(reply->truncated);
    end(&s, &c);
}

static void test_a_redirect_is_not_followed(void **state)
{
    (void)state;
    struct server s;
    struct client c;
    run(&s, &c, "HTTP/1.1 307 Elsewhere\r\nLocation: /other\r\nContent-Length: 0\r\n\r\n", 10);
    assert_int_equal(exchange(&c)->status, 307);
    assert_int_equal(s.requests, 1);
    end(&s, &c);
}

static void test_a_reply_beyond_the_maximum_is_truncated(void **state)
{
    (void)state;
    struct server s;
    struct client c;
    server_start(&s, "HTTP/1.1 200 OK\r\nContent-Type: a/b\r\nContent-Length: 99999999999\r\n\r\n");
    s.endless = true;
    server_run(&s);
    client_init(&c, s.port, 10);
    const struct kb_http_reply *reply = exchange(&c);
    assert_int_equal(reply->status, 200);
    assert_true(reply->truncated);
    assert_int_equal(reply->body.len, c.req.max_reply);
    assert_true(kb_slice_is(reply->headers.content_type, "a/b"));
    end(&s, &c);
}

static void test_a_reply_of_just_the_maximum_is_whole(void **state)
{
    (void)state;
    struct server s;
    struct client c;
    run(&s, &c, OK_REPLY, 10);
    c.req.max_reply = 2;
    assert_false(exchange(&c)->truncated);
    c.req.max_reply = 1;
    assert_true(exchange(&c)->truncated);
    end(&s, &c);
}

/* ---- no answer ---- */

static void expect_outage(const struct kb_http_reply *reply, bool connected)
{
    assert_int_equal(reply->status, 0);
    assert_int_equal(reply->err.class, KB_ERR_OUTAGE);
    assert_int_equal(reply->connected, connected);
    assert_null(strstr(reply->err.text, "SECRET"));
    assert_non_null(strstr(reply->err.text, ": "));
}

static void test_a_reply_cut_anywhere_is_none(void **state)
{
    (void)state;
    static const size_t cuts[] = {0, 5, 20, 60, sizeof(OK_REPLY) - 2};
    for (size_t i = 0; i < KB_COUNT(cuts); i++) {
        struct server s;
        struct client c;
        server_start(&s, OK_REPLY);
        s.reply_len = cuts[i];
        s.close_after = true;
        server_run(&s);
        client_init(&c, s.port, 10);
        expect_outage(exchange(&c), true);
        end(&s, &c);
    }
}

static void test_no_answer_has_nothing_of_the_last_one(void **state)
{
    (void)state;
    struct server s;
    struct client c;
    run(&s, &c, OK_REPLY, 10);
    exchange(&c);
    s.reply_len = 0;
    s.close_after = true;
    const struct kb_http_reply *reply = exchange(&c);
    expect_outage(reply, true);
    assert_null(reply->headers.content_type.ptr);
    assert_int_equal(reply->body.len, 0);
    end(&s, &c);
}

static void test_a_stalled_answer_times_out(void **state)
{
    (void)state;
    static const size_t stalls[] = {0, 30, sizeof(OK_REPLY) - 2};
    for (size_t i = 0; i < KB_COUNT(stalls); i++) {
        struct server s;
        struct client c;
        server_start(&s, OK_REPLY);
        s.reply_len = stalls[i];
        s.stall = true;
        server_run(&s);
        client_init(&c, s.port, 10);
        c.req.timeout_ms = 200;
        int64_t begin = now_ms();
        expect_outage(exchange(&c), true);
        assert_in_range(now_ms() - begin, 190, 3000);
        end(&s, &c);
    }
}

static void test_a_refused_connection_sent_nothing(void **state)
{
    (void)state;
    struct server s;
    struct client c;
    server_start(&s, OK_REPLY); /* bound, so that nobody else takes the port; */
    close(s.listener);          /* but nobody listens */
    client_init(&c, s.port, 10);
    expect_outage(exchange(&c), false);
    char host[32];
    snprintf(host, sizeof(host), "127.0.0.1:%d: ", s.port);
    assert_int_equal(strncmp(c.req.reply.err.text, host, strlen(host)), 0);
    assert_int_equal(c.body.reads, 0);
    kb_curl_free(c.tr);
    kb_buf_deinit(&s.request);
}

static void test_only_http_is_spoken(void **state)
{
    (void)state;
    struct client c;
    client_init(&c, 1, 10);
    c.req.url = "file:///etc/hostname";
    expect_outage(exchange(&c), false);
    kb_curl_free(c.tr);
}

/* ---- several at once, waiting, ending ---- */

static void test_many_requests_end_each_once(void **state)
{
    (void)state;
    enum { N = 8 };
    struct server s;
    struct client c;
    struct kb_http_request reqs[N];
    struct body bodies[N] = {{0}};
    bool ended[N] = {false};
    struct kb_err err;
    run(&s, &c, OK_REPLY, 10);
    s.close_after = true; /* one connection after the other: the next can be served */
    for (size_t i = 0; i < N; i++) {
        bodies[i].n = 10;
        reqs[i] = c.req;
        reqs[i].context = &bodies[i];
        assert_true(c.tr->ops->submit(c.tr, &reqs[i], &err));
    }
    for (size_t i = 0; i < N; i++) {
        size_t which = (size_t)(wait_done(&c) - reqs);
        assert_in_range(which, 0, N - 1);
        assert_false(ended[which]);
        ended[which] = true;
        assert_int_equal(reqs[which].reply.status, 201);
        assert_true(kb_slice_is(reqs[which].reply.body, "[]"));
    }
    assert_null(c.tr->ops->done(c.tr));
    end(&s, &c);
}

static void test_wait_ends_when_a_descriptor_is_ready(void **state)
{
    (void)state;
    struct client c;
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    client_init(&c, 1, 10);
    int64_t begin = now_ms();
    kb_curl_wait(c.tr, fds, 1, 100);
    assert_in_range(now_ms() - begin, 90, 2000);
    assert_int_equal(write(fds[1], "x", 1), 1);
    begin = now_ms();
    kb_curl_wait(c.tr, fds, 1, 5000);
    assert_true(now_ms() - begin < 2000);
    close(fds[0]);
    close(fds[1]);
    kb_curl_free(c.tr);
}

static void test_a_cancelled_request_never_comes(void **state)
{
    (void)state;
    struct server s;
    struct client c;
    struct kb_err err;
    server_start(&s, OK_REPLY);
    s.hold = true;
    server_run(&s);
    client_init(&c, s.port, 10);
    assert_true(c.tr->ops->submit(c.tr, &c.req, &err));
    while (s.requests == 0) {
        kb_curl_wait(c.tr, NULL, 0, 5);
        assert_null(c.tr->ops->done(c.tr));
    }
    c.tr->ops->cancel(c.tr, &c.req);
    memset(&c.req, 0xee, sizeof(c.req)); /* it is its owner's again */
    s.hold = false;
    for (int i = 0; i < 20; i++) {
        kb_curl_wait(c.tr, NULL, 0, 5);
        assert_null(c.tr->ops->done(c.tr));
    }
    end(&s, &c);
}

static void test_free_ends_what_is_in_flight(void **state)
{
    (void)state;
    struct server s;
    struct client c;
    struct kb_err err;
    server_start(&s, OK_REPLY);
    s.stall = true;
    s.reply_len = 10;
    server_run(&s);
    client_init(&c, s.port, 10);
    assert_true(c.tr->ops->submit(c.tr, &c.req, &err));
    kb_curl_wait(c.tr, NULL, 0, 20);
    end(&s, &c);
    kb_curl_free(NULL);
}

static int global_init(void **state)
{
    struct kb_err err;
    (void)state;
    return kb_curl_global_init(&err) ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_request_arrives_as_it_was_given),
        cmocka_unit_test(test_the_connection_is_kept),
        cmocka_unit_test(test_headers_change_with_their_version),
        cmocka_unit_test(test_get_has_no_body),
        cmocka_unit_test(test_a_dead_kept_connection_rewinds_the_body),
        cmocka_unit_test(test_headers_that_decide_are_read),
        cmocka_unit_test(test_old_headers_and_bodies_are_forgotten),
        cmocka_unit_test(test_a_chunked_reply),
        cmocka_unit_test(test_a_redirect_is_not_followed),
        cmocka_unit_test(test_a_reply_beyond_the_maximum_is_truncated),
        cmocka_unit_test(test_a_reply_of_just_the_maximum_is_whole),
        cmocka_unit_test(test_a_reply_cut_anywhere_is_none),
        cmocka_unit_test(test_no_answer_has_nothing_of_the_last_one),
        cmocka_unit_test(test_a_stalled_answer_times_out),
        cmocka_unit_test(test_a_refused_connection_sent_nothing),
        cmocka_unit_test(test_only_http_is_spoken),
        cmocka_unit_test(test_many_requests_end_each_once),
        cmocka_unit_test(test_wait_ends_when_a_descriptor_is_ready),
        cmocka_unit_test(test_a_cancelled_request_never_comes),
        cmocka_unit_test(test_free_ends_what_is_in_flight),
    };
    return cmocka_run_group_tests(tests, global_init, NULL);
}
