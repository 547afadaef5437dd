/* The daemon's main thread (see daemon.h): it loads the configuration, starts one thread a worker,
 * waits for a signal, for a reload (daemon_reload.c) or for a worker's end, passes the end on to
 * the others, and says how it went. */
#include "pipeline/daemon_inside.h"

#include "base/log.h"
#include "http/curl_transport.h"
#include "metrics/metrics.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define EXIT_WORK_FAILED 1
#define EXIT_CONFIG 2

static struct kb_config *load(const char *path)
{
    struct kb_problems problems;
    kb_problems_init(&problems);
    struct kb_config *config = kb_config_load(path, &problems);
    kb_problems_print(&problems, stderr);
    kb_problems_deinit(&problems);
    return config;
}

/* Signals are read from a descriptor by this thread; no other thread gets them. */
static bool open_signals(struct kb_daemon *d, struct kb_err *err)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    signal(SIGPIPE, SIG_IGN);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    d->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    d->progress = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return (d->signals >= 0 && d->progress >= 0) ||
           kb_err_fatal(err, "signals can't be received: no file descriptors left?");
}

static bool open_boards(struct kb_daemon *d, struct kb_err *err)
{
    size_t n = (size_t)d->config->limits.workers;
    int64_t now_ms = kb_system_now_ms();
    d->boards = calloc(n, sizeof(*d->boards));
    if (!d->boards)
        return kb_err_fatal(err, "out of memory for %zu workers", n);
    for (; d->n_boards < n; d->n_boards++)
        kb_board_init(&d->boards[d->n_boards], now_ms);
    return true;
}

void kb_daemon_close_threads(struct kb_worker_thread *threads, size_t n)
{
    for (size_t i = 0; i < n; i++)
        kb_worker_thread_close(&threads[i]);
    free(threads);
}

struct kb_worker_thread *kb_daemon_open_threads(struct kb_daemon *d, struct kb_config *config,
    struct kb_generation *generation, struct kb_err *err)
{
    size_t n = d->n_boards;
    struct kb_worker_thread *threads = calloc(n, sizeof(*threads));
    if (!threads) {
        kb_err_fatal(err, "out of memory for %zu workers", n);
        return NULL;
    }
    for (size_t i = 0; i < n; i++) {
        struct kb_hooks *hooks = generation ? kb_generation_hooks(generation, i) : NULL;
        if (kb_worker_thread_open(&threads[i], config, hooks, (int)i, (int)n, d->progress, err))
            continue;
        kb_daemon_close_threads(threads, i);
        return NULL;
    }
    return threads;
}

bool kb_daemon_begin_threads(
    struct kb_daemon *d, struct kb_worker_thread *threads, struct kb_err *err)
{
    d->threads = threads;
    for (d->n_threads = 0; d->n_threads < d->n_boards; d->n_threads++) {
        if (kb_worker_thread_begin(&threads[d->n_threads], &d->boards[d->n_threads], err))
            continue;
        for (size_t i = d->n_threads; i < d->n_boards; i++)
            kb_worker_thread_close(&threads[i]);
        return false;
    }
    return true;
}

void kb_daemon_stop_all(struct kb_daemon *d)
{
    d->stopping = true;
    for (size_t i = 0; i < d->n_threads; i++)
        kb_worker_thread_stop(&d->threads[i]);
}

static void on_signal(struct kb_daemon *d)
{
    struct signalfd_siginfo info;
    while (read(d->signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
        if (info.ssi_signo == SIGHUP) {
            kb_log_info("worker", "SIGHUP: reloading");
            kb_reloads_ask(d->reloads);
            continue;
        }
        if (d->signalled) {
            kb_log_warn("worker",
                "second signal: ending at once; records without a committed offset "
                "come again at the next start");
            _exit(d->failed ? EXIT_WORK_FAILED : EXIT_SUCCESS);
        }
        kb_log_info("worker", "%s: stopping", info.ssi_signo == SIGTERM ? "SIGTERM" : "SIGINT");
        d->signalled = true;
        kb_daemon_stop_all(d);
    }
}

bool kb_daemon_all_ended(const struct kb_daemon *d)
{
    for (size_t i = 0; i < d->n_threads; i++)
        if (!atomic_load(&d->threads[i].ended))
            return false;
    return true;
}

static bool any_ending(const struct kb_daemon *d)
{
    for (size_t i = 0; i < d->n_threads; i++)
        if (atomic_load(&d->threads[i].ending))
            return true;
    return false;
}

void kb_daemon_join_threads(struct kb_daemon *d)
{
    for (size_t i = 0; i < d->n_threads; i++) {
        struct kb_worker_end end;
        kb_worker_thread_join(&d->threads[i], &end);
        d->failed = d->failed || end.failed; /* it has said why */
    }
    free(d->threads);
    d->threads = NULL;
    d->n_threads = 0;
}

/* One worker that ends (its stop policy, a fatal error) takes the process with it, but where they
 * end for successors. */
static void watch(struct kb_daemon *d)
{
    struct pollfd fds[] = {
        {.fd = d->signals, .events = POLLIN}, {.fd = d->progress, .events = POLLIN}};
    while (!kb_daemon_all_ended(d) || d->successors) {
        if (poll(fds, KB_COUNT(fds), -1) < 0 && errno != EINTR)
            break;
        uint64_t n;
        while (read(d->progress, &n, sizeof(n)) > 0) {}
        on_signal(d);
        kb_daemon_turn_reload(d);
        if (!d->stopping && !d->successors && any_ending(d)) {
            d->failed = true; /* it has said why */
            kb_daemon_stop_all(d);
        }
    }
}

static void summarise(void)
{
    kb_log_info("worker",
        "ended: %" PRIu64 " records taken, %" PRIu64 " published, %" PRIu64 " skipped, %" PRIu64
        " dropped",
        kb_metric_get(KB_METRIC_RECORDS_CONSUMED), kb_metric_get(KB_METRIC_RECORDS_PUBLISHED),
        kb_metric_get(KB_METRIC_RECORDS_SKIPPED), kb_metric_get(KB_METRIC_RECORDS_DROPPED));
    uint64_t inversions = kb_metric_get(KB_METRIC_ORDER_INVERSIONS);
    if (inversions > 0)
        kb_log_warn("worker",
            "%" PRIu64
            " order inversions: Ably refused a message for its rate and took a later one of "
            "its channel",
            inversions);
}

/* A core dump would hold keys, tokens and records. Not dumpable also keeps others of the same user
 * from reading the process's memory and environment. */
static void forbid_core_dumps(const struct kb_config *config)
{
    const struct rlimit none = {0, 0};
    if (config->limits.core_dumps)
        return;
    prctl(PR_SET_DUMPABLE, 0);
    setrlimit(RLIMIT_CORE, &none);
}

struct kb_daemon *kb_daemon_new(const char *path, int *code)
{
    struct kb_err err;
    struct kb_config *config = load(path);
    *code = EXIT_CONFIG;
    if (!config)
        return NULL;
    forbid_core_dumps(config);
    kb_log_setup(config->log.level, config->log.format);
    kb_log_info("worker", "kably " KABLY_VERSION ": %s, %lld worker%s", path,
        (long long)config->limits.workers, config->limits.workers == 1 ? "" : "s");

    struct kb_daemon *d = calloc(1, sizeof(*d));
    *code = EXIT_WORK_FAILED;
    if (!d) {
        kb_log_error("worker", "out of memory");
        kb_config_unref(config);
        return NULL;
    }
    *d = (struct kb_daemon){.config = config, .signals = -1, .progress = -1};
    if (open_signals(d, &err) && open_boards(d, &err) && kb_curl_global_init(&err))
        d->reloads = kb_reloads_new(path, config, d->progress, &err);
    if (d->reloads)
        return d;
    kb_log_error("worker", "%s", err.text);
    kb_daemon_free(d);
    return NULL;
}

const struct kb_config *kb_daemon_config(const struct kb_daemon *d)
{
    return d->config;
}

struct kb_reloads *kb_daemon_reloads(struct kb_daemon *d)
{
    return d->reloads;
}

void kb_daemon_on_reload(struct kb_daemon *d, kb_daemon_reloaded *function, void *context)
{
    d->on_reload = function;
    d->on_reload_context = context;
}

struct kb_board *kb_daemon_boards(struct kb_daemon *d, size_t *n)
{
    *n = d->n_boards;
    return d->boards;
}

int kb_daemon_run(struct kb_daemon *d)
{
    struct kb_err err;
    struct kb_worker_thread *threads = kb_daemon_open_threads(d, d->config, NULL, &err);
    bool began = threads && kb_daemon_begin_threads(d, threads, &err);
    if (began) {
        watch(d);
        kb_daemon_give_up_reload(d);
    } else {
        kb_log_error("worker", "%s", err.text);
        kb_daemon_stop_all(d);
    }
    kb_daemon_join_threads(d);
    summarise();
    if (!began)
        return err.class == KB_ERR_CONFIG ? EXIT_CONFIG : EXIT_WORK_FAILED;
    return d->failed ? EXIT_WORK_FAILED : EXIT_SUCCESS;
}

void kb_daemon_free(struct kb_daemon *d)
{
    if (!d)
        return;
    kb_reloads_free(d->reloads);
    for (size_t i = 0; i < d->n_boards; i++)
        kb_board_deinit(&d->boards[i]);
    free(d->boards);
    if (d->signals >= 0)
        close(d->signals);
    if (d->progress >= 0)
        close(d->progress);
    kb_config_unref(d->config);
    free(d);
}
