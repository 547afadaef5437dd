/* The server of the local Ably, on libmicrohttpd; see local_ably.h. One thread polls
 * libmicrohttpd's epoll descriptor and an eventfd that ends it, so nothing inside needs a lock:
 * requests (calls.c), timers and the service run there, one at a time. */
#include "sandbox/local_ably.h"

#include "sandbox/calls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define CONNECTIONS_MAX 1000
#define CONNECTION_MEMORY ((size_t)256 << 10) /* so much of a body is read at a time */
#define WAIT_MAX_MS 60000
#define END_ROUNDS 25 /* of waiting for what still goes out at the end */
#define END_ROUND_MS 10

struct kb_local_ably {
    struct kb_service *service;
    struct kb_clock *clock;
    struct MHD_Daemon *daemon;
    int port, epoll_fd, end_fd;
    pthread_t thread;
    struct kb_calls calls; /* the thread's */
    pthread_mutex_t lock;  /* around the tally alone */
    struct kb_service_tally tally;
};

/* --- the loop --- */

/* How long nothing happens of itself. */
static int next_wait(struct kb_local_ably *ably)
{
    int wait_ms = kb_service_tick(ably->service, WAIT_MAX_MS);
    MHD_UNSIGNED_LONG_LONG hint_ms;

    wait_ms = kb_calls_wait_ms(&ably->calls, wait_ms);
    if (MHD_get_timeout(ably->daemon, &hint_ms) == MHD_YES && hint_ms < (unsigned)wait_ms)
        wait_ms = (int)hint_ms;
    return wait_ms;
}

static void tell_tally(struct kb_local_ably *ably)
{
    pthread_mutex_lock(&ably->lock);
    ably->tally = kb_service_tally(ably->service);
    pthread_mutex_unlock(&ably->lock);
}

struct kb_service_tally kb_local_ably_tally(struct kb_local_ably *ably)
{
    struct kb_service_tally tally;

    pthread_mutex_lock(&ably->lock);
    tally = ably->tally;
    pthread_mutex_unlock(&ably->lock);
    return tally;
}

/* Counted before the answer is out: whoever has it finds it in the tally. */
static enum MHD_Result on_request(void *context, struct MHD_Connection *connection,
    const char *path, const char *method, const char *version, const char *piece, size_t *piece_len,
    void **state)
{
    struct kb_local_ably *ably = context;
    enum MHD_Result result =
        kb_calls_request(&ably->calls, connection, path, method, version, piece, piece_len, state);

    tell_tally(ably);
    return result;
}

/* Streams get their proper end, unless their client does not read it. */
static void end_calls(struct kb_local_ably *ably)
{
    struct pollfd ready = {ably->epoll_fd, POLLIN, 0};

    kb_calls_end(&ably->calls);
    MHD_run(ably->daemon);
    for (int round = 0; round < END_ROUNDS && ably->calls.n_open > 0; round++) {
        poll(&ready, 1, END_ROUND_MS);
        MHD_run(ably->daemon);
    }
}

static void *serve(void *context)
{
    struct kb_local_ably *ably = context;
    struct pollfd fds[2] = {{ably->epoll_fd, POLLIN, 0}, {ably->end_fd, POLLIN, 0}};

    while (!(fds[1].revents & POLLIN)) {
        kb_calls_resume(&ably->calls);
        MHD_run(ably->daemon);
        tell_tally(ably);
        poll(fds, 2, next_wait(ably));
    }
    end_calls(ably);
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
        MHD_OPTION_NOTIFY_COMPLETED, kb_calls_completed, &ably->calls, MHD_OPTION_END);
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
    if (ably->daemon)
        MHD_stop_daemon(ably->daemon);
    kb_calls_deinit(&ably->calls);
    if (ably->end_fd >= 0)
        close(ably->end_fd);
    kb_service_free(ably->service);
    pthread_mutex_destroy(&ably->lock);
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
    pthread_mutex_init(&ably->lock, NULL);
    ably->clock = options->service.clock ? options->service.clock : kb_clock_system();
    ably->end_fd = eventfd(0, EFD_CLOEXEC);
    if (ably->end_fd < 0) {
        kb_err_fatal(err, "the local Ably: eventfd: %s", strerror(errno));
        goto failed;
    }
    ably->service = kb_service_new(&options->service, err);
    kb_calls_init(&ably->calls, ably->service, ably->clock);
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
