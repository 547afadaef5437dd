/* A JSON text as a tree, for the few that are small and read once: schemas, a registry's answers.
 * Never for records.
 *
 *     struct kb_arena arena;
 *     const struct kb_json_node *doc = kb_json_tree(text, &arena, &err);      // NULL: err
 *     const struct kb_json_node *name = kb_json_member(doc, "name");           // NULL: none
 *     if (name && name->kind == KB_JSON_STRING) use(name->text);
 *
 * The nodes, their names and texts live in the arena; nothing is borrowed from `text`. Of a member
 * that is repeated the last counts. Errors: KB_ERR_RECORD of class decode for bad JSON,
 * KB_ERR_FATAL where the arena is full. Thread: any. */
#ifndef KB_VALUE_JSON_TREE_H
#define KB_VALUE_JSON_TREE_H

#include "base/arena.h"
#include "base/err.h"

enum kb_json_kind {
    KB_JSON_NULL,
    KB_JSON_BOOLEAN,
    KB_JSON_NUMBER,
    KB_JSON_STRING,
    KB_JSON_ARRAY,
    KB_JSON_OBJECT
};

struct kb_json_node {
    enum kb_json_kind kind;
    bool truth;
    struct kb_slice text; /* a string decoded, a number as written */
    struct kb_slice name; /* of a member */
    struct kb_json_node *first, *next;
    uint32_t n; /* items or members */
};

const struct kb_json_node *kb_json_tree(
    struct kb_slice text, struct kb_arena *arena, struct kb_err *err) KB_MUST_CHECK;
const struct kb_json_node *kb_json_member(const struct kb_json_node *object, const char *name);
/* The member's text, ptr NULL where there is none or it is no string. */
struct kb_slice kb_json_text(const struct kb_json_node *object, const char *name);
/* A whole number from 0 to 999999999; -1 = there is none or it is another thing. */
int64_t kb_json_count(const struct kb_json_node *object, const char *name);

#endif
