/* A growing buffer with a declared maximum and a sticky error: append ten things, check once.
 *
 *     struct kb_buf buf;
 *     kb_buf_init(&buf, 65536);
 *     kb_buf_add(&buf, KB_S("[1,"));
 *     kb_buf_add_i64(&buf, -7);
 *     kb_buf_byte(&buf, ']');
 *     if (buf.failed) ...                        // over the maximum, or no memory
 *     use(kb_buf_slice(&buf));                   // valid until the next append or reset
 *     kb_buf_deinit(&buf);
 *
 * What doesn't fit is left out as a whole, and so is everything after it. The memory is kept over
 * kb_buf_reset, so a buffer that is reused allocates nothing in the long run. Thread: one at a
 * time. */
#ifndef KB_BASE_BUF_H
#define KB_BASE_BUF_H

#include "base/compiler.h"
#include "base/slice.h"

#include <stdint.h>

struct kb_buf {
    char *ptr;
    size_t len, cap, max;
    bool failed;
};

void kb_buf_init(struct kb_buf *buf, size_t max);
void kb_buf_deinit(struct kb_buf *buf);
void kb_buf_reset(struct kb_buf *buf); /* empty again, error cleared, memory kept */
/* The same, but more memory than `kept` is given back: one large text must not cost for ever. */
void kb_buf_settle(struct kb_buf *buf, size_t kept);

#define KB_I64_MAX 20                       /* "-9223372036854775808" */
char *kb_i64_put(char *to, int64_t number); /* the place behind it; no NUL */
void kb_buf_add_i64(struct kb_buf *buf, int64_t number);
void kb_buf_printf(struct kb_buf *buf, const char *fmt, ...) KB_PRINTF(2, 3);

bool kb_buf_grow(struct kb_buf *buf, size_t len); /* buf.c's: the slow way of kb_buf_reserve */

/* Room for `len` more bytes, or NULL (and the sticky error). Write there, then kb_buf_commit what
 * was used. */
static inline char *kb_buf_reserve(struct kb_buf *buf, size_t len)
{
    bool fits = buf->ptr && !buf->failed && len <= buf->cap - buf->len;
    return KB_LIKELY(fits) || kb_buf_grow(buf, len) ? buf->ptr + buf->len : NULL;
}

static inline void kb_buf_commit(struct kb_buf *buf, size_t used)
{
    buf->len += used;
}

static inline void kb_buf_add(struct kb_buf *buf, struct kb_slice text)
{
    char *to = kb_buf_reserve(buf, text.len);
    if (!to || text.len == 0)
        return;
    memcpy(to, text.ptr, text.len);
    buf->len += text.len;
}

static inline void kb_buf_byte(struct kb_buf *buf, char byte)
{
    char *to = kb_buf_reserve(buf, 1);
    if (!to)
        return;
    *to = byte;
    buf->len++;
}

static inline struct kb_slice kb_buf_slice(const struct kb_buf *buf)
{
    return (struct kb_slice){buf->ptr ? buf->ptr : "", buf->len};
}

#endif
