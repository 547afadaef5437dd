/* See store.h. Two lists run through the messages: by channel and over all, both by age. The oldest
 * message of all is the oldest of its channel, so whatever is dropped, it is the head of its
 * channel's list. */
#include "sandbox/store.h"

#include "base/compiler.h"
#include "base/hash.h"

#define FIRST_BUCKETS 256

struct kb_store_channel {
    struct kb_store_channel *next; /* of its bucket */
    struct kb_stored *oldest, *newest;
    size_t messages;
    uint64_t hash;
    size_t name_len;
    char name[];
};

struct kb_store {
    size_t per_channel, max_bytes;
    struct kb_store_channel **buckets;
    size_t n_buckets; /* a power of two */
    size_t channels, messages, bytes;
    struct kb_stored *oldest, *newest; /* over all channels */
};

struct kb_store *kb_store_new(size_t per_channel, size_t max_bytes)
{
    struct kb_store *store = calloc(1, sizeof(*store));

    if (!store)
        return NULL;
    store->per_channel = per_channel;
    store->max_bytes = max_bytes;
    store->n_buckets = FIRST_BUCKETS;
    store->buckets = calloc(store->n_buckets, sizeof(struct kb_store_channel *));
    if (!store->buckets) {
        free(store);
        return NULL;
    }
    return store;
}

static struct kb_store_channel **channel_place(
    const struct kb_store *store, struct kb_slice name, uint64_t hash)
{
    struct kb_store_channel **place = &store->buckets[hash & (store->n_buckets - 1)];

    while (*place && ((*place)->hash != hash ||
                         !kb_slice_eq((struct kb_slice){(*place)->name, (*place)->name_len}, name)))
        place = &(*place)->next;
    return place;
}

static void drop_channel(struct kb_store *store, struct kb_store_channel *channel)
{
    struct kb_store_channel **place = &store->buckets[channel->hash & (store->n_buckets - 1)];

    while (*place != channel)
        place = &(*place)->next;
    *place = channel->next;
    store->channels--;
    free(channel);
}

/* Takes the channel's oldest message out, and the channel with its last one. */
static void drop_oldest(struct kb_store *store, struct kb_store_channel *channel)
{
    struct kb_stored *stored = channel->oldest;

    if (stored->all_older)
        stored->all_older->all_newer = stored->all_newer;
    else
        store->oldest = stored->all_newer;
    if (stored->all_newer)
        stored->all_newer->all_older = stored->all_older;
    else
        store->newest = stored->all_older;

    channel->oldest = stored->newer;
    channel->messages--;
    store->messages--;
    store->bytes -= sizeof(*stored) + stored->len;
    if (channel->oldest)
        channel->oldest->older = NULL;
    else
        drop_channel(store, channel);
    free(stored);
}

void kb_store_clear(struct kb_store *store)
{
    while (store->oldest)
        drop_oldest(store, store->oldest->channel);
}

void kb_store_free(struct kb_store *store)
{
    if (!store)
        return;
    kb_store_clear(store);
    free(store->buckets);
    free(store);
}

/* Keeps the buckets as many as the channels; without memory they stay fuller, which is only slower.
 */
static void grow(struct kb_store *store)
{
    size_t n_buckets = 2 * store->n_buckets;
    struct kb_store_channel **buckets = calloc(n_buckets, sizeof(struct kb_store_channel *));

    if (!buckets)
        return;
    for (size_t i = 0; i < store->n_buckets; i++) {
        for (struct kb_store_channel *next, *channel = store->buckets[i]; channel; channel = next) {
            next = channel->next;
            channel->next = buckets[channel->hash & (n_buckets - 1)];
            buckets[channel->hash & (n_buckets - 1)] = channel;
        }
    }
    free(store->buckets);
    store->buckets = buckets;
    store->n_buckets = n_buckets;
}

static struct kb_store_channel *channel_for(struct kb_store *store, struct kb_slice name)
{
    uint64_t hash = kb_hash64(name, 0);
    struct kb_store_channel **place = channel_place(store, name, hash), *channel = *place;

    if (channel)
        return channel;
    channel = calloc(1, sizeof(*channel) + name.len);
    if (!channel)
        return NULL;
    memcpy(channel->name, name.ptr, name.len);
    channel->name_len = name.len;
    channel->hash = hash;
    *place = channel;
    if (++store->channels > store->n_buckets)
        grow(store);
    return channel;
}

static void append(
    struct kb_store *store, struct kb_store_channel *channel, struct kb_stored *stored)
{
    stored->channel = channel;
    stored->older = channel->newest;
    stored->newer = NULL;
    if (channel->messages == 0)
        channel->oldest = stored;
    else
        channel->newest->newer = stored;
    channel->newest = stored;

    stored->all_older = store->newest;
    stored->all_newer = NULL;
    if (store->newest)
        store->newest->all_newer = stored;
    else
        store->oldest = stored;
    store->newest = stored;

    channel->messages++;
    store->messages++;
    store->bytes += sizeof(*stored) + stored->len;
}

bool kb_store_keeps(const struct kb_store *store)
{
    return store->per_channel > 0;
}

void kb_store_add(struct kb_store *store, const struct kb_local_message *msg)
{
    struct kb_stored *stored = malloc(sizeof(*stored) + msg->json.len);
    struct kb_store_channel *channel =
        stored && store->per_channel ? channel_for(store, msg->channel) : NULL;

    if (!channel) {
        free(stored);
        return;
    }
    stored->seq = msg->seq;
    stored->timestamp_ms = msg->timestamp_ms;
    stored->len = msg->json.len;
    stored->head_len = msg->head_len;
    memcpy(stored->json, msg->json.ptr, msg->json.len);
    append(store, channel, stored);
    if (channel->messages > store->per_channel)
        drop_oldest(store, channel);
    while (store->bytes > store->max_bytes)
        drop_oldest(store, store->oldest->channel);
}

static const struct kb_store_channel *find(const struct kb_store *store, struct kb_slice name)
{
    return *channel_place(store, name, kb_hash64(name, 0));
}

const struct kb_stored *kb_store_newest(const struct kb_store *store, struct kb_slice name)
{
    const struct kb_store_channel *channel = find(store, name);

    return channel ? channel->newest : NULL;
}

const struct kb_stored *kb_store_oldest(const struct kb_store *store, struct kb_slice name)
{
    const struct kb_store_channel *channel = find(store, name);

    return channel ? channel->oldest : NULL;
}

const struct kb_stored *kb_store_first(const struct kb_store *store)
{
    return store->oldest;
}

struct kb_local_message kb_stored_message(const struct kb_stored *stored)
{
    const struct kb_store_channel *channel = stored->channel;

    return (struct kb_local_message){
        .channel = {channel->name, channel->name_len},
        .json = {stored->json, stored->len},
        .head_len = stored->head_len,
        .seq = stored->seq,
        .timestamp_ms = stored->timestamp_ms,
    };
}

size_t kb_store_channels(const struct kb_store *store)
{
    return store->channels;
}

size_t kb_store_messages(const struct kb_store *store)
{
    return store->messages;
}

size_t kb_store_bytes(const struct kb_store *store)
{
    return store->bytes;
}
