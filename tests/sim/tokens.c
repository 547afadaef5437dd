/* See tokens.h. */
#include "tokens.h"

#include "ably/jwt.h"
#include "base/base64.h"
#include "base/hmac.h"
#include "value/json_tree.h"

#include <stdlib.h>
#include <strings.h>

#define KEY_NAME "appid.keyid"
#define KEY_SECRET "sim-secret"
#define TIME_SLACK_MS 120000 /* of a token request's timestamp */
#define ASKS_BURST 40        /* far above what renewals, hosts and retries can come to... */
#define ASKS_A_SECOND 10     /* ...and far below a loop without a pause */

struct sim_token {
    struct sim_token *next;
    char *text;
    int64_t expires_ms;  /* by Ably's clock */
    bool revoked, given; /* given: by Ably, for a question; else a JWT of the worker's own */
    int refused_worker;  /* the last that was told it is refused */
};

struct sim_nonce {
    struct sim_nonce *next;
    char *text;
};

/* The one question of a worker that is out. */
struct sim_question {
    struct sim_transport *transport;
    struct kb_http_request *req; /* NULL = the client has it back */
    bool ended;
    int status; /* 0: no answer */
    char *body;
    const char *type;
};

static int64_t wall_ms(const struct sim *sim)
{
    return SIM_WALL_MS + sim->now_ms;
}

/* ---- tokens ---- */

static struct sim_token *add_token(struct sim *sim, const char *text, int64_t expires_ms)
{
    struct sim_token *token = sim_alloc(sim, sizeof(*token));
    token->text = sim_format(sim, "%s", text);
    token->expires_ms = expires_ms;
    token->next = sim->ably->tokens;
    sim->ably->tokens = token;
    return token;
}

static struct sim_token *find_token(struct sim *sim, const char *text)
{
    struct sim_token *token = sim->ably->tokens;
    while (token && strcmp(token->text, text) != 0)
        token = token->next;
    return token;
}

/* HS256 with the key's secret: header, claims and signature in base64url, dots between them. */
static bool signed_with_the_key(const char *jwt)
{
    const char *dot = strrchr(jwt, '.');
    char mac[KB_HMAC_LEN];
    struct kb_buf given;
    if (!dot || strchr(jwt, '.') == dot)
        return false;
    kb_hmac_sha256(mac, KB_S(KEY_SECRET), (struct kb_slice){jwt, (size_t)(dot - jwt)});
    kb_buf_init(&given, 256);
    bool good =
        kb_base64_decode(&given, kb_slice_of(dot + 1)) && kb_hmac_equal(mac, kb_buf_slice(&given));
    kb_buf_deinit(&given);
    return good;
}

/* One that nobody has seen yet may be a worker's own. */
static struct sim_token *take_token(struct sim *sim, const char *text)
{
    struct sim_token *token = find_token(sim, text);
    if (token)
        return token;
    if (sim->plan->credentials != SIM_CREDENTIALS_JWT || !signed_with_the_key(text)) {
        sim_fail(sim, "a request shows a token that nobody gave");
        return NULL;
    }
    return add_token(sim, text, kb_jwt_expiry_ms(kb_slice_of(text)));
}

static const char *authorization(const struct kb_http_request *req)
{
    static const char name[] = "Authorization: ";
    for (const char *const *h = req->headers; h && *h; h++)
        if (strncasecmp(*h, name, strlen(name)) == 0)
            return *h + strlen(name);
    return "";
}

/* The last of a worker's tokens that it was told is refused. */
static struct sim_token *refused_token(struct sim_transport *tr)
{
    struct sim_token *token = tr->sim->ably->tokens;
    while (token && (!token->given || token->refused_worker != tr->worker->number))
        token = token->next;
    return token;
}

void sim_tokens_show(struct sim_transport *tr, struct sim_exchange *ex)
{
    struct sim *sim = tr->sim;
    const char *shown = authorization(ex->req);
    if (sim->plan->credentials == SIM_CREDENTIALS_KEY) {
        if (strcmp(shown, "Basic YXBwaWQua2V5aWQ6c2ltLXNlY3JldA==") != 0)
            sim_fail(sim, "a request does not show the key");
        return;
    }
    if (strncmp(shown, "Bearer ", 7) != 0) {
        sim_fail(sim, "a request shows no token");
        return;
    }
    ex->token = take_token(sim, shown + 7);
    if (sim->sabotage == SIM_OLD_TOKEN && refused_token(tr) && sim_chance(sim, 100))
        ex->token = refused_token(tr);
    if (!ex->token)
        return;
    if (ex->token->given && ex->token->refused_worker == tr->worker->number)
        sim_fail(
            sim, "worker %d shows a token again that it was told is refused", tr->worker->number);
    /* Where clocks jump nobody but Ably knows; a JWT's end is in whole seconds. */
    if (!sim->plan->fault[SIM_FAULT_CLOCK_JUMPS] && wall_ms(sim) > ex->token->expires_ms + 1000)
        sim_fail(sim, "worker %d shows a token that has ended %lld ms ago", tr->worker->number,
            (long long)(wall_ms(sim) - ex->token->expires_ms));
}

int sim_tokens_refusal(const struct sim *sim, const struct sim_token *token)
{
    if (!token)
        return 0;
    return token->revoked ? 40141 : wall_ms(sim) >= token->expires_ms ? 40142 : 0;
}

void sim_tokens_told(struct sim_transport *tr, const struct sim_exchange *ex)
{
    if (ex->token && ex->answer.token_refused)
        ex->token->refused_worker = tr->worker->number;
}

void sim_tokens_revoke(struct sim *sim)
{
    sim_trace(sim, "all tokens are revoked");
    for (struct sim_token *token = sim->ably->tokens; token; token = token->next)
        token->revoked = true;
}

/* ---- what Ably answers to questions ---- */

static void answer(struct sim *sim, struct sim_question *question, int status, const char *body)
{
    question->status = status;
    question->body = sim_format(sim, "%s", body);
    question->type = "application/json";
}

static void refuse(struct sim *sim, struct sim_question *question, int code)
{
    answer(sim, question, code / 100,
        sim_format(sim, "{\"error\":{\"code\":%d,\"statusCode\":%d,\"message\":\"simulated\"}}",
            code, code / 100));
}

static bool nonce_is_new(struct sim *sim, struct kb_slice text)
{
    for (struct sim_nonce *nonce = sim->ably->nonces; nonce; nonce = nonce->next)
        if (kb_slice_is(text, nonce->text))
            return false;
    struct sim_nonce *nonce = sim_alloc(sim, sizeof(*nonce));
    nonce->text = sim_format(sim, KB_FMT, KB_ARG(text));
    nonce->next = sim->ably->nonces;
    sim->ably->nonces = nonce;
    return true;
}

static int64_t number(const struct kb_json_node *request, const char *name)
{
    const struct kb_json_node *node = kb_json_member(request, name);
    char text[24]; /* with an end, which a slice has not */
    if (!node || node->kind != KB_JSON_NUMBER || node->text.len >= sizeof(text))
        return -1;
    snprintf(text, sizeof(text), KB_FMT, KB_ARG(node->text));
    return strtoll(text, NULL, 10);
}

/* RSA9: each field on a line of its own, the absent ones empty. */
static bool is_signed(struct sim *sim, const struct kb_json_node *request)
{
    const char *text = sim_format(sim, KEY_NAME "\n%lld\n\n\n%lld\n" KB_FMT "\n",
        (long long)number(request, "ttl"), (long long)number(request, "timestamp"),
        KB_ARG(kb_json_text(request, "nonce")));
    char mac[KB_HMAC_LEN];
    struct kb_buf given;
    kb_hmac_sha256(mac, KB_S(KEY_SECRET), kb_slice_of(text));
    kb_buf_init(&given, 256);
    bool good = kb_base64_decode(&given, kb_json_text(request, "mac")) &&
                kb_hmac_equal(mac, kb_buf_slice(&given));
    kb_buf_deinit(&given);
    return good;
}

static void give_token(
    struct sim *sim, struct sim_question *question, const struct kb_json_node *request)
{
    int64_t issued = wall_ms(sim), expires = issued + number(request, "ttl");
    const char *text =
        sim_format(sim, "appid.token%llu", (unsigned long long)++sim->ably->tokens_given);
    add_token(sim, text, expires)->given = true;
    answer(sim, question, 201,
        sim_format(sim, "{\"token\":\"%s\",\"keyName\":\"%s\",\"issued\":%lld,\"expires\":%lld}",
            text, KEY_NAME, (long long)issued, (long long)expires));
}

static void serve_request(struct sim *sim, struct sim_question *question, struct kb_slice body)
{
    struct kb_arena arena;
    struct kb_err err;
    kb_arena_init(&arena, 1 << 20);
    const struct kb_json_node *request = kb_json_tree(body, &arena, &err);
    if (!request || !kb_slice_is(kb_json_text(request, "keyName"), KEY_NAME) ||
        number(request, "ttl") != sim->plan->token_ttl_ms ||
        kb_json_text(request, "nonce").len < 16 || !is_signed(sim, request))
        sim_fail(sim, "a token request is not right: " KB_FMT, KB_ARG(body));
    else if (llabs(number(request, "timestamp") - wall_ms(sim)) > TIME_SLACK_MS)
        refuse(sim, question, 40104);
    else if (!nonce_is_new(sim, kb_json_text(request, "nonce")))
        sim_fail(sim, "a token request has the nonce of another");
    else
        give_token(sim, question, request);
    kb_arena_deinit(&arena);
}

static void serve_badly(struct sim *sim, struct sim_question *question)
{
    static const int codes[] = {50000, 50003, 50400, 40101, 40102, 42910};
    static const char *const pages[] = {"", "{}", "[]", "<html>Please log in</html>",
        "{\"token\":5}", "{\"token\":\"\"}", "[17]", "{\"token\":\"a b\"}"};
    if (sim_chance(sim, 300)) {
        question->status = 0;
    } else if (sim_chance(sim, 600)) {
        refuse(sim, question, codes[sim_between(sim, 0, KB_COUNT(codes) - 1)]);
    } else {
        answer(sim, question, sim_chance(sim, 500) ? 200 : 404,
            pages[sim_between(sim, 0, KB_COUNT(pages) - 1)]);
        question->type = sim_chance(sim, 500) ? "application/json" : "text/html";
    }
}

/* ---- the door ---- */

bool sim_tokens_asked(const struct kb_http_request *req)
{
    return strstr(req->url, "/keys/") || strstr(req->url, "/time");
}

static void check_question(struct sim_transport *tr, const struct kb_http_request *req, int *host)
{
    struct sim *sim = tr->sim;
    char path[64] = "";
    bool good = sscanf(req->url, "https://host%d.sim/%63s", host, path) == 2 && *host >= 0 &&
                *host <= sim->plan->fallbacks;
    bool time = strcmp(path, "time") == 0 && strcmp(req->method, "GET") == 0;
    bool token = strcmp(path, "keys/" KEY_NAME "/requestToken") == 0 &&
                 strcmp(req->method, "POST") == 0 &&
                 sim->plan->credentials == SIM_CREDENTIALS_TOKEN;
    if (!good || (!time && !token))
        sim_fail(sim, "a question of a wrong kind: %s %s", req->method, req->url);
    if (tr->question)
        sim_fail(sim, "worker %d asks for two tokens at once", tr->worker->number);
    tr->asks += (double)(sim->now_ms - tr->asked_ms) * ASKS_A_SECOND / 1000;
    tr->asks = tr->asks < ASKS_BURST ? tr->asks : ASKS_BURST;
    tr->asked_ms = sim->now_ms;
    if (--tr->asks < 0)
        sim_fail(sim, "worker %d asks for tokens without a pause", tr->worker->number);
}

static void end(struct sim *sim, void *object, uint64_t unused)
{
    (void)sim;
    (void)unused;
    struct sim_question *question = object;
    if (question->ended || !question->req)
        return;
    question->ended = true;
    sim_worker_poke(question->transport->worker, 0);
}

static struct kb_slice read_body(struct sim *sim, struct kb_http_request *req)
{
    char *bytes = sim_alloc(sim, req->body_len + 1);
    size_t len = 0, n;
    while (len < req->body_len && (n = req->read(req, bytes + len, req->body_len - len)) > 0)
        len += n;
    return (struct kb_slice){bytes, len};
}

void sim_tokens_submit(struct sim_transport *tr, struct kb_http_request *req)
{
    struct sim *sim = tr->sim;
    enum sim_phase phase = sim_ably_phase_now(sim);
    int host = 0;
    check_question(tr, req, &host);
    struct sim_question *question = sim_alloc(sim, sizeof(*question));
    question->transport = tr;
    question->req = req;
    tr->question = question;
    tr->worker->activity++;
    sim->ably->questions++;
    bool away = sim->now_ms < sim->ably->away_until_ms && sim->ably->away >> host & 1;
    if (sim->failed || away || (phase == SIM_PHASE_DOWN && sim_chance(sim, 700)))
        question->status = 0;
    else if (phase == SIM_PHASE_TOKENS && sim_chance(sim, 700))
        serve_badly(sim, question);
    else if (strcmp(req->method, "GET") == 0)
        answer(sim, question, 200, sim_format(sim, "[%lld]", (long long)wall_ms(sim)));
    else
        serve_request(sim, question, read_body(sim, req));
    bool silent = question->status == 0 && sim_chance(sim, 300);
    sim_after(sim, silent ? req->timeout_ms : sim_skewed(sim, 1, 300), end, question, 0);
    sim_trace(
        sim, "worker %d asks host %d: %s %s", tr->worker->number, host, req->method, req->url);
}

struct kb_http_request *sim_tokens_done(struct sim_transport *tr)
{
    struct sim_question *question = tr->question;
    if (!question || !question->ended)
        return NULL;
    struct kb_http_request *req = question->req;
    req->reply = (struct kb_http_reply){.status = question->status, .connected = true};
    if (question->status == 0) {
        kb_err_outage(&req->reply.err, "sim: nobody answers");
    } else {
        req->reply.body = kb_slice_of(question->body);
        req->reply.headers.content_type = kb_slice_of(question->type);
    }
    sim_trace(tr->sim, "worker %d has its answer to %s: %d", tr->worker->number, req->url,
        question->status);
    tr->worker->activity++;
    question->req = NULL;
    tr->question = NULL;
    return req;
}

bool sim_tokens_cancel(struct sim_transport *tr, const struct kb_http_request *req)
{
    if (!tr->question || tr->question->req != req)
        return false;
    tr->question->req = NULL;
    tr->question = NULL;
    return true;
}

void sim_tokens_crash(struct sim_transport *tr)
{
    if (tr->question)
        tr->question->req = NULL;
    tr->question = NULL;
}
