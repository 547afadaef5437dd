/* The publisher against a fake Ably behind a fake transport, on virtual time: the stories one by
 * one, then random faults from a seed with every promise checked after every step. */
#include "ably/publisher.h"

#include "ably/gate.h"
#include "base/buf.h"
#include "base/hash.h"
#include "base/log.h"
#include "metrics/metrics.h"

#include "support/prop.h"

#define SPECS 3000
#define REQUESTS 64
#define CHANNELS 30

/* What Ably says to one spec: 0 = accepted, else the code of the error. */
typedef int verdict_fn(void *world, size_t spec, size_t channel);

/* A request on its way; the answer is decided when it arrives, and given back at `due_ms`. */
struct flight {
    struct kb_http_request *req;
    size_t specs[1024], n;
    int64_t due_ms;
    int status; /* 0 = the reply is lost */
    size_t host;
    struct kb_buf body;
};

struct world {
    struct kb_transport door;
    struct kb_random_seeded random;
    struct kb_publisher_options options;
    struct kb_publisher *pub;
    int64_t now_ms;

    struct flight flights[REQUESTS];
    size_t n_flights;
    struct kb_buf given_body;
    size_t submitted, cancelled;
    bool refuse_submit, fresh; /* fresh: the last request wanted a connection of its own */
    size_t stale;              /* so many of the next requests meet a closed connection */
    struct kb_slice header_type;
    char authorization[80];       /* the last request's first header */
    const char *url;              /* where requests must go */
    size_t at_host[8], last_host; /* requests by the digit in the host's name */
    unsigned dead, sick;          /* bits of hosts: no connection; 503, nothing taken */

    /* Ably's side */
    int whole_status, whole_code; /* answer to whole requests; 0 = look at each spec */
    verdict_fn *verdict;
    int64_t latency_ms;
    bool lose_replies;
    size_t published[SPECS]; /* how often it was accepted as new: 1 at most, it drops duplicates */
    size_t arrivals[SPECS], n_arrivals; /* new ones, in order */

    /* ours */
    size_t n_specs, settled[SPECS], outcomes[3], n_settled;
    size_t channel_of[SPECS];
    size_t order[SPECS]; /* settled as published, in order */
    size_t n_order;
    bool unwanted[SPECS];
    struct kb_err last_err;
};

static struct world world;

/* ---- the fake transport and Ably ---- */

static size_t number_after(const char *text, const char *end, const char *name, const char **next)
{
    const char *at = memmem(text, (size_t)(end - text), name, strlen(name));
    assert_non_null(at);
    char *stop;
    size_t number = strtoul(at + strlen(name), &stop, 10);
    *next = stop;
    return number;
}

/* Reads the body as a transport does, in pieces, now and then from the start again. */
static void read_body(struct world *w, struct kb_http_request *req, struct kb_buf *body)
{
    char room[257];
    bool again = kb_random_below(&w->random.random, 4) == 0;
    kb_buf_reset(body);
    for (;;) {
        size_t size = 1 + kb_random_below(&w->random.random, sizeof(room));
        size_t n = req->read(req, room, size);
        assert_true(n <= size);
        kb_buf_add(body, (struct kb_slice){room, n});
        if (n == 0)
            break;
        if (again && body->len > req->body_len / 2) {
            again = false;
            req->rewind(req);
            kb_buf_reset(body);
        }
    }
    assert_int_equal(body->len, req->body_len);
    assert_int_equal(body->ptr[0], '[');
    assert_int_equal(body->ptr[body->len - 1], ']');
}

static bool fake_submit(struct kb_transport *door, struct kb_http_request *req, struct kb_err *err)
{
    struct world *w = (struct world *)door;
    if (w->refuse_submit)
        return kb_err_outage(err, "no socket");
    assert_true(w->n_flights < (size_t)w->options.concurrency);
    struct flight *flight = &w->flights[w->n_flights++];
    struct kb_buf body = flight->body;
    *flight = (struct flight){.req = req, .due_ms = w->now_ms + w->latency_ms, .body = body};
    if (!flight->body.max)
        kb_buf_init(&flight->body, 1 << 22);
    read_body(w, req, &flight->body);
    const char *at = flight->body.ptr, *end = at + flight->body.len;
    while (end - at > 3) {
        size_t channel = number_after(at, end, "{\"c\":", &at);
        size_t spec = number_after(at, end, ",\"i\":", &at);
        assert_true(spec < w->n_specs && w->channel_of[spec] == channel && !w->settled[spec]);
        flight->specs[flight->n++] = spec;
        at++; /* } */
    }
    w->submitted++;
    w->fresh = req->fresh;
    snprintf(w->authorization, sizeof(w->authorization), "%s", req->headers[0]);
    if (w->url)
        assert_string_equal(req->url, w->url);
    w->last_host = strncmp(req->url, "https://host", 12) == 0 ? (size_t)(req->url[12] - '0') : 0;
    w->at_host[w->last_host]++;
    flight->host = w->last_host;
    return true;
}

static void accept(struct world *w, size_t spec)
{
    if (w->published[spec]++ == 0)
        w->arrivals[w->n_arrivals++] = spec;
}

static int status_of(int code)
{
    return code == 40160 ? 401 : code / 100;
}

/* Ably does its work, and writes the answer. */
static void arrive(struct world *w, struct flight *flight, struct kb_buf *reply)
{
    kb_buf_reset(reply);
    if ((w->dead | w->sick) >> flight->host & 1) {
        flight->status = w->dead >> flight->host & 1 ? 0 : 503;
        return;
    }
    flight->status = w->whole_status ? w->whole_status : 201;
    if (w->whole_status) {
        kb_buf_printf(reply, "{\"error\":{\"code\":%d,\"statusCode\":%d,\"message\":\"whole\"}}",
            w->whole_code, w->whole_status);
    }
    for (size_t i = 0; !w->whole_status && i < flight->n; i++) {
        size_t spec = flight->specs[i];
        int code = w->verdict ? w->verdict(w, spec, w->channel_of[spec]) : 0;
        kb_buf_add(reply, i ? KB_S(",") : KB_S("["));
        if (code) {
            kb_buf_printf(reply,
                "{\"results\":[{\"channel\":\"c\",\"error\":{\"code\":%d,\"statusCode\":%d,"
                "\"message\":\"said so\"}}]}",
                code, status_of(code));
        } else {
            accept(w, spec);
            kb_buf_printf(reply, "{\"results\":[{\"channel\":\"c\",\"messageId\":\"m\"}]}");
        }
    }
    if (!w->whole_status)
        kb_buf_byte(reply, ']');
    if (w->lose_replies)
        flight->status = 0;
}

static struct kb_http_request *fake_done(struct kb_transport *door)
{
    struct world *w = (struct world *)door;
    size_t f = 0;
    while (f < w->n_flights && w->flights[f].due_ms > w->now_ms)
        f++;
    if (f == w->n_flights)
        return NULL;
    struct flight *flight = &w->flights[f];
    struct kb_http_request *req = flight->req;
    bool stale = w->stale > 0;
    if (stale)
        flight->status = 0;
    else
        arrive(w, flight, &w->given_body);
    w->stale -= stale;
    req->reply = (struct kb_http_reply){.status = flight->status,
        .body = kb_buf_slice(&w->given_body),
        .headers.content_type = w->header_type,
        .connected = true,
        .stale = stale};
    if (flight->status == 0)
        kb_err_outage(&req->reply.err, "example:443: reset by peer");
    struct flight gone = *flight; /* keeps its buffer */
    *flight = w->flights[--w->n_flights];
    w->flights[w->n_flights] = gone;
    return req;
}

static void fake_cancel(struct kb_transport *door, struct kb_http_request *req)
{
    struct world *w = (struct world *)door;
    for (size_t f = 0; f < w->n_flights; f++)
        w->cancelled += w->flights[f].req == req;
}

static const struct kb_transport_ops fake_ops = {fake_submit, fake_done, fake_cancel};

/* ---- our side ---- */

static void settled(void *context, void *owner, enum kb_outcome outcome, const struct kb_err *err)
{
    struct world *w = context;
    size_t spec = (size_t)(uintptr_t)owner;
    assert_int_equal(w->settled[spec], 0);
    w->settled[spec] = 1;
    w->n_settled++;
    w->outcomes[outcome]++;
    assert_true((err != NULL) == (outcome == KB_OUTCOME_REFUSED));
    if (outcome == KB_OUTCOME_PUBLISHED) {
        assert_true(w->published[spec] >= 1); /* never by guess */
        w->order[w->n_order++] = spec;
    }
    if (outcome == KB_OUTCOME_DROPPED)
        assert_true(w->unwanted[spec]);
    if (err)
        w->last_err = *err;
}

static bool wanted(void *context, void *owner)
{
    return !((struct world *)context)->unwanted[(uintptr_t)owner];
}

static void world_new(struct world *w, const struct kb_publisher_options *options, uint64_t seed)
{
    for (size_t f = 0; f < REQUESTS; f++)
        kb_buf_deinit(&w->flights[f].body);
    kb_buf_deinit(&w->given_body);
    memset(w, 0, sizeof(*w));
    w->door.ops = &fake_ops;
    w->options = *options;
    w->now_ms = 1000;
    w->latency_ms = 20;
    w->header_type = KB_S("application/json");
    w->url = options->hosts->n == 1 ? "https://example:443/messages" : NULL;
    kb_buf_init(&w->given_body, 1 << 22);
    kb_random_seed(&w->random, seed);
    struct kb_publisher_callbacks callbacks = {settled, wanted, w};
    struct kb_err err;
    w->pub = kb_publisher_new(options, &w->door, &w->random.random, &callbacks, &err);
    assert_non_null(w->pub);
}

static void world_free(struct world *w)
{
    kb_publisher_free(w->pub);
    w->pub = NULL;
    for (size_t f = 0; f < REQUESTS; f++)
        kb_buf_deinit(&w->flights[f].body);
    kb_buf_deinit(&w->given_body);
}

static const struct kb_host_list one_host = {.n = 1, .url = {"https://example:443"}};

static const struct kb_publisher_options plain = {.hosts = &one_host,
    .auth = {.key = "app.key:SECRET"},
    .client_id = "me",
    .agent = "kably/test",
    .concurrency = 4,
    .linger_ms = 100,
    .max_records = 100,
    .max_bytes = 100000,
    .max_channels = 50,
    .ordered = true,
    .open_timeout_ms = 4000,
    .request_timeout_ms = 10000};

static const struct kb_host_list four_hosts = {
    .n = 4, .url = {"https://host0", "https://host1", "https://host2", "https://host3"}};

static struct kb_publisher_options with_hosts(void)
{
    struct kb_publisher_options options = plain;
    options.hosts = &four_hosts;
    options.max_retries = 3;
    options.retry_ms = 15000;
    options.keep_ms = 600000;
    return options;
}

static size_t add(struct world *w, size_t channel)
{
    char json[64];
    size_t spec = w->n_specs++;
    assert_true(spec < SPECS);
    w->channel_of[spec] = channel;
    int len = snprintf(json, sizeof(json), "{\"c\":%zu,\"i\":%zu}", channel, spec);
    assert_true(kb_publisher_add(w->pub, (struct kb_slice){json, (size_t)len}, (size_t)len,
        kb_mix64(channel + 1), (void *)(uintptr_t)spec, w->now_ms));
    memset(json, '!', sizeof(json)); /* it has its own copy */
    return spec;
}

static void add_many(struct world *w, size_t n, size_t channels)
{
    for (size_t i = 0; i < n; i++)
        add(w, i % channels);
}

/* One step; what step leaves undone must have a later time. */
static void step(struct world *w)
{
    kb_publisher_step(w->pub, w->now_ms);
    assert_true(kb_publisher_wake_ms(w->pub, w->now_ms) > w->now_ms);
    const struct kb_publisher_status *status = kb_publisher_status(w->pub);
    assert_true(status->requests_in_flight >= w->n_flights); /* some wait for their next host */
    if (w->options.max_retries == 0)
        assert_int_equal(status->requests_in_flight, w->n_flights);
    assert_int_equal(status->specs_in_flight + status->specs_waiting, w->n_specs - w->n_settled);
}

/* The next time at which something happens; INT64_MAX = never again. */
static int64_t next_event(struct world *w)
{
    int64_t next = kb_publisher_wake_ms(w->pub, w->now_ms);
    for (size_t f = 0; f < w->n_flights; f++)
        if (w->flights[f].due_ms < next)
            next = w->flights[f].due_ms;
    return next;
}

static void run_until(struct world *w, int64_t until_ms)
{
    step(w);
    for (int64_t next; (next = next_event(w)) <= until_ms;) {
        w->now_ms = next > w->now_ms ? next : w->now_ms;
        step(w);
    }
    w->now_ms = until_ms;
}

static void run_to_end(struct world *w)
{
    int64_t deadline = w->now_ms + 3600 * 1000;
    step(w);
    while (w->n_settled < w->n_specs) {
        int64_t next = next_event(w);
        if (next > deadline)
            fail_msg("stuck with %zu of %zu settled", w->n_settled, w->n_specs);
        w->now_ms = next;
        step(w);
    }
}

/* Accepted the first time in the order they were added, channel by channel. */
static void check_channel_order(const struct world *w)
{
    size_t last[CHANNELS];
    bool any[CHANNELS] = {false};
    for (size_t i = 0; i < w->n_arrivals; i++) {
        size_t spec = w->arrivals[i], channel = w->channel_of[spec];
        if (any[channel] && last[channel] > spec)
            fail_msg("channel %zu: spec %zu came after %zu", channel, spec, last[channel]);
        last[channel] = spec;
        any[channel] = true;
    }
}

/* ---- stories ---- */

static void test_specs_are_sent_at_once_in_one_request(void **state)
{
    (void)state;
    struct world *w = &world;
    world_new(w, &plain, 1);
    add(w, 1);
    add(w, 1);
    step(w);
    assert_int_equal(w->n_flights, 1);
    const struct kb_http_request *req = w->flights[0].req;
    assert_true(
        kb_slice_is(kb_buf_slice(&w->flights[0].body), "[{\"c\":1,\"i\":0},{\"c\":1,\"i\":1}]"));
    assert_string_equal(req->method, "POST");
    assert_string_equal(req->url, "https://example:443/messages");
    static const char *const headers[] = {"Authorization: Basic YXBwLmtleTpTRUNSRVQ=",
        "Accept: application/json", "Content-Type: application/json", "X-Ably-Version: 5",
        "Ably-Agent: kably/test", "X-Ably-ClientId: bWU="};
    for (size_t i = 0; i < KB_COUNT(headers); i++)
        assert_string_equal(req->headers[i], headers[i]);
    assert_null(req->headers[KB_COUNT(headers)]);
    assert_int_equal(req->open_timeout_ms, 4000);
    assert_int_equal(req->timeout_ms, 10000);
    run_to_end(w);
    assert_int_equal(w->outcomes[KB_OUTCOME_PUBLISHED], 2);
    assert_int_equal(kb_publisher_wake_ms(w->pub, w->now_ms), INT64_MAX);
    assert_int_equal(kb_publisher_status(w->pub)->bytes, 0);
    world_free(w);
}

static void test_an_outage_is_waited_out_with_one_probe_at_a_time(void **state)
{
    (void)state;
    struct world *w = &world;
    world_new(w, &plain, 1);
    uint64_t retried = kb_metric_get(KB_METRIC_MESSAGES_RETRIED);
    w->whole_status = 503;
    w->whole_code = 50003;
    add_many(w, 40, 20);
    run_until(w, 31000);
    assert_int_equal(w->n_settled, 0);
    const struct kb_publisher_status *status = kb_publisher_status(w->pub);
    assert_true(status->outage);
    assert_in_range(status->outage_since_ms, 1000, 1100);
    assert_in_range(status->outage_attempts, 6, 14);
    assert_non_null(strstr(status->outage_text, "HTTP 503"));
    assert_non_null(strstr(status->outage_text, "50003"));
    assert_non_null(strstr(status->outage_text, "https://example:443"));
    assert_in_range(w->submitted, 6, 15);
    assert_true(kb_metric_get(KB_METRIC_MESSAGES_RETRIED) - retried >= 40);
    w->whole_status = 0;
    run_to_end(w);
    assert_true(w->now_ms < 31000 + 10500);
    assert_int_equal(w->outcomes[KB_OUTCOME_PUBLISHED], 40);
    assert_false(kb_publisher_status(w->pub)->outage);
    check_channel_order(w);
    world_free(w);
}

/* The worst case of the two minutes in which Ably drops a duplicate. */
static void test_a_lost_reply_is_asked_again_soon_and_published_once(void **state)
{
    (void)state;
    struct world *w = &world;
    world_new(w, &plain, 1);
    w->lose_replies = true;
    add_many(w, 10, 3);
    run_until(w, 1100);
    assert_int_equal(w->n_settled, 0);
    assert_int_equal(w->published[0], 1);
    assert_non_null(strstr(kb_publisher_status(w->pub)->outage_text, "reset by peer"));
    w->lose_replies = false;
    run_to_end(w);
    assert_true(w->now_ms < 1000 + 30000);
    assert_int_equal(w->n_arrivals, 10);
    assert_true(w->published[0] >= 2); /* sent again, dropped by Ably */
    check_channel_order(w);
    world_free(w);
}

static void test_wrong_credentials_wait_loudly_and_name_no_secret(void **state)
{
    (void)state;
    static const int rows[][2] = {{401, 40101}, {401, 40142}, {403, 40300}, {404, 40400},
        {429, 42910}, {301, 0}, {400, 40005}};
    struct world *w = &world;
    for (size_t i = 0; i < KB_COUNT(rows); i++) {
        world_new(w, &plain, 1);
        w->whole_status = rows[i][0];
        w->whole_code = rows[i][1];
        add_many(w, 5, 2);
        run_until(w, 3000);
        assert_int_equal(w->n_settled, 0);
        const char *text = kb_publisher_status(w->pub)->outage_text;
        char status[20];
        snprintf(status, sizeof(status), "HTTP %d", rows[i][0]);
        assert_non_null(strstr(text, status));
        assert_null(strstr(text, "SECRET"));
        w->whole_status = 0;
        run_to_end(w);
        assert_int_equal(w->outcomes[KB_OUTCOME_PUBLISHED], 5);
        world_free(w);
    }
}

static int deny_channel_1(void *context, size_t spec, size_t channel)
{
    (void)context;
    (void)spec;
    return channel == 1 ? 40160 : 0;
}

static void test_a_refused_spec_is_refused_alone(void **state)
{
    (void)state;
    struct world *w = &world;
    world_new(w, &plain, 1);
    w->verdict = deny_channel_1;
    add_many(w, 300, 10);
    run_to_end(w);
    assert_int_equal(w->outcomes[KB_OUTCOME_PUBLISHED], 270);
    assert_int_equal(w->outcomes[KB_OUTCOME_REFUSED], 30);
    assert_int_equal(w->last_err.class, KB_ERR_RECORD);
    assert_int_equal(w->last_err.failure, KB_FAILURE_PUBLISH);
    assert_int_equal(w->last_err.code, 40160);
    assert_non_null(strstr(w->last_err.text, "said so"));
    world_free(w);
}

/* RSC15: no outage, no waiting, the same bytes at another host. */
static void test_a_dead_host_is_left_for_another(void **state)
{
    (void)state;
    struct world *w = &world;
    struct kb_publisher_options options = with_hosts();
    for (unsigned sick = 0; sick < 2; sick++) {
        uint64_t moved = kb_metric_get(KB_METRIC_REQUESTS_MOVED);
        world_new(w, &options, 1);
        w->dead = sick ? 0 : 1;
        w->sick = sick ? 1 : 0;
        add_many(w, 10, 3);
        run_until(w, 1100);
        assert_int_equal(w->outcomes[KB_OUTCOME_PUBLISHED], 10);
        assert_int_equal(w->at_host[0], 1);
        assert_int_equal(w->submitted, 2);
        assert_int_equal(kb_metric_get(KB_METRIC_REQUESTS_MOVED) - moved, 1);
        assert_false(kb_publisher_status(w->pub)->outage);
        size_t kept = w->last_host;
        add_many(w, 10, 3); /* RSC15f: what worked is used from now on... */
        run_until(w, 1200);
        assert_int_equal(w->at_host[0], 1);
        assert_int_equal(w->at_host[kept], 2);
        w->now_ms += 600000; /* ...for ten minutes */
        w->dead = w->sick = 0;
        add_many(w, 10, 3);
        run_until(w, w->now_ms + 100);
        assert_int_equal(w->at_host[0], 2);
        check_channel_order(w);
        world_free(w);
    }
}

static void test_an_outage_is_what_all_hosts_failed(void **state)
{
    (void)state;
    struct world *w = &world;
    struct kb_publisher_options options = with_hosts();
    world_new(w, &options, 1);
    w->dead = 15;
    add_many(w, 10, 3);
    run_until(w, 1090);
    assert_int_equal(w->submitted, 4);
    for (size_t host = 0; host < 4; host++)
        assert_int_equal(w->at_host[host], 1);
    assert_true(kb_publisher_status(w->pub)->outage);
    w->dead = 0;
    run_to_end(w);
    assert_int_equal(w->outcomes[KB_OUTCOME_PUBLISHED], 10);
    check_channel_order(w);
    world_free(w);
}

static void test_no_other_host_is_asked_for_an_answer_of_ably(void **state)
{
    (void)state;
    static const int rows[][2] = {{401, 40101}, {429, 42910}, {400, 40000}, {403, 40300}};
    struct world *w = &world;
    struct kb_publisher_options options = with_hosts();
    for (size_t i = 0; i < KB_COUNT(rows); i++) {
        world_new(w, &options, 1);
        w->whole_status = rows[i][0];
        w->whole_code = rows[i][1];
        add(w, 1);
        run_until(w, 20000);
        assert_int_equal(w->at_host[0], w->submitted);
        world_free(w);
    }
}

static void test_what_nobody_wants_goes_to_no_other_host(void **state)
{
    (void)state;
    struct world *w = &world;
    struct kb_publisher_options options = with_hosts();
    world_new(w, &options, 1);
    w->dead = 1;
    size_t gone = add(w, 1), stays = add(w, 2);
    step(w);
    w->unwanted[gone] = true;
    run_until(w, 1025);
    assert_int_equal(w->submitted, 1);
    assert_int_equal(w->outcomes[KB_OUTCOME_DROPPED], 1);
    w->dead = 0;
    run_to_end(w);
    assert_int_equal(w->published[gone], 0);
    assert_int_equal(w->published[stays], 1);
    world_free(w);
}

/* Each try is a request: the rate holds for all of them. */
static void test_tries_at_other_hosts_keep_the_rate(void **state)
{
    (void)state;
    struct world *w = &world;
    struct kb_publisher_options options = with_hosts();
    options.requests_per_second = 2;
    options.burst = 1;
    world_new(w, &options, 1);
    w->dead = 7;
    add(w, 1);
    run_until(w, 1000 + 1400); /* tries at 1000, 1500, 2000 and, if they come last, 2500 */
    assert_in_range(w->submitted, 2, 3);
    run_to_end(w);
    assert_in_range(w->now_ms, 1500, 2520);
    world_free(w);
}

/* Not an error anybody sees: the host has not failed, and there is no wait. */
static void test_a_kept_connection_that_was_closed_is_left_for_a_new_one(void **state)
{
    (void)state;
    struct world *w = &world;
    world_new(w, &plain, 1);
    w->stale = 1;
    add(w, 1);
    run_until(w, 1045);
    assert_int_equal(w->outcomes[KB_OUTCOME_PUBLISHED], 1);
    assert_int_equal(w->submitted, 2);
    assert_true(w->fresh);
    assert_int_equal(kb_publisher_status(w->pub)->outage_attempts, 0);
    add(w, 1);
    run_until(w, 1100);
    assert_false(w->fresh); /* the next one is kept again */
    w->stale = 2;           /* closed again at once: that is no stale connection any more */
    add(w, 1);
    run_until(w, 1141);
    assert_true(kb_publisher_status(w->pub)->outage);
    run_to_end(w);
    assert_int_equal(w->outcomes[KB_OUTCOME_PUBLISHED], 3);
    world_free(w);
}

static void test_requests_that_wait_for_their_next_host_are_freed(void **state)
{
    (void)state;
    struct world *w = &world;
    struct kb_publisher_options options = with_hosts();
    options.requests_per_second = 1;
    options.burst = 1;
    world_new(w, &options, 1);
    w->dead = 15;
    add(w, 1);
    run_until(w, 1100);
    assert_int_equal(kb_publisher_status(w->pub)->requests_in_flight, 1);
    assert_int_equal(w->n_flights, 0);
    kb_publisher_free(w->pub);
    w->pub = NULL;
    assert_int_equal(w->cancelled, 0);
    world_free(w);
}

/* However many: an acceptance beside them vouches for the key. */
static void test_many_refusals_beside_an_acceptance_are_believed(void **state)
{
    (void)state;
    struct world *w = &world;
    world_new(w, &plain, 1);
    w->verdict = deny_channel_1;
    add_many(w, 100, 2);
    run_to_end(w);
    assert_int_equal(w->submitted, 1);
    assert_int_equal(w->outcomes[KB_OUTCOME_REFUSED], 50);
    world_free(w);
}

static int expired_for_spec_3_once(void *context, size_t spec, size_t channel)
{
    struct world *w = context;
    (void)channel;
    return spec == 3 && w->submitted == 1 ? 40142 : 0;
}

static void test_credentials_inside_results_are_an_outage_for_that_spec(void **state)
{
    (void)state;
    struct world *w = &world;
    world_new(w, &plain, 1);
    w->verdict = expired_for_spec_3_once;
    add_many(w, 8, 8);
    run_until(w, 1021);
    assert_int_equal(w->outcomes[KB_OUTCOME_PUBLISHED], 7);
    assert_true(kb_publisher_status(w->pub)->outage);
    assert_non_null(strstr(kb_publisher_status(w->pub)->outage_text, "40142"));
    run_to_end(w);
    assert_int_equal(w->outcomes[KB_OUTCOME_PUBLISHED], 8);
    world_free(w);
}

static int too_large(void *context, size_t spec, size_t channel)
{
    (void)context;
    (void)channel;
    return spec == 0 ? 40009 : 0;
}

static void test_too_large_is_a_message_failure(void **state)
{
    (void)state;
    struct world *w = &world;
    world_new(w, &plain, 1);
    w->verdict = too_large;
    add(w, 1);
    run_to_end(w);
    assert_int_equal(w->last_err.failure, KB_FAILURE_MESSAGE);
    assert_int_equal(w->last_err.code, 40009);
    world_free(w);
}

/* Channel 1 has room for three messages a second. */
static int limit_channel_1(void *context, size_t spec, size_t channel)
{
    static int64_t second;
    static int used;
    struct world *w = context;
    (void)spec;
    if (channel != 1)
        return 0;
    if (w->now_ms / 1000 != second) {
        second = w->now_ms / 1000;
        used = 0;
    }
    return used++ < 3 ? 0 : 42913;
}

static void test_a_rate_limited_channel_waits_and_others_go_on(void **state)
{
    (void)state;
    struct world *w = &world;
    struct kb_publisher_options options = plain;
    uint64_t limits = kb_metric_get(KB_METRIC_CHANNEL_RATE_LIMITS);
    options.max_channels = 2;
    world_new(w, &options, 1);
    w->verdict = limit_channel_1;
    for (int i = 0; i < 20; i++) {
        add(w, 1);
        add(w, 2);
    }
    run_until(w, 1500);
    size_t others = 0;
    for (size_t spec = 0; spec < w->n_specs; spec++)
        others += w->settled[spec] && w->channel_of[spec] == 2;
    assert_int_equal(others, 20);
    assert_false(kb_publisher_status(w->pub)->outage);
    assert_true(kb_metric_get(KB_METRIC_CHANNEL_RATE_LIMITS) > limits);
    run_to_end(w);
    assert_int_equal(w->outcomes[KB_OUTCOME_PUBLISHED], 40);
    assert_int_equal(kb_publisher_status(w->pub)->inversions, 0);
    check_channel_order(w);
    world_free(w);
}

/* Of three messages the second is refused by rate and the third accepted: that can't be undone, and
 * is said. */
static int skip_spec_1_once(void *context, size_t spec, size_t channel)
{
    struct world *w = context;
    (void)channel;
    return spec == 1 && w->submitted == 1 ? 42913 : 0;
}

static void test_an_inversion_by_ably_is_counted_once(void **state)
{
    (void)state;
    struct world *w = &world;
    uint64_t before = kb_metric_get(KB_METRIC_ORDER_INVERSIONS);
    world_new(w, &plain, 1);
    w->verdict = skip_spec_1_once;
    add_many(w, 4, 1);
    run_to_end(w);
    assert_int_equal(w->outcomes[KB_OUTCOME_PUBLISHED], 4);
    assert_int_equal(kb_publisher_status(w->pub)->inversions, 1);
    assert_int_equal(kb_metric_get(KB_METRIC_ORDER_INVERSIONS), before + 1);
    assert_int_equal(w->arrivals[3], 1);
    world_free(w);
}

static int busy_for_all(void *context, size_t spec, size_t channel)
{
    (void)context;
    (void)spec;
    (void)channel;
    return 42917;
}

static void test_a_reply_in_which_nothing_got_through_is_an_outage(void **state)
{
    (void)state;
    struct world *w = &world;
    world_new(w, &plain, 1);
    w->verdict = busy_for_all;
    add_many(w, 50, 10);
    run_until(w, 5000);
    assert_true(kb_publisher_status(w->pub)->outage);
    w->verdict = NULL;
    run_to_end(w);
    assert_int_equal(w->outcomes[KB_OUTCOME_PUBLISHED], 50);
    check_channel_order(w);
    world_free(w);
}

static int deny_all(void *context, size_t spec, size_t channel)
{
    (void)context;
    (void)spec;
    (void)channel;
    return 40160;
}

static int limit_all(void *context, size_t spec, size_t channel)
{
    (void)context;
    (void)spec;
    (void)channel;
    return 42913;
}

static void test_a_run_of_refusals_pauses_and_recovers_with_an_acceptance(void **state)
{
    (void)state;
    struct world *w = &world;
    world_new(w, &plain, 1);
    w->verdict = deny_all;
    add_many(w, 500, 20);
    run_until(w, 60000);
    assert_int_equal(w->outcomes[KB_OUTCOME_REFUSED], KB_GATE_REFUSALS_MAX);
    assert_true(kb_publisher_status(w->pub)->outage);
    assert_non_null(strstr(kb_publisher_status(w->pub)->outage_text, "in a row"));
    assert_non_null(strstr(kb_publisher_status(w->pub)->outage_text, "40160 said so"));
    w->verdict = limit_all; /* no refusal, but no acceptance either: it lasts, and says the same */
    run_until(w, 90000);
    assert_true(kb_publisher_status(w->pub)->outage);
    assert_non_null(strstr(kb_publisher_status(w->pub)->outage_text, "40160 said so"));
    w->verdict = NULL;
    run_to_end(w);
    assert_int_equal(w->outcomes[KB_OUTCOME_PUBLISHED], 500 - KB_GATE_REFUSALS_MAX);
    check_channel_order(w);
    world_free(w);
}

/* One channel's records alone fill what is sent and are refused: probes of other lanes find the way
 * out. The refused ones wait for as long as nothing else is accepted, and then meet their policy.
 */
static void test_one_refused_channel_in_front_cannot_stop_the_others(void **state)
{
    (void)state;
    struct world *w = &world;
    world_new(w, &plain, 1);
    w->verdict = deny_channel_1;
    for (int i = 0; i < 500; i++)
        add(w, 1);
    run_until(w, 2000);
    assert_int_equal(w->outcomes[KB_OUTCOME_REFUSED], KB_GATE_REFUSALS_MAX);
    assert_true(kb_publisher_status(w->pub)->outage);
    add_many(w, 20, 20);
    run_until(w, 40000);
    assert_int_equal(w->outcomes[KB_OUTCOME_PUBLISHED], 19);
    assert_true(w->outcomes[KB_OUTCOME_REFUSED] > KB_GATE_REFUSALS_MAX);
    while (w->n_settled < w->n_specs) { /* now and then another channel's */
        assert_true(w->n_specs < 600);
        add(w, 2);
        run_until(w, w->now_ms + 11000);
    }
    assert_int_equal(w->outcomes[KB_OUTCOME_REFUSED], 501);
    world_free(w);
}

static size_t n_bad;

static int deny_the_first(void *context, size_t spec, size_t channel)
{
    (void)context;
    (void)channel;
    return spec < n_bad ? 40160 : 0;
}

/* More refused messages in a row than the run allows, at the head of the only lane: the good one
 * behind them must still be found, or the publisher waits for ever though Ably is well. Found by
 * the simulation. */
static void check_good_behind_bad(size_t bad, const struct kb_publisher_options *options)
{
    struct world *w = &world;
    n_bad = bad;
    world_new(w, options, 1);
    w->verdict = deny_the_first;
    for (size_t i = 0; i < bad + 20; i++)
        add(w, 1);
    run_to_end(w);
    assert_int_equal(w->outcomes[KB_OUTCOME_REFUSED], bad);
    assert_int_equal(w->outcomes[KB_OUTCOME_PUBLISHED], 20);
    check_channel_order(w);
    world_free(w);
}

static void test_good_messages_behind_a_run_of_bad_ones_are_found(void **state)
{
    (void)state;
    check_good_behind_bad(KB_GATE_REFUSALS_MAX + 1, &plain);
    check_good_behind_bad(KB_GATE_REFUSALS_MAX + 9, &plain);
    struct kb_publisher_options one_a_request = plain;
    one_a_request.max_records = 1;
    check_good_behind_bad(KB_GATE_REFUSALS_MAX + 1, &one_a_request);
}

/* A request is refused as a whole for one spec in it: halves, until that one stands alone. */
static struct kb_http_request *done_with_poison(struct kb_transport *door)
{
    struct world *w = (struct world *)door;
    w->whole_status = 0;
    for (size_t f = 0; f < w->n_flights; f++) {
        if (w->flights[f].due_ms > w->now_ms)
            continue;
        for (size_t i = 0; i < w->flights[f].n; i++)
            if (w->flights[f].specs[i] == 37)
                w->whole_status = 400;
        break; /* fake_done takes the same one */
    }
    w->whole_code = 40000;
    return fake_done(door);
}

static void test_a_refused_request_is_halved_down_to_its_culprit(void **state)
{
    (void)state;
    static const struct kb_transport_ops ops = {fake_submit, done_with_poison, fake_cancel};
    struct world *w = &world;
    world_new(w, &plain, 1);
    w->door.ops = &ops;
    add_many(w, 100, 20);
    run_to_end(w);
    assert_int_equal(w->outcomes[KB_OUTCOME_PUBLISHED], 99);
    assert_int_equal(w->outcomes[KB_OUTCOME_REFUSED], 1);
    assert_int_equal(w->published[37], 0);
    assert_int_equal(w->last_err.code, 40000);
    assert_int_equal(w->last_err.failure, KB_FAILURE_PUBLISH);
    assert_in_range(w->submitted, 8, 40); /* about 2 log2 100 requests, not 100 */
    assert_false(kb_publisher_status(w->pub)->outage);
    check_channel_order(w);
    world_free(w);
}

/* ---- when to send ---- */

static void test_a_small_batch_lingers_while_most_slots_are_busy(void **state)
{
    (void)state;
    struct world *w = &world;
    world_new(w, &plain, 1);
    w->latency_ms = 5000;
    for (size_t i = 0; i < 3; i++) { /* up to the half and one more: at once */
        add(w, i);
        step(w);
        assert_int_equal(w->n_flights, i + 1);
    }
    add(w, 10);
    step(w);
    assert_int_equal(w->n_flights, 3);
    assert_int_equal(kb_publisher_wake_ms(w->pub, w->now_ms), 1100);
    w->now_ms = 1040;
    add(w, 11);
    step(w);
    assert_int_equal(w->n_flights, 3);
    assert_int_equal(kb_publisher_wake_ms(w->pub, w->now_ms), 1100); /* since the oldest came */
    w->now_ms = 1100;
    step(w);
    assert_int_equal(w->n_flights, 4);
    assert_int_equal(w->flights[3].n, 2);
    add(w, 12);
    step(w);
    assert_int_equal(kb_publisher_wake_ms(w->pub, w->now_ms), INT64_MAX); /* no slot */
    run_to_end(w);
    world_free(w);
}

static void test_a_full_batch_does_not_linger(void **state)
{
    (void)state;
    struct world *w = &world;
    world_new(w, &plain, 1);
    w->latency_ms = 5000;
    for (size_t i = 0; i < 3; i++) {
        add(w, i);
        step(w);
    }
    for (int i = 0; i < 99; i++)
        add(w, 10);
    step(w);
    assert_int_equal(w->n_flights, 3);
    add(w, 10);
    step(w);
    assert_int_equal(w->n_flights, 4);
    assert_int_equal(w->flights[3].n, 100);
    world_free(w);
    assert_int_equal(w->cancelled, 4); /* what was in flight when it was freed */
}

static void test_requests_keep_to_their_rate(void **state)
{
    (void)state;
    struct world *w = &world;
    struct kb_publisher_options options = plain;
    options.requests_per_second = 10;
    options.burst = 2;
    options.max_records = 1;
    world_new(w, &options, 1);
    w->latency_ms = 1;
    add_many(w, 22, 22);
    run_until(w, 1099);
    assert_int_equal(w->submitted, 2);
    assert_int_equal(kb_publisher_wake_ms(w->pub, w->now_ms), 1100);
    run_to_end(w);
    assert_int_equal(w->submitted, 22);
    assert_in_range(w->now_ms, 3000, 3002);
    world_free(w);
}

static void test_what_nobody_wants_is_dropped(void **state)
{
    (void)state;
    struct world *w = &world;
    world_new(w, &plain, 1);
    size_t flying = add(w, 1);
    step(w);
    size_t waiting = add(w, 1), kept = add(w, 2);
    w->unwanted[flying] = w->unwanted[waiting] = true;
    kb_publisher_sweep(w->pub);
    assert_true(w->settled[waiting] && !w->settled[flying] && !w->settled[kept]);
    w->whole_status = 500; /* would have to go again: it ends instead */
    run_until(w, 1020);
    assert_true(w->settled[flying]);
    w->whole_status = 0;
    run_to_end(w);
    assert_int_equal(w->outcomes[KB_OUTCOME_DROPPED], 2);
    assert_int_equal(w->outcomes[KB_OUTCOME_PUBLISHED], 1);
    world_free(w);
}

static void test_a_transport_that_takes_nothing_is_an_outage(void **state)
{
    (void)state;
    struct world *w = &world;
    world_new(w, &plain, 1);
    w->refuse_submit = true;
    add_many(w, 10, 2);
    run_until(w, 5000);
    assert_true(kb_publisher_status(w->pub)->outage);
    assert_non_null(strstr(kb_publisher_status(w->pub)->outage_text, "no socket"));
    w->refuse_submit = false;
    run_to_end(w);
    assert_int_equal(w->outcomes[KB_OUTCOME_PUBLISHED], 10);
    check_channel_order(w);
    world_free(w);
}

/* ---- other options ---- */

static void change(struct world *w, const struct kb_publisher_options *options);

static void test_a_new_key_and_host_hold_for_what_is_tried_again_and_at_once(void **state)
{
    (void)state;
    struct world *w = &world;
    world_new(w, &plain, 1);
    w->whole_status = 401;
    w->whole_code = 40101;
    add_many(w, 10, 2);
    run_until(w, 60000); /* the waits between tries are long by now */
    assert_string_equal(w->authorization, "Authorization: Basic YXBwLmtleTpTRUNSRVQ=");
    size_t before = w->submitted;
    struct kb_publisher_options options = plain;
    options.auth.key = "app.new:OTHER";
    static const struct kb_host_list elsewhere = {.n = 1, .url = {"https://elsewhere"}};
    options.hosts = &elsewhere;
    change(w, &options);
    w->whole_status = 0;
    w->url = "https://elsewhere/messages";
    run_until(w, w->now_ms + 100);
    assert_true(w->submitted > before);
    assert_string_equal(w->authorization, "Authorization: Basic YXBwLm5ldzpPVEhFUg==");
    assert_int_equal(w->outcomes[KB_OUTCOME_PUBLISHED], 10);
    world_free(w);
}

static void test_a_change_waits_for_what_is_out_and_nothing_joins_it(void **state)
{
    (void)state;
    struct world *w = &world;
    world_new(w, &plain, 1);
    w->latency_ms = 5000;
    add(w, 1);
    step(w);
    assert_int_equal(w->n_flights, 1);
    struct kb_publisher_options options = plain;
    options.max_records = 1;
    options.concurrency = 2;
    change(w, &options);
    add_many(w, 20, 20);
    run_until(w, w->now_ms + 4000);
    assert_int_equal(w->submitted, 1); /* though three slots were free */
    run_until(w, w->now_ms + 1500);
    assert_int_equal(w->submitted, 3);
    assert_int_equal(w->flights[0].n, 1);
    change(w, &plain); /* and back, while those are out */
    run_to_end(w);
    assert_int_equal(w->outcomes[KB_OUTCOME_PUBLISHED], 21);
    assert_true(w->submitted < 10);
    check_channel_order(w);
    world_free(w);
}

static void test_the_same_options_again_change_nothing(void **state)
{
    (void)state;
    struct world *w = &world;
    world_new(w, &plain, 1);
    w->latency_ms = 5000;
    add(w, 1);
    step(w);
    change(w, &plain);
    add(w, 2);
    step(w);
    assert_int_equal(w->n_flights, 2); /* nobody waited */
    run_to_end(w);
    world_free(w);
}

/* ---- random faults ---- */

static int random_verdict(void *context, size_t spec, size_t channel)
{
    static const int codes[] = {42913, 42914, 42911, 50000, 40160, 40009};
    struct world *w = context;
    if (w->published[spec])
        return 0; /* a duplicate is answered like the first */
    if (channel == 0)
        return 40160;
    if (kb_random_below(&w->random.random, 40) != 0)
        return 0;
    return codes[kb_random_below(&w->random.random, KB_COUNT(codes))];
}

static void new_weather(struct world *w)
{
    static const int whole[][2] = {
        {503, 50003}, {500, 50000}, {401, 40101}, {429, 42910}, {504, 0}};
    size_t kind = kb_random_below(&w->random.random, 10);
    w->whole_status = kind < KB_COUNT(whole) ? whole[kind][0] : 0;
    w->whole_code = kind < KB_COUNT(whole) ? whole[kind][1] : 0;
    w->lose_replies = kind == 6;
    w->latency_ms = 1 + (int64_t)kb_random_below(&w->random.random, kind == 7 ? 9000 : 80);
}

static void vary(struct kb_random *random, struct kb_publisher_options *options)
{
    options->concurrency = 1 + (int)kb_random_below(random, 8);
    options->max_records = 1 + kb_random_below(random, 60);
    options->max_bytes = 40 + kb_random_below(random, 2000);
    options->max_channels = 1 + kb_random_below(random, 12);
    options->linger_ms = (int)kb_random_below(random, 200);
    options->requests_per_second = kb_random_below(random, 2) ? 0 : 20.0;
    options->auth.key = kb_random_below(random, 2) ? "app.key:SECRET" : "app.other:ALSO";
}

/* As a reload does. What is out still counts against the new concurrency: nothing flies beside it.
 */
static void change(struct world *w, const struct kb_publisher_options *options)
{
    struct kb_err err;
    assert_true(kb_publisher_change(w->pub, options, w->now_ms, &err));
    w->options = *options;
}

static void run_seed(uint64_t seed)
{
    struct world *w = &world;
    struct kb_random_seeded seeded;
    kb_random_seed(&seeded, seed ^ 0x5eed);
    struct kb_random *random = &seeded.random;
    struct kb_publisher_options options = plain;
    vary(random, &options);
    options.burst = 5;
    options.ordered = kb_random_below(random, 4) > 0;
    world_new(w, &options, seed);
    w->verdict = random_verdict;
    size_t total = 100 + kb_random_below(random, 900);
    size_t channels = 1 + kb_random_below(random, CHANNELS);
    while (w->n_specs < total) {
        for (uint64_t n = kb_random_below(random, 30); n > 0 && w->n_specs < total; n--)
            add(w, kb_random_below(random, channels));
        run_until(w, w->now_ms + (int64_t)kb_random_below(random, 100));
        if (kb_random_below(random, 15) == 0)
            new_weather(w);
        if (kb_random_below(random, 20) == 0) {
            vary(random, &options);
            change(w, &options);
        }
        if (kb_random_below(random, 40) == 0) {
            w->unwanted[kb_random_below(random, w->n_specs)] = true;
            kb_publisher_sweep(w->pub);
        }
    }
    w->whole_status = 0;
    w->lose_replies = false;
    if (channels == 1)
        w->verdict = NULL; /* else nothing but refusals: it would wait for ever, rightly */
    for (size_t i = 0; channels > 1 && i < 3;
         i++) /* something acceptable at the end, for the same reason */
        add(w, 1);
    for (int64_t deadline = w->now_ms + 7200 * 1000; w->n_settled < w->n_specs;) {
        run_until(w, w->now_ms + 1000);
        if (w->now_ms > deadline)
            fail_msg("seed %llu: %zu of %zu settled", (unsigned long long)seed, w->n_settled,
                w->n_specs);
        if (channels > 1 && w->n_specs + 1 < SPECS)
            add(w, 1 + kb_random_below(random, channels - 1));
    }
    for (size_t spec = 0; spec < w->n_specs; spec++)
        assert_int_equal(w->settled[spec], 1);
    assert_int_equal(w->outcomes[KB_OUTCOME_PUBLISHED], w->n_order);
    if (options.ordered && kb_publisher_status(w->pub)->inversions == 0)
        check_channel_order(w);
    assert_int_equal(kb_publisher_status(w->pub)->bytes, 0);
    world_free(w);
}

static void test_random_faults(void **state)
{
    (void)state;
    struct prop_seeds seeds = prop_seeds(1, 120);
    for (uint64_t seed; prop_next_seed(&seeds, &seed);)
        run_seed(seed);
}

/* ---- a run of refusals made of requests refused as a whole ---- */

static bool poison_channel_1(const struct flight *flight, const struct world *w)
{
    for (size_t i = 0; i < flight->n; i++)
        if (w->channel_of[flight->specs[i]] == 1)
            return true;
    return false;
}

static struct kb_http_request *done_with_poison_channel(struct kb_transport *door)
{
    struct world *w = (struct world *)door;
    w->whole_status = 0;
    for (size_t f = 0; f < w->n_flights; f++) {
        if (w->flights[f].due_ms > w->now_ms)
            continue;
        w->whole_status = poison_channel_1(&w->flights[f], w) ? 400 : 0;
        break;
    }
    w->whole_code = 40000;
    return fake_done(door);
}

static void test_whole_refusals_of_one_channel_cannot_stop_the_others(void **state)
{
    (void)state;
    static const struct kb_transport_ops ops = {fake_submit, done_with_poison_channel, fake_cancel};
    struct world *w = &world;
    world_new(w, &plain, 1);
    w->door.ops = &ops;
    add(w, 1);
    run_until(w, 1500);
    for (int i = 0; i < 60; i++)
        add(w, 1);
    run_until(w, 5000);
    assert_true(kb_publisher_status(w->pub)->outage);
    /* Twenty good channels in lanes behind the bad one's, where probes begin to look. */
    size_t channel = 2;
    for (size_t i = 0; i < 20; i++, channel++) {
        while (kb_mix64(channel + 1) % 256 <= kb_mix64(2) % 256)
            channel++;
        add(w, channel);
        add(w, channel);
    }
    run_until(w, 600000);
    assert_int_equal(w->outcomes[KB_OUTCOME_PUBLISHED], 40);
    world_free(w);
}

/* Messages 0 .. n_bad-1 have any request that carries them refused as a whole. */
static struct kb_http_request *done_with_poison_in_front(struct kb_transport *door)
{
    struct world *w = (struct world *)door;
    w->whole_status = 0;
    for (size_t f = 0; f < w->n_flights; f++) {
        if (w->flights[f].due_ms > w->now_ms)
            continue;
        for (size_t i = 0; i < w->flights[f].n; i++)
            if (w->flights[f].specs[i] < n_bad)
                w->whole_status = 400;
        break;
    }
    w->whole_code = 40013;
    return fake_done(door);
}

static void check_good_behind_poison(
    size_t bad, size_t good, const struct kb_publisher_options *opt)
{
    static const struct kb_transport_ops ops = {
        fake_submit, done_with_poison_in_front, fake_cancel};
    struct world *w = &world;
    n_bad = bad;
    world_new(w, opt, 1);
    w->door.ops = &ops;
    for (size_t i = 0; i < bad + good; i++)
        add(w, 1);
    run_to_end(w);
    assert_int_equal(w->outcomes[KB_OUTCOME_REFUSED], bad);
    assert_int_equal(w->outcomes[KB_OUTCOME_PUBLISHED], good);
    assert_int_equal(kb_publisher_status(w->pub)->inversions, 0);
    assert_false(kb_publisher_status(w->pub)->outage);
    if (opt->ordered)
        check_channel_order(w);
    world_free(w);
}

/* It was stuck for ever: alone at the head of their only lane, each was asked again and again, and
 * nothing behind them ever was. */
static void test_whole_refusals_at_the_head_of_one_channel_end_with_the_good_one_behind(
    void **state)
{
    (void)state;
    check_good_behind_poison(KB_GATE_REFUSALS_MAX + 1, 20, &plain);
    check_good_behind_poison(KB_GATE_REFUSALS_MAX + 30, 1, &plain);
    struct kb_publisher_options unordered = plain;
    unordered.ordered = false;
    check_good_behind_poison(KB_GATE_REFUSALS_MAX + 5, 5, &unordered);
}

/* Ably had refused what it takes now: the one message that was let past is an inversion, counted.
 */
static void test_a_probe_that_went_past_is_counted_where_the_refused_are_taken_after_all(
    void **state)
{
    (void)state;
    static const struct kb_transport_ops ops = {
        fake_submit, done_with_poison_in_front, fake_cancel};
    struct world *w = &world;
    n_bad = 60;
    world_new(w, &plain, 1);
    w->door.ops = &ops;
    for (size_t i = 0; i < 60; i++)
        add(w, 1);
    run_until(w, 120000);
    assert_true(kb_publisher_status(w->pub)->outage);
    size_t refused = w->outcomes[KB_OUTCOME_REFUSED];
    assert_int_equal(refused, KB_GATE_REFUSALS_MAX);
    n_bad = 0;
    run_to_end(w);
    assert_int_equal(w->outcomes[KB_OUTCOME_REFUSED], refused);
    assert_int_equal(w->outcomes[KB_OUTCOME_PUBLISHED], 60 - refused);
    size_t inverted = 0;
    for (size_t i = 1; i < w->n_arrivals; i++)
        inverted += w->arrivals[i] < w->arrivals[i - 1];
    assert_true(inverted <= 1);
    assert_true(kb_publisher_status(w->pub)->inversions >= inverted);
    world_free(w);
}

int main(void)
{
    kb_log_setup(KB_LOG_ERROR, KB_LOG_TEXT); /* the outages below are meant */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_specs_are_sent_at_once_in_one_request),
        cmocka_unit_test(test_an_outage_is_waited_out_with_one_probe_at_a_time),
        cmocka_unit_test(test_a_lost_reply_is_asked_again_soon_and_published_once),
        cmocka_unit_test(test_wrong_credentials_wait_loudly_and_name_no_secret),
        cmocka_unit_test(test_a_refused_spec_is_refused_alone),
        cmocka_unit_test(test_a_dead_host_is_left_for_another),
        cmocka_unit_test(test_an_outage_is_what_all_hosts_failed),
        cmocka_unit_test(test_no_other_host_is_asked_for_an_answer_of_ably),
        cmocka_unit_test(test_what_nobody_wants_goes_to_no_other_host),
        cmocka_unit_test(test_tries_at_other_hosts_keep_the_rate),
        cmocka_unit_test(test_a_kept_connection_that_was_closed_is_left_for_a_new_one),
        cmocka_unit_test(test_requests_that_wait_for_their_next_host_are_freed),
        cmocka_unit_test(test_what_nobody_wants_is_dropped),
        cmocka_unit_test(test_many_refusals_beside_an_acceptance_are_believed),
        cmocka_unit_test(test_credentials_inside_results_are_an_outage_for_that_spec),
        cmocka_unit_test(test_too_large_is_a_message_failure),
        cmocka_unit_test(test_a_rate_limited_channel_waits_and_others_go_on),
        cmocka_unit_test(test_an_inversion_by_ably_is_counted_once),
        cmocka_unit_test(test_a_reply_in_which_nothing_got_through_is_an_outage),
        cmocka_unit_test(test_a_run_of_refusals_pauses_and_recovers_with_an_acceptance),
        cmocka_unit_test(test_one_refused_channel_in_front_cannot_stop_the_others),
        cmocka_unit_test(test_good_messages_behind_a_run_of_bad_ones_are_found),
        cmocka_unit_test(test_whole_refusals_of_one_channel_cannot_stop_the_others),
        cmocka_unit_test(
            test_whole_refusals_at_the_head_of_one_channel_end_with_the_good_one_behind),
        cmocka_unit_test(
            test_a_probe_that_went_past_is_counted_where_the_refused_are_taken_after_all),
        cmocka_unit_test(test_a_refused_request_is_halved_down_to_its_culprit),
        cmocka_unit_test(test_a_small_batch_lingers_while_most_slots_are_busy),
        cmocka_unit_test(test_a_full_batch_does_not_linger),
        cmocka_unit_test(test_requests_keep_to_their_rate),
        cmocka_unit_test(test_what_nobody_wants_is_dropped),
        cmocka_unit_test(test_a_transport_that_takes_nothing_is_an_outage),
        cmocka_unit_test(test_a_new_key_and_host_hold_for_what_is_tried_again_and_at_once),
        cmocka_unit_test(test_a_change_waits_for_what_is_out_and_nothing_joins_it),
        cmocka_unit_test(test_the_same_options_again_change_nothing),
        cmocka_unit_test(test_random_faults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
