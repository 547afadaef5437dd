/* Which Authorization line holds, since when and until when; see auth.h. Every new line comes from
 * take_line(). publisher_auth.c is the caller. */
#include "ably/auth_inside.h"
#include "ably/hosts.h"
#include "ably/jwt.h"
#include "base/base64.h"
#include "base/log.h"

#define LINE_MAX_BYTES (2 * KB_TOKEN_MAX)
#define LOOK_MS 1000          /* between two looks at the files */
#define RETRY_MS 5000         /* after a renewal ahead of time that failed */
#define RENEW_BEFORE_MS 60000 /* its end; or a fifth of its life, where that is less */
#define YOUNG_MS 10000        /* refused at that age: whose clock is wrong? */

/* ---- begin and end ---- */

static bool copy_text(const char **to, const char *from)
{
    *to = from ? strdup(from) : NULL;
    return !from || *to;
}

static bool copy_list(char *const **to, char *const *from)
{
    size_t n = 0;
    *to = NULL;
    if (!from)
        return true;
    while (from[n])
        n++;
    char **list = calloc(n + 1, sizeof(*list));
    *to = list;
    for (size_t i = 0; list && i < n; i++)
        if (!(list[i] = strdup(from[i])))
            return false;
    return list != NULL;
}

static void free_list(char *const *list)
{
    for (char *const *text = list; text && *text; text++)
        free(*text);
    free((void *)list);
}

static bool copy_options(struct kb_auth_options *to, const struct kb_auth_options *from)
{
    *to = *from;
    bool ok = copy_text(&to->key, from->key);
    ok = copy_text(&to->key_file, from->key_file) && ok;
    ok = copy_text(&to->token, from->token) && ok;
    ok = copy_text(&to->token_file, from->token_file) && ok;
    ok = copy_text(&to->client_id, from->client_id) && ok;
    ok = copy_text(&to->auth_url, from->auth_url) && ok;
    ok = copy_text(&to->capability, from->capability) && ok;
    ok = copy_text(&to->agent, from->agent) && ok;
    ok = copy_list(&to->auth_headers, from->auth_headers) && ok;
    return copy_list(&to->auth_params, from->auth_params) && ok;
}

static void free_options(struct kb_auth_options *options)
{
    free((char *)options->key);
    free((char *)options->key_file);
    free((char *)options->token);
    free((char *)options->token_file);
    free((char *)options->client_id);
    free((char *)options->auth_url);
    free((char *)options->capability);
    free((char *)options->agent);
    free_list(options->auth_headers);
    free_list(options->auth_params);
}

static bool same_text(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool same_list(char *const *a, char *const *b)
{
    if (!a || !b)
        return a == b;
    while (*a && *b && strcmp(*a, *b) == 0) {
        a++;
        b++;
    }
    return !*a && !*b;
}

bool kb_auth_options_same(const struct kb_auth_options *a, const struct kb_auth_options *b)
{
    return same_text(a->key, b->key) && same_text(a->key_file, b->key_file) &&
           same_text(a->token, b->token) && same_text(a->token_file, b->token_file) &&
           same_text(a->client_id, b->client_id) && a->use_token == b->use_token &&
           a->exchange == b->exchange && same_text(a->auth_url, b->auth_url) &&
           a->auth_post == b->auth_post && same_list(a->auth_headers, b->auth_headers) &&
           same_list(a->auth_params, b->auth_params) && same_text(a->capability, b->capability) &&
           a->ttl_ms == b->ttl_ms && same_text(a->agent, b->agent) &&
           a->open_timeout_ms == b->open_timeout_ms && a->timeout_ms == b->timeout_ms;
}

bool kb_auth_is_basic(const struct kb_auth_options *options)
{
    return options->key && !options->token && !options->auth_url && !options->use_token;
}

const struct kb_auth_options *kb_auth_options(const struct kb_auth *auth)
{
    return &auth->options;
}

static void wipe(struct kb_buf *buf)
{
    if (buf->ptr)
        explicit_bzero(buf->ptr, buf->cap);
    kb_buf_deinit(buf);
}

/* A NUL behind it, which is not part of it. */
static void end_text(struct kb_buf *buf)
{
    kb_buf_byte(buf, '\0');
    buf->len -= !buf->failed;
}

/* ---- lines ---- */

static void take_line(
    struct kb_auth *auth, bool basic, struct kb_slice secret, int64_t now_ms, int64_t life_ms)
{
    struct kb_buf *line = &auth->lines[(auth->generation + 1) % 2];
    kb_buf_reset(line);
    kb_buf_add(line, basic ? KB_S("Authorization: Basic ") : KB_S("Authorization: Bearer "));
    if (basic || !memchr(secret.ptr, '.', secret.len)) /* RSA3b: a JWT goes as it is */
        kb_base64_add(line, secret);
    else
        kb_buf_add(line, secret);
    kb_buf_byte(line, '\0');
    auth->generation++;
    auth->refused = line->failed;
    auth->made_ms = now_ms;
    int64_t before = life_ms / 5 < RENEW_BEFORE_MS ? life_ms / 5 : RENEW_BEFORE_MS;
    auth->expires_ms = life_ms == INT64_MAX ? INT64_MAX : now_ms + life_ms;
    auth->renew_ms = life_ms == INT64_MAX ? INT64_MAX : now_ms + life_ms - before;
    auth->retry_ms = INT64_MIN;
}

/* `expires_ms` since 1970, 0 = not said: then the token itself may say it. */
static void take_token(
    struct kb_auth *auth, struct kb_slice token, int64_t expires_ms, int64_t now_ms)
{
    if (expires_ms == 0)
        expires_ms = kb_jwt_expiry_ms(token);
    int64_t life = expires_ms == 0 ? INT64_MAX : expires_ms - kb_auth_wall_ms(auth);
    /* One that has ended by our clock is tried all the same: the service's decides. */
    take_line(auth, false, token, now_ms, life < 1000 ? INT64_MAX : life);
}

int64_t kb_auth_wall_ms(const struct kb_auth *auth)
{
    return auth->clock->wall_ms(auth->clock) + auth->skew_ms;
}

/* What there is without asking: the key as it is, or the literal token. */
static void take_given(struct kb_auth *auth, int64_t now_ms)
{
    auth->literal_done = auth->token.len == 0;
    if (kb_auth_is_basic(&auth->options))
        take_line(auth, true, kb_buf_slice(&auth->key), now_ms, INT64_MAX);
    else if (!auth->literal_done)
        take_line(auth, false, kb_buf_slice(&auth->token), now_ms, INT64_MAX); /* until refused */
}

struct kb_auth *kb_auth_new(const struct kb_auth_options *options, struct kb_transport *transport,
    struct kb_clock *clock, struct kb_random *random, struct kb_err *err)
{
    struct kb_auth *auth = calloc(1, sizeof(*auth));
    bool ok = auth && copy_options(&auth->options, options);
    if (ok) {
        auth->transport = transport;
        auth->clock = clock;
        auth->random = random;
        auth->questions = random->next(random);
        auth->looked_ms = INT64_MIN;
        auth->retry_ms = INT64_MIN;
        kb_secret_file_init(&auth->key_file, auth->options.key_file);
        kb_secret_file_init(&auth->token_file, auth->options.token_file);
        kb_buf_init(&auth->key, KB_SECRET_MAX + 1);
        kb_buf_init(&auth->token, KB_SECRET_MAX + 1);
        kb_buf_init(&auth->lines[0], LINE_MAX_BYTES);
        kb_buf_init(&auth->lines[1], LINE_MAX_BYTES);
        kb_buf_init(&auth->url, 1u << 20);
        kb_buf_init(&auth->body, 1u << 20);
        kb_buf_init(&auth->header_text, 1u << 20);
        kb_buf_add(&auth->key, kb_slice_of(auth->options.key));
        end_text(&auth->key);
        kb_buf_add(&auth->token, kb_slice_of(auth->options.token));
        ok = !auth->key.failed && !auth->token.failed;
    }
    if (ok)
        take_given(auth, 0);
    if (ok && (auth->generation == 0 || !auth->refused))
        return auth;
    kb_auth_free(auth);
    kb_err_fatal(err, "no memory for credentials");
    return NULL;
}

void kb_auth_free(struct kb_auth *auth)
{
    if (!auth)
        return;
    if (auth->question != KB_ASK_NOTHING)
        auth->transport->ops->cancel(auth->transport, &auth->http);
    wipe(&auth->key);
    wipe(&auth->token);
    wipe(&auth->lines[0]);
    wipe(&auth->lines[1]);
    wipe(&auth->url);
    wipe(&auth->body);
    wipe(&auth->header_text);
    free_options(&auth->options);
    free(auth);
}

/* ---- is it good ---- */

static bool can_renew(const struct kb_auth *auth)
{
    return auth->options.auth_url || (auth->key.len > 0 && !kb_auth_is_basic(&auth->options));
}

bool kb_auth_ready(const struct kb_auth *auth, int64_t now_ms)
{
    return auth->generation > 0 && !auth->refused && now_ms < auth->expires_ms;
}

bool kb_auth_asking(const struct kb_auth *auth)
{
    return auth->question != KB_ASK_NOTHING;
}

bool kb_auth_due(const struct kb_auth *auth, int64_t now_ms)
{
    return kb_auth_ready(auth, now_ms) && now_ms >= auth->renew_ms && now_ms >= auth->retry_ms &&
           can_renew(auth) && !kb_auth_asking(auth);
}

const char *kb_auth_line(const struct kb_auth *auth)
{
    return auth->lines[auth->generation % 2].ptr;
}

uint64_t kb_auth_generation(const struct kb_auth *auth)
{
    return auth->generation;
}

/* ---- files ---- */

static bool is_key(const struct kb_buf *text)
{
    const char *colon = text->len ? memchr(text->ptr, ':', text->len) : NULL;
    const char *dot = colon ? memchr(text->ptr, '.', (size_t)(colon - text->ptr)) : NULL;
    bool ends = colon && colon + 1 < text->ptr + text->len;
    for (size_t i = 0; ends && i < text->len; i++)
        ends = (unsigned char)text->ptr[i] > ' ';
    return dot && dot > text->ptr && dot + 1 < colon && ends;
}

/* Puts what the file holds in place of `text`; false where it is the same, or makes no sense. */
static bool reread(struct kb_secret_file *file, struct kb_buf *text, bool key)
{
    struct kb_buf now;
    kb_buf_init(&now, KB_SECRET_MAX + 1);
    bool other = kb_secret_file_read(file, &now) && (!key || is_key(&now)) &&
                 !kb_slice_eq(kb_buf_slice(&now), kb_buf_slice(text));
    if (other) {
        kb_buf_reset(text);
        kb_buf_add(text, kb_buf_slice(&now));
        other = !text->failed;
    }
    wipe(&now);
    return other;
}

static bool reread_all(struct kb_auth *auth, int64_t now_ms)
{
    bool key = auth->key_file.path && reread(&auth->key_file, &auth->key, true);
    bool token = auth->token_file.path && reread(&auth->token_file, &auth->token, false);
    if (!key && !token)
        return false;
    if (key) {
        end_text(&auth->key);
        kb_log_info("ably", "%s has changed: the key %.*s is used from now on", auth->key_file.path,
            (int)strcspn(auth->key.ptr, ":"), auth->key.ptr);
    }
    if (token)
        kb_log_info("ably", "%s has changed: its token is used from now on", auth->token_file.path);
    if (token || kb_auth_is_basic(&auth->options))
        take_given(auth, now_ms);
    else
        auth->renew_ms = now_ms; /* a token of the old key serves until there is one of the new */
    return true;
}

void kb_auth_look(struct kb_auth *auth, int64_t now_ms)
{
    if (auth->looked_ms != INT64_MIN && now_ms - auth->looked_ms < LOOK_MS)
        return;
    auth->looked_ms = now_ms;
    bool key = kb_secret_file_changed(&auth->key_file);
    if (kb_secret_file_changed(&auth->token_file) || key)
        reread_all(auth, now_ms);
}

bool kb_auth_refused(struct kb_auth *auth, uint64_t generation, bool token, int64_t now_ms)
{
    if (generation != auth->generation)
        return true;
    bool changed = reread_all(auth, now_ms);
    if (generation != auth->generation)
        return true;
    if (!can_renew(auth) || (!token && !changed))
        return false;
    /* Refused when it was just made: one of two clocks is wrong. */
    auth->ask_time = auth->literal_done && now_ms - auth->made_ms < YOUNG_MS;
    auth->literal_done = true;
    auth->refused = true;
    return true;
}

/* ---- another token ---- */

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
        take_line(auth, false, kb_buf_slice(&token), now_ms, o->ttl_ms);
    wipe(&token);
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
    if (!can_renew(auth))
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
    wipe(&answer.token);
    return next;
}
