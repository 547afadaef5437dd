/* kably.*: what a file and its hooks find besides Lua's own library.
 *
 *     kably.null                       JSON's null; not nil
 *     kably.array(t), kably.object(t)  says what an empty table is; returns it
 *     kably.copy(v)                    tables of one's own out of a part of a record
 *
 * Called once for each state, inside a protected call. */
#ifndef KB_SCRIPT_KABLY_LIBRARY_H
#define KB_SCRIPT_KABLY_LIBRARY_H

#include <lua.h>

void kb_script_open_kably(lua_State *L);

#endif
