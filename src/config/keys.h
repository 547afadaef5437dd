/* Where in a Lua text is a key written? Lua tables don't know; this looks for it.
 *
 *     kb_key_line(text, 18, 0, KB_S("chanel"))        ->  20, or 0 where that is not certain
 *
 * Lines are counted from 1. Thread: any, no state. */
#ifndef KB_CONFIG_KEYS_H
#define KB_CONFIG_KEYS_H

#include "base/slice.h"

/* The one line from `first` on, and before `end` (0 = to the end), that has `key =` or `["key"] =`
 * outside comments and texts. 0: no such line, or several. */
int kb_key_line(struct kb_slice text, int first, int end, struct kb_slice key);

#endif
