/* Which schemas are asked for and when; see schemas.h. One of them is fetched in schemas_fetch.c.
 */
#include "decode/schemas_inside.h"

#define FLYING_MAX 4 /* requests at a time */
#define TREE_MAX (64u << 20)

/* ---- asking ---- */

static bool is_due(const struct kb_schema_entry *entry, int64_t now_ms)
{
    return entry->fetch && !entry->fetch->flying && entry->fetch->due_ms <= now_ms;
}

void kb_schemas_step(struct kb_schemas *s, int64_t now_ms)
{
    struct kb_http_request *done;
    s->now_ms = now_ms;
    if (s->cache.n_awaited == 0)
        return;
    while (s->n_flying > 0 && (done = s->transport->ops->done(s->transport)) != NULL)
        kb_schema_fetch_answered(s, done->context);
    for (struct kb_schema_entry *entry = s->cache.all; entry && s->n_flying < FLYING_MAX;
         entry = entry->next)
        if (is_due(entry, now_ms))
            kb_schema_fetch_send(s, entry);
}

int64_t kb_schemas_wake_ms(const struct kb_schemas *s)
{
    int64_t wake = INT64_MAX;
    if (s->cache.n_awaited == 0 || s->n_flying == FLYING_MAX)
        return wake;
    for (const struct kb_schema_entry *entry = s->cache.all; entry; entry = entry->next)
        if (is_due(entry, wake))
            wake = entry->fetch->due_ms;
    return wake;
}

/* Makes it awaited, `entry` NULL a new one; NULL = no memory. */
static struct kb_schema_entry *ask(
    struct kb_schemas *s, struct kb_schema_entry *entry, const struct kb_schema_key *key)
{
    struct kb_schema_fetch *fetch = kb_schema_fetch_new(s, key);
    if (!fetch)
        return NULL;
    if (entry)
        kb_schema_entry_again(&s->cache, entry, fetch);
    else
        entry = kb_schema_cache_add(&s->cache, key, fetch);
    if (!entry)
        kb_schema_fetch_free(s, fetch);
    return entry;
}

enum kb_schemas_result kb_schemas_get(struct kb_schemas *s, const struct kb_schema_key *key,
    struct kb_schema **out, struct kb_err *err)
{
    char name[KB_SCHEMA_KEY_TEXT];
    struct kb_schema_entry *entry = kb_schema_cache_find(&s->cache, key);
    if (!entry || (entry->state == KB_SCHEMA_IS_REFUSED && s->now_ms >= entry->until_ms))
        entry = ask(s, entry, key);
    if (!entry) {
        kb_err_fatal(err, "no memory for a schema");
        return KB_SCHEMA_REFUSED;
    }
    switch (entry->state) {
    case KB_SCHEMA_IS_THERE:
        *out = entry->schema;
        return KB_SCHEMA_THERE;
    case KB_SCHEMA_IS_REFUSED:
        kb_schema_key_text(key, name);
        kb_err_record(
            err, KB_FAILURE_DECODE, "schema %s: %s", name, entry->why ? entry->why : "refused");
        err->code = entry->code;
        return KB_SCHEMA_REFUSED;
    case KB_SCHEMA_IS_AWAITED:
        break;
    }
    kb_schema_key_text(key, name);
    kb_err_outage(err, "schema %s is awaited", name);
    return KB_SCHEMA_AWAITED;
}

uint64_t kb_schemas_changes(const struct kb_schemas *s)
{
    return s->changes;
}

struct kb_schemas_status kb_schemas_status(const struct kb_schemas *s)
{
    return (struct kb_schemas_status){.cached = s->cache.n - s->cache.n_awaited,
        .awaited = s->cache.n_awaited,
        .outage = s->outage.on,
        .outage_since_ms = s->outage.since_ms,
        .outage_tries = s->outage.tries,
        .outage_text = s->outage.text};
}

/* ---- begin, change, end ---- */

static void use_access(struct kb_schemas *s, const struct kb_registry_access *access)
{
    s->access = *access;
    s->headers_version++;
    s->address = 0;
}

struct kb_schemas *kb_schemas_new(const struct kb_registry_options *options,
    struct kb_transport *transport, struct kb_random *random, struct kb_err *err)
{
    struct kb_registry_access access;
    if (!kb_registry_access_init(&access, options, err))
        return NULL;
    struct kb_schemas *s = calloc(1, sizeof(*s));
    if (!s) {
        kb_registry_access_deinit(&access);
        kb_err_fatal(err, "no memory for the schemas");
        return NULL;
    }
    s->transport = transport;
    s->random = random;
    kb_arena_init(&s->arena, TREE_MAX);
    use_access(s, &access);
    return s;
}

void kb_schemas_free(struct kb_schemas *s)
{
    if (!s)
        return;
    for (struct kb_schema_entry *entry = s->cache.all; entry; entry = entry->next)
        kb_schema_fetch_free(s, entry->fetch);
    kb_schema_cache_deinit(&s->cache);
    kb_schemas_forget(s);
    kb_registry_access_deinit(&s->access);
    kb_arena_deinit(&s->arena);
    free(s);
}

bool kb_schemas_prepare(
    struct kb_schemas *s, const struct kb_registry_options *options, struct kb_err *err)
{
    kb_schemas_forget(s);
    s->is_prepared = kb_registry_access_init(&s->prepared, options, err);
    return s->is_prepared;
}

void kb_schemas_forget(struct kb_schemas *s)
{
    if (s->is_prepared)
        kb_registry_access_deinit(&s->prepared);
    s->is_prepared = false;
}

/* What is awaited is asked for anew, at once. What has come of it so far is of the registry of
 * before, but only where its addresses are others: then it begins at its beginning. */
void kb_schemas_adopt(struct kb_schemas *s)
{
    if (!s->is_prepared)
        return;
    bool same_urls = kb_registry_same_urls(&s->prepared, &s->access);
    if (same_urls && kb_registry_same_credentials(&s->prepared, &s->access)) {
        kb_schemas_forget(s);
        return;
    }
    for (struct kb_schema_entry *entry = s->cache.all; entry; entry = entry->next) {
        if (!entry->fetch)
            continue;
        kb_schema_fetch_restart(s, entry->fetch);
        if (!same_urls)
            kb_lookup_restart(entry->fetch->lookup);
    }
    if (!same_urls)
        kb_schema_cache_forget(&s->cache);
    kb_registry_access_deinit(&s->access);
    use_access(s, &s->prepared);
    s->is_prepared = false;
}
