/* A decoder's events folded into one call, for readers that walk a body with a switch (what was
 * posted, faults, token requests).
 *
 *     static void take(struct kb_tokens *tokens, enum kb_token token, struct kb_slice text);
 *     struct reader { struct kb_tokens tokens; ... } reader;
 *     kb_tokens_init(&reader.tokens, take);
 *     kb_body_read(body, &reader.tokens.events, &err);
 *
 * `text` is the key, the string, the bytes, the number's digits, or "true"/"false"; else empty;
 * valid during the call only. Thread: the caller's. */
#ifndef KB_SANDBOX_TOKENS_H
#define KB_SANDBOX_TOKENS_H

#include "value/events.h"

enum kb_token {
    KB_TOKEN_OBJECT,
    KB_TOKEN_OBJECT_END,
    KB_TOKEN_ARRAY,
    KB_TOKEN_ARRAY_END,
    KB_TOKEN_KEY,
    KB_TOKEN_STRING,
    KB_TOKEN_BYTES, /* of MessagePack only */
    KB_TOKEN_NUMBER,
    KB_TOKEN_BOOL,
    KB_TOKEN_NULL
};

struct kb_tokens {
    struct kb_events events; /* first: this is a sink */
    void (*take)(struct kb_tokens *tokens, enum kb_token token, struct kb_slice text);
};

void kb_tokens_init(struct kb_tokens *tokens,
    void (*take)(struct kb_tokens *tokens, enum kb_token token, struct kb_slice text));

/* The way back: hands a token on to another sink, a JSON writer say. */
void kb_tokens_forward(struct kb_events *sink, enum kb_token token, struct kb_slice text);

#endif
