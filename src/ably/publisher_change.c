/* What a publisher makes of its options: made for the first time by kb_publisher_new, made anew
 * when a reload changes them (publisher.h: kb_publisher_change). Called by publisher.c.
 *
 * The change waits until no request is out. Requests borrow their address, headers and room from
 * what is about to go, and only then is nobody's order, count or limit in between two settings.
 * That takes a round trip, at the worst a request's timeout; meanwhile nothing is sent. Everything
 * that can fail is made first, so that the change itself can't. Thread: the worker's. */
#include "ably/publisher_inside.h"

struct kb_publisher_setup {
    struct kb_publisher_options options; /* its texts are this setup's own */
    struct kb_requests *requests;        /* the requests point into it */
    struct kb_auth *auth;
    struct kb_request *idle;
    struct kb_reply reply;
    uint8_t *fates;
};

/* Specs of one request: a probe takes two even where one is the limit. */
static size_t room(const struct kb_publisher_options *options)
{
    return options->max_records > 2 ? options->max_records : 2;
}

static void free_texts(struct kb_publisher_options *options)
{
    free((struct kb_host_list *)options->hosts);
    free((char *)options->client_id);
    free((char *)options->agent);
}

void kb_publisher_requests_free(struct kb_request *req)
{
    while (req) {
        struct kb_request *next = req->next;
        free(req);
        req = next;
    }
}

void kb_publisher_forget(struct kb_publisher_setup *setup)
{
    if (!setup)
        return;
    kb_publisher_requests_free(setup->idle);
    if (setup->requests)
        kb_requests_deinit(setup->requests);
    free(setup->requests);
    kb_reply_deinit(&setup->reply);
    free(setup->fates);
    kb_auth_free(setup->auth);
    free_texts(&setup->options);
    free(setup);
}

static bool copy_texts(struct kb_publisher_options *to, const struct kb_publisher_options *from)
{
    *to = *from;
    struct kb_host_list *hosts = malloc(sizeof(*hosts));
    if (hosts)
        *hosts = *from->hosts;
    to->hosts = hosts;
    to->client_id = from->client_id ? strdup(from->client_id) : NULL;
    to->agent = strdup(from->agent);
    return hosts && to->agent && (to->client_id || !from->client_id);
}

/* As many as may fly at once; no further one is ever made. */
static bool requests_new(struct kb_publisher_setup *setup)
{
    for (int i = 0; i < setup->options.concurrency; i++) {
        struct kb_request *req = kb_request_new(setup->requests, room(&setup->options));
        if (!req)
            return false;
        req->next = setup->idle;
        setup->idle = req;
    }
    return true;
}

struct kb_auth_options kb_publisher_auth_options(const struct kb_publisher_options *options)
{
    struct kb_auth_options auth = options->auth;
    auth.client_id = options->client_id;
    auth.agent = options->agent;
    auth.open_timeout_ms = options->open_timeout_ms;
    auth.timeout_ms = options->request_timeout_ms;
    return auth;
}

/* `version` tells its headers from those of every other setup, whatever their address. */
static struct kb_publisher_setup *setup_new(
    const struct kb_publisher *pub, const struct kb_publisher_options *options, uint64_t version)
{
    const struct kb_auth_options auth = kb_publisher_auth_options(options);
    struct kb_err err;
    struct kb_publisher_setup *setup = calloc(1, sizeof(*setup));
    if (!setup)
        return NULL;
    const struct kb_publisher_options *own = &setup->options;
    setup->requests = calloc(1, sizeof(*setup->requests));
    setup->fates = calloc(room(options), 1);
    setup->auth = kb_auth_new(&auth, pub->transport, options->clock, pub->random, &err);
    const char *client_id = kb_auth_is_basic(&auth) ? options->client_id : NULL; /* RSA7e2 */
    if (setup->auth && copy_texts(&setup->options, options) && setup->requests && setup->fates &&
        kb_reply_init(&setup->reply, room(options)) &&
        kb_requests_init(setup->requests, own->hosts, client_id, own->agent, own->msgpack)) {
        setup->options.auth = *kb_auth_options(setup->auth);
        setup->requests->version = version;
        setup->requests->open_timeout_ms = own->open_timeout_ms;
        setup->requests->timeout_ms = own->request_timeout_ms;
        if (requests_new(setup))
            return setup;
    }
    kb_publisher_forget(setup);
    return NULL;
}

static bool same_hosts(const struct kb_host_list *a, const struct kb_host_list *b)
{
    if (a->n != b->n)
        return false;
    for (size_t i = 0; i < a->n; i++)
        if (strcmp(a->url[i], b->url[i]) != 0)
            return false;
    return true;
}

static bool same_connection(
    const struct kb_publisher_options *a, const struct kb_publisher_options *b)
{
    const struct kb_auth_options auth_a = kb_publisher_auth_options(a),
                                 auth_b = kb_publisher_auth_options(b);
    return same_hosts(a->hosts, b->hosts) && kb_auth_options_same(&auth_a, &auth_b) &&
           kb_text_same(a->client_id, b->client_id) && kb_text_same(a->agent, b->agent);
}

static bool same_limits(const struct kb_publisher_options *a, const struct kb_publisher_options *b)
{
    return a->concurrency == b->concurrency && a->requests_per_second == b->requests_per_second &&
           a->burst == b->burst && a->messages_per_second == b->messages_per_second &&
           a->channel_messages_per_second == b->channel_messages_per_second &&
           a->group_size == b->group_size && a->linger_ms == b->linger_ms &&
           a->max_records == b->max_records && a->max_bytes == b->max_bytes &&
           a->max_channels == b->max_channels && a->ordered == b->ordered &&
           a->open_timeout_ms == b->open_timeout_ms &&
           a->request_timeout_ms == b->request_timeout_ms && a->max_retries == b->max_retries &&
           a->retry_ms == b->retry_ms && a->keep_ms == b->keep_ms;
}

static struct kb_lanes_options lanes_options(const struct kb_publisher_options *options)
{
    return (struct kb_lanes_options){KB_PUBLISHER_LANES, options->ordered, options->max_records,
        options->max_bytes, options->max_channels, options->channel_messages_per_second};
}

bool kb_publisher_prepare(struct kb_publisher *pub, const struct kb_publisher_options *options,
    struct kb_publisher_setup **out, struct kb_err *err)
{
    KB_BUG_ON(options->concurrency < 1 || options->max_records < 1 || options->max_channels < 1);
    const struct kb_publisher_options *latest = pub->change ? &pub->change->options : &pub->options;
    *out = NULL;
    if (pub->version > 0 && same_connection(latest, options) && same_limits(latest, options))
        return true;
    struct kb_publisher_setup *setup = setup_new(pub, options, pub->version + 1);
    if (!setup || !kb_lanes_reserve(pub->lanes, options->max_channels)) {
        kb_publisher_forget(setup);
        return kb_err_fatal(err, "no memory for the publisher");
    }
    *out = setup;
    return true;
}

void kb_publisher_adopt(struct kb_publisher *pub, struct kb_publisher_setup *setup, int64_t now_ms)
{
    if (!setup)
        return;
    pub->version++;
    kb_publisher_forget(pub->change); /* one that nobody waits for any more */
    pub->change = setup;
    kb_publisher_change_if_idle(pub, now_ms);
}

bool kb_publisher_change(struct kb_publisher *pub, const struct kb_publisher_options *options,
    int64_t now_ms, struct kb_err *err)
{
    struct kb_publisher_setup *setup;
    if (!kb_publisher_prepare(pub, options, &setup, err))
        return false;
    kb_publisher_adopt(pub, setup, now_ms);
    return true;
}

#define SWAP(type, a, b)    \
    do {                    \
        type swapped = (a); \
        (a) = (b);          \
        (b) = swapped;      \
    } while (0)

void kb_publisher_change_if_idle(struct kb_publisher *pub, int64_t now_ms)
{
    struct kb_publisher_setup *setup = pub->change;
    if (!setup || pub->n_flying > 0)
        return;
    pub->change = NULL;
    bool first = !pub->options.hosts;
    bool elsewhere = !first && !same_connection(&pub->options, &setup->options);
    SWAP(struct kb_publisher_options, pub->options, setup->options);
    SWAP(struct kb_requests *, pub->requests, setup->requests);
    SWAP(struct kb_auth *, pub->auth, setup->auth);
    SWAP(struct kb_request *, pub->idle, setup->idle);
    SWAP(struct kb_reply, pub->reply, setup->reply);
    SWAP(uint8_t *, pub->fates.of, setup->fates);
    kb_publisher_forget(setup);

    struct kb_hosts before = pub->hosts;
    kb_hosts_init(&pub->hosts, pub->options.hosts, pub->options.max_retries, pub->options.retry_ms,
        pub->options.keep_ms);
    if (!first && !elsewhere) {
        pub->hosts.preferred = before.preferred;
        pub->hosts.preferred_until_ms = before.preferred_until_ms;
    }
    const struct kb_lanes_options lanes = lanes_options(&pub->options);
    pub->grouper.max_size = pub->options.group_size;
    pub->grouper.max_messages = pub->options.max_records;
    pub->grouper.max_bytes = pub->options.max_bytes;
    kb_lanes_change(pub->lanes, &lanes);
    double requests = pub->options.requests_per_second, burst = pub->options.burst;
    double messages = pub->options.messages_per_second;
    if (first) {
        kb_pace_init(&pub->requests_pace, requests, burst);
        kb_pace_init(&pub->messages_pace, messages, messages);
    } else {
        kb_pace_change(&pub->requests_pace, requests, burst, now_ms);
        kb_pace_change(&pub->messages_pace, messages, messages, now_ms);
    }
    if (elsewhere)
        kb_gate_hurry(&pub->gate, now_ms);
}

void kb_publisher_change_free(struct kb_publisher *pub)
{
    kb_publisher_forget(pub->change);
    kb_publisher_requests_free(pub->idle);
    if (pub->requests)
        kb_requests_deinit(pub->requests);
    free(pub->requests);
    kb_auth_free(pub->auth);
    kb_reply_deinit(&pub->reply);
    free(pub->fates.of);
    free_texts(&pub->options);
}
