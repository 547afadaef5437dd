/* The schemas that were asked for, by id or GUID: each is there, refused, or awaited.
 *
 *     struct kb_schema_cache cache = {0};
 *     struct kb_schema_entry *entry = kb_schema_cache_find(&cache, &key);
 *     if (!entry)
 *         entry = kb_schema_cache_add(&cache, &key, fetch);      // awaited; NULL = no memory
 *     kb_schema_entry_there(&cache, entry, schema);              // or kb_schema_entry_refused
 *     kb_schema_cache_deinit(&cache);
 *
 * It has KB_SCHEMAS_MAX entries, and KB_SCHEMA_BYTES_MAX in schemas; the one longest unused goes.
 * Those that are awaited stay, be it more than that, for somebody waits, and so does the schema
 * that came last, however large. So what a find gave lives until the next add or
 * kb_schema_entry_there. A fetch is its caller's (schemas_fetch.c): the cache only keeps it beside
 * the entry as long as that is awaited. Thread: its owner's. */
#ifndef KB_DECODE_SCHEMA_CACHE_H
#define KB_DECODE_SCHEMA_CACHE_H

#include "decode/schema.h"
#include "decode/schema_key.h"

#define KB_SCHEMAS_MAX 1000
#define KB_SCHEMA_BYTES_MAX (32u << 20)
#define KB_SCHEMA_BUCKETS 1024

enum kb_schema_state { KB_SCHEMA_IS_AWAITED, KB_SCHEMA_IS_THERE, KB_SCHEMA_IS_REFUSED };

struct kb_schema_fetch; /* the way to a schema */

struct kb_schema_entry {
    struct kb_schema_entry *same_bucket, *next; /* next: of all */
    struct kb_schema_key key;
    enum kb_schema_state state;
    uint64_t used;                 /* the find that last came for it */
    struct kb_schema_fetch *fetch; /* awaited */
    struct kb_schema *schema;      /* there */
    char *why;                     /* refused: the error's text... */
    int code;                      /* ...and code */
    int64_t until_ms;              /* refused: to be asked for again from then on */
};

/* Zero-initialise. */
struct kb_schema_cache {
    struct kb_schema_entry *buckets[KB_SCHEMA_BUCKETS], *all;
    struct kb_schema_entry *last; /* found last: records of a topic mostly share one */
    size_t n, n_awaited;
    size_t bytes; /* of the schemas that are there */
    uint64_t finds;
};

void kb_schema_cache_deinit(struct kb_schema_cache *cache);

struct kb_schema_entry *kb_schema_cache_find(
    struct kb_schema_cache *cache, const struct kb_schema_key *key);
struct kb_schema_entry *kb_schema_cache_add(
    struct kb_schema_cache *cache, const struct kb_schema_key *key, struct kb_schema_fetch *fetch);
/* All but those that are awaited: another registry's ids mean other schemas. */
void kb_schema_cache_forget(struct kb_schema_cache *cache);

/* From refused to awaited. */
void kb_schema_entry_again(
    struct kb_schema_cache *cache, struct kb_schema_entry *entry, struct kb_schema_fetch *fetch);
/* From awaited to there (takes the schema) or refused. */
void kb_schema_entry_there(
    struct kb_schema_cache *cache, struct kb_schema_entry *entry, struct kb_schema *schema);
void kb_schema_entry_refused(struct kb_schema_cache *cache, struct kb_schema_entry *entry,
    const struct kb_err *why, int64_t until_ms);

#endif
