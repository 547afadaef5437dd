/* The filters of templates: one table, from which the parser takes names and the renderer what they
 * do. Private to this room. */
#ifndef KB_TEMPLATE_FILTERS_H
#define KB_TEMPLATE_FILTERS_H

#include "base/buf.h"

#define KB_FILTERS(X)     \
    X(DEFAULT, "default") \
    X(LOWER, "lower")     \
    X(UPPER, "upper")     \
    X(URL, "url")         \
    X(JSON, "json")

enum kb_filter_kind {
#define X(id, name) KB_FILTER_##id,
    KB_FILTERS(X)
#undef X
        KB_FILTER_COUNT
};

struct kb_filter {
    enum kb_filter_kind kind;
    struct kb_slice text; /* default's argument */
};

extern const char *const kb_filter_names[KB_FILTER_COUNT];

/* Changes the text that begins at `start` of `out`, in place at its end. Not for DEFAULT, which
 * changes nothing that is there, nor for JSON, which says what is put there. */
void kb_filter_apply(enum kb_filter_kind kind, struct kb_buf *out, size_t start);

#endif
