/* The publisher: takes encoded specs from the worker, sends them, and tells the worker each one's
 * end. Here the parts meet: lanes (what may ride together), gate (may anything be sent), bucket
 * (how often), the transport (sending), reply and fates (what became of it). They are pure; this
 * file has the order of things, the metrics and the log lines. Thread: its worker's. */
#include "ably/publisher.h"

#include "ably/bucket.h"
#include "ably/fates.h"
#include "ably/gate.h"
#include "ably/lanes.h"
#include "ably/reply.h"
#include "ably/request.h"
#include "ably/spec_pool.h"
#include "base/log.h"
#include "metrics/metrics.h"

#include <inttypes.h>

#define LANES 256
#define SLAB_SIZE (256u << 10)

struct kb_publisher {
    struct kb_publisher_options options; /* its texts are copied into `requests` */
    struct kb_transport *transport;
    struct kb_random *random;
    struct kb_publisher_callbacks callbacks;
    char *base_url; /* for log lines */

    struct kb_slabs slabs;
    struct kb_spec_pool specs;
    struct kb_lanes *lanes;
    struct kb_gate gate;
    struct kb_bucket bucket;

    struct kb_requests requests;
    struct kb_request *idle, *flying;
    size_t n_flying, specs_flying;

    struct kb_reply reply; /* of the answer being read, with its fates */
    struct kb_fates fates;

    struct kb_log_repeat warned;
    bool told; /* this outage has a line in the log, so its end gets one too */
    struct kb_publisher_status status;
};

/* ---- begin and end ---- */

/* Specs of one request: a probe takes two even where one is the limit. */
static size_t room(const struct kb_publisher_options *options)
{
    return options->max_records > 2 ? options->max_records : 2;
}

/* As many as may fly at once; no further one is ever made. */
static bool requests_new(struct kb_publisher *pub)
{
    for (int i = 0; i < pub->options.concurrency; i++) {
        struct kb_request *req = kb_request_new(&pub->requests, room(&pub->options));
        if (!req)
            return false;
        req->next = pub->idle;
        pub->idle = req;
    }
    return true;
}

struct kb_publisher *kb_publisher_new(const struct kb_publisher_options *options,
    struct kb_transport *transport, struct kb_random *random,
    const struct kb_publisher_callbacks *callbacks, struct kb_err *err)
{
    KB_BUG_ON(options->concurrency < 1 || options->max_records < 1 || options->max_channels < 1);
    struct kb_publisher *pub = calloc(1, sizeof(*pub));
    if (!pub) {
        kb_err_fatal(err, "no memory for the publisher");
        return NULL;
    }
    struct kb_lanes_options lanes = {
        LANES, options->ordered, options->max_records, options->max_bytes, options->max_channels};
    pub->options = *options;
    pub->transport = transport;
    pub->random = random;
    pub->callbacks = *callbacks;
    kb_slabs_init(&pub->slabs, SLAB_SIZE);
    kb_gate_init(&pub->gate);
    kb_bucket_init(&pub->bucket, options->requests_per_second, options->burst);
    pub->base_url = strdup(options->base_url);
    pub->lanes = kb_lanes_new(&lanes, &pub->slabs);
    pub->fates.of = calloc(room(options), 1);
    bool ready = kb_reply_init(&pub->reply, room(options));
    ready = kb_requests_init(&pub->requests, options->base_url, options->key, options->client_id,
                options->agent) &&
            ready;
    pub->requests.open_timeout_ms = options->open_timeout_ms;
    pub->requests.timeout_ms = options->request_timeout_ms;
    if (ready && pub->base_url && pub->lanes && pub->fates.of && requests_new(pub))
        return pub;
    kb_publisher_free(pub);
    kb_err_fatal(err, "no memory for the publisher");
    return NULL;
}

static void spec_free(struct kb_publisher *pub, struct kb_spec *spec)
{
    kb_slab_release(&pub->slabs, &spec->json);
    kb_spec_pool_give(&pub->specs, spec);
}

static bool wants_nothing(void *context, struct kb_spec *spec)
{
    (void)context;
    (void)spec;
    return false;
}

static void drop_silently(void *context, struct kb_spec *spec)
{
    spec_free(context, spec);
}

static void requests_free(struct kb_request *req)
{
    while (req) {
        struct kb_request *next = req->next;
        free(req);
        req = next;
    }
}

void kb_publisher_free(struct kb_publisher *pub)
{
    if (!pub)
        return;
    for (struct kb_request *req = pub->flying; req; req = req->next) {
        pub->transport->ops->cancel(pub->transport, &req->http);
        for (size_t i = 0; i < req->n; i++)
            spec_free(pub, req->specs[i]);
    }
    requests_free(pub->flying);
    requests_free(pub->idle);
    if (pub->lanes)
        kb_lanes_sweep(pub->lanes, wants_nothing, drop_silently, pub);
    kb_lanes_free(pub->lanes);
    kb_requests_deinit(&pub->requests);
    kb_reply_deinit(&pub->reply);
    kb_spec_pool_deinit(&pub->specs);
    kb_slabs_deinit(&pub->slabs);
    free(pub->fates.of);
    free(pub->base_url);
    free(pub);
}

bool kb_publisher_add(
    struct kb_publisher *pub, struct kb_slice json, uint64_t channel, void *owner, int64_t now_ms)
{
    struct kb_spec *spec = kb_spec_pool_take(&pub->specs);
    if (!spec)
        return false;
    if (!kb_slabs_put(&pub->slabs, json, &spec->json)) {
        kb_spec_pool_give(&pub->specs, spec);
        return false;
    }
    spec->owner = owner;
    spec->channel = channel;
    spec->queued_ms = now_ms;
    kb_lanes_add(pub->lanes, spec);
    return true;
}

/* ---- an end for each spec ---- */

static void settle(struct kb_publisher *pub, struct kb_spec *spec, enum kb_outcome outcome,
    const struct kb_err *err)
{
    void *owner = spec->owner;
    spec_free(pub, spec);
    pub->callbacks.settled(pub->callbacks.context, owner, outcome, err);
}

static void settle_refused(
    struct kb_publisher *pub, struct kb_spec *spec, const struct kb_result *result)
{
    struct kb_err err;
    bool message = result->code == 40009 || result->code == 40010 ||
                   (result->code == 0 && result->status == 413);
    kb_err_record(&err, message ? KB_FAILURE_MESSAGE : KB_FAILURE_PUBLISH,
        "ably: %d (HTTP %d): " KB_FMT "; https://help.ably.io/error/%d", result->code,
        result->status, KB_ARG(result->text), result->code);
    err.code = result->code;
    settle(pub, spec, KB_OUTCOME_REFUSED, &err);
}

static bool wanted(void *context, struct kb_spec *spec)
{
    struct kb_publisher *pub = context;
    return pub->callbacks.wanted(pub->callbacks.context, spec->owner);
}

static void drop(void *context, struct kb_spec *spec)
{
    settle(context, spec, KB_OUTCOME_DROPPED, NULL);
}

void kb_publisher_sweep(struct kb_publisher *pub)
{
    kb_lanes_sweep(pub->lanes, wanted, drop, pub);
}

/* ---- outages: the gate, and what the log says of it ---- */

/* Why nothing can be sent. A run of refusals may meet an answer that neither adds to it nor ends
 * it: then what was said stays. */
static void describe(const struct kb_publisher *pub, char *out, size_t size)
{
    const struct kb_result *why = &pub->fates.why;
    if (why->class == KB_ABLY_OK)
        snprintf(out, size, "%s", pub->gate.text);
    else if (!pub->fates.outage)
        snprintf(out, size,
            "Ably refused %d messages in a row and accepted none (a revoked capability?), the rest "
            "is kept; the last refusal: %d " KB_FMT,
            KB_GATE_REFUSALS_MAX, why->code, KB_ARG(why->text));
    else if (why->status == 0 && why->code == 0)
        snprintf(out, size, "no answer from " KB_FMT, KB_ARG(why->text));
    else
        snprintf(out, size, "HTTP %d, Ably code %d from %s: " KB_FMT " (%s)", why->status,
            why->code, pub->base_url, KB_ARG(why->text), kb_ably_class_help(why->class));
}

static void outage(struct kb_publisher *pub, uint64_t epoch, int64_t now_ms)
{
    char text[sizeof(pub->gate.text)];
    describe(pub, text, sizeof(text));
    if (!kb_gate_failed(&pub->gate, epoch, now_ms, pub->reply.retry_after_ms,
            pub->random->next(pub->random), text))
        return;
    if (pub->fates.why.class != KB_ABLY_OK)
        pub->status.outage_class = pub->fates.why.class; /* else what was said stays */
    uint64_t suppressed;
    if (!kb_log_repeat(&pub->warned, now_ms, &suppressed))
        return;
    pub->told = true;
    kb_log_warn("ably",
        "%s; nothing is lost, next try in %" PRId64 " ms (try %u, %" PRIu64 " like it not shown)",
        text, pub->gate.until_ms - now_ms, pub->gate.attempts, suppressed);
}

static void answered(struct kb_publisher *pub, uint64_t epoch, int64_t now_ms)
{
    uint32_t attempts = pub->gate.attempts;
    if (!kb_gate_answered(&pub->gate, epoch, pub->fates.n[KB_FATE_PUBLISHED] > 0))
        return;
    if (pub->told)
        kb_log_info("ably", "%s answers again after %.1f s and %u tries", pub->base_url,
            (double)(now_ms - pub->gate.since_ms) / 1000.0, attempts);
    pub->told = false;
}

static void tell_gate(struct kb_publisher *pub, uint64_t epoch, int64_t now_ms)
{
    bool accepted = pub->fates.n[KB_FATE_PUBLISHED] > 0;
    bool refusing = kb_gate_refusing(&pub->gate) && !accepted;
    if (!pub->fates.outage && !refusing)
        answered(pub, epoch, now_ms);
    else
        outage(pub, epoch, now_ms);
}

/* ---- an answer ---- */

/* What goes again, and is no longer wanted by its owner, ends here. */
static void drop_unwanted(struct kb_publisher *pub, const struct kb_request *req)
{
    struct kb_fates *fates = &pub->fates;
    if (fates->n[KB_FATE_AGAIN] + fates->n[KB_FATE_HOLD] == 0)
        return;
    for (size_t i = 0; i < req->n; i++) {
        enum kb_fate fate = fates->of[i];
        if ((fate != KB_FATE_AGAIN && fate != KB_FATE_HOLD) || wanted(pub, req->specs[i]))
            continue;
        fates->n[fate]--;
        fates->n[KB_FATE_DROPPED]++;
        fates->of[i] = KB_FATE_DROPPED;
    }
}

/* Puts the channels of rate-limited specs on hold. A later spec of such a channel in the same
 * request that was accepted has overtaken: Ably's doing, counted and said. */
static void hold_channels(struct kb_publisher *pub, const struct kb_request *req)
{
    if (pub->fates.n[KB_FATE_HOLD] == 0)
        return;
    for (size_t i = 0; i < req->n; i++) {
        uint64_t channel = req->specs[i]->channel;
        if (pub->fates.of[i] == KB_FATE_HOLD) {
            kb_lanes_hold(
                pub->lanes, channel, pub->reply.retry_after_ms, pub->random->next(pub->random));
        } else if (pub->fates.of[i] == KB_FATE_PUBLISHED && pub->options.ordered &&
                   kb_lanes_inverted(pub->lanes, channel)) {
            pub->status.inversions++;
            kb_metric_add(KB_METRIC_ORDER_INVERSIONS, 1);
        }
    }
}

static void return_to_lanes(struct kb_publisher *pub, const struct kb_request *req)
{
    const unsigned char *fate = pub->fates.of;
    for (size_t i = 0; i < req->n; i++)
        if (fate[i] == KB_FATE_PUBLISHED || fate[i] == KB_FATE_REFUSED)
            kb_lanes_release(pub->lanes, req->specs[i]->channel);
    hold_channels(pub, req);
    for (size_t i = req->n; i-- > 0;) {
        if (fate[i] != KB_FATE_HOLD && fate[i] != KB_FATE_AGAIN)
            continue;
        if (pub->fates.split)
            req->specs[i]->company = (uint32_t)(req->n + 1) / 2;
        kb_lanes_put_back(pub->lanes, req->specs[i]);
    }
    kb_lanes_land(pub->lanes, req->specs, req->n);
}

static void settle_ended(struct kb_publisher *pub, const struct kb_request *req)
{
    for (size_t i = 0; i < req->n; i++) {
        struct kb_spec *spec = req->specs[i];
        switch ((enum kb_fate)pub->fates.of[i]) {
        case KB_FATE_PUBLISHED:
            settle(pub, spec, KB_OUTCOME_PUBLISHED, NULL);
            break;
        case KB_FATE_REFUSED:
            settle_refused(pub, spec,
                pub->reply.verdict == KB_REPLY_RESULTS ? &pub->reply.results[i]
                                                       : &pub->reply.whole);
            break;
        case KB_FATE_DROPPED:
            settle(pub, spec, KB_OUTCOME_DROPPED, NULL);
            break;
        case KB_FATE_HOLD:
        case KB_FATE_AGAIN:
        case KB_FATE_COUNT:
            break; /* back in its lane */
        }
    }
}

static void count_answer(const struct kb_publisher *pub, size_t n)
{
    const struct kb_fates *fates = &pub->fates;
    size_t published = fates->n[KB_FATE_PUBLISHED];
    kb_metric_add(published == n  ? KB_METRIC_REQUESTS_OK
                  : published > 0 ? KB_METRIC_REQUESTS_PARTIAL
                  : fates->outage ? KB_METRIC_REQUESTS_OUTAGE
                                  : KB_METRIC_REQUESTS_REFUSED,
        1);
    kb_metric_add(KB_METRIC_MESSAGES_RETRIED, fates->n[KB_FATE_AGAIN] + fates->n[KB_FATE_HOLD]);
    kb_metric_add(KB_METRIC_MESSAGES_REFUSED, fates->n[KB_FATE_REFUSED]);
    kb_metric_add(KB_METRIC_CHANNEL_RATE_LIMITS, fates->n[KB_FATE_HOLD]);
}

static void measure_answer(const struct kb_request *req, int64_t now_ms)
{
    static const enum kb_metric by_hundreds[] = {[2] = KB_METRIC_RESPONSES_2XX,
        [3] = KB_METRIC_RESPONSES_3XX,
        [4] = KB_METRIC_RESPONSES_4XX,
        [5] = KB_METRIC_RESPONSES_5XX};
    int hundreds = req->http.reply.status / 100;
    bool known = hundreds >= 2 && hundreds <= 5;
    kb_metric_add(known ? by_hundreds[hundreds] : KB_METRIC_RESPONSES_NONE, 1);
    struct kb_histogram one = {0};
    kb_histogram_add(&one, now_ms - req->sent_ms);
    kb_histogram_publish(&one, KB_TIMING_REQUEST);
}

static void request_ended(struct kb_publisher *pub, struct kb_request *req, int64_t now_ms)
{
    struct kb_request **link = &pub->flying;
    while (*link != req)
        link = &(*link)->next;
    *link = req->next;
    pub->n_flying--;
    pub->specs_flying -= req->n;

    measure_answer(req, now_ms);
    kb_reply_read(&pub->reply, &req->http.reply, req->n);
    kb_fates_decide(&pub->fates, &pub->reply, req->n, &pub->gate);
    tell_gate(pub, req->epoch, now_ms);
    drop_unwanted(pub, req);
    count_answer(pub, req->n);
    return_to_lanes(pub, req);
    settle_ended(pub, req);
    req->next = pub->idle;
    pub->idle = req;
}

/* ---- sending ---- */

/* The first time at which, with what is known now, a request may go; now_ms or before = at once. */
static int64_t send_at_ms(const struct kb_publisher *pub, int64_t now_ms)
{
    if (pub->n_flying >= (size_t)pub->options.concurrency)
        return INT64_MAX;
    int64_t at = kb_lanes_due_ms(pub->lanes);
    if (kb_lanes_ready(pub->lanes)) {
        /* While most slots are busy a small request would waste one of the rest. */
        bool linger =
            2 * pub->n_flying > (size_t)pub->options.concurrency && !kb_lanes_full(pub->lanes);
        int64_t ready = kb_lanes_oldest_ms(pub->lanes) + (linger ? pub->options.linger_ms : 0);
        at = ready < at ? ready : at;
    }
    int64_t gate = kb_gate_ready_ms(&pub->gate);
    if (at == INT64_MAX || gate == INT64_MAX)
        return INT64_MAX;
    int64_t bucket = kb_bucket_ready_ms(&pub->bucket, now_ms);
    at = at > gate ? at : gate;
    return at > bucket ? at : bucket;
}

/* How many of each lane a probe takes. In a run of refusals it looks deeper each time: behind
 * messages that are refused for their own sake there may be good ones, and one acceptance makes the
 * refusals believable. */
static size_t probe_depth(const struct kb_publisher *pub)
{
    uint32_t attempts = pub->gate.attempts < 10 ? pub->gate.attempts : 10;
    return kb_gate_refusing(&pub->gate) ? (size_t)1 << attempts : 1;
}

static void send_one(struct kb_publisher *pub, int64_t now_ms)
{
    struct kb_request *req = pub->idle;
    pub->idle = req->next;
    size_t bytes, n = kb_gate_outage(&pub->gate)
                          ? kb_lanes_pack_probe(pub->lanes, probe_depth(pub), req->specs, &bytes)
                          : kb_lanes_pack(pub->lanes, req->specs, &bytes);
    KB_BUG_ON(n == 0);
    for (size_t i = 0; i < n; i++)
        req->specs[i]->attempts++;
    kb_request_ready(req, n, bytes);
    kb_bucket_take(&pub->bucket, now_ms);
    req->epoch = kb_gate_sent(&pub->gate);
    req->sent_ms = now_ms;
    req->next = pub->flying;
    pub->flying = req;
    pub->n_flying++;
    pub->specs_flying += n;
    kb_metric_add(KB_METRIC_REQUEST_BYTES, bytes);
    struct kb_err err;
    if (!pub->transport->ops->submit(pub->transport, &req->http, &err)) {
        req->http.reply = (struct kb_http_reply){.err = err};
        request_ended(pub, req, now_ms);
    }
}

void kb_publisher_step(struct kb_publisher *pub, int64_t now_ms)
{
    struct kb_http_request *done;
    kb_lanes_tick(pub->lanes, now_ms);
    while ((done = pub->transport->ops->done(pub->transport)) != NULL)
        request_ended(pub, done->context, now_ms);
    while (kb_lanes_ready(pub->lanes) && send_at_ms(pub, now_ms) <= now_ms)
        send_one(pub, now_ms);
}

int64_t kb_publisher_wake_ms(const struct kb_publisher *pub, int64_t now_ms)
{
    return send_at_ms(pub, now_ms);
}

const struct kb_publisher_status *kb_publisher_status(struct kb_publisher *pub)
{
    struct kb_publisher_status *status = &pub->status;
    status->requests_in_flight = pub->n_flying;
    status->specs_in_flight = pub->specs_flying;
    status->specs_waiting = kb_lanes_waiting(pub->lanes);
    status->bytes = kb_slabs_bytes(&pub->slabs) + pub->specs.n * sizeof(struct kb_spec);
    status->outage = kb_gate_outage(&pub->gate);
    status->outage_since_ms = pub->gate.since_ms;
    status->outage_attempts = (int)pub->gate.attempts;
    snprintf(status->outage_text, sizeof(status->outage_text), "%s", pub->gate.text);
    return status;
}
