/* The schema registry, as `check --online` sees it: does each address answer, are the credentials
 * taken, and do the schemas that topics will need fit the formats that the file gives them? Called
 * by online.c. Only questions are asked (GET). */
#include "cli/online_parts.h"

#include "decode/registry_address.h"
#include "decode/schema.h"
#include "pipeline/settings.h"
#include "value/json_tree.h"

#include <inttypes.h>

#define TIMEOUT_MS 10000
#define REPLY_MAX (4u << 20)
#define TREE_MAX (64u << 20)

struct registry {
    const struct kb_config *config;
    struct kb_outside *outside;
    struct kb_findings *found;
    struct kb_registry_access access;
    const char *url; /* an address that answers; NULL = none yet */
    struct kb_arena arena;
    struct kb_err err;
};

static void begin(struct registry *r, struct kb_http_request *req, const char *url)
{
    *req = (struct kb_http_request){.method = "GET",
        .url = url,
        .headers = r->access.headers,
        .open_timeout_ms = TIMEOUT_MS / 2,
        .timeout_ms = TIMEOUT_MS,
        .max_reply = REPLY_MAX};
}

/* The answer as JSON, in r->arena; NULL where it is none. */
static const struct kb_json_node *tree(struct registry *r, const struct kb_http_request *req)
{
    kb_arena_reset(&r->arena);
    return kb_json_tree(req->reply.body, &r->arena, &r->err);
}

/* ---- the addresses ---- */

static const char *fix_for(int status)
{
    if (status == 401 || status == 403)
        return "look at registry { auth } or { token }";
    if (status == 404)
        return "is the path of the address right?";
    if (status >= 300 && status < 400)
        return "redirects are not followed: give the address it leads to";
    return "is that a schema registry, and is it well?";
}

static void take_subjects(void *context, struct kb_http_request *req)
{
    struct registry *r = context;
    const struct kb_http_reply *reply = &req->reply;
    const char *url = req->context;
    const struct kb_json_node *doc = reply->status == 200 ? tree(r, req) : NULL;
    if (reply->status == 0)
        kb_found(r->found, KB_FOUND_AMISS, "registry",
            "%s: %s; does it run, and is registry { url } right?", url, kb_outside_why(req));
    else if (reply->status != 200)
        kb_found(r->found, KB_FOUND_AMISS, "registry", "%s answers HTTP %d; %s", url, reply->status,
            fix_for(reply->status));
    else if (!reply->truncated && (!doc || doc->kind != KB_JSON_ARRAY))
        kb_found(r->found, KB_FOUND_AMISS, "registry",
            "%s answers, but not as a schema registry does; is the path of the address right?",
            url);
    else {
        kb_found(r->found, KB_FOUND_WELL, "registry", "%s answers%s", url,
            r->access.authorization ? " and takes the credentials" : "");
        r->url = url;
    }
}

static void ask_addresses(struct registry *r)
{
    char urls[KB_REGISTRY_URLS_MAX][KB_REGISTRY_URL_MAX + 16];
    struct kb_http_request reqs[KB_REGISTRY_URLS_MAX];
    for (size_t i = 0; i < r->access.n_urls; i++) {
        snprintf(urls[i], sizeof(urls[i]), "%s/subjects", r->access.urls[i]);
        begin(r, &reqs[i], urls[i]);
        reqs[i].context = r->access.urls[i];
    }
    kb_outside_ask(r->outside, r->outside->registry, reqs, r->access.n_urls, take_subjects, r);
}

/* ---- the schemas of topics ---- */

struct side {
    struct registry *r;
    const char *topic, *side; /* "key" or "value" */
    enum kb_format format;
    enum kb_schema_type type; /* that it reads */
};

/* It answered a moment ago; the others of its subjects are not asked for. */
static void lose(struct registry *r, const struct kb_http_request *req)
{
    const struct kb_http_reply *reply = &req->reply;
    if (reply->status == 0)
        kb_found(r->found, KB_FOUND_AMISS, "registry", "%s: %s", req->url, kb_outside_why(req));
    else
        kb_found(r->found, KB_FOUND_AMISS, "registry", "%s answers HTTP %d; %s", req->url,
            reply->status, fix_for(reply->status));
    r->url = NULL;
}

/* As serializers name subjects unless told otherwise; another strategy is no mistake. */
static void take_latest(void *context, struct kb_http_request *req)
{
    const struct side *s = context;
    struct kb_findings *found = s->r->found;
    const struct kb_json_node *doc = req->reply.status == 200 ? tree(s->r, req) : NULL;
    struct kb_slice type = kb_json_text(doc, "schemaType");
    if (!type.ptr)
        type = kb_slice_of(kb_schema_type_name(KB_SCHEMA_AVRO)); /* the API leaves it out */
    if (req->reply.status == 404)
        kb_found(found, KB_FOUND_WARNING, "registry",
            "no subject %s-%s for %s = \"%s\": its producers name subjects another way, or have "
            "written nothing yet",
            s->topic, s->side, s->side, kb_format_name(s->format));
    else if (!doc)
        lose(s->r, req);
    else if (!kb_slice_is(type, kb_schema_type_name(s->type)))
        kb_found(found, KB_FOUND_AMISS, "registry",
            "subject %s-%s is of type " KB_FMT ", but the topic has %s = \"%s\"; correct it, or "
            "leave it out: auto knows by the schema",
            s->topic, s->side, KB_ARG(type), s->side, kb_format_name(s->format));
    else
        kb_found(found, KB_FOUND_WELL, "registry", "subject %s-%s is of type " KB_FMT, s->topic,
            s->side, KB_ARG(type));
}

static void ask_side(struct registry *r, const char *topic, const char *side, enum kb_format format)
{
    struct side s = {.r = r, .topic = topic, .side = side, .format = format};
    char url[KB_REGISTRY_URL_MAX + 400]; /* a topic's name has nothing to escape */
    struct kb_http_request req;
    if (!r->url || !kb_schema_type_of(format, &s.type))
        return;
    snprintf(url, sizeof(url), "%s/subjects/%s-%s/versions/latest", r->url, topic, side);
    begin(r, &req, url);
    kb_outside_ask(r->outside, r->outside->registry, &req, 1, take_latest, &s);
}

static void ask_topics(struct registry *r)
{
    for (size_t i = 0; i < r->config->n_topics; i++) {
        const struct kb_rules *rules = &r->config->topics[i];
        for (size_t j = 0; j < rules->n_patterns; j++) {
            if (rules->patterns[j].is_regex)
                continue;
            ask_side(r, rules->patterns[j].text, "key", rules->key_format);
            ask_side(r, rules->patterns[j].text, "value", rules->value_format);
        }
    }
}

void kb_online_registry(
    const struct kb_config *config, struct kb_outside *outside, struct kb_findings *found)
{
    struct registry r = {.config = config, .outside = outside, .found = found};
    const struct kb_registry_options options = kb_settings_registry(config);
    if (!options.urls)
        return;
    if (!kb_registry_access_init(&r.access, &options, &r.err)) {
        kb_found(found, KB_FOUND_AMISS, "registry", "%s", r.err.text);
        return;
    }
    kb_arena_init(&r.arena, TREE_MAX);
    ask_addresses(&r);
    ask_topics(&r);
    kb_arena_deinit(&r.arena);
    kb_registry_access_deinit(&r.access);
}
