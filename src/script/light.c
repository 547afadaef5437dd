/* The metatable of all light userdata; see light.h. */
#include "script/light.h"

#include "script/lua_state.h"
#include "script/record_view.h"

#include <lauxlib.h>

static const char missing;

void kb_lua_push_null(lua_State *L)
{
    lua_pushlightuserdata(L, NULL);
}

bool kb_lua_is_null(lua_State *L, int index)
{
    return lua_islightuserdata(L, index) && !lua_touserdata(L, index);
}

void kb_lua_push_missing(lua_State *L)
{
    lua_pushlightuserdata(L, (void *)(uintptr_t)&missing);
}

bool kb_lua_is_missing(lua_State *L, int index)
{
    return lua_islightuserdata(L, index) && lua_touserdata(L, index) == &missing;
}

enum kb_light kb_light_kind(lua_State *L, int index)
{
    const void *light = lua_touserdata(L, index);
    if (!kb_is_handle(light))
        return KB_LIGHT_OTHER;
    uint32_t place = kb_handle_place(light);
    return place == KB_PLACE_RECORD    ? KB_LIGHT_RECORD
           : place == KB_PLACE_HEADERS ? KB_LIGHT_HEADERS
                                       : KB_LIGHT_PART;
}

static const char *part_name(lua_State *L, int index)
{
    const void *handle = lua_touserdata(L, index);
    const struct kb_node *node = kb_handle_part(kb_script_handles(L), handle).node;
    const char *kind = node->kind == KB_NODE_ARRAY ? "an array" : "an object";
    if (!node->name.ptr)
        return lua_pushfstring(L, "%s of the record", kind);
    lua_pushlstring(L, node->name.ptr, node->name.len);
    return lua_pushfstring(L, "%s of the record (%s)", kind, lua_tostring(L, -1));
}

const char *kb_light_name(lua_State *L, int index)
{
    bool live = kb_handle_is_live(kb_script_handles(L), lua_touserdata(L, index));
    switch (kb_light_kind(L, index)) {
    case KB_LIGHT_RECORD:
        return live ? "the record" : "an earlier record";
    case KB_LIGHT_HEADERS:
        return live ? "the record's headers" : "an earlier record's headers";
    case KB_LIGHT_PART:
        return live ? part_name(L, index) : "a part of an earlier record";
    case KB_LIGHT_OTHER:
        break;
    }
    return kb_lua_is_missing(L, index) ? "a missing value" : "kably.null";
}

void kb_lua_check_table(lua_State *L, int index)
{
    if (lua_islightuserdata(L, index))
        luaL_argerror(
            L, index, lua_pushfstring(L, "table expected, got %s", kb_light_name(L, index)));
    luaL_checktype(L, index, LUA_TTABLE);
}

/* ---- what can't be done ---- */

/* Of two operands the second is to blame where the first is none of ours. */
static int refuse(lua_State *L, const char *what)
{
    int blamed = lua_islightuserdata(L, 1) ? 1 : 2;
    return luaL_error(L, "attempt to %s %s", what, kb_light_name(L, blamed));
}

/* Upvalue: what it is that was tried. */
static int refuse_always(lua_State *L)
{
    return refuse(L, lua_tostring(L, lua_upvalueindex(1)));
}

static int refuse_key(lua_State *L)
{
    if (lua_type(L, 2) != LUA_TSTRING)
        return refuse(L, "index");
    return luaL_error(
        L, "attempt to index %s (for \"%s\")", kb_light_name(L, 1), lua_tostring(L, 2));
}

static void add_refusals(lua_State *L)
{
    static const struct {
        const char *metamethod, *what;
    } refusals[] = {{"__call", "call"}, {"__lt", "compare"}, {"__le", "compare"},
        {"__add", "perform arithmetic on"}, {"__sub", "perform arithmetic on"},
        {"__mul", "perform arithmetic on"}, {"__div", "perform arithmetic on"},
        {"__idiv", "perform arithmetic on"}, {"__mod", "perform arithmetic on"},
        {"__pow", "perform arithmetic on"}, {"__unm", "perform arithmetic on"},
        {"__band", "perform a bitwise operation on"}, {"__bor", "perform a bitwise operation on"},
        {"__bxor", "perform a bitwise operation on"}, {"__shl", "perform a bitwise operation on"},
        {"__shr", "perform a bitwise operation on"}, {"__bnot", "perform a bitwise operation on"}};
    for (size_t i = 0; i < KB_COUNT(refusals); i++) {
        lua_pushstring(L, refusals[i].what);
        lua_pushcclosure(L, refuse_always, 1);
        lua_setfield(L, -2, refusals[i].metamethod);
    }
}

/* ---- what can ---- */

static int on_index(lua_State *L)
{
    switch (kb_light_kind(L, 1)) {
    case KB_LIGHT_RECORD:
        return kb_record_index(L);
    case KB_LIGHT_HEADERS:
        return kb_headers_index(L);
    case KB_LIGHT_PART:
        return kb_view_index(L);
    case KB_LIGHT_OTHER:
        break;
    }
    return refuse_key(L);
}

static int on_newindex(lua_State *L)
{
    switch (kb_light_kind(L, 1)) {
    case KB_LIGHT_RECORD:
        return kb_record_newindex(L);
    case KB_LIGHT_HEADERS:
        return kb_headers_newindex(L);
    case KB_LIGHT_PART:
        return kb_view_newindex(L);
    case KB_LIGHT_OTHER:
        break;
    }
    return refuse_key(L);
}

static int on_len(lua_State *L)
{
    enum kb_light kind = kb_light_kind(L, 1);
    return kind == KB_LIGHT_PART      ? kb_view_len(L)
           : kind == KB_LIGHT_HEADERS ? kb_headers_len(L)
                                      : refuse(L, "get length of");
}

static int on_pairs(lua_State *L)
{
    enum kb_light kind = kb_light_kind(L, 1);
    return kind == KB_LIGHT_PART      ? kb_view_pairs(L)
           : kind == KB_LIGHT_HEADERS ? kb_headers_pairs(L)
                                      : refuse(L, "walk over");
}

static int on_concat(lua_State *L)
{
    if (!kb_lua_is_missing(L, 1) && !kb_lua_is_missing(L, 2))
        return refuse(L, "concatenate");
    kb_lua_push_missing(L);
    return 1;
}

static int on_tostring(lua_State *L)
{
    switch (kb_light_kind(L, 1)) {
    case KB_LIGHT_RECORD:
        return kb_record_tostring(L);
    case KB_LIGHT_PART:
        return kb_view_tostring(L);
    case KB_LIGHT_HEADERS:
        lua_pushliteral(L, "headers");
        return 1;
    case KB_LIGHT_OTHER:
        break;
    }
    lua_pushstring(L, kb_lua_is_null(L, 1) ? "null" : "missing value");
    return 1;
}

void kb_light_open(lua_State *L)
{
    static const luaL_Reg metamethods[] = {{"__index", on_index}, {"__newindex", on_newindex},
        {"__len", on_len}, {"__pairs", on_pairs}, {"__concat", on_concat},
        {"__tostring", on_tostring}, {NULL, NULL}};
    kb_lua_push_null(L);
    lua_newtable(L);
    luaL_setfuncs(L, metamethods, 0);
    add_refusals(L);
    lua_pushliteral(
        L, "part of the record, null, or a missing value"); /* "string expected, got ..." */
    lua_setfield(L, -2, "__name");
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_setmetatable(L, -2);
    lua_pop(L, 1);
}
