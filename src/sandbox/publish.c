/* Publishing: POST /messages and POST /channels/NAME/messages of the local Ably. What was posted is
 * read and checked as a whole first; then each spec meets each of its channels: the rules, the
 * faults, the duplicates, the store. */
#include "base/base64.h"
#include "base/hash.h"
#include "base/utf8.h"
#include "sandbox/posted.h"
#include "sandbox/state.h"
#include "value/json.h"

/* What came of one spec in one channel. */
struct result {
    struct kb_refusal refusal;
    uint64_t first_seq; /* of its messages, now or when they first came */
    struct kb_slice message_id;
};

/* --- storing --- */

/* The id under which message `index` of a set goes: its own, or BASE:index. */
static struct kb_slice message_id(
    struct kb_exchange *x, const struct kb_posted_message *msg, struct kb_slice base, size_t index)
{
    struct kb_slice id = base;
    char *text;
    int len;

    if (msg->id.ptr)
        return msg->id;
    text = kb_arena_alloc(&x->arena, base.len + 8);
    if (!text)
        return id;
    len = snprintf(text, base.len + 8, KB_FMT ":%zu", KB_ARG(base), index);
    return (struct kb_slice){text, (size_t)len};
}

static void take_message(struct kb_service *service, struct kb_slice channel,
    const struct kb_posted_message *msg, struct kb_slice id, struct kb_slice client_id,
    uint64_t seq, bool duplicate)
{
    struct kb_service_counters *counters = &service->counters;
    struct kb_buf *json = &service->json;
    size_t head_len;

    counters->published += !duplicate;
    counters->duplicates += duplicate;
    kb_deliveries_add(service->deliveries,
        &(struct kb_delivery){seq, counters->requests + 1, duplicate, channel, id});
    if (duplicate ||
        !(kb_store_keeps(service->store) || kb_subscribers_listen(service->subscribers, channel)))
        return;
    kb_buf_reset(json);
    head_len = kb_local_message_write(
        json, msg, id, msg->client_id.ptr ? msg->client_id : client_id, service->wall_ms);
    if (json->failed)
        return;
    struct kb_local_message message = {
        channel, kb_buf_slice(json), head_len, seq, service->wall_ms};
    kb_store_add(service->store, &message);
    kb_subscribers_publish(service->subscribers, &message, service->now_ms);
}

/* An id for a set that came without: from the start and a count, so never the same twice. */
static struct kb_slice generated_id(struct kb_service *service, struct kb_exchange *x)
{
    char *text = kb_arena_alloc(&x->arena, 48);
    int len;

    if (!text)
        return KB_S("");
    len = snprintf(text, 48, "local-%s-%" PRIu64, service->started, ++service->last_set);
    return (struct kb_slice){text, (size_t)len};
}

/* A spec that broke no rule goes to one channel, as a whole: all its messages are new or all were
 * there. */
static void take_spec(struct kb_service *service, struct kb_exchange *x,
    const struct kb_posted_spec *spec, struct kb_slice channel, struct kb_slice client_id,
    struct result *result)
{
    bool duplicate = false;
    size_t index = 0;

    result->first_seq = service->last_seq + 1;
    result->message_id = spec->key.ptr ? spec->key : generated_id(service, x);
    if (spec->key.ptr) {
        switch (kb_ids_add(service->ids, channel, spec->key, service->now_ms, &result->first_seq)) {
        case KB_IDS_NO_MEMORY:
            result->refusal = (struct kb_refusal){500, 50000, KB_S("out of memory")};
            return;
        case KB_IDS_AGAIN:
            duplicate = true;
            break;
        case KB_IDS_NEW:
            break;
        }
    }
    for (const struct kb_posted_message *msg = spec->messages; msg; msg = msg->next, index++) {
        struct kb_slice id = message_id(x, msg, result->message_id, index);
        take_message(service, channel, msg, id, client_id, ++service->last_seq, duplicate);
    }
}

/* --- the answer --- */

static void print_channel(struct kb_buf *out, struct kb_slice channel)
{
    kb_buf_add(out, KB_S("{\"channel\":"));
    kb_json_string(out, channel);
}

static void print_failure(struct kb_buf *out, struct kb_slice channel, const struct result *result)
{
    print_channel(out, channel);
    kb_buf_add(out, KB_S(",\"error\":"));
    kb_error_object(out, result->refusal.status, result->refusal.code, result->refusal.text);
    kb_buf_byte(out, '}');
}

static void print_success(const struct kb_service *service, struct kb_buf *out,
    struct kb_slice channel, const struct kb_posted_spec *spec, const struct result *result,
    bool serials)
{
    print_channel(out, channel);
    kb_buf_add(out, KB_S(",\"messageId\":"));
    kb_json_string(out, result->message_id);
    for (size_t i = 0; serials && i < spec->n_messages; i++) {
        kb_buf_add(out, i == 0 ? KB_S(",\"serials\":[") : KB_S(","));
        kb_local_message_serial(out, service->started, result->first_seq + i);
    }
    kb_buf_add(out, serials ? KB_S("]}") : KB_S("}"));
}

/* --- a request --- */

struct publish {
    struct kb_posted posted;
    struct kb_slice client_id; /* whom the request speaks for; ptr NULL = nobody in particular */
    bool nobody;               /* by its token, and no message may say otherwise */
    bool new_form;             /* of the batch reply */
    uint64_t failures;
};

/* X-Ably-Version is required; newBatchResponse asks for the new form whatever the version. */
static bool read_version(struct kb_exchange *x, struct publish *p)
{
    struct kb_slice version = kb_exchange_header(x, "X-Ably-Version");
    int64_t number;

    if (!version.ptr)
        version = kb_exchange_query(x, "v");
    if (!version.ptr || !kb_exchange_number(version, &number)) {
        kb_exchange_error(
            x, 400, 40004, "the header X-Ably-Version is missing or is no whole number");
        return false;
    }
    p->new_form = number >= 3 || kb_slice_is(kb_exchange_query(x, "newBatchResponse"), "true");
    return true;
}

static bool read_client_id(struct kb_exchange *x, struct publish *p)
{
    struct kb_slice header = kb_exchange_header(x, "X-Ably-ClientId");
    struct kb_buf text;
    bool right;

    if (!header.ptr)
        return true;
    kb_buf_init(&text, 4096);
    right = kb_base64_decode(&text, header) && !text.failed && text.len > 0 &&
            kb_utf8_valid(kb_buf_slice(&text)) && !kb_slice_is(kb_buf_slice(&text), "*") &&
            kb_arena_copy(&x->arena, kb_buf_slice(&text), &p->client_id);
    kb_buf_deinit(&text);
    if (!right)
        kb_exchange_error(x, 400, 40012,
            "X-Ably-ClientId must be the base64 of a client id, not empty and not the wildcard");
    return right;
}

/* A token speaks for its client, for anybody ("*") or for nobody; a key for whom the header names.
 */
static bool identify(struct kb_service *service, struct kb_exchange *x, struct publish *p)
{
    struct kb_slice of_token = service->access.client_id;

    if (!read_client_id(x, p))
        return false;
    if (service->access.by_key || kb_slice_is(of_token, "*"))
        return true;
    if (p->client_id.ptr && (!of_token.ptr || !kb_slice_eq(p->client_id, of_token))) {
        kb_exchange_error(x, 401, 40102, "X-Ably-ClientId is not the token's client");
        return false;
    }
    p->client_id = of_token;
    p->nobody = !of_token.ptr;
    return true;
}

/* A message may name only the client that the request speaks for. */
static void check_client_ids(const struct publish *p, struct kb_posted_spec *spec)
{
    for (const struct kb_posted_message *msg = spec->messages; msg; msg = msg->next) {
        bool foreign =
            p->nobody || (p->client_id.ptr && !kb_slice_eq(p->client_id, msg->client_id));
        if (foreign && msg->client_id.ptr && !spec->refusal.code)
            spec->refusal = (struct kb_refusal){
                400, 40012, KB_S("a message's clientId is not whom the request speaks for")};
    }
}

/* What a token may not do here. */
static struct kb_refusal check_capability(
    const struct kb_service *service, const struct kb_posted_spec *spec, struct kb_slice channel)
{
    if (!kb_auth_allows(service, channel, "publish"))
        return (struct kb_refusal){
            401, 40160, KB_S("the token's capability has no publish on this channel")};
    for (const struct kb_posted_message *msg = spec->messages; msg; msg = msg->next) {
        if (msg->privileged && !kb_auth_allows(service, channel, "privileged-headers"))
            return (struct kb_refusal){401, 40160,
                KB_S("the token's capability has no privileged-headers on this channel")};
    }
    return (struct kb_refusal){0};
}

/* Everything that refuses the request as a whole; true = go on and publish. */
static bool read_request(struct kb_service *service, struct kb_exchange *x, struct publish *p,
    const struct kb_slice *channel)
{
    struct kb_body body;
    bool read;

    *p = (struct publish){.failures = 0};
    if (!read_version(x, p) || !kb_body_of(x, &body) || !identify(service, x, p))
        return false;
    read = channel ? kb_posted_read_messages(&p->posted, body, *channel, &x->arena)
                   : kb_posted_read_batch(&p->posted, body, &x->arena);
    if (!read) {
        kb_exchange_error(
            x, p->posted.shape.status, p->posted.shape.code, KB_FMT, KB_ARG(p->posted.shape.text));
        return false;
    }
    for (struct kb_posted_spec *spec = p->posted.specs; spec; spec = spec->next) {
        kb_posted_check(spec, service->options.max_message_size);
        check_client_ids(p, spec);
    }
    return !kb_faults_meet_channels(service->faults, x, &p->posted, service->now_ms);
}

/* Ably's limit for one channel: a spec counts once, however many messages it has (facts, 3). */
static struct kb_refusal check_rate(struct kb_service *service, struct kb_slice channel)
{
    uint64_t key = kb_hash64(channel, 0);

    if (kb_rates_room(&service->rates, key, service->now_ms) == 0)
        return (struct kb_refusal){429, 42913, KB_S("the channel is over its rate of messages")};
    kb_rates_take(&service->rates, key, 1, service->now_ms);
    return (struct kb_refusal){0};
}

/* One spec to one channel: refused by a rule or a fault, or taken. */
static struct result publish_one(struct kb_service *service, struct kb_exchange *x,
    struct publish *p, const struct kb_posted_spec *spec, size_t number, struct kb_slice channel)
{
    struct result result = {.refusal = kb_posted_check_channel(channel)};

    if (!result.refusal.code)
        result.refusal = check_capability(service, spec, channel);
    if (!result.refusal.code)
        result.refusal = spec->refusal;
    if (!result.refusal.code)
        result.refusal = kb_faults_meet_spec(service->faults, x, number, channel, service->now_ms);
    if (!result.refusal.code)
        result.refusal = check_rate(service, channel);
    if (!result.refusal.code)
        take_spec(service, x, spec, channel, p->client_id, &result);
    if (result.refusal.code) {
        service->counters.refused += spec->n_messages;
        p->failures++;
    }
    return result;
}

/* The results of one spec, in the form of the reply that was asked for. */
static void publish_spec(struct kb_service *service, struct kb_exchange *x, struct publish *p,
    const struct kb_posted_spec *spec, size_t number)
{
    struct kb_buf *results = &service->results;
    uint64_t failures_before = p->failures;

    kb_buf_reset(results);
    for (const struct kb_posted_channel *ch = spec->channels; ch; ch = ch->next) {
        struct result result = publish_one(service, x, p, spec, number, ch->name);
        if (ch != spec->channels)
            kb_buf_byte(results, ',');
        if (result.refusal.code)
            print_failure(results, ch->name, &result);
        else
            print_success(service, results, ch->name, spec, &result, p->new_form);
    }
    if (p->new_form) {
        uint64_t failures = p->failures - failures_before;
        kb_buf_add(&x->answer, KB_S("{\"successCount\":"));
        kb_buf_add_i64(&x->answer, (int64_t)(spec->n_channels - failures));
        kb_buf_add(&x->answer, KB_S(",\"failureCount\":"));
        kb_buf_add_i64(&x->answer, (int64_t)failures);
        kb_buf_add(&x->answer, KB_S(",\"results\":["));
    }
    kb_buf_add(&x->answer, kb_buf_slice(results));
    if (p->new_form)
        kb_buf_add(&x->answer, KB_S("]}"));
}

/* Before version 3: a flat array; where anything failed, status 400 around it. */
static void finish_old_form(struct kb_service *service, struct kb_exchange *x)
{
    struct kb_buf *flat = &service->results;

    kb_buf_reset(flat);
    kb_buf_add(flat, kb_buf_slice(&x->answer));
    kb_exchange_error(x, 400, 40020, "the batch has failed in part or as a whole");
    x->answer.len--; /* its closing brace */
    kb_buf_add(&x->answer, KB_S(",\"batchResponse\":"));
    kb_buf_add(&x->answer, kb_buf_slice(flat));
    kb_buf_byte(&x->answer, '}');
}

void kb_service_publish_batch(
    struct kb_service *service, struct kb_exchange *x, struct kb_slice name)
{
    struct publish p;
    size_t number = 0;

    (void)name;
    if (!read_request(service, x, &p, NULL))
        return;
    x->status = 201;
    kb_buf_byte(&x->answer, '[');
    for (const struct kb_posted_spec *spec = p.posted.specs; spec; spec = spec->next, number++) {
        if (number > 0)
            kb_buf_byte(&x->answer, ',');
        publish_spec(service, x, &p, spec, number);
    }
    kb_buf_byte(&x->answer, ']');
    if (!p.new_form && p.failures > 0)
        finish_old_form(service, x);
}

void kb_service_publish_channel(
    struct kb_service *service, struct kb_exchange *x, struct kb_slice name)
{
    struct publish p;
    struct result result;

    if (!read_request(service, x, &p, &name))
        return;
    result = publish_one(service, x, &p, p.posted.specs, 0, name);
    if (result.refusal.code) {
        kb_exchange_error(
            x, result.refusal.status, result.refusal.code, KB_FMT, KB_ARG(result.refusal.text));
        return;
    }
    x->status = 201;
    print_success(service, &x->answer, name, p.posted.specs, &result, true);
}
