/* kably.*; see kably_library.h. */
#include "script/kably_library.h"

#include "script/lua_json.h"
#include "script/lua_library.h"
#include "script/view.h"

#include <lauxlib.h>

static int mark(lua_State *L, bool array)
{
    if (lua_isnoneornil(L, 1)) {
        lua_settop(L, 0);
        lua_newtable(L);
    }
    if (!lua_istable(L, 1))
        return luaL_error(L, "kably.%s: expected a table, got a %s", array ? "array" : "object",
            kb_lua_type_name(L, 1));
    lua_settop(L, 1);
    if (lua_getmetatable(L, 1) && !kb_lua_is_marked(L, 1))
        return luaL_error(
            L, "kably.%s: this table has a metatable of its own", array ? "array" : "object");
    lua_settop(L, 1);
    kb_lua_mark(L, array);
    return 1;
}

static int array(lua_State *L)
{
    return mark(L, true);
}

static int object(lua_State *L)
{
    return mark(L, false);
}

static int copy(lua_State *L)
{
    luaL_checkany(L, 1);
    lua_settop(L, 1);
    kb_view_copy(L, 1);
    return 1;
}

void kb_script_open_kably(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"array", array}, {"object", object}, {"copy", copy}, {NULL, NULL}};
    luaL_newlib(L, functions);
    kb_lua_push_null(L);
    lua_setfield(L, -2, "null");
    kb_script_set_library(L, "kably");
}
