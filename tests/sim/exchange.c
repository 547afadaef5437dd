/* What a request must be, and what its answer tells the worker (network_state.h): the limits of a
 * request and of the process, the headers, that a channel rides in one request at a time, that
 * nothing is sent again which this worker was told is published, and nothing behind a record it
 * stops at. */
#include "ably/gate.h"
#include "network_state.h"
#include "sets.h"

#include <string.h>
#include <strings.h>

static bool has_header(const struct kb_http_request *req, const char *line)
{
    for (const char *const *h = req->headers; h && *h; h++)
        if (strncasecmp(*h, line, strlen(line)) == 0)
            return true;
    return false;
}

int sim_exchange_check_request(struct sim *sim, const struct kb_http_request *req)
{
    const char *url = req->url;
    int host = -1;
    bool good = strcmp(req->method, "POST") == 0 &&
                sscanf(url, "https://host%d.sim/messages", &host) == 1 && host >= 0 &&
                host <= sim->plan->fallbacks && has_header(req, "Content-Type: application/json") &&
                has_header(req, "X-Ably-Version: ") && has_header(req, "Ably-Agent: kably/");
    if (!good)
        sim_fail(sim, "a request with a wrong method, address or headers: %s %s", req->method, url);
    return host;
}

/* What the user limits is a total of the process; each worker has at least one request, and one
 * that ends its share of what was allowed before a reload. */
static int64_t allowed_in_flight(const struct sim_process *process)
{
    int64_t allowed =
        process->concurrency > process->n_workers ? process->concurrency : process->n_workers;
    for (int i = 0; i < process->n_workers; i++) {
        const struct sim_worker *worker = process->workers[i];
        if (worker->worker && allowed < worker->settings.concurrency)
            allowed = worker->settings.concurrency;
    }
    return allowed;
}

static void check_limits(struct sim_transport *tr, const struct sim_exchange *ex, size_t n_channels)
{
    struct sim *sim = tr->sim;
    const struct sim_plan *plan = sim->plan;
    struct sim_process *process = tr->worker->process;
    const struct sim_settings *now = &tr->worker->settings;
    int64_t concurrency = allowed_in_flight(process);
    /* In a run of refusals a probe takes two sets, of two channels, whatever the limits say. */
    size_t first_end = sim_batch_set_end(&ex->batch, 0);
    bool one = first_end == ex->batch.n,
         two = !one && sim_batch_set_end(&ex->batch, first_end) == ex->batch.n;
    bool refusing = tr->refused >= KB_GATE_REFUSALS_MAX, probe = two && refusing;
    /* A set that may be there goes again as it is, whatever a reload says. */
    bool as_it_is = plan->fault[SIM_FAULT_RELOADS] && one;
    if (ex->batch.n > (size_t)now->max_records && !probe && !as_it_is)
        sim_fail(sim, "a request of %zu records, allowed are %lld", ex->batch.n,
            (long long)now->max_records);
    if (ex->req->body_len > (size_t)now->max_bytes && ex->batch.n > 1 && !probe && !as_it_is)
        sim_fail(sim, "a request of %zu bytes, allowed are %lld", ex->req->body_len,
            (long long)now->max_bytes);
    if (n_channels > (size_t)now->max_channels && !(refusing && n_channels == 2))
        sim_fail(sim, "a request to %zu channels, allowed are %lld", n_channels,
            (long long)now->max_channels);
    if (++process->requests_in_flight > concurrency)
        sim_fail(sim, "process %d has %d requests in flight, allowed are %lld", process->number,
            process->requests_in_flight, (long long)concurrency);
    if (plan->requests_per_second == 0)
        return;
    double burst = plan->requests_per_second + process->n_workers;
    process->tokens +=
        (double)(sim->now_ms - process->tokens_ms) * plan->requests_per_second / 1000;
    process->tokens = process->tokens < burst ? process->tokens : burst;
    process->tokens_ms = sim->now_ms;
    if (--process->tokens < -0.5)
        sim_fail(sim, "process %d sends more than %d requests a second", process->number,
            plan->requests_per_second);
}

/* What of one channel a worker sends: a set is one message, and what goes again to another host is
 * not sent anew. */
static void check_channel_rate(
    struct sim_transport *tr, const struct sim_exchange *ex, const struct sim_channel *channel)
{
    struct sim *sim = tr->sim;
    double rate = sim->plan->channel_rate, *tokens = &tr->tokens[channel->index];
    int64_t *filled_ms = &tr->tokens_ms[channel->index];
    if (rate <= 0 || ex->again)
        return;
    *tokens = *filled_ms == 0 ? rate : *tokens + (double)(sim->now_ms - *filled_ms) * rate / 1000;
    *tokens = *tokens < rate ? *tokens : rate;
    *filled_ms = sim->now_ms;
    if (--*tokens < -0.1)
        sim_fail(sim, "worker %d sends more than %g messages a second to %s", tr->worker->number,
            rate, channel->name);
}

/* Which record each spec is of; the channels it rides on. Returns how many channels. */
static size_t check_specs(struct sim_transport *tr, struct sim_exchange *ex)
{
    struct sim *sim = tr->sim;
    size_t n_channels = 0;
    uint64_t key = 0;
    for (size_t i = 0; i < ex->batch.n; i++) {
        struct sim_spec *spec = &ex->batch.specs[i];
        bool begins = i == 0 || spec[-1].set != spec->set;
        if (sim->sabotage == SIM_OTHER_ID && spec->id.len > 3 && sim_chance(sim, 100))
            ((char *)spec->id.ptr)[spec->id.len - 3] = '~'; /* the tag's last character */
        if ((begins && !sim_set_find(sim, &ex->batch, i)) || !sim_truth_sent(sim, spec))
            break;
        key = begins ? sim_set_key(&ex->batch, i) : key;
        spec->key = key;
        spec->worker = tr->worker->number;
        const struct sim_record *rec = spec->record;
        const struct sim_message *msg = spec->message;
        spec->assignment = rec->partition->assignments;
        if (!rec->partition->reread && msg->told_worker == tr->worker->number &&
            !msg->told_refused && msg->told_assignment == rec->partition->assignments)
            sim_fail(sim,
                "%s[%d]@%lld: worker %d sends it again though it was told it is published",
                rec->partition->topic->name, (int)rec->partition->number, (long long)rec->offset,
                tr->worker->number);
        spec->stops = tr->worker->stopped_at[rec->partition->index] > 0;
        if (sim->plan->group)
            sim_set_sent(sim, spec);
        if (begins)
            check_channel_rate(tr, ex, msg->channel);
        int64_t stopped = tr->worker->stopped_at[rec->partition->index];
        bool knew = tr->worker->turns > tr->worker->stopped_turn[rec->partition->index];
        if (stopped > 0 && rec->offset >= stopped && knew)
            sim_fail(sim, "%s[%d]@%lld: sent by worker %d, which must stop at %lld",
                rec->partition->topic->name, (int)rec->partition->number, (long long)rec->offset,
                tr->worker->number, (long long)stopped - 1);
        struct sim_exchange **rides = &tr->rides[msg->channel->index];
        if (*rides && *rides != ex && sim->plan->ordered)
            sim_fail(sim, "%s[%d]@%lld: channel %s rides in two requests at once",
                rec->partition->topic->name, (int)rec->partition->number, (long long)rec->offset,
                msg->channel->name);
        n_channels += *rides != ex;
        *rides = ex;
    }
    return n_channels;
}

void sim_exchange_check(struct sim_transport *tr, struct sim_exchange *ex)
{
    check_limits(tr, ex, check_specs(tr, ex));
}

/* Is a refusal its end? In a run of them without an acceptance only the first are (gate.h). */
static bool believed(const struct sim_transport *tr, const struct sim_exchange *ex)
{
    for (size_t i = 0; i < ex->batch.n; i++)
        if (ex->answer.accepted[i])
            return true;
    return tr->refused < KB_GATE_REFUSALS_MAX;
}

/* What is refused for now has no fate yet. */
static void note_told(
    struct sim_transport *tr, const struct sim_spec *spec, bool accepted, bool alone)
{
    struct sim_message *msg = spec->message;
    if (!accepted && (!alone || msg->refusals == 0))
        return;
    msg->told_worker = tr->worker->number;
    msg->told_assignment = spec->assignment;
    msg->told_refused = !accepted;
}

/* The worker has read the fates of all of the record's messages, and that Ably refuses one. */
static bool knows_refused(const struct sim_transport *tr, const struct sim_spec *spec)
{
    bool refused = false;
    for (size_t i = 0; i < spec->record->n_messages; i++) {
        const struct sim_message *msg = &spec->record->messages[i];
        if (msg->told_worker != tr->worker->number || msg->told_assignment != spec->assignment)
            return false;
        refused = refused || msg->told_refused;
    }
    return refused;
}

/* Where it does, and its policy is to stop there. */
static void note_stop(struct sim_transport *tr, const struct sim_exchange *ex, size_t i)
{
    const struct sim_spec *spec = &ex->batch.specs[i];
    const struct sim_record *rec = spec->record;
    int64_t *at = &tr->worker->stopped_at[rec->partition->index];
    int failure = sim_fate_failure(rec->fate);
    if (!knows_refused(tr, spec) || failure < 0 || rec->refusals == 0 ||
        spec->assignment != rec->partition->assignments ||
        rec->actions[failure] != 1u << KB_ACTION_STOP)
        return;
    if (*at != 0 && *at <= rec->offset + 1)
        return;
    *at = rec->offset + 1;
    tr->worker->stopped_turn[rec->partition->index] = tr->worker->turns;
}

/* A request of one set that was refused as a whole. */
static bool refused_alone(const struct sim_exchange *ex)
{
    int status = ex->answer.status;
    return !ex->answer.proper && sim_batch_set_end(&ex->batch, 0) >= ex->batch.n &&
           status / 100 == 4 && status != 401 && status != 429;
}

/* What it knows by this answer of the sets, should they have to go again: nothing, where the answer
 * is not Ably's own word that it took none. */
static void note_doubt(struct sim_transport *tr, struct sim_exchange *ex)
{
    bool blamed = !ex->answer.proper && strcmp(ex->answer.error_code, "40000") == 0;
    if (ex->answer.token_refused)
        return; /* it took none, and the request goes again as it is */
    for (size_t i = 0; i < ex->batch.n; i++) {
        struct sim_spec *spec = &ex->batch.specs[i];
        int code = ex->answer.proper ? ex->answer.codes[i] : 0;
        if (!spec->message)
            continue;
        if (code == 40009 || code == 40160 || blamed)
            sim_set_refused(spec);
        else if (!ex->answer.proper || code == 50003 || code == 40142)
            sim_set_untold(spec, tr->worker->number);
    }
}

void sim_exchange_untold(struct sim_transport *tr, struct sim_exchange *ex)
{
    for (size_t i = 0; i < ex->batch.n; i++)
        if (ex->batch.specs[i].message)
            sim_set_untold(&ex->batch.specs[i], tr->worker->number);
}

void sim_exchange_told(struct sim_transport *tr, struct sim_exchange *ex)
{
    tr->refused += refused_alone(ex);
    note_doubt(tr, ex);
    for (size_t i = 0, end = 0; ex->answer.proper && i < ex->batch.n; i++) {
        const struct sim_spec *spec = &ex->batch.specs[i];
        bool begins = i == 0 || spec[-1].set != spec->set;
        end = begins ? sim_batch_set_end(&ex->batch, i) : end;
        note_told(tr, spec, ex->answer.accepted[i], begins && end == i + 1 && believed(tr, ex));
        note_stop(tr, ex, i);
        tr->refused = ex->answer.accepted[i] ? 0 : tr->refused + begins;
        if (ex->answer.accepted[i])
            tr->worker->given_up = 0;
    }
}
