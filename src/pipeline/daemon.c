/* The daemon's main thread (see daemon.h): it loads the configuration, starts one thread a worker,
 * waits for a signal or for a worker's end, passes the end on to the others, and says how it went.
 */
#include "pipeline/daemon.h"

#include "base/log.h"
#include "http/curl_transport.h"
#include "metrics/metrics.h"
#include "pipeline/thread.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define EXIT_WORK_FAILED 1
#define EXIT_CONFIG 2

struct kb_daemon {
    struct kb_config *config;
    struct kb_worker_thread *threads;
    size_t n_threads;
    int signals;  /* signalfd */
    int progress; /* eventfd: a worker is ending or has ended */
    bool stopping;
    struct kb_board *boards; /* one a worker; they outlive the workers */
    size_t n_boards;
};

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
    int64_t now_ms = kb_clock_system()->now_ms(kb_clock_system());
    d->boards = calloc(n, sizeof(*d->boards));
    if (!d->boards)
        return kb_err_fatal(err, "out of memory for %zu workers", n);
    for (; d->n_boards < n; d->n_boards++)
        kb_board_init(&d->boards[d->n_boards], now_ms);
    return true;
}

static bool start_threads(struct kb_daemon *d, struct kb_err *err)
{
    size_t n = (size_t)d->config->limits.workers;
    d->threads = calloc(n, sizeof(*d->threads));
    if (!d->threads)
        return kb_err_fatal(err, "out of memory for %zu workers", n);
    for (size_t i = 0; i < n; i++) {
        if (!kb_worker_thread_start(
                &d->threads[i], d->config, (int)i, (int)n, d->progress, &d->boards[i], err))
            return false;
        d->n_threads++;
    }
    return true;
}

static void stop_all(struct kb_daemon *d)
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
            kb_log_warn("worker",
                "SIGHUP: reloading is not in this version yet; restart to apply a "
                "changed configuration");
            continue;
        }
        if (d->stopping) {
            kb_log_warn("worker",
                "second signal: ending at once; records without a committed offset "
                "come again at the next start");
            _exit(EXIT_SUCCESS);
        }
        kb_log_info("worker", "%s: stopping", info.ssi_signo == SIGTERM ? "SIGTERM" : "SIGINT");
        stop_all(d);
    }
}

static bool all_ended(const struct kb_daemon *d)
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

static void watch(struct kb_daemon *d)
{
    struct pollfd fds[] = {
        {.fd = d->signals, .events = POLLIN}, {.fd = d->progress, .events = POLLIN}};
    while (!all_ended(d)) {
        if (poll(fds, KB_COUNT(fds), -1) < 0 && errno != EINTR)
            break;
        on_signal(d);
        uint64_t n;
        while (read(d->progress, &n, sizeof(n)) > 0)
            ;
        /* One worker that ends (its stop policy, a fatal error) takes the process with it. */
        if (!d->stopping && any_ending(d))
            stop_all(d);
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

static int join_threads(struct kb_daemon *d)
{
    int code = EXIT_SUCCESS;
    for (size_t i = 0; i < d->n_threads; i++) {
        struct kb_worker_end end;
        kb_worker_thread_join(&d->threads[i], &end);
        if (end.failed) /* it has said why */
            code = EXIT_WORK_FAILED;
    }
    free(d->threads);
    summarise();
    return code;
}

struct kb_daemon *kb_daemon_new(const char *path, int *code)
{
    struct kb_err err;
    struct kb_config *config = load(path);
    *code = EXIT_CONFIG;
    if (!config)
        return NULL;
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
        return d;
    kb_log_error("worker", "%s", err.text);
    kb_daemon_free(d);
    return NULL;
}

const struct kb_config *kb_daemon_config(const struct kb_daemon *d)
{
    return d->config;
}

struct kb_board *kb_daemon_boards(struct kb_daemon *d, size_t *n)
{
    *n = d->n_boards;
    return d->boards;
}

int kb_daemon_run(struct kb_daemon *d)
{
    struct kb_err err;
    if (start_threads(d, &err)) {
        watch(d);
        return join_threads(d);
    }
    kb_log_error("worker", "%s", err.text);
    stop_all(d);
    join_threads(d);
    return err.class == KB_ERR_CONFIG ? EXIT_CONFIG : EXIT_WORK_FAILED;
}

void kb_daemon_free(struct kb_daemon *d)
{
    if (!d)
        return;
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
