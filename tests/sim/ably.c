/* The simulated Ably's server side (ably.h). What a phase does to a request is one function; a
 * request that gets through is taken set by set (a BatchSpec, mostly of one message), in their
 * order, with what each is known by remembered for two minutes (sets.c). */
#include "ably.h"

#include "base/hash.h"
#include "kafka.h"
#include "plan.h"
#include "sets.h"
#include "tokens.h"
#include "truth.h"
#include "value/json.h"

#include <stdio.h>
#include <stdlib.h>

static const char *const phase_names[] = {"well",
#define X(id, fault) #id,
    SIM_PHASES(X)
#undef X
};

static const enum sim_fault phase_faults[] = {SIM_FAULT_COUNT,
#define X(id, fault) SIM_FAULT_##fault,
    SIM_PHASES(X)
#undef X
};

void sim_ably_new(struct sim *sim)
{
    sim->ably = sim_alloc(sim, sizeof(*sim->ably));
}

void sim_ably_phase(struct sim *sim)
{
    enum sim_phase phase = (enum sim_phase)sim_between(sim, 1, SIM_PHASE_COUNT - 1);
    if (!sim->plan->fault[phase_faults[phase]])
        return;
    bool forever = sim_faulty(sim, SIM_FAULT_LONG_OUTAGES, 100);
    int64_t length = forever ? sim_between(sim, 130000, 400000) : sim_skewed(sim, 500, 60000);
    sim->ably->phase = phase;
    sim->ably->salt = (uint64_t)sim_between(sim, 0, 1 << 20);
    sim->ably->until_ms = sim->now_ms + length;
    sim_trace(sim, "Ably: %s for %lld ms", phase_names[phase], (long long)length);
}

void sim_ably_heal(struct sim *sim)
{
    sim->ably->phase = SIM_PHASE_WELL;
    sim->ably->away_until_ms = 0;
}

void sim_ably_hosts_away(struct sim *sim, uint32_t hosts, int64_t for_ms)
{
    sim_trace(sim, "hosts %#x away for %lld ms", (unsigned)hosts, (long long)for_ms);
    sim->ably->away = hosts;
    sim->ably->away_until_ms = sim->now_ms + for_ms;
}

enum sim_phase sim_ably_phase_now(const struct sim *sim)
{
    return sim->ably->until_ms > sim->now_ms ? sim->ably->phase : SIM_PHASE_WELL;
}

void sim_answer_deinit(struct sim_answer *answer)
{
    free(answer->body);
    free(answer->accepted);
    free(answer->codes);
    *answer = (struct sim_answer){.status = 0};
}

static void body(struct sim_answer *out, int status, const char *content_type, struct kb_buf *buf)
{
    out->status = status;
    out->content_type = content_type;
    out->len = buf->len;
    out->body = malloc(buf->len + 1);
    KB_BUG_ON(!out->body || buf->failed);
    memcpy(out->body, kb_buf_slice(buf).ptr, buf->len);
    out->body[buf->len] = '\0';
}

static void error_body(struct kb_buf *buf, int status, int code)
{
    kb_buf_printf(buf,
        "{\"error\":{\"code\":%d,\"statusCode\":%d,\"message\":\"simulated\","
        "\"href\":\"https://help.ably.io/error/%d\"}}",
        code, status, code);
}

/* The whole request ends in an error, nothing is published. */
static void refuse_request(struct sim *sim, int status, int code, struct sim_answer *out)
{
    struct kb_buf buf;
    kb_buf_init(&buf, 4096);
    if (code != 42922) /* the edge's own answer has no body */
        error_body(&buf, status, code);
    snprintf(out->error_code, sizeof(out->error_code), "%d", code);
    if (status == 429 && sim_chance(sim, 300))
        snprintf(out->retry_after, sizeof(out->retry_after), "%d", (int)sim_between(sim, 0, 20));
    body(out, status, buf.len ? "application/json" : "text/plain", &buf);
    kb_buf_deinit(&buf);
}

static void refused(struct sim_spec *spec)
{
    spec->record->refusals++;
    spec->message->refusals++;
}

/* Why the message can't be taken, 0 = it can. Which of a set's is to blame Ably does not say, so a
 * refusal counts only for one that is `alone`. */
static int refusal_of(struct sim *sim, struct sim_spec *spec, bool alone)
{
    const struct sim_message *msg = spec->message;
    bool mass = sim_ably_phase_now(sim) == SIM_PHASE_MASS_REFUSAL;
    int code =
        spec->record->fate == SIM_OVERSIZE ? 40009
        : (sim->sabotage == SIM_REFUSE_GOOD && sim_chance(sim, 10)) || msg->channel->refused || mass
            ? 40160
            : 0;
    if (code && alone) {
        refused(spec);
        spec->record->mass_refused =
            spec->record->mass_refused || (mass && code == 40160 && !msg->channel->refused);
    }
    return code;
}

/* Not now, 0 = now. A set counts as one message. */
static int rate_of(struct sim *sim, const struct sim_spec *spec)
{
    if (sim_ably_phase_now(sim) != SIM_PHASE_CHANNEL_RATE)
        return 0;
    if ((kb_hash64_stable(kb_slice_of(spec->message->channel->name)) + sim->ably->salt) % 3 == 0 &&
        sim_chance(sim, 500))
        return sim_chance(sim, 500) ? 42913 : 42914;
    if (sim_chance(sim, 10))
        return (int)(sim_chance(sim, 900) ? sim_chance(sim, 500) ? 42917 : 50003 : 40142);
    return 0;
}

static void publish(struct sim *sim, struct sim_spec *spec)
{
    if (sim->sabotage == SIM_FORGET_MESSAGE && sim_chance(sim, 10))
        return;
    if (sim->sabotage == SIM_FORGET_COPY && spec->message != spec->record->messages &&
        sim_chance(sim, 10))
        return;
    if (sim->sabotage == SIM_FORGET_GONE && sim_record_gone(spec->record))
        return;
    sim->ably->published++;
    sim_truth_published(sim, spec);
}

/* All of a set, or none. 0 = accepted (or a repeat, which looks the same), else Ably's code. */
static int take_set(struct sim *sim, struct sim_spec *specs, size_t n)
{
    int code = 0;
    for (size_t i = 0; i < n && !code; i++)
        code = refusal_of(sim, &specs[i], n == 1);
    if (code || (code = rate_of(sim, specs)) != 0) {
        if (sim->sabotage != SIM_TAKE_AND_DENY || (code != 42913 && code != 42914))
            return code;
    }
    if (sim_set_seen(sim, specs->key)) {
        sim->ably->repeated += n;
        return code;
    }
    sim->ably->sets += n > 1;
    for (size_t i = 0; i < n; i++)
        publish(sim, &specs[i]);
    return code;
}

/* A set was taken: what Ably refused before it in the same request, for the same channel, has been
 * overtaken. That inversion is Ably's own. Marked at once, for a log that was cut may bring a
 * message twice in one request, refused first and taken behind what overtook it. */
static void mark_overtaken(struct sim_batch *batch, const int *codes, size_t taken)
{
    for (size_t i = 0; i < taken; i++)
        if (codes[i] != 0 &&
            batch->specs[i].message->channel == batch->specs[taken].message->channel)
            batch->specs[i].message->overtaken = true;
}

static void result(struct kb_buf *buf, const struct sim_spec *spec, int code, size_t n)
{
    kb_buf_printf(buf, "%s{\"successCount\":%d,\"failureCount\":%d,\"results\":[{\"channel\":",
        buf->len > 1 ? "," : "", code == 0, code != 0);
    kb_json_string(buf, spec->channel);
    if (code == 0) {
        kb_buf_add(buf, KB_S(",\"messageId\":"));
        kb_json_string(buf, spec->id);
        for (size_t i = 0; i < n; i++)
            kb_buf_printf(buf, "%s\"s@%zu\"", i == 0 ? ",\"serials\":[" : ",", i);
        kb_buf_add(buf, KB_S("]}]}"));
    } else {
        kb_buf_add(buf, KB_S(","));
        struct kb_buf error;
        kb_buf_init(&error, 1024);
        error_body(&error, code == 40009 ? 413 : code / 100, code);
        kb_buf_add(buf, (struct kb_slice){error.ptr + 1, error.len - 1});
        kb_buf_deinit(&error);
        kb_buf_add(buf, KB_S("]}"));
    }
}

/* Where each set begins; behind the last stands the end. Returns how many. */
static size_t set_starts(const struct sim_batch *batch, size_t *starts)
{
    size_t n = 0;
    for (size_t at = 0; at < batch->n; at = sim_batch_set_end(batch, at))
        starts[n++] = at;
    starts[n] = batch->n;
    return n;
}

/* Takes all sets, or a part of them; the answer tells of all it took. */
static void take_batch(struct sim *sim, struct sim_batch *batch, bool part, struct sim_answer *out)
{
    struct kb_buf buf;
    kb_buf_init(&buf, 16 << 20);
    size_t *starts = calloc(batch->n + 1, sizeof(*starts));
    out->codes = calloc(batch->n + 1, sizeof(*out->codes));
    out->accepted = calloc(batch->n + 1, sizeof(*out->accepted));
    KB_BUG_ON(!starts || !out->codes || !out->accepted);
    size_t n = set_starts(batch, starts);
    if (part)
        n = (size_t)sim_between(sim, 0, (int64_t)n);
    for (size_t k = 0; k < n; k++) {
        size_t set = sim->sabotage == SIM_REVERSE ? n - 1 - k : k;
        int code = take_set(sim, &batch->specs[starts[set]], starts[set + 1] - starts[set]);
        for (size_t i = starts[set]; i < starts[set + 1]; i++) {
            out->codes[i] = code;
            out->accepted[i] = code == 0;
        }
        if (code == 0)
            mark_overtaken(batch, out->codes, starts[set]);
    }
    kb_buf_byte(&buf, '[');
    for (size_t set = 0; set < n; set++)
        result(&buf, &batch->specs[starts[set]], out->codes[starts[set]],
            starts[set + 1] - starts[set]);
    kb_buf_byte(&buf, ']');
    out->proper = true;
    body(out, sim_chance(sim, 800) ? 201 : 200, "application/json", &buf);
    kb_buf_deinit(&buf);
    free(starts);
}

/* Answers that are no answers; some stand for a request that was published, some for one that was
 * not. */
static void garbage(struct sim *sim, struct sim_batch *batch, struct sim_answer *out)
{
    static const char *const bodies[] = {"", "[]", "{}", "null", "<html>Please log in</html>", "[{",
        "[{\"successCount\":1}]", "[1]", "{\"error\":7}", "[[[[[[[[", "\xff\xfe"};
    struct kb_buf buf;
    if (sim_chance(sim, 300)) { /* published; the answer lost its end on the way */
        take_batch(sim, batch, false, out);
        out->len = out->len > 0 ? (size_t)sim_between(sim, 0, (int64_t)out->len - 1) : 0;
        out->proper = false;
        return;
    }
    kb_buf_init(&buf, 4096);
    kb_buf_add(&buf, kb_slice_of(bodies[sim_between(sim, 0, KB_COUNT(bodies) - 1)]));
    static const int statuses[] = {200, 201, 204, 301, 400, 404, 418, 200, 201};
    body(out, statuses[sim_between(sim, 0, KB_COUNT(statuses) - 1)],
        sim_chance(sim, 500) ? "application/json" : "text/html", &buf);
    kb_buf_deinit(&buf);
}

static void internal_error(struct sim *sim, struct sim_batch *batch, struct sim_answer *out)
{
    static const int codes[] = {50000, 50001, 50003, 50300, 50400};
    if (sim_chance(sim, 300)) { /* a part was published before it broke */
        take_batch(sim, batch, true, out);
        sim_answer_deinit(out);
    }
    int code = codes[sim_between(sim, 0, KB_COUNT(codes) - 1)];
    refuse_request(sim, code / 100, code, out);
}

/* A record that Ably takes for a fault of the whole request; only a request of its own shows whose
 * it is. */
static bool broken_by_record(struct sim *sim, struct sim_batch *batch, struct sim_answer *out)
{
    for (size_t i = 0; i < batch->n; i++) {
        if (batch->specs[i].record->fate != SIM_BREAKS)
            continue;
        if (batch->n == 1)
            refused(&batch->specs[i]);
        refuse_request(sim, 400, 40000, out);
        return true;
    }
    return false;
}

void sim_ably_serve(
    struct sim *sim, struct sim_batch *batch, const struct sim_token *token, struct sim_answer *out)
{
    static const int rates[] = {42910, 42917, 42918, 42922};
    static const int credentials[] = {40101, 40142, 40171, 40300, 40100};
    *out = (struct sim_answer){.status = 0};
    sim->ably->requests++;
    enum sim_phase phase = sim_ably_phase_now(sim);
    bool struck = sim_chance(sim, 600);
    int code = sim_tokens_refusal(sim, token);
    if (code != 0) {
        refuse_request(sim, code / 100, code, out);
        out->token_refused = true;
    } else if (phase == SIM_PHASE_ERRORS && struck) {
        internal_error(sim, batch, out);
    } else if (phase == SIM_PHASE_RATE && struck) {
        refuse_request(sim, 429, rates[sim_between(sim, 0, KB_COUNT(rates) - 1)], out);
    } else if (phase == SIM_PHASE_UNAUTHORIZED) {
        code = credentials[sim_between(sim, 0, KB_COUNT(credentials) - 1)];
        refuse_request(sim, code / 100, code, out);
        out->token_refused = code >= 40140 && code < 40150;
    } else if (phase == SIM_PHASE_GARBAGE && struck) {
        garbage(sim, batch, out);
    } else if (!broken_by_record(sim, batch, out)) {
        take_batch(sim, batch, false, out);
    }
    sim_trace(sim, "Ably answers %d to %zu specs, first " KB_FMT, out->status, batch->n,
        KB_ARG(batch->specs[0].id));
}
