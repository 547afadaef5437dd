/* Messages out of the tables that transform returned; see fan_out.h. Tables are read raw. */
#include "script/fan_out.h"

#include "base/suggest.h"
#include "base/utf8.h"
#include "script/lua_json.h"
#include "script/view.h"

#include <lauxlib.h>

static void *take(lua_State *L, struct kb_viewed_record *viewed, size_t size)
{
    void *memory = kb_arena_alloc(viewed->arena, size);
    if (!memory)
        luaL_error(L, "returned more than %d MiB", (int)(viewed->arena->max >> 20));
    return memory;
}

static struct kb_slice keep(lua_State *L, struct kb_viewed_record *viewed, struct kb_slice text)
{
    char *copy = take(L, viewed, text.len);
    memcpy(copy, text.ptr, text.len);
    return (struct kb_slice){copy, text.len};
}

static struct kb_slice keep_json(lua_State *L, struct kb_viewed_record *viewed, int index)
{
    kb_buf_reset(viewed->scratch);
    kb_lua_json_put(L, index, viewed->scratch);
    return keep(L, viewed, kb_buf_slice(viewed->scratch));
}

/* channel, name, client_id, encoding. */
static struct kb_slice to_text(
    lua_State *L, struct kb_viewed_record *viewed, size_t number, const char *field)
{
    if (lua_type(L, -1) == LUA_TNUMBER)
        return keep_json(L, viewed, lua_gettop(L));
    if (lua_type(L, -1) != LUA_TSTRING)
        luaL_error(L, "returned message %d with %s %s; expected a text", (int)number, field,
            kb_lua_what(L, -1));
    struct kb_slice text;
    text.ptr = lua_tolstring(L, -1, &text.len);
    if (!kb_utf8_valid(text))
        luaL_error(L, "returned message %d with %s a text that is not UTF-8", (int)number, field);
    return keep(L, viewed, text);
}

/* A part of the record serves as a table of the hook's own does. */
static void own_table(lua_State *L, int index)
{
    kb_view_copy(L, index);
    lua_replace(L, index);
}

/* Which of two would win is no more than the order of a table. */
static void once(lua_State *L, size_t number, const char *field, bool there)
{
    if (there)
        luaL_error(L, "returned message %d with %s twice: as a field and within extras",
            (int)number, field);
}

static void set_push(
    lua_State *L, struct kb_viewed_record *viewed, size_t number, struct kb_hook_message *msg)
{
    once(L, number, "push", msg->push.ptr);
    msg->push = keep_json(L, viewed, lua_gettop(L));
}

static void set_headers(
    lua_State *L, struct kb_viewed_record *viewed, size_t number, struct kb_hook_message *msg)
{
    struct kb_headers_edited headers = {0};
    once(L, number, "headers", msg->has_headers);
    if (!kb_headers_take(L, viewed, &headers, lua_gettop(L)))
        luaL_error(L, "returned message %d with headers %s; expected { name = value, ... }",
            (int)number, kb_lua_what(L, -1));
    msg->has_headers = true;
    msg->headers = headers.list;
    msg->n_headers = headers.n;
}

/* The members of the table on top of the stack, which are known to be some. */
static struct kb_slice keep_members(lua_State *L, struct kb_viewed_record *viewed)
{
    struct kb_slice json = keep_json(L, viewed, lua_gettop(L));
    return (struct kb_slice){json.ptr + 1, json.len - 2};
}

/* push and headers have a place of their own; what else there is goes as it is. */
static void set_extras(
    lua_State *L, struct kb_viewed_record *viewed, size_t number, struct kb_hook_message *msg)
{
    struct kb_slice few[KB_LUA_NAMES_FEW], *names;
    int extras = lua_gettop(L);
    own_table(L, extras);
    if (!lua_istable(L, extras))
        luaL_error(L, "returned message %d with extras %s; expected a table", (int)number,
            kb_lua_what(L, extras));
    size_t n = kb_lua_names(L, extras, few, &names);
    lua_newtable(L);
    int rest = lua_gettop(L);
    bool any = false;
    for (size_t i = 0; i < n; i++) {
        lua_pushlstring(L, names[i].ptr, names[i].len);
        lua_pushvalue(L, -1);
        lua_rawget(L, extras);
        if (kb_slice_is(names[i], "kafka"))
            luaL_error(
                L, "returned message %d with extras.kafka, which is kably's own", (int)number);
        if (kb_slice_is(names[i], "push")) {
            set_push(L, viewed, number, msg);
            lua_pop(L, 2);
        } else if (kb_slice_is(names[i], "headers")) {
            set_headers(L, viewed, number, msg);
            lua_pop(L, 2);
        } else {
            lua_rawset(L, rest);
            any = true;
        }
    }
    if (any)
        msg->extras = keep_members(L, viewed);
    lua_settop(L, extras);
}

struct kb_slice kb_fan_out_extras(lua_State *L, struct kb_viewed_record *viewed, int index)
{
    static const struct {
        const char *name, *instead;
    } others[] = {{"kafka", "which is kably's own"},
        {"headers", "which are the record's; transform may change them"},
        {"push", "which is an option of its own"}};
    own_table(L, index);
    if (!lua_istable(L, index) || lua_rawlen(L, index) > 0)
        luaL_error(L, "returned %s; expected a table such as { privileged = true }, or nil",
            lua_istable(L, index) ? "a list" : kb_lua_what(L, index));
    for (size_t i = 0; i < KB_COUNT(others); i++) {
        lua_pushstring(L, others[i].name);
        if (lua_rawget(L, index) != LUA_TNIL)
            luaL_error(L, "returned a member %s, %s", others[i].name, others[i].instead);
        lua_pop(L, 1);
    }
    lua_pushnil(L);
    if (!lua_next(L, index))
        return (struct kb_slice){NULL, 0};
    lua_settop(L, index);
    return keep_members(L, viewed);
}

static const char *const fields[] = {
    "channel", "name", "client_id", "data", "encoding", "headers", "extras", "push"};

bool kb_fan_out_has(struct kb_slice field)
{
    size_t i = 0;
    while (i < KB_COUNT(fields) && !kb_slice_is(field, fields[i]))
        i++;
    return i < KB_COUNT(fields);
}

static void set_field(lua_State *L, struct kb_viewed_record *viewed, size_t number,
    struct kb_slice field, struct kb_hook_message *msg)
{
    if (kb_slice_is(field, "channel")) {
        msg->channel = to_text(L, viewed, number, "channel");
    } else if (kb_slice_is(field, "name")) {
        msg->name = to_text(L, viewed, number, "name");
    } else if (kb_slice_is(field, "client_id")) {
        msg->client_id = to_text(L, viewed, number, "client_id");
    } else if (kb_slice_is(field, "encoding")) {
        msg->encoding = to_text(L, viewed, number, "encoding");
    } else if (kb_slice_is(field, "data")) {
        msg->has_data = true;
        msg->data = kb_lua_to_value(L, viewed, lua_gettop(L));
    } else if (kb_slice_is(field, "headers")) {
        set_headers(L, viewed, number, msg);
    } else if (kb_slice_is(field, "extras")) {
        set_extras(L, viewed, number, msg);
    } else if (kb_slice_is(field, "push")) {
        set_push(L, viewed, number, msg);
    } else {
        const char *near = kb_suggest(field, fields, KB_COUNT(fields));
        luaL_error(L, "returned message %d with a field \"%s\", which no message has" KB_NEAR_FMT,
            (int)number, field.ptr, KB_NEAR(near));
    }
}

static void take_message(lua_State *L, struct kb_viewed_record *viewed, int index, size_t number,
    struct kb_hook_message *msg)
{
    *msg = (struct kb_hook_message){0};
    if (kb_is_record_view(L, viewed, index))
        return;
    if (!lua_istable(L, index))
        luaL_error(L,
            "returned a list whose element %d is %s; expected the record or a message, "
            "such as { channel = , data = }",
            (int)number, kb_lua_what(L, index));
    for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1)) {
        struct kb_slice field;
        if (lua_type(L, -2) != LUA_TSTRING)
            luaL_error(L, "returned message %d with %s as the name of a field", (int)number,
                kb_lua_what(L, -2));
        field.ptr = lua_tolstring(L, -2, &field.len);
        set_field(L, viewed, number, field, msg);
    }
}

void kb_fan_out_take(
    lua_State *L, struct kb_viewed_record *viewed, int index, struct kb_fan_out *out)
{
    if (!lua_istable(L, index))
        luaL_error(L, "returned %s; expected the record, nil to drop it, or a list of messages",
            kb_lua_what(L, index));
    size_t n = lua_rawlen(L, index);
    if (n > KB_HOOK_MESSAGES_MAX)
        luaL_error(L, "returned %d messages; one record may become %d at most", (int)n,
            KB_HOOK_MESSAGES_MAX);
    lua_pushnil(L);
    bool single = n == 0 && lua_next(L, index);
    if (single)
        lua_pop(L, 2);
    out->list = take(L, viewed, (n + 1) * sizeof(*out->list));
    if (single) {
        take_message(L, viewed, index, 1, &out->list[0]);
        out->n = 1;
        return;
    }
    for (size_t i = 1; i <= n; i++) {
        lua_rawgeti(L, index, (lua_Integer)i);
        take_message(L, viewed, lua_gettop(L), i, &out->list[i - 1]);
        lua_pop(L, 1);
    }
    size_t keys = 0;
    for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1))
        keys++;
    if (keys > n)
        luaL_error(L, "returned a list that has names besides its messages");
    out->n = n;
}
