/* What the texts of a configuration show of their own code, without a call: names that nothing
 * stands for, and its functions with the lines that can run in them. For `kably check` and `kably
 * test`. */
#ifndef KB_CONFIG_TEXTS_H
#define KB_CONFIG_TEXTS_H

#include "config/blocks.h"

struct kb_text_function {
    struct kb_text_function *next; /* in the order of their ends, text by text */
    const char *path;
    int first; /* line, by which Lua knows it (lua_Debug.linedefined) */
    int *lines;
    size_t n_lines;
};

/* Inside a protected call, after the texts have run: unknown names become warnings, functions the
 * list blocks->functions, in the blocks' arena. */
void kb_texts_look(lua_State *L, struct kb_blocks *blocks);

#endif
