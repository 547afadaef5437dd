/* JSON objects and arrays as Lua sees them: views on a document (value/document.h), which cost no
 * table.
 *
 *     record.value.items[1].price          -- reads one field; elements count from 1
 *     record.value.card = nil              -- edits the document
 *     for name, v in pairs(record.value)   -- in the order of the text; #, ipairs, table.* too
 *
 * What is assigned is copied; scalars are read as Lua values, null as kably.null. A view of a
 * record is good until its hook has returned: a later use is an error, not another record's data.
 *
 * A view is a handle (script/handle.h). All of it runs inside protected calls. Thread: the state's.
 */
#ifndef KB_SCRIPT_VIEW_H
#define KB_SCRIPT_VIEW_H

#include "script/handle.h"

#include <lua.h>

/* A document that views look at. */
struct kb_viewed {
    struct kb_document doc;
    struct kb_buf *scratch;
};

/* What Lua does with a view, each a lua_CFunction with the view as its first argument; the one
 * metatable of all light userdata calls them (script/light.h). */
int kb_view_index(lua_State *L);
int kb_view_newindex(lua_State *L);
int kb_view_len(lua_State *L);
int kb_view_pairs(lua_State *L);
int kb_view_tostring(lua_State *L);

/* An error where the record may only be read. */
void kb_view_check_writable(lua_State *L);

/* Pushes a node: a scalar as its value, an object or array as a view. */
void kb_view_push(lua_State *L, struct kb_viewed *viewed, struct kb_node *node);

bool kb_is_view(lua_State *L, int index);

/* Where the value is a view: appends its JSON and says how deep it is nested. A stale one is an
 * error. */
bool kb_view_put(lua_State *L, int index, struct kb_buf *out, unsigned *levels);

/* Pushes the value at `index`, a view as tables of Lua's own, marked as arrays and objects. */
void kb_view_copy(lua_State *L, int index);

/* The same for a node of a document that has no views. */
void kb_view_copy_node(lua_State *L, struct kb_viewed *viewed, struct kb_node *node);

/* What the value at `index` is, in the words of an error: "a number", "kably.null", "an earlier
 * record". May push a text. */
const char *kb_lua_what(lua_State *L, int index);

/* Lua's next for the view at 1 and the key at 2: of a repeated name it gives the last. How much it
 * pushed; -1 = no view. */
int kb_view_next(lua_State *L);

/* "table" for a view, which is what it stands for; else Lua's own. */
const char *kb_lua_type_name(lua_State *L, int index);

#endif
