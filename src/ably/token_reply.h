/* What somebody who gives tokens has answered: Ably's POST /keys/{name}/requestToken, or the user's
 * own auth_url (Ably specification RSA8c). Pure.
 *
 *     struct kb_token_reply reply;
 *     kb_token_reply_init(&reply);
 *     if (!kb_token_reply_read(&reply, &http, &err)) ...    // KB_ERR_OUTAGE: what, which, why
 *     reply.token       text/plain or application/jwt: the token; application/json: TokenDetails
 *     reply.request     else that JSON is a TokenRequest, to be exchanged as it stands
 *     kb_token_reply_deinit(&reply);
 *
 * A token is at most 128 KiB (RSA4f). Error texts hold nothing of a token. Thread: any, no state.
 */
#ifndef KB_ABLY_TOKEN_REPLY_H
#define KB_ABLY_TOKEN_REPLY_H

#include "base/buf.h"
#include "http/transport.h"

#define KB_TOKEN_MAX (128u << 10)

struct kb_token_reply {
    struct kb_buf token;
    int64_t expires_ms; /* of TokenDetails, since 1970; 0 = not said */
    int64_t exp;        /* of a JWT's claims, in seconds; 0 = not said */
    bool request;
    int code; /* of an error in Ably's form; 0 = none */
    char message[256];
};

void kb_token_reply_init(struct kb_token_reply *reply);
void kb_token_reply_deinit(struct kb_token_reply *reply);

/* The whole answer, by its status and content type. */
bool kb_token_reply_read(struct kb_token_reply *reply, const struct kb_http_reply *http,
    struct kb_err *err) KB_MUST_CHECK;
/* The members of one JSON object; false = it is none. */
bool kb_token_reply_json(
    struct kb_token_reply *reply, struct kb_slice json, struct kb_err *err) KB_MUST_CHECK;

#endif
