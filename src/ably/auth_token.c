/* Where the next token comes from, and what is made of the answers; see auth.h. What is asked is
 * written in auth_request.c; the line that a token becomes is auth.c's. publisher_auth.c is the
 * caller. */
#include "ably/auth_inside.h"
#include "ably/hosts.h"
#include "ably/jwt.h"
#include "base/log.h"

#define RETRY_MS 5000 /* after a renewal ahead of time that failed */

/* `expires_ms` since 1970, 0 = not said: then the token itself may say it. */
static void take_token(
    struct kb_auth *auth, struct kb_slice token, int64_t expires_ms, int64_t now_ms)
{
    if (expires_ms == 0)
        expires_ms = kb_jwt_expiry_ms(token);
    int64_t life = expires_ms == 0 ? INT64_MAX : expires_ms - kb_auth_wall_ms(auth);
    /* One that has ended by our clock is tried all the same: the service's decides. */
    kb_auth_take_line(auth, false, token, now_ms, life < 1000 ? INT64_MAX : life);
}

static bool mint(struct kb_auth *auth, int64_t now_ms, struct kb_err *err)
{
    const struct kb_auth_options *o = &auth->options;
    struct kb_jwt_claims claims = {.capability = o->capability,
        .client_id = o->client_id,
        .issued_ms = kb_auth_wall_ms(auth),
        .ttl_ms = o->ttl_ms};
    struct kb_buf token;
    kb_buf_init(&token, KB_TOKEN_MAX);
    kb_jwt_mint(&token, kb_buf_slice(&auth->key), &claims);
    bool ok = !token.failed;
    if (ok)
        kb_auth_take_line(auth, false, kb_buf_slice(&token), now_ms, o->ttl_ms);
    kb_auth_wipe(&token);
    return ok || kb_err_outage(err, "no memory for a token");
}

static enum kb_auth_step step(bool ok, enum kb_auth_step then)
{
    return ok ? then : KB_AUTH_FAILED;
}

/* Behind the question of the time, if that had to be asked. */
static enum kb_auth_step get_token(struct kb_auth *auth, int64_t now_ms, struct kb_err *err)
{
    if (auth->options.auth_url)
        return step(kb_auth_ask(auth, KB_ASK_URL, err), KB_AUTH_ASKING);
    if (auth->options.exchange)
        return step(kb_auth_ask(auth, KB_ASK_ABLY, err), KB_AUTH_ASKING);
    return step(mint(auth, now_ms, err), KB_AUTH_READY);
}

enum kb_auth_step kb_auth_begin(
    struct kb_auth *auth, const char *base_url, int64_t now_ms, struct kb_err *err)
{
    KB_BUG_ON(auth->question != KB_ASK_NOTHING);
    auth->retry_ms = now_ms + RETRY_MS;
    auth->asked_time = false;
    snprintf(auth->base_url, sizeof(auth->base_url), "%s", base_url);
    if (!kb_auth_can_renew(auth))
        return step(kb_err_outage(err,
                        "the token was refused and there is nothing to get another one with: give "
                        "auth_url or key, or put a new token into its file (40171)"),
            KB_AUTH_READY);
    if (!auth->ask_time)
        return get_token(auth, now_ms, err);
    auth->ask_time = false;
    auth->asked_time = true;
    return step(kb_auth_ask(auth, KB_ASK_TIME, err), KB_AUTH_ASKING);
}

bool kb_auth_asks(const struct kb_auth *auth, const struct kb_http_request *req)
{
    return req == &auth->http;
}

/* GET /time: [1700000000000]. */
static bool take_time(struct kb_auth *auth, const struct kb_http_reply *reply, struct kb_err *err)
{
    int64_t time = 0;
    size_t i = 0, n = 0;
    if (reply->status != 200)
        return kb_err_outage(err, "the time, from %s: HTTP %d", auth->base_url, reply->status);
    for (; i < reply->body.len && strchr(" [\r\n\t", reply->body.ptr[i]); i++) {}
    for (; i < reply->body.len && n < 15 && reply->body.ptr[i] >= '0' && reply->body.ptr[i] <= '9';
         i++, n++)
        time = time * 10 + (reply->body.ptr[i] - '0');
    if (n != 13)
        return kb_err_outage(err, "the time, from %s: no number of milliseconds", auth->base_url);
    auth->skew_ms = time - auth->clock->wall_ms(auth->clock);
    kb_log_warn("ably", "this machine's clock is %.1f s away from Ably's; tokens go by Ably's",
        (double)auth->skew_ms / 1000.0);
    return true;
}

/* A time of ours was refused (40104): ask for theirs, once. */
static bool wants_time(const struct kb_auth *auth, enum kb_auth_question question, int code)
{
    return question == KB_ASK_ABLY && code == 40104 && !auth->asked_time && !auth->options.auth_url;
}

static enum kb_auth_step take_answer(struct kb_auth *auth, enum kb_auth_question question,
    struct kb_token_reply *answer, int64_t now_ms, struct kb_err *err)
{
    const struct kb_http_reply *reply = &auth->http.reply;
    const char *from = question == KB_ASK_URL ? "auth_url" : auth->base_url;
    if (!kb_token_reply_read(answer, reply, err)) {
        if (wants_time(auth, question, answer->code)) {
            auth->asked_time = true;
            return step(kb_auth_ask(auth, KB_ASK_TIME, err), KB_AUTH_ASKING);
        }
        kb_err_wrap(err, "no token from %s", from);
        return KB_AUTH_FAILED;
    }
    if (answer->request && question == KB_ASK_ABLY) {
        kb_err_outage(err, "no token from %s: a token request is no answer to one", from);
        return KB_AUTH_FAILED;
    }
    if (answer->request)
        return step(kb_auth_ask_with(auth, reply->body, err), KB_AUTH_ASKING);
    take_token(auth, kb_buf_slice(&answer->token), answer->expires_ms, now_ms);
    return step(!auth->refused || kb_err_outage(err, "no memory for a token"), KB_AUTH_READY);
}

enum kb_auth_step kb_auth_ended(
    struct kb_auth *auth, int64_t now_ms, bool *elsewhere, struct kb_err *err)
{
    enum kb_auth_question question = auth->question;
    auth->question = KB_ASK_NOTHING;
    *elsewhere = question != KB_ASK_URL && kb_hosts_unserviceable(&auth->http.reply);
    if (question == KB_ASK_TIME)
        return take_time(auth, &auth->http.reply, err) ? get_token(auth, now_ms, err)
                                                       : KB_AUTH_FAILED;
    struct kb_token_reply answer;
    kb_token_reply_init(&answer);
    enum kb_auth_step next = take_answer(auth, question, &answer, now_ms, err);
    kb_auth_wipe(&answer.token);
    if (next == KB_AUTH_FAILED)
        kb_auth_redact(auth, err->text);
    return next;
}
