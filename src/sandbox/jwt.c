/* See jwt.h. */
#include "sandbox/jwt.h"

#include "base/base64.h"
#include "base/hmac.h"
#include "sandbox/capability.h"
#include "sandbox/members.h"

#define PART_MAX ((size_t)64 << 10)
#define FUTURE_MAX_MS 120000 /* so far a client's clock may be ahead */

struct parts {
    struct kb_slice header, claims, signature; /* base64 */
    struct kb_slice signed_text;
};

static struct kb_refusal wrong(const char *text)
{
    return (struct kb_refusal){401, 40144, kb_slice_of(text)};
}

static bool split(struct kb_slice token, struct parts *parts)
{
    const char *end = token.ptr + token.len;
    const char *first = memchr(token.ptr, '.', token.len);
    const char *second = first ? memchr(first + 1, '.', (size_t)(end - first - 1)) : NULL;

    if (!second || memchr(second + 1, '.', (size_t)(end - second - 1)))
        return false;
    parts->header = (struct kb_slice){token.ptr, (size_t)(first - token.ptr)};
    parts->claims = (struct kb_slice){first + 1, (size_t)(second - first - 1)};
    parts->signature = (struct kb_slice){second + 1, (size_t)(end - second - 1)};
    parts->signed_text = (struct kb_slice){token.ptr, (size_t)(second - token.ptr)};
    return true;
}

bool kb_jwt_is(struct kb_slice token)
{
    struct parts parts;

    return kb_slice_starts(token, KB_S("eyJ")) && split(token, &parts);
}

static bool is_signed(const struct parts *parts, struct kb_slice secret)
{
    char mac[KB_HMAC_LEN];
    struct kb_buf given;
    bool equal;

    kb_hmac_sha256(mac, secret, parts->signed_text);
    kb_buf_init(&given, PART_MAX);
    equal = kb_base64_decode(&given, parts->signature) && kb_hmac_equal(mac, kb_buf_slice(&given));
    kb_buf_deinit(&given);
    return equal;
}

static bool read_part(
    struct kb_slice base64, struct kb_member *members, size_t n, struct kb_arena *arena)
{
    struct kb_buf json;
    struct kb_err err;
    bool read;

    kb_buf_init(&json, PART_MAX);
    read = kb_base64_decode(&json, base64) && !json.failed &&
           kb_members_read(members, n, (struct kb_body){kb_buf_slice(&json), false}, arena, &err);
    kb_buf_deinit(&json);
    return read;
}

static bool is_text(const struct kb_member *member)
{
    return member->text.ptr && member->kind == KB_TOKEN_STRING;
}

/* Seconds since 1970, as JWTs have them. */
static bool as_ms(const struct kb_member *member, int64_t *ms)
{
    bool whole = member->text.ptr && member->kind == KB_TOKEN_NUMBER && member->text.len <= 12 &&
                 kb_exchange_number(member->text, ms);

    *ms *= 1000;
    return whole;
}

static struct kb_refusal read_claims(
    const struct parts *parts, int64_t wall_ms, struct kb_arena *arena, struct kb_grant *grant)
{
    struct kb_member claims[] = {{.name = "iat"}, {.name = "exp"}, {.name = "x-ably-capability"},
        {.name = "x-ably-clientId"}};
    const struct kb_member *capability = &claims[2], *client_id = &claims[3];
    struct kb_buf canonical;
    bool right;

    if (!read_part(parts->claims, claims, KB_COUNT(claims), arena))
        return wrong("invalid JWT: the claims are no JSON object");
    if (!as_ms(&claims[0], &grant->issued_ms) || !as_ms(&claims[1], &grant->expires_ms))
        return wrong("invalid JWT: iat and exp must be whole seconds");
    if (grant->issued_ms > wall_ms + FUTURE_MAX_MS || grant->expires_ms <= grant->issued_ms)
        return wrong("invalid JWT: iat lies in the future, or exp before it");
    if ((capability->text.ptr && !is_text(capability)) ||
        (client_id->text.ptr && !is_text(client_id)))
        return wrong("invalid JWT: x-ably-capability and x-ably-clientId must be strings");
    grant->client_id = client_id->text.len > 0 ? client_id->text : (struct kb_slice){0};
    kb_buf_init(&canonical, PART_MAX);
    right = kb_capability_canonical(
                capability->text.ptr ? capability->text : KB_CAPABILITY_ALL, arena, &canonical) &&
            kb_arena_copy(arena, kb_buf_slice(&canonical), &grant->capability);
    kb_buf_deinit(&canonical);
    return right ? (struct kb_refusal){0} : wrong("invalid JWT: x-ably-capability is none");
}

struct kb_refusal kb_jwt_read(struct kb_slice token, struct kb_slice key_name,
    struct kb_slice secret, int64_t wall_ms, struct kb_arena *arena, struct kb_grant *grant)
{
    struct kb_member header[] = {{.name = "alg"}, {.name = "kid"}};
    struct kb_refusal refusal;
    struct parts parts;

    *grant = (struct kb_grant){.token = token, .key_name = key_name};
    if (!split(token, &parts) || !read_part(parts.header, header, KB_COUNT(header), arena))
        return wrong("invalid JWT: the header is no JSON object");
    if (!is_text(&header[0]) || !kb_slice_is(header[0].text, "HS256"))
        return wrong("invalid JWT: alg must be HS256");
    if (!is_text(&header[1]) || !kb_slice_eq(header[1].text, key_name))
        return wrong("invalid JWT: kid is no key's name known here");
    if (!is_signed(&parts, secret))
        return wrong("invalid JWT: signature verification failed");
    refusal = read_claims(&parts, wall_ms, arena, grant);
    if (!refusal.code && grant->expires_ms <= wall_ms)
        return (struct kb_refusal){401, 40142, KB_S("token expired")};
    return refusal;
}
