/* How one schema is fetched; see schemas_inside.h. What is awaited has a fetch with at most one
 * request out; each asks the addresses in turn, beginning with the one that answered last, in
 * rounds: a document ends one at once, and when each address has been asked, either all of them
 * have denied the schema, which is then refused, or it is an outage and another round begins after
 * a wait. */
#include "decode/schemas_inside.h"

#include "base/backoff.h"
#include "metrics/metrics.h"

#include <inttypes.h>

#define URL_MAX 2048
#define REPLY_MAX (4u << 20)
#define WAIT_MIN_MS 250
#define WAIT_MAX_MS 5000
#define OPEN_TIMEOUT_MS 4000
#define TIMEOUT_MS 10000

/* ---- begin and end ---- */

struct kb_schema_fetch *kb_schema_fetch_new(struct kb_schemas *s, const struct kb_schema_key *key)
{
    struct kb_schema_fetch *fetch = calloc(1, sizeof(*fetch));
    if (!fetch)
        return NULL;
    fetch->lookup = kb_lookup_new(key);
    if (!fetch->lookup) {
        free(fetch);
        return NULL;
    }
    kb_buf_init(&fetch->url, URL_MAX);
    fetch->address = s->address;
    fetch->due_ms = s->now_ms;
    return fetch;
}

static void land(struct kb_schemas *s, struct kb_schema_fetch *fetch)
{
    s->n_flying -= fetch->flying;
    fetch->flying = false;
}

static void cancel(struct kb_schemas *s, struct kb_schema_fetch *fetch)
{
    if (fetch->flying)
        s->transport->ops->cancel(s->transport, &fetch->req);
    land(s, fetch);
}

void kb_schema_fetch_free(struct kb_schemas *s, struct kb_schema_fetch *fetch)
{
    if (!fetch)
        return;
    cancel(s, fetch);
    kb_lookup_free(fetch->lookup);
    kb_buf_deinit(&fetch->url);
    free(fetch);
}

/* A round begins with an address, with nothing held against any. */
static void begin_round(struct kb_schema_fetch *fetch, size_t address, int64_t due_ms)
{
    fetch->address = address;
    fetch->asked = fetch->denied = 0;
    fetch->due_ms = due_ms;
}

void kb_schema_fetch_restart(struct kb_schemas *s, struct kb_schema_fetch *fetch)
{
    cancel(s, fetch);
    fetch->rounds = 0;
    begin_round(fetch, 0, s->now_ms);
}

/* ---- what an answer leads to ---- */

static void name_of(const struct kb_schema_entry *entry, char out[KB_SCHEMA_KEY_TEXT + 8])
{
    char key[KB_SCHEMA_KEY_TEXT];
    kb_schema_key_text(&entry->key, key);
    snprintf(out, KB_SCHEMA_KEY_TEXT + 8, "schema %s", key);
}

static void perhaps_over(struct kb_schemas *s)
{
    bool over = s->outage.on;
    for (const struct kb_schema_entry *entry = s->cache.all; over && entry; entry = entry->next)
        over = !entry->fetch || entry->fetch->rounds == 0;
    if (over)
        kb_registry_outage_ends(&s->outage, s->now_ms, s->access.urls[s->address]);
}

/* Of this address nothing more is to be expected in this round: the next one is asked at once; true
 * = there is none left. */
static bool round_ends(
    struct kb_schemas *s, struct kb_schema_entry *entry, const struct kb_err *err)
{
    struct kb_schema_fetch *fetch = entry->fetch;
    char name[KB_SCHEMA_KEY_TEXT + 8];
    size_t at = fetch->address, n = s->access.n_urls;
    fetch->address = (at + 1) % n;
    fetch->due_ms = s->now_ms;
    if (++fetch->asked == n)
        return true;
    name_of(entry, name);
    kb_log_debug("registry", "%s: %s: %s; %s is asked", s->access.urls[at], name, err->text,
        s->access.urls[fetch->address]);
    return false;
}

static void outage(struct kb_schemas *s, struct kb_schema_entry *entry)
{
    struct kb_schema_fetch *fetch = entry->fetch;
    char name[KB_SCHEMA_KEY_TEXT + 8];
    name_of(entry, name);
    int wait_ms =
        kb_backoff_delay_ms(++fetch->rounds, WAIT_MIN_MS, WAIT_MAX_MS, s->random->next(s->random));
    begin_round(fetch, fetch->address, s->now_ms + wait_ms);
    kb_registry_outage_fails(
        &s->outage, s->now_ms, &fetch->failure, s->access.urls[fetch->failed_at], name);
}

static void failed(struct kb_schemas *s, struct kb_schema_entry *entry, const struct kb_err *err)
{
    struct kb_schema_fetch *fetch = entry->fetch;
    kb_metric_add(KB_METRIC_REGISTRY_OUTAGE, 1);
    fetch->failure = *err;
    fetch->failed_at = fetch->address;
    if (round_ends(s, entry, err))
        outage(s, entry);
}

/* No longer awaited, whatever it is then. */
static void end_fetch(struct kb_schemas *s, struct kb_schema_entry *entry)
{
    kb_schema_fetch_free(s, entry->fetch);
    entry->fetch = NULL;
    s->changes++;
}

static void refused(struct kb_schemas *s, struct kb_schema_entry *entry, const struct kb_err *err)
{
    char name[KB_SCHEMA_KEY_TEXT + 8];
    uint64_t suppressed;
    name_of(entry, name);
    if (kb_log_repeat(&s->refusals, s->now_ms, &suppressed))
        kb_log_warn("registry",
            "%s: %s: %s; asked for again in %d s at the earliest (%" PRIu64
            " others like it not shown)",
            s->access.urls[entry->fetch->address], name, err->text, KB_SCHEMA_REFUSED_MS / 1000,
            suppressed);
    end_fetch(s, entry);
    kb_schema_entry_refused(&s->cache, entry, err, s->now_ms + KB_SCHEMA_REFUSED_MS);
}

static void compile(struct kb_schemas *s, struct kb_schema_entry *entry)
{
    struct kb_err err;
    char name[KB_SCHEMA_KEY_TEXT + 8];
    struct kb_schema *schema = kb_lookup_compile(entry->fetch->lookup, &err);
    if (!schema && err.class != KB_ERR_RECORD) {
        failed(s, entry, &err); /* no memory: that is not what the schema is like */
        return;
    }
    if (!schema) {
        refused(s, entry, &err);
        return;
    }
    name_of(entry, name);
    kb_log_debug("registry", "%s: %s is there (%s)", s->access.urls[entry->fetch->address], name,
        kb_schema_type_name(kb_schema_type(schema)));
    end_fetch(s, entry);
    kb_schema_entry_there(&s->cache, entry, schema);
}

/* This address answers: whoever waits for the end of an outage need not wait longer. */
static void use_address(struct kb_schemas *s, size_t address)
{
    s->address = address;
    for (struct kb_schema_entry *entry = s->cache.all; entry; entry = entry->next) {
        struct kb_schema_fetch *fetch = entry->fetch;
        if (fetch && !fetch->flying && fetch->asked == 0)
            begin_round(fetch, address, s->now_ms);
    }
}

/* An address that does not know a schema may be a replica that is behind: the record's fault it is
 * when none of them does, and one that gives no answer may be the one that does. */
static void denied(struct kb_schemas *s, struct kb_schema_entry *entry, struct kb_err *err)
{
    struct kb_schema_fetch *fetch = entry->fetch;
    size_t address = fetch->address;
    fetch->denied++;
    if (!round_ends(s, entry, err))
        return;
    if (fetch->denied < s->access.n_urls) {
        outage(s, entry);
        return;
    }
    if (kb_lookup_at_reference(fetch->lookup)) {
        kb_err_wrap(err, "a schema it refers to");
        err->code = 0; /* the id itself is known */
    }
    fetch->address = address;
    refused(s, entry, err);
    use_address(s, address);
}

static void take(
    struct kb_schemas *s, struct kb_schema_entry *entry, const struct kb_registry_document *doc)
{
    struct kb_schema_fetch *fetch = entry->fetch;
    struct kb_err err;
    if (!kb_lookup_take(fetch->lookup, doc, &err))
        refused(s, entry, &err);
    else if (kb_lookup_complete(fetch->lookup))
        compile(s, entry);
}

void kb_schema_fetch_answered(struct kb_schemas *s, struct kb_schema_entry *entry)
{
    struct kb_schema_fetch *fetch = entry->fetch;
    struct kb_registry_document doc = {.n_refs = 0};
    struct kb_err err;
    land(s, fetch);
    kb_arena_reset(&s->arena);
    enum kb_registry_answer answer = kb_registry_read(&fetch->req.reply, &s->arena, &doc, &err);
    if (answer == KB_REGISTRY_OUTAGE) {
        failed(s, entry, &err);
        return;
    }
    bool unknown = answer == KB_REGISTRY_UNKNOWN;
    kb_metric_add(unknown ? KB_METRIC_REGISTRY_UNKNOWN : KB_METRIC_REGISTRY_OK, 1);
    if (unknown && err.code == KB_SCHEMA_UNKNOWN_CODE) {
        denied(s, entry, &err);
    } else {
        fetch->rounds = 0;
        begin_round(fetch, fetch->address, s->now_ms);
        use_address(s, fetch->address);
        if (unknown)
            refused(s, entry, &err);
        else
            take(s, entry, &doc);
    }
    perhaps_over(s);
}

/* ---- a request ---- */

void kb_schema_fetch_send(struct kb_schemas *s, struct kb_schema_entry *entry)
{
    struct kb_schema_fetch *fetch = entry->fetch;
    struct kb_err err;
    if (kb_lookup_complete(fetch->lookup)) { /* there was no memory to compile it */
        compile(s, entry);
        perhaps_over(s);
        return;
    }
    kb_buf_reset(&fetch->url);
    kb_buf_add(&fetch->url, kb_slice_of(s->access.urls[fetch->address]));
    kb_lookup_next(fetch->lookup, &fetch->url);
    kb_buf_byte(&fetch->url, '\0');
    if (fetch->url.failed) {
        kb_err_record(&err, KB_FAILURE_DECODE, "the address of a schema it refers to is too long");
        refused(s, entry, &err);
        return;
    }
    fetch->req = (struct kb_http_request){.method = "GET",
        .url = fetch->url.ptr,
        .headers = s->access.headers,
        .headers_version = s->headers_version,
        .open_timeout_ms = OPEN_TIMEOUT_MS,
        .timeout_ms = TIMEOUT_MS,
        .max_reply = REPLY_MAX,
        .context = entry};
    if (!s->transport->ops->submit(s->transport, &fetch->req, &err)) {
        failed(s, entry, &err);
        return;
    }
    fetch->flying = true;
    s->n_flying++;
}
