/* A worker's thread and the doors it is given; see thread.h. */
#include "pipeline/thread.h"

#include "kafka/consumer.h"
#include "kafka/dead_letters.h"
#include "pipeline/settings.h"

#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define WAIT_MAX_MS \
    50 /* librdkafka's eventfd fires only from empty to non-empty: look again anyway */

/* What a consumer may fetch ahead: of a quarter of the memory, its share. */
static size_t queue_bytes(const struct kb_config *config, int n_workers)
{
    return (size_t)config->limits.memory / 4 / (size_t)n_workers;
}

static struct kb_source *open_source(
    const struct kb_config *config, int worker, int n_workers, struct kb_err *err)
{
    struct kb_consumer_options options = {.properties = config->kafka.properties,
        .n_properties = config->kafka.n,
        .ignored_topic = config->dead_letter.topic,
        .queue_bytes = queue_bytes(config, n_workers),
        .worker = worker,
        .n_workers = n_workers};
    return kb_consumer_new(&options, err);
}

static struct kb_dead_letters *open_dead_letters(
    const struct kb_config *config, int worker, struct kb_err *err)
{
    struct kb_dead_letters_options options = {.properties = config->kafka.properties,
        .n_properties = config->kafka.n,
        .topic = config->dead_letter.topic,
        .group_id = kb_settings_kafka_property(config, "group.id"),
        .worker = worker};
    return kb_dead_letters_new(&options, err);
}

/* In the loop of the other requests, with TLS settings of its own; also without a registry, which a
 * reload may bring. */
static bool open_registry(
    struct kb_worker_thread *t, const struct kb_config *config, struct kb_err *err)
{
    const struct kb_curl_options options = kb_settings_registry_curl(config);
    t->doors.registry = kb_curl_beside(t->doors.transport, &options, err);
    return t->doors.registry != NULL;
}

static bool open_doors(struct kb_worker_thread *t, const struct kb_config *config, int worker,
    int n_workers, struct kb_err *err)
{
    const struct kb_curl_options curl = kb_settings_ably_curl(config);
    t->doors.clock = kb_clock_system();
    t->doors.random = kb_random_system();
    t->doors.transport = kb_curl_new(&curl, err);
    if (!t->doors.transport || !open_registry(t, config, err))
        return false;
    if (config->dead_letter.topic) {
        t->doors.dead_letters = open_dead_letters(config, worker, err);
        if (!t->doors.dead_letters)
            return false;
    }
    t->doors.source = open_source(config, worker, n_workers, err);
    return t->doors.source != NULL;
}

static void wait_for_work(struct kb_worker_thread *t)
{
    int64_t now = t->doors.clock->now_ms(t->doors.clock);
    int64_t ms = kb_worker_wake_ms(t->worker) - now;
    if (ms <= 0)
        return;
    int fds[3] = {t->wake_fd};
    size_t n = 1;
    if (kb_worker_may_take(
            t->worker)) /* what is not read stays readable, and would not let us wait */
        fds[n++] = t->doors.source->wake_fd;
    if (t->doors.dead_letters)
        fds[n++] = t->doors.dead_letters->wake_fd;
    kb_curl_wait(t->doors.transport, fds, n, ms > WAIT_MAX_MS ? WAIT_MAX_MS : (int)ms);
    uint64_t count;
    while (read(t->wake_fd, &count, sizeof(count)) > 0) {}
}

static void wake(int fd)
{
    const uint64_t one = 1;
    if (write(fd, &one, sizeof(one)) < 0) {
        /* Full: whoever reads it is about to wake anyway. */
    }
}

static void tell(struct kb_worker_thread *t, atomic_bool *flag)
{
    atomic_store(flag, true);
    wake(t->progress_fd);
}

/* ---- a reload, step by step as main asks for it; see thread.h ---- */

/* Once there is a producer it stays: a file without a dead-letter topic may leave records behind
 * whose own file had one. */
static bool prepare_dead_letters(struct kb_worker_thread *t)
{
    const char *topic = t->next->dead_letter.topic;
    if (!topic)
        return true;
    if (t->doors.dead_letters)
        return kb_dead_letters_prepare(t->doors.dead_letters, topic, &t->reload_err);
    t->next_letters = open_dead_letters(t->next, t->number, &t->reload_err);
    return t->next_letters != NULL;
}

static bool prepare(struct kb_worker_thread *t)
{
    const struct kb_curl_options curl = kb_settings_ably_curl(t->next);
    const struct kb_curl_options registry = kb_settings_registry_curl(t->next);
    struct kb_hooks *hooks = t->next_hooks;
    t->next_hooks = NULL;
    t->next_queue_bytes = queue_bytes(t->next, t->n_workers);
    bool ok = kb_worker_prepare(t->worker, t->next, hooks, &t->reload_err) &&
              kb_curl_prepare(t->doors.transport, &curl, &t->reload_err) &&
              kb_curl_prepare(t->doors.registry, &registry, &t->reload_err) &&
              prepare_dead_letters(t);
    kb_config_unref(t->next);
    t->next = NULL;
    return ok;
}

static void adopt_dead_letters(struct kb_worker_thread *t)
{
    if (t->next_letters) {
        t->doors.dead_letters = t->next_letters;
        t->next_letters = NULL;
        kb_worker_set_dead_letters(t->worker, t->doors.dead_letters);
    } else if (t->doors.dead_letters) {
        kb_dead_letters_adopt(t->doors.dead_letters);
    }
}

static void adopt(struct kb_worker_thread *t)
{
    kb_curl_adopt(t->doors.transport);
    kb_curl_adopt(t->doors.registry);
    adopt_dead_letters(t);
    kb_consumer_set_queue_bytes(t->doors.source, t->next_queue_bytes);
    kb_worker_adopt(t->worker);
}

static void forget(struct kb_worker_thread *t)
{
    kb_curl_forget(t->doors.transport);
    kb_curl_forget(t->doors.registry);
    kb_dead_letters_free(t->next_letters);
    t->next_letters = NULL;
    if (t->doors.dead_letters)
        kb_dead_letters_forget(t->doors.dead_letters);
    kb_worker_forget(t->worker);
}

static void perhaps_reload(struct kb_worker_thread *t)
{
    enum kb_thread_reload next = KB_RELOAD_NONE;
    switch (atomic_load(&t->reload)) {
    case KB_RELOAD_PREPARE:
        next = prepare(t) ? KB_RELOAD_READY : KB_RELOAD_FAILED;
        break;
    case KB_RELOAD_ADOPT:
        adopt(t);
        break;
    case KB_RELOAD_FORGET:
        forget(t);
        break;
    default:
        return;
    }
    atomic_store(&t->reload, next);
    wake(t->progress_fd);
}

/* Other topics are asked for by all workers or by none yet: main knows when all may. */
static void perhaps_subscribe(struct kb_worker_thread *t)
{
    if (atomic_exchange(&t->subscribe, false))
        kb_worker_subscribe(t->worker);
    bool may = kb_worker_may_subscribe(t->worker);
    if (may == atomic_load(&t->may_subscribe))
        return;
    atomic_store(&t->may_subscribe, may);
    wake(t->progress_fd);
}

static void *loop(void *context)
{
    struct kb_worker_thread *t = context;
    struct kb_worker_end end;
    while (!kb_worker_ended(t->worker, &end)) {
        perhaps_reload(t);
        kb_worker_turn(t->worker);
        perhaps_subscribe(t);
        if (!atomic_load(&t->ending) && kb_worker_ending(t->worker))
            tell(t, &t->ending);
        if (!kb_worker_ended(t->worker, &end))
            wait_for_work(t);
    }
    tell(t, &t->ended);
    return NULL;
}

/* The producer before the worker: until its end it reads the originals of letters that are out.
 * Nobody waits for those any more; they are written again after the restart. */
static void close_all(struct kb_worker_thread *t)
{
    kb_dead_letters_free(t->doors.dead_letters);
    kb_dead_letters_free(t->next_letters);
    kb_worker_free(t->worker);
    kb_consumer_free(t->doors.source);
    kb_curl_free(t->doors.registry);
    kb_curl_free(t->doors.transport);
    if (t->wake_fd >= 0)
        close(t->wake_fd);
    kb_config_unref(t->config);
    kb_config_unref(t->next); /* asked for, and the end came first */
    kb_hooks_free(t->next_hooks);
    t->worker = NULL;
    t->config = t->next = NULL;
    t->next_hooks = NULL;
    t->next_letters = NULL;
}

bool kb_worker_thread_open(struct kb_worker_thread *t, struct kb_config *config,
    struct kb_hooks *hooks, int worker, int n_workers, int progress_fd, struct kb_err *err)
{
    *t = (struct kb_worker_thread){.progress_fd = progress_fd,
        .config = kb_config_ref(config),
        .number = worker,
        .n_workers = n_workers};
    t->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    bool ok = t->wake_fd >= 0 || kb_err_fatal(err, "no file descriptors left");
    ok = ok && open_doors(t, config, worker, n_workers, err);
    if (ok)
        t->worker = kb_worker_new(config, hooks, worker, n_workers, &t->doors, err);
    else
        kb_hooks_free(hooks);
    if (t->worker)
        return true;
    kb_worker_thread_close(t);
    return false;
}

bool kb_worker_thread_begin(struct kb_worker_thread *t, struct kb_board *board, struct kb_err *err)
{
    kb_worker_show(t->worker, board);
    return kb_worker_join(t->worker, err) &&
           (pthread_create(&t->thread, NULL, loop, t) == 0 ||
               kb_err_fatal(err, "no thread could be started for a worker"));
}

void kb_worker_thread_close(struct kb_worker_thread *t)
{
    if (t->doors.source)
        t->doors.source->ops->close(t->doors.source, 1500);
    close_all(t);
}

static void ask(struct kb_worker_thread *t, enum kb_thread_reload what)
{
    atomic_store(&t->reload, what);
    wake(t->wake_fd);
}

void kb_worker_thread_prepare(
    struct kb_worker_thread *t, struct kb_config *config, struct kb_hooks *hooks)
{
    KB_BUG_ON(atomic_load(&t->reload) != KB_RELOAD_NONE);
    t->next = kb_config_ref(config);
    t->next_hooks = hooks;
    ask(t, KB_RELOAD_PREPARE);
}

void kb_worker_thread_adopt(struct kb_worker_thread *t)
{
    KB_BUG_ON(atomic_load(&t->reload) != KB_RELOAD_READY);
    ask(t, KB_RELOAD_ADOPT);
}

void kb_worker_thread_forget(struct kb_worker_thread *t)
{
    ask(t, KB_RELOAD_FORGET);
}

void kb_worker_thread_subscribe(struct kb_worker_thread *t)
{
    atomic_store(&t->subscribe, true);
    wake(t->wake_fd);
}

void kb_worker_thread_stop(struct kb_worker_thread *t)
{
    kb_worker_stop(t->worker);
    wake(t->wake_fd);
}

void kb_worker_thread_join(struct kb_worker_thread *t, struct kb_worker_end *end)
{
    pthread_join(t->thread, NULL);
    kb_worker_ended(t->worker, end);
    close_all(t);
}
