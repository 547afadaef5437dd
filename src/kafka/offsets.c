/* The offsets window: a ring of the offsets between the lowest open record and the newest, each
 * with one bit that says whether it has its outcome. Adding appends, finishing sets the bit and
 * moves the head over what is done, so every record costs O(1) in the long run.
 *
 * Finding an offset: offsets rise, so a record stands at most (offset - first offset) places behind
 * the head, and exactly there where the partition has no gaps. That place is tried first; only
 * behind a gap does a binary search follow. Owned and called by the worker, on its thread. */
#include "kafka/offsets.h"

enum { FIRST_CAP = 64 };

static uint64_t *slot(const struct kb_offsets *w, uint64_t index)
{
    return &w->ring[index & (w->cap - 1)];
}

static int64_t offset_at(const struct kb_offsets *w, uint64_t index)
{
    return (int64_t)(*slot(w, index) >> 1);
}

static bool done_at(const struct kb_offsets *w, uint64_t index)
{
    return *slot(w, index) & 1;
}

void kb_offsets_init(struct kb_offsets *w)
{
    *w = (struct kb_offsets){.next = -1};
}

void kb_offsets_deinit(struct kb_offsets *w)
{
    free(w->ring);
    kb_offsets_init(w);
}

/* Doubles the ring. Indexes count for ever and only their low bits name a place, so each open slot
 * moves to the place its index has in the larger ring. */
static bool grow(struct kb_offsets *w)
{
    size_t cap = w->cap ? w->cap * 2 : FIRST_CAP;
    uint64_t *ring = malloc(cap * sizeof(*ring));
    if (!ring)
        return false;
    for (uint64_t i = w->head; i < w->tail; i++)
        ring[i & (cap - 1)] = *slot(w, i);
    free(w->ring);
    w->ring = ring;
    w->cap = cap;
    return true;
}

enum kb_offset_result kb_offsets_add(struct kb_offsets *w, int64_t offset)
{
    KB_BUG_ON(offset < 0);
    if (offset < w->next)
        return KB_OFFSET_REPEAT;
    if (w->tail - w->head == w->cap && !grow(w))
        return KB_OFFSET_NO_MEMORY;
    *slot(w, w->tail) = (uint64_t)offset << 1;
    w->tail++;
    w->next = offset + 1;
    return KB_OFFSET_TAKEN;
}

/* The index of `offset`, or w->tail if the window does not hold it. */
static uint64_t find(const struct kb_offsets *w, int64_t offset)
{
    if (w->head == w->tail || offset < offset_at(w, w->head) || offset >= w->next)
        return w->tail;
    uint64_t ahead = (uint64_t)(offset - offset_at(w, w->head));
    uint64_t high = ahead < w->tail - w->head ? w->head + ahead : w->tail - 1;
    uint64_t low = w->head;
    if (offset_at(w, high) == offset)
        return high;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        if (offset_at(w, middle) < offset)
            low = middle + 1;
        else
            high = middle;
    }
    return offset_at(w, low) == offset ? low : w->tail;
}

void kb_offsets_done(struct kb_offsets *w, int64_t offset)
{
    uint64_t index = find(w, offset);
    KB_BUG_ON(index == w->tail || done_at(w, index));
    *slot(w, index) |= 1;
    while (w->head < w->tail && done_at(w, w->head))
        w->head++;
}

void kb_offsets_restart(struct kb_offsets *w, int64_t next)
{
    w->head = w->tail;
    w->next = next;
}

int64_t kb_offsets_committable(const struct kb_offsets *w)
{
    return w->head < w->tail ? offset_at(w, w->head) : w->next;
}

int64_t kb_offsets_next(const struct kb_offsets *w)
{
    return w->next;
}

size_t kb_offsets_open(const struct kb_offsets *w)
{
    return w->tail - w->head;
}
