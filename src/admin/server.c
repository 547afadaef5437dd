/* HTTP for the admin server, on libmicrohttpd; see admin.h. One thread polls libmicrohttpd's epoll
 * descriptor and an eventfd that ends it, so that nothing inside needs a lock.
 *
 * libmicrohttpd's own timeout counts from the last byte: a client that sends one now and then would
 * hold its place for ever, and enough of them would shut out whoever asks for /livez. So each
 * connection is known here from its first moment, and one that takes too long for a request is shut
 * down. */
#include "admin/admin_inside.h"

#include <microhttpd.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONNECTIONS_MAX 128
#define CONNECTIONS_PER_ADDRESS 64 /* half: nobody alone can take all */
#define WAITING_MAX \
    32 /* for reloads: probes and metrics of the same address find room beside them */
#define CONNECTION_MEMORY ((size_t)32 << 10)
#define BODY_MAX ((size_t)64 << 10) /* of a request; no address reads it */
#define WAIT_MAX_MS 60000
/* What is no HTTP is refused; the option's name has changed between Debian 12's library and 13's.
 */
#if MHD_VERSION >= 0x00097701
#define STRICT MHD_OPTION_CLIENT_DISCIPLINE_LVL
#else
#define STRICT MHD_OPTION_STRICT_FOR_CLIENT
#endif

struct kb_admin_connection {
    struct kb_admin_connection *next, *previous;
    struct MHD_Connection *mhd;
    uint64_t waits_for; /* a reload's number, 0 = none: suspended until that has ended */
    int fd;
    int64_t since_ms; /* its begin, or the end of its last request */
};

/* ---- connections ---- */

static int64_t now_ms(struct kb_admin *admin)
{
    return admin->clock->now_ms(admin->clock);
}

static void connected(struct kb_admin *admin, struct MHD_Connection *mhd, void **place)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct kb_admin_connection *con = calloc(1, sizeof(*con));
    *place = con;
    if (!con || !info)
        return; /* it is served all the same, without a bound on its time */
    con->mhd = mhd;
    con->fd = info->connect_fd;
    con->since_ms = now_ms(admin);
    con->next = admin->connections;
    if (con->next)
        con->next->previous = con;
    admin->connections = con;
}

static void disconnected(struct kb_admin *admin, struct kb_admin_connection *con)
{
    if (!con)
        return;
    if (con->next)
        con->next->previous = con->previous;
    if (con->previous)
        con->previous->next = con->next;
    else if (admin->connections == con)
        admin->connections = con->next;
    free(con);
}

static void on_connection(void *context, struct MHD_Connection *mhd, void **place,
    enum MHD_ConnectionNotificationCode what)
{
    if (what == MHD_CONNECTION_NOTIFY_STARTED) {
        connected(context, mhd, place);
    } else {
        disconnected(context, *place);
        *place = NULL;
    }
}

/* libmicrohttpd then sees the end of the connection and cleans up. */
static void end_slow_ones(struct kb_admin *admin)
{
    int64_t before = now_ms(admin) - admin->longest_ms;
    for (struct kb_admin_connection *con = admin->connections; con; con = con->next)
        if (con->since_ms <= before && !con->waits_for)
            shutdown(con->fd, SHUT_RDWR);
}

/* ---- requests ---- */

static enum MHD_Result send_page(struct kb_admin *admin, struct MHD_Connection *mhd)
{
    struct kb_page *page = &admin->page;
    struct kb_slice body = kb_buf_slice(&page->body);
    struct MHD_Response *response = MHD_create_response_from_buffer(
        body.len, (void *)(uintptr_t)body.ptr, MHD_RESPMEM_MUST_COPY);
    if (!response)
        return MHD_NO;
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, page->content_type);
    MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    if (page->allow)
        MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, page->allow);
    if (page->challenge)
        MHD_add_response_header(response, MHD_HTTP_HEADER_WWW_AUTHENTICATE, page->challenge);
    if (page->ready)
        MHD_add_response_header(response, "Kably-Ready", page->ready);
    enum MHD_Result queued = MHD_queue_response(mhd, (unsigned)page->status, response);
    MHD_destroy_response(response);
    return queued;
}

static struct kb_admin_connection *connection_of(struct MHD_Connection *mhd)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info ? info->socket_context : NULL;
}

static struct kb_slice header(struct MHD_Connection *mhd, const char *name)
{
    return kb_slice_of(MHD_lookup_connection_value(mhd, MHD_HEADER_KIND, name));
}

static size_t count_waiting(const struct kb_admin *admin)
{
    size_t n = 0;
    for (const struct kb_admin_connection *con = admin->connections; con; con = con->next)
        n += con->waits_for > 0;
    return n;
}

/* Asks, and waits suspended: libmicrohttpd calls again when it is resumed. Who goes away meanwhile
 * is not noticed before that. */
static enum MHD_Result begin_reload(struct kb_admin *admin, struct MHD_Connection *mhd)
{
    struct kb_admin_connection *con = connection_of(mhd);
    if (!admin->reloads || !con) {
        kb_page_error(&admin->page, 503, "nothing can be reloaded now");
        return send_page(admin, mhd);
    }
    bool is_full = count_waiting(admin) >= WAITING_MAX;
    uint64_t number = kb_reloads_ask(admin->reloads);
    if (is_full) {
        kb_page_error(&admin->page, 503,
            "the reload is asked for, but too many wait for its end already; /status tells of it");
        return send_page(admin, mhd);
    }
    con->waits_for = number;
    MHD_suspend_connection(mhd);
    return MHD_YES;
}

/* Whether it was allowed was asked at its begin: the token may be another by now. */
static enum MHD_Result end_reload(
    struct kb_admin *admin, struct MHD_Connection *mhd, struct kb_admin_connection *con)
{
    struct kb_reload_report report;
    kb_reloads_read(admin->reloads, &report);
    if (report.ended >= con->waits_for)
        kb_page_reloaded(&admin->page, &report);
    else
        kb_page_error(&admin->page, 503, "kably is stopping");
    con->waits_for = 0;
    return send_page(admin, mhd);
}

/* `all`: whatever they wait for. */
static void resume_waiting(struct kb_admin *admin, bool all)
{
    struct kb_reload_report report;
    uint64_t count;
    while (read(admin->reload_fd, &count, sizeof(count)) > 0) {}
    if (!admin->reloads)
        return;
    kb_reloads_read(admin->reloads, &report);
    for (struct kb_admin_connection *con = admin->connections; con; con = con->next)
        if (con->waits_for && (all || con->waits_for <= report.ended))
            MHD_resume_connection(con->mhd);
}

static enum MHD_Result answer(
    struct kb_admin *admin, struct MHD_Connection *mhd, const char *method, const char *path)
{
    struct kb_page *page = &admin->page;
    kb_page_begin(page, kb_slice_of(method), kb_slice_of(path));
    page->authorization = header(mhd, MHD_HTTP_HEADER_AUTHORIZATION);
    page->accept = header(mhd, MHD_HTTP_HEADER_ACCEPT);
    page->origin = header(mhd, MHD_HTTP_HEADER_ORIGIN);
    struct kb_admin_connection *con = connection_of(mhd);
    if (con && con->waits_for)
        return end_reload(admin, mhd, con);
    pthread_mutex_lock(&admin->token_lock);
    kb_page_serve(page, &admin->view, admin->token, admin->clock);
    pthread_mutex_unlock(&admin->token_lock);
    if (page->wants_reload)
        return begin_reload(admin, mhd);
    uint64_t suppressed;
    if (page->status == MHD_HTTP_UNAUTHORIZED &&
        kb_log_repeat(&admin->refused, now_ms(admin), &suppressed))
        kb_log_warn("admin", "a request for %.100s without the right token (%llu more like it)",
            path, (unsigned long long)suppressed);
    return send_page(admin, mhd);
}

/* Is a body announced that nobody will read to its end? */
static bool announces_too_much(struct MHD_Connection *mhd)
{
    struct kb_slice length = header(mhd, MHD_HTTP_HEADER_CONTENT_LENGTH);
    return length.ptr && strtoull(length.ptr, NULL, 10) > BODY_MAX;
}

/* Called with the headers, with each piece of the body, and at its end. `state` is 1 and the bytes
 * of the body so far. */
static enum MHD_Result on_request(void *context, struct MHD_Connection *mhd, const char *path,
    const char *method, const char *version, const char *piece, size_t *piece_len, void **state)
{
    struct kb_admin *admin = context;
    uintptr_t seen = (uintptr_t)*state;
    (void)version;
    (void)piece;
    if (seen == 0 && announces_too_much(mhd)) {
        kb_page_begin(&admin->page, kb_slice_of(method), kb_slice_of(path));
        kb_page_error(&admin->page, 413, "no address here takes so much");
        return send_page(admin, mhd);
    }
    if (seen > 0 && *piece_len == 0)
        return answer(admin, mhd, method, path);
    seen = seen == 0 ? 1 : seen + *piece_len;
    *piece_len = 0;
    *state = (void *)seen;
    return seen <= BODY_MAX ? MHD_YES : MHD_NO; /* NO ends the connection */
}

static void on_completed(
    void *context, struct MHD_Connection *mhd, void **state, enum MHD_RequestTerminationCode code)
{
    struct kb_admin_connection *con = connection_of(mhd);
    (void)code;
    *state = NULL;
    if (con)
        con->since_ms = now_ms(context);
}

/* ---- the loop ---- */

/* While connections are there, their age is looked at. */
static int next_wait(const struct kb_admin *admin)
{
    int wait_ms = admin->connections ? admin->longest_ms / 4 : WAIT_MAX_MS;
    MHD_UNSIGNED_LONG_LONG hint_ms;
    if (MHD_get_timeout(admin->daemon, &hint_ms) == MHD_YES && hint_ms < (unsigned)wait_ms)
        wait_ms = (int)hint_ms;
    return wait_ms;
}

void *kb_admin_serve(void *context)
{
    struct kb_admin *admin = context;
    struct pollfd fds[] = {
        {admin->epoll_fd, POLLIN, 0}, {admin->end_fd, POLLIN, 0}, {admin->reload_fd, POLLIN, 0}};
    while (!(fds[1].revents & POLLIN)) {
        if (fds[2].revents & POLLIN)
            resume_waiting(admin, false);
        MHD_run(admin->daemon);
        end_slow_ones(admin);
        poll(fds, KB_COUNT(fds), next_wait(admin));
    }
    resume_waiting(admin, true); /* libmicrohttpd must not end while one is suspended */
    MHD_run(admin->daemon);
    return NULL;
}

/* ---- start and end ---- */

bool kb_admin_open(struct kb_admin *admin, int fd, struct kb_err *err)
{
    admin->daemon = MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL,
        on_request, admin, MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT,
        (unsigned)CONNECTIONS_MAX, MHD_OPTION_PER_IP_CONNECTION_LIMIT,
        (unsigned)CONNECTIONS_PER_ADDRESS, MHD_OPTION_CONNECTION_MEMORY_LIMIT, CONNECTION_MEMORY,
        STRICT, 1, MHD_OPTION_NOTIFY_CONNECTION, on_connection, admin, MHD_OPTION_NOTIFY_COMPLETED,
        on_completed, admin, MHD_OPTION_END);
    if (!admin->daemon) {
        close(fd);
        return kb_err_fatal(err, "libmicrohttpd did not start");
    }
    admin->epoll_fd = MHD_get_daemon_info(admin->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
    return true;
}

void kb_admin_close(struct kb_admin *admin)
{
    if (admin->daemon)
        MHD_stop_daemon(admin->daemon);
}
