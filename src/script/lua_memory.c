/* Lua's blocks; see lua_memory.h. Called by lua_state.c. A block is small by the size that Lua says
 * it has: it has at least the bytes of its shelf, for a block that was made smaller may have more.
 */
#include "script/lua_memory.h"

#include "base/compiler.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(ptr, size) ((void)(ptr), (void)(size))
#define ASAN_UNPOISON_MEMORY_REGION(ptr, size) ((void)(ptr), (void)(size))
#endif

void kb_lua_memory_init(struct kb_lua_memory *memory, size_t max)
{
    memory->used = 0;
    memory->max = max;
    for (size_t i = 0; i < KB_LUA_SHELVES; i++)
        memory->shelves[i].n = 0;
}

void kb_lua_memory_deinit(struct kb_lua_memory *memory)
{
    for (size_t i = 0; i < KB_LUA_SHELVES; i++)
        while (memory->shelves[i].n > 0)
            free(memory->shelves[i].blocks[--memory->shelves[i].n]);
}

/* KB_LUA_SHELVES = it is not small. `size` is not 0. */
static size_t shelf_of(size_t size)
{
    size_t number = (size - 1) / KB_LUA_BLOCK_STEP;
    return number < KB_LUA_SHELVES ? number : KB_LUA_SHELVES;
}

/* What malloc is asked for. */
static size_t whole(size_t size)
{
    size_t number = shelf_of(size);
    return number < KB_LUA_SHELVES ? (number + 1) * KB_LUA_BLOCK_STEP : size;
}

static bool has_room(const struct kb_lua_memory *memory, size_t more)
{
    return more <= memory->max - memory->used;
}

void *kb_lua_memory_take(struct kb_lua_memory *memory, size_t size)
{
    size_t number = shelf_of(size);
    void *block;
    if (KB_UNLIKELY(!has_room(memory, size)))
        return NULL;
    memory->used += size;
    if (number < KB_LUA_SHELVES && memory->shelves[number].n > 0) {
        struct kb_lua_shelf *shelf = &memory->shelves[number];
        block = shelf->blocks[--shelf->n];
        ASAN_UNPOISON_MEMORY_REGION(block, whole(size));
        return block;
    }
    block = malloc(whole(size));
    if (!block)
        memory->used -= size;
    return block;
}

void kb_lua_memory_give_back(struct kb_lua_memory *memory, void *block, size_t size)
{
    size_t number = shelf_of(size);
    memory->used -= size;
    if (number < KB_LUA_SHELVES && memory->shelves[number].n < KB_LUA_SHELF_MAX) {
        struct kb_lua_shelf *shelf = &memory->shelves[number];
        shelf->blocks[shelf->n++] = block;
        ASAN_POISON_MEMORY_REGION(block, whole(size));
        return;
    }
    free(block);
}

/* The old block and the new one are both held for a moment, but only one counts. */
static void *move(struct kb_lua_memory *memory, void *block, size_t old, size_t size)
{
    memory->used -= old;
    void *moved = kb_lua_memory_take(memory, size);
    memory->used += old;
    if (!moved)
        return NULL;
    memcpy(moved, block, old);
    kb_lua_memory_give_back(memory, block, old);
    return moved;
}

/* A large block stays with malloc, which may take back what it is too large by; a small one that
 * gets smaller stays as it is. */
void *kb_lua_memory_resize(struct kb_lua_memory *memory, void *block, size_t old, size_t size)
{
    size_t from = shelf_of(old);
    if (from < KB_LUA_SHELVES && shelf_of(size) > from)
        return move(memory, block, old, size);
    if (size > old && !has_room(memory, size - old))
        return NULL;
    void *resized = from < KB_LUA_SHELVES ? block : realloc(block, whole(size));
    if (!resized && size <= old)
        resized = block;
    if (resized)
        memory->used += size - old;
    return resized;
}
