/* The part of Lua's library that a kably file may use: string, table, math, utf8 and the harmless
 * part of base. No os, io, debug, coroutine, package; nothing that loads code; nothing that runs
 * outside the time budget (xpcall's handler and __gc do).
 *
 * Called once for each state, by kb_script_new, inside a protected call. Thread: the state's. */
#ifndef KB_SCRIPT_LUA_LIBRARY_H
#define KB_SCRIPT_LUA_LIBRARY_H

#include <lua.h>
#include <stdbool.h>

void kb_script_open_library(lua_State *L);

/* Makes the table on top of the stack a library of that name: a global, read-only. Takes it. */
void kb_script_set_library(lua_State *L, const char *name);

/* Pushes the table that holds the globals; what texts have as their globals stands before it. */
void kb_script_push_globals(lua_State *L);
/* From here on no global can be set. */
void kb_script_lock_globals(lua_State *L);
bool kb_script_globals_locked(lua_State *L);

#endif
