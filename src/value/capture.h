/* A sink that keeps only the values at the paths templates name, whatever else the record holds.
 *
 *     struct kb_paths *paths = kb_paths_new();
 *     size_t city = kb_paths_add(paths, steps, 2);           // value.address.city; once, at load
 *     ...
 *     struct kb_capture cap;                                  // one a record
 *     kb_capture_init(&cap, paths, &arena);                   // memory from the record's arena
 *     if (!kb_json_read(text, &cap.events, &err)) ...
 *     const struct kb_scalar *found = kb_capture_get(&cap, city);
 *
 * A path is a list of steps, each a member's name or an array index. The same path added twice
 * gives the same number. The empty path (0 steps) is the value itself. Where an object repeats a
 * key the last one wins, as with every JSON reader: also an object whose later value lacks the
 * member leads nowhere. Its memory is all taken from the arena and gone with it; where that is
 * full, `failed` is set and the path stays missing. Thread: kb_paths is immutable after load and
 * shared; a capture is its owner's. */
#ifndef KB_VALUE_CAPTURE_H
#define KB_VALUE_CAPTURE_H

#include "base/arena.h"
#include "value/events.h"

#include <stdint.h>

struct kb_path_step {
    struct kb_slice name; /* a member; ptr NULL = an array index */
    uint32_t index;
};

enum kb_scalar_kind {
    KB_SCALAR_MISSING, /* the path leads nowhere in this record */
    KB_SCALAR_NULL,
    KB_SCALAR_BOOL,   /* text "true" or "false" */
    KB_SCALAR_NUMBER, /* text as written, or printed shortest */
    KB_SCALAR_STRING,
    KB_SCALAR_BYTES,  /* the bytes themselves */
    KB_SCALAR_OBJECT, /* there, but no scalar; no text */
    KB_SCALAR_ARRAY
};

struct kb_scalar {
    enum kb_scalar_kind kind;
    struct kb_slice text; /* in the arena */
};

struct kb_paths; /* opaque */

struct kb_paths *kb_paths_new(void); /* returns new, NULL = no memory */
void kb_paths_free(struct kb_paths *paths);
/* The path's number, counted from 0; SIZE_MAX = no memory. Copies the names. */
size_t kb_paths_add(struct kb_paths *paths, const struct kb_path_step *steps, size_t n_steps);
size_t kb_paths_count(const struct kb_paths *paths);

struct kb_capture {
    struct kb_events events;
    const struct kb_paths *paths;
    struct kb_arena *arena;
    struct kb_scalar *found; /* kb_paths_count of them */
    bool failed;             /* the arena was full */
    /* the rest is capture.c's: where in the tree of paths the decoder stands */
    const void *node;                /* of the value to come; NULL = no path leads there */
    struct kb_capture_frame *frames; /* the open containers, only those on a path */
    uint32_t depth;                  /* how many of them */
    uint32_t outside;                /* open containers that are on no path */
};

bool kb_capture_init(struct kb_capture *cap, const struct kb_paths *paths, struct kb_arena *arena)
    __attribute__((warn_unused_result));
/* Never NULL; `path` from kb_paths_add. */
const struct kb_scalar *kb_capture_get(const struct kb_capture *cap, size_t path);

#endif
