/* Runs a kably file and takes over what it says; see blocks.h. The block functions themselves are
 * Lua (lua/blocks.lua); this side hands them their few C helpers and copies their notes into the
 * arena. Called by load.c. Everything between kb_script_new and kb_script_free runs inside
 * protected calls. */
#include "config/blocks.h"

#include "base/suggest.h"
#include "config/helpers.h"
#include "config/keys.h"
#include "config/tests.h"
#include "script/hook_clock.h"
#include "script/lua_library.h"
#include "script/lua_load.h"
#include "script/lua_state.h"

#include <lauxlib.h>
#include <unistd.h>

#define LUA_MEMORY (64u << 20)
#define LUA_TIME_MS 2000
#define ARENA_MAX (64u << 20)
#define WORDS_MAX 256

static const struct {
    const char *name;
    enum { ONCE, NAMED } how_often;
} kinds[KB_BLOCK_KIND_COUNT] = {
#define X(id, name, how_often) [KB_BLOCK_##id] = {name, how_often},
    KB_BLOCK_KINDS(X)
#undef X
};

const char *kb_block_name(enum kb_block_kind kind)
{
    return kinds[kind].name;
}

void kb_blocks_init(struct kb_blocks *blocks, struct kb_inputs *inputs)
{
    *blocks = (struct kb_blocks){.inputs = inputs};
    kb_arena_init(&blocks->arena, ARENA_MAX);
}

void kb_blocks_deinit(struct kb_blocks *blocks)
{
    kb_arena_deinit(&blocks->arena);
    kb_blocks_init(blocks, blocks->inputs);
}

/* Before the file: what blocks.lua needs. */

static int where(lua_State *L)
{
    int line;
    const char *path = kb_script_where(L, &line);
    lua_pushstring(L, path);
    lua_pushinteger(L, line);
    return 2;
}

static int nearest(lua_State *L)
{
    const char *words[WORDS_MAX];
    size_t n = 0, len;
    const char *word = luaL_tolstring(L, 1, &len);
    for (lua_Integer i = 1; n < WORDS_MAX && lua_rawgeti(L, 2, i) == LUA_TSTRING; i++) {
        words[n++] = lua_tostring(L, -1); /* the table holds it */
        lua_pop(L, 1);
    }
    lua_pushstring(L, kb_suggest((struct kb_slice){word, len}, words, n));
    return 1;
}

static void push_kinds(lua_State *L)
{
    lua_createtable(L, KB_BLOCK_KIND_COUNT, 0);
    for (int i = 0; i < KB_BLOCK_KIND_COUNT; i++) {
        lua_createtable(L, 0, 2);
        lua_pushstring(L, kinds[i].name);
        lua_setfield(L, -2, "name");
        lua_pushboolean(L, kinds[i].how_often == NAMED);
        lua_setfield(L, -2, "named");
        lua_rawseti(L, -2, i + 1);
    }
}

/* The notes of a state, kept in its registry under this address. */
static const char notes_key;

void kb_blocks_push_notes(lua_State *L)
{
    lua_rawgetp(L, LUA_REGISTRYINDEX, &notes_key);
}

void kb_blocks_prepare(lua_State *L, struct kb_blocks *blocks)
{
    kb_helpers_install(L, blocks);
    push_kinds(L);
    lua_newtable(L);
    lua_pushvalue(L, -1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &notes_key);
    lua_pushcfunction(L, where);
    lua_pushcfunction(L, nearest);
    kb_script_push_globals(L);
    kb_script_run_embedded(L, "blocks.lua", 5);
}

static int prepare(lua_State *L)
{
    kb_blocks_prepare(L, lua_touserdata(L, 1));
    return 0;
}

/* After the file: its notes, as plain data. */

static struct kb_raw take_field(lua_State *L, struct kb_blocks *blocks, const char *name)
{
    lua_getfield(L, -1, name);
    struct kb_raw raw = kb_raw_take(L, &blocks->arena, lua_gettop(L));
    lua_pop(L, 1);
    return raw;
}

/* topic "orders", or topic "orders", "^audit\\..*", or publish. */
static const char *title_of(struct kb_blocks *blocks, const struct kb_block *block)
{
    struct kb_buf buf;
    const struct kb_raw *names = &block->names;
    kb_buf_init(&buf, 1000);
    kb_buf_add(&buf, kb_slice_of(kb_block_name(block->kind)));
    if (names->kind == KB_RAW_TEXT)
        kb_buf_printf(&buf, " \"" KB_FMT "\"", KB_ARG(names->text));
    for (size_t i = 0; i < names->n_entries && buf.len < 200; i++)
        if (names->entries[i].value.kind == KB_RAW_TEXT)
            kb_buf_printf(
                &buf, "%s \"" KB_FMT "\"", i == 0 ? "" : ",", KB_ARG(names->entries[i].value.text));
    kb_buf_byte(&buf, '\0');
    struct kb_slice title = kb_buf_slice(&buf), copy;
    bool ok = !buf.failed && kb_arena_copy(&blocks->arena, title, &copy);
    kb_buf_deinit(&buf);
    return ok ? copy.ptr : kb_block_name(block->kind);
}

static struct kb_file_place take_place(lua_State *L, const struct kb_blocks *blocks)
{
    struct kb_file_place place = {.path = blocks->sources[0].path};
    lua_getfield(L, -1, "file");
    lua_getfield(L, -2, "line");
    const char *path = lua_tostring(L, -2);
    int number = path ? kb_lua_source_find(blocks, path) : -1;
    if (number >= 0)
        place = (struct kb_file_place){.path = blocks->sources[number].path,
            .file = number,
            .line = (int)lua_tointeger(L, -1)};
    lua_pop(L, 2);
    return place;
}

static void take_block(lua_State *L, struct kb_blocks *blocks, struct kb_block *block)
{
    lua_getfield(L, -1, "kind");
    for (int i = 0; i < KB_BLOCK_KIND_COUNT; i++)
        if (strcmp(kinds[i].name, lua_tostring(L, -1)) == 0)
            block->kind = (enum kb_block_kind)i;
    lua_pop(L, 1);
    block->place = take_place(L, blocks);
    block->title = kb_block_name(block->kind);
    blocks->taking = block;
    block->names = take_field(L, blocks, "names");
    if (block->kind != KB_BLOCK_TEST || blocks->tests)
        block->body = take_field(L, blocks, "body");
    block->title = title_of(blocks, block);
    blocks->taking = NULL;
}

static int take_notes(lua_State *L)
{
    struct kb_blocks *blocks = lua_touserdata(L, 1);
    if (blocks->tests)
        kb_tests_prepare(L, blocks);
    lua_settop(L, 0);
    kb_blocks_push_notes(L);
    blocks->n = (size_t)lua_rawlen(L, -1);
    blocks->list = kb_raw_memory(L, &blocks->arena, blocks->n * sizeof(*blocks->list));
    for (size_t i = 0; i < blocks->n; i++) {
        lua_rawgeti(L, -1, (lua_Integer)i + 1);
        take_block(L, blocks, &blocks->list[i]);
        lua_pop(L, 1);
    }
    return 0;
}

/* Takes "PATH:LINE: " of one of the sources off the front of a text. */
static bool take_place_of(
    const struct kb_blocks *blocks, const char **text, struct kb_file_place *place)
{
    for (size_t i = 0; i < blocks->n_sources; i++) {
        const char *path = blocks->sources[i].path;
        size_t len = strlen(path);
        if (strncmp(*text, path, len) != 0 || (*text)[len] != ':')
            continue;
        char *rest;
        long line = strtol(*text + len + 1, &rest, 10);
        if (line <= 0 || line > INT32_MAX || strncmp(rest, ": ", 2) != 0)
            continue;
        *place = (struct kb_file_place){.path = path, .file = (int)i, .line = (int)line};
        *text = rest + 2;
        return true;
    }
    return false;
}

/* A Lua error says where it happened. A syntax error in an included file comes with two places; the
 * inner one is where a person must go. */
static void add_script_problem(const struct kb_blocks *blocks, const struct kb_err *err)
{
    const char *text = err->text;
    struct kb_file_place place = {.path = blocks->sources[0].path};
    while (take_place_of(blocks, &text, &place))
        ;
    if (blocks->taking)
        kb_problem_add(
            blocks->problems, false, &blocks->taking->place, "%s: %s", blocks->taking->title, text);
    else
        kb_problem_add(blocks->problems, false, &place, "%s", text);
}

/* NAME.test.lua beside NAME.lua, if it is there. */
static bool run_companion(
    struct kb_blocks *blocks, struct kb_script *script, const char *name, struct kb_err *err)
{
    static const char suffix[] = ".lua";
    size_t len = strlen(name), cut = sizeof(suffix) - 1;
    char path[4096];
    struct kb_slice text;
    if (len < cut || len + 6 > sizeof(path) || strcmp(name + len - cut, suffix) != 0)
        return true;
    snprintf(path, sizeof(path), KB_FMT ".test.lua", (int)(len - cut), name);
    if (access(path, F_OK) != 0)
        return true;
    if (!kb_inputs_read(blocks->inputs, KB_INPUT_FILE, path, &text, err))
        return false;
    int number = kb_lua_source_add(blocks, path, text);
    return number >= 0 ? kb_script_run(script, blocks->sources[number].path, text, err)
                       : kb_err_config(err, "%s: too many files", path);
}

static bool run(
    struct kb_blocks *blocks, const char *name, struct kb_slice text, struct kb_err *err)
{
    /* The budget counts work, not waiting: a slow disk below include, or a busy machine, is no
     * endless loop. */
    const struct kb_script_limits limits = {.memory = LUA_MEMORY,
        .time_ms = LUA_TIME_MS,
        .clock = kb_hook_clock(),
        .coarse = kb_hook_clock_coarse()};
    struct kb_script *script = kb_script_new(&limits, err);
    bool ok = script && kb_script_call(script, prepare, blocks, err) &&
              kb_script_run(script, name, text, err) &&
              (!blocks->tests || run_companion(blocks, script, name, err)) &&
              kb_script_call(script, take_notes, blocks, err);
    kb_script_free(script);
    return ok;
}

bool kb_blocks_read(
    struct kb_blocks *blocks, const char *name, struct kb_slice text, struct kb_problems *problems)
{
    struct kb_err err;
    blocks->problems = problems;
    if (kb_lua_source_add(blocks, name, text) < 0) {
        const struct kb_file_place place = {.path = name};
        kb_problem_add(problems, false, &place, "no memory");
        return false;
    }
    bool ok = run(blocks, blocks->sources[0].path, text, &err);
    if (!ok) {
        blocks->n = 0;
        add_script_problem(blocks, &err);
    }
    return ok;
}

struct kb_file_place kb_block_place_of(
    const struct kb_blocks *blocks, const struct kb_block *block, struct kb_slice key)
{
    struct kb_file_place place = block->place;
    if (place.line == 0 || !kb_raw_find(&block->body, key))
        return place;
    int end = 0; /* where the next block of the same file opens */
    for (size_t i = 0; i < blocks->n; i++) {
        const struct kb_file_place *other = &blocks->list[i].place;
        if (other->file == place.file && other->line > place.line &&
            (end == 0 || other->line < end))
            end = other->line;
    }
    int line = kb_key_line(blocks->sources[place.file].text, place.line, end, key);
    if (line > 0)
        place.line = line;
    return place;
}
