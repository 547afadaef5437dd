/* JWTs as Ably wants them; see jwt.h. auth.c asks. */
#include "ably/jwt.h"

#include "ably/token_reply.h"
#include "base/base64.h"
#include "base/hmac.h"
#include "value/json.h"

#define PART_MAX (64u << 10)
#define CAPABILITY_ALL "{\"*\":[\"*\"]}"

/* Base64 with the URL alphabet and no padding (RFC 7515). */
static void add_base64url(struct kb_buf *out, struct kb_slice bytes)
{
    size_t start = out->len;
    kb_base64_add(out, bytes);
    while (!out->failed && out->len > start && out->ptr[out->len - 1] == '=')
        out->len--;
    for (size_t i = start; !out->failed && i < out->len; i++)
        out->ptr[i] = out->ptr[i] == '+' ? '-' : out->ptr[i] == '/' ? '_' : out->ptr[i];
}

static void add_member(struct kb_buf *json, const char *name, struct kb_slice text)
{
    kb_buf_printf(json, "%s\"%s\":", json->len > 1 ? "," : "", name);
    kb_json_string(json, text);
}

static void add_header(struct kb_buf *out, struct kb_buf *json, struct kb_slice name)
{
    kb_buf_reset(json);
    kb_buf_byte(json, '{');
    add_member(json, "typ", KB_S("JWT"));
    add_member(json, "alg", KB_S("HS256"));
    add_member(json, "kid", name);
    kb_buf_byte(json, '}');
    add_base64url(out, kb_buf_slice(json));
}

static void add_claims(struct kb_buf *out, struct kb_buf *json, const struct kb_jwt_claims *claims)
{
    const char *capability = claims->capability ? claims->capability : CAPABILITY_ALL;
    kb_buf_reset(json);
    kb_buf_printf(json, "{\"iat\":%lld,\"exp\":%lld", (long long)(claims->issued_ms / 1000),
        (long long)((claims->issued_ms + claims->ttl_ms) / 1000));
    add_member(json, "x-ably-capability", kb_slice_of(capability));
    if (claims->client_id)
        add_member(json, "x-ably-clientId", kb_slice_of(claims->client_id));
    kb_buf_byte(json, '}');
    add_base64url(out, kb_buf_slice(json));
}

void kb_jwt_mint(struct kb_buf *out, struct kb_slice key, const struct kb_jwt_claims *claims)
{
    const char *colon = memchr(key.ptr, ':', key.len);
    size_t name_len = colon ? (size_t)(colon - key.ptr) : key.len;
    struct kb_slice name = {key.ptr, name_len};
    struct kb_slice secret = {key.ptr + name_len + !!colon, key.len - name_len - !!colon};
    struct kb_buf json;
    char mac[KB_HMAC_LEN];
    kb_buf_init(&json, PART_MAX);
    size_t start = out->len;
    add_header(out, &json, name);
    kb_buf_byte(out, '.');
    add_claims(out, &json, claims);
    out->failed = out->failed || json.failed;
    if (!out->failed) {
        kb_hmac_sha256(mac, secret, (struct kb_slice){out->ptr + start, out->len - start});
        kb_buf_byte(out, '.');
        add_base64url(out, (struct kb_slice){mac, sizeof(mac)});
    }
    kb_buf_deinit(&json);
}

int64_t kb_jwt_expiry_ms(struct kb_slice token)
{
    const char *end = token.ptr + token.len;
    const char *first = memchr(token.ptr, '.', token.len);
    const char *second = first ? memchr(first + 1, '.', (size_t)(end - first - 1)) : NULL;
    struct kb_buf json;
    struct kb_token_reply claims;
    struct kb_err err;
    if (!second)
        return 0;
    kb_buf_init(&json, PART_MAX);
    kb_token_reply_init(&claims);
    int64_t seconds = 0;
    if (kb_base64_decode(&json, (struct kb_slice){first + 1, (size_t)(second - first - 1)}) &&
        kb_token_reply_json(&claims, kb_buf_slice(&json), &err))
        seconds = claims.exp;
    kb_token_reply_deinit(&claims);
    kb_buf_deinit(&json);
    return seconds > 0 && seconds < INT64_MAX / 1000 ? seconds * 1000 : 0;
}
