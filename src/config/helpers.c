/* env(name [, default]), file(path), include(path) and use(module); see helpers.h. Each runs inside
 * a protected call and may leave by an error at any Lua function, so whatever it holds lies in the
 * arena of `blocks`.
 *
 * A variable that is not set or a file that can't be read is noted as a problem and a placeholder
 * goes on in its stead: the file runs to its end, and all its problems come out at once. */
#include "config/helpers.h"

#include "script/light.h"
#include "script/lua_library.h"
#include "script/lua_load.h"
#include "script/lua_state.h"

#include <lauxlib.h>
#include <sys/stat.h>

static struct kb_blocks *blocks_of(lua_State *L)
{
    return lua_touserdata(L, lua_upvalueindex(1));
}

static int push_missing(lua_State *L)
{
    kb_lua_push_missing(L);
    return 1;
}

int kb_lua_source_find(const struct kb_blocks *blocks, const char *path)
{
    for (size_t i = 0; i < blocks->n_sources; i++)
        if (strcmp(blocks->sources[i].path, path) == 0)
            return (int)i;
    return -1;
}

/* The line that called the helper. */
static struct kb_file_place place_here(lua_State *L, const struct kb_blocks *blocks)
{
    int line;
    const char *path = kb_script_where(L, &line);
    int number = path ? kb_lua_source_find(blocks, path) : -1;
    if (number < 0)
        return (struct kb_file_place){.path = blocks->sources[0].path};
    return (struct kb_file_place){
        .path = blocks->sources[number].path, .file = number, .line = line};
}

static int env(lua_State *L)
{
    struct kb_blocks *blocks = blocks_of(L);
    const char *name = luaL_checkstring(L, 1);
    struct kb_slice value;
    struct kb_err err;
    if (!kb_inputs_read(blocks->inputs, KB_INPUT_ENV, name, &value, &err))
        return luaL_error(L, "env: %s", err.text);
    if (value.ptr) {
        lua_pushlstring(L, value.ptr, value.len);
        return 1;
    }
    if (lua_gettop(L) >= 2) {
        lua_settop(L, 2);
        return 1;
    }
    if (blocks->inputs->stand_in) {
        lua_pushstring(L, blocks->inputs->stand_in);
        return 1;
    }
    if (!blocks->problems)
        return luaL_error(L, "env: the environment variable %s is not set", name);
    struct kb_file_place place = place_here(L, blocks);
    kb_problem_add(blocks->problems, false, &place,
        "env: the environment variable %s is not set; set it, or give a default: env(\"%s\", ...)",
        name, name);
    return push_missing(L);
}

/* Leaves the whole path on the stack: relative ones start at the folder of the file that asks. */
static const char *resolve(lua_State *L, const struct kb_blocks *blocks, const char *path)
{
    struct kb_file_place place = place_here(L, blocks);
    const char *slash = strrchr(place.path, '/');
    if (*path == '/' || !slash)
        return lua_pushstring(L, path);
    lua_pushlstring(L, place.path, (size_t)(slash - place.path) + 1);
    lua_pushstring(L, path);
    lua_concat(L, 2);
    return lua_tostring(L, -1);
}

static int file(lua_State *L)
{
    struct kb_blocks *blocks = blocks_of(L);
    const char *path = resolve(L, blocks, luaL_checkstring(L, 1));
    struct kb_slice text;
    struct kb_err err;
    if (!kb_inputs_read(blocks->inputs, KB_INPUT_FILE, path, &text, &err)) {
        if (blocks->inputs->sealed)
            return luaL_error(L, "file: %s", err.text);
        struct kb_file_place place = place_here(L, blocks);
        kb_problem_add(blocks->problems, false, &place, "file: %s", err.text);
        return push_missing(L);
    }
    if (text.len > 0 && text.ptr[text.len - 1] == '\n')
        text.len--;
    if (text.len > 0 && text.ptr[text.len - 1] == '\r')
        text.len--;
    struct kb_slice name;
    if (blocks->n_files < KB_SOURCES_MAX &&
        kb_arena_copy(&blocks->arena, (struct kb_slice){path, strlen(path) + 1}, &name))
        blocks->files[blocks->n_files++] = (struct kb_read_file){name.ptr, text};
    lua_pushlstring(L, text.ptr, text.len);
    return 1;
}

int kb_lua_source_add(struct kb_blocks *blocks, const char *path, struct kb_slice text)
{
    struct kb_slice copy;
    if (blocks->n_sources == KB_SOURCES_MAX ||
        !kb_arena_copy(&blocks->arena, (struct kb_slice){path, strlen(path) + 1}, &copy))
        return -1;
    struct stat st;
    bool is_file = !blocks->inputs->sealed && stat(path, &st) == 0;
    blocks->sources[blocks->n_sources] = (struct kb_lua_source){.path = copy.ptr,
        .text = text,
        .device = is_file ? st.st_dev : 0,
        .inode = is_file ? st.st_ino : 0};
    return (int)blocks->n_sources++;
}

/* Does a file that is running now include itself? */
static bool is_running(
    lua_State *L, const struct kb_blocks *blocks, const struct kb_lua_source *source)
{
    lua_Debug ar;
    for (int level = 1; lua_getstack(L, level, &ar); level++) {
        lua_getinfo(L, "S", &ar);
        int number = *ar.source == '@' ? kb_lua_source_find(blocks, ar.source + 1) : -1;
        const struct kb_lua_source *other = number < 0 ? NULL : &blocks->sources[number];
        if (other && other->inode != 0 && other->inode == source->inode &&
            other->device == source->device)
            return true;
    }
    return false;
}

static int include(lua_State *L)
{
    struct kb_blocks *blocks = blocks_of(L);
    const char *path = resolve(L, blocks, luaL_checkstring(L, 1));
    struct kb_slice text;
    struct kb_err err;
    if (kb_script_globals_locked(L))
        return luaL_error(L, "include: only while the file is loaded");
    if (!kb_inputs_read(blocks->inputs, KB_INPUT_FILE, path, &text, &err))
        return luaL_error(L, "include: %s", err.text);
    int number = kb_lua_source_add(blocks, path, text);
    if (number < 0)
        return luaL_error(L, "include: more than %d files", KB_SOURCES_MAX - 1);
    if (is_running(L, blocks, &blocks->sources[number]))
        return luaL_error(L, "include: %s includes itself", path);
    lua_settop(L, 2);
    kb_script_load(L, path, text);
    lua_call(L, 0, LUA_MULTRET);
    return lua_gettop(L) - 2;
}

/* What `use` has loaded, by file, or by name where it is kably's own: a table in the registry. */
static const char used_key;

static bool is_module_name(const char *name)
{
    size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
    return len > 0 && len < 64 && name[len] == '\0';
}

/* A module is NAME.lua in the folder of the file that asks, else one of kably's own; `key` is what
 * `use` knows it by: two folders may have one of the same name each. */
struct module {
    const char *name, *path, *key;
    struct kb_slice text; /* of its file */
};

/* Leaves the path on the stack. */
static struct module find_module(lua_State *L, struct kb_blocks *blocks, const char *name)
{
    struct module module = {.name = name};
    struct kb_err err;
    module.path = resolve(L, blocks, lua_pushfstring(L, "%s.lua", name));
    module.key = kb_inputs_read(blocks->inputs, KB_INPUT_FILE, module.path, &module.text, &err)
                     ? module.path
                     : name;
    return module;
}

/* Pushes its compiled text. */
static void push_module(lua_State *L, struct kb_blocks *blocks, const struct module *module)
{
    if (module->key == module->path) {
        if (kb_lua_source_find(blocks, module->path) < 0 &&
            kb_lua_source_add(blocks, module->path, module->text) < 0)
            luaL_error(L, "use: more than %d files", KB_SOURCES_MAX - 1);
        kb_script_load(L, module->path, module->text);
        return;
    }
    if (!kb_script_push_module(L, module->name))
        luaL_error(L, "use: there is no module \"%s\": neither %s nor one of kably's own",
            module->name, module->path);
}

/* A module runs once; what it returns is kept. */
static int use(lua_State *L)
{
    struct kb_blocks *blocks = blocks_of(L);
    const char *name = luaL_checkstring(L, 1);
    if (!is_module_name(name))
        return luaL_error(L, "use: expected a module's name, such as use \"debezium\"");
    lua_settop(L, 1);
    lua_rawgetp(L, LUA_REGISTRYINDEX, &used_key);
    struct module module = find_module(L, blocks, name);
    if (lua_getfield(L, 2, module.key) != LUA_TNIL) {
        if (lua_islightuserdata(L, -1))
            return luaL_error(L, "use: the module \"%s\" uses itself", name);
        return 1;
    }
    if (kb_script_globals_locked(L))
        return luaL_error(L, "use: only while the file is loaded");
    push_missing(L);
    lua_setfield(L, 2, module.key);
    push_module(L, blocks, &module);
    lua_call(L, 0, 1);
    if (lua_isnil(L, -1))
        return luaL_error(L, "use: the module \"%s\" returns nothing", name);
    lua_pushvalue(L, -1);
    lua_setfield(L, 2, module.key);
    return 1;
}

void kb_helpers_install(lua_State *L, struct kb_blocks *blocks)
{
    static const luaL_Reg helpers[] = {
        {"env", env}, {"file", file}, {"include", include}, {"use", use}, {NULL, NULL}};
    lua_newtable(L);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &used_key);
    kb_script_push_globals(L);
    lua_pushlightuserdata(L, blocks);
    luaL_setfuncs(L, helpers, 1);
    lua_pop(L, 1);
}
