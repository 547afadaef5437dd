/* MessagePack in and out, with libmpack's tokens: Ably's other form of every body.
 *
 *     if (!kb_msgpack_read(body, &tokens.events, &err))
 *         ... err.text: "byte 7: ..."
 *     kb_msgpack_write(&out, json);                  // our own JSON, as MessagePack
 *
 * Reading is as strict as for JSON: one value and nothing behind it, text is UTF-8, keys are text,
 * nesting of at most KB_JSON_DEPTH_MAX; extension types have no meaning to Ably and are refused. It
 * allocates nothing, whatever lengths the bytes announce. Binary comes as `bytes`, a whole number
 * as `integer` also where it was written as a float. Thread: any, no state. */
#ifndef KB_SANDBOX_MSGPACK_H
#define KB_SANDBOX_MSGPACK_H

#include "base/buf.h"
#include "base/err.h"
#include "value/events.h"

bool kb_msgpack_read(
    struct kb_slice bytes, struct kb_events *sink, struct kb_err *err) KB_MUST_CHECK;

/* The JSON must be right. Of a message in a list of messages, `data` whose `encoding` ends in
 * base64 goes out as binary without that step, as Ably gives it. */
void kb_msgpack_write(struct kb_buf *out, struct kb_slice json);

#endif
