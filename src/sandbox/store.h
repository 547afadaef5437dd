/* What was published: each channel's latest messages, for history and for subscribers that ask for
 * what they missed.
 *
 *     struct kb_store *store = kb_store_new(1000, 64 << 20);
 *     kb_store_add(store, &msg);
 *     for (const struct kb_stored *m = kb_store_newest(store, channel); m; m = m->older)
 *         struct kb_local_message msg = kb_stored_message(m);
 *
 * Bounded twice: messages per channel, and bytes over all channels; the oldest go first. A channel
 * exists while it holds a message. Thread: one at a time; a kb_stored is valid until the next add.
 */
#ifndef KB_SANDBOX_STORE_H
#define KB_SANDBOX_STORE_H

#include "sandbox/message.h"

struct kb_store_channel;

struct kb_stored {
    struct kb_stored *older, *newer;         /* in its channel */
    struct kb_stored *all_older, *all_newer; /* over all channels */
    struct kb_store_channel *channel;
    uint64_t seq;
    int64_t timestamp_ms;
    size_t len, head_len;
    char json[];
};

struct kb_store; /* opaque */

struct kb_store *kb_store_new(
    size_t per_channel, size_t max_bytes); /* returns new, NULL = no memory */
void kb_store_free(struct kb_store *store);
void kb_store_clear(struct kb_store *store);

/* Does it keep anything? With per_channel 0 the message need not even be written as JSON. */
bool kb_store_keeps(const struct kb_store *store);
/* Copies. Out of memory means that this message is missing from the history, nothing worse. */
void kb_store_add(struct kb_store *store, const struct kb_local_message *msg);
const struct kb_stored *kb_store_newest(const struct kb_store *store, struct kb_slice channel);
const struct kb_stored *kb_store_oldest(const struct kb_store *store, struct kb_slice channel);
/* The oldest of all channels; `all_newer` leads on. */
const struct kb_stored *kb_store_first(const struct kb_store *store);
/* Borrows from the store. */
struct kb_local_message kb_stored_message(const struct kb_stored *stored);

size_t kb_store_channels(const struct kb_store *store);
size_t kb_store_messages(const struct kb_store *store);
size_t kb_store_bytes(const struct kb_store *store);

#endif
