/* Light userdata in a kably file: JSON's null, what env or file could not give, and the handles of
 * a record and its parts (script/handle.h). Lua has one metatable for all of them; here it is.
 *
 *     kb_light_open(L);                     // once for each state
 *     lua_pushlightuserdata(L, handle);     // record.value.a, #, pairs, tostring... work
 *
 * What can't be done with one of them is an error in the words of this project: Lua would blame "a
 * userdata value" for each. All inside protected calls. Thread: the state's. */
#ifndef KB_SCRIPT_LIGHT_H
#define KB_SCRIPT_LIGHT_H

#include <lua.h>
#include <stdbool.h>

/* What the handle at `index` names, live or stale; OTHER is any other value. */
enum kb_light { KB_LIGHT_OTHER, KB_LIGHT_RECORD, KB_LIGHT_HEADERS, KB_LIGHT_PART };
enum kb_light kb_light_kind(lua_State *L, int index);

/* Prepares a state. */
void kb_light_open(lua_State *L);

/* The value that stands for JSON's null: the light userdata NULL, as cjson.null. */
void kb_lua_push_null(lua_State *L);
bool kb_lua_is_null(lua_State *L, int index);

/* The value that stands for what could not be had, which is reported already; it absorbs what is
 * joined to it. */
void kb_lua_push_missing(lua_State *L);
bool kb_lua_is_missing(lua_State *L, int index);

/* What the light userdata at `index` is, as people say: "kably.null", "the record", "an object of
 * the record (\"items\")". May push a text. */
const char *kb_light_name(lua_State *L, int index);

/* Raises the error of a wrong argument where the value at `index` is no table of Lua's. */
void kb_lua_check_table(lua_State *L, int index);

#endif
