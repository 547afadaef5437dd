/* The files of lua/, carried inside the binary (scripts/embed.cmake): an installation is one file.
 * Thread: any; constant. */
#ifndef KB_SCRIPT_EMBEDDED_H
#define KB_SCRIPT_EMBEDDED_H

#include <stddef.h>

struct kb_embedded {
    const char *name; /* "blocks.lua"; NULL ends the table */
    const char *text;
    size_t len;
};

extern const struct kb_embedded kb_embedded[];

#endif
