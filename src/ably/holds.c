/* See holds.h. lanes.c and lanes_pack.c are the callers. */
#include "ably/holds.h"

#include "base/hash.h"

#define FIRST_CELLS 64

void kb_holds_deinit(struct kb_holds *holds)
{
    for (size_t i = 0; holds->cells && i <= holds->mask; i++)
        free(holds->cells[i]);
    free(holds->cells);
    kb_heap_deinit(&holds->heap);
    *holds = (struct kb_holds){0};
}

/* The cell that has it, or the empty one where it would go. */
static size_t cell_of(const struct kb_holds *holds, uint64_t channel)
{
    size_t at = kb_mix64(channel) & holds->mask;
    while (holds->cells[at] && holds->cells[at]->channel != channel)
        at = (at + 1) & holds->mask;
    return at;
}

struct kb_hold *kb_holds_find(const struct kb_holds *holds, uint64_t channel)
{
    return holds->n ? holds->cells[cell_of(holds, channel)] : NULL;
}

/* Cells and heap together, so that placing can't fail. */
static bool grow(struct kb_holds *holds)
{
    size_t size = holds->cells ? 2 * (holds->mask + 1) : FIRST_CELLS;
    struct kb_holds next = *holds;
    if (!kb_heap_reserve(&holds->heap, (uint32_t)size / 2))
        return false;
    next.heap = holds->heap;
    next.cells = calloc(size, sizeof(struct kb_hold *));
    next.mask = size - 1;
    if (!next.cells)
        return false;
    for (size_t i = 0; holds->cells && i <= holds->mask; i++)
        if (holds->cells[i])
            next.cells[cell_of(&next, holds->cells[i]->channel)] = holds->cells[i];
    free(holds->cells);
    *holds = next;
    return true;
}

struct kb_hold *kb_holds_add(struct kb_holds *holds, uint64_t channel)
{
    if (2 * (holds->n + 1) > (holds->cells ? holds->mask + 1 : 0) && !grow(holds))
        return NULL;
    struct kb_hold *hold = calloc(1, sizeof(*hold));
    if (!hold)
        return NULL;
    hold->channel = channel;
    hold->until_ms = INT64_MIN;
    holds->cells[cell_of(holds, channel)] = hold;
    holds->n++;
    return hold;
}

static void leave(struct kb_holds *holds, struct kb_hold *hold)
{
    kb_heap_remove(&holds->heap, &hold->waits);
    if (!hold->due)
        return;
    *(hold->before ? &hold->before->next : &hold->due->head) = hold->next;
    *(hold->next ? &hold->next->before : &hold->due->tail) = hold->before;
    hold->next = hold->before = NULL;
    hold->due = NULL;
}

/* Later ones of the run move up where the hole would cut them off. */
static void clear_cell(struct kb_holds *holds, size_t hole)
{
    holds->cells[hole] = NULL;
    for (size_t at = (hole + 1) & holds->mask; holds->cells[at]; at = (at + 1) & holds->mask) {
        struct kb_hold *moved = holds->cells[at];
        holds->cells[at] = NULL;
        holds->cells[cell_of(holds, moved->channel)] = moved;
    }
}

void kb_holds_remove(struct kb_holds *holds, struct kb_hold *hold)
{
    leave(holds, hold);
    clear_cell(holds, cell_of(holds, hold->channel));
    holds->n--;
    free(hold);
}

void kb_holds_place(
    struct kb_holds *holds, struct kb_hold *hold, struct kb_due *due, int64_t at_ms, int64_t now_ms)
{
    bool sends = hold->queue.head && !hold->riding;
    if (sends && at_ms <= now_ms && hold->due)
        return; /* it keeps its turn */
    if (!sends || at_ms <= now_ms || hold->due)
        leave(holds, hold);
    if (!sends)
        return;
    if (at_ms > now_ms) {
        kb_heap_put(&holds->heap, &hold->waits, at_ms);
        return;
    }
    hold->due = due;
    hold->before = due->tail;
    *(due->tail ? &due->tail->next : &due->head) = hold;
    due->tail = hold;
}

struct kb_hold *kb_holds_wake(struct kb_holds *holds, int64_t now_ms)
{
    struct kb_heap_item *first = kb_heap_first(&holds->heap);
    if (!first || first->key > now_ms)
        return NULL;
    kb_heap_remove(&holds->heap, first);
    return (struct kb_hold *)first;
}

int64_t kb_holds_due_ms(const struct kb_holds *holds)
{
    struct kb_heap_item *first = kb_heap_first(&holds->heap);
    return first ? first->key : INT64_MAX;
}
