/* Texts become Lua functions; see lua_load.h. Called by lua_state.c (a text that is run) and
 * config/ (the files a configuration names, and those of lua/). */
#include "script/lua_load.h"

#include "base/compiler.h"
#include "script/embedded.h"

#include <ctype.h>
#include <lauxlib.h>
#include <string.h>

bool kb_lua_starts_with_place(const char *message, const char *short_name)
{
    size_t len = strlen(short_name);
    return strncmp(message, short_name, len) == 0 && message[len] == ':' &&
           isdigit((unsigned char)message[len + 1]);
}

/* As Lua would shorten that chunk's name: asked of a chunk that surely compiles. */
static void short_name(lua_State *L, const char *chunk, char out[LUA_IDSIZE])
{
    lua_Debug ar;
    if (luaL_loadbufferx(L, "", 0, chunk, "t") != LUA_OK)
        lua_error(L);
    lua_getinfo(L, ">S", &ar);
    memcpy(out, ar.short_src, LUA_IDSIZE);
}

/* Lua's own word, which nobody chose: "end", "local". */
static bool is_keyword(const char *word, size_t len)
{
    static const char *const keywords[] = {"and", "break", "do", "else", "elseif", "end", "false",
        "for", "function", "goto", "if", "in", "local", "nil", "not", "or", "repeat", "return",
        "then", "true", "until", "while"};
    for (size_t i = 0; i < KB_COUNT(keywords); i++)
        if (kb_slice_is((struct kb_slice){word, len}, keywords[i]))
            return true;
    return false;
}

/* Lua quotes the word it stumbled over, and that may be a secret: a key without its closing quote,
 * or without any. Of all but signs and keywords only the first character is shown. */
static const char *hide_word(lua_State *L, const char *message)
{
    static const char near[] = " near '";
    const char *found = strstr(message, near);
    if (!found)
        return message;
    const char *word = found + sizeof(near) - 1;
    size_t len = strcspn(word, "'");
    bool is_text = *word == '"' || *word == '\'' || (*word == '[' && word[1] != '\'');
    bool is_word = isalnum((unsigned char)*word) || *word == '_' || (*word == '.' && len > 3);
    if (!is_text && (!is_word || is_keyword(word, len)))
        return message;
    lua_pushlstring(L, message, (size_t)(word - message) + 1);
    return lua_pushfstring(L, "%s...'", lua_tostring(L, -1));
}

void kb_script_load(lua_State *L, const char *name, struct kb_slice text)
{
    const struct kb_slice bom = KB_S("\xef\xbb\xbf");
    if (kb_slice_starts(text, bom))
        text = (struct kb_slice){text.ptr + bom.len, text.len - bom.len};
    const char *chunk = lua_pushfstring(L, "@%s", name);
    int status = luaL_loadbufferx(L, text.ptr ? text.ptr : "", text.len, chunk, "t");
    if (status != LUA_OK) {
        char shortened[LUA_IDSIZE];
        short_name(L, chunk, shortened);
        const char *message = lua_tostring(L, -1);
        if (message && strstr(message, "C stack overflow"))
            lua_pushfstring(L,
                "%s is nested too deep: Lua takes some 200 brackets, blocks or operators within "
                "one another",
                name);
        else if (status == LUA_ERRSYNTAX && message && kb_lua_starts_with_place(message, shortened))
            lua_pushfstring(L, "%s%s", name, hide_word(L, message + strlen(shortened)));
        lua_error(L);
    }
    lua_remove(L, -2);
}

static const struct kb_embedded *find_embedded(const char *file)
{
    const struct kb_embedded *found = kb_embedded;
    while (found->name && strcmp(found->name, file) != 0)
        found++;
    return found->name ? found : NULL;
}

bool kb_script_push_module(lua_State *L, const char *name)
{
    static const char *const others[] = {
        "blocks", "cache", "demo", "lines", "names", "tests", "tokens"}; /* no modules */
    for (size_t i = 0; i < KB_COUNT(others); i++)
        if (strcmp(name, others[i]) == 0)
            return false;
    const struct kb_embedded *found = find_embedded(lua_pushfstring(L, "%s.lua", name));
    if (found)
        kb_script_load(
            L, lua_pushfstring(L, "lua/%s.lua", name), (struct kb_slice){found->text, found->len});
    return found != NULL;
}

static void run_embedded(lua_State *L, const char *file, int n_args, int n_results)
{
    const struct kb_embedded *found = find_embedded(file);
    KB_BUG_ON(!found);
    if (luaL_loadbufferx(L, found->text, found->len, "=kably", "t") != LUA_OK)
        lua_error(L);
    lua_insert(L, -1 - n_args);
    lua_call(L, n_args, n_results);
}

void kb_script_run_embedded(lua_State *L, const char *file, int n_args)
{
    run_embedded(L, file, n_args, 0);
}

void kb_script_call_embedded(lua_State *L, const char *file, int n_args)
{
    run_embedded(L, file, n_args, 1);
}
