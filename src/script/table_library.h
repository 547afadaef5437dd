/* `table`'s functions that walk a table: insert, remove, move, concat and unpack, as Lua's manual
 * (section 6.6) has them, and sort behind a guard.
 *
 * Lua's own walk inside C, where no clock hook looks: with a metamethod that is a C function
 * itself, an element costs as much as that function does, a million times. These look at the budget
 * as they go. They also refuse more than a million elements at once, and what only a table with
 * __len can ask for: it would name any number of elements.
 *
 * Inside a protected call. Thread: the state's. */
#ifndef KB_SCRIPT_TABLE_LIBRARY_H
#define KB_SCRIPT_TABLE_LIBRARY_H

#include <lua.h>

/* Puts them into the table on top of the stack, which is Lua's `table`. */
void kb_script_open_table(lua_State *L);

#endif
