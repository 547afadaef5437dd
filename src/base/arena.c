/* The arena: a list of blocks, filled one after the other; see arena.h. Blocks behind `current` are
 * empty and wait for use. A piece larger than a block gets a block of its own size. */
#include "base/arena.h"

#include "base/compiler.h"

#include <stdalign.h>
#include <stdint.h>

#define BLOCK_SIZE (16 << 10)
#define KEPT_MAX (256 << 10)

struct kb_arena_block {
    struct kb_arena_block *next;
    size_t cap, used;
    alignas(max_align_t) char data[];
};

void kb_arena_init(struct kb_arena *arena, size_t max)
{
    *arena = (struct kb_arena){.max = max};
}

void kb_arena_deinit(struct kb_arena *arena)
{
    for (struct kb_arena_block *block = arena->first; block;) {
        struct kb_arena_block *next = block->next;
        free(block);
        block = next;
    }
    kb_arena_init(arena, arena->max);
}

void kb_arena_reset(struct kb_arena *arena)
{
    size_t kept = 0;
    for (struct kb_arena_block **link = &arena->first; *link;) {
        struct kb_arena_block *block = *link;
        block->used = 0;
        if (block->cap == BLOCK_SIZE && kept + BLOCK_SIZE <= KEPT_MAX) {
            kept += BLOCK_SIZE;
            link = &block->next;
        } else {
            *link = block->next;
            free(block);
        }
    }
    arena->current = arena->first;
    arena->used = 0;
}

/* Makes `current` a block with room for `size` bytes: the next one where it is large enough, else a
 * new one. */
static bool next_block(struct kb_arena *arena, size_t size)
{
    struct kb_arena_block *current = arena->current;
    if (current && current->next && size <= current->next->cap) {
        arena->current = current->next;
        return true;
    }
    size_t cap = size > BLOCK_SIZE ? size : BLOCK_SIZE;
    struct kb_arena_block *block = malloc(sizeof(*block) + cap);
    if (!block)
        return false;
    *block = (struct kb_arena_block){.cap = cap};
    struct kb_arena_block **link = current ? &current->next : &arena->first;
    block->next = *link;
    *link = block;
    arena->current = block;
    return true;
}

void *kb_arena_alloc(struct kb_arena *arena, size_t size)
{
    size_t rounded = (size + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
    if (rounded == 0)
        rounded = alignof(max_align_t);
    if (rounded < size || rounded > arena->max - arena->used)
        return NULL;
    struct kb_arena_block *block = arena->current;
    if (!block || rounded > block->cap - block->used) {
        if (!next_block(arena, rounded))
            return NULL;
        block = arena->current;
    }
    void *piece = block->data + block->used;
    block->used += rounded;
    arena->used += rounded;
    return piece;
}

bool kb_arena_copy(struct kb_arena *arena, struct kb_slice from, struct kb_slice *out)
{
    if (!from.ptr) {
        *out = from;
        return true;
    }
    char *copy = kb_arena_alloc(arena, from.len);
    if (!copy)
        return false;
    memcpy(copy, from.ptr, from.len);
    *out = (struct kb_slice){copy, from.len};
    return true;
}
