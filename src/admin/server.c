/* HTTP for the admin server, on libmicrohttpd; see admin.h. One thread polls libmicrohttpd's epoll
 * descriptor and an eventfd that ends it, so that nothing inside needs a lock.
 *
 * libmicrohttpd's own timeout counts from the last byte: a client that sends one now and then would
 * hold its place for ever, and enough of them would shut out whoever asks for /livez. So each
 * connection is known here from its first moment, and one that takes too long for a request is shut
 * down. */
#include "admin/admin.h"

#include "admin/pages.h"
#include "base/address.h"
#include "base/log.h"

#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define CONNECTIONS_MAX 128
#define CONNECTIONS_PER_ADDRESS 64 /* half: nobody alone can take all */
#define CONNECTION_MEMORY ((size_t)32 << 10)
#define BODY_MAX ((size_t)64 << 10) /* of a request; no address reads it */
#define LONGEST_MS 15000
#define WAIT_MAX_MS 60000
#define BACKLOG 64
/* What is no HTTP is refused; the option's name has changed between Debian 12's library and 13's.
 */
#if MHD_VERSION >= 0x00097701
#define STRICT MHD_OPTION_CLIENT_DISCIPLINE_LVL
#else
#define STRICT MHD_OPTION_STRICT_FOR_CLIENT
#endif

struct connection {
    struct connection *next, *previous;
    struct MHD_Connection *mhd;
    uint64_t waits_for; /* a reload's number, 0 = none: suspended until that has ended */
    int fd;
    int64_t since_ms; /* its begin, or the end of its last request */
};

struct kb_admin {
    struct kb_view view;
    pthread_mutex_t token_lock;
    char *token;
    char *config_path;
    struct kb_reloads *reloads;
    int reload_fd; /* eventfd: a reload has ended */
    struct kb_clock *clock;
    struct MHD_Daemon *daemon;
    struct kb_address address;
    int longest_ms;
    int epoll_fd, end_fd;
    pthread_t thread;
    /* from here on the thread's */
    struct kb_page page;
    struct connection *connections;
    struct kb_log_repeat refused;
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
    struct connection *con = calloc(1, sizeof(*con));
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

static void disconnected(struct kb_admin *admin, struct connection *con)
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
    for (struct connection *con = admin->connections; con; con = con->next)
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

static struct connection *connection_of(struct MHD_Connection *mhd)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info ? info->socket_context : NULL;
}

static struct kb_slice header(struct MHD_Connection *mhd, const char *name)
{
    return kb_slice_of(MHD_lookup_connection_value(mhd, MHD_HEADER_KIND, name));
}

/* Asks, and waits suspended: libmicrohttpd calls again when it is resumed. */
static enum MHD_Result begin_reload(struct kb_admin *admin, struct MHD_Connection *mhd)
{
    struct connection *con = connection_of(mhd);
    if (!admin->reloads || !con) {
        kb_page_error(&admin->page, 503, "nothing can be reloaded now");
        return send_page(admin, mhd);
    }
    con->waits_for = kb_reloads_ask(admin->reloads);
    MHD_suspend_connection(mhd);
    return MHD_YES;
}

/* Whether it was allowed was asked at its begin: the token may be another by now. */
static enum MHD_Result end_reload(
    struct kb_admin *admin, struct MHD_Connection *mhd, struct connection *con)
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
    for (struct connection *con = admin->connections; con; con = con->next)
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
    struct connection *con = connection_of(mhd);
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
    struct connection *con = connection_of(mhd);
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

static void *serve(void *context)
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

/* ---- start and stop ---- */

static bool refuse_listen(const struct kb_admin *admin, struct kb_err *err)
{
    char where[100];
    int failure = errno;
    kb_address_format(&admin->address, where, sizeof(where));
    if (failure == EADDRINUSE)
        return kb_err_fatal(err,
            "listen: %s is in use, perhaps by another kably; give this one a port of its "
            "own, such as admin { listen = \"127.0.0.1:8089\" } (port 0 = any free one)",
            where);
    if (failure == EADDRNOTAVAIL)
        return kb_err_fatal(err, "listen: %s is no address of this machine", where);
    return kb_err_fatal(err, "listen: %s: %s", where, strerror(failure));
}

/* The socket is opened here and not by libmicrohttpd, which doesn't say why it could not. */
static int open_socket(struct kb_admin *admin, struct kb_err *err)
{
    struct kb_address *address = &admin->address;
    struct sockaddr *name = (struct sockaddr *)&address->storage;
    int on = 1;
    int fd =
        socket(address->storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_TCP);
    if (fd >= 0)
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (fd >= 0 && bind(fd, name, address->len) == 0 && listen(fd, BACKLOG) == 0 &&
        getsockname(fd, name, &address->len) == 0)
        return fd;
    refuse_listen(admin, err);
    if (fd >= 0)
        close(fd);
    return -1;
}

static bool start_http(struct kb_admin *admin, struct kb_err *err)
{
    int fd = open_socket(admin, err);
    if (fd < 0)
        return false;
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

static void free_admin(struct kb_admin *admin)
{
    if (admin->daemon)
        MHD_stop_daemon(admin->daemon);
    if (admin->end_fd >= 0)
        close(admin->end_fd);
    if (admin->reload_fd >= 0)
        close(admin->reload_fd);
    pthread_mutex_destroy(&admin->token_lock);
    kb_view_deinit(&admin->view);
    kb_page_deinit(&admin->page);
    free(admin->token);
    free(admin->config_path);
    free(admin);
}

static bool copy_options(
    struct kb_admin *admin, const struct kb_admin_options *options, struct kb_err *err)
{
    admin->token = options->token ? strdup(options->token) : NULL;
    admin->config_path = strdup(options->config_path);
    admin->longest_ms = options->longest_ms ? options->longest_ms : LONGEST_MS;
    admin->end_fd = eventfd(0, EFD_CLOEXEC);
    admin->reload_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if ((options->token && !admin->token) || !admin->config_path || admin->end_fd < 0 ||
        admin->reload_fd < 0 ||
        !kb_view_init(&admin->view, options->boards, options->n_boards, admin->config_path))
        return kb_err_fatal(err, "out of memory or descriptors");
    admin->view.reloads = admin->reloads = options->reloads;
    return kb_address_parse(kb_slice_of(options->listen), &admin->address, err);
}

struct kb_admin *kb_admin_start(const struct kb_admin_options *options, struct kb_err *err)
{
    struct kb_admin *admin = calloc(1, sizeof(*admin));
    if (!admin) {
        kb_err_fatal(err, "out of memory");
        return NULL;
    }
    *admin = (struct kb_admin){.clock = kb_clock_system(), .end_fd = -1, .reload_fd = -1};
    pthread_mutex_init(&admin->token_lock, NULL);
    kb_page_init(&admin->page);
    bool ok = copy_options(admin, options, err) && start_http(admin, err);
    if (ok && pthread_create(&admin->thread, NULL, serve, admin) != 0)
        ok = kb_err_fatal(err, "no thread could be started");
    if (!ok) {
        free_admin(admin);
        return NULL;
    }
    if (admin->reloads)
        kb_reloads_watch(admin->reloads, admin->reload_fd);
    char where[100];
    kb_address_format(&admin->address, where, sizeof(where));
    kb_log_info("admin", "listening on http://%s%s", where, admin->token ? ", with a token" : "");
    return admin;
}

bool kb_admin_start_for(const struct kb_config *config, struct kb_board *boards, size_t n_boards,
    struct kb_reloads *reloads, struct kb_admin **out, struct kb_err *err)
{
    struct kb_admin_options options = {.listen = config->admin.listen,
        .token = config->admin.token,
        .config_path = config->path,
        .boards = boards,
        .n_boards = n_boards,
        .reloads = reloads};
    *out = options.listen ? kb_admin_start(&options, err) : NULL;
    return *out || !options.listen;
}

bool kb_admin_set_token(struct kb_admin *admin, const char *token)
{
    char *copy = token ? strdup(token) : NULL;
    if (token && !copy)
        return false;
    pthread_mutex_lock(&admin->token_lock);
    char *before = admin->token;
    admin->token = copy;
    pthread_mutex_unlock(&admin->token_lock);
    free(before);
    return true;
}

int kb_admin_port(const struct kb_admin *admin)
{
    return kb_address_port(&admin->address);
}

void kb_admin_stop(struct kb_admin *admin)
{
    const uint64_t one = 1;
    if (!admin)
        return;
    if (admin->reloads)
        kb_reloads_watch(admin->reloads, -1);
    KB_BUG_ON(write(admin->end_fd, &one, sizeof(one)) != sizeof(one));
    pthread_join(admin->thread, NULL);
    free_admin(admin);
}
