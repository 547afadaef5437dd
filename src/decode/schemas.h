/* The schemas of a registry (Confluent's API), fetched when a record first needs one, cached,
 * compiled once.
 *
 *     struct kb_schemas *schemas = kb_schemas_new(&options, transport, random, &err);
 *     switch (kb_schemas_get(schemas, &key, &schema, &err)) {
 *     case KB_SCHEMA_THERE:   // `schema`, borrowed until the next get
 *     case KB_SCHEMA_AWAITED: // asked for; look again when kb_schemas_changes has moved
 *     case KB_SCHEMA_REFUSED: // err is the record's own: unknown id, or not to be compiled
 *     }
 *     kb_schemas_step(schemas, now_ms);            // once a turn: answers in, requests out
 *     wait until kb_schemas_wake_ms(schemas) at the latest
 *
 * One request for an id, however many records wait for it. An outage of the registry (no answer,
 * 5xx, 429, 401, 403, 3xx, an answer that makes no sense) is never a record's fault: the id is
 * asked for again, at the next of several addresses at once, and when none has given it, after a
 * growing wait with jitter. What the registry doesn't know (40403: each of several addresses, for
 * one may be a replica that is behind) or what does not compile is remembered for
 * KB_SCHEMA_REFUSED_MS and then asked for again, for it may have been registered meanwhile. A 404
 * that is not the registry's own is an outage.
 *
 * References are fetched by subject and version and stand before what refers to them. What is kept
 * is bounded (schema_cache.h). Thread: one worker's; no call blocks. */
#ifndef KB_DECODE_SCHEMAS_H
#define KB_DECODE_SCHEMAS_H

#include "base/random.h"
#include "decode/registry_address.h"
#include "decode/schema.h"
#include "decode/schema_key.h"
#include "http/transport.h"

#define KB_SCHEMA_REFUSED_MS 60000
#define KB_SCHEMA_REFS_MAX 200

/* The code of an error that says: the registry has no such id. */
#define KB_SCHEMA_UNKNOWN_CODE 40403

enum kb_schemas_result { KB_SCHEMA_THERE, KB_SCHEMA_AWAITED, KB_SCHEMA_REFUSED };

struct kb_schemas; /* opaque */

/* Borrows the doors. Returns new; KB_ERR_CONFIG where an address is none. */
struct kb_schemas *kb_schemas_new(const struct kb_registry_options *options,
    struct kb_transport *transport, struct kb_random *random, struct kb_err *err) KB_MUST_CHECK;
void kb_schemas_free(struct kb_schemas *schemas); /* NULL is fine */
/* Other addresses or credentials, in two steps: what can fail of it, and then the change itself, at
 * once; or instead of that, as if nothing had been. Schemas are kept as long as the addresses are
 * the same: elsewhere, an id may mean another. The same options change nothing. */
bool kb_schemas_prepare(struct kb_schemas *schemas, const struct kb_registry_options *options,
    struct kb_err *err) KB_MUST_CHECK;
void kb_schemas_adopt(struct kb_schemas *schemas);
void kb_schemas_forget(struct kb_schemas *schemas);

enum kb_schemas_result kb_schemas_get(struct kb_schemas *schemas, const struct kb_schema_key *key,
    struct kb_schema **out, struct kb_err *err) KB_MUST_CHECK;

void kb_schemas_step(struct kb_schemas *schemas, int64_t now_ms);
int64_t kb_schemas_wake_ms(const struct kb_schemas *schemas); /* INT64_MAX = nothing to wait for */
/* Moves whenever an awaited schema is there or refused. */
uint64_t kb_schemas_changes(const struct kb_schemas *schemas);

struct kb_schemas_status {
    size_t cached, awaited;
    bool outage; /* something that is awaited can't be had at any address */
    int64_t outage_since_ms;
    uint32_t outage_tries;
    const char *outage_text; /* where, what, why, as last met; no secret; "" = no outage */
};
/* Borrows until the next call. */
struct kb_schemas_status kb_schemas_status(const struct kb_schemas *schemas);

#endif
