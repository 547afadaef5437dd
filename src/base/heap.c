/* See heap.h. Place p has its children at 2p and 2p + 1. */
#include "base/heap.h"

bool kb_heap_reserve(struct kb_heap *heap, uint32_t room)
{
    if (room <= heap->room)
        return true;
    struct kb_heap_item **items = realloc(heap->items, room * sizeof(*items));
    if (!items)
        return false;
    heap->items = items;
    heap->room = room;
    return true;
}

void kb_heap_deinit(struct kb_heap *heap)
{
    free(heap->items);
    *heap = (struct kb_heap){0};
}

static void set(struct kb_heap *heap, uint32_t place, struct kb_heap_item *item)
{
    heap->items[place - 1] = item;
    item->place = place;
}

static int64_t key_at(const struct kb_heap *heap, uint32_t place)
{
    return heap->items[place - 1]->key;
}

/* The item is at `place`, and belongs where its key says. */
static void settle(struct kb_heap *heap, struct kb_heap_item *item, uint32_t place)
{
    for (; place > 1 && key_at(heap, place / 2) > item->key; place /= 2)
        set(heap, place, heap->items[place / 2 - 1]);
    for (uint32_t child; (child = 2 * place) <= heap->n; place = child) {
        if (child < heap->n && key_at(heap, child + 1) < key_at(heap, child))
            child++;
        if (key_at(heap, child) >= item->key)
            break;
        set(heap, place, heap->items[child - 1]);
    }
    set(heap, place, item);
}

void kb_heap_put(struct kb_heap *heap, struct kb_heap_item *item, int64_t key)
{
    if (item->place && item->key == key)
        return;
    item->key = key;
    if (!item->place) {
        KB_BUG_ON(heap->n == heap->room);
        set(heap, ++heap->n, item);
    }
    settle(heap, item, item->place);
}

void kb_heap_remove(struct kb_heap *heap, struct kb_heap_item *item)
{
    uint32_t place = item->place;
    if (!place)
        return;
    struct kb_heap_item *last = heap->items[--heap->n];
    item->place = 0;
    if (last != item)
        settle(heap, last, place);
}
