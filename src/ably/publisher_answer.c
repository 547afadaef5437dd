/* What became of a request: its reply is read, each spec's fate decided, the gate told, and every
 * spec settled or put back into its lane, in an order that keeps each channel's. See publisher.h;
 * called by publisher.c when an answer is there. Thread: its worker's. */
#include "ably/publisher_inside.h"
#include "metrics/metrics.h"

#include <inttypes.h>

/* ---- what the other side says ---- */

#define WORDS_MAX 520 /* reply_body.c keeps 512 */

/* In `out`, without a secret of ours that it may have repeated. */
static struct kb_slice words(
    const struct kb_publisher *pub, const struct kb_result *result, char out[WORDS_MAX])
{
    snprintf(out, WORDS_MAX, KB_FMT, KB_ARG(result->text));
    kb_auth_redact(pub->auth, out);
    return kb_slice_of(out);
}

/* ---- an end for each spec ---- */

static void settle_one(struct kb_publisher *pub, struct kb_spec *spec, enum kb_outcome outcome,
    const struct kb_err *err)
{
    void *owner = spec->owner;
    kb_publisher_spec_free(pub, spec);
    pub->callbacks.settled(pub->callbacks.context, owner, outcome, err);
}

/* All messages of a group share its end. */
static void settle(struct kb_publisher *pub, struct kb_spec *spec, enum kb_outcome outcome,
    const struct kb_err *err)
{
    if (!spec->group) {
        settle_one(pub, spec, outcome, err);
        return;
    }
    for (struct kb_spec *member = spec->members, *next; member; member = next) {
        next = member->next;
        settle_one(pub, member, outcome, err);
    }
    spec->members = NULL;
    kb_publisher_spec_free(pub, spec);
}

static void settle_refused(
    struct kb_publisher *pub, struct kb_spec *spec, const struct kb_result *result)
{
    struct kb_err err;
    char room[WORDS_MAX];
    struct kb_slice said = words(pub, result, room);
    bool message = result->code == 40009 || result->code == 40010 ||
                   (result->code == 0 && result->status == 413);
    enum kb_failure failure = message ? KB_FAILURE_MESSAGE : KB_FAILURE_PUBLISH;
    if (result->code == 0)
        kb_err_record(&err, failure, "ably: HTTP %d, without a code: %s", result->status,
            message ? "too large for what is there or before it"
                    : kb_ably_class_help(result->class));
    else
        kb_err_record(&err, failure,
            "ably: %d (HTTP %d): " KB_FMT "; https://help.ably.io/error/%d", result->code,
            result->status, KB_ARG(said), result->code);
    err.code = result->code;
    settle(pub, spec, KB_OUTCOME_REFUSED, &err);
}

static bool wanted(void *context, struct kb_spec *spec)
{
    return kb_publisher_wants(context, spec);
}

static void drop(void *context, struct kb_spec *spec)
{
    settle(context, spec, KB_OUTCOME_DROPPED, NULL);
}

void kb_publisher_sweep(struct kb_publisher *pub)
{
    kb_lanes_sweep(pub->lanes, wanted, drop, pub);
}

#define NO_TOKEN_STATUS 401 /* RSA4e */
#define NO_TOKEN_CODE 40170

/* ---- outages: the gate, and what the log says of it ---- */

/* Why nothing can be sent. A run of refusals may meet an answer that neither adds to it nor ends
 * it: then what was said stays. */
static void describe(const struct kb_publisher *pub, char *out, size_t size)
{
    const struct kb_result *why = &pub->fates.why;
    char room[WORDS_MAX];
    struct kb_slice said = words(pub, why, room);
    if (why->class == KB_ABLY_OK)
        snprintf(out, size, "%s", pub->gate.text);
    else if (!pub->fates.outage)
        snprintf(out, size,
            "Ably refused %d messages in a row and accepted none (a revoked capability?), the rest "
            "is kept; the last refusal: %d " KB_FMT,
            KB_GATE_REFUSALS_MAX, why->code, KB_ARG(said));
    else if (why->status == 0 && why->code == 0)
        snprintf(out, size, "no answer from " KB_FMT, KB_ARG(said));
    else if (why->code == NO_TOKEN_CODE)
        snprintf(out, size, KB_FMT, KB_ARG(said));
    else if (why->code == 0)
        snprintf(out, size, "HTTP %d from %s: %s%s" KB_FMT, why->status, pub->answering,
            kb_ably_class_help(why->class), why->text.len ? ": " : "", KB_ARG(said));
    else
        snprintf(out, size, "HTTP %d, Ably code %d from %s: " KB_FMT " (%s)", why->status,
            why->code, pub->answering, KB_ARG(said), kb_ably_class_help(why->class));
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
        kb_log_info("ably", "%s answers again after %.1f s and %u tries", pub->answering,
            (double)(now_ms - pub->gate.since_ms) / 1000.0, attempts);
    pub->told = false;
}

/* ---- rate limits of the account: the pace ---- */

#define MESSAGES_LIMIT 42917 /* of the account's limits the one that counts messages */
#define ROUNDS_MAX 3         /* so often slowed down in vain: an outage */

/* An answer with a 429 for the account. True where that was new. */
static bool slow_down(struct kb_publisher *pub, const struct kb_request *req, int64_t now_ms)
{
    const struct kb_result *limited = pub->fates.limited;
    int wait = pub->reply.retry_after_ms;
    bool messages = limited->code == MESSAGES_LIMIT;
    struct kb_pace *pace = messages ? &pub->messages_pace : &pub->requests_pace;
    kb_metric_add(KB_METRIC_RATE_LIMITS, 1);
    if (!kb_pace_slow(pace, req->sent_ms, now_ms, wait))
        return false;
    uint64_t suppressed;
    char room[WORDS_MAX];
    struct kb_slice said = words(pub, limited, room);
    if (kb_log_repeat(&pub->slowed, now_ms, &suppressed))
        kb_log_warn("ably",
            "HTTP %d, Ably code %d: " KB_FMT "; slowing down to %.1f %s a second (%" PRIu64
            " like it not shown)",
            limited->status, limited->code, KB_ARG(said), kb_pace_rate(pace),
            messages ? "messages" : "requests", suppressed);
    return true;
}

/* True where the rate is all that is wrong: slower is the answer, and the gate stays as it is. */
static bool keep_pace(struct kb_publisher *pub, const struct kb_request *req, int64_t now_ms)
{
    const struct kb_fates *fates = &pub->fates;
    if (fates->n[KB_FATE_PUBLISHED] > 0) {
        pub->limited = 0;
        if (!fates->limited) {
            kb_pace_good(&pub->requests_pace, now_ms);
            kb_pace_good(&pub->messages_pace, now_ms);
        }
    }
    if (fates->limited && slow_down(pub, req, now_ms))
        pub->limited++;
    return fates->outage && fates->why.class == KB_ABLY_RATE && pub->limited < ROUNDS_MAX &&
           !kb_gate_outage(&pub->gate);
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
        if (!kb_publisher_goes_again(pub, i) || req->specs[i]->apart || wanted(pub, req->specs[i]))
            continue;
        fates->n[fate]--;
        fates->n[KB_FATE_DROPPED]++;
        fates->of[i] = KB_FATE_DROPPED;
    }
}

/* It may wait for long, and with it its partition's commits: nobody should have to guess why.
 * Ably's text names the channel. */
static void say_held(struct kb_publisher *pub, const struct kb_result *why, int64_t now_ms)
{
    uint64_t suppressed;
    char room[WORDS_MAX];
    if (!kb_log_repeat(&pub->held, now_ms, &suppressed))
        return;
    struct kb_slice said = words(pub, why, room);
    kb_log_warn("ably",
        "a channel waits, the others go on: HTTP %d, Ably code %d: " KB_FMT " (%s; %" PRIu64
        " like it not shown)",
        why->status, why->code, KB_ARG(said), kb_ably_class_help(why->class), suppressed);
}

/* Puts the channels of rate-limited specs on hold. A later spec of such a channel in the same
 * request that was accepted has overtaken: Ably's doing, counted and said. */
static void hold_channels(struct kb_publisher *pub, const struct kb_request *req, int64_t now_ms)
{
    if (pub->fates.n[KB_FATE_HOLD] == 0)
        return;
    int wait = pub->reply.retry_after_ms;
    if (wait > KB_GATE_RETRY_AFTER_MAX_MS)
        wait = KB_GATE_RETRY_AFTER_MAX_MS;
    for (size_t i = 0; i < req->n; i++) {
        uint64_t channel = req->specs[i]->channel;
        if (pub->fates.of[i] == KB_FATE_HOLD) {
            kb_lanes_hold(pub->lanes, channel, wait, pub->random->next(pub->random));
            say_held(pub, &pub->reply.results[i], now_ms);
        } else if (pub->fates.of[i] == KB_FATE_PUBLISHED && pub->options.ordered &&
                   kb_lanes_inverted(pub->lanes, channel)) {
            pub->status.inversions++;
            kb_metric_add(KB_METRIC_ORDER_INVERSIONS, 1);
        }
    }
}

/* Refusals that were not believed are remembered, for the probes. One that is accepted later on may
 * have been overtaken by the probe that went past it. */
static void note_refused(struct kb_publisher *pub, const struct kb_request *req, size_t i)
{
    struct kb_spec *spec = req->specs[i];
    const struct kb_reply *reply = &pub->reply;
    if (pub->fates.of[i] == KB_FATE_PUBLISHED && spec->refused && pub->options.ordered) {
        pub->status.inversions++;
        kb_metric_add(KB_METRIC_ORDER_INVERSIONS, 1);
    } else if (reply->verdict == KB_REPLY_REFUSED && req->n == 1) {
        spec->refused = pub->fates.of[i] == KB_FATE_AGAIN;
    }
}

/* In a run of refusals each probe that was refused is followed at once by one that goes past the
 * messages refused alone: were the good one behind them never asked, they would hide it for ever.
 * At once, for Ably may by now take what it has just refused, and then the one behind has overtaken
 * it: that asks for a change of mind within a round trip. */
static void go_past_refused(struct kb_publisher *pub, bool went_past, int64_t now_ms)
{
    bool refused = pub->fates.n[KB_FATE_PUBLISHED] == 0 && !pub->fates.outage;
    if (!kb_gate_refusing(&pub->gate) || !refused || went_past ||
        !kb_lanes_behind_refused(pub->lanes))
        return;
    pub->go_past = true;
    kb_gate_hurry(&pub->gate, now_ms);
}

static void return_to_lanes(struct kb_publisher *pub, const struct kb_request *req, int64_t now_ms)
{
    const unsigned char *fate = pub->fates.of;
    for (size_t i = 0; i < req->n; i++) {
        note_refused(pub, req, i);
        if (fate[i] == KB_FATE_PUBLISHED || fate[i] == KB_FATE_REFUSED)
            kb_lanes_release(pub->lanes, req->specs[i]->channel);
    }
    hold_channels(pub, req, now_ms);
    for (size_t i = req->n; i-- > 0;) {
        if (!kb_publisher_goes_again(pub, i))
            continue;
        if (pub->fates.split)
            req->specs[i]->company = (uint32_t)(req->messages + 1) / 2;
        if (req->specs[i]->apart)
            kb_publisher_put_back_members(pub, req->specs[i]);
        else
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
            if (spec->apart) /* what is left of it */
                settle(pub, spec, KB_OUTCOME_DROPPED, NULL);
            break; /* else back in its lane */
        case KB_FATE_COUNT:
            break;
        }
    }
}

static void count_answer(const struct kb_publisher *pub, const struct kb_request *req)
{
    const struct kb_fates *fates = &pub->fates;
    size_t published = fates->n[KB_FATE_PUBLISHED],
           held = kb_publisher_messages_of(pub, req, KB_FATE_HOLD);
    kb_metric_add(published == req->n ? KB_METRIC_REQUESTS_OK
                  : published > 0     ? KB_METRIC_REQUESTS_PARTIAL
                  : fates->outage     ? KB_METRIC_REQUESTS_OUTAGE
                                      : KB_METRIC_REQUESTS_REFUSED,
        1);
    kb_metric_add(
        KB_METRIC_MESSAGES_RETRIED, kb_publisher_messages_of(pub, req, KB_FATE_AGAIN) + held);
    kb_metric_add(KB_METRIC_MESSAGES_REFUSED, fates->n[KB_FATE_REFUSED]);
    kb_metric_add(KB_METRIC_CHANNEL_RATE_LIMITS, held);
    kb_metric_add(KB_METRIC_MESSAGES_GROUPED,
        kb_publisher_messages_of(pub, req, KB_FATE_PUBLISHED) - published);
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

struct kb_http_reply kb_publisher_no_token(const struct kb_err *err)
{
    struct kb_http_reply reply = {.status = NO_TOKEN_STATUS, .local = true};
    reply.headers.ably_error_code = KB_S("40170");
    reply.headers.ably_error_message = kb_slice_of(err->text);
    return reply;
}

void kb_publisher_outage_without_request(
    struct kb_publisher *pub, const struct kb_err *err, int64_t now_ms)
{
    pub->fates = (struct kb_fates){.of = pub->fates.of, .outage = true};
    pub->fates.why = (struct kb_result){.class = KB_ABLY_CREDENTIALS,
        .code = NO_TOKEN_CODE,
        .status = NO_TOKEN_STATUS,
        .text = kb_slice_of(err->text)};
    pub->reply.retry_after_ms = 0;
    outage(pub, pub->gate.epoch, now_ms);
}

void kb_publisher_ended(struct kb_publisher *pub, struct kb_request *req, int64_t now_ms)
{
    measure_answer(req, now_ms);
    pub->answering = pub->hosts.list.url[req->tries.host];
    if (!kb_publisher_again(pub, req, now_ms))
        kb_publisher_finish(pub, req, now_ms);
}

/* An outage of credentials: the next try may have others. */
static void look_for_another_token(
    struct kb_publisher *pub, const struct kb_request *req, int64_t now_ms)
{
    if (pub->fates.outage && pub->fates.why.class == KB_ABLY_TOKEN)
        kb_auth_refused(pub->auth, req->generation, true, now_ms);
    else if (pub->fates.outage && pub->fates.why.class == KB_ABLY_CREDENTIALS)
        kb_auth_doubted(pub->auth, req->generation, now_ms);
}

void kb_publisher_finish(struct kb_publisher *pub, struct kb_request *req, int64_t now_ms)
{
    struct kb_request **link = &pub->flying;
    while (*link != req)
        link = &(*link)->next;
    *link = req->next;
    pub->n_flying--;
    pub->specs_flying -= req->messages;

    kb_reply_read(&pub->reply, &req->http.reply, req->n);
    kb_fates_decide(&pub->fates, &pub->reply, req->n, &pub->gate);
    look_for_another_token(pub, req, now_ms);
    bool went_past = false;
    for (size_t i = 0; i < req->n; i++)
        went_past |= req->specs[i]->ahead;
    if (!keep_pace(pub, req, now_ms))
        tell_gate(pub, req->epoch, now_ms);
    kb_publisher_note_unknown(pub, req);
    kb_publisher_end_groups(pub, req);
    drop_unwanted(pub, req);
    count_answer(pub, req);
    return_to_lanes(pub, req, now_ms);
    go_past_refused(pub, went_past, now_ms);
    settle_ended(pub, req);
    req->next = pub->idle;
    pub->idle = req;
}
