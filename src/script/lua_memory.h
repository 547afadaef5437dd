/* The memory of a Lua state: a ceiling, and the small blocks it gave back kept at hand.
 *
 *     struct kb_lua_memory memory;
 *     kb_lua_memory_init(&memory, 64 << 20);
 *     char *text = kb_lua_memory_take(&memory, 30);          // NULL: over the ceiling, or none
 *     text = kb_lua_memory_resize(&memory, text, 30, 40);
 *     kb_lua_memory_give_back(&memory, text, 40);
 *     kb_lua_memory_deinit(&memory);
 *
 * Most of what a function makes of a record is a short text, which is garbage by the next. Such
 * blocks lie on a shelf for their size until one of that size is wanted again; a full shelf gives
 * them to free(). AddressSanitizer takes a block on a shelf for freed. Thread: one at a time. */
#ifndef KB_SCRIPT_LUA_MEMORY_H
#define KB_SCRIPT_LUA_MEMORY_H

#include <stddef.h>

#define KB_LUA_BLOCK_STEP 16  /* bytes from one shelf's size to the next */
#define KB_LUA_SHELVES 8      /* blocks up to that many steps are small */
#define KB_LUA_SHELF_MAX 1024 /* blocks; all shelves together half a MiB beyond the ceiling */

struct kb_lua_shelf {
    size_t n;
    void *blocks[KB_LUA_SHELF_MAX];
};

struct kb_lua_memory {
    size_t used, max; /* bytes that Lua holds, and their ceiling */
    struct kb_lua_shelf shelves[KB_LUA_SHELVES];
};

void kb_lua_memory_init(struct kb_lua_memory *memory, size_t max);
/* All blocks must have been given back. */
void kb_lua_memory_deinit(struct kb_lua_memory *memory);

/* Whoever has a block knows its size, which is never 0. NULL: there is no more. */
void *kb_lua_memory_take(struct kb_lua_memory *memory, size_t size);
/* NULL: there is no more, and the old block is as it was. Less never fails. */
void *kb_lua_memory_resize(struct kb_lua_memory *memory, void *block, size_t old, size_t size);
void kb_lua_memory_give_back(struct kb_lua_memory *memory, void *block, size_t size);

#endif
