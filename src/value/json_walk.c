/* Steps over accepted JSON; see json_walk.h. Since the text is known to be JSON, a container ends
 * where its brackets are balanced and a string at the first quote that no backslash stands before.
 */
#include "value/json_walk.h"

static const char *skip_space(const char *p)
{
    while (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r')
        p++;
    return p;
}

/* `p` at the opening quote; behind the closing one. */
static const char *skip_string(const char *p)
{
    for (p++; *p != '"'; p++)
        p += *p == '\\';
    return p + 1;
}

static const char *skip_container(const char *p)
{
    size_t depth = 0;
    do {
        if (*p == '"') {
            p = skip_string(p);
            continue;
        }
        if (*p == '{' || *p == '[')
            depth++;
        else if (*p == '}' || *p == ']')
            depth--;
        p++;
    } while (depth > 0);
    return p;
}

static bool ends_word(char c)
{
    return c == ',' || c == '}' || c == ']' || c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Inside a container, where something always follows a word. */
static struct kb_slice take(struct kb_json_walk *walk)
{
    const char *from = walk->at, *p = from;
    if (*p == '"')
        p = skip_string(p);
    else if (*p == '{' || *p == '[')
        p = skip_container(p);
    else
        while (!ends_word(*p))
            p++;
    walk->at = p;
    return (struct kb_slice){from, (size_t)(p - from)};
}

struct kb_slice kb_json_value_of(struct kb_slice text)
{
    const char *p = skip_space(text.ptr), *end = text.ptr + text.len;
    while (ends_word(end[-1]) && end[-1] != '}' && end[-1] != ']')
        end--;
    return (struct kb_slice){p, (size_t)(end - p)};
}

struct kb_json_walk kb_json_enter(struct kb_slice container)
{
    return (struct kb_json_walk){skip_space(container.ptr + 1)};
}

static void skip_comma(struct kb_json_walk *walk)
{
    walk->at = skip_space(walk->at);
    if (*walk->at == ',')
        walk->at = skip_space(walk->at + 1);
}

bool kb_json_next_member(struct kb_json_walk *walk, struct kb_slice *name, struct kb_slice *value)
{
    if (*walk->at == '}')
        return false;
    const char *from = walk->at + 1;
    walk->at = skip_string(walk->at);
    *name = (struct kb_slice){from, (size_t)(walk->at - from - 1)};
    walk->at = skip_space(skip_space(walk->at) + 1); /* the colon */
    *value = take(walk);
    skip_comma(walk);
    return true;
}

bool kb_json_next_element(struct kb_json_walk *walk, struct kb_slice *value)
{
    if (*walk->at == ']')
        return false;
    *value = take(walk);
    skip_comma(walk);
    return true;
}
