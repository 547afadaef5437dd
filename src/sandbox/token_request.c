/* POST /keys/KEYNAME/requestToken of the local Ably: a TokenRequest, signed with the key's secret
 * or sent with the key itself, becomes a token. */
#include "base/base64.h"
#include "base/hmac.h"
#include "sandbox/capability.h"
#include "sandbox/members.h"
#include "sandbox/state.h"
#include "value/json.h"

#define TTL_DEFAULT_MS INT64_C(3600000)
#define TTL_MAX_MS (INT64_C(24) * 3600000)
#define CLOCK_OFF_MAX_MS 120000
#define NONCE_MIN 16
#define CAPABILITY_MAX ((size_t)64 << 10)

enum { KEY_NAME, TTL, CAPABILITY, CLIENT_ID, TIMESTAMP, NONCE, MAC, MEMBERS };

struct request {
    struct kb_member members[MEMBERS];
    int64_t ttl_ms, timestamp_ms; /* timestamp 0 = none */
    struct kb_slice capability;   /* canonical */
};

static bool refuse(struct kb_exchange *x, int status, int code, const char *text)
{
    kb_exchange_error(x, status, code, "%s", text);
    return false;
}

static struct kb_slice text_of(const struct request *request, int member)
{
    struct kb_slice text = request->members[member].text;

    return text.ptr ? text : KB_S("");
}

/* --- reading it --- */

/* Texts are strings; the numbers may come as strings of digits too, as the manual has it. */
static bool kinds_are_right(const struct request *request)
{
    for (int i = 0; i < MEMBERS; i++) {
        const struct kb_member *member = &request->members[i];
        bool number = i == TTL || i == TIMESTAMP;
        if (member->text.ptr && member->kind != KB_TOKEN_STRING &&
            !(number && member->kind == KB_TOKEN_NUMBER))
            return false;
    }
    return true;
}

static bool read_number(struct kb_slice text, int64_t absent, int64_t *number)
{
    *number = absent;
    return text.len == 0 || kb_exchange_number(text, number);
}

static bool read_capability(struct kb_exchange *x, struct request *request)
{
    struct kb_slice given = text_of(request, CAPABILITY);
    struct kb_buf canonical;
    bool right;

    kb_buf_init(&canonical, CAPABILITY_MAX);
    right =
        kb_capability_canonical(given.len > 0 ? given : KB_CAPABILITY_ALL, &x->arena, &canonical) &&
        !canonical.failed &&
        kb_arena_copy(&x->arena, kb_buf_slice(&canonical), &request->capability);
    kb_buf_deinit(&canonical);
    return right || refuse(x, 400, 40003,
                        "capability must be the JSON text of an object of arrays of operations");
}

static bool read_request(struct kb_exchange *x, struct request *request)
{
    static const char *const names[MEMBERS] = {
        "keyName", "ttl", "capability", "clientId", "timestamp", "nonce", "mac"};
    struct kb_body body;
    struct kb_err err;

    *request = (struct request){.ttl_ms = 0};
    for (int i = 0; i < MEMBERS; i++)
        request->members[i].name = names[i];
    if (!kb_body_of(x, &body))
        return false;
    if (!kb_members_read(request->members, MEMBERS, body, &x->arena, &err)) {
        kb_exchange_error(x, 400, 40001, "the TokenRequest is not one: %s", err.text);
        return false;
    }
    if (!kinds_are_right(request) ||
        !read_number(text_of(request, TIMESTAMP), 0, &request->timestamp_ms))
        return refuse(x, 400, 40003, "a member of the TokenRequest has the wrong type");
    if (!read_number(text_of(request, TTL), TTL_DEFAULT_MS, &request->ttl_ms) ||
        request->ttl_ms == 0 || request->ttl_ms > TTL_MAX_MS)
        return refuse(x, 400, 40003, "ttl is milliseconds, one day at most");
    return read_capability(x, request);
}

/* --- who asks --- */

static bool signature_is_right(
    struct kb_service *service, struct kb_exchange *x, const struct request *request)
{
    struct kb_slice secret = kb_auth_key_secret(kb_slice_of(service->key));
    char mac[KB_HMAC_LEN];
    struct kb_buf text;
    bool right;

    kb_buf_init(&text, KB_EXCHANGE_BODY_MAX);
    for (int i = KEY_NAME; i < MAC; i++) {
        kb_buf_add(&text, text_of(request, i));
        kb_buf_byte(&text, '\n');
    }
    kb_hmac_sha256(mac, secret, kb_buf_slice(&text));
    kb_buf_reset(&text);
    right = kb_base64_decode(&text, text_of(request, MAC)) && !text.failed &&
            kb_hmac_equal(mac, kb_buf_slice(&text));
    kb_buf_deinit(&text);
    return right || refuse(x, 401, 40101, "invalid credentials: the mac is not right");
}

static bool check_signed(
    struct kb_service *service, struct kb_exchange *x, const struct request *request)
{
    struct kb_slice name;

    if (!service->key)
        return refuse(x, 401, 40101,
            "this local Ably was started without a key, so it knows no secret to check a mac with");
    name = kb_auth_key_name(kb_slice_of(service->key));
    if (!kb_slice_eq(text_of(request, KEY_NAME), name))
        return refuse(x, 401, 40101, "invalid credentials: no such key");
    if (request->timestamp_ms == 0 || text_of(request, NONCE).len < NONCE_MIN)
        return refuse(x, 400, 40003,
            "a signed TokenRequest has a timestamp and a nonce of at "
            "least 16 characters");
    service->access = (struct kb_access){.by_key = true, .key_name = name};
    return signature_is_right(service, x, request);
}

/* A timestamp must be of now and a nonce new, also where a key vouches for them. */
static bool is_fresh(
    struct kb_service *service, struct kb_exchange *x, const struct request *request)
{
    int64_t off_ms = service->wall_ms - request->timestamp_ms;
    struct kb_slice nonce = text_of(request, NONCE);
    uint64_t unused = 0;

    if (request->timestamp_ms && (off_ms > CLOCK_OFF_MAX_MS || off_ms < -CLOCK_OFF_MAX_MS))
        return refuse(x, 401, 40104, "the timestamp is more than two minutes off");
    if (nonce.len == 0)
        return true;
    switch (
        kb_ids_add(service->nonces, service->access.key_name, nonce, service->now_ms, &unused)) {
    case KB_IDS_AGAIN:
        return refuse(x, 401, 40105, "the nonce was used before");
    case KB_IDS_NO_MEMORY:
        return refuse(x, 500, 50000, "out of memory");
    case KB_IDS_NEW:
        break;
    }
    return true;
}

static bool check_names(struct kb_service *service, struct kb_exchange *x,
    const struct request *request, struct kb_slice path_name)
{
    struct kb_slice in_body = text_of(request, KEY_NAME);
    bool same = kb_slice_eq(service->access.key_name, path_name) &&
                (in_body.len == 0 || kb_slice_eq(in_body, path_name));

    return same || refuse(x, 401, 40102, "the keys of address, body and credentials differ");
}

/* --- the answer --- */

static void print_text(struct kb_buf *out, const char *name, struct kb_slice text)
{
    kb_buf_printf(out, ",\"%s\":", name);
    kb_json_string(out, text);
}

static void print_details(struct kb_buf *out, const struct kb_grant *grant)
{
    kb_buf_add(out, KB_S("{\"token\":"));
    kb_json_string(out, grant->token);
    print_text(out, "keyName", grant->key_name);
    kb_buf_printf(
        out, ",\"issued\":%" PRId64 ",\"expires\":%" PRId64, grant->issued_ms, grant->expires_ms);
    print_text(out, "capability", grant->capability);
    if (grant->client_id.ptr)
        print_text(out, "clientId", grant->client_id);
    kb_buf_byte(out, '}');
}

void kb_service_request_token(
    struct kb_service *service, struct kb_exchange *x, struct kb_slice name)
{
    struct request request;
    const struct kb_grant *grant;
    bool who_is_right;

    if (!read_request(x, &request))
        return;
    who_is_right = request.members[MAC].text.ptr ? check_signed(service, x, &request)
                                                 : kb_auth_check_key(service, x);
    if (!who_is_right || !check_names(service, x, &request, name) ||
        !is_fresh(service, x, &request))
        return;
    grant = kb_grants_issue(service->grants,
        &(struct kb_grant){
            .key_name = name,
            .client_id = text_of(&request, CLIENT_ID).len > 0 ? text_of(&request, CLIENT_ID)
                                                              : (struct kb_slice){0},
            .capability = request.capability,
            .issued_ms = service->wall_ms,
            .expires_ms = service->wall_ms + request.ttl_ms,
        });
    if (!grant)
        return kb_exchange_error(x, 500, 50000, "out of memory");
    x->status = 201;
    print_details(&x->answer, grant);
}
