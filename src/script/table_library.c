/* The functions of `table` that walk; see table_library.h and Lua's manual, section 6.6. */
#include "script/table_library.h"

#include "script/big_number.h"
#include "script/lua_state.h"
#include "script/view.h"

#include <lauxlib.h>
#include <limits.h>
#include <stdbool.h>

#define MOST_ELEMENTS (1 << 20)
#define MOST_SORTED (1 << 17)
#define SORTED_TEXT_MAX (4 << 20)
#define ELEMENT_COST 10
#define UNKNOWN_COST 1000 /* of a metamethod: the clock is looked at every few of them */

/* What reading or writing an element may take: a metatable may call anything. */
static size_t cost_of(lua_State *L, int index)
{
    if (!lua_getmetatable(L, index))
        return ELEMENT_COST;
    lua_pop(L, 1);
    return UNKNOWN_COST;
}

/* A table, or what serves as one: a part of a record. It has what the function needs most. */
static void check_table(lua_State *L, int index, const char *metamethod)
{
    if (lua_istable(L, index))
        return;
    if (luaL_getmetafield(L, index, metamethod) == LUA_TNIL)
        luaL_checktype(L, index, LUA_TTABLE);
    lua_pop(L, 1);
}

static void check_range(lua_State *L, const char *name, lua_Integer from, lua_Integer to)
{
    if (to >= from && (lua_Unsigned)to - (lua_Unsigned)from >= MOST_ELEMENTS)
        luaL_error(L, "table.%s: more than %d elements", name, MOST_ELEMENTS);
}

/* How many elements there are to shift or sort. */
static lua_Integer true_length(lua_State *L)
{
    check_table(L, 1, "__len");
    if (!lua_istable(L, 1))
        return luaL_len(L, 1);
    if (luaL_getmetafield(L, 1, "__len") != LUA_TNIL)
        luaL_error(L, "a table with __len is not allowed here");
    return (lua_Integer)lua_rawlen(L, 1);
}

static int table_insert(lua_State *L)
{
    lua_Integer end = true_length(L) + 1, at = end;
    int n = lua_gettop(L);
    size_t cost = cost_of(L, 1);
    if (n != 2 && n != 3)
        return luaL_error(L, "wrong number of arguments to 'insert'");
    if (n == 3) {
        at = luaL_checkinteger(L, 2);
        luaL_argcheck(L, at >= 1 && at <= end, 2, "position out of bounds");
    }
    for (lua_Integer i = end; i > at; i--) {
        lua_geti(L, 1, i - 1);
        lua_seti(L, 1, i);
        kb_script_charge(L, cost);
    }
    lua_seti(L, 1, at);
    return 0;
}

static int table_remove(lua_State *L)
{
    lua_Integer size = true_length(L), at = luaL_optinteger(L, 2, size);
    size_t cost = cost_of(L, 1);
    if (at != size)
        luaL_argcheck(L, at >= 1 && at <= size + 1, 2, "position out of bounds");
    lua_geti(L, 1, at);
    for (; at < size; at++) {
        lua_geti(L, 1, at + 1);
        lua_seti(L, 1, at);
        kb_script_charge(L, cost);
    }
    lua_pushnil(L);
    lua_seti(L, 1, at);
    return 1;
}

static void move_one(lua_State *L, lua_Integer from, int target, lua_Integer to, size_t cost)
{
    lua_geti(L, 1, from);
    lua_seti(L, target, to);
    kb_script_charge(L, cost);
}

static int table_move(lua_State *L)
{
    lua_Integer from = luaL_checkinteger(L, 2), end = luaL_checkinteger(L, 3);
    lua_Integer to = luaL_checkinteger(L, 4);
    int target = lua_isnoneornil(L, 5) ? 1 : 5;
    check_table(L, 1, "__index");
    check_table(L, target, "__newindex");
    check_range(L, "move", from, end);
    if (end >= from) {
        lua_Integer n = (lua_Integer)((lua_Unsigned)end - (lua_Unsigned)from) + 1;
        size_t cost = cost_of(L, 1) + cost_of(L, target);
        luaL_argcheck(L, to <= LUA_MAXINTEGER - n + 1, 4, "destination wrap around");
        bool overlaps = to > from && to <= end;
        if (overlaps && (target == 1 || lua_compare(L, 1, target, LUA_OPEQ)))
            for (lua_Integer i = n - 1; i >= 0; i--)
                move_one(L, from + i, target, to + i, cost);
        else
            for (lua_Integer i = 0; i < n; i++)
                move_one(L, from + i, target, to + i, cost);
    }
    lua_pushvalue(L, target);
    return 1;
}

/* Takes the element on top of the stack: a text, a number, or one with more digits than Lua's. */
static void add_element(lua_State *L, luaL_Buffer *out, lua_Integer index)
{
    struct kb_slice digits;
    if (kb_big_number_text(L, -1, &digits)) {
        lua_pushlstring(L, digits.ptr, digits.len);
        lua_remove(L, -2);
    } else if (!lua_isstring(L, -1)) {
        luaL_error(L, "invalid value (%s) at index %I in table for 'concat'",
            kb_lua_type_name(L, -1), (LUAI_UACINT)index);
    }
    luaL_addvalue(out);
}

static int table_concat(lua_State *L)
{
    size_t len;
    check_table(L, 1, "__len");
    const char *between = luaL_optlstring(L, 2, "", &len);
    lua_Integer from = luaL_optinteger(L, 3, 1);
    lua_Integer to = luaL_opt(L, luaL_checkinteger, 4, luaL_len(L, 1));
    size_t cost = cost_of(L, 1) + len;
    luaL_Buffer out;
    check_range(L, "concat", from, to);
    luaL_buffinit(L, &out);
    for (lua_Unsigned i = 0; to >= from && i <= (lua_Unsigned)to - (lua_Unsigned)from; i++) {
        if (i > 0)
            luaL_addlstring(&out, between, len);
        lua_geti(L, 1, from + (lua_Integer)i);
        add_element(L, &out, from + (lua_Integer)i);
        kb_script_charge(L, cost);
    }
    luaL_pushresult(&out);
    return 1;
}

static int table_unpack(lua_State *L)
{
    lua_Integer from = luaL_optinteger(L, 2, 1);
    lua_Integer to = luaL_opt(L, luaL_checkinteger, 3, luaL_len(L, 1));
    if (from > to)
        return 0;
    lua_Unsigned n = (lua_Unsigned)to - (lua_Unsigned)from + 1;
    size_t cost = cost_of(L, 1);
    if (n == 0 || n >= INT_MAX || !lua_checkstack(L, (int)n + 1))
        return luaL_error(L, "too many results to unpack");
    for (lua_Unsigned i = 0; i < n; i++) {
        lua_geti(L, 1, from + (lua_Integer)i);
        kb_script_charge(L, cost);
    }
    return (int)n;
}

/* ---- sort: Lua's own ---- */

/* How much text there is to compare: the same long text may stand there many times. Holes would be
 * read from the metatable, again and again. */
static size_t text_of(lua_State *L, lua_Integer n)
{
    size_t sum = 0;
    bool plain = cost_of(L, 1) == ELEMENT_COST;
    for (lua_Integer i = 1; i <= n && sum <= SORTED_TEXT_MAX; i++) {
        int type = lua_rawgeti(L, 1, i);
        if (type == LUA_TNIL && !plain)
            luaL_error(L, "table.sort: there is a hole at [%I]", (LUAI_UACINT)i);
        if (type == LUA_TSTRING)
            sum += lua_rawlen(L, -1);
        lua_pop(L, 1);
    }
    return sum;
}

/* A C function that compares, or is meant to. Upvalue: that function. */
static int compare(lua_State *L)
{
    kb_script_charge(L, UNKNOWN_COST);
    lua_settop(L, 2);
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_call(L, 2, 1);
    return 1;
}

/* Upvalue: Lua's sort. */
static int guard_sort(lua_State *L)
{
    lua_Integer n = true_length(L);
    if (n > 1 && !lua_isnoneornil(L, 2))
        luaL_checktype(L, 2, LUA_TFUNCTION);
    lua_settop(L, 2);
    if (n > MOST_SORTED)
        return luaL_error(L, "table.sort: more than %d elements", MOST_SORTED);
    if (lua_istable(L, 1) && text_of(L, n) > SORTED_TEXT_MAX)
        return luaL_error(L, "table.sort: more than %d bytes of text", SORTED_TEXT_MAX);
    kb_script_charge(L, (size_t)n * ELEMENT_COST);
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    if (lua_iscfunction(L, 3))
        lua_pushcclosure(L, compare, 1);
    lua_call(L, 2, 0);
    return 0;
}

void kb_script_open_table(lua_State *L)
{
    static const luaL_Reg functions[] = {{"insert", table_insert}, {"remove", table_remove},
        {"move", table_move}, {"concat", table_concat}, {"unpack", table_unpack}, {NULL, NULL}};
    luaL_setfuncs(L, functions, 0);
    lua_getfield(L, -1, "sort");
    lua_pushcclosure(L, guard_sort, 1);
    lua_setfield(L, -2, "sort");
}
