/* Any bytes as Ably's reply: it must be read without harm, and what comes out must be one of the
 * things a reply can say. Input: specs (1 byte), status (1 byte), flags (1 byte), the body. */
#include "ably/fates.h"
#include "ably/reply_body.h"
#include "base/compiler.h"

#include <stdint.h>

#define SPECS_MAX 8

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_result(const struct kb_result *result)
{
    KB_BUG_ON((unsigned)result->class >= KB_ABLY_CLASS_COUNT);
    KB_BUG_ON(result->class == KB_ABLY_FOREIGN); /* known of the whole reply only */
    KB_BUG_ON(result->code < 0 || result->status < 0);
    KB_BUG_ON(result->class != KB_ABLY_OK && result->code == 0 && result->status == 0);
    KB_BUG_ON(result->text.len > 512);
}

/* What the glance calls plain, the reader calls published. */
static void check_plain(struct kb_reply *reply, struct kb_slice text, size_t n)
{
    struct kb_reply_body body;
    if (!kb_reply_body_plain(text, n))
        return;
    kb_reply_body_read(reply, text, n, true, false, &body);
    KB_BUG_ON(body.unusable || body.bad || body.batch || body.n != n);
    for (size_t i = 0; i < n; i++)
        KB_BUG_ON(reply->results[i].class != KB_ABLY_OK);
}

/* Every spec has one fate, and an outage ends nothing but what the reply itself names. */
static void check_fates(const struct kb_reply *reply, size_t n)
{
    unsigned char of[SPECS_MAX];
    struct kb_gate gate;
    struct kb_fates fates = {.of = of};
    kb_gate_init(&gate);
    kb_fates_decide(&fates, reply, n, &gate);
    size_t total = 0;
    for (size_t i = 0; i < KB_FATE_COUNT; i++)
        total += fates.n[i];
    KB_BUG_ON(total != n || fates.n[KB_FATE_DROPPED] != 0);
    KB_BUG_ON(reply->verdict != KB_REPLY_RESULTS && fates.n[KB_FATE_PUBLISHED] != 0);
    KB_BUG_ON(reply->verdict == KB_REPLY_OUTAGE && fates.n[KB_FATE_AGAIN] != n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const int statuses[] = {201, 200, 400, 401, 404, 413, 429, 500, 503, 302, 204, 0};
    static const struct kb_slice types[] = {KB_S("application/json"), {NULL, 0},
        KB_S("application/json; charset=utf-8"), KB_S("text/html"), KB_S("application/x-msgpack")};
    struct kb_reply reply;
    if (size < 3 || !kb_reply_init(&reply, SPECS_MAX))
        return 0;
    size_t n = 1 + data[0] % SPECS_MAX;
    struct kb_http_reply http = {.status = statuses[data[1] % KB_COUNT(statuses)],
        .truncated = (data[2] & 4) != 0,
        .headers.content_type = types[data[2] % KB_COUNT(types)],
        .body = {(const char *)data + 3, size - 3}};
    if (data[2] & 8) { /* the body's beginning as header values too: they are foreign as well */
        struct kb_slice head = {http.body.ptr, http.body.len < 12 ? http.body.len : 12};
        http.headers.ably_error_code = http.headers.retry_after = http.headers.ably_error_message =
            head;
    }
    kb_reply_read(&reply, &http, n);
    if (reply.verdict == KB_REPLY_RESULTS) {
        KB_BUG_ON(http.truncated);
        for (size_t i = 0; i < n; i++)
            check_result(&reply.results[i]);
    } else {
        KB_BUG_ON(kb_ably_class_refuses(reply.whole.class) != (reply.verdict == KB_REPLY_REFUSED));
        KB_BUG_ON(reply.whole.class == KB_ABLY_OK);
    }
    KB_BUG_ON(reply.retry_after_ms < 0 || reply.retry_after_ms > 3600000);
    check_fates(&reply, n);
    check_plain(&reply, http.body, n);
    kb_reply_deinit(&reply);
    return 0;
}
