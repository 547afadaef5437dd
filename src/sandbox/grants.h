/* What tokens grant, and the tokens that this local Ably has issued.
 *
 *     struct kb_grants *grants = kb_grants_new();
 *     const struct kb_grant *grant = kb_grants_issue(grants, &(struct kb_grant){...});
 *     grant->token                                   // "app.Zm9v..."
 *     kb_grants_find(grants, token)                  // the same, or NULL: never issued
 *
 * The last 4,096 are known; one that has expired is still told from one that never was. A grant
 * found stays valid until the next is issued. Thread: one at a time. */
#ifndef KB_SANDBOX_GRANTS_H
#define KB_SANDBOX_GRANTS_H

#include "base/slice.h"

#include <stdint.h>

#define KB_GRANTS_MAX 4096

struct kb_grant {
    struct kb_slice token, key_name;
    struct kb_slice client_id;     /* ptr NULL = none, "*" = any */
    struct kb_slice capability;    /* canonical */
    int64_t issued_ms, expires_ms; /* wall time */
};

struct kb_grants; /* opaque */

struct kb_grants *kb_grants_new(void); /* returns new, NULL = no memory */
void kb_grants_free(struct kb_grants *grants);
void kb_grants_clear(struct kb_grants *grants);

/* Copies, and makes up the token; NULL = no memory. */
const struct kb_grant *kb_grants_issue(struct kb_grants *grants, const struct kb_grant *grant);
const struct kb_grant *kb_grants_find(const struct kb_grants *grants, struct kb_slice token);

#endif
