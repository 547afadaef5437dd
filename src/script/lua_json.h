/* Lua values <-> JSON text, without loss: integers keep 64 bits, arrays and objects their kind,
 * kably.null is not nil.
 *
 *     kb_lua_json_put(L, index, &buf);           // appends the value's JSON; raises what has none
 *     kb_lua_push_number(L, KB_S("1e3"));        // 1000.0
 *
 * All inside protected calls. A table is an array where it has elements or was marked by
 * kably.array, else an object; its names are written in order, so that the same record always
 * becomes the same bytes. A table that is neither, or that holds itself, a function, a text that is
 * not UTF-8, NaN: each is an error that names the member it is in. */
#ifndef KB_SCRIPT_LUA_JSON_H
#define KB_SCRIPT_LUA_JSON_H

#include "base/buf.h"
#include "script/light.h"

#include <lua.h>

#define KB_LUA_JSON_DEPTH 100

/* Returns how deep the JSON is nested (0 for a scalar). The buffer's maximum is the ceiling. */
unsigned kb_lua_json_put(lua_State *L, int index, struct kb_buf *out);

/* A JSON number: an integer where it is one of 64 bits, else a float, or what script/big_number.h
 * makes of the digits that no float has. */
void kb_lua_push_number(lua_State *L, struct kb_slice text);

#define KB_LUA_NAMES_FEW 16
/* The names of a table that has nothing else, in order; one value more on the stack keeps them.
 * `few` is where they lie when they are. Returns how many. */
size_t kb_lua_names(
    lua_State *L, int index, struct kb_slice few[KB_LUA_NAMES_FEW], struct kb_slice **out);

/* Marks the table on top of the stack: it is an array (or an object) though it looks like none. */
void kb_lua_mark(lua_State *L, bool array);
bool kb_lua_is_marked(lua_State *L, int index);

#endif
