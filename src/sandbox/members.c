/* See members.h. */
#include "sandbox/members.h"

struct reader {
    struct kb_tokens tokens; /* first: this is a sink */
    struct kb_member *members, *member;
    size_t n, depth;
    struct kb_arena *arena;
    bool no_object, no_memory;
};

static void take_key(struct reader *r, struct kb_slice name)
{
    r->member = NULL;
    for (size_t i = 0; i < r->n; i++) {
        if (kb_slice_is(name, r->members[i].name))
            r->member = &r->members[i];
    }
}

static void take_value(struct reader *r, enum kb_token token, struct kb_slice text)
{
    if (!r->member)
        return;
    r->member->kind = token;
    r->member->text = (struct kb_slice){0};
    if (token != KB_TOKEN_NULL && !kb_arena_copy(r->arena, text, &r->member->text))
        r->no_memory = true;
}

static void take(struct kb_tokens *tokens, enum kb_token token, struct kb_slice text)
{
    struct reader *r = (struct reader *)tokens;

    if (r->depth == 0 && token != KB_TOKEN_OBJECT)
        r->no_object = true;
    if (token == KB_TOKEN_OBJECT_END || token == KB_TOKEN_ARRAY_END)
        r->depth--;
    else if (r->depth == 1 && token == KB_TOKEN_KEY)
        take_key(r, text);
    else if (r->depth == 1)
        take_value(r, token, text);
    if (token == KB_TOKEN_OBJECT || token == KB_TOKEN_ARRAY)
        r->depth++;
}

bool kb_members_read(struct kb_member *members, size_t n, struct kb_body body,
    struct kb_arena *arena, struct kb_err *err)
{
    struct reader r = {.members = members, .n = n, .arena = arena};

    kb_tokens_init(&r.tokens, take);
    if (!kb_body_read(body, &r.tokens.events, err))
        return false;
    if (r.no_object)
        return kb_err_record(err, KB_FAILURE_DECODE, "it is no object");
    return !r.no_memory || kb_err_record(err, KB_FAILURE_DECODE, "it is too long");
}
