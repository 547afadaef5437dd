/* See deliveries.h. Chunk n lies at n modulo the number of chunks; an entry never spans two. */
#include "sandbox/deliveries.h"

#include "base/compiler.h"

/* Larger than any entry can be: a request's body has at most 2 MiB. */
#define CHUNK_BYTES ((size_t)4 << 20)

struct chunk {
    size_t used, entries;
    char bytes[CHUNK_BYTES];
};

struct entry {
    uint64_t seq, request;
    uint32_t channel_len, id_len;
    bool duplicate;
};

struct kb_deliveries {
    struct chunk **chunks;
    size_t max_chunks;
    uint64_t first, end; /* chunks first .. end - 1 are there */
    uint64_t dropped;
};

struct kb_deliveries *kb_deliveries_new(size_t max_bytes)
{
    struct kb_deliveries *log = calloc(1, sizeof(*log));

    if (!log)
        return NULL;
    log->max_chunks = max_bytes / CHUNK_BYTES + 2; /* a dropped one must leave something to read */
    log->chunks = calloc(log->max_chunks, sizeof(struct chunk *));
    if (!log->chunks) {
        free(log);
        return NULL;
    }
    return log;
}

static struct chunk **place(const struct kb_deliveries *log, uint64_t number)
{
    return &log->chunks[number % log->max_chunks];
}

void kb_deliveries_clear(struct kb_deliveries *log)
{
    for (; log->first < log->end; log->first++) {
        free(*place(log, log->first));
        *place(log, log->first) = NULL;
    }
    log->dropped = 0;
}

void kb_deliveries_free(struct kb_deliveries *log)
{
    if (!log)
        return;
    kb_deliveries_clear(log);
    free(log->chunks);
    free(log);
}

/* The last chunk where it has room, else a new one, else the oldest anew. */
static struct chunk *chunk_with_room(struct kb_deliveries *log, size_t size)
{
    struct chunk *chunk = log->end > log->first ? *place(log, log->end - 1) : NULL;

    if (chunk && CHUNK_BYTES - chunk->used >= size)
        return chunk;
    if (log->end - log->first == log->max_chunks) {
        chunk = *place(log, log->first++);
        log->dropped += chunk->entries;
    } else {
        chunk = malloc(sizeof(*chunk));
    }
    if (!chunk)
        return NULL;
    chunk->used = chunk->entries = 0;
    *place(log, log->end++) = chunk;
    return chunk;
}

/* Entries stand one behind the other, unaligned: they are copied out. */
static size_t entry_size(const struct entry *entry)
{
    return sizeof(*entry) + entry->channel_len + entry->id_len;
}

void kb_deliveries_add(struct kb_deliveries *log, const struct kb_delivery *delivery)
{
    struct entry entry = {
        .seq = delivery->seq,
        .request = delivery->request,
        .channel_len = (uint32_t)delivery->channel.len,
        .id_len = (uint32_t)delivery->id.len,
        .duplicate = delivery->duplicate,
    };
    struct chunk *chunk = chunk_with_room(log, entry_size(&entry));
    char *at;

    if (!chunk) {
        log->dropped++;
        return;
    }
    at = chunk->bytes + chunk->used;
    memcpy(at, &entry, sizeof(entry));
    memcpy(at + sizeof(entry), delivery->channel.ptr, entry.channel_len);
    memcpy(at + sizeof(entry) + entry.channel_len, delivery->id.ptr, entry.id_len);
    chunk->used += entry_size(&entry);
    chunk->entries++;
}

bool kb_deliveries_next(
    const struct kb_deliveries *log, struct kb_delivery_cursor *cursor, struct kb_delivery *out)
{
    const struct chunk *chunk;
    struct entry entry;
    const char *text;

    if (cursor->chunk < log->first)
        *cursor = (struct kb_delivery_cursor){log->first, 0};
    while (cursor->chunk < log->end && cursor->offset == (*place(log, cursor->chunk))->used &&
           cursor->chunk + 1 < log->end)
        *cursor = (struct kb_delivery_cursor){cursor->chunk + 1, 0};
    if (cursor->chunk >= log->end)
        return false;
    chunk = *place(log, cursor->chunk);
    if (cursor->offset == chunk->used)
        return false;
    memcpy(&entry, chunk->bytes + cursor->offset, sizeof(entry));
    text = chunk->bytes + cursor->offset + sizeof(entry);
    cursor->offset += entry_size(&entry);
    *out = (struct kb_delivery){entry.seq, entry.request, entry.duplicate,
        {text, entry.channel_len}, {text + entry.channel_len, entry.id_len}};
    return true;
}

uint64_t kb_deliveries_dropped(const struct kb_deliveries *log)
{
    return log->dropped;
}
