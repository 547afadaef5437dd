/* Who sends a request, and what it may do: Basic authentication with a key, or a token (Ably's own
 * or a JWT) as Bearer; both also in the query, as `key` and `accessToken`.
 *
 *     if (!kb_auth_check(service, x))
 *         return;                                    // x is refused with 401
 *     kb_auth_allows(service, channel, "publish")
 *
 * A local Ably without a key of its own lets every key in, and knows no secret to check a JWT with.
 * Thread: the server's. */
#ifndef KB_SANDBOX_AUTH_H
#define KB_SANDBOX_AUTH_H

#include "sandbox/exchange.h"

#include <stdint.h>

struct kb_service;

/* Of one request; lies in its arena, or in the grants. */
struct kb_access {
    bool by_key; /* everything, as any client */
    struct kb_slice key_name;
    struct kb_slice client_id;  /* of the token: ptr NULL = none, "*" = any */
    struct kb_slice capability; /* of the token */
    int64_t expires_ms;         /* of the token, wall time */
};

bool kb_auth_check(struct kb_service *service, struct kb_exchange *x);
/* The same for a key alone: no token is asked for. */
bool kb_auth_check_key(struct kb_service *service, struct kb_exchange *x);

bool kb_auth_allows(
    const struct kb_service *service, struct kb_slice channel, const char *operation);

/* The two halves of APP.KEYID:SECRET. */
struct kb_slice kb_auth_key_name(struct kb_slice key);
struct kb_slice kb_auth_key_secret(struct kb_slice key);

#endif
