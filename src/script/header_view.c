/* The view of a record's headers, and headers out of tables; see record_view.h. */
#include "script/big_number.h"
#include "script/lua_json.h"
#include "script/record_view_inside.h"

#include <lauxlib.h>

#define HEADER_COST 10
#define HEADERS_MAX 10000

static const struct kb_header *headers_of(const struct kb_viewed_record *viewed, size_t *n)
{
    *n = viewed->headers.list ? viewed->headers.n : viewed->rec->n_headers;
    return viewed->headers.list ? viewed->headers.list : viewed->rec->headers;
}

static lua_Integer order_of(const struct kb_viewed_record *viewed, size_t i)
{
    return viewed->headers.list ? viewed->headers.orders[i] : (lua_Integer)i;
}

static void reserve(
    lua_State *L, struct kb_viewed_record *viewed, struct kb_headers_edited *headers, size_t cap)
{
    if (headers->list && cap <= headers->cap)
        return;
    if (cap > HEADERS_MAX)
        luaL_error(L, "a message with more than %d headers", HEADERS_MAX);
    cap = 2 * cap + 4;
    struct kb_header *list = kb_arena_alloc(viewed->arena, cap * sizeof(*list));
    uint32_t *orders = kb_arena_alloc(viewed->arena, cap * sizeof(*orders));
    if (!list || !orders)
        kb_viewed_fail_memory(L, viewed);
    if (headers->n > 0) {
        memcpy(list, headers->list, headers->n * sizeof(*list));
        memcpy(orders, headers->orders, headers->n * sizeof(*orders));
    }
    headers->list = list;
    headers->orders = orders;
    headers->cap = cap;
}

static void append(lua_State *L, struct kb_viewed_record *viewed, struct kb_headers_edited *headers,
    struct kb_header header)
{
    size_t n = headers->n;
    reserve(L, viewed, headers, n + 1);
    headers->list[n] = header;
    headers->orders[n] = n > 0 ? headers->orders[n - 1] + 1 : 0;
    headers->n++;
}

static void append_all(lua_State *L, struct kb_viewed_record *viewed,
    struct kb_headers_edited *headers, const struct kb_header *list, size_t n)
{
    reserve(L, viewed, headers, n + 1);
    for (size_t i = 0; i < n; i++)
        append(L, viewed, headers, list[i]);
    kb_script_charge(L, n * HEADER_COST);
}

/* The record's own headers are the source's memory: the first change makes a copy. */
static void own_headers(lua_State *L, struct kb_viewed_record *viewed)
{
    if (viewed->headers.list)
        return;
    struct kb_headers_edited headers = {0};
    append_all(L, viewed, &headers, viewed->rec->headers, viewed->rec->n_headers);
    viewed->headers = headers;
}

static struct kb_slice header_value(lua_State *L, struct kb_viewed_record *viewed, int index)
{
    int type = lua_type(L, index);
    if (kb_lua_is_null(L, index))
        return (struct kb_slice){NULL, 0};
    if (type == LUA_TSTRING)
        return kb_viewed_keep(L, viewed, kb_lua_slice(L, index));
    struct kb_slice digits;
    if (kb_big_number_text(L, index, &digits))
        return kb_viewed_keep(L, viewed, digits);
    if (type != LUA_TNUMBER && type != LUA_TBOOLEAN)
        luaL_error(L, "a header's value is a text, a number, a boolean or kably.null, not %s",
            kb_lua_what(L, index));
    kb_buf_reset(viewed->scratch);
    kb_lua_json_put(L, index, viewed->scratch);
    return kb_viewed_keep(L, viewed, kb_buf_slice(viewed->scratch));
}

static void add_header(lua_State *L, struct kb_viewed_record *viewed,
    struct kb_headers_edited *headers, struct kb_slice name, int index)
{
    struct kb_slice value = header_value(L, viewed, index);
    append(L, viewed, headers, (struct kb_header){name, value});
}

static void remove_named(struct kb_headers_edited *headers, struct kb_slice name)
{
    size_t kept = 0;
    for (size_t i = 0; i < headers->n; i++) {
        if (kb_slice_eq(headers->list[i].name, name))
            continue;
        headers->list[kept] = headers->list[i];
        headers->orders[kept++] = headers->orders[i];
    }
    headers->n = kept;
}

/* Where there is one of that name the value changes in its place. */
void kb_headers_set(lua_State *L, struct kb_viewed_record *viewed,
    struct kb_headers_edited *headers, struct kb_slice name, int index)
{
    kb_script_charge(L, headers->n * HEADER_COST);
    size_t count = 0, place = 0;
    for (size_t i = 0; i < headers->n; i++)
        if (kb_slice_eq(headers->list[i].name, name)) {
            count++;
            place = i;
        }
    bool list = lua_istable(L, index);
    if (count == 1 && !list && !lua_isnil(L, index)) {
        headers->list[place].value = header_value(L, viewed, index);
        return;
    }
    struct kb_slice kept = kb_viewed_keep(L, viewed, name);
    remove_named(headers, name);
    if (list) {
        size_t n = lua_rawlen(L, index);
        for (size_t i = 1; i <= n; i++) {
            lua_rawgeti(L, index, (lua_Integer)i);
            add_header(L, viewed, headers, kept, lua_gettop(L));
            lua_pop(L, 1);
        }
    } else if (!lua_isnil(L, index)) {
        add_header(L, viewed, headers, kept, index);
    }
}

static void push_header_value(lua_State *L, const struct kb_header *header)
{
    if (header->value.ptr)
        lua_pushlstring(L, header->value.ptr, header->value.len);
    else
        kb_lua_push_null(L);
}

int kb_headers_index(lua_State *L)
{
    struct kb_viewed_record *viewed = kb_viewed_self(L, 1);
    size_t n;
    const struct kb_header *list = headers_of(viewed, &n);
    kb_script_charge(L, n * HEADER_COST);
    if (lua_type(L, 2) == LUA_TNUMBER) {
        lua_Integer i = lua_tointeger(L, 2);
        if (i < 1 || (size_t)i > n)
            return 0;
        lua_createtable(L, 0, 2);
        lua_pushlstring(L, list[i - 1].name.ptr, list[i - 1].name.len);
        lua_setfield(L, -2, "name");
        push_header_value(L, &list[i - 1]);
        lua_setfield(L, -2, "value");
        return 1;
    }
    if (lua_type(L, 2) != LUA_TSTRING)
        return 0;
    struct kb_slice name = kb_lua_slice(L, 2);
    for (size_t i = n; i-- > 0;)
        if (kb_slice_eq(list[i].name, name)) {
            push_header_value(L, &list[i]);
            return 1;
        }
    return 0;
}

/* The table at `index` as a header. */
static struct kb_header to_header(
    lua_State *L, struct kb_viewed_record *viewed, int index, lua_Integer i)
{
    if (!lua_istable(L, index))
        luaL_error(
            L, "headers[%I]: expected { name = , value = }, got %s", i, kb_lua_what(L, index));
    lua_pushliteral(L, "name");
    if (lua_rawget(L, index) != LUA_TSTRING)
        luaL_error(L, "headers[%I]: its name is not a text", i);
    struct kb_slice name = kb_viewed_keep(L, viewed, kb_lua_slice(L, -1));
    lua_pushliteral(L, "value");
    lua_rawget(L, index);
    struct kb_header header = {name, header_value(L, viewed, lua_gettop(L))};
    lua_pop(L, 2);
    return header;
}

static void take_table(
    lua_State *L, struct kb_viewed_record *viewed, struct kb_headers_edited *headers, int index)
{
    size_t n = lua_rawlen(L, index);
    reserve(L, viewed, headers, n + 1);
    for (size_t i = 1; i <= n; i++) {
        lua_rawgeti(L, index, (lua_Integer)i);
        append(L, viewed, headers, to_header(L, viewed, lua_gettop(L), (lua_Integer)i));
        lua_pop(L, 1);
    }
    if (n > 0)
        return;
    struct kb_slice few[KB_LUA_NAMES_FEW], *names;
    n = kb_lua_names(L, index, few, &names);
    for (size_t i = 0; i < n; i++) {
        lua_pushlstring(L, names[i].ptr, names[i].len);
        lua_pushvalue(L, -1);
        lua_rawget(L, index);
        kb_headers_set(L, viewed, headers, names[i], lua_gettop(L));
        lua_pop(L, 2);
    }
    lua_pop(L, 1);
}

bool kb_headers_take(
    lua_State *L, struct kb_viewed_record *viewed, struct kb_headers_edited *headers, int index)
{
    if (kb_light_kind(L, index) == KB_LIGHT_HEADERS) {
        size_t n;
        const struct kb_header *list = headers_of(kb_viewed_self(L, index), &n);
        append_all(L, viewed, headers, list, n);
        return true;
    }
    kb_view_copy(L, index);
    bool table = lua_istable(L, -1);
    if (table)
        take_table(L, viewed, headers, lua_gettop(L));
    lua_pop(L, 1);
    return table;
}

/* headers[i] = { name = , value = } or nil. */
static void set_at(lua_State *L, struct kb_viewed_record *viewed, lua_Integer i)
{
    struct kb_headers_edited *headers = &viewed->headers;
    if (i < 1 || (size_t)i > headers->n + 1)
        luaL_error(L, "headers[%I] is beyond their end; headers[%I] would be the next", i,
            (lua_Integer)headers->n + 1);
    if (lua_isnil(L, 3)) {
        if ((size_t)i <= headers->n) {
            size_t behind = headers->n-- - (size_t)i;
            memmove(headers->list + i - 1, headers->list + i, behind * sizeof(*headers->list));
            memmove(
                headers->orders + i - 1, headers->orders + i, behind * sizeof(*headers->orders));
        }
        return;
    }
    struct kb_header header = to_header(L, viewed, 3, i);
    if ((size_t)i > headers->n)
        append(L, viewed, headers, header);
    else
        headers->list[i - 1] = header;
}

int kb_headers_newindex(lua_State *L)
{
    struct kb_viewed_record *viewed = kb_viewed_self(L, 1);
    kb_view_check_writable(L);
    own_headers(L, viewed);
    kb_view_copy(L, 3); /* a part of the record serves as a table of the hook's own does */
    lua_replace(L, 3);
    if (lua_isinteger(L, 2))
        set_at(L, viewed, lua_tointeger(L, 2));
    else if (lua_type(L, 2) == LUA_TSTRING)
        kb_headers_set(L, viewed, &viewed->headers, kb_lua_slice(L, 2), 3);
    else
        luaL_error(L, "headers have names or whole numbers; %s is none",
            lua_type(L, 2) == LUA_TNUMBER ? luaL_tolstring(L, 2, NULL) : kb_lua_what(L, 2));
    return 0;
}

int kb_headers_len(lua_State *L)
{
    size_t n;
    headers_of(kb_viewed_self(L, 1), &n);
    lua_pushinteger(L, (lua_Integer)n);
    return 1;
}

/* Upvalues: the view, how many were given, the order of the one given last. Headers that were
 * removed meanwhile have shifted the others, and by more than one place where names repeat. */
static int next_header(lua_State *L)
{
    size_t n;
    const struct kb_viewed_record *viewed = kb_viewed_self(L, lua_upvalueindex(1));
    const struct kb_header *list = headers_of(viewed, &n);
    size_t i = (size_t)lua_tointeger(L, lua_upvalueindex(2));
    lua_Integer last = lua_tointeger(L, lua_upvalueindex(3));
    if (i > n)
        i = n;
    while (i > 0 && order_of(viewed, i - 1) > last)
        i--;
    if (i >= n)
        return 0;
    lua_pushinteger(L, (lua_Integer)i + 1);
    lua_replace(L, lua_upvalueindex(2));
    lua_pushinteger(L, order_of(viewed, i));
    lua_replace(L, lua_upvalueindex(3));
    lua_pushlstring(L, list[i].name.ptr, list[i].name.len);
    push_header_value(L, &list[i]);
    return 2;
}

int kb_headers_pairs(lua_State *L)
{
    kb_viewed_self(L, 1);
    lua_pushvalue(L, 1);
    lua_pushinteger(L, 0);
    lua_pushinteger(L, -1);
    lua_pushcclosure(L, next_header, 3);
    return 1;
}
