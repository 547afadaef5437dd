/* The daemon's own struct, shared by daemon.c (begin, signals, end) and daemon_reload.c (how the
 * workers go over to another configuration). Nobody else includes this. Thread: main. */
#ifndef KB_PIPELINE_DAEMON_INSIDE_H
#define KB_PIPELINE_DAEMON_INSIDE_H

#include "pipeline/daemon.h"
#include "pipeline/thread.h"

/* What the workers are at; see daemon_reload.c. */
enum kb_daemon_step {
    KB_DAEMON_STEADY,
    KB_DAEMON_PREPARING,  /* each makes ready what can fail */
    KB_DAEMON_ADOPTING,   /* all could: each goes over */
    KB_DAEMON_FORGETTING, /* one could not: all stay */
    KB_DAEMON_RENEWING    /* they leave the group for their successors */
};

struct kb_daemon {
    struct kb_config *config;                      /* in force */
    struct kb_worker_thread *threads, *successors; /* successors: opened, not begun; NULL = none */
    size_t n_threads;
    struct kb_reloads *reloads;
    struct kb_generation *applying; /* lent by reloads: the workers are going over to it */
    enum kb_daemon_step step;
    char refusal[KB_ERR_TEXT_MAX + 32]; /* FORGETTING: why */
    kb_daemon_reloaded *on_reload;
    void *on_reload_context;
    int signals;  /* signalfd */
    int progress; /* eventfd: a worker is ending or has ended, or has to do with a reload */
    bool stopping, failed;
    bool signalled;          /* told to end; a worker that ends by itself is no signal */
    struct kb_board *boards; /* one a worker; they outlive the workers */
    size_t n_boards;
};

/* daemon.c */
/* One for each worker, not begun; with the functions of `generation`, NULL = each has its own made.
 * Returns new. */
struct kb_worker_thread *kb_daemon_open_threads(struct kb_daemon *d, struct kb_config *config,
    struct kb_generation *generation, struct kb_err *err) KB_MUST_CHECK;
void kb_daemon_close_threads(struct kb_worker_thread *threads, size_t n);
/* Takes the threads. False: some may run, none that has not begun is left. */
bool kb_daemon_begin_threads(
    struct kb_daemon *d, struct kb_worker_thread *threads, struct kb_err *err) KB_MUST_CHECK;
bool kb_daemon_all_ended(const struct kb_daemon *d);
void kb_daemon_join_threads(struct kb_daemon *d);
void kb_daemon_stop_all(struct kb_daemon *d);

/* daemon_reload.c */
void kb_daemon_turn_reload(struct kb_daemon *d);    /* one has made progress, maybe */
void kb_daemon_give_up_reload(struct kb_daemon *d); /* the workers have ended */

#endif
