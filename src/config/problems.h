/* Adding to the list of what is wrong with a file; the list itself is config.h's.
 *
 *     const struct kb_file_place place = {.path = "orders.lua", .line = 7};
 *     kb_problem_add(problems, false, &place, "topic \"orders\": %s", why);     // false: an error
 *     kb_problems_sort(problems);
 *
 * Thread: one at a time. */
#ifndef KB_CONFIG_PROBLEMS_H
#define KB_CONFIG_PROBLEMS_H

#include "config/config.h"

/* Where something stands. Borrows. */
struct kb_file_place {
    const char *path;
    int file; /* its number in the order of reading, from 0 */
    int line; /* 0 = no certain line */
};

/* Adds "PATH:LINE: text". The same text twice is kept once. */
void kb_problem_add(struct kb_problems *problems, bool warning, const struct kb_file_place *place,
    const char *fmt, ...) KB_PRINTF(4, 5);

/* Into the order in which a reader meets them: by file, then by line. */
void kb_problems_sort(struct kb_problems *problems);

#endif
