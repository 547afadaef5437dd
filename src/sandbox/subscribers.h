/* Who listens: the open streams of server-sent events, each with a queue of what its client has not
 * read yet.
 *
 *     struct kb_subscriber *sub = kb_subscribers_add(subscribers, &subscription, now_ms);
 *     x->stream = kb_subscriber_stream(sub);                  // which frees it at its end
 *     if (kb_subscribers_listen(subscribers, channel))
 *         kb_subscribers_publish(subscribers, &msg, now_ms);
 *     next_ms = kb_subscribers_tick(subscribers, now_ms);     // keep-alives, tokens that expire
 *
 * Bounded: one that lets more than 8 MiB wait is cut, and of all together 128 MiB: the longest
 * queue is cut then. Nobody is waited for. Thread: one at a time. */
#ifndef KB_SANDBOX_SUBSCRIBERS_H
#define KB_SANDBOX_SUBSCRIBERS_H

#include "sandbox/exchange.h"
#include "sandbox/message.h"

#define KB_SUBSCRIBERS_MAX 500
#define KB_SUBSCRIBER_QUEUE_MAX ((size_t)8 << 20)
#define KB_SUBSCRIBERS_QUEUED_MAX ((size_t)128 << 20)
#define KB_SUBSCRIBER_KEEPALIVE_MS 15000
#define KB_SUBSCRIBER_NO_END INT64_MAX

struct kb_subscription {
    const struct kb_posted_channel *channels; /* copied */
    size_t n_channels;
    bool enveloped;     /* a message with its name and all; else its data alone */
    bool heartbeats;    /* as an event, not as a comment */
    int64_t expires_ms; /* its token's end; KB_SUBSCRIBER_NO_END = never */
};

struct kb_subscriber;
struct kb_subscribers; /* opaque */

/* Borrows `started`, see message.h. Returns new, NULL = no memory. */
struct kb_subscribers *kb_subscribers_new(const char *started);
void kb_subscribers_free(struct kb_subscribers *subscribers); /* after the last stream's end */

/* NULL = no memory, or there are KB_SUBSCRIBERS_MAX already. */
struct kb_subscriber *kb_subscribers_add(
    struct kb_subscribers *subscribers, const struct kb_subscription *wish, int64_t now_ms);
struct kb_stream *kb_subscriber_stream(struct kb_subscriber *sub);
/* One message of its channels, or an error event, to this one alone. */
void kb_subscriber_message(struct kb_subscriber *sub, const struct kb_local_message *msg);
void kb_subscriber_error(struct kb_subscriber *sub, int status, int code, const char *text);

bool kb_subscribers_listen(const struct kb_subscribers *subscribers, struct kb_slice channel);
void kb_subscribers_publish(
    struct kb_subscribers *subscribers, const struct kb_local_message *msg, int64_t now_ms);
/* Does what is due and says when to come again; INT64_MAX = nobody listens. */
int64_t kb_subscribers_tick(struct kb_subscribers *subscribers, int64_t now_ms);

size_t kb_subscribers_count(const struct kb_subscribers *subscribers);
uint64_t kb_subscribers_events(const struct kb_subscribers *subscribers); /* queued for anybody */
uint64_t kb_subscribers_cut(const struct kb_subscribers *subscribers);    /* for being slow */

#endif
