/* The editable JSON text; see document.h. A look at one member is document_peek.c's. */
#include "value/document.h"

#include "base/compiler.h"
#include "value/document_scan.h"

#define SPARE_CHILDREN 4

static enum kb_node_kind kind_of(char first)
{
    switch (first) {
    case '{':
        return KB_NODE_OBJECT;
    case '[':
        return KB_NODE_ARRAY;
    case '"':
        return KB_NODE_STRING;
    case 'n':
        return KB_NODE_NULL;
    case 't':
    case 'f':
        return KB_NODE_BOOL;
    default:
        return KB_NODE_NUMBER;
    }
}

enum kb_node_kind kb_json_kind(struct kb_slice json)
{
    return kind_of(json.len > 0 ? json.ptr[0] : 'n');
}

unsigned kb_json_levels(struct kb_slice json)
{
    const char *p = json.ptr, *end = p + json.len;
    unsigned open = 0, most = 0;
    bool escaped;
    while (p < end) {
        char c = *p;
        if (c == '"') {
            p = kb_skip_string(p, end, &escaped);
            continue;
        }
        if (c == '{' || c == '[')
            open++;
        else if (c == '}' || c == ']')
            open--;
        if (open > most)
            most = open;
        p++;
    }
    return most;
}

/* ---- nodes ---- */

static void *take(struct kb_document *doc, size_t size)
{
    void *memory = kb_arena_alloc(doc->arena, size);
    if (!memory)
        doc->failed = true;
    return memory;
}

static void set_text(struct kb_node *node, struct kb_slice text)
{
    node->text = text;
    node->kind = (uint8_t)kind_of(text.len > 0 ? text.ptr[0] : 'n');
    node->opened = node->edited = node->repeated = false;
    node->peeks = 0;
    node->handle = 0;
    node->children = NULL;
    node->n = node->cap = 0;
}

bool kb_document_init(struct kb_document *doc, struct kb_arena *arena, struct kb_slice text)
{
    *doc = (struct kb_document){.arena = arena};
    doc->root = take(doc, sizeof(*doc->root));
    if (!doc->root)
        return false;
    const char *end = text.ptr + text.len, *p = kb_skip_space(text.ptr, end);
    *doc->root = (struct kb_node){0};
    set_text(doc->root, text);
    doc->root->kind = (uint8_t)kind_of(p < end ? *p : 'n');
    return true;
}

/* Room for `more` children. Nodes never move: somebody may hold them. */
static bool grow(struct kb_document *doc, struct kb_node *node, uint32_t more)
{
    if (more <= node->cap - node->n)
        return true;
    if (node->cap > UINT32_MAX / 4)
        return false;
    uint32_t cap = 2 * node->cap + more + SPARE_CHILDREN;
    struct kb_node **children = take(doc, cap * sizeof(*children));
    if (!children)
        return false;
    if (node->n > 0)
        memcpy(children, node->children, node->n * sizeof(*children));
    node->children = children;
    node->cap = cap;
    return true;
}

/* There is room for it. */
static void append(struct kb_node *node, struct kb_node *child, struct kb_slice name, bool escaped,
    struct kb_slice text)
{
    *child = (struct kb_node){
        .name = name, .parent = node, .depth = (uint16_t)(node->depth + 1), .escaped = escaped};
    set_text(child, text);
    child->order = node->n > 0 ? node->children[node->n - 1]->order + 1 : 0;
    node->children[node->n++] = child;
}

static struct kb_node *add_child(struct kb_document *doc, struct kb_node *node,
    struct kb_slice name, bool escaped, struct kb_slice text)
{
    struct kb_node *child = grow(doc, node, 1) ? take(doc, sizeof(*child)) : NULL;
    if (child)
        append(node, child, name, escaped, text);
    return child;
}

/* One `"name": value` or `value` from `p` on; the place behind it, NULL = no memory. */
static const char *open_child(
    struct kb_document *doc, struct kb_node *node, const char *p, const char *end)
{
    struct kb_slice name = {NULL, 0};
    bool escaped = false;
    if (node->kind == KB_NODE_OBJECT) {
        const char *behind = kb_skip_string(p, end, &escaped);
        name = (struct kb_slice){p, (size_t)(behind - p)};
        p = kb_skip_sign(behind, end); /* the colon */
    }
    const char *behind = kb_skip_value(p, end);
    struct kb_slice text = {p, (size_t)(behind - p)};
    return add_child(doc, node, name, escaped, text) ? behind : NULL;
}

static bool open_by_walk(struct kb_document *doc, struct kb_node *node)
{
    const char *end = node->text.ptr + node->text.len, *p = kb_skip_sign(node->text.ptr, end);
    while (p < end && *p != '}' && *p != ']') {
        p = open_child(doc, node, p, end);
        if (!p) {
            node->n = node->cap = 0;
            return false;
        }
        p = kb_skip_space(p, end);
        if (p < end && *p == ',')
            p = kb_skip_space(p + 1, end);
    }
    return true;
}

/* Where each member begins is known, and with it where the one before ends: nothing is read. */
static bool open_by_note(
    struct kb_document *doc, struct kb_node *node, const struct kb_json_members *members)
{
    const struct kb_json_member *member = members->list, *end = member + members->n;
    if (member == end)
        return true;
    struct kb_node *child = take(doc, members->n * sizeof(*child));
    if (!child || !grow(doc, node, members->n))
        return false;
    for (; member < end; member++, child++) {
        struct kb_slice quoted = {member->name.ptr - 1, member->name.len + 2};
        const char *behind =
            member + 1 < end ? member[1].name.ptr - 1 : node->text.ptr + node->text.len;
        append(node, child, quoted, false, kb_value_before(member->value, behind));
    }
    return true;
}

bool kb_node_open(struct kb_document *doc, struct kb_node *node)
{
    if (node->opened || (node->kind != KB_NODE_OBJECT && node->kind != KB_NODE_ARRAY))
        return true;
    const struct kb_json_members *noted = kb_noted_members(doc, node);
    node->opened = noted ? open_by_note(doc, node, noted) : open_by_walk(doc, node);
    return node->opened;
}

static bool has_name(struct kb_document *doc, const struct kb_node *child, struct kb_slice name)
{
    struct kb_slice own = {child->name.ptr + 1, child->name.len - 2};
    if (KB_UNLIKELY(child->escaped))
        own = kb_document_string(doc, child->name);
    return kb_slice_eq(own, name);
}

struct kb_node *kb_node_member(struct kb_document *doc, struct kb_node *node, struct kb_slice name)
{
    if (node->kind != KB_NODE_OBJECT || !kb_node_open(doc, node))
        return NULL;
    struct kb_node *found = NULL;
    for (uint32_t i = node->n; i-- > 0;) {
        if (!has_name(doc, node->children[i], name))
            continue;
        if (found) {
            found->repeated = true;
            break;
        }
        found = node->children[i];
        if (found->kind != KB_NODE_OBJECT && found->kind != KB_NODE_ARRAY)
            break; /* nobody changes it within */
    }
    return found;
}

struct kb_node *kb_node_element(struct kb_document *doc, struct kb_node *node, uint32_t index)
{
    if (node->kind != KB_NODE_ARRAY || !kb_node_open(doc, node) || index >= node->n)
        return NULL;
    return node->children[index];
}

/* ---- edits ---- */

/* Those of the children before `end` that have the name go. True: there were some. */
static bool remove_named(
    struct kb_document *doc, struct kb_node *node, struct kb_slice name, uint32_t end)
{
    uint32_t kept = 0, n = node->n;
    for (uint32_t i = 0; i < n; i++)
        if (i >= end || !has_name(doc, node->children[i], name))
            node->children[kept++] = node->children[i];
    node->n = kept;
    return kept < n;
}

/* The others of a member's name, unless it is itself no longer there. */
static void remove_others(struct kb_document *doc, struct kb_node *member)
{
    struct kb_node *parent = member->parent;
    uint32_t i = 0;
    member->repeated = false;
    while (i < parent->n && parent->children[i] != member)
        i++;
    if (i < parent->n)
        remove_named(doc, parent, kb_document_string(doc, member->name), i);
}

static void mark_edited(struct kb_document *doc, struct kb_node *node)
{
    for (; node; node = node->parent) {
        node->edited = true;
        if (KB_UNLIKELY(node->repeated))
            remove_others(doc, node);
    }
}

static bool too_deep(const struct kb_node *node, unsigned levels)
{
    return node->depth + 1 + levels > KB_JSON_DEPTH_MAX;
}

/* In the place of an old child, which whoever holds it may go on reading. */
static bool replace(
    struct kb_document *doc, struct kb_node *node, uint32_t index, struct kb_slice json)
{
    struct kb_node *old = node->children[index], *child = take(doc, sizeof(*child));
    if (!child)
        return false;
    *child = *old;
    set_text(child, json);
    node->children[index] = child;
    return true;
}

static struct kb_slice quote_plain(struct kb_document *doc, struct kb_slice name)
{
    char *to = take(doc, name.len + 2);
    if (!to)
        return (struct kb_slice){NULL, 0};
    to[0] = '"';
    memcpy(to + 1, name.ptr, name.len);
    to[name.len + 1] = '"';
    return (struct kb_slice){to, name.len + 2};
}

/* Most names have nothing in them that JSON escapes. */
static struct kb_slice quote(struct kb_document *doc, struct kb_slice name, bool *escaped)
{
    const char *end = name.ptr + name.len;
    *escaped = false;
    if (kb_json_skip_plain(name.ptr, end) == end)
        return quote_plain(doc, name);
    struct kb_buf buf;
    kb_buf_init(&buf, 6 * name.len + 2);
    kb_json_string(&buf, name);
    *escaped = buf.len != name.len + 2;
    struct kb_slice kept =
        buf.failed ? (struct kb_slice){NULL, 0} : kb_document_keep(doc, kb_buf_slice(&buf));
    kb_buf_deinit(&buf);
    return kept;
}

bool kb_node_set_member(struct kb_document *doc, struct kb_node *node, struct kb_slice name,
    struct kb_slice json, unsigned levels)
{
    if (node->kind != KB_NODE_OBJECT || too_deep(node, levels) || !kb_node_open(doc, node))
        return false;
    bool ok = false, escaped;
    uint32_t i = node->n;
    while (i > 0 && !has_name(doc, node->children[i - 1], name))
        i--;
    if (i > 0) {
        ok = replace(doc, node, i - 1, json);
        if (ok) /* else what was set anew would go out as it was, beside the new */
            remove_named(doc, node, name, i - 1);
    } else {
        struct kb_slice quoted = quote(doc, name, &escaped);
        ok = quoted.ptr && add_child(doc, node, quoted, escaped, json);
    }
    if (ok)
        mark_edited(doc, node);
    else
        doc->failed = true;
    return ok;
}

bool kb_node_set_element(struct kb_document *doc, struct kb_node *node, uint32_t index,
    struct kb_slice json, unsigned levels)
{
    if (node->kind != KB_NODE_ARRAY || too_deep(node, levels) || !kb_node_open(doc, node) ||
        index > node->n)
        return false;
    bool ok = index < node->n
                  ? replace(doc, node, index, json)
                  : add_child(doc, node, (struct kb_slice){NULL, 0}, false, json) != NULL;
    if (ok)
        mark_edited(doc, node);
    return ok;
}

void kb_node_remove_member(struct kb_document *doc, struct kb_node *node, struct kb_slice name)
{
    if (node->kind != KB_NODE_OBJECT || !kb_node_open(doc, node))
        return;
    if (remove_named(doc, node, name, node->n))
        mark_edited(doc, node);
}

void kb_node_remove_last(struct kb_document *doc, struct kb_node *node)
{
    if (node->kind != KB_NODE_ARRAY || !kb_node_open(doc, node) || node->n == 0)
        return;
    node->n--;
    mark_edited(doc, node);
}

/* ---- texts ---- */

struct kb_slice kb_document_keep(struct kb_document *doc, struct kb_slice text)
{
    struct kb_slice copy = {NULL, 0};
    if (!kb_arena_copy(doc->arena, text, &copy))
        doc->failed = true;
    return copy;
}

struct kb_slice kb_document_string(struct kb_document *doc, struct kb_slice quoted)
{
    struct kb_slice inside = {quoted.ptr + 1, quoted.len - 2};
    if (!memchr(inside.ptr, '\\', inside.len))
        return inside;
    char *to = take(doc, inside.len);
    if (!to)
        return (struct kb_slice){NULL, 0};
    return (struct kb_slice){to, kb_json_unescape(to, inside)};
}

/* As deep as KB_JSON_DEPTH_MAX at most, and only along edited nodes. */
void kb_document_write(const struct kb_node *node, struct kb_buf *out)
{
    if (!node->edited) {
        kb_buf_add(out, node->text);
        return;
    }
    bool object = node->kind == KB_NODE_OBJECT;
    kb_buf_byte(out, object ? '{' : '[');
    for (uint32_t i = 0; i < node->n; i++) {
        if (i > 0)
            kb_buf_byte(out, ',');
        if (object) {
            kb_buf_add(out, node->children[i]->name);
            kb_buf_byte(out, ':');
        }
        kb_document_write(node->children[i], out);
    }
    kb_buf_byte(out, object ? '}' : ']');
}
