/* string.find, match, gmatch and gsub as Lua has them, on a matcher whose cost is bounded
 * (script/pattern.h), and string.rep within reason. Replaces those of the table on top of the
 * stack. Inside a protected call. Thread: the state's. */
#ifndef KB_SCRIPT_TEXT_LIBRARY_H
#define KB_SCRIPT_TEXT_LIBRARY_H

#include <lua.h>

void kb_script_open_text(lua_State *L);

#endif
