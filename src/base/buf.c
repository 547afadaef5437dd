/* The growing buffer; see buf.h. One byte more than `cap` is always allocated: the NUL that
 * vsnprintf insists on must not count against the maximum. */
#include "base/buf.h"

#include <stdarg.h>

#define FIRST_CAP 64

void kb_buf_init(struct kb_buf *buf, size_t max)
{
    KB_BUG_ON(max == SIZE_MAX);
    *buf = (struct kb_buf){.max = max};
}

void kb_buf_deinit(struct kb_buf *buf)
{
    free(buf->ptr);
    *buf = (struct kb_buf){.max = buf->max};
}

void kb_buf_reset(struct kb_buf *buf)
{
    buf->len = 0;
    buf->failed = false;
}

bool kb_buf_grow(struct kb_buf *buf, size_t len)
{
    if (buf->failed)
        return false;
    if (len > buf->max - buf->len) {
        buf->failed = true;
        return false;
    }
    size_t need = buf->len + len;
    size_t cap = buf->cap <= buf->max / 2 ? buf->cap * 2 : buf->max;
    if (cap < FIRST_CAP)
        cap = FIRST_CAP < buf->max ? FIRST_CAP : buf->max;
    if (cap < need)
        cap = need;
    char *ptr = realloc(buf->ptr, cap + 1);
    if (!ptr) {
        buf->failed = true;
        return false;
    }
    buf->ptr = ptr;
    buf->cap = cap;
    return true;
}

void kb_buf_settle(struct kb_buf *buf, size_t kept)
{
    if (buf->cap > kept)
        kb_buf_deinit(buf);
    kb_buf_reset(buf);
}

/* "00" to "99": two digits for one division. */
static const char pairs[] = "0001020304050607080910111213141516171819"
                            "2021222324252627282930313233343536373839"
                            "4041424344454647484950515253545556575859"
                            "6061626364656667686970717273747576777879"
                            "8081828384858687888990919293949596979899";

char *kb_i64_put(char *to, int64_t number)
{
    char digits[KB_I64_MAX];
    char *end = digits + sizeof(digits), *p = end;
    uint64_t rest = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;
    for (; rest >= 100; rest /= 100)
        memcpy(p -= 2, pairs + 2 * (rest % 100), 2);
    if (rest >= 10)
        memcpy(p -= 2, pairs + 2 * rest, 2);
    else
        *--p = (char)('0' + rest);
    if (number < 0)
        *--p = '-';
    memcpy(to, p, (size_t)(end - p));
    return to + (end - p);
}

void kb_buf_add_i64(struct kb_buf *buf, int64_t number)
{
    char text[KB_I64_MAX];
    kb_buf_add(buf, (struct kb_slice){text, (size_t)(kb_i64_put(text, number) - text)});
}

void kb_buf_printf(struct kb_buf *buf, const char *fmt, ...)
{
    va_list args, again;
    va_start(args, fmt);
    va_copy(again, args);
    char *to = kb_buf_reserve(buf, 0);
    if (to) {
        size_t room = buf->cap - buf->len;
        int wanted = vsnprintf(to, room + 1, fmt, args);
        if (wanted < 0) {
            buf->failed = true;
        } else if ((size_t)wanted <= room) {
            buf->len += (size_t)wanted;
        } else if ((to = kb_buf_reserve(buf, (size_t)wanted))) {
            vsnprintf(to, (size_t)wanted + 1, fmt, again);
            buf->len += (size_t)wanted;
        }
    }
    va_end(again);
    va_end(args);
}
