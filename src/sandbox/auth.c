/* See auth.h. */
#include "sandbox/auth.h"

#include "base/base64.h"
#include "sandbox/capability.h"
#include "sandbox/jwt.h"
#include "sandbox/state.h"

#define CREDENTIALS_MAX ((size_t)128 << 10)

/* --- keys --- */

struct kb_slice kb_auth_key_name(struct kb_slice key)
{
    const char *colon = memchr(key.ptr, ':', key.len);

    return (struct kb_slice){key.ptr, colon ? (size_t)(colon - key.ptr) : key.len};
}

struct kb_slice kb_auth_key_secret(struct kb_slice key)
{
    size_t name_len = kb_auth_key_name(key).len;

    return name_len < key.len ? (struct kb_slice){key.ptr + name_len + 1, key.len - name_len - 1}
                              : KB_S("");
}

/* APP.KEYID:SECRET with no part empty. */
static bool is_key(struct kb_slice key)
{
    struct kb_slice name = kb_auth_key_name(key);
    const char *dot = memchr(name.ptr, '.', name.len);

    return dot && dot > name.ptr && dot + 1 < name.ptr + name.len &&
           kb_auth_key_secret(key).len > 0;
}

static bool check_key(struct kb_service *service, struct kb_exchange *x, struct kb_slice key)
{
    if (!is_key(key) || (service->key && !kb_slice_is(key, service->key))) {
        kb_exchange_error(x, 401, 40101, "invalid credentials");
        return false;
    }
    service->access = (struct kb_access){
        .by_key = true, .key_name = kb_auth_key_name(key), .expires_ms = INT64_MAX};
    return true;
}

/* --- tokens --- */

static bool refuse(struct kb_exchange *x, struct kb_refusal refusal)
{
    kb_exchange_error(x, refusal.status, refusal.code, KB_FMT, KB_ARG(refusal.text));
    return false;
}

static bool use_grant(struct kb_service *service, const struct kb_grant *grant)
{
    service->access = (struct kb_access){
        .key_name = grant->key_name,
        .client_id = grant->client_id,
        .capability = grant->capability,
        .expires_ms = grant->expires_ms,
    };
    return true;
}

static bool check_jwt(struct kb_service *service, struct kb_exchange *x, struct kb_slice token)
{
    struct kb_slice key = kb_slice_of(service->key);
    struct kb_refusal refusal;
    struct kb_grant grant;

    if (!service->key)
        return refuse(x, (struct kb_refusal){401, 40144,
                             KB_S("invalid JWT: this local Ably was started without a key, so "
                                  "it knows no secret to check it with")});
    refusal = kb_jwt_read(
        token, kb_auth_key_name(key), kb_auth_key_secret(key), service->wall_ms, &x->arena, &grant);
    return refusal.code ? refuse(x, refusal) : use_grant(service, &grant);
}

static bool check_token(struct kb_service *service, struct kb_exchange *x, struct kb_slice token)
{
    const struct kb_grant *grant;

    if (kb_jwt_is(token))
        return check_jwt(service, x, token);
    grant = kb_grants_find(service->grants, token);
    if (grant && grant->expires_ms <= service->wall_ms)
        return refuse(x, (struct kb_refusal){401, 40142, KB_S("token expired")});
    if (grant)
        return use_grant(service, grant);
    if (memchr(token.ptr, ':', token.len) || !memchr(token.ptr, '.', token.len))
        return refuse(x, (struct kb_refusal){401, 40145, KB_S("invalid token format")});
    return refuse(x, (struct kb_refusal){401, 40143,
                         KB_S("token unrecognized: this local Ably has not issued it since its "
                              "start")});
}

/* --- where they are --- */

static struct kb_slice behind_scheme(struct kb_slice header, struct kb_slice scheme)
{
    if (header.len < scheme.len || strncasecmp(header.ptr, scheme.ptr, scheme.len) != 0)
        return (struct kb_slice){0};
    return (struct kb_slice){header.ptr + scheme.len, header.len - scheme.len};
}

/* Into the arena; ptr NULL = no base64, or too long. */
static struct kb_slice decoded(struct kb_exchange *x, struct kb_slice base64)
{
    struct kb_slice copy = {0};
    struct kb_buf text;

    kb_buf_init(&text, CREDENTIALS_MAX);
    if (kb_base64_decode(&text, base64) && !text.failed &&
        !kb_arena_copy(&x->arena, kb_buf_slice(&text), &copy))
        copy = (struct kb_slice){0};
    kb_buf_deinit(&text);
    return copy;
}

bool kb_auth_check_key(struct kb_service *service, struct kb_exchange *x)
{
    struct kb_slice basic = behind_scheme(kb_exchange_header(x, "Authorization"), KB_S("Basic "));
    struct kb_slice key = kb_exchange_query(x, "key");

    if (basic.ptr)
        key = decoded(x, basic);
    if (basic.ptr || key.ptr)
        return check_key(service, x, key.ptr ? key : KB_S(""));
    kb_exchange_error(x, 401, 40101, "no authentication information provided");
    return false;
}

/* A token comes as it is or as its base64, which has no dot. */
static bool check_bearer(struct kb_service *service, struct kb_exchange *x, struct kb_slice token)
{
    struct kb_slice plain = token;

    if (!memchr(token.ptr, '.', token.len))
        plain = decoded(x, token);
    return check_token(service, x, plain.ptr ? plain : KB_S(""));
}

bool kb_auth_check(struct kb_service *service, struct kb_exchange *x)
{
    struct kb_slice header = kb_exchange_header(x, "Authorization");
    struct kb_slice token = behind_scheme(header, KB_S("Bearer "));

    if (token.ptr)
        return check_bearer(service, x, token);
    if (!header.ptr)
        token = kb_exchange_query(x, "accessToken");
    if (!header.ptr && !token.ptr)
        token = kb_exchange_query(x, "access_token");
    return token.ptr ? check_bearer(service, x, token) : kb_auth_check_key(service, x);
}

bool kb_auth_allows(
    const struct kb_service *service, struct kb_slice channel, const char *operation)
{
    return service->access.by_key ||
           kb_capability_allows(service->access.capability, channel, operation);
}
