/* librdkafka's voice in kably's log. Its lines come from its own threads (the log callback) and
 * from the worker's (errors, while it polls), so the table of repeats has a lock; the secrets are
 * copied once and then only read.
 *
 * Called by consumer.c and dead_letters.c, which own one kb_client_log per client. */
#include "kafka/client_log.h"

#include "base/clock.h"

#include <stdarg.h>

bool kb_client_log_init(struct kb_client_log *log, const struct kb_property *properties, size_t n)
{
    *log = (struct kb_client_log){.n_secrets = 0};
    pthread_mutex_init(&log->lock, NULL);
    log->secrets = calloc(n ? n : 1, sizeof(*log->secrets));
    if (!log->secrets)
        return false;
    for (size_t i = 0; i < n; i++) {
        if (!properties[i].secret && !kb_property_secret(kb_slice_of(properties[i].name)))
            continue;
        if (!*properties[i].value)
            continue;
        char *copy = strdup(properties[i].value);
        if (!copy)
            return false;
        log->secrets[log->n_secrets++] = copy;
    }
    return true;
}

void kb_client_log_deinit(struct kb_client_log *log)
{
    for (size_t i = 0; i < log->n_secrets; i++)
        free(log->secrets[i]);
    free(log->secrets);
    pthread_mutex_destroy(&log->lock);
}

/* Is it time to print a line of this kind again? A full table gives up its oldest kind. */
static bool due(struct kb_client_log *log, const char *kind, uint64_t *suppressed)
{
    size_t at = 0;
    pthread_mutex_lock(&log->lock);
    for (size_t i = 0; i < KB_CLIENT_LOG_KINDS; i++) {
        if (strncmp(log->kinds[i].name, kind, sizeof(log->kinds[i].name) - 1) == 0) {
            at = i;
            break;
        }
        if (log->kinds[i].repeat.last_ms < log->kinds[at].repeat.last_ms)
            at = i;
    }
    if (strncmp(log->kinds[at].name, kind, sizeof(log->kinds[at].name) - 1) != 0) {
        snprintf(log->kinds[at].name, sizeof(log->kinds[at].name), "%s", kind);
        log->kinds[at].repeat = (struct kb_log_repeat){.last_ms = 0};
    }
    bool now = kb_log_repeat(&log->kinds[at].repeat, kb_system_now_ms(), suppressed);
    pthread_mutex_unlock(&log->lock);
    return now;
}

void kb_client_log_blot(const struct kb_client_log *log, char *line)
{
    for (size_t i = 0; i < log->n_secrets; i++) {
        for (char *at = line; (at = strstr(at, log->secrets[i]));)
            memset(at, '*', strlen(log->secrets[i]));
    }
}

static void print(const struct kb_client_log *log, enum kb_log_level level, const char *kind,
    char *line, uint64_t suppressed)
{
    kb_client_log_blot(log, line);
    if (suppressed)
        kb_log(level, "kafka", "%s: %s (and %llu more of this kind)", kind, line,
            (unsigned long long)suppressed);
    else
        kb_log(level, "kafka", "%s: %s", kind, line);
}

void kb_client_log_error(struct kb_client_log *log, const char *kind, const char *fmt, ...)
{
    uint64_t suppressed = 0;
    char *line = NULL;
    va_list args;
    if (!due(log, kind, &suppressed))
        return;
    va_start(args, fmt);
    if (vasprintf(&line, fmt, args) < 0)
        line = NULL;
    va_end(args);
    if (line)
        print(log, KB_LOG_WARN, kind, line, suppressed);
    free(line);
}

/* syslog's levels. What is said of a connection that failed ("FAIL") comes a second time as an
 * error, which the worker logs: here it is only for debugging. */
static enum kb_log_level level_of(int level, const char *facility)
{
    if (level >= 7 || strcmp(facility, "FAIL") == 0)
        return KB_LOG_DEBUG;
    return level <= 3 ? KB_LOG_ERROR : level == 4 ? KB_LOG_WARN : KB_LOG_INFO;
}

static void log_cb(const rd_kafka_t *rk, int syslog_level, const char *facility, const char *text)
{
    struct kb_client_log *log = rd_kafka_opaque(rk);
    enum kb_log_level level = level_of(syslog_level, facility);
    uint64_t suppressed = 0;
    if (!kb_log_enabled(level) || (level != KB_LOG_DEBUG && !due(log, facility, &suppressed)))
        return;
    char *line = strdup(text);
    if (line)
        print(log, level, facility, line, suppressed);
    free(line);
}

static int stats_cb(rd_kafka_t *rk, char *json, size_t len, void *opaque)
{
    (void)rk;
    (void)opaque;
    kb_log_debug("kafka", "statistics: %.*s", (int)len, json);
    return 0; /* the library frees the text */
}

void kb_client_log_attach(rd_kafka_conf_t *conf, struct kb_client_log *log)
{
    rd_kafka_conf_set_opaque(conf, log);
    rd_kafka_conf_set_log_cb(conf, log_cb);
    rd_kafka_conf_set_stats_cb(conf, stats_cb);
}
