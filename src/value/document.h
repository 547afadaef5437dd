/* A JSON text that can be read at any place and edited, without a tree of the rest.
 *
 *     struct kb_document doc;
 *     kb_document_init(&doc, &arena, KB_S("{\"a\": {\"b\":1}, \"card\":\"x\", \"n\":1.50}"));
 *     struct kb_node *a = kb_node_member(&doc, doc.root, KB_S("a"));    // NULL = no such member
 *     kb_node_set_member(&doc, a, KB_S("b"), KB_S("2"), 0);             // a checked JSON text
 *     kb_node_remove_member(&doc, doc.root, KB_S("card"));
 *     kb_document_write(doc.root, &out);                                // {"a":{"b":2},"n":1.50}
 *
 * A node is a value of the text. An object or array is taken apart one level, the first time that
 * somebody looks inside it; what nobody has looked at stays a piece of text. What was not edited is
 * written byte for byte, white space and the digits of numbers included; an edited object or array
 * keeps the order and the bytes of the members that stayed. Of a repeated name the last counts, as
 * with every JSON reader; once it is set or removed, or changed within, the others
 * are gone too.
 *
 * The text must have passed kb_json_read and outlives the document, as must texts that are set
 * (kb_document_keep copies one). Memory comes from the arena; where that is full, `failed` is set
 * and the call has done nothing. No value may stand deeper than KB_JSON_DEPTH_MAX. Nodes live as
 * long as the arena's memory, removed ones too. Thread: its owner's. */
#ifndef KB_VALUE_DOCUMENT_H
#define KB_VALUE_DOCUMENT_H

#include "base/arena.h"
#include "base/buf.h"
#include "value/json.h"

enum kb_node_kind {
    KB_NODE_NULL,
    KB_NODE_BOOL,
    KB_NODE_NUMBER,
    KB_NODE_STRING,
    KB_NODE_OBJECT,
    KB_NODE_ARRAY
};

struct kb_node {
    struct kb_slice text; /* as it stands; of an edited node void */
    struct kb_slice name; /* a member's, in its quotes as it stands; ptr NULL = an element */
    struct kb_node *parent;
    struct kb_node **children; /* of an opened one */
    uint32_t n, cap;
    uint32_t order;  /* among its parent's children: it grows from one to the next, whatever goes */
    uint32_t handle; /* whatever its user knows it by; 0 at first */
    uint16_t depth;  /* containers around it */
    uint8_t kind;    /* enum kb_node_kind */
    uint8_t peeks;   /* so often somebody looked without opening it */
    bool opened, edited;
    bool escaped;  /* the name has escapes in it */
    bool repeated; /* others before it have the same name, as kb_node_member found */
};

struct kb_document {
    struct kb_arena *arena;
    struct kb_node *root;
    const struct kb_json_members *members; /* the root's, by whoever checked its text; NULL = not
                                              known, as kb_document_init leaves it. Borrowed */
    bool failed;
};

/* False: no memory. */
bool kb_document_init(struct kb_document *doc, struct kb_arena *arena, struct kb_slice text)
    __attribute__((warn_unused_result));

/* Takes an object or array apart. False: no memory. Of other kinds true, with no children. */
bool kb_node_open(struct kb_document *doc, struct kb_node *node);
/* A look at one member of an object that is not opened, without opening it. False: it has to be
 * opened to be sure. Else *text is the member's value, ptr NULL where there is none. */
bool kb_node_peek(const struct kb_document *doc, struct kb_node *node, struct kb_slice name,
    struct kb_slice *text);
/* Opens it where need be; NULL = no such member, or no object. */
struct kb_node *kb_node_member(struct kb_document *doc, struct kb_node *node, struct kb_slice name);
struct kb_node *kb_node_element(struct kb_document *doc, struct kb_node *node, uint32_t index);

/* Replaces the member, or adds it behind the others; of a repeated name the last, and the others
 * go. `json` is a JSON text nested `levels` deep. */
bool kb_node_set_member(struct kb_document *doc, struct kb_node *node, struct kb_slice name,
    struct kb_slice json, unsigned levels);
/* Replaces an element; index n adds one. */
bool kb_node_set_element(struct kb_document *doc, struct kb_node *node, uint32_t index,
    struct kb_slice json, unsigned levels);
/* Removes all of that name. */
void kb_node_remove_member(struct kb_document *doc, struct kb_node *node, struct kb_slice name);
void kb_node_remove_last(struct kb_document *doc, struct kb_node *node);

/* What a checked JSON text without white space in front is. */
enum kb_node_kind kb_json_kind(struct kb_slice json);
/* How deep a JSON text is nested: 0 for a scalar, 1 for [] and so on. */
unsigned kb_json_levels(struct kb_slice json);

/* Decodes a string with its quotes. The text itself where it has no escapes, else from the arena;
 * ptr NULL = no memory. */
struct kb_slice kb_document_string(struct kb_document *doc, struct kb_slice quoted);
struct kb_slice kb_document_keep(struct kb_document *doc, struct kb_slice text);

/* The node's value as JSON text, appended. */
void kb_document_write(const struct kb_node *node, struct kb_buf *out);

#endif
