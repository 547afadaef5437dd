/* The tree of paths behind capture.h, private to value/: each node is a place that some path names
 * or passes through. Built by kb_paths_add, walked by capture.c. Thread: immutable once the file is
 * loaded. */
#ifndef KB_VALUE_PATHS_H
#define KB_VALUE_PATHS_H

#include "value/capture.h"

#define KB_PATH_NONE SIZE_MAX

struct kb_path_node {
    struct kb_path_step step; /* from its parent; the name is the node's own copy */
    size_t path;              /* the number of the path that ends here, or KB_PATH_NONE */
    struct kb_path_node **children;
    size_t n_children;
};

struct kb_paths {
    struct kb_path_node root;
    size_t count;
    uint32_t depth; /* steps of the longest path */
};

/* The child for a member or an index, NULL = none. */
const struct kb_path_node *kb_path_child(
    const struct kb_path_node *node, const struct kb_path_step *step);

#endif
