/* What the views of a record (record_view.c) and of its headers (header_view.c) share. All of it
 * runs inside protected calls. */
#ifndef KB_SCRIPT_RECORD_VIEW_INSIDE_H
#define KB_SCRIPT_RECORD_VIEW_INSIDE_H

#include "script/lua_state.h"
#include "script/record_view.h"

#include <lauxlib.h>

/* The record of the handle at `index`; an error where its hook has returned. */
struct kb_viewed_record *kb_viewed_self(lua_State *L, int index);

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

#endif
