/* The view of a record and of its headers; see record_view.h. */
#include "script/record_view.h"

#include "base/utf8.h"
#include "script/big_number.h"
#include "script/lua_json.h"
#include "script/lua_state.h"

#include <lauxlib.h>

#define ACCESS_COST 50
#define HEADER_COST 10
#define HEADERS_MAX 10000

struct record_view {
    struct kb_viewed_record *viewed;
    uint64_t generation;
};

static const char record_meta, headers_meta;

static struct kb_viewed_record *self(lua_State *L, int index)
{
    const struct record_view *view = lua_touserdata(L, index);
    if (!view || view->generation != view->viewed->generation)
        luaL_error(L, "this record is gone: its hook has returned; keep what you need of it, not "
                      "the record");
    kb_script_charge(L, ACCESS_COST);
    return view->viewed;
}

static struct kb_viewed_record *writable(lua_State *L, struct kb_viewed_record *viewed)
{
    if (!viewed->writable)
        luaL_error(L, "only transform may change the record");
    return viewed;
}

static void push_view(lua_State *L, struct kb_viewed_record *viewed, const void *meta)
{
    struct record_view *view = lua_newuserdatauv(L, sizeof(*view), 0);
    *view = (struct record_view){viewed, viewed->generation};
    lua_rawgetp(L, LUA_REGISTRYINDEX, meta);
    lua_setmetatable(L, -2);
}

void kb_record_view_push(lua_State *L, struct kb_viewed_record *viewed)
{
    push_view(L, viewed, &record_meta);
}

bool kb_is_record_view(lua_State *L, int index)
{
    if (lua_type(L, index) != LUA_TUSERDATA || !lua_getmetatable(L, index))
        return false;
    lua_rawgetp(L, LUA_REGISTRYINDEX, &record_meta);
    bool same = lua_rawequal(L, -1, -2);
    lua_pop(L, 2);
    return same && ((const struct record_view *)lua_touserdata(L, index))->generation ==
                       ((const struct record_view *)lua_touserdata(L, index))->viewed->generation;
}

static void fail_memory(lua_State *L, const struct kb_viewed_record *viewed)
{
    luaL_error(
        L, "the record and its edits need more than %d MiB", (int)(viewed->arena->max >> 20));
}

static struct kb_slice keep(lua_State *L, struct kb_viewed_record *viewed, struct kb_slice text)
{
    struct kb_slice copy;
    if (!kb_arena_copy(viewed->arena, text, &copy))
        fail_memory(L, viewed);
    kb_script_charge(L, text.len / 8);
    return copy;
}

static struct kb_slice to_slice(lua_State *L, int index)
{
    struct kb_slice text;
    text.ptr = lua_tolstring(L, index, &text.len);
    return text;
}

/* ---- key and value ---- */

static void push_side(lua_State *L, struct kb_viewed_record *viewed, struct kb_viewed_side *side)
{
    switch (side->value.form) {
    case KB_FORM_NULL:
        lua_pushnil(L);
        return;
    case KB_FORM_TEXT:
    case KB_FORM_BYTES:
        lua_pushlstring(L, side->value.bytes.ptr, side->value.bytes.len);
        return;
    case KB_FORM_JSON:
        break;
    }
    if (!side->opened) {
        if (!kb_document_init(&side->viewed.doc, viewed->arena, side->value.bytes))
            fail_memory(L, viewed);
        side->viewed.scratch = viewed->scratch;
        side->opened = true;
    }
    kb_view_push(L, &side->viewed, side->viewed.doc.root);
}

struct kb_value kb_lua_to_value(lua_State *L, struct kb_viewed_record *viewed, int index)
{
    if (lua_isnoneornil(L, index))
        return (struct kb_value){KB_FORM_NULL, {NULL, 0}};
    if (lua_type(L, index) == LUA_TSTRING) {
        struct kb_slice text = keep(L, viewed, to_slice(L, index));
        return (struct kb_value){kb_utf8_valid(text) ? KB_FORM_TEXT : KB_FORM_BYTES, text};
    }
    kb_buf_reset(viewed->scratch);
    kb_lua_json_put(L, index, viewed->scratch);
    return (struct kb_value){KB_FORM_JSON, keep(L, viewed, kb_buf_slice(viewed->scratch))};
}

void kb_viewed_side_close(
    lua_State *L, struct kb_viewed_record *viewed, struct kb_viewed_side *side)
{
    if (!side->opened || side->value.form != KB_FORM_JSON || !side->viewed.doc.root->edited)
        return;
    kb_buf_reset(viewed->scratch);
    kb_document_write(side->viewed.doc.root, viewed->scratch);
    if (viewed->scratch->failed)
        fail_memory(L, viewed);
    side->value.bytes = keep(L, viewed, kb_buf_slice(viewed->scratch));
}

/* ---- headers ---- */

static const struct kb_header *headers_of(const struct kb_viewed_record *viewed, size_t *n)
{
    *n = viewed->headers.list ? viewed->headers.n : viewed->rec->n_headers;
    return viewed->headers.list ? viewed->headers.list : viewed->rec->headers;
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
    if (!list)
        fail_memory(L, viewed);
    if (headers->n > 0)
        memcpy(list, headers->list, headers->n * sizeof(*list));
    headers->list = list;
    headers->cap = cap;
}

/* The record's own headers are the source's memory: the first change makes a copy. */
static void own_headers(lua_State *L, struct kb_viewed_record *viewed)
{
    if (viewed->headers.list)
        return;
    size_t n = viewed->rec->n_headers;
    viewed->headers.n = 0;
    reserve(L, viewed, &viewed->headers, n + 1);
    if (n > 0)
        memcpy(viewed->headers.list, viewed->rec->headers, n * sizeof(struct kb_header));
    viewed->headers.n = n;
}

static struct kb_slice header_value(lua_State *L, struct kb_viewed_record *viewed, int index)
{
    int type = lua_type(L, index);
    if (kb_lua_is_null(L, index))
        return (struct kb_slice){NULL, 0};
    if (type == LUA_TSTRING)
        return keep(L, viewed, to_slice(L, index));
    struct kb_slice digits;
    if (kb_big_number_text(L, index, &digits))
        return keep(L, viewed, digits);
    if (type != LUA_TNUMBER && type != LUA_TBOOLEAN)
        luaL_error(L, "a header's value is a text, a number, a boolean or kably.null, not a %s",
            kb_lua_type_name(L, index));
    kb_buf_reset(viewed->scratch);
    kb_lua_json_put(L, index, viewed->scratch);
    return keep(L, viewed, kb_buf_slice(viewed->scratch));
}

static void add_header(lua_State *L, struct kb_viewed_record *viewed,
    struct kb_headers_edited *headers, struct kb_slice name, int index)
{
    struct kb_slice value = header_value(L, viewed, index);
    reserve(L, viewed, headers, headers->n + 1);
    headers->list[headers->n++] = (struct kb_header){name, value};
}

static void remove_named(struct kb_headers_edited *headers, struct kb_slice name)
{
    size_t kept = 0;
    for (size_t i = 0; i < headers->n; i++)
        if (!kb_slice_eq(headers->list[i].name, name))
            headers->list[kept++] = headers->list[i];
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
    struct kb_slice kept = keep(L, viewed, name);
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

static int headers_index(lua_State *L)
{
    struct kb_viewed_record *viewed = self(L, 1);
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
    struct kb_slice name = to_slice(L, 2);
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
        luaL_error(L, "headers[%I]: expected { name = , value = }, got a %s", i,
            kb_lua_type_name(L, index));
    lua_pushliteral(L, "name");
    if (lua_rawget(L, index) != LUA_TSTRING)
        luaL_error(L, "headers[%I]: its name is not a text", i);
    struct kb_slice name = keep(L, viewed, to_slice(L, -1));
    lua_pushliteral(L, "value");
    lua_rawget(L, index);
    struct kb_header header = {name, header_value(L, viewed, lua_gettop(L))};
    lua_pop(L, 2);
    return header;
}

void kb_headers_take(
    lua_State *L, struct kb_viewed_record *viewed, struct kb_headers_edited *headers, int index)
{
    size_t n = lua_rawlen(L, index);
    reserve(L, viewed, headers, n + 1);
    for (size_t i = 1; i <= n; i++) {
        lua_rawgeti(L, index, (lua_Integer)i);
        struct kb_header header = to_header(L, viewed, lua_gettop(L), (lua_Integer)i);
        reserve(L, viewed, headers, headers->n + 1);
        headers->list[headers->n++] = header;
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

/* headers[i] = { name = , value = } or nil. */
static void set_at(lua_State *L, struct kb_viewed_record *viewed, lua_Integer i)
{
    struct kb_headers_edited *headers = &viewed->headers;
    if (i < 1 || (size_t)i > headers->n + 1)
        luaL_error(L, "headers[%I] is beyond their end; headers[%I] would be the next", i,
            (lua_Integer)headers->n + 1);
    if (lua_isnil(L, 3)) {
        if ((size_t)i <= headers->n) {
            memmove(headers->list + i - 1, headers->list + i,
                (headers->n - (size_t)i) * sizeof(*headers->list));
            headers->n--;
        }
        return;
    }
    struct kb_header header = to_header(L, viewed, 3, i);
    reserve(L, viewed, headers, headers->n + 1);
    if ((size_t)i > headers->n)
        headers->n++;
    headers->list[i - 1] = header;
}

static int headers_newindex(lua_State *L)
{
    struct kb_viewed_record *viewed = writable(L, self(L, 1));
    own_headers(L, viewed);
    if (lua_isinteger(L, 2))
        set_at(L, viewed, lua_tointeger(L, 2));
    else if (lua_type(L, 2) == LUA_TSTRING)
        kb_headers_set(L, viewed, &viewed->headers, to_slice(L, 2), 3);
    else
        luaL_error(L, "headers have names or numbers; a %s is none", luaL_typename(L, 2));
    return 0;
}

static int headers_len(lua_State *L)
{
    size_t n;
    headers_of(self(L, 1), &n);
    lua_pushinteger(L, (lua_Integer)n);
    return 1;
}

/* Upvalues: the view, how many were given. */
static int next_header(lua_State *L)
{
    size_t n;
    const struct kb_header *list = headers_of(self(L, lua_upvalueindex(1)), &n);
    lua_Integer i = lua_tointeger(L, lua_upvalueindex(2));
    if ((size_t)i >= n)
        return 0;
    lua_pushinteger(L, i + 1);
    lua_replace(L, lua_upvalueindex(2));
    lua_pushlstring(L, list[i].name.ptr, list[i].name.len);
    push_header_value(L, &list[i]);
    return 2;
}

static int headers_pairs(lua_State *L)
{
    self(L, 1);
    lua_pushvalue(L, 1);
    lua_pushinteger(L, 0);
    lua_pushcclosure(L, next_header, 2);
    return 1;
}

/* ---- the record ---- */

enum field { TOPIC, PARTITION, OFFSET, TIMESTAMP, KEY, VALUE, HEADERS, NONE };

/* By length and first letter: this runs for each access. */
static enum field field_of(struct kb_slice name)
{
    switch (name.len) {
    case 3:
        return memcmp(name.ptr, "key", 3) == 0 ? KEY : NONE;
    case 5:
        return memcmp(name.ptr, "value", 5) == 0   ? VALUE
               : memcmp(name.ptr, "topic", 5) == 0 ? TOPIC
                                                   : NONE;
    case 6:
        return memcmp(name.ptr, "offset", 6) == 0 ? OFFSET : NONE;
    case 7:
        return memcmp(name.ptr, "headers", 7) == 0 ? HEADERS : NONE;
    case 9:
        return memcmp(name.ptr, "partition", 9) == 0   ? PARTITION
               : memcmp(name.ptr, "timestamp", 9) == 0 ? TIMESTAMP
                                                       : NONE;
    default:
        return NONE;
    }
}

static enum field check_field(lua_State *L)
{
    enum field field = lua_type(L, 2) == LUA_TSTRING ? field_of(to_slice(L, 2)) : NONE;
    if (field == NONE)
        luaL_error(L,
            "a record has no field %s; it has topic, partition, offset, timestamp, key, "
            "value and headers",
            luaL_tolstring(L, 2, NULL));
    return field;
}

static int record_index(lua_State *L)
{
    struct kb_viewed_record *viewed = self(L, 1);
    const struct kb_record *rec = viewed->rec;
    switch (check_field(L)) {
    case TOPIC:
        lua_pushlstring(L, rec->topic.ptr, rec->topic.len);
        break;
    case PARTITION:
        lua_pushinteger(L, rec->partition);
        break;
    case OFFSET:
        lua_pushinteger(L, rec->offset);
        break;
    case TIMESTAMP:
        if (rec->timestamp < 0)
            return 0;
        lua_pushinteger(L, rec->timestamp);
        break;
    case KEY:
        push_side(L, viewed, &viewed->key);
        break;
    case VALUE:
        push_side(L, viewed, &viewed->value);
        break;
    case HEADERS:
        push_view(L, viewed, &headers_meta);
        break;
    case NONE:
        return 0;
    }
    return 1;
}

/* record.headers = { name = value, ... }, in the order of the names. */
static void replace_headers(lua_State *L, struct kb_viewed_record *viewed)
{
    if (!lua_istable(L, 3))
        luaL_error(
            L, "record.headers: expected { name = value, ... }, got a %s", kb_lua_type_name(L, 3));
    struct kb_headers_edited headers = {0};
    kb_headers_take(L, viewed, &headers, 3);
    viewed->headers = headers;
}

static int record_newindex(lua_State *L)
{
    struct kb_viewed_record *viewed = writable(L, self(L, 1));
    enum field field = check_field(L);
    if (field == HEADERS) {
        replace_headers(L, viewed);
        return 0;
    }
    if (field != KEY && field != VALUE)
        return luaL_error(
            L, "record.%s can't be changed; key, value and headers can", lua_tostring(L, 2));
    struct kb_viewed_side *side = field == KEY ? &viewed->key : &viewed->value;
    side->value = kb_lua_to_value(L, viewed, 3);
    side->opened = false;
    return 0;
}

static void make_meta(lua_State *L, const luaL_Reg *metamethods, const char *name, const void *key)
{
    lua_newtable(L);
    luaL_setfuncs(L, metamethods, 0);
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_pushstring(L, name);
    lua_setfield(L, -2, "__name");
    lua_rawsetp(L, LUA_REGISTRYINDEX, key);
}

void kb_record_views_open(lua_State *L)
{
    static const luaL_Reg record[] = {
        {"__index", record_index}, {"__newindex", record_newindex}, {NULL, NULL}};
    static const luaL_Reg headers[] = {{"__index", headers_index}, {"__newindex", headers_newindex},
        {"__len", headers_len}, {"__pairs", headers_pairs}, {NULL, NULL}};
    kb_views_open(L);
    make_meta(L, record, "record", &record_meta);
    make_meta(L, headers, "headers", &headers_meta);
}
