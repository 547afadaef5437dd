/* Errors as values; see err.h. A text is always one line of valid UTF-8, whatever foreign bytes
 * went into it, so that it can go into a log line, a header of a dead letter or a JSON document as
 * it is. */
#include "base/err.h"

#include "base/utf8.h"

#include <stdarg.h>
#include <string.h>

static const char *const failures[KB_FAILURE_COUNT] = {
#define X(id, name, meaning) [KB_FAILURE_##id] = name,
    KB_FAILURES(X)
#undef X
};

const char *kb_failure_name(enum kb_failure failure)
{
    KB_BUG_ON((unsigned)failure >= KB_FAILURE_COUNT);
    return failures[failure];
}

/* Formats into `text`, KB_ERR_TEXT_MAX bytes, cut between characters; gives the length. */
KB_PRINTF(2, 0)
static size_t format(char *text, const char *fmt, va_list args)
{
    /* A few bytes more than are kept show whether the cut goes through a character. */
    char wide[KB_ERR_TEXT_MAX + 4];
    int wanted = vsnprintf(wide, sizeof(wide), fmt, args);
    size_t len = wanted < 0 ? 0 : (size_t)wanted;
    if (len > sizeof(wide) - 1)
        len = sizeof(wide) - 1;
    len = kb_utf8_cut((struct kb_slice){wide, len}, KB_ERR_TEXT_MAX - 1);
    kb_utf8_one_line(wide, len);
    memcpy(text, wide, len);
    text[len] = '\0';
    return len;
}

KB_PRINTF(3, 0)
static void fill(struct kb_err *err, enum kb_err_class class, const char *fmt, va_list args)
{
    format(err->text, fmt, args);
    err->class = class;
    err->failure = KB_FAILURE_DECODE;
    err->code = 0;
    err->column = 0;
}

bool kb_err_outage(struct kb_err *err, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    fill(err, KB_ERR_OUTAGE, fmt, args);
    va_end(args);
    return false;
}

bool kb_err_record(struct kb_err *err, enum kb_failure failure, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    fill(err, KB_ERR_RECORD, fmt, args);
    va_end(args);
    err->failure = failure;
    return false;
}

bool kb_err_config(struct kb_err *err, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    fill(err, KB_ERR_CONFIG, fmt, args);
    va_end(args);
    return false;
}

bool kb_err_fatal(struct kb_err *err, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    fill(err, KB_ERR_FATAL, fmt, args);
    va_end(args);
    return false;
}

bool kb_err_wrap(struct kb_err *err, const char *fmt, ...)
{
    char text[KB_ERR_TEXT_MAX];
    va_list args;
    va_start(args, fmt);
    size_t len = format(text, fmt, args);
    va_end(args);

    /* Context first; of what was there the end is cut off where both don't fit. */
    struct kb_slice inner = kb_slice_of(err->text);
    size_t room = KB_ERR_TEXT_MAX - 1 - len;
    if (room <= 2) {
        memcpy(err->text, text, len + 1);
        return false;
    }
    inner.len = kb_utf8_cut(inner, room - 2);
    memmove(err->text + len + 2, err->text, inner.len);
    memcpy(err->text, text, len);
    memcpy(err->text + len, ": ", 2);
    err->text[len + 2 + inner.len] = '\0';
    return false;
}
