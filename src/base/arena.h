/* Memory that lives as long as one record (or one batch of records): taken in pieces, given back at
 * once.
 *
 *     struct kb_arena arena;
 *     kb_arena_init(&arena, 16 << 20);
 *     char *p = kb_arena_alloc(&arena, 100);     // NULL: over the maximum or no memory
 *     kb_arena_reset(&arena);                    // everything above is gone, the memory is kept
 *     kb_arena_deinit(&arena);
 *
 * Pieces are aligned for any type; a piece of 0 bytes is a pointer too. A reset keeps a quarter of
 * a megabyte at most, so that one giant record doesn't hold its memory for ever. Thread: one at a
 * time. */
#ifndef KB_BASE_ARENA_H
#define KB_BASE_ARENA_H

#include "base/slice.h"

struct kb_arena_block;

struct kb_arena {
    struct kb_arena_block *first, *current;
    size_t used, max; /* bytes handed out since the last reset, and their ceiling */
};

void kb_arena_init(struct kb_arena *arena, size_t max);
void kb_arena_deinit(struct kb_arena *arena);
void kb_arena_reset(struct kb_arena *arena);
void *kb_arena_alloc(struct kb_arena *arena, size_t size);

/* A copy of the bytes; an absent slice stays absent. False: no memory, *out untouched. */
bool kb_arena_copy(struct kb_arena *arena, struct kb_slice from, struct kb_slice *out);

#endif
