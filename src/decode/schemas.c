/* The cache and its requests; see schemas.h. Each entry is a schema that is there, is refused, or
 * is awaited; an awaited one has a lookup and at most one request. */
#include "decode/schemas.h"

#include "base/backoff.h"
#include "base/base64.h"
#include "base/hash.h"
#include "base/log.h"
#include "decode/lookup.h"
#include "metrics/metrics.h"

#include <inttypes.h>

#define BUCKETS 1024
#define FLYING_MAX 4 /* requests at a time */
#define URLS_MAX 8
#define URL_MAX 2048
#define REPLY_MAX (4u << 20)
#define TREE_MAX (64u << 20)
#define WAIT_MIN_MS 250
#define WAIT_MAX_MS 5000
#define OPEN_TIMEOUT_MS 4000
#define TIMEOUT_MS 10000

enum state { AWAITED, THERE, REFUSED };

struct entry {
    struct entry *same_bucket, *next; /* next: of all */
    struct kb_schema_key key;
    enum state state;
    uint64_t used;            /* the get that last asked for it */
    struct kb_schema *schema; /* THERE */
    char *why;                /* REFUSED, with the error's code */
    int code;
    int64_t until_ms; /* REFUSED: asked again from then on */
    /* AWAITED: */
    struct kb_lookup *lookup;
    struct kb_http_request req;
    struct kb_buf url;
    bool flying;
    uint32_t failures;
    int64_t since_ms, due_ms;
};

struct kb_schemas {
    struct kb_transport *transport;
    struct kb_random *random;
    struct kb_arena arena; /* of one answer */
    char *urls[URLS_MAX];
    size_t n_urls, url;
    char *authorization; /* a header's line, NULL = none */
    const char *headers[3];
    uint64_t headers_version;
    struct entry *buckets[BUCKETS], *all;
    size_t n, n_awaited, n_flying;
    struct entry *last; /* what was asked for last: records of a topic mostly share one */
    uint64_t gets, changes;
    int64_t now_ms;
    bool trusted; /* it has given a schema */
    char last_failure[256];
    struct kb_log_repeat repeat;
};

/* ---- addresses ---- */

static bool is_http(struct kb_slice url)
{
    size_t scheme = kb_slice_starts(url, KB_S("http://"))    ? 7
                    : kb_slice_starts(url, KB_S("https://")) ? 8
                                                             : 0;
    return scheme > 0 && url.len > scheme && url.len < URL_MAX / 2 && url.ptr[scheme] != '/';
}

/* The next of the list, without white space and slashes behind it; false at the end. */
static bool next_url(const char **list, struct kb_slice *out)
{
    const char *p = *list + strspn(*list, " ,");
    size_t len = strcspn(p, " ,");
    *list = p + len;
    while (len > 0 && p[len - 1] == '/')
        len--;
    *out = (struct kb_slice){p, len};
    return len > 0;
}

bool kb_registry_urls_check(const char *urls, struct kb_err *err)
{
    struct kb_slice url;
    size_t n = 0;
    while (next_url(&urls, &url)) {
        if (!is_http(url) || ++n > URLS_MAX)
            return kb_err_config(err,
                "expected one address such as \"http://localhost:8081\", or up "
                "to %d in a list",
                URLS_MAX);
    }
    return n > 0 || kb_err_config(err, "is empty; expected \"http://localhost:8081\" or the like");
}

/* user:password of what stands behind a scheme; ptr NULL = none. Removes it from there. */
static struct kb_slice take_credentials(struct kb_slice *rest)
{
    const char *end = rest->ptr + strcspn(rest->ptr, "/?#, ");
    const char *at = memrchr(rest->ptr, '@', (size_t)(end - rest->ptr));
    if (!at)
        return (struct kb_slice){NULL, 0};
    struct kb_slice credentials = {rest->ptr, (size_t)(at - rest->ptr)};
    rest->len -= credentials.len + 1;
    rest->ptr = at + 1;
    return credentials;
}

static bool set_authorization(struct kb_schemas *s, const char *scheme, struct kb_slice secret)
{
    struct kb_buf line;
    kb_buf_init(&line, 8192);
    kb_buf_printf(&line, "Authorization: %s ", scheme);
    if (strcmp(scheme, "Basic") == 0)
        kb_base64_add(&line, secret);
    else
        kb_buf_add(&line, secret);
    kb_buf_byte(&line, '\0');
    free(s->authorization);
    s->authorization = line.failed ? NULL : strdup(line.ptr);
    if (line.ptr)
        explicit_bzero(line.ptr, line.len);
    kb_buf_deinit(&line);
    return s->authorization != NULL;
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* What stands in an address has its own characters as %XX. */
static struct kb_slice unescape(struct kb_slice text, char *room)
{
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++) {
        bool escaped = text.ptr[i] == '%' && i + 2 < text.len && hex_digit(text.ptr[i + 1]) >= 0 &&
                       hex_digit(text.ptr[i + 2]) >= 0;
        room[len++] = escaped ? (char)(hex_digit(text.ptr[i + 1]) * 16 + hex_digit(text.ptr[i + 2]))
                              : text.ptr[i];
        i += escaped ? 2 : 0;
    }
    return (struct kb_slice){room, len};
}

static bool add_url(struct kb_schemas *s, struct kb_slice url)
{
    size_t len = kb_slice_starts(url, KB_S("https://")) ? 8 : 7;
    struct kb_slice scheme = {url.ptr, len}, rest = {url.ptr + len, url.len - len};
    struct kb_slice credentials = take_credentials(&rest);
    char room[URL_MAX]; /* an address has half of it at most */
    if (credentials.ptr && !s->authorization &&
        !set_authorization(s, "Basic", unescape(credentials, room)))
        return false;
    return asprintf(&s->urls[s->n_urls++], KB_FMT KB_FMT, KB_ARG(scheme), KB_ARG(rest)) > 0;
}

static void forget_options(struct kb_schemas *s)
{
    for (size_t i = 0; i < s->n_urls; i++)
        free(s->urls[i]);
    free(s->authorization);
    s->authorization = NULL;
    s->n_urls = s->url = 0;
}

static bool set_options(
    struct kb_schemas *s, const struct kb_registry_options *options, struct kb_err *err)
{
    const char *list = options->urls;
    struct kb_slice url;
    bool ok = true;
    if (!kb_registry_urls_check(list, err))
        return false;
    forget_options(s);
    if (options->token)
        ok = set_authorization(s, "Bearer", kb_slice_of(options->token));
    else if (options->auth)
        ok = set_authorization(s, "Basic", kb_slice_of(options->auth));
    while (ok && next_url(&list, &url))
        ok = add_url(s, url);
    s->headers[0] = "Accept: application/vnd.schemaregistry.v1+json, application/json";
    s->headers[1] = s->authorization;
    s->headers[2] = NULL;
    s->headers_version++;
    return ok || kb_err_fatal(err, "no memory for the registry's addresses");
}

/* ---- entries ---- */

void kb_schema_key_text(const struct kb_schema_key *key, char out[48])
{
    const unsigned char *g = key->guid;
    if (key->by_guid)
        snprintf(out, 48,
            "schema %02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", g[0],
            g[1], g[2], g[3], g[4], g[5], g[6], g[7], g[8], g[9], g[10], g[11], g[12], g[13], g[14],
            g[15]);
    else
        snprintf(out, 48, "schema %u", key->id);
}

static bool same_key(const struct kb_schema_key *a, const struct kb_schema_key *b)
{
    if (a->by_guid != b->by_guid)
        return false;
    return a->by_guid ? memcmp(a->guid, b->guid, sizeof(a->guid)) == 0 : a->id == b->id;
}

static struct entry **bucket_of(struct kb_schemas *s, const struct kb_schema_key *key)
{
    struct kb_slice guid = {(const char *)key->guid, sizeof(key->guid)};
    uint64_t hash = key->by_guid ? kb_hash64(guid, 0) : kb_mix64(key->id);
    return &s->buckets[hash % BUCKETS];
}

static void land(struct kb_schemas *s, struct entry *entry)
{
    if (entry->flying)
        s->n_flying--;
    entry->flying = false;
}

/* No longer awaited, whatever it is then. */
static void end_lookup(struct kb_schemas *s, struct entry *entry)
{
    kb_lookup_free(entry->lookup);
    kb_buf_deinit(&entry->url);
    entry->lookup = NULL;
    s->n_awaited--;
    s->changes++;
}

static void entry_free(struct kb_schemas *s, struct entry *entry)
{
    if (entry->flying)
        s->transport->ops->cancel(s->transport, &entry->req);
    kb_lookup_free(entry->lookup);
    kb_buf_deinit(&entry->url);
    kb_schema_unref(entry->schema);
    free(entry->why);
    free(entry);
}

static void unlink_entry(struct entry **link, struct entry *entry, bool bucket)
{
    while (*link != entry)
        link = bucket ? &(*link)->same_bucket : &(*link)->next;
    *link = bucket ? entry->same_bucket : entry->next;
}

/* Those that are awaited stay: somebody waits. */
static void make_room(struct kb_schemas *s)
{
    struct entry *oldest = NULL;
    if (s->n < KB_SCHEMAS_MAX)
        return;
    for (struct entry *entry = s->all; entry; entry = entry->next)
        if (entry->state != AWAITED && (!oldest || entry->used < oldest->used))
            oldest = entry;
    if (!oldest)
        return;
    unlink_entry(bucket_of(s, &oldest->key), oldest, true);
    unlink_entry(&s->all, oldest, false);
    s->n--;
    entry_free(s, oldest);
}

static bool begin_lookup(struct kb_schemas *s, struct entry *entry)
{
    entry->lookup = kb_lookup_new(&entry->key);
    if (!entry->lookup)
        return false;
    free(entry->why);
    entry->why = NULL;
    kb_buf_init(&entry->url, URL_MAX);
    entry->state = AWAITED;
    entry->failures = 0;
    entry->since_ms = entry->due_ms = s->now_ms;
    s->n_awaited++;
    return true;
}

static struct entry *add_entry(struct kb_schemas *s, const struct kb_schema_key *key)
{
    struct entry *entry = calloc(1, sizeof(*entry));
    if (!entry)
        return NULL;
    entry->key = *key;
    if (!begin_lookup(s, entry)) {
        free(entry);
        return NULL;
    }
    make_room(s);
    struct entry **bucket = bucket_of(s, key);
    entry->same_bucket = *bucket;
    entry->next = s->all;
    *bucket = s->all = entry;
    s->n++;
    return entry;
}

static struct entry *find(struct kb_schemas *s, const struct kb_schema_key *key)
{
    if (s->last && same_key(&s->last->key, key))
        return s->last;
    struct entry *entry = *bucket_of(s, key);
    while (entry && !same_key(&entry->key, key))
        entry = entry->same_bucket;
    return entry;
}

enum kb_schemas_result kb_schemas_get(struct kb_schemas *s, const struct kb_schema_key *key,
    struct kb_schema **out, struct kb_err *err)
{
    char name[48];
    struct entry *entry = find(s, key);
    if (entry && entry->state == REFUSED && s->now_ms >= entry->until_ms)
        (void)begin_lookup(s, entry); /* without memory it stays refused */
    if (!entry) {
        s->last = NULL;
        entry = add_entry(s, key);
    }
    if (!entry) {
        kb_err_fatal(err, "no memory for a schema");
        return KB_SCHEMA_REFUSED;
    }
    s->last = entry;
    entry->used = ++s->gets;
    switch (entry->state) {
    case THERE:
        *out = entry->schema;
        return KB_SCHEMA_THERE;
    case REFUSED:
        kb_schema_key_text(key, name);
        kb_err_record(err, KB_FAILURE_DECODE, "%s: %s", name, entry->why);
        err->code = entry->code;
        return KB_SCHEMA_REFUSED;
    case AWAITED:
        break;
    }
    kb_schema_key_text(key, name);
    kb_err_outage(err, "%s is awaited", name);
    return KB_SCHEMA_AWAITED;
}

/* ---- requests and answers ---- */

static void failed(struct kb_schemas *s, struct entry *entry, const char *why)
{
    char name[48];
    uint64_t suppressed;
    kb_schema_key_text(&entry->key, name);
    snprintf(s->last_failure, sizeof(s->last_failure), "%s: %s: %s", s->urls[s->url], name, why);
    s->url = (s->url + 1) % s->n_urls;
    entry->failures++;
    uint32_t rounds = (entry->failures + (uint32_t)s->n_urls - 1) / (uint32_t)s->n_urls;
    bool others = entry->failures % s->n_urls != 0; /* another address is asked at once */
    int wait =
        others ? 0
               : kb_backoff_delay_ms(rounds, WAIT_MIN_MS, WAIT_MAX_MS, s->random->next(s->random));
    entry->due_ms = s->now_ms + wait;
    kb_metric_add(KB_METRIC_REGISTRY_OUTAGE, 1);
    if (kb_log_repeat(&s->repeat, s->now_ms, &suppressed))
        kb_log_warn("registry",
            "%s; the partitions that need it wait, next try in %d ms (%" PRIu64
            " more such failures since the last line)",
            s->last_failure, wait, suppressed);
}

static void refused(struct kb_schemas *s, struct entry *entry, const struct kb_err *err)
{
    char name[48];
    const char *why = err->text;
    kb_schema_key_text(&entry->key, name);
    kb_log_warn("registry", "%s: %s: %s; asked for again in %d s at the earliest", s->urls[s->url],
        name, why, KB_SCHEMA_REFUSED_MS / 1000);
    entry->state = REFUSED;
    entry->why = strdup(why);
    if (!entry->why)
        entry->why = calloc(1, 1);
    entry->code = err->code;
    entry->until_ms = s->now_ms + KB_SCHEMA_REFUSED_MS;
    end_lookup(s, entry);
}

/* It answers: whoever waits for the end of an outage need not wait longer. */
static void hurry(struct kb_schemas *s)
{
    for (struct entry *entry = s->all; entry; entry = entry->next)
        if (entry->state == AWAITED && !entry->flying && entry->due_ms > s->now_ms)
            entry->due_ms = s->now_ms;
}

static void compile(struct kb_schemas *s, struct entry *entry)
{
    struct kb_err err;
    char name[48];
    struct kb_schema *schema = kb_lookup_compile(entry->lookup, &err);
    if (!schema) {
        refused(s, entry, &err);
        return;
    }
    kb_schema_key_text(&entry->key, name);
    kb_log(entry->failures ? KB_LOG_INFO : KB_LOG_DEBUG, "registry", "%s: %s is there (%s)%s",
        s->urls[s->url], name, kb_schema_type_name(kb_schema_type(schema)),
        entry->failures ? ", the outage is over" : "");
    entry->state = THERE;
    entry->schema = schema;
    end_lookup(s, entry);
}

static void answered(struct kb_schemas *s, struct entry *entry)
{
    struct kb_registry_document doc = {.n_refs = 0};
    struct kb_err err;
    struct kb_buf path;
    land(s, entry);
    kb_arena_reset(&s->arena);
    switch (kb_registry_read(&entry->req.reply, s->trusted, &s->arena, &doc, &err)) {
    case KB_REGISTRY_OUTAGE:
        failed(s, entry, err.text);
        return;
    case KB_REGISTRY_UNKNOWN:
        kb_metric_add(KB_METRIC_REGISTRY_OK, 1);
        refused(s, entry, &err);
        return;
    case KB_REGISTRY_DOCUMENT:
        break;
    }
    kb_metric_add(KB_METRIC_REGISTRY_OK, 1);
    s->trusted = true;
    hurry(s);
    if (!kb_lookup_take(entry->lookup, &doc, &err)) {
        refused(s, entry, &err);
        return;
    }
    entry->due_ms = s->now_ms;
    kb_buf_init(&path, URL_MAX);
    if (!kb_lookup_next(entry->lookup, &path))
        compile(s, entry);
    kb_buf_deinit(&path);
}

static void send(struct kb_schemas *s, struct entry *entry)
{
    struct kb_err err;
    kb_buf_reset(&entry->url);
    kb_buf_add(&entry->url, kb_slice_of(s->urls[s->url]));
    kb_lookup_next(entry->lookup, &entry->url);
    kb_buf_byte(&entry->url, '\0');
    if (entry->url.failed) {
        kb_err_record(&err, KB_FAILURE_DECODE, "the address of a schema it refers to is too long");
        refused(s, entry, &err);
        return;
    }
    entry->req = (struct kb_http_request){.method = "GET",
        .url = entry->url.ptr,
        .headers = s->headers,
        .headers_version = s->headers_version,
        .open_timeout_ms = OPEN_TIMEOUT_MS,
        .timeout_ms = TIMEOUT_MS,
        .max_reply = REPLY_MAX,
        .context = entry};
    if (!s->transport->ops->submit(s->transport, &entry->req, &err)) {
        failed(s, entry, err.text);
        return;
    }
    entry->flying = true;
    s->n_flying++;
}

void kb_schemas_step(struct kb_schemas *s, int64_t now_ms)
{
    struct kb_http_request *done;
    s->now_ms = now_ms;
    if (s->n_awaited == 0)
        return;
    while (s->n_flying > 0 && (done = s->transport->ops->done(s->transport)) != NULL)
        answered(s, done->context);
    for (struct entry *entry = s->all; entry && s->n_flying < FLYING_MAX; entry = entry->next)
        if (entry->state == AWAITED && !entry->flying && entry->due_ms <= now_ms)
            send(s, entry);
}

int64_t kb_schemas_wake_ms(const struct kb_schemas *s)
{
    int64_t wake = INT64_MAX;
    if (s->n_awaited == 0 || s->n_flying == FLYING_MAX)
        return wake;
    for (const struct entry *entry = s->all; entry; entry = entry->next)
        if (entry->state == AWAITED && !entry->flying && entry->due_ms < wake)
            wake = entry->due_ms;
    return wake;
}

uint64_t kb_schemas_changes(const struct kb_schemas *s)
{
    return s->changes;
}

void kb_schemas_status(const struct kb_schemas *s, struct kb_schemas_status *out)
{
    *out = (struct kb_schemas_status){.cached = s->n - s->n_awaited, .awaited = s->n_awaited};
    for (const struct entry *entry = s->n_awaited ? s->all : NULL; entry; entry = entry->next)
        out->failing += entry->state == AWAITED && entry->failures > 0;
    if (out->failing > 0)
        snprintf(out->text, sizeof(out->text), "%s", s->last_failure);
}

/* ---- begin and end ---- */

struct kb_schemas *kb_schemas_new(const struct kb_registry_options *options,
    struct kb_transport *transport, struct kb_random *random, struct kb_err *err)
{
    struct kb_schemas *s = calloc(1, sizeof(*s));
    if (!s) {
        kb_err_fatal(err, "no memory for the schemas");
        return NULL;
    }
    s->transport = transport;
    s->random = random;
    kb_arena_init(&s->arena, TREE_MAX);
    if (set_options(s, options, err))
        return s;
    kb_schemas_free(s);
    return NULL;
}

void kb_schemas_free(struct kb_schemas *s)
{
    if (!s)
        return;
    for (struct entry *entry = s->all, *next; entry; entry = next) {
        next = entry->next;
        entry_free(s, entry);
    }
    forget_options(s);
    kb_arena_deinit(&s->arena);
    free(s);
}

bool kb_schemas_change(
    struct kb_schemas *s, const struct kb_registry_options *options, struct kb_err *err)
{
    for (struct entry *entry = s->all; entry; entry = entry->next) {
        if (entry->flying)
            s->transport->ops->cancel(s->transport, &entry->req);
        land(s, entry);
        if (entry->state == AWAITED)
            entry->due_ms = s->now_ms;
    }
    return set_options(s, options, err);
}
