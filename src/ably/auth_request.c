/* What is asked for a token, and of whom; see auth_inside.h: POST /keys/{keyName}/requestToken with
 * a TokenRequest signed by the key (RSA9), the user's auth_url (RSA8c), and the service's time
 * where ours was refused (RSA9d). */
#include "ably/auth_inside.h"
#include "ably/endpoint.h"
#include "base/base64.h"
#include "base/hmac.h"
#include "value/json.h"

#include <ctype.h>
#include <inttypes.h>

static size_t read_body(struct kb_http_request *http, char *room, size_t size)
{
    struct kb_auth *auth = http->context;
    size_t left = auth->body.len - auth->at, part = left < size ? left : size;
    if (part > 0)
        memcpy(room, auth->body.ptr + auth->at, part);
    auth->at += part;
    return part;
}

static void rewind_body(struct kb_http_request *http)
{
    ((struct kb_auth *)http->context)->at = 0;
}

static void begin(struct kb_auth *auth)
{
    kb_buf_reset(&auth->url);
    kb_buf_reset(&auth->body);
    kb_buf_reset(&auth->header_text);
    auth->n_headers = auth->at = 0;
}

static void add_header(struct kb_auth *auth, const char *name, const char *value)
{
    if (auth->n_headers == KB_AUTH_HEADERS_MAX)
        return;
    auth->header_starts[auth->n_headers++] = auth->header_text.len;
    kb_buf_printf(&auth->header_text, "%s: %s", name, value);
    kb_buf_byte(&auth->header_text, '\0');
}

static void add_escaped(struct kb_buf *out, const char *text)
{
    for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
        if (isalnum(*c) || strchr("-._~", *c))
            kb_buf_byte(out, (char)*c);
        else
            kb_buf_printf(out, "%%%02X", *c);
    }
}

static void add_param(struct kb_buf *out, const char *name, const char *value, bool first)
{
    if (!first)
        kb_buf_byte(out, '&');
    add_escaped(out, name);
    kb_buf_byte(out, '=');
    add_escaped(out, value);
}

/* The user's own, then what the token is to be (RSA8c1): the service decides what it makes of it.
 */
static void add_params(const struct kb_auth *auth, struct kb_buf *out, bool first)
{
    const struct kb_auth_options *o = &auth->options;
    for (char *const *p = o->auth_params; p && p[0]; p += 2, first = false)
        add_param(out, p[0], p[1], first);
    if (o->client_id) {
        add_param(out, "clientId", o->client_id, first);
        first = false;
    }
    if (o->capability)
        add_param(out, "capability", o->capability, first);
}

static bool has_params(const struct kb_auth_options *o)
{
    return (o->auth_params && o->auth_params[0]) || o->client_id || o->capability;
}

static void ask_url(struct kb_auth *auth)
{
    const struct kb_auth_options *o = &auth->options;
    kb_buf_add(&auth->url, kb_slice_of(o->auth_url));
    if (o->auth_post) {
        add_params(auth, &auth->body, true);
        add_header(auth, "Content-Type", "application/x-www-form-urlencoded");
    } else if (has_params(o)) {
        kb_buf_byte(&auth->url, strchr(o->auth_url, '?') ? '&' : '?');
        add_params(auth, &auth->url, true);
    }
    add_header(auth, "Accept", "application/json, application/jwt, text/plain");
    for (char *const *h = o->auth_headers; h && h[0]; h += 2)
        add_header(auth, h[0], h[1]);
}

static void add_member(struct kb_buf *json, const char *name, const char *text)
{
    kb_buf_printf(json, ",\"%s\":", name);
    kb_json_string(json, kb_slice_of(text));
}

/* RSA9: what is signed is each field on a line of its own, the absent ones empty. */
static void add_token_request(struct kb_auth *auth)
{
    const struct kb_auth_options *o = &auth->options;
    struct kb_slice key = kb_buf_slice(&auth->key);
    int name_len = (int)strcspn(auth->key.ptr, ":");
    struct kb_slice secret = {key.ptr + name_len + 1, key.len - (size_t)name_len - 1};
    char nonce[33], mac[KB_HMAC_LEN];
    int64_t timestamp = kb_auth_wall_ms(auth);
    uint64_t first = auth->random->next(auth->random), second = auth->random->next(auth->random);
    snprintf(nonce, sizeof(nonce), "%016" PRIx64 "%016" PRIx64, first, second);

    struct kb_buf text;
    kb_buf_init(&text, 1u << 20);
    kb_buf_printf(&text, "%.*s\n%" PRId64 "\n%s\n%s\n%" PRId64 "\n%s\n", name_len, key.ptr,
        o->ttl_ms, o->capability ? o->capability : "", o->client_id ? o->client_id : "", timestamp,
        nonce);
    if (text.failed)
        auth->body.failed = true;
    else
        kb_hmac_sha256(mac, secret, kb_buf_slice(&text));
    kb_buf_reset(&text);
    if (!auth->body.failed)
        kb_base64_add(&text, (struct kb_slice){mac, sizeof(mac)});
    kb_buf_byte(&text, '\0');
    kb_buf_printf(&auth->body, "{\"keyName\":\"%.*s\",\"ttl\":%" PRId64 ",\"timestamp\":%" PRId64,
        name_len, key.ptr, o->ttl_ms, timestamp);
    if (o->capability)
        add_member(&auth->body, "capability", o->capability);
    if (o->client_id)
        add_member(&auth->body, "clientId", o->client_id);
    add_member(&auth->body, "nonce", nonce);
    add_member(&auth->body, "mac", text.failed ? "" : text.ptr);
    kb_buf_byte(&auth->body, '}');
    kb_buf_deinit(&text);
}

static bool submit(
    struct kb_auth *auth, enum kb_auth_question question, bool get, struct kb_err *err)
{
    add_header(auth, "Ably-Agent", auth->options.agent);
    kb_buf_byte(&auth->url, '\0');
    if (auth->url.failed || auth->body.failed || auth->header_text.failed)
        return kb_err_outage(err, "no memory");
    for (size_t i = 0; i < auth->n_headers; i++)
        auth->headers[i] = auth->header_text.ptr + auth->header_starts[i];
    auth->headers[auth->n_headers] = NULL;
    auth->http = (struct kb_http_request){.method = get ? "GET" : "POST",
        .url = auth->url.ptr,
        .headers = auth->headers,
        .headers_version = ++auth->questions,
        .body_len = auth->body.len,
        .read = read_body,
        .rewind = rewind_body,
        .open_timeout_ms = auth->options.open_timeout_ms,
        .timeout_ms = auth->options.timeout_ms,
        .max_reply = KB_TOKEN_MAX,
        .context = auth};
    if (!auth->transport->ops->submit(auth->transport, &auth->http, err))
        return false;
    auth->question = question;
    return true;
}

static void ask_key(struct kb_auth *auth, const char *name, int name_len)
{
    kb_buf_printf(&auth->url, "%s/keys/%.*s/requestToken", auth->base_url, name_len, name);
    add_header(auth, "Content-Type", "application/json");
    add_header(auth, "Accept", "application/json");
    add_header(auth, "X-Ably-Version", KB_ABLY_VERSION);
}

bool kb_auth_ask(struct kb_auth *auth, enum kb_auth_question question, struct kb_err *err)
{
    begin(auth);
    if (question == KB_ASK_URL) {
        ask_url(auth);
        return submit(auth, question, !auth->options.auth_post, err);
    }
    if (question == KB_ASK_TIME) {
        kb_buf_printf(&auth->url, "%s/time", auth->base_url);
        add_header(auth, "Accept", "application/json");
        add_header(auth, "X-Ably-Version", KB_ABLY_VERSION);
        return submit(auth, question, true, err);
    }
    ask_key(auth, auth->key.ptr, (int)strcspn(auth->key.ptr, ":"));
    add_token_request(auth);
    return submit(auth, question, false, err);
}

/* The key's name is a member of the request; it also stands in the address. */
bool kb_auth_ask_with(struct kb_auth *auth, struct kb_slice token_request, struct kb_err *err)
{
    static const char mark[] = "\"keyName\"";
    begin(auth);
    kb_buf_add(&auth->body, token_request);
    const char *at = memmem(token_request.ptr, token_request.len, mark, strlen(mark));
    const char *end = token_request.ptr + token_request.len;
    at = at ? memchr(at + strlen(mark), '"', (size_t)(end - at) - strlen(mark)) : NULL;
    size_t len = 0;
    while (at && at + 1 + len < end &&
           (isalnum((unsigned char)at[1 + len]) || strchr("-._", at[1 + len] ? at[1 + len] : '"')))
        len++;
    if (len == 0 || len > 100)
        return kb_err_outage(err, "the token request names no key");
    ask_key(auth, at + 1, (int)len);
    return submit(auth, KB_ASK_ABLY, false, err);
}
