/* Test blocks: from the Lua state in which the file has run (lua/tests.lua makes their bodies
 * plain) to struct kb_test; see tests.h. Called by blocks.c and load.c for `kably test`, never by
 * the daemon. */
#include "config/tests.h"

#include "script/lua_json.h"
#include "script/lua_state.h"
#include "value/document.h"
#include "value/json.h"

#include <lauxlib.h>

#define JSON_MAX (16u << 20)
#define ARENA_MAX (256u << 20)

/* ---- inside the Lua state ---- */

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

/* ---- from plain data ---- */

static const struct kb_raw nothing;

static const struct kb_raw *get(const struct kb_raw *table, const char *key)
{
    const struct kb_raw *raw = kb_raw_get(table, key);
    return raw ? raw : &nothing;
}

static struct kb_slice text_of(const struct kb_raw *raw)
{
    return raw->kind == KB_RAW_TEXT ? raw->text : (struct kb_slice){NULL, 0};
}

static void *take_memory(struct kb_tests *tests, size_t n, size_t size)
{
    void *memory = kb_arena_alloc(&tests->arena, n * size + 1);
    return memory ? memset(memory, 0, n * size + 1) : NULL;
}

/* The slices of the blocks are copied: the blocks go. */
static struct kb_slice copy(struct kb_tests *tests, struct kb_slice text)
{
    struct kb_slice copied = {NULL, 0};
    char *bytes = text.ptr ? kb_arena_alloc(&tests->arena, text.len + 1) : NULL;
    if (bytes) {
        memcpy(bytes, text.ptr, text.len);
        bytes[text.len] = '\0';
        copied = (struct kb_slice){bytes, text.len};
    }
    return copied;
}

static bool take_headers(struct kb_tests *tests, const struct kb_raw *list, struct kb_record *rec)
{
    struct kb_header *headers = take_memory(tests, list->n_entries, sizeof(*headers));
    if (!headers)
        return false;
    for (size_t i = 0; i < list->n_entries; i++) {
        const struct kb_raw *pair = &list->entries[i].value;
        for (size_t k = 0; k < pair->n_entries; k++)
            *(pair->entries[k].index == 1 ? &headers[i].name : &headers[i].value) =
                copy(tests, text_of(&pair->entries[k].value));
        if (!headers[i].name.ptr)
            headers[i].name = KB_S("");
    }
    rec->headers = headers;
    rec->n_headers = list->n_entries;
    return true;
}

static bool take_record(
    struct kb_tests *tests, const struct kb_raw *raw, int64_t number, struct kb_test_record *out)
{
    const struct kb_raw *offset = get(raw, "offset");
    out->record = (struct kb_record){.topic = copy(tests, text_of(get(raw, "topic"))),
        .partition = (int32_t)get(raw, "partition")->integer,
        .offset = offset->kind == KB_RAW_INTEGER ? offset->integer : number,
        .timestamp = get(raw, "timestamp")->integer,
        .key = copy(tests, text_of(get(raw, "key"))),
        .value = copy(tests, text_of(get(raw, "value")))};
    out->key_structured = get(raw, "key_structured")->boolean;
    out->value_structured = get(raw, "value_structured")->boolean;
    return take_headers(tests, get(raw, "headers"), &out->record);
}

static bool find_failure(struct kb_slice name, enum kb_failure *out)
{
    for (int i = 0; i < KB_FAILURE_COUNT; i++)
        if (kb_slice_is(name, kb_failure_name((enum kb_failure)i))) {
            *out = (enum kb_failure)i;
            return true;
        }
    return false;
}

static bool take_expected(struct kb_tests *tests, const struct kb_block *block,
    const struct kb_blocks *blocks, struct kb_test *test)
{
    const struct kb_raw *expect = get(&block->body, "expect"), *list = get(expect, "messages");
    struct kb_slice kind = text_of(get(expect, "kind"));
    test->says = copy(tests, text_of(get(expect, "says")));
    test->request = copy(tests, text_of(get(expect, "request")));
    test->expected = kb_slice_is(kind, "drop")      ? KB_EXPECT_DROP
                     : kb_slice_is(kind, "fails")   ? KB_EXPECT_FAILS
                     : kb_slice_is(kind, "request") ? KB_EXPECT_REQUEST
                                                    : KB_EXPECT_MESSAGES;
    struct kb_slice class = text_of(get(expect, "class"));
    if (test->expected == KB_EXPECT_FAILS && !find_failure(class, &test->failure))
        kb_problem_add(blocks->problems, false, &block->place,
            "%s: expect.fails: \"" KB_FMT "\" is no class of failure; expected decode, mapping, "
            "hook or message",
            block->title, KB_ARG(class));
    test->messages = take_memory(tests, list->n_entries, sizeof(*test->messages));
    for (size_t i = 0; test->messages && i < list->n_entries; i++)
        test->messages[test->n_messages++] = copy(tests, text_of(&list->entries[i].value));
    return test->messages != NULL;
}

static bool take_test(
    struct kb_tests *tests, const struct kb_blocks *blocks, const struct kb_block *block)
{
    struct kb_test *test = &tests->list[tests->n++];
    const struct kb_raw *given = get(&block->body, "given");
    struct kb_slice name = copy(tests, text_of(&block->names));
    *test = (struct kb_test){.name = name.ptr ? name.ptr : "",
        .path = copy(tests, kb_slice_of(block->place.path)).ptr,
        .line = block->place.line,
        .records = take_memory(tests, given->n_entries, sizeof(*test->records))};
    if (!test->path || !test->records)
        return false;
    for (size_t i = 0; i < given->n_entries; i++)
        if (!take_record(
                tests, &given->entries[i].value, (int64_t)i, &test->records[test->n_records++]))
            return false;
    return take_expected(tests, block, blocks, test);
}

/* Like the slices, out of the blocks' arena. */
static bool take_functions(struct kb_tests *tests, const struct kb_blocks *blocks)
{
    struct kb_text_function **end = &tests->functions;
    for (const struct kb_text_function *from = blocks->functions; from; from = from->next) {
        struct kb_text_function *to = take_memory(tests, 1, sizeof(*to));
        int *lines = take_memory(tests, from->n_lines, sizeof(*lines));
        const char *path = copy(tests, kb_slice_of(from->path)).ptr;
        if (!to || !lines || !path)
            return false;
        memcpy(lines, from->lines, from->n_lines * sizeof(*lines));
        *to = (struct kb_text_function){
            .path = path, .first = from->first, .lines = lines, .n_lines = from->n_lines};
        *end = to;
        end = &to->next;
    }
    return true;
}

static bool take_keys(struct kb_tests *tests, const struct kb_blocks *blocks,
    const struct kb_block *block, size_t topic)
{
    for (size_t i = 0; i < block->body.n_entries; i++) {
        struct kb_slice key = block->body.entries[i].key;
        if (!key.ptr)
            continue;
        struct kb_file_place place = kb_block_place_of(blocks, block, key);
        struct kb_key_place *to = take_memory(tests, 1, sizeof(*to));
        if (!to)
            return false;
        *to = (struct kb_key_place){.next = tests->keys,
            .topic = topic,
            .key = copy(tests, key).ptr,
            .path = copy(tests, kb_slice_of(place.path)).ptr,
            .title = copy(tests, kb_slice_of(block->title)).ptr,
            .line = place.line};
        if (!to->key || !to->path || !to->title)
            return false;
        tests->keys = to;
    }
    return true;
}

static bool take_all_keys(struct kb_tests *tests, const struct kb_blocks *blocks)
{
    size_t topic = 0;
    for (size_t i = 0; i < blocks->n; i++) {
        const struct kb_block *block = &blocks->list[i];
        bool is_topic = block->kind == KB_BLOCK_TOPIC;
        if ((is_topic || block->kind == KB_BLOCK_DEFAULTS) &&
            !take_keys(tests, blocks, block, is_topic ? topic : SIZE_MAX))
            return false;
        topic += is_topic;
    }
    return true;
}

const struct kb_key_place *kb_tests_key(const struct kb_tests *tests, size_t topic, const char *key)
{
    const struct kb_key_place *shared = NULL;
    for (const struct kb_key_place *place = tests->keys; place; place = place->next) {
        if (strcmp(place->key, key) != 0)
            continue;
        if (place->topic == topic)
            return place;
        if (place->topic == SIZE_MAX)
            shared = place;
    }
    return shared;
}

bool kb_tests_take(struct kb_tests *tests, const struct kb_blocks *blocks)
{
    tests->list = take_memory(tests, blocks->n, sizeof(*tests->list));
    for (size_t i = 0; tests->list && i < blocks->n; i++)
        if (blocks->list[i].kind == KB_BLOCK_TEST && blocks->list[i].body.kind == KB_RAW_TABLE &&
            !take_test(tests, blocks, &blocks->list[i]))
            return false;
    return tests->list && take_functions(tests, blocks) && take_all_keys(tests, blocks);
}

void kb_tests_init(struct kb_tests *tests)
{
    *tests = (struct kb_tests){.n = 0};
    kb_arena_init(&tests->arena, ARENA_MAX);
}

void kb_tests_deinit(struct kb_tests *tests)
{
    kb_arena_deinit(&tests->arena);
    kb_tests_init(tests);
}
