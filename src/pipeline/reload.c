/* The reloads' thread and what is known of them; see reload.h. A lock guards all of struct
 * kb_reloads; it is never held while a file is read. */
#include "pipeline/reload.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/utf8.h"
#include "metrics/metrics.h"

#include <inttypes.h>
#include <pthread.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define END_WAIT_S 1
#define PROBLEMS_MAX (1u << 20)

struct kb_reloads {
    char *path;
    int progress_fd;
    kb_generation_tests *run_tests;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    atomic_bool ending;         /* also read without the lock, by what waits for an answer */
    uint64_t asked, begun;      /* begun: the newest one that the reload under way serves */
    struct kb_config *config;   /* in force */
    struct kb_generation *next; /* ready to be applied, or being applied; NULL = none */
    bool lent;                  /* main has it */
    int watch_fd;
    struct kb_reload_report report;
};

static void wake(int fd)
{
    const uint64_t one = 1;
    if (fd >= 0 && write(fd, &one, sizeof(one)) < 0) {
        /* Full: whoever reads it is about to wake anyway. */
    }
}

/* ---- the end of a reload; under the lock ---- */

static void tell(struct kb_reloads *reloads)
{
    struct kb_reload_report *report = &reloads->report;
    report->ended = reloads->begun;
    report->at_wall_ms = kb_system_wall_ms();
    pthread_cond_broadcast(&reloads->changed);
    wake(reloads->watch_fd);
}

/* Each line of `text` is a line of the log; the report has as many as fit. */
static void fail(struct kb_reloads *reloads, const char *text)
{
    struct kb_reload_report *report = &reloads->report;
    report->failed = true;
    report->failures++;
    snprintf(report->text, sizeof(report->text), "%s", text);
    kb_metric_add(KB_METRIC_RELOAD_FAILURES, 1);
    for (const char *line = text; *line;) {
        int len = (int)strcspn(line, "\n");
        kb_log_error("config", "reload: %.*s", len, line);
        line += len + (line[len] == '\n');
    }
    kb_log_error("config", "reload failed; generation %" PRIu64 " of %s goes on as it is",
        report->generation, reloads->path);
    tell(reloads);
}

static void add_names(struct kb_buf *text, const char *what, const struct kb_buf *names)
{
    if (names->len > 0)
        kb_buf_printf(text, "; %s" KB_FMT, what, KB_ARG(kb_buf_slice(names)));
}

static void succeed(struct kb_reloads *reloads)
{
    struct kb_reload_report *report = &reloads->report;
    const struct kb_changes *changes = &reloads->next->changes;
    struct kb_buf text;
    kb_buf_init(&text, 1 << 20);
    report->failed = false;
    report->generation++;
    report->reloads++;
    kb_metric_add(KB_METRIC_CONFIG_GENERATION, 1);
    kb_metric_add(KB_METRIC_RELOADS, 1);
    kb_buf_printf(&text, "generation %" PRIu64 " of %s", report->generation, reloads->path);
    add_names(&text, "changed: ", &changes->applied);
    add_names(&text, "changed by joining the group anew: ", &changes->rejoin);
    add_names(&text, "NOT changed, for it needs a restart: ", &changes->restart);
    snprintf(report->text, sizeof(report->text), KB_FMT, KB_ARG(kb_buf_slice(&text)));
    kb_utf8_one_line(report->text, strlen(report->text));
    kb_log(changes->restart.len > 0 ? KB_LOG_WARN : KB_LOG_INFO, "config", "reloaded: %s",
        report->text);
    kb_buf_deinit(&text);
    tell(reloads);
}

/* ---- one reload; under the lock, but while the next generation is made ---- */

/* The text ends with a line's end, which nobody needs. */
static void fail_with(struct kb_reloads *reloads, struct kb_buf *problems)
{
    problems->len -= problems->len > 0;
    kb_buf_byte(problems, '\0');
    fail(reloads, problems->failed ? "out of memory" : problems->ptr);
}

static void run_one(struct kb_reloads *reloads)
{
    struct kb_buf problems;
    kb_buf_init(&problems, PROBLEMS_MAX);
    reloads->begun = reloads->asked;
    struct kb_config *now = kb_config_ref(reloads->config);
    pthread_mutex_unlock(&reloads->lock);
    struct kb_generation *next =
        kb_generation_make(reloads->path, now, reloads->run_tests, &reloads->ending, &problems);
    kb_config_unref(now);
    pthread_mutex_lock(&reloads->lock);
    if (next && reloads->ending) { /* nobody is there to apply it */
        kb_generation_free(next);
    } else if (next) {
        reloads->next = next;
        wake(reloads->progress_fd);
        while (reloads->next && !reloads->ending)
            pthread_cond_wait(&reloads->changed, &reloads->lock);
    } else {
        fail_with(reloads, &problems);
    }
    kb_buf_deinit(&problems);
}

static void *run(void *context)
{
    struct kb_reloads *reloads = context;
    pthread_mutex_lock(&reloads->lock);
    while (!reloads->ending) {
        if (reloads->asked > reloads->begun)
            run_one(reloads);
        else
            pthread_cond_wait(&reloads->changed, &reloads->lock);
    }
    pthread_mutex_unlock(&reloads->lock);
    return NULL;
}

/* ---- from outside ---- */

struct kb_reloads *kb_reloads_new(
    const char *path, struct kb_config *config, int progress_fd, struct kb_err *err)
{
    struct kb_reloads *reloads = calloc(1, sizeof(*reloads));
    char *copy = strdup(path);
    if (!reloads || !copy) {
        free(reloads);
        free(copy);
        kb_err_fatal(err, "out of memory");
        return NULL;
    }
    reloads->path = copy;
    reloads->config = kb_config_ref(config);
    reloads->progress_fd = progress_fd;
    reloads->watch_fd = -1;
    reloads->report.generation = 1;
    kb_metric_add(KB_METRIC_CONFIG_GENERATION, 1);
    pthread_mutex_init(&reloads->lock, NULL);
    pthread_cond_init(&reloads->changed, NULL);
    if (pthread_create(&reloads->thread, NULL, run, reloads) == 0)
        return reloads;
    reloads->ending = true;
    kb_reloads_free(reloads);
    kb_err_fatal(err, "no thread could be started");
    return NULL;
}

static void forget_next(struct kb_reloads *reloads)
{
    kb_generation_free(reloads->next);
    reloads->next = NULL;
    reloads->lent = false;
}

/* A file that loops takes its two seconds of work to be given up, and more on a busy machine: a
 * process that ends does not wait for that. The thread then keeps what it has until the end. */
static bool join_in_time(struct kb_reloads *reloads)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += END_WAIT_S;
    if (pthread_clockjoin_np(reloads->thread, NULL, CLOCK_MONOTONIC, &until) == 0)
        return true;
    pthread_detach(reloads->thread);
    return false;
}

void kb_reloads_free(struct kb_reloads *reloads)
{
    if (!reloads)
        return;
    pthread_mutex_lock(&reloads->lock);
    bool running = !reloads->ending;
    reloads->ending = true;
    pthread_cond_broadcast(&reloads->changed);
    pthread_mutex_unlock(&reloads->lock);
    if (running && !join_in_time(reloads))
        return;
    forget_next(reloads);
    kb_config_unref(reloads->config);
    pthread_cond_destroy(&reloads->changed);
    pthread_mutex_destroy(&reloads->lock);
    free(reloads->path);
    free(reloads);
}

void kb_reloads_run_tests(struct kb_reloads *reloads, kb_generation_tests *run_tests)
{
    pthread_mutex_lock(&reloads->lock);
    reloads->run_tests = run_tests;
    pthread_mutex_unlock(&reloads->lock);
}

uint64_t kb_reloads_ask(struct kb_reloads *reloads)
{
    pthread_mutex_lock(&reloads->lock);
    uint64_t number = ++reloads->asked;
    pthread_cond_broadcast(&reloads->changed);
    pthread_mutex_unlock(&reloads->lock);
    return number;
}

void kb_reloads_read(struct kb_reloads *reloads, struct kb_reload_report *out)
{
    pthread_mutex_lock(&reloads->lock);
    *out = reloads->report;
    pthread_mutex_unlock(&reloads->lock);
}

void kb_reloads_watch(struct kb_reloads *reloads, int fd)
{
    pthread_mutex_lock(&reloads->lock);
    reloads->watch_fd = fd;
    pthread_mutex_unlock(&reloads->lock);
}

struct kb_generation *kb_reloads_next(struct kb_reloads *reloads)
{
    pthread_mutex_lock(&reloads->lock);
    struct kb_generation *next = reloads->lent ? NULL : reloads->next;
    reloads->lent = reloads->next != NULL;
    pthread_mutex_unlock(&reloads->lock);
    return next;
}

void kb_reloads_end(struct kb_reloads *reloads, const char *why)
{
    pthread_mutex_lock(&reloads->lock);
    KB_BUG_ON(!reloads->lent);
    if (why) {
        fail(reloads, why);
    } else {
        struct kb_config *before = reloads->config;
        reloads->config = kb_config_ref(reloads->next->config);
        kb_config_unref(before);
        succeed(reloads);
    }
    forget_next(reloads);
    pthread_mutex_unlock(&reloads->lock);
}
