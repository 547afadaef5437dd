/* The log's sink: formats a line on the stack and writes it to standard error; see log.h. Its
 * level, format and colour are the process-wide state that is allowed: set at start and by a
 * reload, read by every thread. */
#include "base/log.h"

#include "base/clock.h"
#include "base/utf8.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define TEXT_MAX 1900  /* twice that, all of it escaped, and the rest of a line fit in LINE_SIZE */
#define LINE_SIZE 4096 /* PIPE_BUF: a write this small to a pipe is never torn */
#define REPEAT_MS 10000

static _Atomic int max_level = KB_LOG_INFO;
static _Atomic int line_format = KB_LOG_TEXT;
static _Atomic bool coloured = false;

static const struct {
    const char *upper, *lower;
} levels[] = {
#define X(id, name) [KB_LOG_##id] = {#id, name},
    KB_LOG_LEVELS(X)
#undef X
};

static const char *const colours[] = {
    [KB_LOG_ERROR] = "\033[31m",
    [KB_LOG_WARN] = "\033[33m",
    [KB_LOG_INFO] = "\033[32m",
    [KB_LOG_DEBUG] = "\033[36m",
};

void kb_log_setup(enum kb_log_level level, enum kb_log_format format)
{
    atomic_store(&max_level, level);
    atomic_store(&line_format, format);
    atomic_store(&coloured, isatty(STDERR_FILENO) && !getenv("NO_COLOR"));
}

bool kb_log_enabled(enum kb_log_level level)
{
    return (int)level <= atomic_load_explicit(&max_level, memory_order_relaxed);
}

/* 2026-11-22T10:00:00.123Z */
static void timestamp(char *out, size_t size)
{
    struct kb_clock *clock = kb_clock_system();
    int64_t now = clock->wall_ms(clock);
    time_t seconds = (time_t)(now / 1000);
    struct tm utc;
    gmtime_r(&seconds, &utc);
    size_t len = strftime(out, size, "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(out + len, size - len, ".%03dZ", (int)(now % 1000));
}

/* The inside of a JSON string. The text is one line of UTF-8 by now: quotes and backslashes are
 * what is left. */
static void escape(char *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            *out++ = '\\';
        *out++ = *text;
    }
    *out = '\0';
}

static int format_line(char *line, enum kb_log_level level, const char *group, const char *text)
{
    char when[40];
    timestamp(when, sizeof(when));
    if (atomic_load(&line_format) == KB_LOG_JSON) {
        char escaped[2 * TEXT_MAX + 1];
        escape(escaped, text);
        return snprintf(line, LINE_SIZE,
            "{\"ts\":\"%s\",\"level\":\"%s\",\"group\":\"%.64s\",\"msg\":\"%s\"}\n", when,
            levels[level].lower, group, escaped);
    }
    bool colour = atomic_load(&coloured);
    return snprintf(line, LINE_SIZE, "%s %s%s%s %.64s: %s\n", when, colour ? colours[level] : "",
        levels[level].upper, colour ? "\033[0m" : "", group, text);
}

void kb_log(enum kb_log_level level, const char *group, const char *fmt, ...)
{
    if (!kb_log_enabled(level))
        return;
    int saved_errno = errno;
    char text[TEXT_MAX + 4]; /* the few bytes more show whether a cut goes through a character */
    va_list args;
    va_start(args, fmt);
    int wanted = vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    size_t len = wanted < 0 ? 0 : (size_t)wanted;
    if (len >= sizeof(text))
        len = sizeof(text) - 1;
    len = kb_utf8_cut((struct kb_slice){text, len}, TEXT_MAX);
    text[len] = '\0';
    kb_utf8_one_line(text, len);

    char line[LINE_SIZE];
    int size = format_line(line, level, group, text);
    KB_BUG_ON(size < 0 || size >= LINE_SIZE);
    ssize_t written;
    do
        written = write(STDERR_FILENO, line, (size_t)size);
    while (written < 0 && errno == EINTR);
    errno = saved_errno; /* a line that can't be written is lost: there is nowhere to say so */
}

bool kb_log_repeat(struct kb_log_repeat *repeat, int64_t now_ms, uint64_t *suppressed)
{
    *suppressed = 0;
    if (repeat->printed && now_ms - repeat->last_ms < REPEAT_MS) {
        repeat->suppressed++;
        return false;
    }
    *suppressed = repeat->suppressed;
    *repeat = (struct kb_log_repeat){.last_ms = now_ms, .printed = true};
    return true;
}
