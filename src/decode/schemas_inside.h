/* The inside of the schemas, shared by schemas.c (what is asked for, when, and by which options)
 * and schemas_fetch.c (how one schema is fetched). Nobody else includes this. Thread: one worker's.
 */
#ifndef KB_DECODE_SCHEMAS_INSIDE_H
#define KB_DECODE_SCHEMAS_INSIDE_H

#include "base/log.h"
#include "decode/lookup.h"
#include "decode/registry_outage.h"
#include "decode/schema_cache.h"
#include "decode/schemas.h"

struct kb_schema_fetch {
    struct kb_lookup *lookup;
    struct kb_http_request req;
    struct kb_buf url;
    bool flying;
    size_t address;        /* of access.urls: to be asked next, or asked now */
    size_t asked, denied;  /* of this round: addresses that have answered or failed; those of them
                              that don't know it */
    struct kb_err failure; /* of this round: the last, and... */
    size_t failed_at;      /* ...its address */
    uint32_t rounds;       /* in a row that were outages */
    int64_t due_ms;
};

struct kb_schemas {
    struct kb_transport *transport;
    struct kb_random *random;
    struct kb_arena arena; /* of one answer */
    struct kb_registry_access access, prepared;
    bool is_prepared;
    uint64_t headers_version;
    struct kb_schema_cache cache;
    size_t n_flying;
    size_t address; /* the one that answered last */
    uint64_t changes;
    int64_t now_ms;
    struct kb_registry_outage outage;
    struct kb_log_repeat refusals;
};

/* Returns new, NULL = no memory: due at once, at the address that answered last. */
struct kb_schema_fetch *kb_schema_fetch_new(struct kb_schemas *s, const struct kb_schema_key *key);
void kb_schema_fetch_free(struct kb_schemas *s, struct kb_schema_fetch *fetch); /* NULL is fine */
/* What is out is given up, and the first address asked next, at once. */
void kb_schema_fetch_restart(struct kb_schemas *s, struct kb_schema_fetch *fetch);

/* Of what is awaited and has no request out: sends one, or ends the fetch. */
void kb_schema_fetch_send(struct kb_schemas *s, struct kb_schema_entry *entry);
/* Its request has been answered: there, refused, or asked for again at `due_ms`. */
void kb_schema_fetch_answered(struct kb_schemas *s, struct kb_schema_entry *entry);

#endif
