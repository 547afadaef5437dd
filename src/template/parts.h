/* A compiled template from the inside: what parse.c builds and render.c walks. Private to this
 * room. */
#ifndef KB_TEMPLATE_PARTS_H
#define KB_TEMPLATE_PARTS_H

#include "template/filters.h"
#include "template/template.h"

enum kb_part_kind {
    KB_PART_LITERAL,
    KB_PART_TOPIC,
    KB_PART_PARTITION,
    KB_PART_OFFSET,
    KB_PART_TIMESTAMP,
    KB_PART_KEY,
    KB_PART_VALUE,
    KB_PART_HEADER,
    KB_PART_FUNCTION /* the whole template */
};

struct kb_part {
    enum kb_part_kind kind;
    struct kb_slice text;   /* the literal, or the reference as it was written, for error texts */
    struct kb_slice header; /* its name */
    size_t path;            /* KEY, VALUE: the number the capture knows it by */
    size_t function;        /* FUNCTION: the number the input's `calls` know it by */
    const struct kb_path_step *steps; /* the same path, for the filter json */
    size_t n_steps;
    const struct kb_filter *filters;
    size_t n_filters;
};

/* Every slice of a part points into `text` or, where escapes had to go, into `unescaped`, which is
 * as large as the text and so never full. `parts`, `steps` and `filters` have room for all that the
 * text can hold. */
struct kb_template {
    char *text;
    size_t len;
    char *unescaped;
    size_t unescaped_len;
    struct kb_part *parts;
    size_t n_parts;
    struct kb_path_step *steps;
    size_t n_steps;
    struct kb_filter *filters;
    size_t n_filters;
};

/* Is what the part gives JSON text, by the filter of that name? */
static inline bool kb_part_is_json(const struct kb_part *part)
{
    return part->n_filters > 0 && part->filters[0].kind == KB_FILTER_JSON;
}

/* Fills tmpl's parts and filters from its text. */
bool kb_template_parse(struct kb_template *tmpl, struct kb_paths *key_paths,
    struct kb_paths *value_paths, struct kb_err *err) KB_MUST_CHECK;

#endif
