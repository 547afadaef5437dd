/* Any bytes as a request to the local Ably, in both forms: an answer in Ably's form must come, what
 * was accepted must come back from the history in both forms, and to whoever listens.
 * Input: flags (1 byte), the body. */
#include "sandbox/msgpack.h"
#include "sandbox/service.h"
#include "value/json.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool packed_body, packed_answer;

static const char *header(struct kb_exchange *x, const char *name)
{
    (void)x;
    if (strcmp(name, "Authorization") == 0)
        return "Basic YXBwLmtleTpzZWNyZXQ="; /* app.key:secret */
    if (strcmp(name, "X-Ably-Version") == 0)
        return "6";
    if (strcmp(name, "Content-Type") == 0)
        return packed_body ? "application/x-msgpack" : "application/json";
    return strcmp(name, "Accept") == 0 && packed_answer ? "application/x-msgpack" : NULL;
}

static const char *query(struct kb_exchange *x, const char *name)
{
    (void)x;
    if (strcmp(name, "channels") == 0)
        return "c";
    return strcmp(name, "enveloped") == 0 ? "false" : NULL;
}

static void handle(struct kb_service *service, struct kb_exchange *x, const char *method,
    const char *path, struct kb_slice body)
{
    struct kb_slice answer;
    struct kb_err err;

    kb_exchange_begin(x, kb_slice_of(method), kb_slice_of(path));
    kb_exchange_body(x, body);
    kb_service_handle(service, x);
    KB_BUG_ON(x->status != 200 && x->status != 201 && (x->status < 400 || x->status >= 500));
    answer = kb_buf_slice(&x->answer);
    if (x->stream)
        return;
    if (packed_answer && !kb_slice_starts(x->path, KB_S("/_control/")))
        KB_BUG_ON(!kb_msgpack_read(answer, NULL, &err));
    else
        KB_BUG_ON(!kb_json_read(answer, NULL, &err));
}

static void hear_all(struct kb_exchange *listener)
{
    char piece[512];

    while (listener->stream->read(listener->stream, piece, sizeof(piece)) > 0)
        ;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct kb_exchange_lookup lookup = {header, query};
    static const char *const paths[] = {
        "/messages", "/channels/c/messages", "/keys/app.key/requestToken", "/_control/faults"};
    const struct kb_service_options options = {.key = "app.key:secret", .history = 20};
    struct kb_exchange x, listener;
    struct kb_err err;

    if (size < 1)
        return 0;
    struct kb_service *service = kb_service_new(&options, &err);
    KB_BUG_ON(!service);
    kb_exchange_init(&x, &lookup);
    kb_exchange_init(&listener, &lookup);
    packed_answer = false;
    handle(service, &listener, "GET", "/sse", KB_S(""));
    packed_body = data[0] & 1;
    packed_answer = data[0] & 2;
    handle(service, &x, "POST", paths[data[0] >> 2 & 3],
        (struct kb_slice){(const char *)data + 1, size - 1});
    handle(service, &x, "POST", "/_control/faults", KB_S("[]"));
    handle(service, &x, "GET", "/channels/c/messages", KB_S(""));
    packed_answer = !packed_answer;
    handle(service, &x, "GET", "/channels/c/messages", KB_S(""));
    hear_all(&listener);
    kb_exchange_deinit(&x);
    kb_exchange_deinit(&listener);
    kb_service_free(service);
    return 0;
}
