/* The body of a reply of POST /messages, read as far as it can be trusted; reply.c decides what
 * that means. Pure. Thread: its owner's.
 *
 *     struct kb_reply_body body;
 *     kb_reply_body_read(&reply, text, n_specs, good, msgpack, &body);   // fills reply.results
 *
 * Nearly every body says of every message that it was published, in the same few words:
 * kb_reply_body_plain recognises that one at the speed of a comparison, and says no to anything it
 * does not know by heart. */
#ifndef KB_ABLY_REPLY_BODY_H
#define KB_ABLY_REPLY_BODY_H

#include "ably/reply.h"

/* One result: of `results`, or in the older form of the array itself. */
struct kb_reply_entry {
    bool channel, published, error;
    int code, status;
    struct kb_slice text;
};

struct kb_reply_body {
    const char *unusable;        /* why nothing of it can be used; NULL = it was read whole */
    const char *bad;             /* the first thing in it that makes no sense, NULL = none */
    size_t n;                    /* results read */
    bool batch;                  /* they stood in the older mixed reply's batchResponse */
    struct kb_reply_entry whole; /* of the outermost object: its error, if there is one */
};

/* Fills reply->results; texts are copied to reply->texts. `good`: the status was 2xx, so a request
 * of one spec may be answered by the one object alone. `msgpack`: the text is MessagePack, not
 * JSON.
 */
void kb_reply_body_read(struct kb_reply *reply, struct kb_slice text, size_t n_specs, bool good,
    bool msgpack, struct kb_reply_body *out);

/* Is it a list of exactly n_specs results, each a plain success? False means: read it. */
bool kb_reply_body_plain(struct kb_slice body, size_t n_specs);

#endif
