/* The admin server's life: its socket and its thread, its settings, its end; see admin.h. What it
 * answers is server.c's business. */
#include "admin/admin_inside.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define LONGEST_MS 15000
#define BACKLOG 64

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

static bool open_http(struct kb_admin *admin, struct kb_err *err)
{
    int fd = open_socket(admin, err);
    return fd >= 0 && kb_admin_open(admin, fd, err);
}

static void free_admin(struct kb_admin *admin)
{
    kb_admin_close(admin);
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
    bool ok = copy_options(admin, options, err) && open_http(admin, err);
    if (ok && pthread_create(&admin->thread, NULL, kb_admin_serve, admin) != 0)
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
