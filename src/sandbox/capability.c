/* See capability.h. */
#include "sandbox/capability.h"

#include "sandbox/tokens.h"
#include "value/json.h"

/* --- canonical form --- */

/* One resource and one of its operations; sorted, resources stand together. */
struct grant {
    struct kb_slice resource, operation;
};

#define GRANTS_MAX 1000

struct reader {
    struct kb_tokens tokens; /* first: this is a sink */
    struct kb_arena *arena;
    struct grant *grants;
    size_t n, depth, of_resource;
    struct kb_slice resource;
    bool wrong;
};

static void add_operation(struct reader *r, struct kb_slice operation)
{
    struct grant *grant = &r->grants[r->n];

    r->wrong |= r->n == GRANTS_MAX;
    if (r->wrong)
        return;
    grant->resource = r->resource;
    r->wrong |= operation.len == 0 || !kb_arena_copy(r->arena, operation, &grant->operation);
    r->of_resource++;
    r->n++;
}

/* An object of arrays of strings, none of them empty. */
static void take(struct kb_tokens *tokens, enum kb_token token, struct kb_slice text)
{
    struct reader *r = (struct reader *)tokens;

    if (token == KB_TOKEN_OBJECT && r->depth == 0) {
        r->depth = 1;
    } else if (token == KB_TOKEN_KEY && r->depth == 1) {
        r->wrong |= text.len == 0 || !kb_arena_copy(r->arena, text, &r->resource);
        r->of_resource = 0;
    } else if (token == KB_TOKEN_ARRAY && r->depth == 1) {
        r->depth = 2;
    } else if (token == KB_TOKEN_STRING && r->depth == 2) {
        add_operation(r, text);
    } else if (token == KB_TOKEN_ARRAY_END && r->depth == 2) {
        r->wrong |= r->of_resource == 0;
        r->depth = 1;
    } else if (token == KB_TOKEN_OBJECT_END && r->depth == 1) {
        r->depth = 0;
    } else {
        r->wrong = true;
    }
}

static int compare(struct kb_slice a, struct kb_slice b)
{
    int order = memcmp(a.ptr, b.ptr, a.len < b.len ? a.len : b.len);

    return order ? order : (a.len > b.len) - (a.len < b.len);
}

static int compare_grants(const void *left, const void *right)
{
    const struct grant *a = left, *b = right;
    int order = compare(a->resource, b->resource);

    return order ? order : compare(a->operation, b->operation);
}

static void print(const struct grant *grants, size_t n, struct kb_buf *out)
{
    kb_buf_byte(out, '{');
    for (size_t i = 0; i < n; i++) {
        bool same = i > 0 && kb_slice_eq(grants[i].resource, grants[i - 1].resource);
        if (same && kb_slice_eq(grants[i].operation, grants[i - 1].operation))
            continue;
        if (same) {
            kb_buf_byte(out, ',');
        } else {
            kb_buf_add(out, i > 0 ? KB_S("],") : KB_S(""));
            kb_json_string(out, grants[i].resource);
            kb_buf_add(out, KB_S(":["));
        }
        kb_json_string(out, grants[i].operation);
    }
    kb_buf_add(out, n > 0 ? KB_S("]}") : KB_S("}"));
}

bool kb_capability_canonical(struct kb_slice text, struct kb_arena *arena, struct kb_buf *out)
{
    struct reader r = {.arena = arena};
    struct kb_err err;

    r.grants = kb_arena_alloc(arena, GRANTS_MAX * sizeof(*r.grants));
    kb_tokens_init(&r.tokens, take);
    if (!r.grants || !kb_json_read(text, &r.tokens.events, &err) || r.wrong)
        return false;
    qsort(r.grants, r.n, sizeof(*r.grants), compare_grants);
    print(r.grants, r.n, out);
    return true;
}

/* --- asking it --- */

/* The part before the next colon, or all; moves behind it. `more` is false for the last one. */
static struct kb_slice next_segment(struct kb_slice *rest, bool *more)
{
    const char *colon = memchr(rest->ptr, ':', rest->len);
    struct kb_slice segment = {rest->ptr, colon ? (size_t)(colon - rest->ptr) : rest->len};

    *more = colon != NULL;
    rest->ptr += segment.len + *more;
    rest->len -= segment.len + *more;
    return segment;
}

static bool matches(struct kb_slice resource, struct kb_slice channel)
{
    bool more_resource = true, more_channel = true;

    while (more_resource && more_channel) {
        struct kb_slice wanted = next_segment(&resource, &more_resource);
        struct kb_slice segment = next_segment(&channel, &more_channel);
        bool star = kb_slice_is(wanted, "*");
        if (star && !more_resource)
            return true;
        if (!star && !kb_slice_eq(wanted, segment))
            return false;
    }
    return !more_resource && !more_channel;
}

struct question {
    struct kb_tokens tokens; /* first: this is a sink */
    struct kb_slice channel;
    const char *operation;
    bool matching, allowed;
};

static void look(struct kb_tokens *tokens, enum kb_token token, struct kb_slice text)
{
    struct question *q = (struct question *)tokens;

    if (token == KB_TOKEN_KEY)
        q->matching = matches(text, q->channel);
    else if (token == KB_TOKEN_STRING && q->matching)
        q->allowed |= kb_slice_is(text, "*") || kb_slice_is(text, q->operation);
}

bool kb_capability_allows(struct kb_slice text, struct kb_slice channel, const char *operation)
{
    struct question q = {.channel = channel, .operation = operation};
    struct kb_err err;

    kb_tokens_init(&q.tokens, look);
    return kb_json_read(text, &q.tokens.events, &err) && q.allowed;
}
