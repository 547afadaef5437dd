/* The same BatchSpec in MessagePack (Ably specification RSC8c, RSL4c): text and JSON as str, binary
 * as bin without base64, the same member names.
 *
 *     struct kb_buf extras = ...;                       // scratch, reused
 *     kb_spec_encode_msgpack(&out, &msg, &extras);
 *
 * Extras are made as JSON first, by spec.c, so that both forms say the same. Thread: any, no
 * state. */
#ifndef KB_ABLY_SPEC_MSGPACK_H
#define KB_ABLY_SPEC_MSGPACK_H

#include "ably/spec.h"

void kb_spec_encode_msgpack(
    struct kb_buf *out, const struct kb_message *msg, struct kb_buf *extras);

#endif
