/* Where the values of a checked JSON text end. The text is trusted, but every loop ends with it.
 * Inline: for document.c and document_peek.c, which meet each record that a function reads. */
#ifndef KB_VALUE_DOCUMENT_SCAN_H
#define KB_VALUE_DOCUMENT_SCAN_H

#include "value/document.h"

/* The node's members as the check of its text noted them; NULL = it did not, or not all. */
static inline const struct kb_json_members *kb_noted_members(
    const struct kb_document *doc, const struct kb_node *node)
{
    return node == doc->root && doc->members && doc->members->all ? doc->members : NULL;
}

static inline const char *kb_skip_space(const char *p, const char *end)
{
    while (p < end && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t'))
        p++;
    return p;
}

/* The same backwards: the place behind what is no space. */
static inline const char *kb_unskip_space(const char *begin, const char *p)
{
    while (p > begin && (p[-1] == ' ' || p[-1] == '\n' || p[-1] == '\r' || p[-1] == '\t'))
        p--;
    return p;
}

/* Behind one sign, an opening bracket or a colon, and the space around it. */
static inline const char *kb_skip_sign(const char *p, const char *end)
{
    p = kb_skip_space(p, end);
    return kb_skip_space(p < end ? p + 1 : end, end);
}

/* From an opening quote to behind the closing one. */
static inline const char *kb_skip_string(const char *p, const char *end, bool *escaped)
{
    *escaped = false;
    for (p++; p < end; p++) {
        p = kb_json_skip_plain(p, end);
        if (p == end || *p == '"')
            break;
        if (*p == '\\') {
            *escaped = true;
            p++;
        }
    }
    return p < end ? p + 1 : end;
}

static inline const char *kb_skip_container(const char *p, const char *end)
{
    size_t open = 0;
    bool escaped;
    while (p < end) {
        char c = *p;
        if (c == '"') {
            p = kb_skip_string(p, end, &escaped);
            continue;
        }
        p++;
        if (c == '{' || c == '[')
            open++;
        else if ((c == '}' || c == ']') && --open == 0)
            break;
    }
    return p;
}

static inline const char *kb_skip_value(const char *p, const char *end)
{
    bool escaped;
    if (p < end && *p == '"')
        return kb_skip_string(p, end, &escaped);
    if (p < end && (*p == '{' || *p == '['))
        return kb_skip_container(p, end);
    while (p < end && *p != ',' && *p != '}' && *p != ']' && (unsigned char)*p > ' ')
        p++;
    return p;
}

/* The value that begins at `p`, with one sign behind it, a comma or a closing bracket, and space
 * around that, before the next thing at `behind`. */
static inline struct kb_slice kb_value_before(const char *p, const char *behind)
{
    behind = kb_unskip_space(p, behind);
    behind = kb_unskip_space(p, behind - 1);
    return (struct kb_slice){p, (size_t)(behind - p)};
}

#endif
