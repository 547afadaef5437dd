/* A look at one member of an object that nobody has taken apart (kb_node_peek): what a function
 * that reads one field costs. Where the check of the text has noted its members, the name is
 * looked up among them. Else, where nothing is escaped, one pass over the text in blocks finds the
 * last key of that name, and the last counts. A walk from value to value is left only where that
 * key may be a nested object's. */
#include "value/document.h"
#include "value/document_scan.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define PEEKS_MAX 2
#define BLOCK 16

/* What the pass has seen. */
struct sight {
    struct kb_slice name;
    const char *end;
    const char *key;    /* the name in its quotes with a colon behind it, the last, at any depth */
    const char *nested; /* the first bracket, be it within a string */
    bool unsure;        /* an escape: a walk has to say */
};

/* Between quotes that stand as far apart as the name's would. Without escapes quotes open and close
 * in turn, so what is between two of them is a string, or what separates strings: no name that
 * begins as that does is looked for here (can_be_sighted). */
static void look_at(struct sight *s, const char *quote)
{
    if (memcmp(quote + 1, s->name.ptr, s->name.len) != 0)
        return;
    const char *colon = kb_skip_space(quote + s->name.len + 2, s->end);
    if (colon < s->end && *colon == ':')
        s->key = quote;
}

static void look_at_byte(struct sight *s, const char *p)
{
    size_t apart = s->name.len + 1;
    if (*p == '\\')
        s->unsure = true;
    else if ((*p == '{' || *p == '[') && !s->nested)
        s->nested = p;
    else if (*p == '"' && (size_t)(s->end - p) > apart && p[apart] == '"')
        look_at(s, p);
}

#ifdef __SSE2__
static unsigned matches(__m128i v, char c)
{
    return (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(v, _mm_set1_epi8(c)));
}

static const char *look_at_blocks(struct sight *s, const char *p)
{
    size_t apart = s->name.len + 1;
    for (; (size_t)(s->end - p) >= BLOCK + apart && !s->unsure; p += BLOCK) {
        __m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
        __m128i w = _mm_loadu_si128((const __m128i *)(const void *)(p + apart));
        unsigned brackets = s->nested ? 0 : matches(v, '{') | matches(v, '[');
        if (brackets)
            s->nested = p + __builtin_ctz(brackets);
        s->unsure = matches(v, '\\') != 0;
        for (unsigned pairs = matches(v, '"') & matches(w, '"'); pairs; pairs &= pairs - 1)
            look_at(s, p + __builtin_ctz(pairs));
    }
    return p;
}
#else
static const char *look_at_blocks(struct sight *s, const char *p)
{
    s->unsure = true; /* byte by byte a walk is as fast */
    return p;
}
#endif

/* Not by what may stand behind a closing quote, and with no quote within. */
static bool can_be_sighted(struct kb_slice name)
{
    static const char behind_a_quote[] = " \t\n\r,:]}";
    return name.len > 0 && !memchr(behind_a_quote, name.ptr[0], sizeof(behind_a_quote) - 1) &&
           !memchr(name.ptr, '"', name.len);
}

static void sight(struct sight *s, const char *p)
{
    for (p = look_at_blocks(s, p); p < s->end && !s->unsure; p++)
        look_at_byte(s, p);
}

static struct kb_slice value_behind(const char *key_end, const char *end)
{
    const char *p = kb_skip_sign(key_end, end); /* the colon */
    return (struct kb_slice){p, (size_t)(kb_skip_value(p, end) - p)};
}

/* From member to member, up to the last that there can be. */
static bool walk(
    const char *p, const char *end, const char *last, struct kb_slice name, struct kb_slice *text)
{
    while (p <= last && p < end && *p == '"') {
        bool escaped;
        const char *own = p + 1, *behind = kb_skip_string(p, end, &escaped);
        if (escaped)
            return false;
        struct kb_slice value = value_behind(behind, end);
        if ((size_t)(behind - own) == name.len + 1 && memcmp(own, name.ptr, name.len) == 0)
            *text = value;
        p = kb_skip_space(value.ptr + value.len, end);
        if (p < end && *p == ',')
            p = kb_skip_space(p + 1, end);
    }
    return true;
}

/* The last of that name. */
static void look_up(const struct kb_json_members *members, const char *end, struct kb_slice name,
    struct kb_slice *text)
{
    for (uint32_t i = members->n; i-- > 0;) {
        const struct kb_json_member *member = &members->list[i];
        if (kb_slice_eq(member->name, name)) {
            *text = (struct kb_slice){
                member->value, (size_t)(kb_skip_value(member->value, end) - member->value)};
            return;
        }
    }
}

/* A pass over the text is worth it for the first few fields: later ones find it opened. */
bool kb_node_peek(const struct kb_document *doc, struct kb_node *node, struct kb_slice name,
    struct kb_slice *text)
{
    const char *end = node->text.ptr + node->text.len;
    if (node->opened || node->kind != KB_NODE_OBJECT)
        return false;
    *text = (struct kb_slice){NULL, 0};
    const struct kb_json_members *noted = kb_noted_members(doc, node);
    if (noted) {
        look_up(noted, end, name, text);
        return true;
    }
    if (node->peeks == PEEKS_MAX)
        return false;
    node->peeks++;
    const char *p = kb_skip_sign(node->text.ptr, end);
    struct sight s = {.name = name, .end = end, .unsure = !can_be_sighted(name)};
    sight(&s, p);
    if (s.unsure)
        return walk(p, end, end, name, text);
    if (s.key && s.nested && s.nested < s.key)
        return walk(p, end, s.key, name, text);
    if (s.key)
        *text = value_behind(s.key + name.len + 2, end);
    return true;
}
