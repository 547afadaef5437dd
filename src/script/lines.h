/* Which lines of which functions have run: what a state notes while it is watched
 * (kb_script_limits.lines), and `kably test` asks afterwards.
 *
 *     struct kb_lines *lines = kb_lines_new();
 *     kb_lines_note(lines, "orders.lua", 12, 14);      // line 14 of the function of line 12
 *     if (kb_lines_has(lines, "orders.lua", 12, 14)) ...
 *     kb_lines_free(lines);
 *
 * A function is known by its file and its first line: of two that begin on one line, what runs of
 * one has run of both. Bounded by the text, for a line is noted once. Thread: one at a time. */
#ifndef KB_SCRIPT_LINES_H
#define KB_SCRIPT_LINES_H

#include <stdbool.h>

struct kb_lines; /* opaque */

struct kb_lines *kb_lines_new(void); /* returns new, NULL = no memory */
void kb_lines_free(struct kb_lines *lines);

/* Without memory it is forgotten. */
void kb_lines_note(struct kb_lines *lines, const char *path, int function, int line);
bool kb_lines_has(const struct kb_lines *lines, const char *path, int function, int line);
/* Has anything of that file run? */
bool kb_lines_knows(const struct kb_lines *lines, const char *path);

#endif
