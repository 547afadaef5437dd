/* A binary heap of things that are due at some time: the least key on top. The items are the
 * caller's, each embeds one and knows its place, so it can be moved and taken out from anywhere.
 *
 *     struct kb_heap heap = {0};
 *     if (!kb_heap_reserve(&heap, 256)) ...            // no memory
 *     kb_heap_put(&heap, &thing->item, due_ms);        // in, or to where its new key belongs
 *     struct kb_heap_item *first = kb_heap_first(&heap);
 *     kb_heap_remove(&heap, first);
 *     kb_heap_deinit(&heap);
 *
 * Thread: its owner's. */
#ifndef KB_BASE_HEAP_H
#define KB_BASE_HEAP_H

#include "base/compiler.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct kb_heap_item {
    int64_t key;
    uint32_t place; /* from 1; 0 = in no heap */
};

struct kb_heap {
    struct kb_heap_item **items;
    uint32_t n, room;
};

/* Room for that many; what is put in without has none to go to. */
bool kb_heap_reserve(struct kb_heap *heap, uint32_t room) KB_MUST_CHECK;
void kb_heap_deinit(struct kb_heap *heap);
void kb_heap_put(struct kb_heap *heap, struct kb_heap_item *item, int64_t key);
/* One that is not in it is fine. */
void kb_heap_remove(struct kb_heap *heap, struct kb_heap_item *item);

static inline struct kb_heap_item *kb_heap_first(const struct kb_heap *heap)
{
    return heap->n ? heap->items[0] : NULL;
}

#endif
