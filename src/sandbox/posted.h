/* What a client posted: a body of BatchSpecs, or the messages of one channel, read into lists.
 *
 *     struct kb_posted posted;
 *     if (!kb_posted_read_batch(&posted, body, &x->arena))
 *         ... posted.shape: the whole request is refused, nothing was published
 *     for (struct kb_posted_spec *spec = posted.specs; spec; spec = spec->next)
 *         ... spec->refusal.code: a rule that this spec broke by itself (0: none)
 *
 * Reading comes before any publishing, as a body that is no batch must publish nothing. Everything
 * lies in the arena. Thread: the server's. */
#ifndef KB_SANDBOX_POSTED_H
#define KB_SANDBOX_POSTED_H

#include "base/arena.h"
#include "sandbox/body.h"

#define KB_POSTED_CHANNELS_MAX 100  /* different channels of one request */
#define KB_POSTED_MESSAGES_MAX 1000 /* messages of one spec */

/* A rule of Ably's that was broken; code 0 = none. */
struct kb_refusal {
    int status, code;
    struct kb_slice text;
};

enum kb_posted_data { KB_POSTED_NO_DATA, KB_POSTED_TEXT, KB_POSTED_BYTES, KB_POSTED_JSON };

struct kb_posted_message {
    struct kb_posted_message *next;
    struct kb_slice id, name, client_id, encoding; /* ptr NULL = absent */
    enum kb_posted_data kind;
    bool privileged;        /* extras.privileged is there */
    struct kb_slice data;   /* text, bytes, or the object or array as JSON */
    struct kb_slice extras; /* JSON; ptr NULL = absent */
};

struct kb_posted_channel {
    struct kb_posted_channel *next;
    struct kb_slice name;
};

struct kb_posted_spec {
    struct kb_posted_spec *next;
    struct kb_posted_channel *channels, **last_channel;
    size_t n_channels;
    struct kb_posted_message *messages, **last_message;
    size_t n_messages;
    size_t size; /* of all its messages, as Ably counts (TM6) */
    struct kb_slice
        key; /* what duplicates are told by: the id, or the common base; ptr NULL = none */
    struct kb_refusal refusal;
};

struct kb_posted {
    struct kb_posted_spec *specs, **last_spec;
    size_t n_specs;
    struct kb_refusal shape;
};

/* false: posted->shape says why. */
bool kb_posted_read_batch(struct kb_posted *posted, struct kb_body body, struct kb_arena *arena);
/* The same for the body of POST /channels/NAME/messages: a message or an array of them. */
bool kb_posted_read_messages(
    struct kb_posted *posted, struct kb_body body, struct kb_slice channel, struct kb_arena *arena);

/* The rules for a batch as a whole, which reading ends with; code 0 = none is broken. */
struct kb_refusal kb_posted_check_shape(const struct kb_posted *posted);
/* Ably's rules for a spec's messages: number, size, ids, data. Fills size, key and, where one is
 * broken and reading has not met one before, refusal. */
void kb_posted_check(struct kb_posted_spec *spec, size_t max_message_size);
/* The rules for a channel's name. */
struct kb_refusal kb_posted_check_channel(struct kb_slice name);

#endif
