/* The part of Lua's library that a kably file may use: string, table, math, utf8 and the harmless
 * part of base. No os, io, debug, coroutine, package; nothing that loads code; nothing that runs
 * outside the time budget (xpcall's handler and __gc do).
 *
 * Called once for each state, by kb_script_new, inside a protected call. */
#ifndef KB_SCRIPT_LUA_LIBRARY_H
#define KB_SCRIPT_LUA_LIBRARY_H

#include <lua.h>

void kb_script_open_library(lua_State *L);

#endif
