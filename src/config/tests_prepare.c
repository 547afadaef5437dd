/* The bodies of test blocks made plain, inside the Lua state in which the file has run: what
 * lua/tests.lua does of it, and what it needs for that: JSON, and the records of a file; see
 * tests.h. Called by blocks.c for `kably test`, never by the daemon. */
#include "config/tests.h"

#include "script/lua_json.h"
#include "script/lua_load.h"
#include "value/document.h"
#include "value/json.h"

#include <lauxlib.h>

#define JSON_MAX (16u << 20)

static int to_json(lua_State *L)
{
    struct kb_buf *buf = lua_touserdata(L, lua_upvalueindex(1));
    luaL_checkany(L, 1);
    kb_buf_reset(buf);
    kb_lua_json_put(L, 1, buf);
    if (buf->failed)
        return luaL_error(L, "more than %d MiB of JSON", (int)(JSON_MAX >> 20));
    lua_pushlstring(L, buf->ptr, buf->len);
    return 1;
}

/* A member's value as bytes: a JSON string's text, the JSON of anything else; nil for null. */
static void push_bytes(lua_State *L, struct kb_document *doc, const struct kb_node *node)
{
    struct kb_slice bytes = node->text;
    if (node->kind == KB_NODE_STRING)
        bytes = kb_document_string(doc, node->text);
    if (node->kind == KB_NODE_NULL)
        lua_pushnil(L);
    else
        lua_pushlstring(L, bytes.ptr ? bytes.ptr : "", bytes.len);
}

/* `mark` (NULL = none) is set where it is no text: then it is JSON, whatever the topic's format. */
static bool set_bytes(
    lua_State *L, struct kb_document *doc, const char *member, const char *key, const char *mark)
{
    const struct kb_node *node = kb_node_member(doc, doc->root, kb_slice_of(member));
    if (!node)
        return false;
    push_bytes(L, doc, node);
    lua_setfield(L, -2, key);
    if (mark && node->kind != KB_NODE_STRING && node->kind != KB_NODE_NULL) {
        lua_pushboolean(L, 1);
        lua_setfield(L, -2, mark);
    }
    return true;
}

/* A member that is there under that name has to be a number, or null; lua/tests.lua asks for more.
 * `path` and `line` say where. */
static bool set_number(lua_State *L, struct kb_document *doc, const char *member, const char *key,
    const char *path, int line)
{
    const struct kb_node *node = kb_node_member(doc, doc->root, kb_slice_of(member));
    if (!node || node->kind == KB_NODE_NULL)
        return false;
    if (node->kind != KB_NODE_NUMBER)
        luaL_error(L, "%s:%d: %s: expected a number", path, line, member);
    kb_lua_push_number(L, node->text);
    lua_setfield(L, -2, key);
    return true;
}

static void push_pair(
    lua_State *L, struct kb_document *doc, const struct kb_node *name, const struct kb_node *value)
{
    lua_newtable(L);
    push_bytes(L, doc, name);
    lua_rawseti(L, -2, 1);
    push_bytes(L, doc, value);
    lua_rawseti(L, -2, 2);
}

/* {"name": "value"}, or kcat's ["name", "value", "name", "value"]. */
static void set_headers(lua_State *L, struct kb_document *doc)
{
    struct kb_node *node = kb_node_member(doc, doc->root, KB_S("headers"));
    if (!node || !kb_node_open(doc, node))
        return;
    lua_newtable(L);
    if (node->kind == KB_NODE_ARRAY)
        for (uint32_t i = 0; i + 1 < node->n; i += 2) {
            push_pair(L, doc, node->children[i], node->children[i + 1]);
            lua_rawseti(L, -2, (lua_Integer)i / 2 + 1);
        }
    for (uint32_t i = 0; node->kind == KB_NODE_OBJECT && i < node->n; i++) {
        const struct kb_node name = {.text = node->children[i]->name, .kind = KB_NODE_STRING};
        push_pair(L, doc, &name, node->children[i]);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    lua_setfield(L, -2, "headers");
}

static void push_record(
    lua_State *L, struct kb_blocks *blocks, const char *path, int line, struct kb_slice text)
{
    struct kb_document doc;
    struct kb_err err;
    if (!kb_json_read(text, NULL, &err))
        luaL_error(L, "%s:%d: %s", path, line, err.text);
    if (!kb_document_init(&doc, &blocks->arena, text) || doc.root->kind != KB_NODE_OBJECT)
        luaL_error(L, "%s:%d: expected a JSON object", path, line);
    lua_newtable(L);
    set_bytes(L, &doc, "topic", "topic", NULL);
    set_bytes(L, &doc, "key", "key", "key_structured");
    if (!set_bytes(L, &doc, "value", "value", "value_structured"))
        set_bytes(L, &doc, "payload", "value", "value_structured");
    set_number(L, &doc, "partition", "partition", path, line);
    set_number(L, &doc, "offset", "offset", path, line);
    if (!set_number(L, &doc, "timestamp", "timestamp", path, line))
        set_number(L, &doc, "ts", "timestamp", path, line);
    set_headers(L, &doc);
}

/* read(path, from): the records of a file, one JSON object a line. */
static int read_records(lua_State *L)
{
    struct kb_blocks *blocks = lua_touserdata(L, lua_upvalueindex(1));
    const char *path = luaL_checkstring(L, 1), *from = lua_tostring(L, 2);
    const char *slash = from ? strrchr(from, '/') : NULL;
    struct kb_slice text;
    struct kb_err err;
    if (*path != '/' && slash) {
        lua_pushlstring(L, from, (size_t)(slash - from) + 1);
        lua_pushvalue(L, 1);
        lua_concat(L, 2);
        path = lua_tostring(L, -1);
    }
    if (!kb_inputs_read(blocks->inputs, KB_INPUT_FILE, path, &text, &err))
        return luaL_error(L, "records: %s", err.text);
    lua_newtable(L);
    lua_Integer n = 0;
    const char *at = text.ptr, *end = text.ptr + text.len;
    for (int line = 1; at < end; line++) {
        const char *next = memchr(at, '\n', (size_t)(end - at));
        struct kb_slice one = {at, (size_t)((next ? next : end) - at)};
        at = next ? next + 1 : end;
        if (one.len > 0 && one.ptr[one.len - 1] == '\r')
            one.len--;
        if (one.len == 0)
            continue;
        push_record(L, blocks, path, line, one);
        lua_rawseti(L, -2, ++n);
    }
    if (n == 0)
        return luaL_error(L, "records: %s has no record", path);
    return 1;
}

static void push_test_notes(lua_State *L)
{
    lua_newtable(L);
    kb_blocks_push_notes(L);
    lua_Integer n = 0;
    for (lua_Integer i = 1; lua_rawgeti(L, -1, i) == LUA_TTABLE; i++) {
        lua_getfield(L, -1, "kind");
        if (strcmp(lua_tostring(L, -1), "test") == 0) {
            lua_pushvalue(L, -2);
            lua_rawseti(L, -5, ++n);
        }
        lua_pop(L, 2);
    }
    lua_pop(L, 2);
}

static void add_problems(lua_State *L, struct kb_blocks *blocks)
{
    for (lua_Integer i = 1; lua_rawgeti(L, -1, i) == LUA_TTABLE; i++) {
        lua_getfield(L, -1, "text");
        const char *text = lua_tostring(L, -1);
        lua_getfield(L, -2, "note");
        lua_getfield(L, -1, "names");
        const char *name = lua_tostring(L, -1);
        lua_getfield(L, -2, "line");
        lua_getfield(L, -3, "file");
        struct kb_file_place place = {
            .path = lua_tostring(L, -1), .line = (int)lua_tointeger(L, -2)};
        kb_problem_add(blocks->problems, false, &place, "test \"%s\": %s", name ? name : "", text);
        lua_pop(L, 6);
    }
}

static int free_buf(lua_State *L)
{
    kb_buf_deinit(lua_touserdata(L, 1));
    return 0;
}

void kb_tests_prepare(lua_State *L, struct kb_blocks *blocks)
{
    push_test_notes(L);
    struct kb_buf *buf = lua_newuserdatauv(L, sizeof(*buf), 0);
    kb_buf_init(buf, JSON_MAX);
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, free_buf);
    lua_setfield(L, -2, "__gc");
    lua_setmetatable(L, -2);
    lua_pushlightuserdata(L, buf);
    lua_pushcclosure(L, to_json, 1);
    lua_pushlightuserdata(L, blocks);
    lua_pushcclosure(L, read_records, 1);
    kb_lua_push_null(L);
    lua_newtable(L);
    int problems = lua_gettop(L), notes = problems - 5;
    lua_pushvalue(L, notes);
    lua_pushvalue(L, problems - 3);
    lua_pushvalue(L, problems - 2);
    lua_pushvalue(L, problems - 1);
    lua_pushvalue(L, problems);
    kb_script_run_embedded(L, "tests.lua", 5);
    add_problems(L, blocks);
    kb_texts_look(L, blocks);
}
