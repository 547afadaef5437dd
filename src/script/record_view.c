/* The view of a record: its fields, and what is assigned to them; see record_view.h. Headers are
 * header_view.c's. */
#include "script/record_view_inside.h"

#include "base/utf8.h"
#include "script/fan_out.h"
#include "script/lua_json.h"

#include <lauxlib.h>
#include <stddef.h>

#define ACCESS_COST 50

void kb_viewed_begin(struct kb_viewed_record *viewed, const struct kb_record *rec,
    struct kb_value key, struct kb_value value, const struct kb_json_members *members)
{
    kb_handles_begin(&viewed->handles);
    viewed->rec = rec;
    viewed->key.value = key;
    viewed->value.value = value;
    viewed->value.members = members;
    viewed->key.opened = viewed->value.opened = false;
    viewed->headers = (struct kb_headers_edited){0};
}

struct kb_viewed_record *kb_viewed_self(lua_State *L, int index)
{
    struct kb_handles *handles = kb_script_handles(L);
    if (!kb_handle_is_live(handles, lua_touserdata(L, index)))
        luaL_error(L, "this record is gone: its hook has returned; keep what you need of it, not "
                      "the record");
    kb_script_charge(L, ACCESS_COST);
    return (void *)((char *)handles - offsetof(struct kb_viewed_record, handles));
}

bool kb_is_record_view(lua_State *L, const struct kb_viewed_record *viewed, int index)
{
    return lua_islightuserdata(L, index) &&
           lua_touserdata(L, index) == kb_handle(&viewed->handles, KB_PLACE_RECORD);
}

void kb_viewed_fail_memory(lua_State *L, const struct kb_viewed_record *viewed)
{
    luaL_error(
        L, "the record and its edits need more than %d MiB", (int)(viewed->arena->max >> 20));
}

struct kb_slice kb_viewed_keep(lua_State *L, struct kb_viewed_record *viewed, struct kb_slice text)
{
    struct kb_slice copy;
    if (!kb_arena_copy(viewed->arena, text, &copy))
        kb_viewed_fail_memory(L, viewed);
    kb_script_charge(L, text.len / 8);
    return copy;
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
            kb_viewed_fail_memory(L, viewed);
        side->viewed.doc.members = side->members;
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
        struct kb_slice text = kb_viewed_keep(L, viewed, kb_lua_slice(L, index));
        return (struct kb_value){kb_utf8_valid(text) ? KB_FORM_TEXT : KB_FORM_BYTES, text};
    }
    kb_buf_reset(viewed->scratch);
    kb_lua_json_put(L, index, viewed->scratch);
    return (struct kb_value){
        KB_FORM_JSON, kb_viewed_keep(L, viewed, kb_buf_slice(viewed->scratch))};
}

void kb_viewed_side_close(
    lua_State *L, struct kb_viewed_record *viewed, struct kb_viewed_side *side)
{
    if (!side->opened || side->value.form != KB_FORM_JSON || !side->viewed.doc.root->edited)
        return;
    kb_buf_reset(viewed->scratch);
    kb_document_write(side->viewed.doc.root, viewed->scratch);
    if (viewed->scratch->failed)
        kb_viewed_fail_memory(L, viewed);
    side->value.bytes = kb_viewed_keep(L, viewed, kb_buf_slice(viewed->scratch));
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

static void refuse_field(lua_State *L)
{
    const char *name = luaL_tolstring(L, 2, NULL);
    if (kb_fan_out_has(kb_slice_of(name)))
        luaL_error(L,
            "a record has no field %s; a message has: transform may return { %s = ... }, and the "
            "topic's block may say it",
            name, name);
    luaL_error(L,
        "a record has no field %s; it has topic, partition, offset, timestamp, key, value and "
        "headers",
        name);
}

static enum field check_field(lua_State *L)
{
    enum field field = lua_type(L, 2) == LUA_TSTRING ? field_of(kb_lua_slice(L, 2)) : NONE;
    if (field == NONE)
        refuse_field(L);
    return field;
}

int kb_record_index(lua_State *L)
{
    struct kb_viewed_record *viewed = kb_viewed_self(L, 1);
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
        lua_pushlightuserdata(L, kb_handle(&viewed->handles, KB_PLACE_HEADERS));
        break;
    case NONE:
        return 0;
    }
    return 1;
}

/* record.headers = { name = value, ... }, in the order of the names, or other headers. */
static void replace_headers(lua_State *L, struct kb_viewed_record *viewed)
{
    struct kb_headers_edited headers = {0};
    if (!kb_headers_take(L, viewed, &headers, 3))
        luaL_error(L, "record.headers: expected { name = value, ... }, got %s", kb_lua_what(L, 3));
    viewed->headers = headers;
}

int kb_record_newindex(lua_State *L)
{
    struct kb_viewed_record *viewed = kb_viewed_self(L, 1);
    kb_view_check_writable(L);
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
    side->members = NULL;
    side->opened = false;
    return 0;
}

int kb_record_tostring(lua_State *L)
{
    const struct kb_record *rec = kb_viewed_self(L, 1)->rec;
    lua_pushlstring(L, rec->topic.ptr, rec->topic.len);
    lua_pushfstring(
        L, "record %s/%d/%I", lua_tostring(L, -1), (int)rec->partition, (LUAI_UACINT)rec->offset);
    return 1;
}
