/* Ably, as `check --online` sees it: does each host answer, through the proxy if there is one, and
 * are the credentials taken that a publish would use? Called by online.c. Nothing is published: a
 * key is asked for a token, whose capability says what the key may do and which is thrown away; a
 * token is tried on the history of a channel. */
#include "cli/online_parts.h"

#include "ably/endpoint.h"
#include "base/clock.h"
#include "cli/capability.h"
#include "pipeline/settings.h"
#include "value/json_tree.h"

#include <curl/curl.h>
#include <inttypes.h>
#include <stdlib.h>

#define TIMEOUT_MS 10000
#define REPLY_MAX (256u << 10)
#define TREE_MAX (4u << 20)
#define SKEW_MS 60000
#define WAIT_MS 50
#define NOT_BY_CAPABILITY 40160 /* a token that is taken, but not for this */

struct host {
    bool well;
    bool here;        /* it is this side that can't, its proxy for one */
    int64_t ahead_ms; /* our clock's of its */
    struct kb_err why;
};

struct ably {
    const struct kb_config *config;
    struct kb_outside *outside;
    struct kb_findings *found;
    struct kb_host_list list;
    struct host hosts[KB_HOSTS_MAX];
    size_t n_well;
    const char *url; /* the first host that answers */
    struct kb_arena arena;
    struct kb_err err;
};

static int timeout_ms(int64_t wished)
{
    return wished < TIMEOUT_MS ? (int)wished : TIMEOUT_MS;
}

static void begin(const struct ably *a, struct kb_http_request *req, const char *method,
    const char *url, const char *const *headers)
{
    *req = (struct kb_http_request){.method = method,
        .url = url,
        .headers = headers,
        .open_timeout_ms = timeout_ms(a->config->ably.http_open_timeout_ms),
        .timeout_ms = timeout_ms(a->config->ably.http_request_timeout_ms),
        .max_reply = REPLY_MAX};
}

static const struct kb_json_node *tree(struct ably *a, const struct kb_http_reply *reply)
{
    kb_arena_reset(&a->arena);
    return kb_json_tree(reply->body, &a->arena, &a->err);
}

/* ---- hosts ---- */

/* [1764220000000]: Ably's clock. -1 = that is no answer of Ably's. */
static int64_t time_of(struct ably *a, const struct kb_http_reply *reply)
{
    const struct kb_json_node *doc = reply->status == 200 ? tree(a, reply) : NULL;
    if (!doc || doc->kind != KB_JSON_ARRAY || doc->n != 1 || doc->first->kind != KB_JSON_NUMBER)
        return -1;
    char digits[24]; /* with an end, which a slice has not */
    snprintf(digits, sizeof(digits), KB_FMT, KB_ARG(doc->first->text));
    return strtoll(digits, NULL, 10);
}

static void take_time(void *context, struct kb_http_request *req)
{
    struct ably *a = context;
    const struct kb_http_reply *reply = &req->reply;
    struct host *host = req->context;
    int64_t theirs = time_of(a, reply);
    host->well = theirs >= 0;
    host->here = reply->local;
    host->ahead_ms = kb_system_wall_ms() - theirs;
    a->n_well += host->well;
    if (reply->status != 0)
        kb_err_outage(&host->why, "answers HTTP %d, not as Ably does", reply->status);
    else
        kb_err_outage(&host->why, "%s", kb_outside_why(req));
    host->why.code = reply->err.code;
}

/* What to do, for the end of the line; what the transport says of TLS has it already. */
static const char *fix_for(const struct ably *a, const struct host *host)
{
    switch (host->why.code) {
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CONNECT_ERROR:
        return "";
    }
    if (a->config->ably.proxy)
        return "; the way there is ably { proxy }: look at that first";
    return host->here ? "; look at the variables https_proxy and no_proxy"
                      : "; look at ably { endpoint, port } and at firewalls between";
}

static void tell_clock(const struct ably *a, const struct host *host)
{
    int64_t seconds = host->ahead_ms / 1000;
    if (host->ahead_ms > SKEW_MS || host->ahead_ms < -SKEW_MS)
        kb_found(a->found, KB_FOUND_WARNING, "Ably",
            "this machine's clock is %" PRId64 " s %s Ably's; set it, tokens depend on it",
            seconds < 0 ? -seconds : seconds, seconds < 0 ? "behind" : "ahead of");
}

/* Where none answers it is mostly for one reason: that of the first is told. */
static void tell_hosts(struct ably *a)
{
    size_t n = a->list.n;
    if (a->n_well == 0 && n > 1) {
        kb_found(a->found, KB_FOUND_AMISS, "Ably",
            "%s: %s; nor does any of its %zu fallback hosts answer%s", a->list.url[0],
            a->hosts[0].why.text, n - 1, fix_for(a, &a->hosts[0]));
        return;
    }
    for (size_t i = 0; i < n; i++) {
        const struct host *host = &a->hosts[i];
        if (!host->well)
            kb_found(a->found, i == 0 ? KB_FOUND_AMISS : KB_FOUND_WARNING, "Ably", "%s%s: %s%s",
                i == 0 ? "" : "fallback host ", a->list.url[i], host->why.text, fix_for(a, host));
        if (host->well && !a->url) {
            a->url = a->list.url[i];
            tell_clock(a, host);
        }
    }
    if (a->n_well == n && n > 1)
        kb_found(a->found, KB_FOUND_WELL, "Ably", "%s and its %zu fallback host%s answer",
            a->list.url[0], n - 1, n == 2 ? "" : "s");
}

static void ask_hosts(struct ably *a)
{
    static const char *const headers[] = {
        "Accept: application/json", "X-Ably-Version: " KB_ABLY_VERSION, NULL};
    struct kb_http_request *reqs = calloc(a->list.n, sizeof(*reqs));
    char(*urls)[KB_HOST_URL_MAX + 8] = calloc(a->list.n, sizeof(*urls));
    for (size_t i = 0; reqs && urls && i < a->list.n; i++) {
        snprintf(urls[i], sizeof(urls[i]), "%s/time", a->list.url[i]);
        begin(a, &reqs[i], "GET", urls[i], headers);
        reqs[i].context = &a->hosts[i];
    }
    if (reqs && urls)
        kb_outside_ask(a->outside, a->outside->ably, reqs, a->list.n, take_time, a);
    free(reqs);
    free(urls);
    tell_hosts(a);
}

/* ---- credentials ---- */

static void refuse(struct ably *a, const struct kb_http_reply *reply, const char *what)
{
    const struct kb_json_node *doc = tree(a, reply), *error = kb_json_member(doc, "error");
    struct kb_slice message = kb_json_text(error, "message");
    if (reply->status == 0)
        kb_found(a->found, KB_FOUND_AMISS, "Ably", "%s", reply->err.text);
    else
        kb_found(a->found, KB_FOUND_AMISS, "Ably", "%s refuses %s: HTTP %d: " KB_FMT "; %s", a->url,
            what, reply->status, KB_ARG(message.ptr ? message : KB_S("without a reason")),
            reply->status == 401 || reply->status == 403
                ? "take the key from Ably's dashboard (API keys), and see that it is this app's"
                : "that is not for the credentials: is this endpoint Ably's?");
}

/* The channels of a topic that begin as the file says, where a function does not choose them. */
static void check_channel(struct ably *a, const struct kb_json_node *capability,
    const struct kb_rules *rules, const struct kb_template *channel)
{
    struct kb_slice text;
    bool whole = kb_template_constant(channel, &text);
    if (!whole)
        text = kb_template_prefix(channel);
    if (!kb_template_is_function(channel) && !kb_capability_publishes(capability, text, whole))
        kb_found(a->found, KB_FOUND_AMISS, "Ably",
            "the key may not publish to \"" KB_FMT "\" (%s); give it that capability in Ably's "
            "dashboard",
            KB_ARG(kb_template_text(channel)), rules->where);
}

static void check_channels(struct ably *a, const struct kb_json_node *capability)
{
    for (size_t i = 0; i < a->config->n_topics; i++) {
        const struct kb_rules *rules = &a->config->topics[i];
        check_channel(a, capability, rules, rules->channel);
        for (size_t k = 0; k < rules->n_more_channels; k++)
            check_channel(a, capability, rules, rules->more_channels[k]);
    }
}

/* POST /keys/NAME/requestToken, as an SDK does that has a key. */
struct question {
    const char *key;
    char body[256];
    size_t len, at;
};

static size_t read_body(struct kb_http_request *req, char *room, size_t size)
{
    struct question *q = req->context;
    size_t part = q->len - q->at < size ? q->len - q->at : size;
    memcpy(room, q->body + q->at, part);
    q->at += part;
    return part;
}

static void rewind_body(struct kb_http_request *req)
{
    ((struct question *)req->context)->at = 0;
}

static void take_capability(void *context, struct kb_http_request *req)
{
    struct ably *a = context;
    const char *key = ((const struct question *)req->context)->key;
    char what[200];
    snprintf(what, sizeof(what), "the key %.*s", (int)strcspn(key, ":"), key);
    if (req->reply.status / 100 != 2) {
        refuse(a, &req->reply, what);
        return;
    }
    struct kb_slice capability = kb_json_text(tree(a, &req->reply), "capability");
    kb_found(a->found, KB_FOUND_WELL, "Ably", "%s takes %s, which may do " KB_FMT, a->url, what,
        KB_ARG(capability.ptr ? capability : KB_S("what it does not say")));
    if (capability.ptr)
        check_channels(a, kb_json_tree(capability, &a->arena, &a->err));
}

static void try_key(struct ably *a, const struct kb_auth *auth)
{
    const char *const headers[] = {kb_auth_line(auth), "Content-Type: application/json",
        "Accept: application/json", "X-Ably-Version: " KB_ABLY_VERSION, NULL};
    struct question q = {.key = a->config->ably.key};
    char url[KB_HOST_URL_MAX + 256];
    struct kb_http_request req;
    int name = (int)strcspn(q.key, ":");
    int len = snprintf(q.body, sizeof(q.body), "{\"keyName\":\"%.*s\",\"timestamp\":%" PRId64 "}",
        name, q.key, kb_system_wall_ms());
    if (len >= (int)sizeof(q.body) || snprintf(url, sizeof(url), "%s/keys/%.*s/requestToken",
                                          a->url, name, q.key) >= (int)sizeof(url)) {
        kb_found(a->found, KB_FOUND_AMISS, "Ably", "the key's name is too long to be one");
        return;
    }
    q.len = (size_t)len;
    begin(a, &req, "POST", url, headers);
    req.body_len = q.len;
    req.read = read_body;
    req.rewind = rewind_body;
    req.context = &q;
    kb_outside_ask(a->outside, a->outside->ably, &req, 1, take_capability, a);
}

static const char *source_of(const struct kb_config *config)
{
    return config->ably.token      ? "the file gives"
           : config->ably.auth_url ? "auth_url gives"
                                   : "the key gets";
}

/* Of the history a token may know nothing; that it is told so means that it is taken. */
static void take_history(void *context, struct kb_http_request *req)
{
    struct ably *a = context;
    const struct kb_http_reply *reply = &req->reply;
    int64_t code = -1;
    if (reply->status / 100 == 4)
        code = kb_json_count(kb_json_member(tree(a, reply), "error"), "code");
    if (reply->status / 100 == 2 || code == NOT_BY_CAPABILITY)
        kb_found(a->found, KB_FOUND_WELL, "Ably", "%s takes the token that %s", a->url,
            source_of(a->config));
    else
        refuse(a, reply, "the token");
}

static void try_token(struct ably *a, const struct kb_auth *auth)
{
    const char *const headers[] = {
        kb_auth_line(auth), "Accept: application/json", "X-Ably-Version: " KB_ABLY_VERSION, NULL};
    char url[KB_HOST_URL_MAX + 64];
    struct kb_http_request req;
    snprintf(url, sizeof(url), "%s/channels/kably-check/messages?limit=1", a->url);
    begin(a, &req, "GET", url, headers);
    kb_outside_ask(a->outside, a->outside->ably, &req, 1, take_history, a);
}

/* As the daemon gets it: what is given, signed here, or asked for. */
static bool get_credentials(struct ably *a, struct kb_auth *auth)
{
    struct kb_transport *door = a->outside->ably;
    bool elsewhere;
    enum kb_auth_step step = KB_AUTH_READY;
    if (!kb_auth_ready(auth, kb_system_now_ms()))
        step = kb_auth_begin(auth, a->url, kb_system_now_ms(), &a->err);
    while (step == KB_AUTH_ASKING) {
        if (door->ops->done(door))
            step = kb_auth_ended(auth, kb_system_now_ms(), &elsewhere, &a->err);
        else
            kb_curl_wait(door, NULL, 0, WAIT_MS);
    }
    return step == KB_AUTH_READY;
}

static void ask_credentials(struct ably *a)
{
    struct kb_auth_options options = kb_settings_auth(a->config);
    options.open_timeout_ms = timeout_ms(options.open_timeout_ms);
    options.timeout_ms = timeout_ms(options.timeout_ms);
    struct kb_auth *auth =
        kb_auth_new(&options, a->outside->ably, kb_clock_system(), kb_random_system(), &a->err);
    if (!auth || !get_credentials(a, auth))
        kb_found(a->found, KB_FOUND_AMISS, "Ably", "no token: %s", a->err.text);
    else if (kb_auth_is_basic(&options))
        try_key(a, auth);
    else
        try_token(a, auth);
    kb_auth_free(auth);
}

void kb_online_ably(
    const struct kb_config *config, struct kb_outside *outside, struct kb_findings *found)
{
    struct ably *a = calloc(1, sizeof(*a));
    if (!a) {
        kb_found(found, KB_FOUND_AMISS, "Ably", "out of memory");
        return;
    }
    a->config = config;
    a->outside = outside;
    a->found = found;
    kb_arena_init(&a->arena, TREE_MAX);
    if (!kb_endpoint_hosts(config->ably.endpoint, config->ably.fallback_hosts, config->ably.tls,
            config->ably.port, &a->list, &a->err))
        kb_found(found, KB_FOUND_AMISS, "Ably", "%s", a->err.text);
    else
        ask_hosts(a);
    if (a->url)
        ask_credentials(a);
    kb_arena_deinit(&a->arena);
    free(a);
}
