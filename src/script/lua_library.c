/* Opens the safe part of Lua's library; see lua_library.h. Some functions keep their name but get a
 * guard in front: with odd arguments they would loop inside C for ages, where no clock hook can end
 * them. */
#include "script/lua_library.h"

#include "base/compiler.h"
#include "script/big_number.h"
#include "script/kably_library.h"
#include "script/light.h"
#include "script/lua_state.h"
#include "script/table_library.h"
#include "script/text_library.h"
#include "script/view.h"

#include <lauxlib.h>
#include <lualib.h>
#include <string.h>

#define MOST_REPEATS (1 << 20)
#define FORMAT_MAX (64 << 10)

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
    int n = pass_on(L);
    kb_script_charge(L, lua_rawlen(L, -1));
    return n;
}

/* What reads its texts from end to end, and makes none of which the allocator would know. */
static int guard_texts(lua_State *L)
{
    for (int i = lua_gettop(L); i > 0; i--)
        if (lua_type(L, i) == LUA_TSTRING)
            kb_script_charge(L, 2 * lua_rawlen(L, i));
    return pass_on(L);
}

/* string.pack, packsize and unpack walk their format, at five nanoseconds a byte. */
static int guard_format(lua_State *L)
{
    size_t len;
    luaL_checklstring(L, 1, &len);
    if (len > FORMAT_MAX)
        return luaL_error(L, "a format of more than %d bytes is not allowed here", FORMAT_MAX);
    return guard_texts(L);
}

/* Its iterator skips what is no beginning of a character, however much that is. */
static int guard_codes(lua_State *L)
{
    int n = pass_on(L);
    lua_pushvalue(L, 1);
    lua_pushcclosure(L, guard_texts, 1);
    lua_replace(L, 1);
    return n;
}

/* A metatable's __name may be long. */
static int to_string(lua_State *L)
{
    luaL_checkany(L, 1);
    luaL_tolstring(L, 1, NULL);
    kb_script_charge(L, lua_rawlen(L, -1));
    return 1;
}

/* Puts a guard in front of a function of the table on top of the stack. What is behind it is noted
 * among the loaded libraries, where Lua looks for the name of a function that blames an argument.
 */
static void guard(lua_State *L, const char *name, lua_CFunction function)
{
    luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
    luaL_getsubtable(L, -1, "_G");
    lua_getfield(L, -3, name);
    lua_setfield(L, -2, name);
    lua_pop(L, 2);
    lua_getfield(L, -1, name);
    lua_pushcclosure(L, function, 1);
    lua_setfield(L, -2, name);
}

/* type: a view is the table that it stands for. */
static int type_of(lua_State *L)
{
    luaL_checkany(L, 1);
    lua_pushstring(L, kb_lua_type_name(L, 1));
    return 1;
}

/* next: of a view as well. */
static int next_of(lua_State *L)
{
    lua_settop(L, 2);
    int n = kb_view_next(L);
    if (n >= 0)
        return n;
    kb_lua_check_table(L, 1);
    if (lua_next(L, 1))
        return 2;
    lua_pushnil(L);
    return 1;
}

/* ---- globals ---- */

/* What the names of globals stand for lies in a table of its own, behind an empty one that every
 * text gets as its globals: so all that is written to it can be seen, and refused. */
static const char globals_key, locked_key;

void kb_script_push_globals(lua_State *L)
{
    lua_rawgetp(L, LUA_REGISTRYINDEX, &globals_key);
}

void kb_script_lock_globals(lua_State *L)
{
    lua_pushboolean(L, 1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &locked_key);
}

bool kb_script_globals_locked(lua_State *L)
{
    lua_rawgetp(L, LUA_REGISTRYINDEX, &locked_key);
    bool locked = lua_toboolean(L, -1);
    lua_pop(L, 1);
    return locked;
}

static int set_global(lua_State *L)
{
    if (kb_script_globals_locked(L))
        return luaL_error(L,
            "the global \"%s\" can't be set here: globals are read-only once the "
            "file is loaded; use a local, or kably.cache for what lasts",
            luaL_tolstring(L, 2, NULL));
    kb_script_push_globals(L);
    lua_insert(L, 2);
    lua_rawset(L, 2);
    return 0;
}

static int refuse_set(lua_State *L)
{
    return luaL_error(L, "this table is read-only");
}

/* Replaces the table on top of the stack by an empty one that reads from it. */
static void make_proxy(lua_State *L, lua_CFunction on_set)
{
    lua_newtable(L);
    lua_createtable(L, 0, 3);
    lua_pushvalue(L, -3);
    lua_setfield(L, -2, "__index");
    lua_pushcfunction(L, on_set);
    lua_setfield(L, -2, "__newindex");
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_setmetatable(L, -2);
    lua_remove(L, -2);
}

void kb_script_set_library(lua_State *L, const char *name)
{
    make_proxy(L, refuse_set);
    kb_script_push_globals(L);
    lua_insert(L, -2);
    lua_setfield(L, -2, name);
    lua_pop(L, 1);
}

/* rawset would go past a proxy's guard. */
static int guard_rawset(lua_State *L)
{
    if (luaL_getmetafield(L, 1, "__newindex") != LUA_TNIL) {
        lua_CFunction on_set = lua_tocfunction(L, -1);
        if (on_set == refuse_set || on_set == set_global)
            return luaL_error(L, "this table is read-only");
        lua_pop(L, 1);
    }
    return pass_on(L);
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
    guard(L, "rawset", guard_rawset);
    guard(L, "tonumber", guard_texts);
    guard(L, "rawequal", guard_texts);
    lua_pushcfunction(L, to_string);
    lua_setfield(L, -2, "tostring");
    lua_pushcfunction(L, next_of);
    lua_setfield(L, -2, "next");
    lua_pushcfunction(L, type_of);
    lua_setfield(L, -2, "type");
    lua_pushvalue(L, -1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &globals_key);
    lua_pushboolean(L, 0); /* the slot that locking fills: then it takes no memory */
    lua_rawsetp(L, LUA_REGISTRYINDEX, &locked_key);
    lua_pushvalue(L, -1);
    make_proxy(L, set_global);
    lua_pushvalue(L, -1);
    lua_setfield(L, -3, LUA_GNAME);
    lua_rawseti(L, LUA_REGISTRYINDEX, LUA_RIDX_GLOBALS);
    lua_pop(L, 2);
}

/* Text's own methods, ("x"):upper(), are the library's: its metatable is nobody else's business. A
 * text that is calculated with is read as a number, to its end. */
static void hide_text_metatable(lua_State *L)
{
    static const char *const operations[] = {
        "__add", "__sub", "__mul", "__mod", "__pow", "__div", "__idiv", "__unm"};
    lua_pushliteral(L, "");
    lua_getmetatable(L, -1);
    for (size_t i = 0; i < KB_COUNT(operations); i++)
        guard(L, operations[i], guard_texts);
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_pop(L, 2);
}

void kb_script_open_library(lua_State *L)
{
    open_base(L);
    luaL_requiref(L, LUA_STRLIBNAME, luaopen_string, 0);
    guard(L, "rep", guard_rep);
    guard(L, "pack", guard_format);
    guard(L, "packsize", guard_format);
    guard(L, "unpack", guard_format);
    kb_script_open_text(L);
    lua_pushnil(L);
    lua_setfield(L, -2, "dump");
    kb_script_set_library(L, LUA_STRLIBNAME);
    hide_text_metatable(L);
    luaL_requiref(L, LUA_TABLIBNAME, luaopen_table, 0);
    kb_script_open_table(L);
    kb_script_set_library(L, LUA_TABLIBNAME);
    luaL_requiref(L, LUA_MATHLIBNAME, luaopen_math, 0);
    kb_script_set_library(L, LUA_MATHLIBNAME);
    luaL_requiref(L, LUA_UTF8LIBNAME, luaopen_utf8, 0);
    guard(L, "len", guard_texts);
    guard(L, "codepoint", guard_texts);
    guard(L, "offset", guard_texts);
    guard(L, "codes", guard_codes);
    kb_script_set_library(L, LUA_UTF8LIBNAME);
    kb_light_open(L);
    kb_big_numbers_open(L);
    kb_script_open_kably(L);
    lua_settop(L, 0);
}
