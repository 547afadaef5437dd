/* Ably's capabilities: JSON text that says which operations a token may do on which channels.
 *
 *     {"user:*": ["publish"], "audit": ["publish", "history"]}
 *     kb_capability_allows(text, KB_S("user:7"), "publish")       // true
 *
 * A `*` in a resource stands for one segment between colons, at the end for all that are left; in
 * the operations for every one. A resource with a qualifier, such as "[meta]*", names no channel.
 * Thread: any, no state. */
#ifndef KB_SANDBOX_CAPABILITY_H
#define KB_SANDBOX_CAPABILITY_H

#include "base/arena.h"
#include "base/buf.h"

#define KB_CAPABILITY_ALL KB_S("{\"*\":[\"*\"]}")

/* Appends the text without white space, resources and operations sorted: the form that Ably gives
 * back. False: it is no capability; nothing was appended. */
bool kb_capability_canonical(
    struct kb_slice text, struct kb_arena *arena, struct kb_buf *out) KB_MUST_CHECK;

/* `text` must be canonical. */
bool kb_capability_allows(struct kb_slice text, struct kb_slice channel, const char *operation);

#endif
