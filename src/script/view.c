/* Views on a document; see view.h. Each function does a bounded amount of work and says how much
 * (kb_script_charge). */
#include "script/view.h"

#include "base/utf8.h"
#include "script/big_number.h"
#include "script/lua_json.h"
#include "script/lua_state.h"

#include <lauxlib.h>

#define MEMBER_COST 4 /* of passing over one member in a search */
#define ACCESS_COST 60

bool kb_is_view(lua_State *L, int index)
{
    return kb_light_kind(L, index) == KB_LIGHT_PART;
}

/* The part of the record that the view at `index` names. */
static struct kb_part part_at(lua_State *L, int index)
{
    const void *handle = lua_touserdata(L, index);
    const struct kb_handles *handles = kb_script_handles(L);
    if (!kb_handle_is_live(handles, handle))
        luaL_error(L, "this value belongs to a record whose hook has returned; keep a copy of it, "
                      "made by kably.copy(value)");
    kb_script_charge(L, ACCESS_COST);
    return kb_handle_part(handles, handle);
}

static void fail_memory(lua_State *L, const struct kb_viewed *viewed)
{
    luaL_error(
        L, "the record and its edits need more than %d MiB", (int)(viewed->doc.arena->max >> 20));
}

static void check_memory(lua_State *L, const struct kb_viewed *viewed)
{
    if (viewed->doc.failed)
        fail_memory(L, viewed);
}

static void push_string(lua_State *L, struct kb_viewed *viewed, struct kb_slice quoted)
{
    struct kb_slice text = kb_document_string(&viewed->doc, quoted);
    check_memory(L, viewed);
    lua_pushlstring(L, text.ptr, text.len);
}

void kb_view_push(lua_State *L, struct kb_viewed *viewed, struct kb_node *node)
{
    switch ((enum kb_node_kind)node->kind) {
    case KB_NODE_STRING:
        push_string(L, viewed, node->text);
        return;
    case KB_NODE_NUMBER:
        kb_lua_push_number(L, node->text);
        return;
    case KB_NODE_BOOL:
        lua_pushboolean(L, node->text.ptr[0] == 't');
        return;
    case KB_NODE_NULL:
        kb_lua_push_null(L);
        return;
    case KB_NODE_OBJECT:
    case KB_NODE_ARRAY:
        break;
    }
    void *handle = kb_handle_of_part(kb_script_handles(L), viewed, node);
    if (!handle)
        fail_memory(L, viewed);
    lua_pushlightuserdata(L, handle);
}

/* ---- what Lua does with a view ---- */

static struct kb_slice to_slice(lua_State *L, int index)
{
    struct kb_slice text;
    text.ptr = lua_tolstring(L, index, &text.len);
    return text;
}

/* The child that a key of Lua's names, NULL = none. */
static struct kb_node *find(lua_State *L, struct kb_part part, int key)
{
    struct kb_document *doc = &part.viewed->doc;
    struct kb_node *node = part.node, *found = NULL;
    if (node->kind == KB_NODE_OBJECT && lua_type(L, key) == LUA_TSTRING) {
        found = kb_node_member(doc, node, to_slice(L, key));
        kb_script_charge(L, node->n * MEMBER_COST);
    } else if (node->kind == KB_NODE_ARRAY && lua_isinteger(L, key)) {
        lua_Integer index = lua_tointeger(L, key);
        if (index >= 1 && index <= UINT32_MAX)
            found = kb_node_element(doc, node, (uint32_t)(index - 1));
    } else if (node->kind == KB_NODE_ARRAY && lua_type(L, key) == LUA_TNUMBER) {
        lua_Number index = lua_tonumber(L, key);
        if (index >= 1 && index <= UINT32_MAX && index == (lua_Number)(uint32_t)index)
            found = kb_node_element(doc, node, (uint32_t)index - 1);
    }
    check_memory(L, part.viewed);
    return found;
}

/* A scalar as it stands in the text; an object or array has to be a node. */
static bool push_peeked(lua_State *L, struct kb_part part, struct kb_slice text)
{
    kb_script_charge(L, part.node->text.len / 4);
    if (!text.ptr) {
        lua_pushnil(L);
        return true;
    }
    struct kb_node peeked = {.text = text, .kind = (uint8_t)kb_json_kind(text)};
    if (peeked.kind == KB_NODE_OBJECT || peeked.kind == KB_NODE_ARRAY)
        return false;
    kb_view_push(L, part.viewed, &peeked);
    return true;
}

int kb_view_index(lua_State *L)
{
    struct kb_part part = part_at(L, 1);
    struct kb_slice text;
    bool name = lua_type(L, 2) == LUA_TSTRING;
    if (name && kb_node_peek(&part.viewed->doc, part.node, to_slice(L, 2), &text) &&
        push_peeked(L, part, text))
        return 1;
    struct kb_node *node = find(L, part, 2);
    if (node)
        kb_view_push(L, part.viewed, node);
    else
        lua_pushnil(L);
    return 1;
}

/* The value at `index` as a text that lasts as long as the document. */
static struct kb_slice keep_json(
    lua_State *L, struct kb_viewed *viewed, int index, unsigned *levels)
{
    kb_buf_reset(viewed->scratch);
    *levels = kb_lua_json_put(L, index, viewed->scratch);
    struct kb_slice kept = kb_document_keep(&viewed->doc, kb_buf_slice(viewed->scratch));
    check_memory(L, viewed);
    return kept;
}

static void set_member(lua_State *L, struct kb_part part)
{
    struct kb_document *doc = &part.viewed->doc;
    unsigned levels;
    if (lua_type(L, 2) != LUA_TSTRING)
        luaL_error(L, "an object's members have names; %s is none", kb_lua_what(L, 2));
    struct kb_slice name = to_slice(L, 2);
    kb_script_charge(L, part.node->n * MEMBER_COST);
    if (lua_isnil(L, 3)) {
        kb_node_remove_member(doc, part.node, name);
        return;
    }
    if (!kb_utf8_valid(name))
        luaL_error(L, "a member's name has to be UTF-8");
    struct kb_slice json = keep_json(L, part.viewed, 3, &levels);
    if (!kb_node_set_member(doc, part.node, name, json, levels))
        luaL_error(L, doc->failed ? "the record and its edits need too much memory"
                                  : "the value would be nested too deep");
}

static void set_element(lua_State *L, struct kb_part part)
{
    struct kb_document *doc = &part.viewed->doc;
    struct kb_node *node = part.node;
    unsigned levels;
    int is_integer;
    lua_Integer index = lua_tointegerx(L, 2, &is_integer);
    kb_node_open(doc, node);
    check_memory(L, part.viewed);
    if (!is_integer || lua_type(L, 2) != LUA_TNUMBER)
        luaL_error(L, "an array's elements have whole numbers; %s is none",
            lua_type(L, 2) == LUA_TNUMBER ? luaL_tolstring(L, 2, NULL) : kb_lua_what(L, 2));
    if (lua_isnil(L, 3)) {
        if (index == (lua_Integer)node->n)
            kb_node_remove_last(doc, node);
        else if (index >= 1 && index < (lua_Integer)node->n)
            luaL_error(L, "[%I] = nil would leave a hole; table.remove closes it", index);
        return;
    }
    if (index < 1 || index > (lua_Integer)node->n + 1)
        luaL_error(L, "[%I] is beyond the array's end; [%I] would be the next", index,
            (lua_Integer)node->n + 1);
    struct kb_slice json = keep_json(L, part.viewed, 3, &levels);
    if (!kb_node_set_element(doc, node, (uint32_t)(index - 1), json, levels))
        luaL_error(L, doc->failed ? "the record and its edits need too much memory"
                                  : "the value would be nested too deep");
}

void kb_view_check_writable(lua_State *L)
{
    if (!kb_script_handles(L)->writable)
        luaL_error(L, "only transform may change the record");
}

int kb_view_newindex(lua_State *L)
{
    struct kb_part part = part_at(L, 1);
    kb_view_check_writable(L);
    if (part.node->kind == KB_NODE_OBJECT)
        set_member(L, part);
    else
        set_element(L, part);
    check_memory(L, part.viewed);
    return 0;
}

int kb_view_len(lua_State *L)
{
    struct kb_part part = part_at(L, 1);
    kb_node_open(&part.viewed->doc, part.node);
    check_memory(L, part.viewed);
    lua_pushinteger(L, part.node->kind == KB_NODE_ARRAY ? part.node->n : 0);
    return 1;
}

/* Upvalues: the view, how many were given, the one given last. Members that were removed meanwhile
 * have shifted the others, and by more than one place where names repeat. */
static int next_member(lua_State *L)
{
    struct kb_part part = part_at(L, lua_upvalueindex(1));
    struct kb_node *node = part.node;
    lua_Integer i = lua_tointeger(L, lua_upvalueindex(2));
    const struct kb_node *last = lua_touserdata(L, lua_upvalueindex(3));
    if (i > node->n)
        i = node->n;
    while (last && i > 0 && node->children[i - 1]->order > last->order)
        i--;
    if (i >= node->n)
        return 0;
    struct kb_node *child = node->children[i];
    lua_pushinteger(L, i + 1);
    lua_replace(L, lua_upvalueindex(2));
    lua_pushlightuserdata(L, child);
    lua_replace(L, lua_upvalueindex(3));
    push_string(L, part.viewed, child->name);
    kb_view_push(L, part.viewed, child);
    return 2;
}

static int next_element(lua_State *L)
{
    struct kb_part part = part_at(L, lua_upvalueindex(1));
    lua_Integer i = lua_tointeger(L, lua_upvalueindex(2));
    if (i >= part.node->n)
        return 0;
    lua_pushinteger(L, i + 1);
    lua_copy(L, -1, lua_upvalueindex(2));
    kb_view_push(L, part.viewed, part.node->children[i]);
    return 2;
}

int kb_view_pairs(lua_State *L)
{
    struct kb_part part = part_at(L, 1);
    kb_node_open(&part.viewed->doc, part.node);
    check_memory(L, part.viewed);
    lua_pushvalue(L, 1);
    lua_pushinteger(L, 0);
    lua_pushlightuserdata(L, NULL);
    lua_pushcclosure(L, part.node->kind == KB_NODE_OBJECT ? next_member : next_element, 3);
    return 1;
}

/* The first child from `i` on that its own key gives. */
static uint32_t first_from(lua_State *L, struct kb_part part, uint32_t i)
{
    struct kb_document *doc = &part.viewed->doc;
    struct kb_node *node = part.node;
    for (; node->kind == KB_NODE_OBJECT && i < node->n; i++) {
        struct kb_slice name = kb_document_string(doc, node->children[i]->name);
        kb_script_charge(L, node->n * MEMBER_COST);
        check_memory(L, part.viewed);
        if (kb_node_member(doc, node, name) == node->children[i])
            break;
    }
    return i;
}

int kb_view_next(lua_State *L)
{
    if (!kb_is_view(L, 1))
        return -1;
    struct kb_part part = part_at(L, 1);
    struct kb_node *node = part.node;
    uint32_t i = 0;
    kb_node_open(&part.viewed->doc, node);
    check_memory(L, part.viewed);
    if (!lua_isnil(L, 2)) {
        const struct kb_node *last = find(L, part, 2);
        if (!last)
            luaL_error(L, "next: what it gave last is gone; where members are removed on the way, "
                          "walk with pairs");
        while (node->children[i++] != last)
            ;
    }
    i = first_from(L, part, i);
    if (i == node->n) {
        lua_pushnil(L);
        return 1;
    }
    struct kb_node *child = node->children[i];
    if (node->kind == KB_NODE_OBJECT)
        push_string(L, part.viewed, child->name);
    else
        lua_pushinteger(L, (lua_Integer)i + 1);
    kb_view_push(L, part.viewed, child);
    return 2;
}

int kb_view_tostring(lua_State *L)
{
    struct kb_part part = part_at(L, 1);
    kb_buf_reset(part.viewed->scratch);
    kb_document_write(part.node, part.viewed->scratch);
    if (part.viewed->scratch->failed)
        return luaL_error(L, "too large a value for a text");
    struct kb_slice text = kb_buf_slice(part.viewed->scratch);
    kb_script_charge(L, text.len);
    lua_pushlstring(L, text.ptr, text.len);
    return 1;
}

bool kb_view_put(lua_State *L, int index, struct kb_buf *out, unsigned *levels)
{
    if (!kb_is_view(L, index))
        return false;
    struct kb_part part = part_at(L, index);
    size_t start = out->len;
    kb_document_write(part.node, out);
    if (out->failed)
        return true;
    struct kb_slice text = {out->ptr + start, out->len - start};
    kb_script_charge(L, text.len);
    *levels = kb_json_levels(text);
    return true;
}

void kb_view_copy_node(lua_State *L, struct kb_viewed *viewed, struct kb_node *node)
{
    if (node->kind != KB_NODE_OBJECT && node->kind != KB_NODE_ARRAY) {
        kb_view_push(L, viewed, node);
        return;
    }
    bool array = node->kind == KB_NODE_ARRAY;
    luaL_checkstack(L, 4, "nested tables");
    kb_node_open(&viewed->doc, node);
    check_memory(L, viewed);
    lua_createtable(L, array ? (int)node->n : 0, array ? 0 : (int)node->n);
    for (uint32_t i = 0; i < node->n; i++) {
        kb_script_charge(L, ACCESS_COST);
        if (!array)
            push_string(L, viewed, node->children[i]->name);
        kb_view_copy_node(L, viewed, node->children[i]);
        if (array)
            lua_rawseti(L, -2, (lua_Integer)i + 1);
        else
            lua_rawset(L, -3);
    }
    kb_lua_mark(L, array);
}

void kb_view_copy(lua_State *L, int index)
{
    if (!kb_is_view(L, index)) {
        lua_pushvalue(L, index);
        return;
    }
    struct kb_part part = part_at(L, index);
    kb_view_copy_node(L, part.viewed, part.node);
}

const char *kb_lua_type_name(lua_State *L, int index)
{
    struct kb_slice digits;
    return kb_is_view(L, index)                    ? "table"
           : kb_big_number_text(L, index, &digits) ? "number"
                                                   : luaL_typename(L, index);
}

const char *kb_lua_what(lua_State *L, int index)
{
    return lua_islightuserdata(L, index) ? kb_light_name(L, index)
                                         : lua_pushfstring(L, "a %s", kb_lua_type_name(L, index));
}
