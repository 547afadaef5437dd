/* The two forms of Ably's bodies, JSON and MessagePack: which one a request has, and which one its
 * answer gets.
 *
 *     struct kb_body body;
 *     if (!kb_body_of(x, &body))
 *         return;                                    // x is refused: neither form
 *     kb_body_read(body, &tokens.events, &err)
 *     ... the answer is written as JSON ...
 *     kb_body_answer(x);                             // and leaves as the client accepts it
 *
 * Thread: the server's. */
#ifndef KB_SANDBOX_BODY_H
#define KB_SANDBOX_BODY_H

#include "base/err.h"
#include "sandbox/exchange.h"
#include "value/events.h"

struct kb_body {
    struct kb_slice bytes; /* borrowed from the exchange */
    bool msgpack;
};

bool kb_body_of(struct kb_exchange *x, struct kb_body *body) KB_MUST_CHECK;
bool kb_body_read(struct kb_body body, struct kb_events *sink, struct kb_err *err) KB_MUST_CHECK;
void kb_body_answer(struct kb_exchange *x);

#endif
