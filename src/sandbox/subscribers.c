/* See subscribers.h. */
#include "sandbox/subscribers.h"

#include "base/hash.h"

#define KEEP_QUEUE ((size_t)64 << 10) /* memory an empty queue may keep */

struct kb_subscriber {
    struct kb_stream stream; /* first: the stream's functions get the subscriber back from it */
    struct kb_subscribers *all;
    struct kb_subscriber *next, **before;
    struct kb_buf queue;
    size_t read; /* of the queue */
    int64_t spoken_ms, expires_ms;
    bool enveloped, heartbeats, ended;
    size_t n_channels;
    uint64_t channels[]; /* their names' hashes */
};

struct kb_subscribers {
    const char *started;
    struct kb_subscriber *first;
    size_t n, queued; /* bytes, over all */
    int64_t due_ms;   /* when there is something to do for any; may be too early */
    uint64_t events, cut;
};

struct kb_subscribers *kb_subscribers_new(const char *started)
{
    struct kb_subscribers *subscribers = calloc(1, sizeof(*subscribers));

    if (subscribers)
        subscribers->started = started;
    return subscribers;
}

void kb_subscribers_free(struct kb_subscribers *subscribers)
{
    KB_BUG_ON(subscribers && subscribers->first);
    free(subscribers);
}

static uint64_t channel_hash(struct kb_slice name)
{
    return kb_hash64(name, 0);
}

/* --- a queue --- */

static size_t unread(const struct kb_subscriber *sub)
{
    return sub->queue.len - sub->read;
}

static void drop_queue(struct kb_subscriber *sub)
{
    sub->all->queued -= unread(sub);
    kb_buf_deinit(&sub->queue);
    kb_buf_init(&sub->queue, KB_SUBSCRIBER_QUEUE_MAX);
    sub->read = 0;
}

static void cut(struct kb_subscriber *sub)
{
    drop_queue(sub);
    sub->stream.cut = true;
    sub->all->cut++;
    if (sub->stream.wake)
        sub->stream.wake(&sub->stream);
}

static struct kb_subscriber *longest_queue(const struct kb_subscribers *all)
{
    struct kb_subscriber *longest = all->first;

    for (struct kb_subscriber *sub = all->first; sub; sub = sub->next) {
        if (unread(sub) > unread(longest))
            longest = sub;
    }
    return longest;
}

/* Around whatever is printed to the queue: what was read makes room before, the bounds are kept
 * and the server is told after. */
static struct kb_buf *begin_print(struct kb_subscriber *sub)
{
    if (sub->read > sub->queue.len / 2) {
        memmove(sub->queue.ptr, sub->queue.ptr + sub->read, unread(sub));
        sub->queue.len = unread(sub);
        sub->read = 0;
    }
    sub->all->queued -= unread(sub);
    return &sub->queue;
}

static void end_print(struct kb_subscriber *sub)
{
    sub->all->queued += unread(sub);
    if (sub->queue.failed)
        cut(sub);
    else if (sub->stream.wake)
        sub->stream.wake(&sub->stream);
    while (sub->all->queued > KB_SUBSCRIBERS_QUEUED_MAX)
        cut(longest_queue(sub->all));
}

/* --- its stream --- */

static ptrdiff_t read_queue(struct kb_stream *stream, char *to, size_t max)
{
    struct kb_subscriber *sub = (struct kb_subscriber *)stream;
    size_t n = unread(sub) < max ? unread(sub) : max;

    if (n == 0)
        return sub->ended ? KB_STREAM_END : KB_STREAM_QUIET;
    memcpy(to, sub->queue.ptr + sub->read, n);
    sub->read += n;
    sub->all->queued -= n;
    if (unread(sub) == 0 && sub->queue.cap > KEEP_QUEUE) {
        drop_queue(sub);
    } else if (unread(sub) == 0) {
        kb_buf_reset(&sub->queue);
        sub->read = 0;
    }
    return (ptrdiff_t)n;
}

static void free_subscriber(struct kb_stream *stream)
{
    struct kb_subscriber *sub = (struct kb_subscriber *)stream;

    drop_queue(sub);
    *sub->before = sub->next;
    if (sub->next)
        sub->next->before = sub->before;
    sub->all->n--;
    free(sub);
}

struct kb_subscriber *kb_subscribers_add(
    struct kb_subscribers *all, const struct kb_subscription *wish, int64_t now_ms)
{
    struct kb_subscriber *sub = NULL;

    if (all->n < KB_SUBSCRIBERS_MAX)
        sub = calloc(1, sizeof(*sub) + wish->n_channels * sizeof(sub->channels[0]));
    if (!sub)
        return NULL;
    sub->stream.read = read_queue;
    sub->stream.free = free_subscriber;
    sub->all = all;
    sub->enveloped = wish->enveloped;
    sub->heartbeats = wish->heartbeats;
    sub->spoken_ms = now_ms;
    sub->expires_ms = wish->expires_ms;
    for (const struct kb_posted_channel *ch = wish->channels; ch; ch = ch->next)
        sub->channels[sub->n_channels++] = channel_hash(ch->name);
    kb_buf_init(&sub->queue, KB_SUBSCRIBER_QUEUE_MAX);

    sub->next = all->first;
    sub->before = &all->first;
    if (all->first)
        all->first->before = &sub->next;
    all->first = sub;
    all->n++;
    all->due_ms = 0;
    return sub;
}

struct kb_stream *kb_subscriber_stream(struct kb_subscriber *sub)
{
    return &sub->stream;
}

/* --- events --- */

void kb_subscriber_message(struct kb_subscriber *sub, const struct kb_local_message *msg)
{
    struct kb_buf *out = begin_print(sub);

    if (sub->enveloped)
        kb_local_message_event(msg, sub->all->started, out);
    else
        kb_local_message_bare_event(msg, sub->all->started, out);
    sub->all->events++;
    end_print(sub);
}

void kb_subscriber_error(struct kb_subscriber *sub, int status, int code, const char *text)
{
    struct kb_buf *out = begin_print(sub);

    kb_buf_add(out, KB_S("event: error\ndata: "));
    kb_error_object(out, status, code, kb_slice_of(text));
    kb_buf_add(out, KB_S("\n\n"));
    end_print(sub);
}

static bool listens(const struct kb_subscriber *sub, uint64_t channel)
{
    for (size_t i = 0; i < sub->n_channels; i++) {
        if (sub->channels[i] == channel)
            return !sub->stream.cut && !sub->ended;
    }
    return false;
}

bool kb_subscribers_listen(const struct kb_subscribers *all, struct kb_slice channel)
{
    uint64_t hash = all->first ? channel_hash(channel) : 0;

    for (const struct kb_subscriber *sub = all->first; sub; sub = sub->next) {
        if (listens(sub, hash))
            return true;
    }
    return false;
}

void kb_subscribers_publish(
    struct kb_subscribers *all, const struct kb_local_message *msg, int64_t now_ms)
{
    uint64_t hash = channel_hash(msg->channel);

    for (struct kb_subscriber *sub = all->first; sub; sub = sub->next) {
        if (!listens(sub, hash))
            continue;
        sub->spoken_ms = now_ms;
        kb_subscriber_message(sub, msg);
    }
}

/* --- time --- */

static void keep_alive(struct kb_subscriber *sub)
{
    kb_buf_add(
        begin_print(sub), sub->heartbeats ? KB_S("event: heartbeat\n\n") : KB_S(":keepalive\n\n"));
    end_print(sub);
}

/* What is due for one; returns when there is more. */
static int64_t tick(struct kb_subscriber *sub, int64_t now_ms)
{
    if (sub->stream.cut || sub->ended)
        return INT64_MAX;
    if (now_ms >= sub->expires_ms) {
        sub->ended = true;
        kb_subscriber_error(sub, 401, 40142, "token expired");
        return INT64_MAX;
    }
    if (now_ms - sub->spoken_ms >= KB_SUBSCRIBER_KEEPALIVE_MS) {
        sub->spoken_ms = now_ms;
        keep_alive(sub);
    }
    int64_t due_ms = sub->spoken_ms + KB_SUBSCRIBER_KEEPALIVE_MS;
    return sub->expires_ms < due_ms ? sub->expires_ms : due_ms;
}

int64_t kb_subscribers_tick(struct kb_subscribers *all, int64_t now_ms)
{
    if (all->first && now_ms < all->due_ms)
        return all->due_ms;
    all->due_ms = INT64_MAX;
    for (struct kb_subscriber *sub = all->first; sub; sub = sub->next) {
        int64_t due_ms = tick(sub, now_ms);
        if (due_ms < all->due_ms)
            all->due_ms = due_ms;
    }
    return all->due_ms;
}

size_t kb_subscribers_count(const struct kb_subscribers *all)
{
    return all->n;
}

uint64_t kb_subscribers_events(const struct kb_subscribers *all)
{
    return all->events;
}

uint64_t kb_subscribers_cut(const struct kb_subscribers *all)
{
    return all->cut;
}
