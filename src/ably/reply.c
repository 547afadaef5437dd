/* What became of a request's specs, from its reply; see reply.h. The body is read in reply_body.c;
 * here status, headers and body become one verdict. */
#include "ably/reply.h"

#include "ably/reply_body.h"

#include <strings.h>

#define TEXTS_MAX (1u << 20) /* of one reply; texts beyond are lost, codes are not */
#define PARTIAL 40020

bool kb_reply_init(struct kb_reply *reply, size_t max_specs)
{
    *reply = (struct kb_reply){.max_specs = max_specs};
    kb_arena_init(&reply->texts, TEXTS_MAX);
    reply->results = calloc(max_specs, sizeof(*reply->results));
    return reply->results != NULL;
}

void kb_reply_deinit(struct kb_reply *reply)
{
    kb_arena_deinit(&reply->texts);
    free(reply->results);
    *reply = (struct kb_reply){0};
}

static void give(
    struct kb_reply *reply, enum kb_ably_class class, int code, int status, struct kb_slice text)
{
    reply->verdict = kb_ably_class_refuses(class) ? KB_REPLY_REFUSED : KB_REPLY_OUTAGE;
    reply->whole = (struct kb_result){class, code, status, text};
}

static void read_good(struct kb_reply *reply, const struct kb_http_reply *http,
    const struct kb_reply_body *body, size_t n_specs)
{
    const char *unusable = body->unusable ? body->unusable : body->bad;
    if (!unusable && body->batch)
        unusable = "a list of results in an unknown place";
    if (!unusable && body->n != n_specs)
        unusable = "fewer results than messages were sent";
    if (!body->unusable && body->whole.error && body->n == 0) /* of all, with a status of success */
        give(reply, KB_ABLY_FOREIGN, body->whole.code, http->status, body->whole.text);
    else if (unusable)
        give(reply, KB_ABLY_FOREIGN, 0, http->status, kb_slice_of(unusable));
    else
        reply->verdict = KB_REPLY_RESULTS;
}

/* Every status that is not 2xx. */
static void read_error(struct kb_reply *reply, const struct kb_http_reply *http,
    const struct kb_reply_body *body, size_t n_specs)
{
    bool told = !body->unusable && body->whole.error;
    int64_t code = told ? body->whole.code : kb_slice_digits(http->headers.ably_error_code);
    struct kb_slice text = told ? body->whole.text : http->headers.ably_error_message;
    if (code == PARTIAL) {
        /* Some were published: only the list says which. */
        if (!body->unusable && body->batch && !body->bad && body->n == n_specs)
            reply->verdict = KB_REPLY_RESULTS;
        else
            give(reply, KB_ABLY_FOREIGN, PARTIAL, http->status, KB_S("partial, without its list"));
        return;
    }
    if (code < 0)
        code = 0;
    give(reply, kb_classify(http->status, (int)code, KB_LEVEL_REQUEST), (int)code, http->status,
        text);
}

static void published(struct kb_reply *reply, struct kb_reply_body *body, size_t n_specs)
{
    for (size_t i = 0; i < n_specs; i++)
        reply->results[i] = (struct kb_result){.class = KB_ABLY_OK};
    body->n = n_specs;
}

/* Is it that media type, with or without parameters? */
static bool is_type(struct kb_slice type, struct kb_slice wanted)
{
    if (type.len < wanted.len || strncasecmp(type.ptr, wanted.ptr, wanted.len) != 0)
        return false;
    return type.len == wanted.len || type.ptr[wanted.len] == ';' || type.ptr[wanted.len] == ' ';
}

/* By the answer's own Content-Type, whatever was asked for (RSC8d); without one the body shows: a
 * JSON text begins with an ASCII character, an array or map of MessagePack doesn't. */
static void read_body(struct kb_reply *reply, const struct kb_http_reply *http, size_t n_specs,
    struct kb_reply_body *body)
{
    bool good = http->status / 100 == 2;
    struct kb_slice type = http->headers.content_type;
    bool msgpack = is_type(type, KB_S("application/x-msgpack")) ||
                   (!type.ptr && http->body.len > 0 && (unsigned char)http->body.ptr[0] >= 0x80);
    *body = (struct kb_reply_body){0};
    if (type.ptr && !msgpack && !is_type(type, KB_S("application/json")))
        body->unusable = "the answer is neither JSON nor MessagePack";
    else if (http->truncated)
        body->unusable = "the answer is too long";
    else if (good && !msgpack && kb_reply_body_plain(http->body, n_specs))
        published(reply, body, n_specs);
    else
        kb_reply_body_read(reply, http->body, n_specs, good, msgpack, body);
}

void kb_reply_read(struct kb_reply *reply, const struct kb_http_reply *http, size_t n_specs)
{
    KB_BUG_ON(n_specs == 0 || n_specs > reply->max_specs);
    kb_arena_reset(&reply->texts);
    int64_t seconds = kb_slice_digits(http->headers.retry_after);
    reply->retry_after_ms = seconds > 3600 ? 3600000 : seconds > 0 ? (int)seconds * 1000 : 0;
    if (http->status == 0) {
        give(reply, KB_ABLY_TRANSIENT, 0, 0, kb_slice_of(http->err.text));
        return;
    }
    struct kb_reply_body body;
    read_body(reply, http, n_specs, &body);
    if (http->status / 100 == 2)
        read_good(reply, http, &body, n_specs);
    else
        read_error(reply, http, &body, n_specs);
}
