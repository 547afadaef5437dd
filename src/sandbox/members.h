/* The own members of one small object, picked by name: token requests, the parts of a JWT.
 *
 *     struct kb_member members[] = {{.name = "alg"}, {.name = "kid"}};
 *     if (!kb_members_read(members, KB_COUNT(members), body, &x->arena, &err)) ...
 *     members[0].text.ptr != NULL                    // it was there, and no null
 *     members[0].kind == KB_TOKEN_STRING             // and is text; an object or array has no text
 *
 * Of a member that comes twice the last counts. Copies into the arena. Thread: the caller's. */
#ifndef KB_SANDBOX_MEMBERS_H
#define KB_SANDBOX_MEMBERS_H

#include "sandbox/body.h"
#include "sandbox/tokens.h"

struct kb_member {
    const char *name;
    enum kb_token kind;
    struct kb_slice text;
};

/* false: the body is wrong, no object, or too long. */
bool kb_members_read(struct kb_member *members, size_t n, struct kb_body body,
    struct kb_arena *arena, struct kb_err *err) KB_MUST_CHECK;

#endif
