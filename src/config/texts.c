/* See texts.h. Called by tests_prepare.c. The looking is done in Lua (lua/tokens.lua, names.lua,
 * lines.lua); here is what these ask of the state, and where their findings go. */
#include "config/texts.h"

#include "script/lua_library.h"
#include "script/lua_load.h"

#include <lauxlib.h>

/* known(name) */
static int is_known(lua_State *L)
{
    lua_settop(L, 1);
    kb_script_push_globals(L);
    lua_pushvalue(L, 1);
    lua_pushboolean(L, lua_rawget(L, -2) != LUA_TNIL);
    return 1;
}

/* The source whose number is the second upvalue. */
static const struct kb_lua_source *source_of(lua_State *L, struct kb_blocks **blocks, int *number)
{
    *blocks = lua_touserdata(L, lua_upvalueindex(1));
    *number = (int)lua_tointeger(L, lua_upvalueindex(2));
    return &(*blocks)->sources[*number];
}

/* report(name, line) */
static int report_name(lua_State *L)
{
    struct kb_blocks *blocks;
    int number;
    const struct kb_lua_source *source = source_of(L, &blocks, &number);
    struct kb_file_place place = {
        .path = source->path, .file = number, .line = (int)luaL_checkinteger(L, 2)};
    kb_problem_add(blocks->problems, true, &place,
        "nothing here has the name \"%s\": it is an error when this line runs",
        luaL_checkstring(L, 1));
    return 0;
}

/* active(function) */
static int active_lines(lua_State *L)
{
    lua_Debug ar;
    lua_pushliteral(L, "return function");
    lua_pushvalue(L, 1);
    lua_concat(L, 2);
    size_t len;
    const char *text = lua_tolstring(L, -1, &len);
    if (luaL_loadbufferx(L, text, len, "=function", "t") != LUA_OK)
        return 0;
    lua_call(L, 0, 1);
    lua_getinfo(L, ">L", &ar);
    return 1;
}

/* report(first, lines) */
static int report_function(lua_State *L)
{
    struct kb_blocks *blocks;
    int number;
    const struct kb_lua_source *source = source_of(L, &blocks, &number);
    size_t n = (size_t)luaL_len(L, 2);
    struct kb_text_function *function = kb_arena_alloc(&blocks->arena, sizeof(*function));
    int *lines = kb_arena_alloc(&blocks->arena, n * sizeof(*lines));
    if (!function || !lines)
        return luaL_error(L, "no memory for the functions of %s", source->path);
    *function = (struct kb_text_function){
        .path = source->path, .first = (int)luaL_checkinteger(L, 1), .lines = lines, .n_lines = n};
    for (size_t i = 0; i < n; i++) {
        lua_rawgeti(L, 2, (lua_Integer)i + 1);
        lines[i] = (int)lua_tointeger(L, -1);
        lua_pop(L, 1);
    }
    *blocks->functions_end = function;
    blocks->functions_end = &function->next;
    return 0;
}

static void push_reporter(
    lua_State *L, struct kb_blocks *blocks, size_t source, lua_CFunction reporter)
{
    lua_pushlightuserdata(L, blocks);
    lua_pushinteger(L, (lua_Integer)source);
    lua_pushcclosure(L, reporter, 2);
}

static void look(lua_State *L, struct kb_blocks *blocks, size_t source)
{
    struct kb_slice bytes = blocks->sources[source].text;
    lua_pushlstring(L, bytes.ptr ? bytes.ptr : "", bytes.len);
    int text = lua_gettop(L), tokens = text + 1;
    lua_pushvalue(L, text);
    kb_script_call_embedded(L, "tokens.lua", 1);

    lua_pushvalue(L, tokens);
    lua_pushcfunction(L, is_known);
    push_reporter(L, blocks, source, report_name);
    kb_script_run_embedded(L, "names.lua", 3);

    lua_pushvalue(L, text);
    lua_pushvalue(L, tokens);
    lua_pushcfunction(L, active_lines);
    push_reporter(L, blocks, source, report_function);
    kb_script_run_embedded(L, "lines.lua", 4);
    lua_settop(L, text - 1);
}

void kb_texts_look(lua_State *L, struct kb_blocks *blocks)
{
    blocks->functions = NULL;
    blocks->functions_end = &blocks->functions;
    for (size_t i = 0; i < blocks->n_sources; i++)
        look(L, blocks, i);
}
