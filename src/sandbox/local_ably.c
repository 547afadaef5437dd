/* HTTP for the local Ably, on libmicrohttpd; see local_ably.h. One thread polls libmicrohttpd's
 * epoll descriptor and an eventfd that ends it, so nothing inside needs a lock: handlers, timers of
 * delayed answers and the service run there, one at a time.
 *
 * A connection's request is a `struct call`: taken when its headers are there, answered when its
 * body is, given back when the answer is out. Calls are reused, with their buffers. A delayed
 * answer suspends its connection and waits in a list that the loop looks through. */
#include "sandbox/local_ably.h"

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define CONNECTIONS_MAX 1000
#define CONNECTION_MEMORY ((size_t)256 << 10) /* so much of a body is read at a time */
#define SPARE_CALLS_MAX 64
#define WAIT_MAX_MS 60000
#define STREAM_BLOCK ((size_t)64 << 10)

struct call {
    struct kb_exchange x;
    struct kb_local_ably *ably;
    struct MHD_Connection *connection;
    struct call *next; /* spare, or delayed */
    bool handled, control;
    int64_t due_ms; /* of a delayed answer */
};

struct kb_local_ably {
    struct kb_service *service;
    struct kb_clock *clock;
    struct MHD_Daemon *daemon;
    int port, epoll_fd, end_fd;
    pthread_t thread;
    /* from here on the thread's */
    struct call *spare, *delayed;
    size_t n_spare, in_flight;
    bool ending;
};

/* --- calls --- */

static const char *lookup(struct kb_exchange *x, enum MHD_ValueKind kind, const char *name)
{
    struct call *call = (struct call *)x;

    return MHD_lookup_connection_value(call->connection, kind, name);
}

static const char *lookup_header(struct kb_exchange *x, const char *name)
{
    return lookup(x, MHD_HEADER_KIND, name);
}

static const char *lookup_query(struct kb_exchange *x, const char *name)
{
    return lookup(x, MHD_GET_ARGUMENT_KIND, name);
}

static const struct kb_exchange_lookup lookups = {lookup_header, lookup_query};

static struct call *take_call(struct kb_local_ably *ably)
{
    struct call *call = ably->spare;

    if (call) {
        ably->spare = call->next;
        ably->n_spare--;
        return call;
    }
    call = calloc(1, sizeof(*call));
    if (call) {
        kb_exchange_init(&call->x, &lookups);
        call->ably = ably;
    }
    return call;
}

static void free_call(struct call *call)
{
    kb_exchange_deinit(&call->x);
    free(call);
}

static void give_back(struct kb_local_ably *ably, struct call *call)
{
    if (ably->n_spare == SPARE_CALLS_MAX) {
        free_call(call);
        return;
    }
    call->next = ably->spare;
    ably->spare = call;
    ably->n_spare++;
}

static struct call *begin_call(struct kb_local_ably *ably, struct MHD_Connection *connection,
    const char *method, const char *path)
{
    struct call *call = take_call(ably);

    if (!call)
        return NULL;
    call->connection = connection;
    call->handled = false;
    kb_exchange_begin(&call->x, kb_slice_of(method), kb_slice_of(path));
    call->control = kb_slice_starts(call->x.path, KB_S("/_control/"));
    if (!call->control)
        kb_service_in_flight(ably->service, ++ably->in_flight);
    return call;
}

/* libmicrohttpd is done with the request: answered, or its client is gone. */
static void end_call(void *context, struct MHD_Connection *connection, void **state,
    enum MHD_RequestTerminationCode code)
{
    struct kb_local_ably *ably = context;
    struct call *call = *state;

    (void)connection;
    (void)code;
    *state = NULL;
    if (!call)
        return;
    for (struct call **at = &ably->delayed; *at; at = &(*at)->next) {
        if (*at == call) {
            *at = call->next;
            break;
        }
    }
    if (!call->control)
        ably->in_flight--;
    give_back(ably, call);
}

/* --- answers --- */

static ssize_t read_stream(void *context, uint64_t position, char *to, size_t max)
{
    struct call *call = context;
    size_t n = call->x.stream->read(call->x.stream, to, max);

    (void)position;
    return n > 0 ? (ssize_t)n : MHD_CONTENT_READER_END_OF_STREAM;
}

/* Half of the answer, then the connection ends. */
static ssize_t read_half(void *context, uint64_t position, char *to, size_t max)
{
    const struct call *call = context;
    size_t half = call->x.answer.len / 2, n;

    if (position >= half)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    n = half - position < max ? half - position : max;
    memcpy(to, call->x.answer.ptr + position, n);
    return (ssize_t)n;
}

/* The call outlives its response, so its answer need not be copied. */
static struct MHD_Response *make_response(struct call *call)
{
    struct kb_slice body = kb_buf_slice(&call->x.answer);

    if (call->x.stream)
        return MHD_create_response_from_callback(
            MHD_SIZE_UNKNOWN, STREAM_BLOCK, read_stream, call, NULL);
    if (call->x.cut == KB_CUT_MIDDLE)
        return MHD_create_response_from_callback(body.len, STREAM_BLOCK, read_half, call, NULL);
    return MHD_create_response_from_buffer(
        body.len, (void *)(uintptr_t)body.ptr, MHD_RESPMEM_PERSISTENT);
}

static enum MHD_Result send_answer(struct call *call)
{
    struct MHD_Response *response;
    enum MHD_Result queued;

    if (call->x.cut == KB_CUT_BEFORE || call->x.cut == KB_CUT_AFTER)
        return MHD_NO; /* libmicrohttpd then closes the connection */
    response = make_response(call);
    if (!response)
        return MHD_NO;
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, call->x.content_type);
    for (size_t i = 0; i < call->x.n_headers; i++)
        MHD_add_response_header(response, call->x.headers[i].name, call->x.headers[i].value);
    queued = MHD_queue_response(call->connection, (unsigned)call->x.status, response);
    MHD_destroy_response(response);
    return queued;
}

static enum MHD_Result delay_answer(struct kb_local_ably *ably, struct call *call)
{
    call->due_ms = ably->clock->now_ms(ably->clock) + call->x.delay_ms;
    call->next = ably->delayed;
    ably->delayed = call;
    MHD_suspend_connection(call->connection);
    return MHD_YES;
}

/* Called with the headers, with each piece of the body, at its end, and again after a delay. */
static enum MHD_Result on_request(void *context, struct MHD_Connection *connection,
    const char *path, const char *method, const char *version, const char *piece, size_t *piece_len,
    void **state)
{
    struct kb_local_ably *ably = context;
    struct call *call = *state;

    (void)version;
    if (ably->ending)
        return MHD_NO;
    if (!call) {
        *state = begin_call(ably, connection, method, path);
        return *state ? MHD_YES : MHD_NO;
    }
    if (*piece_len > 0) {
        kb_exchange_body(&call->x, (struct kb_slice){piece, *piece_len});
        *piece_len = 0;
        return MHD_YES;
    }
    if (call->handled)
        return send_answer(call);
    call->handled = true;
    kb_service_handle(ably->service, &call->x);
    return call->x.delay_ms > 0 ? delay_answer(ably, call) : send_answer(call);
}

/* --- the loop --- */

/* Gives the connections whose delay is over back to libmicrohttpd, whose next run answers them. */
static void resume_due(struct kb_local_ably *ably, bool all)
{
    int64_t now_ms = ably->clock->now_ms(ably->clock);

    for (struct call **at = &ably->delayed; *at;) {
        struct call *call = *at;
        if (!all && call->due_ms > now_ms) {
            at = &call->next;
            continue;
        }
        *at = call->next;
        MHD_resume_connection(call->connection);
    }
}

static int as_timeout(int64_t wait_ms)
{
    if (wait_ms < 0)
        return 0;
    return wait_ms > WAIT_MAX_MS ? WAIT_MAX_MS : (int)wait_ms;
}

/* How long nothing happens of itself. */
static int next_wait(struct kb_local_ably *ably)
{
    int64_t now_ms = ably->clock->now_ms(ably->clock);
    int wait_ms = WAIT_MAX_MS;
    MHD_UNSIGNED_LONG_LONG hint_ms;

    if (MHD_get_timeout(ably->daemon, &hint_ms) == MHD_YES && hint_ms < WAIT_MAX_MS)
        wait_ms = (int)hint_ms;
    for (const struct call *call = ably->delayed; call; call = call->next) {
        if (as_timeout(call->due_ms - now_ms) < wait_ms)
            wait_ms = as_timeout(call->due_ms - now_ms);
    }
    return wait_ms;
}

static void *serve(void *context)
{
    struct kb_local_ably *ably = context;
    struct pollfd fds[2] = {{ably->epoll_fd, POLLIN, 0}, {ably->end_fd, POLLIN, 0}};

    while (!(fds[1].revents & POLLIN)) {
        resume_due(ably, false);
        MHD_run(ably->daemon);
        poll(fds, 2, next_wait(ably));
    }
    ably->ending = true; /* libmicrohttpd wants no suspended connection at its end */
    resume_due(ably, true);
    MHD_run(ably->daemon);
    return NULL;
}

/* --- start and stop --- */

static bool start_http(struct kb_local_ably *ably, int port, struct kb_err *err)
{
    struct sockaddr_in loopback = {
        .sin_family = AF_INET,
        .sin_port = htons((uint16_t)port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    const union MHD_DaemonInfo *info;

    errno = 0;
    ably->daemon = MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL,
        on_request, ably, MHD_OPTION_SOCK_ADDR, &loopback, MHD_OPTION_CONNECTION_LIMIT,
        (unsigned)CONNECTIONS_MAX, MHD_OPTION_CONNECTION_MEMORY_LIMIT, CONNECTION_MEMORY,
        MHD_OPTION_NOTIFY_COMPLETED, end_call, ably, MHD_OPTION_END);
    if (!ably->daemon)
        return kb_err_fatal(err, "the local Ably can't listen on 127.0.0.1:%d: %s", port,
            errno ? strerror(errno) : "libmicrohttpd did not start");
    info = MHD_get_daemon_info(ably->daemon, MHD_DAEMON_INFO_BIND_PORT);
    ably->port = info->port;
    info = MHD_get_daemon_info(ably->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    ably->epoll_fd = info->epoll_fd;
    return true;
}

static void free_ably(struct kb_local_ably *ably)
{
    struct call *next;

    if (ably->daemon)
        MHD_stop_daemon(ably->daemon);
    for (struct call *call = ably->spare; call; call = next) {
        next = call->next;
        free_call(call);
    }
    if (ably->end_fd >= 0)
        close(ably->end_fd);
    kb_service_free(ably->service);
    free(ably);
}

struct kb_local_ably *kb_local_ably_start(
    const struct kb_local_ably_options *options, struct kb_err *err)
{
    struct kb_local_ably *ably = calloc(1, sizeof(*ably));
    int failure;

    if (!ably) {
        kb_err_fatal(err, "the local Ably: out of memory");
        return NULL;
    }
    ably->clock = options->service.clock ? options->service.clock : kb_clock_system();
    ably->end_fd = eventfd(0, EFD_CLOEXEC);
    if (ably->end_fd < 0) {
        kb_err_fatal(err, "the local Ably: eventfd: %s", strerror(errno));
        goto failed;
    }
    ably->service = kb_service_new(&options->service, err);
    if (!ably->service || !start_http(ably, options->port, err))
        goto failed;
    failure = pthread_create(&ably->thread, NULL, serve, ably);
    if (failure) {
        kb_err_fatal(err, "the local Ably: no thread: %s", strerror(failure));
        goto failed;
    }
    return ably;
failed:
    free_ably(ably);
    return NULL;
}

int kb_local_ably_port(const struct kb_local_ably *ably)
{
    return ably->port;
}

void kb_local_ably_stop(struct kb_local_ably *ably)
{
    const uint64_t one = 1;

    if (!ably)
        return;
    KB_BUG_ON(write(ably->end_fd, &one, sizeof(one)) != sizeof(one));
    pthread_join(ably->thread, NULL);
    free_ably(ably);
}
