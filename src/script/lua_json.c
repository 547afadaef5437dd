/* Lua values as JSON text; see lua_json.h. Tables are walked raw: no metamethod of a hook runs in
 * here, so a table can't change while it is read. */
#include "script/lua_json.h"

#include "base/utf8.h"
#include "script/big_number.h"
#include "script/lua_state.h"
#include "script/view.h"
#include "value/json.h"

#include <lauxlib.h>
#include <math.h>

#define ITEM_COST 30

static const char array_mark, object_mark;

void kb_lua_mark(lua_State *L, bool array)
{
    const void *mark = array ? &array_mark : &object_mark;
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, mark) != LUA_TTABLE) {
        lua_pop(L, 1);
        lua_newtable(L);
        lua_pushboolean(L, 0);
        lua_setfield(L, -2, "__metatable");
        lua_pushvalue(L, -1);
        lua_rawsetp(L, LUA_REGISTRYINDEX, mark);
    }
    lua_setmetatable(L, -2);
}

static bool is_marked(lua_State *L, int index, const void *mark)
{
    if (!lua_getmetatable(L, index))
        return false;
    lua_rawgetp(L, LUA_REGISTRYINDEX, mark);
    bool same = lua_rawequal(L, -1, -2);
    lua_pop(L, 2);
    return same;
}

bool kb_lua_is_marked(lua_State *L, int index)
{
    return is_marked(L, index, &array_mark) || is_marked(L, index, &object_mark);
}

/* Digits with a sign, of at most 18 digits: the common case. */
static bool small_integer(struct kb_slice text, int64_t *out)
{
    const char *p = text.ptr, *end = p + text.len;
    bool minus = p < end && *p == '-';
    int64_t number = 0;
    p += minus;
    if (end - p > 18 || p == end)
        return false;
    for (; p < end; p++) {
        if (*p < '0' || *p > '9')
            return false;
        number = number * 10 + (*p - '0');
    }
    *out = minus ? -number : number;
    return !(minus && number == 0); /* -0 is a float */
}

/* A decimal of up to fifteen digits always reads back from its double. */
static bool is_short(struct kb_slice text)
{
    return text.len <= 15 && !memchr(text.ptr, 'e', text.len) && !memchr(text.ptr, 'E', text.len);
}

void kb_lua_push_number(lua_State *L, struct kb_slice text)
{
    int64_t number;
    if (small_integer(text, &number)) {
        lua_pushinteger(L, number);
        return;
    }
    if (kb_slice_is(text, "-0")) {
        lua_pushnumber(L, -0.0);
        return;
    }
    const char *digits = lua_pushlstring(L, text.ptr, text.len); /* with a NUL behind it */
    if (lua_stringtonumber(L, digits) == 0)
        lua_pushnumber(L, 0); /* no JSON number: the text was not checked */
    if (!lua_isinteger(L, -1) && !is_short(text) &&
        !kb_is_same_decimal(text, lua_tonumber(L, -1))) {
        lua_pop(L, 1);
        kb_big_number_push(L, text);
    }
    lua_remove(L, -2);
}

/* ---- writing ---- */

static int by_bytes(const void *left, const void *right)
{
    const struct kb_slice *a = left, *b = right;
    size_t len = a->len < b->len ? a->len : b->len;
    int order = len ? memcmp(a->ptr, b->ptr, len) : 0;
    return order ? order : (a->len > b->len) - (a->len < b->len);
}

static void put_string(lua_State *L, int index, struct kb_buf *out)
{
    struct kb_slice text;
    text.ptr = lua_tolstring(L, index, &text.len);
    if (!kb_utf8_valid(text))
        luaL_error(L, "a text that is not UTF-8 can't be JSON; kably.base64.encode makes it so");
    kb_script_charge(L, text.len);
    kb_json_string(out, text);
}

static void put_number(lua_State *L, int index, struct kb_buf *out)
{
    if (lua_isinteger(L, index)) {
        kb_buf_add_i64(out, lua_tointeger(L, index));
        return;
    }
    double number = lua_tonumber(L, index);
    if (!isfinite(number))
        luaL_error(L, "a number that is not finite (%f) can't be JSON", number);
    kb_json_real(out, number);
}

static void refuse_hole(lua_State *L, size_t at)
{
    luaL_error(
        L, "an array with a hole at [%I] can't be JSON; kably.null fills one", (lua_Integer)at);
}

static unsigned put(lua_State *L, int index, struct kb_buf *out, unsigned depth);

static unsigned put_array(lua_State *L, int index, size_t n, struct kb_buf *out, unsigned depth)
{
    unsigned levels = 0;
    kb_buf_byte(out, '[');
    for (size_t i = 1; i <= n; i++) {
        if (i > 1)
            kb_buf_byte(out, ',');
        if (lua_rawgeti(L, index, (lua_Integer)i) == LUA_TNIL)
            refuse_hole(L, i);
        unsigned inside = put(L, lua_gettop(L), out, depth + 1);
        levels = inside > levels ? inside : levels;
        lua_pop(L, 1);
        kb_script_charge(L, ITEM_COST);
    }
    kb_buf_byte(out, ']');
    return levels + 1;
}

/* Counts the members; every key is a text. */
static size_t count_names(lua_State *L, int index)
{
    size_t n = 0;
    for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1), n++) {
        if (lua_type(L, -2) == LUA_TNUMBER)
            luaL_error(L,
                "a table with [%s] but no [1], or with names besides, can't be JSON: an "
                "array has elements 1 to n and nothing else",
                (lua_pushvalue(L, -2), lua_tostring(L, -1)));
        if (lua_type(L, -2) != LUA_TSTRING)
            luaL_error(L, "a table with %s as a key can't be JSON", kb_lua_what(L, -2));
    }
    return n;
}

size_t kb_lua_names(
    lua_State *L, int index, struct kb_slice few[KB_LUA_NAMES_FEW], struct kb_slice **out)
{
    size_t n = count_names(L, index), i = 0;
    struct kb_slice *names = few;
    if (n > KB_LUA_NAMES_FEW)
        names = lua_newuserdatauv(L, n * sizeof(*names), 0);
    else
        lua_pushnil(L);
    for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1), i++)
        names[i].ptr = lua_tolstring(L, -2, &names[i].len); /* the table holds it */
    if (n > 1)
        qsort(names, n, sizeof(*names), by_bytes);
    kb_script_charge(L, n * ITEM_COST);
    *out = names;
    return n;
}

static unsigned put_object(lua_State *L, int index, struct kb_buf *out, unsigned depth)
{
    struct kb_slice few[KB_LUA_NAMES_FEW], *names;
    size_t n = kb_lua_names(L, index, few, &names);
    unsigned levels = 0;
    kb_buf_byte(out, '{');
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            kb_buf_byte(out, ',');
        lua_pushlstring(L, names[i].ptr, names[i].len);
        put_string(L, -1, out);
        kb_buf_byte(out, ':');
        lua_rawget(L, index);
        unsigned inside = put(L, lua_gettop(L), out, depth + 1);
        levels = inside > levels ? inside : levels;
        lua_pop(L, 1);
    }
    kb_buf_byte(out, '}');
    lua_pop(L, 1);
    return levels + 1;
}

/* Of a table with [1] that has more keys than elements in a row. */
static void refuse_keys(lua_State *L, int index, size_t n)
{
    for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1))
        if (lua_type(L, -2) != LUA_TNUMBER)
            luaL_error(L, "a table that has both elements and names can't be JSON");
    refuse_hole(L, n + 1);
}

static unsigned put_table(lua_State *L, int index, struct kb_buf *out, unsigned depth)
{
    if (depth == KB_LUA_JSON_DEPTH)
        luaL_error(L, "a table nested more than %d deep, or that holds itself, can't be JSON",
            KB_LUA_JSON_DEPTH);
    luaL_checkstack(L, 8, "nested tables");
    size_t n = lua_rawlen(L, index);
    bool object = is_marked(L, index, &object_mark);
    if (object || (n == 0 && !is_marked(L, index, &array_mark)))
        return put_object(L, index, out, depth);
    size_t keys = 0;
    for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1))
        keys++;
    if (keys > n)
        refuse_keys(L, index, n);
    return put_array(L, index, n, out, depth);
}

static unsigned put(lua_State *L, int index, struct kb_buf *out, unsigned depth)
{
    struct kb_slice digits;
    unsigned levels = 0;
    switch (lua_type(L, index)) {
    case LUA_TBOOLEAN:
        kb_buf_add(out, lua_toboolean(L, index) ? KB_S("true") : KB_S("false"));
        break;
    case LUA_TNUMBER:
        put_number(L, index, out);
        break;
    case LUA_TSTRING:
        put_string(L, index, out);
        break;
    case LUA_TTABLE:
        levels = put_table(L, index, out, depth);
        break;
    default:
        if (kb_lua_is_null(L, index))
            kb_buf_add(out, KB_S("null"));
        else if (kb_big_number_text(L, index, &digits))
            kb_buf_add(out, digits);
        else if (!kb_view_put(L, index, out, &levels))
            luaL_error(L, "%s can't be JSON", kb_lua_what(L, index));
    }
    if (out->failed)
        luaL_error(L, "a value of more than %d MiB of JSON", (int)(out->max >> 20));
    return levels;
}

unsigned kb_lua_json_put(lua_State *L, int index, struct kb_buf *out)
{
    return put(L, lua_absindex(L, index), out, 0);
}
