/* Which Authorization line holds, since when and until when; see auth.h. Every new line comes from
 * kb_auth_take_line(). publisher_auth.c is the caller. */
#include "ably/auth_inside.h"
#include "base/base64.h"

#include <inttypes.h>

#define LINE_MAX_BYTES (2 * KB_TOKEN_MAX)
#define LOOK_MS 1000          /* between two looks at the files */
#define RENEW_BEFORE_MS 60000 /* its end; or a fifth of its life, where that is less */
#define YOUNG_MS 10000        /* refused at that age: whose clock is wrong? */

/* ---- begin and end ---- */

const struct kb_auth_options *kb_auth_options(const struct kb_auth *auth)
{
    return &auth->options;
}

void kb_auth_wipe(struct kb_buf *buf)
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

void kb_auth_take_line(
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

int64_t kb_auth_wall_ms(const struct kb_auth *auth)
{
    return auth->clock->wall_ms(auth->clock) + auth->skew_ms;
}

/* What there is without asking: the key as it is, or the literal token. */
static void take_given(struct kb_auth *auth, int64_t now_ms)
{
    auth->literal_done = auth->token.len == 0;
    if (kb_auth_is_basic(&auth->options))
        kb_auth_take_line(auth, true, kb_buf_slice(&auth->key), now_ms, INT64_MAX);
    else if (!auth->literal_done)
        kb_auth_take_line(
            auth, false, kb_buf_slice(&auth->token), now_ms, INT64_MAX); /* until refused */
}

struct kb_auth *kb_auth_new(const struct kb_auth_options *options, struct kb_transport *transport,
    struct kb_clock *clock, struct kb_random *random, struct kb_err *err)
{
    struct kb_auth *auth = calloc(1, sizeof(*auth));
    bool ok = auth && kb_auth_options_copy(&auth->options, options);
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
    kb_auth_wipe(&auth->key);
    kb_auth_wipe(&auth->token);
    kb_auth_wipe(&auth->lines[0]);
    kb_auth_wipe(&auth->lines[1]);
    kb_auth_wipe(&auth->url);
    kb_auth_wipe(&auth->body);
    kb_auth_wipe(&auth->header_text);
    kb_auth_options_free(&auth->options);
    free(auth);
}

/* ---- is it good ---- */

bool kb_auth_can_renew(const struct kb_auth *auth)
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
           kb_auth_can_renew(auth) && !kb_auth_asking(auth);
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
static bool reread(
    struct kb_auth *auth, struct kb_secret_file *file, struct kb_buf *text, int64_t now_ms)
{
    bool key = file == &auth->key_file;
    struct kb_buf now;
    uint64_t suppressed;
    kb_buf_init(&now, KB_SECRET_MAX + 1);
    bool read = kb_secret_file_read(file, &now), good = read && (!key || is_key(&now));
    if (read && !good && kb_log_repeat(&auth->unusable, now_ms, &suppressed))
        kb_log_warn("ably",
            "%s holds no API key by now; expected APP.KEYID:SECRET and nothing else; the key that "
            "was there goes on being used (%" PRIu64 " like it not shown)",
            file->path, suppressed);
    bool other = good && !kb_slice_eq(kb_buf_slice(&now), kb_buf_slice(text));
    if (other) {
        kb_buf_reset(text);
        kb_buf_add(text, kb_buf_slice(&now));
        other = !text->failed;
    }
    kb_auth_wipe(&now);
    return other;
}

static bool reread_all(struct kb_auth *auth, int64_t now_ms)
{
    bool key = auth->key_file.path && reread(auth, &auth->key_file, &auth->key, now_ms);
    bool token = auth->token_file.path && reread(auth, &auth->token_file, &auth->token, now_ms);
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
    if (!kb_auth_can_renew(auth) || (!token && !changed))
        return false;
    /* Refused when it was just made: one of two clocks is wrong. */
    auth->ask_time = auth->literal_done && now_ms - auth->made_ms < YOUNG_MS;
    auth->literal_done = true;
    auth->refused = true;
    return true;
}

void kb_auth_doubted(struct kb_auth *auth, uint64_t generation, int64_t now_ms)
{
    bool given = auth->options.auth_url || (auth->options.exchange && kb_auth_can_renew(auth));
    if (given && generation == auth->generation)
        auth->renew_ms = now_ms;
}
