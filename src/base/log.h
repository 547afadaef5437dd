/* The log: one line an event, to standard error.
 *
 *     kb_log_warn("ably", "HTTP 503 from %s; next try in %d ms", host, wait);
 *     -> 2026-11-22T10:00:00.123Z WARN ably: HTTP 503 from ...
 *        (with log { format = "json" } one JSON object)
 *
 * Groups are the rooms' own words: kafka, ably, config, worker, admin... A fault that repeats goes
 * through kb_log_repeat, which prints the first and then one summary line every ten seconds. Never
 * a secret: callers log names of settings, hosts and codes, not values of secrets. A line holds one
 * event whatever the text holds (control characters are replaced, overlong text is cut) and is one
 * write(2), so lines of threads never mix. Thread: any. */
#ifndef KB_BASE_LOG_H
#define KB_BASE_LOG_H

#include "base/compiler.h"

#include <stdbool.h>
#include <stdint.h>

#define KB_LOG_LEVELS(X) X(ERROR, "error") X(WARN, "warn") X(INFO, "info") X(DEBUG, "debug")

enum kb_log_level {
#define X(id, name) KB_LOG_##id,
    KB_LOG_LEVELS(X)
#undef X
};

enum kb_log_format { KB_LOG_TEXT, KB_LOG_JSON };

void kb_log_setup(enum kb_log_level level, enum kb_log_format format);
bool kb_log_enabled(enum kb_log_level level);
void kb_log(enum kb_log_level level, const char *group, const char *fmt, ...) KB_PRINTF(3, 4);

#define kb_log_error(group, ...) kb_log(KB_LOG_ERROR, group, __VA_ARGS__)
#define kb_log_warn(group, ...) kb_log(KB_LOG_WARN, group, __VA_ARGS__)
#define kb_log_info(group, ...) kb_log(KB_LOG_INFO, group, __VA_ARGS__)
#define kb_log_debug(group, ...)                      \
    do {                                              \
        if (kb_log_enabled(KB_LOG_DEBUG))             \
            kb_log(KB_LOG_DEBUG, group, __VA_ARGS__); \
    } while (0)

/* One kind of repeated fault. Zero-initialise; owned by whoever reports it; one thread. */
struct kb_log_repeat {
    int64_t last_ms; /* of the last that was printed */
    uint64_t suppressed;
    bool printed; /* was there any yet */
};
/* True when this occurrence should be printed; *suppressed then holds how many were not since the
 * last. */
bool kb_log_repeat(struct kb_log_repeat *repeat, int64_t now_ms, uint64_t *suppressed);

#endif
