/* Texts become Lua functions: those of a configuration, and the files of lua/ inside the binary
 * (script/embedded.h).
 *
 *     kb_script_load(L, "config/orders.lua", text);     // or raises "config/orders.lua:7: ..."
 *     lua_call(L, 0, 0);
 *     kb_script_run_embedded(L, "blocks.lua", 5);
 *
 * Everything here runs inside a protected call (script/lua_state.h): it raises errors, those of
 * memory too. Text chunks only. Thread: the state's. */
#ifndef KB_SCRIPT_LUA_LOAD_H
#define KB_SCRIPT_LUA_LOAD_H

#include "base/slice.h"

#include <lua.h>
#include <stdbool.h>

/* Pushes the compiled text, or raises its syntax error with the full name. A leading byte order
 * mark is skipped. */
void kb_script_load(lua_State *L, const char *name, struct kb_slice text);

/* Runs a file of lua/ with the `n_args` values on top of the stack; what it returns is dropped. Its
 * name stands in no message: errors are placed at its caller. */
void kb_script_run_embedded(lua_State *L, const char *file, int n_args);
/* The same, with the one value it returns left on the stack. */
void kb_script_call_embedded(lua_State *L, const char *file, int n_args);

/* Pushes one of the modules of lua/, compiled; false = no module has that name. In messages it is
 * "lua/NAME.lua". */
bool kb_script_push_module(lua_State *L, const char *name);

/* Lua shortens a long name in its messages ("...long/path.lua:3: "); people need all of it to go
 * there. Does the message begin with that short name and a line? */
bool kb_lua_starts_with_place(const char *message, const char *short_name);

#endif
