/* An HTTP reply of POST /messages -> what became of each spec. Pure.
 *
 *     struct kb_reply reply;
 *     kb_reply_init(&reply, max_specs);
 *     kb_reply_read(&reply, &http, n_specs);
 *     switch (reply.verdict) {
 *     case KB_REPLY_RESULTS: reply.results[0 .. n_specs), in the order of the request's specs
 *     case KB_REPLY_REFUSED: the request as a whole, for something in it; reply.whole says what
 *     case KB_REPLY_OUTAGE:  nothing is known of any spec; reply.whole says why
 *     }
 *
 * Never a guess: a reply that is cut off, too long or too short for the request, not JSON or not of
 * Ably's documented form is an outage, so that the same ids are sent again and Ably drops those it
 * has. Texts are valid until the next read. Thread: its owner's. */
#ifndef KB_ABLY_REPLY_H
#define KB_ABLY_REPLY_H

#include "ably/classify.h"
#include "base/arena.h"
#include "http/transport.h"

enum kb_reply_verdict { KB_REPLY_RESULTS, KB_REPLY_REFUSED, KB_REPLY_OUTAGE };

struct kb_result {
    enum kb_ably_class class; /* KB_ABLY_OK: published */
    int code, status;         /* Ably's; 0 = not given */
    struct kb_slice text;     /* Ably's message */
};

struct kb_reply {
    enum kb_reply_verdict verdict;
    struct kb_result whole;    /* of REFUSED and OUTAGE */
    int retry_after_ms;        /* 0 = the reply asks for no wait */
    struct kb_result *results; /* of RESULTS */
    size_t max_specs;
    struct kb_arena texts;
};

bool kb_reply_init(struct kb_reply *reply, size_t max_specs) KB_MUST_CHECK; /* false = no memory */
void kb_reply_deinit(struct kb_reply *reply);

void kb_reply_read(struct kb_reply *reply, const struct kb_http_reply *http, size_t n_specs);

#endif
