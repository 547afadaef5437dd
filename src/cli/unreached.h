/* Which lines of a file's functions its tests have not reached.
 *
 *     kb_unreached_print(&tests, lines, stdout);
 *         // orders.lua: 3 of 41 lines never reached: 12, 18-19
 *
 * `lines` has noted what ran while the tests did. A line counts where something can run in it that
 * belongs to a function; where several functions share one, it is reached when each has. Files that
 * only the tests themselves need are left out. Thread: main. */
#ifndef KB_CLI_UNREACHED_H
#define KB_CLI_UNREACHED_H

#include "config/tests.h"
#include "script/lines.h"

#include <stdio.h>

/* A line for each file that has some; nothing where all are reached. */
void kb_unreached_print(const struct kb_tests *tests, const struct kb_lines *lines, FILE *to);

#endif
