/* The local Ably's answers as MessagePack; value/msgpack.h reads what comes in.
 *
 *     kb_msgpack_write(&out, json);                  // our own JSON, as MessagePack
 *
 * Thread: any, no state. */
#ifndef KB_SANDBOX_MSGPACK_H
#define KB_SANDBOX_MSGPACK_H

#include "base/buf.h"
#include "value/msgpack.h"

/* The JSON must be right. Of a message in a list of messages, `data` whose `encoding` ends in
 * base64 goes out as binary without that step, as Ably gives it. */
void kb_msgpack_write(struct kb_buf *out, struct kb_slice json);

#endif
