/* A worker's own copy of the file's functions; see kb_config_hooks in config.h. The file is run
 * again with what it read the first time, and each function that was found then is looked up by its
 * block's first topic and its keys: a state has its own order of tables, so nothing is counted.
 * Called by the pipeline once a worker. */
#include "config/blocks.h"
#include "config/helpers.h"
#include "script/lua_state.h"

#include <lauxlib.h>

static bool any_functions(const struct kb_config *config)
{
    bool any = false;
    for (size_t i = 0; i < config->n_topics; i++)
        any = any || config->topics[i].n_functions > 0;
    return any;
}

struct loading {
    const struct kb_config *config;
    struct kb_blocks *blocks;
    struct kb_hooks *hooks;
};

static int prepare(lua_State *L)
{
    const struct loading *loading = lua_touserdata(L, 1);
    kb_blocks_prepare(L, loading->blocks);
    return 0;
}

static bool field_is(lua_State *L, int table, const char *field, const char *text)
{
    lua_getfield(L, table, field);
    bool same = lua_type(L, -1) == LUA_TSTRING && strcmp(lua_tostring(L, -1), text) == 0;
    lua_pop(L, 1);
    return same;
}

/* Is the note on top of the stack that of the block whose first topic is `topic`? */
static bool is_block_of(lua_State *L, const char *topic)
{
    int note = lua_gettop(L);
    if (!field_is(L, note, "kind", "topic"))
        return false;
    if (field_is(L, note, "names", topic))
        return true;
    bool same = false;
    if (lua_getfield(L, note, "names") == LUA_TTABLE) {
        lua_rawgeti(L, -1, 1);
        same = lua_type(L, -1) == LUA_TSTRING && strcmp(lua_tostring(L, -1), topic) == 0;
    }
    lua_settop(L, note);
    return same;
}

/* Pushes the body of the topic's block, or of `defaults` where topic is NULL; nil = none. */
static void push_body(lua_State *L, int notes, const char *topic)
{
    for (lua_Integer i = 1; lua_rawgeti(L, notes, i) == LUA_TTABLE; i++) {
        bool found = topic ? is_block_of(L, topic) : field_is(L, lua_gettop(L), "kind", "defaults");
        if (found) {
            lua_getfield(L, -1, "body");
            lua_remove(L, -2);
            return;
        }
        lua_pop(L, 1);
    }
}

/* Of the value on top of the stack, its member; nil where it is no table. */
static void push_member(lua_State *L, const struct kb_function_key *key)
{
    if (!lua_istable(L, -1)) {
        lua_pushnil(L);
        return;
    }
    if (key->name.ptr)
        lua_pushlstring(L, key->name.ptr, key->name.len);
    else
        lua_pushinteger(L, key->index);
    lua_rawget(L, -2);
}

/* Pushes the function that those keys lead to, in the block itself, else in defaults. */
static void push_function(
    lua_State *L, int notes, const struct kb_rules *rules, const struct kb_function *function)
{
    for (int own = 1; own >= 0; own--) {
        push_body(L, notes, own ? rules->patterns[0].text : NULL);
        push_member(L, &function->keys[0]);
        if (!lua_isnil(L, -1))
            break;
    }
    for (size_t i = 1; i < function->n_keys; i++)
        push_member(L, &function->keys[i]);
    if (!lua_isfunction(L, -1))
        luaL_error(L,
            "%s: %s was a function when the file was loaded, and is none now; a file has "
            "to do the same each time it is run",
            rules->where, function->name);
}

static int take_functions(lua_State *L)
{
    const struct loading *loading = lua_touserdata(L, 1);
    kb_blocks_push_notes(L);
    int notes = lua_gettop(L);
    for (size_t i = 0; i < loading->config->n_topics; i++) {
        const struct kb_rules *rules = &loading->config->topics[i];
        for (size_t number = 0; number < rules->n_functions; number++) {
            const struct kb_function *function = &rules->functions[number];
            if (!function->place)
                continue;
            luaL_checkstack(L, (int)function->n_keys + 8, "nested tables");
            push_function(L, notes, rules, function);
            kb_hooks_take(L, loading->hooks, rules->number, number, function->name);
            lua_settop(L, notes);
        }
    }
    lua_pushboolean(L, 1);
    lua_setfield(L, notes, "closed");
    return 0;
}

static void free_blocks(void *blocks)
{
    kb_blocks_deinit(blocks);
    free(blocks);
}

static bool load(struct loading *loading, struct kb_err *err)
{
    const char *name = loading->config->path;
    struct kb_slice text;
    if (!kb_inputs_read(loading->config->inputs, KB_INPUT_FILE, name, &text, err))
        return false;
    if (kb_lua_source_add(loading->blocks, name, text) < 0)
        return kb_err_fatal(err, "%s: no memory", name);
    struct kb_script *script = kb_hooks_script(loading->hooks);
    return kb_script_call(script, prepare, loading, err) &&
           kb_script_run(script, loading->blocks->sources[0].path, text, err) &&
           kb_script_call(script, take_functions, loading, err);
}

bool kb_config_hooks_watched(const struct kb_config *config, struct kb_lines *lines,
    struct kb_hooks **out, struct kb_err *err)
{
    const struct kb_hook_limits limits = {.memory = (size_t)config->limits.hook_memory,
        .time_ms = (int)config->limits.hook_ms,
        .lines = lines};
    *out = NULL;
    if (!any_functions(config))
        return true;
    struct kb_hooks *hooks = kb_hooks_new(&limits, config->n_topics, err);
    if (!hooks)
        return false;
    struct kb_blocks *blocks = malloc(sizeof(*blocks));
    if (!blocks) {
        kb_hooks_free(hooks);
        return kb_err_fatal(err, "no memory for hooks");
    }
    kb_blocks_init(blocks, config->inputs);
    kb_hooks_own(hooks, blocks, free_blocks);
    if (!load(&(struct loading){config, blocks, hooks}, err)) {
        kb_hooks_free(hooks);
        return false;
    }
    kb_hooks_loaded(hooks);
    *out = hooks;
    return true;
}

bool kb_config_hooks(const struct kb_config *config, struct kb_hooks **out, struct kb_err *err)
{
    return kb_config_hooks_watched(config, NULL, out, err);
}
