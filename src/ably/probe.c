/* One request to find out whether Ably takes the settings; see probe.h. Called by
 * pipeline/probe.c. */
#include "ably/probe.h"

#include "ably/hosts.h"
#include "ably/reply.h"
#include "ably/request.h"

#define URL_MAX (KB_HOST_URL_MAX + 64)
#define ANSWER_MAX ((size_t)64 << 10)

struct kb_ably_probe {
    struct kb_transport *transport;
    struct kb_random *random;
    struct kb_hosts hosts;
    struct kb_host_tries tries;
    struct kb_auth *auth;
    struct kb_requests requests; /* for its headers */
    struct kb_reply reply;
    struct kb_http_request http;
    char url[URL_MAX];
    bool begun, flying;
    uint64_t generation; /* of the credentials it was sent with */
    bool renewed;        /* they were refused once, and others could be had */
    enum kb_probe_state state;
    struct kb_err err; /* of FAILED */
};

struct kb_ably_probe *kb_ably_probe_new(const struct kb_publisher_options *options,
    struct kb_transport *transport, struct kb_random *random, struct kb_err *err)
{
    const struct kb_auth_options auth = kb_publisher_auth_options(options);
    const char *client_id = kb_auth_is_basic(&auth) ? options->client_id : NULL;

    struct kb_ably_probe *probe = calloc(1, sizeof(*probe));
    if (!probe) {
        kb_err_fatal(err, "no memory to ask Ably");
        return NULL;
    }
    probe->transport = transport;
    probe->random = random;
    kb_hosts_init(
        &probe->hosts, options->hosts, options->max_retries, options->retry_ms, options->keep_ms);
    probe->auth = kb_auth_new(&auth, transport, options->clock, random, err);
    if (probe->auth && kb_reply_init(&probe->reply, 1) &&
        kb_requests_init(&probe->requests, options->hosts, client_id, options->agent, false)) {
        probe->http = (struct kb_http_request){.method = "GET",
            .url = probe->url,
            .headers = probe->requests.headers,
            .open_timeout_ms = options->open_timeout_ms,
            .timeout_ms = options->request_timeout_ms,
            .max_reply = ANSWER_MAX};
        return probe;
    }
    if (probe->auth)
        kb_err_fatal(err, "no memory to ask Ably");
    kb_ably_probe_free(probe);
    return NULL;
}

void kb_ably_probe_free(struct kb_ably_probe *probe)
{
    if (!probe)
        return;
    if (probe->flying)
        probe->transport->ops->cancel(probe->transport, &probe->http);
    kb_auth_free(probe->auth);
    kb_reply_deinit(&probe->reply);
    kb_requests_deinit(&probe->requests);
    free(probe);
}

static const char *host(const struct kb_ably_probe *probe)
{
    return probe->hosts.list.url[probe->tries.host];
}

static void succeed(struct kb_ably_probe *probe)
{
    probe->state = KB_PROBE_WELL;
}

static void fail(struct kb_ably_probe *probe, const struct kb_err *err)
{
    probe->state = KB_PROBE_FAILED;
    probe->err = *err;
}

/* False: there is no other host to ask. */
static bool go_on_elsewhere(struct kb_ably_probe *probe, int64_t now_ms)
{
    return probe->hosts.list.n > 1 &&
           kb_hosts_next(&probe->hosts, &probe->tries, now_ms, probe->random->next(probe->random));
}

/* Ably has answered, or somebody in its place. */
static void judge(struct kb_ably_probe *probe, int64_t now_ms)
{
    struct kb_err err;
    const struct kb_http_reply *http = &probe->http.reply;
    kb_reply_read(&probe->reply, http, 1);
    const struct kb_result *whole = &probe->reply.whole;
    bool token = whole->class == KB_ABLY_TOKEN;
    bool capability = whole->code >= 40160 && whole->code <= 40169;
    bool spoken = whole->code > 0 && kb_ably_class_refuses(whole->class);
    if (http->status / 100 == 2 || capability || spoken || whole->class == KB_ABLY_RATE ||
        whole->class == KB_ABLY_RATE_CHANNEL) {
        succeed(probe);
    } else if ((token || whole->class == KB_ABLY_CREDENTIALS) && !probe->renewed &&
               kb_auth_refused(probe->auth, probe->generation, token, now_ms)) {
        probe->renewed = true;
    } else {
        kb_err_config(&err, "%s answers HTTP %d, %s: " KB_FMT, host(probe), http->status,
            kb_ably_class_help(whole->class), KB_ARG(whole->text));
        kb_auth_redact(probe->auth, err.text);
        fail(probe, &err);
    }
}

static void take_answer(struct kb_ably_probe *probe, int64_t now_ms)
{
    struct kb_err err;
    const struct kb_http_reply *http = &probe->http.reply;
    probe->flying = false;
    if (!kb_hosts_unserviceable(http)) {
        judge(probe, now_ms);
    } else if (!go_on_elsewhere(probe, now_ms)) {
        if (http->status)
            kb_err_outage(&err, "%s answers HTTP %d", host(probe), http->status);
        else
            kb_err_outage(&err, "%s: %s", host(probe), http->err.text);
        fail(probe, &err);
    }
}

static void take_token(struct kb_ably_probe *probe, int64_t now_ms)
{
    struct kb_err err;
    bool elsewhere;
    enum kb_auth_step step = kb_auth_ended(probe->auth, now_ms, &elsewhere, &err);
    if (step == KB_AUTH_FAILED && !(elsewhere && go_on_elsewhere(probe, now_ms)))
        fail(probe, &err);
}

static void collect(struct kb_ably_probe *probe, int64_t now_ms)
{
    struct kb_http_request *done;
    while ((done = probe->transport->ops->done(probe->transport))) {
        if (done == &probe->http)
            take_answer(probe, now_ms);
        else if (kb_auth_asks(probe->auth, done))
            take_token(probe, now_ms);
    }
}

static void send(struct kb_ably_probe *probe)
{
    struct kb_err err;
    snprintf(
        probe->url, sizeof(probe->url), "%s/channels/kably-probe/messages?limit=1", host(probe));
    probe->generation = kb_auth_generation(probe->auth);
    probe->requests.headers[0] = kb_auth_line(probe->auth);
    probe->http.headers_version++;
    probe->flying = probe->transport->ops->submit(probe->transport, &probe->http, &err);
    if (!probe->flying)
        fail(probe, &err);
}

static void begin_token(struct kb_ably_probe *probe, int64_t now_ms)
{
    struct kb_err err;
    if (kb_auth_begin(probe->auth, host(probe), now_ms, &err) == KB_AUTH_FAILED)
        fail(probe, &err);
}

enum kb_probe_state kb_ably_probe_step(
    struct kb_ably_probe *probe, int64_t now_ms, struct kb_err *err)
{
    if (!probe->begun)
        kb_hosts_begin(&probe->hosts, &probe->tries, now_ms);
    probe->begun = true;
    collect(probe, now_ms);
    if (probe->state == KB_PROBE_ASKING && !probe->flying && !kb_auth_asking(probe->auth) &&
        !kb_auth_ready(probe->auth, now_ms))
        begin_token(probe, now_ms);
    if (probe->state == KB_PROBE_ASKING && !probe->flying && kb_auth_ready(probe->auth, now_ms))
        send(probe);
    if (probe->state == KB_PROBE_FAILED)
        *err = probe->err;
    return probe->state;
}
