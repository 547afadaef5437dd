/* The network between a worker and the simulated Ably: the door of http/transport.h.
 *
 * A request is read and checked when it is submitted, arrives at Ably some time later (or never, or
 * long after its client gave up), and its answer comes back some time after that (or never). What
 * the client is told depends on when it is told; what Ably did stays done.
 *
 * Checked here: the limits of a request and of the process, the headers, that a second reading of
 * the body gives the same bytes, that a channel rides in one request at a time, and that nothing is
 * sent again which this worker was told is published. */
#include "ably.h"

#include "kafka.h"
#include "plan.h"
#include "truth.h"
#include "world.h"

#include <stdio.h>
#include <stdlib.h>

#define CHANNELS_MAX 512

struct exchange {
    struct exchange *next;
    struct exchange *older; /* of all exchanges of the run */
    struct transport *transport;
    struct kb_http_request *req; /* NULL = the client has it back */
    struct sim_batch batch;
    struct sim_answer answer;
    bool served, reply_lost, ended, timed_out, cut, connected;
    int64_t reply_after_ms;
};

struct transport {
    struct kb_transport transport;
    struct sim *sim;
    struct sim_worker *worker;
    bool dead;
    struct exchange *open; /* the client waits for these, oldest first */
    struct exchange *rides[CHANNELS_MAX];
    char *last_body; /* of the reply that was given last */
    struct sim_answer last;
};

static struct exchange *exchange_of(struct transport *tr, const struct kb_http_request *req)
{
    struct exchange *ex = tr->open;
    while (ex && ex->req != req)
        ex = ex->next;
    return ex;
}

/* curl reads in pieces of its own size, and once more from the start when it sends again. */
static char *read_body(struct sim *sim, struct kb_http_request *req)
{
    char *bytes = malloc(req->body_len + 1);
    KB_BUG_ON(!bytes);
    size_t len = 0, n;
    do {
        size_t room = (size_t)sim_between(sim, 1, 65536);
        size_t left = req->body_len - len;
        n = req->read(req, bytes + len, room < left ? room : left);
        len += n;
    } while (n > 0 && len < req->body_len);
    char byte;
    if (len != req->body_len || req->read(req, &byte, 1) != 0)
        sim_fail(sim, "a request's body has not the length it says: %zu", req->body_len);
    return bytes;
}

static char *read_body_twice(struct sim *sim, struct kb_http_request *req)
{
    char *bytes = read_body(sim, req);
    if (!sim->failed && sim_chance(sim, 100)) {
        req->rewind(req);
        char *again = read_body(sim, req);
        if (memcmp(bytes, again, req->body_len) != 0)
            sim_fail(sim, "a request's body differs when it is read again");
        free(again);
    }
    return bytes;
}

static bool has_header(const struct kb_http_request *req, const char *line)
{
    for (const char *const *h = req->headers; h && *h; h++)
        if (strncasecmp(*h, line, strlen(line)) == 0)
            return true;
    return false;
}

static void check_request(struct sim *sim, const struct kb_http_request *req)
{
    const char *url = req->url;
    bool good = strcmp(req->method, "POST") == 0 && strncmp(url, "https://", 8) == 0 &&
                strstr(url, "/messages") && has_header(req, "Content-Type: application/json") &&
                has_header(req, "X-Ably-Version: ") && has_header(req, "Ably-Agent: kably/") &&
                has_header(req, "Authorization: Basic YXBwaWQua2V5aWQ6c2ltLXNlY3JldA==");
    if (!good)
        sim_fail(sim, "a request with a wrong method, address or headers: %s %s", req->method, url);
}

/* What the user limits is a total of the process; each worker has at least one request. */
static void check_limits(struct transport *tr, const struct exchange *ex, size_t n_channels)
{
    struct sim *sim = tr->sim;
    const struct sim_plan *plan = sim->plan;
    struct sim_process *process = tr->worker->process;
    int64_t concurrency =
        plan->concurrency > process->n_workers ? plan->concurrency : process->n_workers;
    if (ex->batch.n > (size_t)plan->max_records)
        sim_fail(sim, "a request of %zu records, allowed are %lld", ex->batch.n,
            (long long)plan->max_records);
    if (ex->req->body_len > (size_t)plan->max_bytes && ex->batch.n > 1)
        sim_fail(sim, "a request of %zu bytes, allowed are %lld", ex->req->body_len,
            (long long)plan->max_bytes);
    if (n_channels > (size_t)plan->max_channels)
        sim_fail(sim, "a request to %zu channels, allowed are %lld", n_channels,
            (long long)plan->max_channels);
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

/* Which record each spec is of; the channels it rides on. Returns how many channels. */
static size_t check_specs(struct transport *tr, struct exchange *ex)
{
    struct sim *sim = tr->sim;
    size_t n_channels = 0;
    for (size_t i = 0; i < ex->batch.n; i++) {
        struct sim_spec *spec = &ex->batch.specs[i];
        if (sim->sabotage == SIM_OTHER_ID && spec->id.len > 3 && sim_chance(sim, 100))
            ((char *)spec->id.ptr)[spec->id.len - 3] = '~'; /* the tag's last character */
        struct sim_record *rec = spec->record = sim_truth_sent(sim, spec);
        if (!rec)
            break;
        spec->assignment = rec->partition->assignments;
        if (rec->told_worker == tr->worker->number &&
            rec->told_assignment == rec->partition->assignments)
            sim_fail(sim,
                "%s[%d]@%lld: worker %d sends it again though it was told it is published",
                rec->partition->topic->name, (int)rec->partition->number, (long long)rec->offset,
                tr->worker->number);
        int64_t stopped = tr->worker->stopped_at[rec->partition->index];
        bool knew = tr->worker->turns > tr->worker->stopped_turn[rec->partition->index];
        if (stopped > 0 && rec->offset >= stopped && knew)
            sim_fail(sim, "%s[%d]@%lld: sent by worker %d, which must stop at %lld",
                rec->partition->topic->name, (int)rec->partition->number, (long long)rec->offset,
                tr->worker->number, (long long)stopped - 1);
        struct exchange **rides = &tr->rides[rec->channel->index];
        if (*rides && *rides != ex && sim->plan->ordered)
            sim_fail(sim, "%s[%d]@%lld: channel %s rides in two requests at once",
                rec->partition->topic->name, (int)rec->partition->number, (long long)rec->offset,
                rec->channel->name);
        n_channels += *rides != ex;
        *rides = ex;
    }
    return n_channels;
}

/* The client's end: an answer, a broken connection, or its patience is over. */
static void end(struct exchange *ex)
{
    if (ex->ended || !ex->req)
        return;
    ex->ended = true;
    sim_worker_poke(ex->transport->worker, 0);
}

static void give_up(struct sim *sim, void *object, uint64_t unused)
{
    (void)sim;
    (void)unused;
    struct exchange *ex = object;
    if (!ex->ended)
        ex->timed_out = true;
    end(ex);
}

static void return_answer(struct sim *sim, void *object, uint64_t unused)
{
    (void)sim;
    (void)unused;
    struct exchange *ex = object;
    if (!ex->ended && ex->req)
        end(ex);
    else
        sim_answer_deinit(&ex->answer);
}

static void arrive(struct sim *sim, void *object, uint64_t unused)
{
    (void)unused;
    struct exchange *ex = object;
    if (sim_ably_phase_now(sim) == SIM_PHASE_DOWN && sim_chance(sim, 700)) {
        sim_batch_deinit(&ex->batch); /* nobody there; the client waits till it has enough */
        return;
    }
    struct sim_answer answer;
    sim_ably_serve(sim, &ex->batch, &answer);
    ex->served = true;
    if (ex->ended || !ex->req) {
        sim_answer_deinit(&answer);
        sim_batch_deinit(&ex->batch);
        return;
    }
    ex->answer = answer;
    if (!ex->reply_lost)
        sim_after(sim, ex->reply_after_ms, return_answer, ex, 0);
}

static void break_off(struct sim *sim, void *object, uint64_t unused)
{
    (void)sim;
    (void)unused;
    struct exchange *ex = object;
    ex->cut = !ex->ended;
    end(ex);
}

/* How this request will fare. */
static void travel(struct sim *sim, struct exchange *ex)
{
    const struct kb_http_request *req = ex->req;
    enum sim_phase phase = sim_ably_phase_now(sim);
    int64_t there = sim_skewed(sim, 1, 150);
    ex->connected = true;
    ex->reply_after_ms = sim_skewed(sim, 1, 150);
    if (phase == SIM_PHASE_DOWN && sim_chance(sim, 700)) {
        ex->connected = sim_chance(sim, 300);
        bool refused = sim_chance(sim, 600);
        int64_t patience = ex->connected ? req->timeout_ms : req->open_timeout_ms;
        sim_batch_deinit(&ex->batch);
        sim_after(sim, refused ? sim_skewed(sim, 0, 100) : patience, break_off, ex, 0);
        return;
    }
    if (phase == SIM_PHASE_CUT && sim_chance(sim, 400)) {
        sim_after(sim, sim_skewed(sim, 1, 400), break_off, ex, 0);
        if (sim_chance(sim, 400)) {
            sim_batch_deinit(&ex->batch);
            return;
        }
    } else if (phase == SIM_PHASE_LATE && sim_chance(sim, 400)) {
        if (sim_chance(sim, 500))
            there = req->timeout_ms + sim_skewed(sim, 1, 60000);
        else
            ex->reply_after_ms = sim_between(sim, req->timeout_ms / 2, 2 * req->timeout_ms);
        ex->reply_lost = sim_chance(sim, 200);
    }
    if (sim->sabotage == SIM_ENDLESS_REQUEST && sim_chance(sim, 10))
        return;
    sim_after(sim, there, arrive, ex, 0);
    sim_after(sim, req->timeout_ms, give_up, ex, 0);
}

static bool submit(struct kb_transport *transport, struct kb_http_request *req, struct kb_err *err)
{
    struct transport *tr = (struct transport *)transport;
    struct sim *sim = tr->sim;
    if (tr->dead)
        return kb_err_outage(err, "sim: the process is dead");
    if (sim_faulty(sim, SIM_FAULT_SUBMIT, 50))
        return kb_err_outage(err, "sim: no handle left");
    if (exchange_of(tr, req))
        sim_fail(sim, "worker %d submits a request that is on its way", tr->worker->number);
    check_request(sim, req);
    char *bytes = read_body_twice(sim, req);
    struct exchange *ex = sim_alloc(sim, sizeof(*ex));
    ex->transport = tr;
    ex->req = req;
    ex->older = sim->ably->exchanges;
    sim->ably->exchanges = ex;
    struct kb_err wrong;
    if (!sim_batch_read((struct kb_slice){bytes, req->body_len}, &ex->batch, &wrong))
        sim_fail(sim, "a request's body is wrong: %s", wrong.text);
    else
        check_limits(tr, ex, check_specs(tr, ex));
    free(bytes);
    struct exchange **last = &tr->open;
    while (*last)
        last = &(*last)->next;
    *last = ex;
    tr->worker->activity++;
    if (sim->failed) /* the run is over: whatever was wrong goes nowhere */
        return true;
    sim_trace(sim, "worker %d sends %zu specs, %zu bytes, first " KB_FMT, tr->worker->number,
        ex->batch.n, req->body_len, KB_ARG(ex->batch.specs[0].id));
    travel(sim, ex);
    return true;
}

/* The client has its request back; a request that has not arrived yet travels on. */
static void detach(struct exchange *ex)
{
    struct transport *tr = ex->transport;
    struct exchange **at = &tr->open;
    while (*at != ex)
        at = &(*at)->next;
    *at = ex->next;
    for (size_t i = 0; i < CHANNELS_MAX; i++)
        if (tr->rides[i] == ex &&
            (tr->sim->sabotage != SIM_KEEP_CHANNEL || sim_chance(tr->sim, 900)))
            tr->rides[i] = NULL;
    tr->worker->process->requests_in_flight--;
    ex->req = NULL;
    if (ex->served)
        sim_batch_deinit(&ex->batch);
}

static void forget_last(struct transport *tr)
{
    sim_answer_deinit(&tr->last);
    free(tr->last_body);
    tr->last_body = NULL;
}

/* The worker has read that Ably refuses this record, and its policy is to stop there. */
static void note_stop(struct transport *tr, const struct exchange *ex, size_t i)
{
    const struct sim_spec *spec = &ex->batch.specs[i];
    const struct sim_record *rec = spec->record;
    int64_t *at = &tr->worker->stopped_at[rec->partition->index];
    int failure = sim_fate_failure(rec->fate);
    if (ex->answer.accepted[i] || failure < 0 || rec->refusals == 0 ||
        spec->assignment != rec->partition->assignments ||
        tr->worker->process->action[failure] != KB_ACTION_STOP)
        return;
    if (*at != 0 && *at <= rec->offset + 1)
        return;
    *at = rec->offset + 1;
    tr->worker->stopped_turn[rec->partition->index] = tr->worker->turns;
}

static void note_told(struct transport *tr, const struct exchange *ex)
{
    for (size_t i = 0; ex->answer.proper && i < ex->batch.n; i++) {
        struct sim_record *rec = ex->batch.specs[i].record;
        note_stop(tr, ex, i);
        if (ex->answer.accepted[i]) {
            tr->worker->given_up = 0;
            rec->told_worker = tr->worker->number;
            rec->told_assignment = ex->batch.specs[i].assignment;
        }
    }
}

static struct kb_slice header(const char *text)
{
    return text && *text ? kb_slice_of(text) : (struct kb_slice){NULL, 0};
}

static void fill_reply(struct transport *tr, struct exchange *ex, struct kb_http_reply *reply)
{
    *reply = (struct kb_http_reply){.status = 0};
    bool whole = ex->served && ex->answer.status && !ex->timed_out && !ex->cut;
    if (!whole) {
        sim_answer_deinit(&ex->answer);
        reply->connected = ex->connected;
        kb_err_outage(&reply->err, "sim: %s",
            !ex->connected  ? "cannot connect"
            : ex->timed_out ? "timed out"
                            : "connection reset");
        return;
    }
    note_told(tr, ex);
    tr->last = ex->answer;
    ex->answer = (struct sim_answer){.status = 0};
    /* A copy of exactly that length, so that reading past its end is seen. */
    size_t len = tr->last.len < ex->req->max_reply ? tr->last.len : ex->req->max_reply;
    tr->last_body = malloc(len + !len);
    KB_BUG_ON(!tr->last_body);
    memcpy(tr->last_body, tr->last.body, len);
    reply->status = tr->last.status;
    reply->body = (struct kb_slice){tr->last_body, len};
    reply->truncated = len < tr->last.len;
    reply->headers.content_type = header(tr->last.content_type);
    reply->headers.ably_error_code = header(tr->last.error_code);
    reply->headers.retry_after = header(tr->last.retry_after);
}

static struct kb_http_request *done(struct kb_transport *transport)
{
    struct transport *tr = (struct transport *)transport;
    forget_last(tr);
    struct exchange *ex = tr->dead ? NULL : tr->open;
    while (ex && !ex->ended)
        ex = ex->next;
    if (!ex)
        return NULL;
    struct kb_http_request *req = ex->req;
    fill_reply(tr, ex, &req->reply);
    sim_trace(tr->sim, "worker %d has its answer: %d%s", tr->worker->number, req->reply.status,
        ex->timed_out ? ", timed out"
        : ex->cut     ? ", cut"
                      : "");
    tr->worker->activity++;
    detach(ex);
    return req;
}

static void cancel(struct kb_transport *transport, struct kb_http_request *req)
{
    struct transport *tr = (struct transport *)transport;
    struct exchange *ex = exchange_of(tr, req);
    if (!ex)
        return;
    sim_answer_deinit(&ex->answer);
    detach(ex);
}

static const struct kb_transport_ops ops = {submit, done, cancel};

struct kb_transport *sim_transport_new(struct sim *sim, struct sim_worker *worker)
{
    struct transport *tr = sim_alloc(sim, sizeof(*tr));
    tr->transport.ops = &ops;
    tr->sim = sim;
    tr->worker = worker;
    return &tr->transport;
}

void sim_transport_crash(struct kb_transport *transport)
{
    struct transport *tr = (struct transport *)transport;
    tr->dead = true;
    forget_last(tr);
    while (tr->open)
        cancel(transport, tr->open->req);
}

void sim_network_end(struct sim *sim)
{
    for (struct exchange *ex = sim->ably->exchanges; ex; ex = ex->older) {
        sim_batch_deinit(&ex->batch);
        sim_answer_deinit(&ex->answer);
    }
}
