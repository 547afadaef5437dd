/* Opens the safe part of Lua's library; see lua_library.h. Some functions keep their name but get a
 * guard in front: with odd arguments they would loop inside C for ages, where no clock hook can end
 * them. */
#include "script/lua_library.h"

#include "base/compiler.h"
#include "base/log.h"

#include <lauxlib.h>
#include <lualib.h>
#include <string.h>

#define MOST_REPEATS (1 << 26)

static const char *const base_kept[] = {"_G", "_VERSION", "assert", "error", "getmetatable",
    "ipairs", "next", "pairs", "pcall", "rawequal", "rawget", "rawlen", "rawset", "select",
    "setmetatable", "tonumber", "tostring", "type"};

/* Goes on with the function that the guard stands before. */
static int pass_on(lua_State *L)
{
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
    return lua_gettop(L);
}

/* Lua calls finalizers with hooks switched off. It looks for __gc only here, when the metatable is
 * set. */
static int guard_setmetatable(lua_State *L)
{
    if (lua_istable(L, 2)) {
        lua_pushliteral(L, "__gc");
        if (lua_rawget(L, 2) != LUA_TNIL)
            return luaL_error(L, "a metatable with __gc is not allowed here");
        lua_pop(L, 1);
    }
    return pass_on(L);
}

/* ("").rep("", 1 << 60) needs no memory, only centuries. */
static int guard_rep(lua_State *L)
{
    if (luaL_checkinteger(L, 2) > MOST_REPEATS)
        return luaL_error(L, "string.rep: more than %d repeats", MOST_REPEATS);
    return pass_on(L);
}

static int guard_move(lua_State *L)
{
    lua_Integer from = luaL_checkinteger(L, 2), to = luaL_checkinteger(L, 3);
    if (to >= from && (lua_Unsigned)to - (lua_Unsigned)from > MOST_REPEATS)
        return luaL_error(L, "table.move: more than %d elements", MOST_REPEATS);
    return pass_on(L);
}

/* table.insert and table.remove shift as many elements as __len says there are. */
static int guard_length(lua_State *L)
{
    if (luaL_getmetafield(L, 1, "__len") != LUA_TNIL)
        return luaL_error(L, "a table with __len is not allowed here");
    return pass_on(L);
}

/* print writes to the log, as one line. */
static int print(lua_State *L)
{
    int n = lua_gettop(L);
    luaL_Buffer line;
    luaL_buffinit(L, &line);
    for (int i = 1; i <= n; i++) {
        if (i > 1)
            luaL_addchar(&line, ' ');
        luaL_tolstring(L, i, NULL);
        luaL_addvalue(&line);
    }
    luaL_pushresult(&line);
    kb_log_info("lua", "%s", lua_tostring(L, -1));
    return 0;
}

/* Puts a guard in front of a function of the table on top of the stack. */
static void guard(lua_State *L, const char *name, lua_CFunction function)
{
    lua_getfield(L, -1, name);
    lua_pushcclosure(L, function, 1);
    lua_setfield(L, -2, name);
}

static void open_base(lua_State *L)
{
    luaL_requiref(L, LUA_GNAME, luaopen_base, 0);
    lua_newtable(L);
    for (size_t i = 0; i < KB_COUNT(base_kept); i++) {
        lua_getfield(L, -2, base_kept[i]);
        lua_setfield(L, -2, base_kept[i]);
    }
    guard(L, "setmetatable", guard_setmetatable);
    lua_pushcfunction(L, print);
    lua_setfield(L, -2, "print");
    lua_pushvalue(L, -1);
    lua_setfield(L, -2, LUA_GNAME);
    lua_rawseti(L, LUA_REGISTRYINDEX, LUA_RIDX_GLOBALS);
    lua_pop(L, 1);
}

void kb_script_open_library(lua_State *L)
{
    open_base(L);
    luaL_requiref(L, LUA_STRLIBNAME, luaopen_string, 1);
    guard(L, "rep", guard_rep);
    lua_pushnil(L);
    lua_setfield(L, -2, "dump");
    luaL_requiref(L, LUA_TABLIBNAME, luaopen_table, 1);
    guard(L, "move", guard_move);
    guard(L, "insert", guard_length);
    guard(L, "remove", guard_length);
    luaL_requiref(L, LUA_MATHLIBNAME, luaopen_math, 1);
    luaL_requiref(L, LUA_UTF8LIBNAME, luaopen_utf8, 1);
    lua_settop(L, 0);
}
