/* A JWT made from an API key: Ably takes it for a token, and the key's secret never travels. Pure.
 *
 *     struct kb_jwt_claims claims = {
 *         .capability = "{\"orders:*\":[\"publish\"]}", .issued_ms = wall_ms, .ttl_ms = 3600000};
 *     kb_jwt_mint(&out, KB_S("app.keyid:secret"), &claims);      // out.failed = no memory
 *     kb_jwt_expiry_ms(KB_S("eyJ...."))                          // 0 = none, or no JWT
 *
 * HS256 with the key's secret, `kid` the key's name, and Ably's claims x-ably-capability and
 * x-ably-clientId (Ably's documentation of JWTs). Thread: any, no state. */
#ifndef KB_ABLY_JWT_H
#define KB_ABLY_JWT_H

#include "base/buf.h"

struct kb_jwt_claims {
    const char *capability; /* JSON text; NULL = all that the key may do */
    const char *client_id;  /* NULL = none */
    int64_t issued_ms, ttl_ms;
};

void kb_jwt_mint(struct kb_buf *out, struct kb_slice key, const struct kb_jwt_claims *claims);

/* Since 1970, as the claim `exp` says. The signature is the service's to check. */
int64_t kb_jwt_expiry_ms(struct kb_slice token);

#endif
