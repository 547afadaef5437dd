/* Random JSON documents as trees, for property tests: made, printed in two ways, told as events,
 * looked up. The reference that the reader, the writer and the capture are held against, so it is
 * written the plain way.
 *
 *     struct tree *doc = tree_random(&arena, 4);
 *     tree_print(doc, &text, true);                  // noisy: white space and escapes at random
 *     tree_print(doc, &expected, false);             // as kb_json_writer prints it
 *     tree_find(doc, steps, n);                      // the value at a path, NULL = none
 */
#ifndef KB_TESTS_SUPPORT_JSON_TREE_H
#define KB_TESTS_SUPPORT_JSON_TREE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/utf8.h"
#include "support/prop.h"
#include "value/capture.h"
#include "value/events.h"

#define TREE_WIDTH 5

struct tree {
    enum kb_scalar_kind kind;
    struct kb_slice name; /* in an object */
    struct kb_slice text; /* decoded, as struct kb_scalar has it */
    struct tree *children[TREE_WIDTH];
    size_t n;
};

static const char *const tree_names[] = {"a", "b", "c", "ab", "", "\xc3\xa9", "q\"\\\n"};
static const char *const tree_letters[] = {"x", "plain text ", "\"", "\\", "/", "\n", "\x01",
    "\x7f", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "0123456789abcdef0123456789"};
static const char *const tree_numbers[] = {"0", "-0", "7", "-12", "9007199254740993", "1.50", "1e5",
    "-2.5E-10", "123456789012345678901234567890"};

static inline struct kb_slice tree_string(struct kb_arena *arena)
{
    char text[256];
    size_t len = 0;
    for (size_t n = prop_below(6); n > 0; n--) {
        const char *letter = tree_letters[prop_below(KB_COUNT(tree_letters))];
        memcpy(text + len, letter, strlen(letter));
        len += strlen(letter);
    }
    struct kb_slice copy;
    assert_true(kb_arena_copy(arena, (struct kb_slice){text, len}, &copy));
    return copy;
}

static inline struct tree *tree_random(struct kb_arena *arena, int depth)
{
    struct tree *tree = kb_arena_alloc(arena, sizeof(*tree));
    assert_non_null(tree);
    *tree = (struct tree){.kind = KB_SCALAR_NULL};
    switch (prop_below(depth > 0 ? 8 : 4)) {
    case 0:
        break;
    case 1:
        tree->kind = KB_SCALAR_BOOL;
        tree->text = prop_below(2) ? KB_S("true") : KB_S("false");
        break;
    case 2:
        tree->kind = KB_SCALAR_NUMBER;
        tree->text = kb_slice_of(tree_numbers[prop_below(KB_COUNT(tree_numbers))]);
        break;
    case 3:
        tree->kind = KB_SCALAR_STRING;
        tree->text = tree_string(arena);
        break;
    default:
        tree->kind = prop_below(3) ? KB_SCALAR_OBJECT : KB_SCALAR_ARRAY;
        tree->n = prop_below(TREE_WIDTH + 1);
        for (size_t i = 0; i < tree->n; i++) {
            tree->children[i] = tree_random(arena, depth - 1);
            tree->children[i]->name = kb_slice_of(tree_names[prop_below(KB_COUNT(tree_names))]);
        }
    }
    return tree;
}

static inline void tree_space(struct kb_buf *out, bool noisy)
{
    for (size_t n = noisy ? prop_below(3) : 0; n > 0; n--)
        kb_buf_byte(out, " \t\r\n"[prop_below(4)]);
}

static inline unsigned tree_code(const char *p, size_t step)
{
    unsigned code = step == 1 ? (unsigned char)*p : (unsigned char)*p & (0xffu >> (step + 1));
    for (size_t i = 1; i < step; i++)
        code = code << 6 | ((unsigned char)p[i] & 0x3f);
    return code;
}

static inline void tree_unicode_escape(struct kb_buf *out, unsigned code)
{
    const char *format = prop_below(2) ? "\\u%04x" : "\\u%04X";
    if (code >= 0x10000) {
        kb_buf_printf(out, format, 0xd800 + ((code - 0x10000) >> 10));
        code = 0xdc00 + ((code - 0x10000) & 0x3ff);
    }
    kb_buf_printf(out, format, code);
}

static inline void tree_print_string(struct kb_slice text, struct kb_buf *out, bool noisy)
{
    static const char shorts[] = "\"\\\b\f\n\r\t", letters[] = "\"\\bfnrt";
    kb_buf_byte(out, '"');
    for (const char *p = text.ptr, *end = p + text.len; p < end;) {
        size_t step = kb_utf8_step(p, end);
        const char *found = *p ? strchr(shorts, *p) : NULL;
        bool control = (unsigned char)*p < 0x20;
        if (noisy && prop_below(3) == 0)
            tree_unicode_escape(out, tree_code(p, step));
        else if (found)
            kb_buf_printf(out, "\\%c", letters[found - shorts]);
        else if (noisy && *p == '/' && prop_below(2))
            kb_buf_printf(out, "\\/");
        else if (control)
            kb_buf_printf(out, "\\u%04x", (unsigned)*p);
        else
            kb_buf_add(out, (struct kb_slice){p, step});
        p += step;
    }
    kb_buf_byte(out, '"');
}

static inline void tree_print(const struct tree *tree, struct kb_buf *out, bool noisy)
{
    bool object = tree->kind == KB_SCALAR_OBJECT;
    tree_space(out, noisy);
    if (object || tree->kind == KB_SCALAR_ARRAY) {
        kb_buf_byte(out, object ? '{' : '[');
        tree_space(out, noisy);
        for (size_t i = 0; i < tree->n; i++) {
            if (i > 0)
                kb_buf_byte(out, ',');
            tree_space(out, noisy);
            if (object) {
                tree_print_string(tree->children[i]->name, out, noisy);
                tree_space(out, noisy);
                kb_buf_byte(out, ':');
            }
            tree_print(tree->children[i], out, noisy);
        }
        kb_buf_byte(out, object ? '}' : ']');
    } else if (tree->kind == KB_SCALAR_STRING) {
        tree_print_string(tree->text, out, noisy);
    } else {
        kb_buf_add(out, tree->kind == KB_SCALAR_NULL ? KB_S("null") : tree->text);
    }
    tree_space(out, noisy);
}

/* Tells a sink the whole tree; where `ask`, passing over what it does not want. */
static inline void tree_emit(const struct tree *tree, struct kb_events *sink, bool ask)
{
    if (ask && !kb_emit_wanted(sink))
        return;
    bool object = tree->kind == KB_SCALAR_OBJECT;
    if (object || tree->kind == KB_SCALAR_ARRAY) {
        object ? kb_emit_begin_object(sink) : kb_emit_begin_array(sink);
        for (size_t i = 0; i < tree->n; i++) {
            if (object)
                kb_emit_key(sink, tree->children[i]->name);
            tree_emit(tree->children[i], sink, ask);
        }
        object ? kb_emit_end_object(sink) : kb_emit_end_array(sink);
    } else if (tree->kind == KB_SCALAR_STRING) {
        kb_emit_string(sink, tree->text);
    } else if (tree->kind == KB_SCALAR_NUMBER) {
        kb_emit_number(sink, tree->text);
    } else if (tree->kind == KB_SCALAR_BOOL) {
        kb_emit_boolean(sink, kb_slice_is(tree->text, "true"));
    } else {
        kb_emit_null(sink);
    }
}

static inline const struct tree *tree_find(
    const struct tree *tree, const struct kb_path_step *steps, size_t n)
{
    for (; n > 0 && tree; steps++, n--) {
        const struct tree *next = NULL;
        bool member = steps->name.ptr;
        if (tree->kind == KB_SCALAR_ARRAY && !member && steps->index < tree->n)
            next = tree->children[steps->index];
        for (size_t i = 0; tree->kind == KB_SCALAR_OBJECT && member && i < tree->n; i++)
            if (kb_slice_eq(tree->children[i]->name, steps->name))
                next = tree->children[i]; /* the last of that name */
        tree = next;
    }
    return tree;
}

#endif
