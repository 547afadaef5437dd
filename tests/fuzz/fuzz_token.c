/* What auth_url or Ably answers to whoever wants a token, and the claims of a JWT: the first byte
 * chooses status and content type, the rest is the body. Nothing read may lie outside the body, and
 * a token that is taken is one word. */
#include "ably/jwt.h"
#include "ably/token_reply.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const types[] = {"application/json", "text/plain", "application/jwt",
        "text/html", "application/json; charset=utf-8", ""};
    static const int statuses[] = {200, 201, 400, 401, 500, 0};
    if (size < 1 || size > 300000)
        return 0;
    char *body = malloc(size); /* of exactly that length, so that reading past its end is seen */
    KB_BUG_ON(!body);
    memcpy(body, data + 1, size - 1);
    struct kb_slice text = {body, size - 1};
    struct kb_http_reply http = {.status = statuses[data[0] / 8 % 6], .body = text};
    http.headers.content_type = kb_slice_of(types[data[0] % 8 % 6]);
    kb_err_outage(&http.err, "somewhere: timed out");
    struct kb_token_reply reply;
    struct kb_err err;
    kb_token_reply_init(&reply);
    if (kb_token_reply_read(&reply, &http, &err)) {
        KB_BUG_ON(!reply.request && reply.token.len == 0);
        KB_BUG_ON(reply.token.len > KB_TOKEN_MAX);
        for (size_t i = 0; i < reply.token.len; i++)
            KB_BUG_ON((unsigned char)reply.token.ptr[i] <= ' ');
    }
    kb_token_reply_deinit(&reply);
    KB_BUG_ON(kb_jwt_expiry_ms(text) < 0);
    free(body);
    return 0;
}
