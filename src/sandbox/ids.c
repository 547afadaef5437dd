/* See ids.h. Ring positions are counted for ever and masked; the table over it has linear
 * probing, and deletion moves later entries of the run back, so there are no tombstones. */
#include "sandbox/ids.h"

#include "base/compiler.h"
#include "base/hash.h"

#define FIRST_CAPACITY 1024

struct entry {
    uint64_t hash, check; /* 128 bits of (channel, id) */
    int64_t at_ms;
    uint64_t seq : 63, repeated : 1;
};

struct place {
    uint32_t entry; /* its slot in the ring + 1, 0 = empty */
    uint32_t tag;   /* of its hash, so that the ring is rarely looked at in vain */
};

struct kb_ids {
    int64_t window_ms;
    size_t max;
    struct entry *ring;  /* capacity entries, the oldest at `head` */
    struct place *table; /* 2 * capacity of them */
    size_t capacity;     /* a power of two, 0 at first */
    uint64_t head;
    size_t count;
    uint64_t repeated, early;
};

struct kb_ids *kb_ids_new(int64_t window_ms, size_t max)
{
    struct kb_ids *ids = calloc(1, sizeof(*ids));

    if (ids) {
        ids->window_ms = window_ms;
        ids->max = max;
    }
    return ids;
}

void kb_ids_free(struct kb_ids *ids)
{
    if (!ids)
        return;
    free(ids->ring);
    free(ids->table);
    free(ids);
}

void kb_ids_clear(struct kb_ids *ids)
{
    free(ids->ring);
    free(ids->table);
    *ids = (struct kb_ids){.window_ms = ids->window_ms, .max = ids->max};
}

static struct entry *at(const struct kb_ids *ids, size_t slot)
{
    return &ids->ring[slot & (ids->capacity - 1)];
}

static size_t table_mask(const struct kb_ids *ids)
{
    return 2 * ids->capacity - 1;
}

static uint32_t tag_of(uint64_t hash)
{
    return (uint32_t)(hash >> 32);
}

/* The table's place of this hash: its entry, or the empty place where it would go. */
static size_t find(const struct kb_ids *ids, uint64_t hash, uint64_t check)
{
    size_t place = hash & table_mask(ids);

    for (; ids->table[place].entry; place = (place + 1) & table_mask(ids)) {
        const struct entry *entry = at(ids, ids->table[place].entry - 1);
        if (ids->table[place].tag == tag_of(hash) && entry->hash == hash && entry->check == check)
            break;
    }
    return place;
}

static void forget_oldest(struct kb_ids *ids)
{
    const struct entry *oldest = at(ids, ids->head);
    size_t mask = table_mask(ids), hole = find(ids, oldest->hash, oldest->check), next = hole;

    ids->table[hole].entry = 0;
    for (;;) {
        next = (next + 1) & mask;
        if (!ids->table[next].entry)
            break;
        size_t home = at(ids, ids->table[next].entry - 1)->hash & mask;
        if (((next - home) & mask) < ((next - hole) & mask))
            continue; /* it would move before its home */
        ids->table[hole] = ids->table[next];
        ids->table[next].entry = 0;
        hole = next;
    }
    ids->head++;
    ids->count--;
}

/* Twice the room; entries keep their order, the table is built anew. */
static bool grow(struct kb_ids *ids)
{
    size_t capacity = ids->capacity ? 2 * ids->capacity : FIRST_CAPACITY;
    struct entry *ring = malloc(capacity * sizeof(*ring));
    struct place *table = calloc(2 * capacity, sizeof(*table));

    if (!ring || !table) {
        free(ring);
        free(table);
        return false;
    }
    for (size_t i = 0; i < ids->count; i++)
        ring[i] = *at(ids, ids->head + i);
    free(ids->ring);
    free(ids->table);
    ids->ring = ring;
    ids->table = table;
    ids->capacity = capacity;
    ids->head = 0;
    for (size_t i = 0; i < ids->count; i++)
        ids->table[find(ids, ring[i].hash, ring[i].check)] =
            (struct place){(uint32_t)i + 1, tag_of(ring[i].hash)};
    return true;
}

static bool make_room(struct kb_ids *ids)
{
    if (ids->count == ids->max) {
        forget_oldest(ids);
        ids->early++;
    }
    return ids->count < ids->capacity || grow(ids);
}

enum kb_ids_result kb_ids_add(
    struct kb_ids *ids, struct kb_slice channel, struct kb_slice id, int64_t now_ms, uint64_t *seq)
{
    uint64_t hash = kb_hash64(id, kb_hash64(channel, 1));
    uint64_t check = kb_hash64(id, kb_hash64(channel, 2));
    size_t place = 0;

    while (ids->count > 0 && now_ms - at(ids, ids->head)->at_ms >= ids->window_ms)
        forget_oldest(ids);
    if (ids->capacity > 0) {
        place = find(ids, hash, check);
        if (ids->table[place].entry) {
            struct entry *first = at(ids, ids->table[place].entry - 1);
            ids->repeated += !first->repeated;
            first->repeated = 1;
            *seq = first->seq;
            return KB_IDS_AGAIN;
        }
    }
    if (ids->count == ids->max || ids->count == ids->capacity) {
        if (!make_room(ids))
            return KB_IDS_NO_MEMORY;
        place = find(ids, hash, check);
    }
    size_t slot = (ids->head + ids->count++) & (ids->capacity - 1);
    ids->ring[slot] = (struct entry){hash, check, now_ms, *seq, 0};
    ids->table[place] = (struct place){(uint32_t)slot + 1, tag_of(hash)};
    return KB_IDS_NEW;
}

size_t kb_ids_count(const struct kb_ids *ids)
{
    return ids->count;
}

uint64_t kb_ids_repeated(const struct kb_ids *ids)
{
    return ids->repeated;
}

uint64_t kb_ids_early(const struct kb_ids *ids)
{
    return ids->early;
}
