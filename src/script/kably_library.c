/* kably.* and cjson; see kably_library.h. */
#include "script/kably_library.h"

#include "base/log.h"
#include "metrics/named.h"
#include "script/big_number.h"
#include "script/hook_clock.h"
#include "script/lua_json.h"
#include "script/lua_library.h"
#include "script/lua_load.h"
#include "script/lua_state.h"
#include "script/view.h"
#include "value/json.h"

#include <lauxlib.h>
#include <lua-cjson.h>

#define LOG_LINES_MAX 100 /* a second */
#define CJSON_GROWTH 48   /* a table is at most so many times as large as its text */
#define ITEM_COST 60
#define LINE_COST 100

/* ---- tables ---- */

static int mark(lua_State *L, bool array)
{
    if (lua_isnoneornil(L, 1)) {
        lua_settop(L, 0);
        lua_newtable(L);
    }
    if (!lua_istable(L, 1))
        return luaL_error(L, "kably.%s: expected a table of one's own, got %s",
            array ? "array" : "object", kb_lua_what(L, 1));
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

/* ---- json ---- */

/* The C memory that reading and writing take: one for the state, for neither calls anything of the
 * user's and comes back. An error on the way leaves it to the next call, which takes it over: a
 * userdata for each call would hold megabytes that Lua's collector counts as a few bytes. */
struct json_memory {
    struct kb_arena arena;
    struct kb_buf buf;
};

#define JSON_KEPT (64 << 10) /* so much room to write in stays from call to call */

static int free_json_memory(lua_State *L)
{
    struct json_memory *memory = lua_touserdata(L, 1);
    kb_arena_deinit(&memory->arena);
    kb_buf_deinit(&memory->buf);
    return 0;
}

static void push_json_memory(lua_State *L)
{
    struct json_memory *memory = lua_newuserdatauv(L, sizeof(*memory), 0);
    kb_arena_init(&memory->arena, 0);
    kb_buf_init(&memory->buf, 0);
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, free_json_memory);
    lua_setfield(L, -2, "__gc");
    lua_setmetatable(L, -2);
}

static void empty_json_memory(struct json_memory *memory)
{
    kb_arena_reset(&memory->arena);
    kb_buf_settle(&memory->buf, JSON_KEPT);
}

/* The state's, empty, with as much room as Lua itself has. Upvalue 1. */
static struct json_memory *json_memory(lua_State *L)
{
    struct json_memory *memory = lua_touserdata(L, lua_upvalueindex(1));
    size_t room = kb_script_room(L);
    empty_json_memory(memory);
    memory->arena.max = room;
    memory->buf.max = room > memory->buf.cap ? room : memory->buf.cap;
    return memory;
}

static int json_encode(lua_State *L)
{
    luaL_checkany(L, 1);
    lua_settop(L, 1);
    struct json_memory *memory = json_memory(L);
    if (lua_isnil(L, 1))
        kb_buf_add(&memory->buf, KB_S("null"));
    else
        kb_lua_json_put(L, 1, &memory->buf);
    struct kb_slice text = kb_buf_slice(&memory->buf);
    lua_pushlstring(L, text.ptr, text.len);
    empty_json_memory(memory);
    return 1;
}

/* nil and why, where the text is no JSON. */
static int json_decode(lua_State *L)
{
    struct kb_slice text;
    struct kb_viewed viewed = {.scratch = NULL};
    struct kb_err err;
    text.ptr = luaL_checklstring(L, 1, &text.len);
    kb_script_charge(L, text.len);
    if (!kb_json_read(text, NULL, &err)) {
        lua_pushnil(L);
        lua_pushstring(L, err.text);
        return 2;
    }
    struct json_memory *memory = json_memory(L);
    if (!kb_document_init(&viewed.doc, &memory->arena, text))
        return luaL_error(L, "kably.json.decode: no memory");
    kb_view_copy_node(L, &viewed, viewed.doc.root);
    empty_json_memory(memory);
    return 1;
}

/* ---- cjson: Debian's library, with the two functions that everybody uses ---- */

/* cjson takes its memory from C, and ends the process where there is none: a value is measured
 * before it is encoded. Byte for byte it may become six times as large. */
static size_t measure(lua_State *L, int index, size_t sum, int depth)
{
    size_t len = lua_type(L, index) == LUA_TSTRING ? lua_rawlen(L, index) : 0;
    kb_script_charge(L, ITEM_COST);
    struct kb_slice digits;
    if (kb_big_number_text(L, index, &digits))
        luaL_error(L, "cjson.encode: a number with more digits than cjson writes; "
                      "kably.json.encode keeps them");
    sum += len + 32;
    if (sum > kb_script_room(L) / 6)
        luaL_error(L, "cjson.encode: too large a value");
    if (!lua_istable(L, index) || depth == KB_LUA_JSON_DEPTH)
        return sum; /* deeper than that cjson refuses it */
    luaL_checkstack(L, 4, "nested tables");
    for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1)) {
        sum += lua_type(L, -2) == LUA_TSTRING ? lua_rawlen(L, -2) : 0;
        sum = measure(L, lua_gettop(L), sum, depth + 1);
    }
    return sum;
}

/* A table of the same, raw. */
static void push_shallow_copy(lua_State *L, int index)
{
    lua_newtable(L);
    int to = lua_gettop(L);
    for (lua_pushnil(L); lua_next(L, index);) {
        kb_script_charge(L, ITEM_COST);
        lua_pushvalue(L, -2);
        lua_insert(L, -2);
        lua_rawset(L, to);
    }
}

/* Pushes the value with tables in the place of the views within; where there is none, itself. True:
 * there was one. */
static bool push_without_views(lua_State *L, int index, int depth)
{
    luaL_checkstack(L, 8, "nested tables");
    if (!lua_istable(L, index) || depth == KB_LUA_JSON_DEPTH) {
        kb_view_copy(L, index);
        return !lua_rawequal(L, -1, index);
    }
    lua_pushvalue(L, index);
    int result = lua_gettop(L);
    bool any = false;
    for (lua_pushnil(L); lua_next(L, index); lua_settop(L, result + 1)) {
        kb_script_charge(L, ITEM_COST);
        if (!push_without_views(L, result + 2, depth + 1))
            continue;
        if (!any) {
            push_shallow_copy(L, index);
            lua_replace(L, result);
            any = true;
        }
        lua_pushvalue(L, result + 1);
        lua_insert(L, -2);
        lua_rawset(L, result);
    }
    return any;
}

static int cjson_encode(lua_State *L)
{
    luaL_checkany(L, 1);
    lua_settop(L, 1);
    push_without_views(L, 1, 0);
    measure(L, 2, 0, 0);
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_pushvalue(L, 2);
    lua_call(L, 1, 1);
    return 1;
}

/* Where Lua has no memory in the middle of it, cjson loses what it took. */
static int cjson_decode(lua_State *L)
{
    size_t len;
    luaL_checklstring(L, 1, &len);
    lua_settop(L, 1);
    kb_script_charge(L, len * 10);
    if (len * CJSON_GROWTH > kb_script_room(L)) {
        lua_gc(L, LUA_GCCOLLECT);
        if (len * CJSON_GROWTH > kb_script_room(L))
            return luaL_error(
                L, "cjson.decode: a text of %d bytes may need more memory than is left", (int)len);
    }
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_call(L, 1, 1);
    return 1;
}

static void keep_wrapped(lua_State *L, const char *name, lua_CFunction wrapper)
{
    lua_getfield(L, -2, name);
    lua_pushcclosure(L, wrapper, 1);
    lua_setfield(L, -2, name);
}

/* Its other functions change its limits. */
static void open_cjson(lua_State *L)
{
    lua_pushcfunction(L, luaopen_cjson);
    lua_call(L, 0, 1);
    lua_getfield(L, -1, "encode_max_depth");
    lua_pushinteger(L, KB_LUA_JSON_DEPTH);
    lua_call(L, 1, 0);
    lua_newtable(L);
    keep_wrapped(L, "encode", cjson_encode);
    keep_wrapped(L, "decode", cjson_decode);
    kb_lua_push_null(L);
    lua_setfield(L, -2, "null");
    lua_pushliteral(L, "2.1.0");
    lua_setfield(L, -2, "_VERSION");
    lua_remove(L, -2);
    kb_script_set_library(L, "cjson");
}

/* ---- counters ---- */

static const char counter_meta;

static int counter_add(lua_State *L)
{
    struct kb_named_counter **counter = lua_touserdata(L, 1);
    lua_Integer n = luaL_optinteger(L, 2, 1);
    if (!counter || !lua_getmetatable(L, 1) ||
        lua_rawgetp(L, LUA_REGISTRYINDEX, &counter_meta) != LUA_TTABLE || !lua_rawequal(L, -1, -2))
        return luaL_error(L, "add: expected a counter, such as kably.counter(\"big\"):add()");
    if (n < 0)
        return luaL_error(L, "add: a counter only grows; %I is below 0", n);
    kb_named_add(*counter, (uint64_t)n);
    return 0;
}

static int counter(lua_State *L)
{
    struct kb_slice name;
    name.ptr = luaL_checklstring(L, 1, &name.len);
    struct kb_named_counter *found = kb_named_counter(name);
    if (!found)
        return luaL_error(L,
            "kably.counter: expected a name of at most 63 letters, digits and _.:-, and at most %d "
            "of them",
            KB_NAMED_MAX);
    *(struct kb_named_counter **)lua_newuserdatauv(L, sizeof(found), 0) = found;
    lua_rawgetp(L, LUA_REGISTRYINDEX, &counter_meta);
    lua_setmetatable(L, -2);
    return 1;
}

static void make_counter_meta(lua_State *L)
{
    static const luaL_Reg methods[] = {{"add", counter_add}, {NULL, NULL}};
    lua_newtable(L);
    luaL_newlib(L, methods);
    lua_setfield(L, -2, "__index");
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_rawsetp(L, LUA_REGISTRYINDEX, &counter_meta);
}

/* ---- the log ---- */

struct log_rate {
    int64_t second;
    unsigned lines, left_out;
};

static int64_t coarse_ms(void)
{
    return kb_hook_clock_coarse()->now_ms(kb_hook_clock_coarse());
}

/* Upvalues: the level, the rate that all levels share. */
static int log_line(lua_State *L)
{
    enum kb_log_level level = (enum kb_log_level)lua_tointeger(L, lua_upvalueindex(1));
    struct log_rate *rate = lua_touserdata(L, lua_upvalueindex(2));
    int n = lua_gettop(L);
    luaL_Buffer line;
    kb_script_charge(L, LINE_COST);
    if (!kb_log_enabled(level))
        return 0;
    int64_t second = coarse_ms() / 1000;
    if (second != rate->second) {
        if (rate->left_out > 0)
            kb_log_warn("lua", "%u lines of the functions were left out", rate->left_out);
        *rate = (struct log_rate){.second = second};
    }
    if (rate->lines == LOG_LINES_MAX) {
        rate->left_out++;
        return 0;
    }
    rate->lines++;
    luaL_buffinit(L, &line);
    for (int i = 1; i <= n; i++) {
        if (i > 1)
            luaL_addchar(&line, ' ');
        luaL_tolstring(L, i, NULL);
        kb_script_charge(L, lua_rawlen(L, -1));
        luaL_addvalue(&line);
    }
    luaL_pushresult(&line);
    kb_log(level, "lua", "%s", lua_tostring(L, -1));
    return 0;
}

/* kably.log; the global print is its `info`. */
static void push_log(lua_State *L)
{
    static const char *const names[] = {
#define X(id, name) [KB_LOG_##id] = name,
        KB_LOG_LEVELS(X)
#undef X
    };
    lua_newtable(L);
    struct log_rate *rate = lua_newuserdatauv(L, sizeof(*rate), 0);
    *rate = (struct log_rate){.second = -1};
    for (size_t i = 0; i < KB_COUNT(names); i++) {
        lua_pushinteger(L, (lua_Integer)i);
        lua_pushvalue(L, -2);
        lua_pushcclosure(L, log_line, 2);
        lua_setfield(L, -3, names[i]);
    }
    lua_pop(L, 1);
    kb_script_push_globals(L);
    lua_getfield(L, -2, names[KB_LOG_INFO]);
    lua_setfield(L, -2, "print");
    lua_pop(L, 1);
}

/* ---- caches ---- */

static const char caches_key;

static int now_ms(lua_State *L)
{
    lua_pushinteger(L, coarse_ms());
    return 1;
}

/* Leaves kably.cache on the stack. The list of caches keeps none of them alive. */
static void push_cache(lua_State *L)
{
    lua_pushcfunction(L, now_ms);
    lua_pushcfunction(L, copy);
    lua_newtable(L);
    lua_newtable(L);
    lua_pushliteral(L, "k");
    lua_setfield(L, -2, "__mode");
    lua_setmetatable(L, -2);
    lua_pushvalue(L, -1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &caches_key);
    kb_script_call_embedded(L, "cache.lua", 3);
}

void kb_script_clear_caches(lua_State *L)
{
    lua_rawgetp(L, LUA_REGISTRYINDEX, &caches_key);
    int caches = lua_gettop(L);
    for (lua_pushnil(L); lua_next(L, caches);) {
        lua_pushvalue(L, -2);
        lua_call(L, 1, 0);
    }
    lua_pop(L, 1);
}

/* ---- */

static void set_json(lua_State *L)
{
    static const luaL_Reg json[] = {{"encode", json_encode}, {"decode", json_decode}, {NULL, NULL}};
    luaL_newlibtable(L, json);
    push_json_memory(L);
    luaL_setfuncs(L, json, 1);
    kb_lua_push_null(L);
    lua_setfield(L, -2, "null");
    lua_setfield(L, -2, "json");
}

void kb_script_open_kably(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"array", array}, {"object", object}, {"copy", copy}, {"counter", counter}, {NULL, NULL}};
    kb_script_push_texts(L);
    luaL_setfuncs(L, functions, 0);
    kb_lua_push_null(L);
    lua_setfield(L, -2, "null");
    set_json(L);
    make_counter_meta(L);
    push_log(L);
    lua_setfield(L, -2, "log");
    kb_script_push_time(L);
    lua_setfield(L, -2, "time");
    push_cache(L);
    lua_setfield(L, -2, "cache");
    kb_script_set_library(L, "kably");
    open_cjson(L);
}
