/* What the views of a record (record_view.c) and of its headers (header_view.c) share. All of it
 * runs inside protected calls. */
#ifndef KB_SCRIPT_RECORD_VIEW_INSIDE_H
#define KB_SCRIPT_RECORD_VIEW_INSIDE_H

#include "script/lua_state.h"
#include "script/record_view.h"

#include <lauxlib.h>

/* The record of the view at `index`, which a metamethod was called for; an error where its hook has
 * returned. */
struct kb_viewed_record *kb_viewed_self(lua_State *L, int index);
/* The same record; an error where it may not be changed. */
struct kb_viewed_record *kb_viewed_writable(lua_State *L, struct kb_viewed_record *viewed);

/* Pushes a view with the metatable that the registry has under `meta`. */
void kb_view_of_record_push(lua_State *L, struct kb_viewed_record *viewed, const void *meta);
/* Puts one there. */
void kb_record_view_meta(
    lua_State *L, const luaL_Reg *metamethods, const char *name, const void *meta);

void kb_viewed_fail_memory(lua_State *L, const struct kb_viewed_record *viewed);
/* A copy in the record's arena. */
struct kb_slice kb_viewed_keep(lua_State *L, struct kb_viewed_record *viewed, struct kb_slice text);

/* The text at `index`, as long as Lua has it. */
static inline struct kb_slice kb_lua_slice(lua_State *L, int index)
{
    struct kb_slice text;
    text.ptr = lua_tolstring(L, index, &text.len);
    return text;
}

void kb_header_views_open(lua_State *L);
void kb_header_view_push(lua_State *L, struct kb_viewed_record *viewed);

#endif
