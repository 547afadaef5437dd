/* The inside of the admin server, shared by admin.c (start, stop, settings) and server.c (HTTP).
 * Nobody else includes this. Thread: as said at the fields. */
#ifndef KB_ADMIN_ADMIN_INSIDE_H
#define KB_ADMIN_ADMIN_INSIDE_H

#include "admin/admin.h"

#include "admin/pages.h"
#include "base/address.h"
#include "base/log.h"

#include <pthread.h>

struct kb_admin_connection;
struct MHD_Daemon;

struct kb_admin {
    /* set before the thread starts */
    char *config_path;
    struct kb_reloads *reloads;
    struct kb_clock *clock;
    struct kb_address address;
    int longest_ms;
    struct MHD_Daemon *daemon;
    int epoll_fd;  /* libmicrohttpd's */
    int end_fd;    /* eventfd: the server is to end */
    int reload_fd; /* eventfd: a reload has ended */
    pthread_t thread;

    pthread_mutex_t token_lock;
    char *token; /* any thread's, under the lock */

    /* from its start on the thread's */
    struct kb_view view;
    struct kb_page page;
    struct kb_admin_connection *connections;
    struct kb_log_repeat refused;
};

/* server.c: takes the listening socket, also where it fails. */
bool kb_admin_open(struct kb_admin *admin, int fd, struct kb_err *err) KB_MUST_CHECK;
/* The thread: serves until end_fd is readable. */
void *kb_admin_serve(void *admin);
/* After the thread: every connection is closed. Nothing open is fine. */
void kb_admin_close(struct kb_admin *admin);

#endif
