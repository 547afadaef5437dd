/* A BatchSpec: one message for one channel, encoded once, then only passed around by reference:
 * waiting in its lane, in a request, waiting again after a fault. How specs are packed into
 * requests never changes a byte of them, so a retry carries the same id however it is packed.
 * (group.h makes one of several, and that one is passed around in their place.)
 *
 * The encoded bytes lie in a slab shared with their neighbours (base/slab.h); a spec that must wait
 * for long is moved out to memory of its own, so that it doesn't pin its neighbours' slab.
 *
 *     kb_spec_encode(&buf, &msg);                       // buf.failed: above its maximum
 *     kb_message_within(&msg, 65536)                    // as Ably counts
 *
 * Thread: a spec is its publisher's, encoding has no state. */
#ifndef KB_ABLY_SPEC_H
#define KB_ABLY_SPEC_H

#include "base/buf.h"
#include "base/slab.h"
#include "record/message.h"

#include <stdint.h>

struct kb_spec {
    struct kb_spec *next;
    union {
        void *owner;             /* the pipeline's pending record */
        struct kb_spec *members; /* of a group: in their order, linked by `next` */
    };
    uint64_t channel; /* hash of the channel's name: its identity for order, lanes and limits */
    struct kb_slab_ref json;
    int64_t queued_ms; /* when it was given to the publisher */
    uint32_t group;    /* a group: of so many messages; 0 = it is one */
    uint32_t company;  /* rides with at most this many messages, itself counted; 0 = any number */
    uint32_t size;     /* as Ably counts; 0 = not told, and then it joins no group */
    bool moved : 1;    /* has memory of its own */
    bool refused : 1;  /* alone, in a run of refusals that was not believed */
    bool ahead : 1;    /* rides before those of its lane that were refused: goes back behind them */
    bool unknown : 1;  /* nobody knows whether Ably has it: it goes again only as it is */
    bool apart : 1;    /* a group that ends here: its messages go back one by one */
};

static inline size_t kb_spec_messages(const struct kb_spec *spec)
{
    return spec->group ? spec->group : 1;
}

/* {"channels":["c"],"messages":[{"id":…,"name":…,"clientId":…,"data":…,"encoding":…,"extras":…}]}
 * appended to `out`; what is absent or empty is left out. All as the README's chapter "Messages"
 * says, and where that is silent: a null header value is JSON null; an encoding without data is
 * left out; a header name that is not UTF-8 has each byte above 127 replaced by U+FFFD (Kafka's own
 * clients can't make such a name). */
void kb_spec_encode(struct kb_buf *out, const struct kb_message *msg);

/* The extras of a message as one JSON object; nothing where it has none. */
void kb_spec_extras(struct kb_buf *out, const struct kb_message *msg);

/* A message's size as Ably counts it (specification TM6): UTF-8 bytes of name, data (raw bytes,
 * before base64), clientId and extras as JSON. */
size_t kb_message_size(const struct kb_message *msg);

/* kb_message_size(msg) <= max, which for nearly all messages takes no counting. */
bool kb_message_within(const struct kb_message *msg, size_t max);

#endif
