/* JWTs that a client made itself: HS256 with the key's secret, `kid` the key's name, and Ably's
 * claims in x-ably-capability and x-ably-clientId.
 *
 *     struct kb_refusal refusal = kb_jwt_read(token, key_name, secret, wall_ms, &x->arena, &grant);
 *     if (refusal.code) ...                          // 40142: expired, 40144: whatever else
 *
 * Thread: any, no state. */
#ifndef KB_SANDBOX_JWT_H
#define KB_SANDBOX_JWT_H

#include "sandbox/grants.h"
#include "sandbox/posted.h"

/* Has it the form of a JWT: three parts, the first one base64 of an object? */
bool kb_jwt_is(struct kb_slice token);

struct kb_refusal kb_jwt_read(struct kb_slice token, struct kb_slice key_name,
    struct kb_slice secret, int64_t wall_ms, struct kb_arena *arena, struct kb_grant *grant);

#endif
