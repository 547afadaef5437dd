/* The functions of `string` that search; see text_library.h and Lua's manual, section 6.4. */
#include "script/text_library.h"

#include "script/lua_state.h"
#include "script/pattern.h"
#include "script/view.h"

#include <lauxlib.h>

static struct kb_slice check_text(lua_State *L, int index)
{
    struct kb_slice text;
    text.ptr = luaL_checklstring(L, index, &text.len);
    return text;
}

/* Where to begin, as an offset; SIZE_MAX = behind the end. Negative counts from the end. */
static size_t check_init(lua_State *L, int index, size_t len)
{
    lua_Integer init = luaL_optinteger(L, index, 1);
    if (init > 0)
        return (lua_Unsigned)init - 1 <= len ? (size_t)init - 1 : SIZE_MAX;
    if (init == 0 || init < -(lua_Integer)len)
        return 0;
    return len - (size_t)-init;
}

static bool is_plain(struct kb_slice pattern)
{
    for (size_t i = 0; i < pattern.len; i++)
        if (pattern.ptr[i] && strchr("^$*+?.([%-", pattern.ptr[i]))
            return false;
    return true;
}

static int find_plain(lua_State *L, struct kb_slice text, struct kb_slice word, size_t init)
{
    kb_script_charge(L, text.len - init + word.len);
    const char *found = memmem(text.ptr + init, text.len - init, word.ptr, word.len);
    if (!found) {
        lua_pushnil(L);
        return 1;
    }
    lua_pushinteger(L, found - text.ptr + 1);
    lua_pushinteger(L, found - text.ptr + (lua_Integer)word.len);
    return 2;
}

/* Takes a leading ^ off. */
static bool take_anchor(struct kb_slice *pattern)
{
    bool anchored = pattern->len > 0 && pattern->ptr[0] == '^';
    pattern->ptr += anchored;
    pattern->len -= anchored;
    return anchored;
}

static int search(lua_State *L, bool find)
{
    struct kb_slice text = check_text(L, 1), pattern = check_text(L, 2);
    size_t init = check_init(L, 3, text.len);
    if (init == SIZE_MAX) {
        lua_pushnil(L);
        return 1;
    }
    if (find && (lua_toboolean(L, 4) || is_plain(pattern)))
        return find_plain(L, text, pattern, init);
    struct kb_pattern m;
    bool anchored = take_anchor(&pattern);
    kb_pattern_init(&m, L, text, pattern);
    for (const char *at = text.ptr + init; at <= m.subject_end; at++) {
        const char *end = kb_pattern_match(&m, at);
        if (end && !find)
            return kb_pattern_push_all(&m, at, end);
        if (end) {
            lua_pushinteger(L, at - text.ptr + 1);
            lua_pushinteger(L, end - text.ptr);
            return 2 + kb_pattern_push_all(&m, NULL, NULL);
        }
        if (anchored)
            break;
    }
    lua_pushnil(L);
    return 1;
}

static int text_find(lua_State *L)
{
    return search(L, true);
}

static int text_match(lua_State *L)
{
    return search(L, false);
}

/* Upvalues: text, pattern, where to begin, where the last match ended (-1 = there was none). */
static int next_match(lua_State *L)
{
    struct kb_slice text = check_text(L, lua_upvalueindex(1));
    struct kb_slice pattern = check_text(L, lua_upvalueindex(2));
    lua_Integer begin = lua_tointeger(L, lua_upvalueindex(3));
    lua_Integer last = lua_tointeger(L, lua_upvalueindex(4));
    struct kb_pattern m;
    kb_pattern_init(&m, L, text, pattern);
    for (const char *at = text.ptr + begin; at <= m.subject_end; at++) {
        const char *end = kb_pattern_match(&m, at);
        if (!end || end - text.ptr == last)
            continue;
        lua_pushinteger(L, end - text.ptr);
        lua_copy(L, -1, lua_upvalueindex(3));
        lua_replace(L, lua_upvalueindex(4));
        return kb_pattern_push_all(&m, at, end);
    }
    lua_pushinteger(L, (lua_Integer)text.len + 1); /* over: the next call finds nothing either */
    lua_replace(L, lua_upvalueindex(3));
    return 0;
}

static int text_gmatch(lua_State *L)
{
    struct kb_slice text = check_text(L, 1);
    check_text(L, 2);
    size_t init = check_init(L, 3, text.len);
    lua_settop(L, 2);
    lua_pushinteger(L, init == SIZE_MAX ? (lua_Integer)text.len + 1 : (lua_Integer)init);
    lua_pushinteger(L, -1);
    lua_pushcclosure(L, next_match, 4);
    return 1;
}

/* ---- gsub ---- */

struct gsub {
    struct kb_pattern m;
    luaL_Buffer out;
    int kind; /* Lua type of the replacement, at index 3 */
};

static void add_text(struct gsub *g, const char *start, const char *end)
{
    size_t len;
    const char *text = lua_tolstring(g->m.L, 3, &len);
    for (const char *p = text; p < text + len; p++) {
        if (*p != '%') {
            luaL_addchar(&g->out, *p);
            continue;
        }
        p++;
        char c = p < text + len ? *p : '\0';
        if (c == '%') {
            luaL_addchar(&g->out, '%');
        } else if (c == '0') {
            luaL_addlstring(&g->out, start, (size_t)(end - start));
        } else if (c >= '1' && c <= '9') {
            if (c - '1' >= g->m.n && c != '1')
                luaL_error(g->m.L, "invalid capture index %%%d in replacement string", c - '0');
            kb_pattern_push(&g->m, c - '1', start, end);
            luaL_tolstring(g->m.L, -1, NULL);
            lua_remove(g->m.L, -2);
            luaL_addvalue(&g->out);
        } else {
            luaL_error(g->m.L, "invalid use of '%%' in replacement string");
        }
    }
}

/* By a table or a function: false or nil keeps what was there. */
static void add_looked_up(struct gsub *g, const char *start, const char *end)
{
    lua_State *L = g->m.L;
    if (g->kind == LUA_TFUNCTION) {
        lua_pushvalue(L, 3);
        lua_call(L, kb_pattern_push_all(&g->m, start, end), 1);
    } else {
        kb_pattern_push(&g->m, 0, start, end);
        lua_gettable(L, 3);
    }
    if (!lua_toboolean(L, -1)) {
        lua_pop(L, 1);
        luaL_addlstring(&g->out, start, (size_t)(end - start));
    } else if (!lua_isstring(L, -1)) {
        luaL_error(L, "invalid replacement value (%s)", kb_lua_what(L, -1));
    } else {
        luaL_addvalue(&g->out);
    }
}

static void add_replacement(struct gsub *g, const char *start, const char *end)
{
    if (g->kind == LUA_TSTRING || g->kind == LUA_TNUMBER)
        add_text(g, start, end);
    else
        add_looked_up(g, start, end);
}

static int text_gsub(lua_State *L)
{
    struct kb_slice text = check_text(L, 1), pattern = check_text(L, 2);
    struct gsub g = {.kind = lua_type(L, 3)};
    lua_Integer most = luaL_optinteger(L, 4, (lua_Integer)text.len + 1), n = 0;
    if (g.kind != LUA_TSTRING && g.kind != LUA_TNUMBER && g.kind != LUA_TTABLE &&
        g.kind != LUA_TFUNCTION && !kb_is_view(L, 3))
        return luaL_typeerror(L, 3, "string/function/table");
    bool anchored = take_anchor(&pattern);
    const char *at = text.ptr, *last = NULL;
    kb_pattern_init(&g.m, L, text, pattern);
    luaL_buffinit(L, &g.out);
    while (n < most) {
        const char *end = kb_pattern_match(&g.m, at);
        if (end && end != last) {
            n++;
            add_replacement(&g, at, end);
            at = last = end;
        } else if (at < g.m.subject_end) {
            luaL_addchar(&g.out, *at++);
        } else {
            break;
        }
        if (anchored)
            break;
    }
    luaL_addlstring(&g.out, at, (size_t)(g.m.subject_end - at));
    luaL_pushresult(&g.out);
    lua_pushinteger(L, n);
    return 2;
}

void kb_script_open_text(lua_State *L)
{
    static const luaL_Reg functions[] = {{"find", text_find}, {"match", text_match},
        {"gmatch", text_gmatch}, {"gsub", text_gsub}, {NULL, NULL}};
    luaL_setfuncs(L, functions, 0);
}
