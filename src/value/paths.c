/* The tree of paths: made once when a configuration is loaded; see paths.h. */
#include "value/paths.h"

#include "base/compiler.h"

struct kb_paths *kb_paths_new(void)
{
    struct kb_paths *paths = calloc(1, sizeof(*paths));
    if (paths)
        paths->root.path = KB_PATH_NONE;
    return paths;
}

/* Frees what lies below a node: as deep as the longest path of the configuration. */
static void free_children(struct kb_path_node *node)
{
    for (size_t i = 0; i < node->n_children; i++) {
        free_children(node->children[i]);
        free(node->children[i]);
    }
    free(node->children);
}

void kb_paths_free(struct kb_paths *paths)
{
    if (!paths)
        return;
    free_children(&paths->root);
    free(paths);
}

static bool same_step(const struct kb_path_step *a, const struct kb_path_step *b)
{
    if (!a->name.ptr || !b->name.ptr)
        return !a->name.ptr && !b->name.ptr && a->index == b->index;
    return kb_slice_eq(a->name, b->name);
}

const struct kb_path_node *kb_path_child(
    const struct kb_path_node *node, const struct kb_path_step *step)
{
    for (size_t i = 0; i < node->n_children; i++)
        if (same_step(&node->children[i]->step, step))
            return node->children[i];
    return NULL;
}

/* One allocation: the node and its copy of the name behind it. */
static struct kb_path_node *new_node(const struct kb_path_step *step)
{
    struct kb_path_node *node = malloc(sizeof(*node) + step->name.len);
    if (!node)
        return NULL;
    *node = (struct kb_path_node){.step = *step, .path = KB_PATH_NONE};
    if (step->name.ptr)
        node->step.name.ptr = memcpy(node + 1, step->name.ptr, step->name.len);
    return node;
}

static struct kb_path_node *add_child(struct kb_path_node *node, const struct kb_path_step *step)
{
    struct kb_path_node **children =
        realloc(node->children, (node->n_children + 1) * sizeof(*children));
    if (!children)
        return NULL;
    node->children = children;
    struct kb_path_node *child = new_node(step);
    if (child)
        children[node->n_children++] = child;
    return child;
}

size_t kb_paths_add(struct kb_paths *paths, const struct kb_path_step *steps, size_t n_steps)
{
    struct kb_path_node *node = &paths->root;
    for (size_t i = 0; i < n_steps; i++) {
        struct kb_path_node *child = (struct kb_path_node *)kb_path_child(node, &steps[i]);
        node = child ? child : add_child(node, &steps[i]);
        if (!node)
            return SIZE_MAX;
    }
    if (node->path == KB_PATH_NONE)
        node->path = paths->count++;
    if (n_steps > paths->depth)
        paths->depth = (uint32_t)n_steps;
    return node->path;
}

size_t kb_paths_count(const struct kb_paths *paths)
{
    return paths->count;
}
