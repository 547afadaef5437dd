/* env, file, include and use: what a kably file calls to take in the world around it. Through the
 * inputs of `blocks` (config/inputs.h), so that each worker's state gets what the first one got.
 *
 * What can't be had is a problem with the line that asked for it, and stands in the file as a value
 * that says so: one complaint, and loading goes on. Thread: one at a time. */
#ifndef KB_CONFIG_HELPERS_H
#define KB_CONFIG_HELPERS_H

#include "config/blocks.h"

#include <lua.h>

/* Sets them as globals. Inside a protected call; `blocks` outlives the state. */
void kb_helpers_install(lua_State *L, struct kb_blocks *blocks);

/* Notes another source; its number, or -1 where there are too many or no memory. */
int kb_lua_source_add(struct kb_blocks *blocks, const char *path, struct kb_slice text);

/* The number of the source of that name, -1 = none. */
int kb_lua_source_find(const struct kb_blocks *blocks, const char *path);

#endif
