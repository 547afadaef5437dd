/* See schema_cache.h. */
#include "decode/schema_cache.h"

#include <stdlib.h>

static struct kb_schema_entry **bucket_of(
    struct kb_schema_cache *cache, const struct kb_schema_key *key)
{
    return &cache->buckets[kb_schema_key_hash(key) % KB_SCHEMA_BUCKETS];
}

/* ---- one entry ---- */

static void entry_free(struct kb_schema_entry *entry)
{
    kb_schema_free(entry->schema);
    free(entry->why);
    free(entry);
}

void kb_schema_entry_again(
    struct kb_schema_cache *cache, struct kb_schema_entry *entry, struct kb_schema_fetch *fetch)
{
    entry->state = KB_SCHEMA_IS_AWAITED;
    entry->fetch = fetch;
    free(entry->why);
    entry->why = NULL;
    cache->n_awaited++;
}

void kb_schema_entry_refused(struct kb_schema_cache *cache, struct kb_schema_entry *entry,
    const struct kb_err *why, int64_t until_ms)
{
    entry->state = KB_SCHEMA_IS_REFUSED;
    entry->fetch = NULL;
    entry->why = strdup(why->text);
    entry->code = why->code;
    entry->until_ms = until_ms;
    cache->n_awaited--;
}

/* ---- all of them ---- */

static void remove_entry(struct kb_schema_cache *cache, struct kb_schema_entry *entry)
{
    struct kb_schema_entry **link = bucket_of(cache, &entry->key);
    while (*link != entry)
        link = &(*link)->same_bucket;
    *link = entry->same_bucket;
    for (link = &cache->all; *link != entry;)
        link = &(*link)->next;
    *link = entry->next;
    if (cache->last == entry)
        cache->last = NULL;
    cache->n--;
    if (entry->schema)
        cache->bytes -= kb_schema_size(entry->schema);
    entry_free(entry);
}

/* The one longest unused that nobody waits for, and that is not `but`; NULL = there is none. With
 * `heavy` of those that hold a schema. */
static struct kb_schema_entry *find_oldest(
    const struct kb_schema_cache *cache, const struct kb_schema_entry *but, bool heavy)
{
    struct kb_schema_entry *oldest = NULL;
    for (struct kb_schema_entry *entry = cache->all; entry; entry = entry->next)
        if (entry->state != KB_SCHEMA_IS_AWAITED && entry != but && (entry->schema || !heavy) &&
            (!oldest || entry->used < oldest->used))
            oldest = entry;
    return oldest;
}

void kb_schema_entry_there(
    struct kb_schema_cache *cache, struct kb_schema_entry *entry, struct kb_schema *schema)
{
    struct kb_schema_entry *oldest;
    entry->state = KB_SCHEMA_IS_THERE;
    entry->fetch = NULL;
    entry->schema = schema;
    cache->n_awaited--;
    cache->bytes += kb_schema_size(schema);
    while (cache->bytes > KB_SCHEMA_BYTES_MAX && (oldest = find_oldest(cache, entry, true)) != NULL)
        remove_entry(cache, oldest);
}

static void make_room(struct kb_schema_cache *cache)
{
    struct kb_schema_entry *oldest =
        cache->n < KB_SCHEMAS_MAX ? NULL : find_oldest(cache, NULL, false);
    if (oldest)
        remove_entry(cache, oldest);
}

struct kb_schema_entry *kb_schema_cache_add(
    struct kb_schema_cache *cache, const struct kb_schema_key *key, struct kb_schema_fetch *fetch)
{
    struct kb_schema_entry *entry = calloc(1, sizeof(*entry));
    if (!entry)
        return NULL;
    make_room(cache);
    struct kb_schema_entry **bucket = bucket_of(cache, key);
    entry->key = *key;
    entry->used = cache->finds;
    entry->same_bucket = *bucket;
    entry->next = cache->all;
    *bucket = cache->all = cache->last = entry;
    cache->n++;
    kb_schema_entry_again(cache, entry, fetch);
    return entry;
}

struct kb_schema_entry *kb_schema_cache_find(
    struct kb_schema_cache *cache, const struct kb_schema_key *key)
{
    struct kb_schema_entry *entry = cache->last;
    cache->finds++;
    if (!entry || !kb_schema_key_same(&entry->key, key)) {
        entry = *bucket_of(cache, key);
        while (entry && !kb_schema_key_same(&entry->key, key))
            entry = entry->same_bucket;
    }
    if (!entry)
        return NULL;
    cache->last = entry;
    entry->used = cache->finds;
    return entry;
}

void kb_schema_cache_forget(struct kb_schema_cache *cache)
{
    for (struct kb_schema_entry *entry = cache->all, *next; entry; entry = next) {
        next = entry->next;
        if (entry->state != KB_SCHEMA_IS_AWAITED)
            remove_entry(cache, entry);
    }
}

void kb_schema_cache_deinit(struct kb_schema_cache *cache)
{
    for (struct kb_schema_entry *entry = cache->all, *next; entry; entry = next) {
        next = entry->next;
        entry_free(entry);
    }
    *cache = (struct kb_schema_cache){.n = 0};
}
