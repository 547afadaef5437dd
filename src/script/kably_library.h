/* kably.*: what a file and its hooks find besides Lua's own library.
 *
 *     kably.null                          JSON's null; not nil
 *     kably.array(t), kably.object(t)     says what an empty table is; returns it
 *     kably.copy(v)                       tables of one's own out of a part of a record
 *     kably.json.encode(v), .decode(text) exact integers; arrays and objects keep their kind
 *     kably.cache { size = , ttl = }      lua/cache.lua: get, set, seen, remove, clear, #
 *     kably.counter(name):add(n)          kably_hook_counter_total in the metrics
 *     kably.log.info(...)                 debug, info, warn, error; a hundred lines a second.
 *                                         The global print is the same as info
 *     kably.time.now(), .iso(ms), .parse(text)         ms since 1970, UTC
 *     kably.hash.sha256(text), .fnv64(text)
 *     kably.base64.encode(text), .decode(text)
 *     kably.url.encode(text), .decode(text)
 *     kably.uuid()
 *
 * Functions that read foreign text give nil where it is none. Called once for each state, inside a
 * protected call. */
#ifndef KB_SCRIPT_KABLY_LIBRARY_H
#define KB_SCRIPT_KABLY_LIBRARY_H

#include <lua.h>

void kb_script_open_kably(lua_State *L);

/* Inside a protected call: empties every cache of the state. */
void kb_script_clear_caches(lua_State *L);

/* The parts that lie in files of their own; each pushes a table. */
void kb_script_push_texts(lua_State *L); /* kably_texts.c: hash, base64, url, uuid */
void kb_script_push_time(lua_State *L);  /* kably_time.c */

#endif
