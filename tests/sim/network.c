/* The network between a worker and the simulated Ably: the door of http/transport.h.
 *
 * A request is read and checked when it is submitted, arrives at Ably some time later (or never, or
 * long after its client gave up), and its answer comes back some time after that (or never). What
 * the client is told depends on when it is told; what Ably did stays done. */
#include "network_state.h"
#include "tokens.h"

#include "base/hash.h"

#include <stdlib.h>

static struct sim_exchange *exchange_of(struct sim_transport *tr, const struct kb_http_request *req)
{
    struct sim_exchange *ex = tr->open;
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

/* The client's end: an answer, a broken connection, or its patience is over. */
static void end(struct sim_exchange *ex)
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
    struct sim_exchange *ex = object;
    if (!ex->ended)
        ex->timed_out = true;
    end(ex);
}

static void return_answer(struct sim *sim, void *object, uint64_t unused)
{
    (void)sim;
    (void)unused;
    struct sim_exchange *ex = object;
    if (!ex->ended && ex->req)
        end(ex);
    else
        sim_answer_deinit(&ex->answer);
}

static void arrive(struct sim *sim, void *object, uint64_t unused)
{
    (void)unused;
    struct sim_exchange *ex = object;
    if (sim_ably_phase_now(sim) == SIM_PHASE_DOWN && sim_chance(sim, 700)) {
        sim_batch_deinit(&ex->batch); /* nobody there; the client waits till it has enough */
        return;
    }
    struct sim_answer answer;
    sim_ably_serve(sim, &ex->batch, ex->token, &answer);
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
    struct sim_exchange *ex = object;
    ex->cut = !ex->ended;
    end(ex);
}

/* How this request will fare. */
static void travel(struct sim *sim, struct sim_exchange *ex)
{
    const struct kb_http_request *req = ex->req;
    enum sim_phase phase = sim_ably_phase_now(sim);
    int64_t there = sim_skewed(sim, 1, 150);
    ex->connected = true;
    ex->reply_after_ms = sim_skewed(sim, 1, 150);
    bool away = sim->now_ms < sim->ably->away_until_ms && sim->ably->away >> ex->host & 1;
    if (away || (phase == SIM_PHASE_DOWN && sim_chance(sim, 700))) {
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

/* Is it what this request was the last time, byte for byte? */
static bool sent_before(const struct sim *sim, const struct sim_transport *tr,
    const struct kb_http_request *req, uint64_t hash)
{
    struct sim_exchange *ex = sim->ably->exchanges;
    while (ex && (ex->transport != tr || ex->of != req))
        ex = ex->older;
    return ex && ex->bytes_hash == hash;
}

static bool submit(struct kb_transport *transport, struct kb_http_request *req, struct kb_err *err)
{
    struct sim_transport *tr = (struct sim_transport *)transport;
    struct sim *sim = tr->sim;
    if (tr->dead)
        return kb_err_outage(err, "sim: the process is dead");
    if (sim_faulty(sim, SIM_FAULT_SUBMIT, 50))
        return kb_err_outage(err, "sim: no handle left");
    if (sim_tokens_asked(req)) {
        sim_tokens_submit(tr, req);
        return true;
    }
    if (exchange_of(tr, req))
        sim_fail(sim, "worker %d submits a request that is on its way", tr->worker->number);
    int host = sim_exchange_check_request(sim, req);
    char *bytes = read_body_twice(sim, req);
    struct sim_exchange *ex = sim_alloc(sim, sizeof(*ex));
    ex->transport = tr;
    ex->of = ex->req = req;
    ex->generation = tr->worker->process->settings.generation;
    ex->host = host;
    sim_tokens_show(tr, ex);
    sim->ably->elsewhere += host > 0;
    ex->bytes_hash = kb_hash64_stable((struct kb_slice){bytes, req->body_len});
    ex->again = sent_before(sim, tr, req, ex->bytes_hash);
    ex->older = sim->ably->exchanges;
    sim->ably->exchanges = ex;
    struct kb_err wrong;
    if (!sim_batch_read((struct kb_slice){bytes, req->body_len}, &ex->batch, &wrong))
        sim_fail(sim, "a request's body is wrong: %s", wrong.text);
    else
        sim_exchange_check(tr, ex);
    free(bytes);
    struct sim_exchange **last = &tr->open;
    while (*last)
        last = &(*last)->next;
    *last = ex;
    tr->worker->activity++;
    if (sim->failed) /* the run is over: whatever was wrong goes nowhere */
        return true;
    sim_trace(sim, "worker %d sends %zu specs, %zu bytes to host %d, first " KB_FMT,
        tr->worker->number, ex->batch.n, req->body_len, host, KB_ARG(ex->batch.specs[0].id));
    travel(sim, ex);
    return true;
}

/* The client has its request back; a request that has not arrived yet travels on. */
static void detach(struct sim_exchange *ex)
{
    struct sim_transport *tr = ex->transport;
    struct sim_exchange **at = &tr->open;
    while (*at != ex)
        at = &(*at)->next;
    *at = ex->next;
    for (size_t i = 0; i < CHANNELS_MAX; i++)
        if (tr->rides[i] == ex &&
            (tr->sim->sabotage != SIM_KEEP_CHANNEL || sim_chance(tr->sim, 900)))
            tr->rides[i] = NULL;
    struct sim_process *process = tr->worker->process;
    process->requests_in_flight--;
    if (ex->generation != process->settings.generation && --process->before_reload == 0)
        process->concurrency = process->settings.concurrency;
    ex->req = NULL;
    if (ex->served)
        sim_batch_deinit(&ex->batch);
}

static void forget_last(struct sim_transport *tr)
{
    sim_answer_deinit(&tr->last);
    free(tr->last_body);
    tr->last_body = NULL;
}

static struct kb_slice header(const char *text)
{
    return text && *text ? kb_slice_of(text) : (struct kb_slice){NULL, 0};
}

static void fill_reply(
    struct sim_transport *tr, struct sim_exchange *ex, struct kb_http_reply *reply)
{
    *reply = (struct kb_http_reply){.status = 0};
    bool whole = ex->served && ex->answer.status && !ex->timed_out && !ex->cut;
    if (!whole) {
        sim_exchange_untold(tr, ex);
        sim_answer_deinit(&ex->answer);
        reply->connected = ex->connected;
        kb_err_outage(&reply->err, "sim: %s",
            !ex->connected  ? "cannot connect"
            : ex->timed_out ? "timed out"
                            : "connection reset");
        return;
    }
    sim_exchange_told(tr, ex);
    sim_tokens_told(tr, ex);
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
    struct sim_transport *tr = (struct sim_transport *)transport;
    forget_last(tr);
    struct kb_http_request *asked = tr->dead ? NULL : sim_tokens_done(tr);
    if (asked)
        return asked;
    struct sim_exchange *ex = tr->dead ? NULL : tr->open;
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
    struct sim_transport *tr = (struct sim_transport *)transport;
    if (sim_tokens_cancel(tr, req))
        return;
    struct sim_exchange *ex = exchange_of(tr, req);
    if (!ex)
        return;
    sim_answer_deinit(&ex->answer);
    detach(ex);
}

static const struct kb_transport_ops ops = {submit, done, cancel};

struct kb_transport *sim_transport_new(struct sim *sim, struct sim_worker *worker)
{
    struct sim_transport *tr = sim_alloc(sim, sizeof(*tr));
    tr->transport.ops = &ops;
    tr->sim = sim;
    tr->worker = worker;
    tr->asks = 1; /* fills up with time */
    return &tr->transport;
}

void sim_transport_crash(struct kb_transport *transport)
{
    struct sim_transport *tr = (struct sim_transport *)transport;
    tr->dead = true;
    forget_last(tr);
    sim_tokens_crash(tr);
    while (tr->open)
        cancel(transport, tr->open->req);
}

void sim_network_end(struct sim *sim)
{
    for (struct sim_exchange *ex = sim->ably->exchanges; ex; ex = ex->older) {
        sim_batch_deinit(&ex->batch);
        sim_answer_deinit(&ex->answer);
    }
}
