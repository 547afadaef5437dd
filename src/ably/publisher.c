/* The publisher: takes encoded specs from the worker, sends them, and tells the worker each one's
 * end. Here the parts meet: lanes (what may ride together), gate (may anything be sent), pace
 * (how often), the transport (sending), reply and fates (what became of it). They are pure; this
 * file has the order of things, the metrics and the log lines. Thread: its worker's. */
#include "ably/publisher_inside.h"
#include "metrics/metrics.h"

#define SLAB_SIZE (256u << 10)

/* ---- begin and end ---- */

struct kb_publisher *kb_publisher_new(const struct kb_publisher_options *options,
    struct kb_transport *transport, struct kb_random *random,
    const struct kb_publisher_callbacks *callbacks, struct kb_err *err)
{
    struct kb_publisher *pub = calloc(1, sizeof(*pub));
    if (!pub) {
        kb_err_fatal(err, "no memory for the publisher");
        return NULL;
    }
    struct kb_lanes_options lanes = {KB_PUBLISHER_LANES, options->ordered, options->max_records,
        options->max_bytes, options->max_channels, options->channel_messages_per_second};
    pub->transport = transport;
    pub->random = random;
    pub->callbacks = *callbacks;
    kb_slabs_init(&pub->slabs, SLAB_SIZE);
    kb_gate_init(&pub->gate);
    kb_grouper_init(&pub->grouper, &pub->slabs, &pub->specs, options->msgpack);
    pub->lanes = kb_lanes_new(&lanes, &pub->slabs, &pub->grouper);
    if (pub->lanes && kb_publisher_change(pub, options, 0, err))
        return pub;
    kb_publisher_free(pub);
    kb_err_fatal(err, "no memory for the publisher");
    return NULL;
}

void kb_publisher_spec_free(struct kb_publisher *pub, struct kb_spec *spec)
{
    struct kb_spec *members = spec->group ? spec->members : NULL;
    kb_slab_release(&pub->slabs, &spec->json);
    kb_spec_pool_give(&pub->specs, spec);
    for (struct kb_spec *next; members; members = next) {
        next = members->next;
        kb_publisher_spec_free(pub, members);
    }
}

static bool wants_nothing(void *context, struct kb_spec *spec)
{
    (void)context;
    (void)spec;
    return false;
}

static void drop_silently(void *context, struct kb_spec *spec)
{
    kb_publisher_spec_free(context, spec);
}

void kb_publisher_free(struct kb_publisher *pub)
{
    if (!pub)
        return;
    for (struct kb_request *req = pub->flying; req; req = req->next) {
        if (!req->waits)
            pub->transport->ops->cancel(pub->transport, &req->http);
        for (size_t i = 0; i < req->n; i++)
            kb_publisher_spec_free(pub, req->specs[i]);
    }
    kb_publisher_requests_free(pub->flying);
    if (pub->lanes)
        kb_lanes_sweep(pub->lanes, wants_nothing, drop_silently, pub);
    kb_lanes_free(pub->lanes);
    kb_publisher_change_free(pub);
    kb_grouper_deinit(&pub->grouper);
    kb_spec_pool_deinit(&pub->specs);
    kb_slabs_deinit(&pub->slabs);
    free(pub);
}

bool kb_publisher_add(struct kb_publisher *pub, struct kb_slice json, size_t size, uint64_t channel,
    void *owner, int64_t now_ms)
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
    spec->size = size > UINT32_MAX ? 0 : (uint32_t)size;
    spec->queued_ms = now_ms;
    kb_lanes_add(pub->lanes, spec);
    return true;
}

/* ---- sending ---- */

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* The first time at which, with what is known now, a request may go; now_ms or before = at once. */
static int64_t send_at_ms(const struct kb_publisher *pub, int64_t now_ms)
{
    if (pub->n_flying >= (size_t)pub->options.concurrency || pub->change)
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
    if (!kb_auth_ready(pub->auth, now_ms) && kb_auth_asking(pub->auth))
        return INT64_MAX;
    int64_t pace = later(kb_pace_ready_ms(&pub->requests_pace, 1, now_ms),
        kb_pace_ready_ms(&pub->messages_pace, kb_lanes_waiting(pub->lanes), now_ms));
    return later(later(at, gate), pace);
}

/* How many of each lane a probe takes. In a run of refusals it looks deeper each time: behind
 * messages that are refused for their own sake there may be good ones, and one acceptance makes the
 * refusals believable. */
static size_t probe_depth(const struct kb_publisher *pub)
{
    uint32_t attempts = pub->gate.attempts < 10 ? pub->gate.attempts : 10;
    return kb_gate_refusing(&pub->gate) ? (size_t)1 << attempts : 1;
}

static size_t pack(struct kb_publisher *pub, struct kb_spec **out, size_t *bytes)
{
    bool past = pub->go_past;
    pub->go_past = false;
    if (!kb_gate_outage(&pub->gate))
        return kb_lanes_pack(pub->lanes, out, bytes);
    if (past && kb_gate_refusing(&pub->gate))
        return kb_lanes_pack_ahead(pub->lanes, probe_depth(pub), out, bytes);
    return kb_lanes_pack_probe(pub->lanes, probe_depth(pub), out, bytes);
}

void kb_publisher_submit(struct kb_publisher *pub, struct kb_request *req, int64_t now_ms)
{
    struct kb_err err;
    kb_pace_take(&pub->requests_pace, 1, now_ms);
    req->waits = false;
    req->sent_ms = now_ms;
    req->http.url = kb_requests_url(pub->requests, req->tries.host);
    req->generation = kb_auth_generation(pub->auth);
    req->http.headers_version = pub->requests->version << 32 | (uint32_t)req->generation;
    pub->requests->headers[0] = kb_auth_line(pub->auth);
    kb_metric_add(KB_METRIC_REQUEST_BYTES, req->bytes);
    if (!pub->transport->ops->submit(pub->transport, &req->http, &err)) {
        req->http.reply = (struct kb_http_reply){.err = err, .local = true};
        kb_publisher_ended(pub, req, now_ms);
    }
}

static void send_one(struct kb_publisher *pub, int64_t now_ms)
{
    struct kb_request *req = pub->idle;
    kb_lanes_cap(pub->lanes, kb_pace_room(&pub->messages_pace, now_ms));
    size_t bytes, n = pack(pub, req->specs, &bytes);
    if (n == 0)
        return;
    pub->idle = req->next;
    kb_request_ready(req, n, bytes);
    kb_pace_take(&pub->messages_pace, req->messages, now_ms);
    kb_hosts_begin(&pub->hosts, &req->tries, now_ms);
    req->epoch = kb_gate_sent(&pub->gate);
    req->renewed = req->unknown = false;
    req->next = pub->flying;
    pub->flying = req;
    pub->n_flying++;
    pub->specs_flying += req->messages;
    kb_publisher_submit(pub, req, now_ms);
}

void kb_publisher_step(struct kb_publisher *pub, int64_t now_ms)
{
    struct kb_http_request *done;
    kb_lanes_tick(pub->lanes, now_ms);
    while ((done = pub->transport->ops->done(pub->transport)) != NULL)
        if (kb_auth_asks(pub->auth, done))
            kb_publisher_auth_ended(pub, now_ms);
        else
            kb_publisher_ended(pub, done->context, now_ms);
    kb_publisher_authorize(pub, now_ms);
    kb_publisher_send_again(pub, now_ms);
    kb_publisher_change_if_idle(pub, now_ms);
    while (kb_lanes_ready(pub->lanes) && kb_auth_ready(pub->auth, now_ms) &&
           send_at_ms(pub, now_ms) <= now_ms)
        send_one(pub, now_ms);
}

int64_t kb_publisher_wake_ms(const struct kb_publisher *pub, int64_t now_ms)
{
    int64_t at = send_at_ms(pub, now_ms);
    bool waits = pub->n_again > 0 && kb_auth_ready(pub->auth, now_ms);
    int64_t again = waits ? kb_pace_ready_ms(&pub->requests_pace, 1, now_ms) : INT64_MAX;
    return at < again ? at : again;
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
