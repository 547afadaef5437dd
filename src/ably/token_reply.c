/* See token_reply.h. A sink of JSON events that takes the members it knows of one object and of the
 * object `error` in it, and passes over everything else. */
#include "ably/token_reply.h"

#include "value/json.h"

#include <strings.h>

struct reader {
    struct kb_events events;
    struct kb_token_reply *reply;
    int depth; /* containers open */
    bool in_error, object, bad;
    char key[32]; /* the last one, where it is short enough to be one of ours */
    bool name, mac;
};

void kb_token_reply_init(struct kb_token_reply *reply)
{
    *reply = (struct kb_token_reply){.expires_ms = 0};
    kb_buf_init(&reply->token, KB_TOKEN_MAX);
}

void kb_token_reply_deinit(struct kb_token_reply *reply)
{
    kb_buf_deinit(&reply->token);
}

static void on_open(struct kb_events *events)
{
    struct reader *r = (struct reader *)events;
    if (r->depth == 1)
        r->in_error = strcmp(r->key, "error") == 0;
    r->depth++;
    r->key[0] = '\0';
}

static void on_begin_object(struct kb_events *events)
{
    struct reader *r = (struct reader *)events;
    r->object = r->object || r->depth == 0;
    on_open(events);
}

static void on_close(struct kb_events *events)
{
    struct reader *r = (struct reader *)events;
    r->depth--;
    r->in_error = r->in_error && r->depth > 1;
}

static void on_key(struct kb_events *events, struct kb_slice name)
{
    struct reader *r = (struct reader *)events;
    bool ours = name.len < sizeof(r->key) && !memchr(name.ptr, '\0', name.len);
    snprintf(r->key, sizeof(r->key), KB_FMT, ours ? (int)name.len : 0, name.ptr);
}

static bool at(const struct reader *r, const char *key)
{
    return r->depth == 1 && strcmp(r->key, key) == 0;
}

static void on_string(struct kb_events *events, struct kb_slice text)
{
    struct reader *r = (struct reader *)events;
    if (at(r, "token")) {
        kb_buf_reset(&r->reply->token);
        kb_buf_add(&r->reply->token, text);
        r->bad = r->bad || r->reply->token.failed;
    }
    r->name = r->name || at(r, "keyName");
    r->mac = r->mac || at(r, "mac");
    if (r->in_error && r->depth == 2 && strcmp(r->key, "message") == 0)
        snprintf(r->reply->message, sizeof(r->reply->message), KB_FMT, KB_ARG(text));
}

/* Whole numbers below a million times a million times a thousand; others are no times. */
static int64_t whole(struct kb_slice text)
{
    int64_t number = 0;
    if (text.len == 0 || text.len > 15)
        return 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return 0;
        number = number * 10 + (text.ptr[i] - '0');
    }
    return number;
}

static void on_number(struct kb_events *events, struct kb_slice text)
{
    struct reader *r = (struct reader *)events;
    if (at(r, "expires"))
        r->reply->expires_ms = whole(text);
    if (at(r, "exp"))
        r->reply->exp = whole(text);
    if (r->in_error && r->depth == 2 && strcmp(r->key, "code") == 0) {
        int64_t code = whole(text);
        r->reply->code = code < 1000000 ? (int)code : 0;
    }
}

static const struct kb_events_ops reader_ops = {.begin_object = on_begin_object,
    .end_object = on_close,
    .begin_array = on_open,
    .end_array = on_close,
    .key = on_key,
    .string = on_string,
    .number = on_number};

bool kb_token_reply_json(struct kb_token_reply *reply, struct kb_slice json, struct kb_err *err)
{
    struct reader r = {.events = {&reader_ops}, .reply = reply};
    if (!kb_json_read(json, &r.events, err) || !r.object)
        return kb_err_outage(err, "the answer is no JSON object");
    if (r.bad)
        return kb_err_outage(err, "the token is longer than %u bytes", KB_TOKEN_MAX);
    reply->request = r.name && r.mac && reply->token.len == 0;
    return true;
}

static bool has_type(const struct kb_http_reply *http, const char *type)
{
    struct kb_slice given = http->headers.content_type;
    size_t len = strlen(type);
    return given.len >= len && strncasecmp(given.ptr, type, len) == 0 &&
           (given.len == len || strchr("; \t", given.ptr[len]));
}

/* A token is one word; what a login page or a broken script gives is not. */
static bool take_text(struct kb_token_reply *reply, struct kb_slice text, struct kb_err *err)
{
    while (text.len > 0 && strchr(" \t\r\n", text.ptr[text.len - 1]))
        text.len--;
    while (text.len > 0 && strchr(" \t\r\n", *text.ptr)) {
        text.ptr++;
        text.len--;
    }
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.ptr[i] <= ' ' || (unsigned char)text.ptr[i] >= 0x7f)
            return kb_err_outage(
                err, "the answer is no token: byte %zu of it can't be in one", i + 1);
    kb_buf_add(&reply->token, text);
    return true;
}

static bool good_token(const struct kb_token_reply *reply)
{
    for (size_t i = 0; i < reply->token.len; i++)
        if ((unsigned char)reply->token.ptr[i] <= ' ' || (unsigned char)reply->token.ptr[i] >= 0x7f)
            return false;
    return reply->token.len > 0;
}

static bool refuse_status(
    struct kb_token_reply *reply, const struct kb_http_reply *http, struct kb_err *err)
{
    struct kb_err ignored;
    if (has_type(http, "application/json") && kb_token_reply_json(reply, http->body, &ignored) &&
        reply->code > 0)
        return kb_err_outage(err, "HTTP %d, Ably code %d: %s; https://help.ably.io/error/%d",
            http->status, reply->code, reply->message, reply->code);
    return kb_err_outage(err, "HTTP %d", http->status);
}

bool kb_token_reply_read(
    struct kb_token_reply *reply, const struct kb_http_reply *http, struct kb_err *err)
{
    if (http->status == 0)
        return kb_err_outage(err, "no answer from %s", http->err.text);
    if (http->status < 200 || http->status > 299)
        return refuse_status(reply, http, err);
    if (http->truncated || http->body.len > KB_TOKEN_MAX)
        return kb_err_outage(
            err, "the answer is longer than a token may be (%u bytes, RSA4f)", KB_TOKEN_MAX);
    if (has_type(http, "application/json")) {
        if (!kb_token_reply_json(reply, http->body, err))
            return false;
    } else if (has_type(http, "text/plain") || has_type(http, "application/jwt")) {
        if (!take_text(reply, http->body, err))
            return false;
    } else {
        return kb_err_outage(err,
            "the answer's content type is \"%.*s\"; expected text/plain, application/jwt or "
            "application/json",
            http->headers.content_type.len < 60 ? (int)http->headers.content_type.len : 60,
            http->headers.content_type.ptr ? http->headers.content_type.ptr : "");
    }
    return reply->request || good_token(reply) ||
           kb_err_outage(err, "the answer holds neither a token nor a token request");
}
