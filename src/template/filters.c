/* What the filters do to a text. Called by render.c at the tail of its output; no memory but the
 * output's. */
#include "template/filters.h"

const char *const kb_filter_names[KB_FILTER_COUNT] = {
#define X(id, name) [KB_FILTER_##id] = name,
    KB_FILTERS(X)
#undef X
};

static void lower(struct kb_buf *out, size_t start)
{
    for (size_t i = start; i < out->len; i++) {
        if (out->ptr[i] >= 'A' && out->ptr[i] <= 'Z')
            out->ptr[i] = (char)(out->ptr[i] - 'A' + 'a');
    }
}

static void upper(struct kb_buf *out, size_t start)
{
    for (size_t i = start; i < out->len; i++) {
        if (out->ptr[i] >= 'a' && out->ptr[i] <= 'z')
            out->ptr[i] = (char)(out->ptr[i] - 'a' + 'A');
    }
}

/* RFC 3986 section 2.3. */
static bool unreserved(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

/* Every other byte becomes three, so the text is moved apart from its end, which needs no second
 * buffer. */
static void url(struct kb_buf *out, size_t start)
{
    static const char digits[] = "0123456789ABCDEF";
    size_t reserved = 0;
    for (size_t i = start; i < out->len; i++)
        reserved += !unreserved(out->ptr[i]);
    if (!kb_buf_reserve(out, 2 * reserved))
        return;
    size_t from = out->len, to = out->len + 2 * reserved;
    while (from < to) {
        char c = out->ptr[--from];
        if (unreserved(c)) {
            out->ptr[--to] = c;
            continue;
        }
        out->ptr[--to] = digits[(unsigned char)c & 15];
        out->ptr[--to] = digits[(unsigned char)c >> 4];
        out->ptr[--to] = '%';
    }
    kb_buf_commit(out, 2 * reserved);
}

void kb_filter_apply(enum kb_filter_kind kind, struct kb_buf *out, size_t start)
{
    switch (kind) {
    case KB_FILTER_LOWER:
        lower(out, start);
        return;
    case KB_FILTER_UPPER:
        upper(out, start);
        return;
    case KB_FILTER_URL:
        url(out, start);
        return;
    case KB_FILTER_DEFAULT:
    case KB_FILTER_JSON:
    case KB_FILTER_COUNT:
        break;
    }
    KB_BUG_ON(kind == KB_FILTER_COUNT);
}
