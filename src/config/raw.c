/* Copies Lua values into an arena; see raw.h. Called by blocks.c for what the notes of a file hold.
 */
#include "config/raw.h"

#include "script/light.h"

#include <lauxlib.h>
#include <stdlib.h>

#define NESTING_MAX 16

const struct kb_raw *kb_raw_find(const struct kb_raw *table, struct kb_slice key)
{
    for (size_t i = 0; i < table->n_entries; i++)
        if (table->entries[i].key.ptr && kb_slice_eq(table->entries[i].key, key))
            return &table->entries[i].value;
    return NULL;
}

const struct kb_raw *kb_raw_get(const struct kb_raw *table, const char *key)
{
    return kb_raw_find(table, kb_slice_of(key));
}

void *kb_raw_memory(lua_State *L, struct kb_arena *arena, size_t size)
{
    void *memory = kb_arena_alloc(arena, size > 0 ? size : 1);
    if (!memory)
        luaL_error(L, "the blocks hold more than %d MiB", (int)(arena->max >> 20));
    return memset(memory, 0, size);
}

static struct kb_slice take_text(lua_State *L, struct kb_arena *arena, int index)
{
    size_t len;
    const char *text = lua_tolstring(L, index, &len);
    char *copy = kb_raw_memory(L, arena, len + 1);
    memcpy(copy, text, len);
    return (struct kb_slice){copy, len};
}

static int by_key(const void *left, const void *right)
{
    const struct kb_raw_entry *a = left, *b = right;
    if (!a->key.ptr || !b->key.ptr)
        return a->key.ptr ? 1 : b->key.ptr ? -1 : (a->index > b->index) - (a->index < b->index);
    size_t len = a->key.len < b->key.len ? a->key.len : b->key.len;
    int order = memcmp(a->key.ptr, b->key.ptr, len);
    return order ? order : (a->key.len > b->key.len) - (a->key.len < b->key.len);
}

/* A key as text, never by its __tostring. */
static struct kb_slice take_key(lua_State *L, struct kb_arena *arena, int index)
{
    if (lua_type(L, index) == LUA_TNUMBER || lua_type(L, index) == LUA_TSTRING)
        lua_pushvalue(L, index); /* lua_tolstring changes a number where it stands */
    else
        lua_pushstring(L, luaL_typename(L, index));
    struct kb_slice key = take_text(L, arena, -1);
    lua_pop(L, 1);
    return key;
}

/* "PATH:LINE" of a function's text. */
static struct kb_slice take_function_place(lua_State *L, struct kb_arena *arena, int index)
{
    lua_Debug ar;
    lua_pushvalue(L, index);
    lua_getinfo(L, ">S", &ar);
    if (*ar.source == '@')
        lua_pushfstring(L, "%s:%d", ar.source + 1, ar.linedefined);
    else
        lua_pushliteral(L, "Lua's library");
    struct kb_slice place = take_text(L, arena, -1);
    lua_pop(L, 1);
    return place;
}

static struct kb_raw take_value(lua_State *L, struct kb_arena *arena, int index, int depth);

static size_t count_entries(lua_State *L, int index)
{
    size_t n = 0;
    for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1))
        n++;
    return n;
}

static void take_table(
    lua_State *L, struct kb_arena *arena, int index, int depth, struct kb_raw *out)
{
    if (depth == NESTING_MAX)
        luaL_error(L, "tables are nested more than %d deep, or hold themselves", NESTING_MAX);
    luaL_checkstack(L, 8, "nested tables");
    out->n_entries = count_entries(L, index);
    out->entries = kb_raw_memory(L, arena, out->n_entries * sizeof(*out->entries));
    struct kb_raw_entry *entry = out->entries;
    for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1), entry++) {
        entry->value = take_value(L, arena, lua_gettop(L), depth + 1);
        if (lua_isinteger(L, -2))
            entry->index = lua_tointeger(L, -2);
        else
            entry->key = take_key(L, arena, -2);
    }
    if (out->n_entries > 0)
        qsort(out->entries, out->n_entries, sizeof(*out->entries), by_key);
}

static struct kb_raw take_value(lua_State *L, struct kb_arena *arena, int index, int depth)
{
    struct kb_raw raw = {.kind = KB_RAW_NIL};
    switch (lua_type(L, index)) {
    case LUA_TBOOLEAN:
        raw.kind = KB_RAW_BOOLEAN;
        raw.boolean = lua_toboolean(L, index);
        break;
    case LUA_TNUMBER:
        raw.kind = lua_isinteger(L, index) ? KB_RAW_INTEGER : KB_RAW_NUMBER;
        raw.number = lua_tonumber(L, index);
        raw.integer = lua_tointeger(L, index);
        break;
    case LUA_TSTRING:
        raw.kind = KB_RAW_TEXT;
        raw.text = take_text(L, arena, index);
        break;
    case LUA_TTABLE:
        raw.kind = KB_RAW_TABLE;
        take_table(L, arena, index, depth, &raw);
        break;
    case LUA_TFUNCTION:
        raw.kind = KB_RAW_FUNCTION;
        raw.text = take_function_place(L, arena, index);
        break;
    case LUA_TLIGHTUSERDATA:
        raw.kind = kb_lua_is_missing(L, index) ? KB_RAW_MISSING : KB_RAW_NULL;
        break;
    }
    return raw;
}

struct kb_raw kb_raw_take(lua_State *L, struct kb_arena *arena, int index)
{
    return take_value(L, arena, index, 0);
}
