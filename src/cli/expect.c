/* Compares what a test expects with what it got; see expect.h. Called by test.c. Both sides have
 * passed kb_json_read: one was written by us, the other by the encoder of specs. */
#include "cli/expect.h"

#include "base/utf8.h"
#include "value/document.h"

#include <math.h>
#include <stdarg.h>

#define ARENA_MAX (256u << 20)
#define TEXT_MAX (16u << 20)
#define SHOWN_MAX 120
#define PLACE_MAX 60
#define PATH_MAX_BYTES 300

void kb_expect_init(struct kb_expect *expect)
{
    kb_arena_init(&expect->arena, ARENA_MAX);
    kb_buf_init(&expect->differences, TEXT_MAX);
}

void kb_expect_deinit(struct kb_expect *expect)
{
    kb_arena_deinit(&expect->arena);
    kb_buf_deinit(&expect->differences);
}

struct side {
    struct kb_document doc;
    struct kb_node *node;
};

/* ---- telling ---- */

/* Where the two begin to differ, at the start of a character. */
static size_t first_difference(struct kb_slice a, struct kb_slice b)
{
    size_t at = 0, most = a.len < b.len ? a.len : b.len;
    while (at < most && a.ptr[at] == b.ptr[at])
        at++;
    while (at > 0 && at < most && (a.ptr[at] & 0xC0) == 0x80)
        at--;
    return at;
}

/* At most `max` bytes; a longer text from a little before that place on. */
static void show_from(struct kb_buf *out, struct kb_slice text, size_t at, size_t max)
{
    size_t start = 0;
    if (text.len > max && at > max / 3)
        start = at - max / 3;
    while (start > 0 && (text.ptr[start] & 0xC0) == 0x80)
        start--;
    struct kb_slice rest = {text.ptr + start, text.len - start};
    size_t shown = kb_utf8_cut(rest, max);
    if (start > 0)
        kb_buf_add(out, KB_S("..."));
    kb_buf_add(out, (struct kb_slice){rest.ptr, shown});
    if (shown < rest.len)
        kb_buf_add(out, KB_S("..."));
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool only_space_differs(struct kb_slice a, struct kb_slice b)
{
    size_t i = 0, j = 0;
    for (;;) {
        while (i < a.len && is_space(a.ptr[i]))
            i++;
        while (j < b.len && is_space(b.ptr[j]))
            j++;
        if (i == a.len || j == b.len || a.ptr[i] != b.ptr[j])
            return i == a.len && j == b.len;
        i++;
        j++;
    }
}

static void differ(
    struct kb_expect *expect, const char *path, struct kb_slice wanted, struct kb_slice got)
{
    struct kb_buf *out = &expect->differences;
    size_t at = wanted.ptr && got.ptr ? first_difference(wanted, got) : 0;
    kb_buf_printf(out, "%s: expected ", path);
    show_from(out, wanted.ptr ? wanted : KB_S("nothing"), at, SHOWN_MAX);
    kb_buf_add(out, KB_S(", got "));
    show_from(out, got.ptr ? got : KB_S("nothing"), at, SHOWN_MAX);
    if (wanted.len > SHOWN_MAX || got.len > SHOWN_MAX)
        kb_buf_printf(out, "; they differ from byte %zu on", at + 1);
    if (wanted.ptr && got.ptr && only_space_differs(wanted, got))
        kb_buf_add(out, KB_S("; only white space differs"));
    kb_buf_byte(out, '\n');
}

static void differ_nodes(struct kb_expect *expect, const char *path, const struct kb_node *wanted,
    const struct kb_node *got)
{
    static const struct kb_slice nothing = {NULL, 0};
    differ(expect, path, wanted ? wanted->text : nothing, got ? got->text : nothing);
}

void kb_expect_text(
    struct kb_expect *expect, struct kb_slice wanted, struct kb_slice got, const char *what)
{
    struct kb_buf *out = &expect->differences;
    if (kb_slice_eq(wanted, got))
        return;
    size_t at = first_difference(wanted, got);
    kb_buf_printf(out,
        "expected the %s\n  " KB_FMT "\ngot\n  " KB_FMT "\nthey differ from byte %zu on: ", what,
        KB_ARG(wanted), KB_ARG(got), at + 1);
    show_from(out, wanted, at, PLACE_MAX);
    kb_buf_add(out, KB_S(", "));
    show_from(out, got, at, PLACE_MAX);
    if (only_space_differs(wanted, got))
        kb_buf_add(out, KB_S("; only white space differs"));
    kb_buf_byte(out, '\n');
}

/* A path that is too long is cut. */
static void go_deeper(char out[PATH_MAX_BYTES], const char *path, struct kb_slice name)
{
    if (snprintf(out, PATH_MAX_BYTES, "%s." KB_FMT, path, KB_ARG(name)) >= PATH_MAX_BYTES)
        out[PATH_MAX_BYTES - 1] = '\0';
}

/* ---- comparing ---- */

static double number_of(struct kb_slice text)
{
    char digits[400];
    snprintf(digits, sizeof(digits), KB_FMT, KB_ARG(text));
    return strtod(digits, NULL);
}

/* The same digits, or the same double where that holds them: a long integer is its digits. */
static bool same_number(struct kb_slice a, struct kb_slice b)
{
    if (kb_slice_eq(a, b))
        return true;
    double x = number_of(a), y = number_of(b);
    return x == y && fabs(x) < 0x1p53;
}

static bool same(struct kb_expect *expect, struct side wanted, struct side got, const char *path);

static struct side at(const struct side *side, struct kb_node *node)
{
    return (struct side){side->doc, node};
}

static bool same_object(
    struct kb_expect *expect, struct side *wanted, struct side *got, const char *path)
{
    char deeper[PATH_MAX_BYTES];
    bool equal = true;
    for (uint32_t i = 0; i < wanted->node->n; i++) {
        struct kb_node *mine = wanted->node->children[i];
        struct kb_slice name = kb_document_string(&wanted->doc, mine->name);
        struct kb_node *other = kb_node_member(&got->doc, got->node, name);
        go_deeper(deeper, path, name);
        if (!other)
            differ_nodes(expect, deeper, mine, NULL);
        equal = (other ? same(expect, at(wanted, mine), at(got, other), deeper) : false) && equal;
    }
    for (uint32_t i = 0; i < got->node->n; i++) {
        struct kb_node *other = got->node->children[i];
        struct kb_slice name = kb_document_string(&got->doc, other->name);
        if (kb_node_member(&wanted->doc, wanted->node, name))
            continue;
        go_deeper(deeper, path, name);
        differ_nodes(expect, deeper, NULL, other);
        equal = false;
    }
    return equal;
}

static bool same_array(
    struct kb_expect *expect, struct side *wanted, struct side *got, const char *path)
{
    char deeper[PATH_MAX_BYTES];
    bool equal = true;
    uint32_t n = wanted->node->n > got->node->n ? wanted->node->n : got->node->n;
    for (uint32_t i = 0; i < n; i++) {
        struct kb_node *mine = i < wanted->node->n ? wanted->node->children[i] : NULL;
        struct kb_node *other = i < got->node->n ? got->node->children[i] : NULL;
        snprintf(deeper, sizeof(deeper), "%s[%u]", path, i);
        if (mine && other) {
            equal = same(expect, at(wanted, mine), at(got, other), deeper) && equal;
        } else {
            differ_nodes(expect, deeper, mine, other);
            equal = false;
        }
    }
    return equal;
}

/* An empty table of Lua may stand for either. */
static bool both_empty(const struct kb_node *a, const struct kb_node *b)
{
    bool containers = (a->kind == KB_NODE_OBJECT || a->kind == KB_NODE_ARRAY) &&
                      (b->kind == KB_NODE_OBJECT || b->kind == KB_NODE_ARRAY);
    return containers && a->n == 0 && b->n == 0;
}

static bool same(struct kb_expect *expect, struct side wanted, struct side got, const char *path)
{
    struct kb_node *a = wanted.node, *b = got.node;
    bool equal = kb_node_open(&wanted.doc, a) && kb_node_open(&got.doc, b);
    if (!equal || both_empty(a, b))
        return equal;
    equal = a->kind == b->kind;
    if (equal && a->kind == KB_NODE_OBJECT)
        return same_object(expect, &wanted, &got, path);
    if (equal && a->kind == KB_NODE_ARRAY)
        return same_array(expect, &wanted, &got, path);
    if (equal && a->kind == KB_NODE_NUMBER)
        equal = same_number(a->text, b->text);
    else if (equal && a->kind == KB_NODE_STRING)
        equal = kb_slice_eq(
            kb_document_string(&wanted.doc, a->text), kb_document_string(&got.doc, b->text));
    else if (equal)
        equal = kb_slice_eq(a->text, b->text);
    if (!equal)
        differ_nodes(expect, path, a, b);
    return equal;
}

/* ---- a message ---- */

static struct kb_node *member(struct side *side, const char *name)
{
    return side->node ? kb_node_member(&side->doc, side->node, kb_slice_of(name)) : NULL;
}

/* What a subscriber gets as data: where it is JSON, the value; its text where a text is expected.
 */
static void compare_data(struct kb_expect *expect, struct side *wanted, struct kb_node *mine,
    struct side *got, const char *path)
{
    struct kb_node *data = member(got, "data"), *encoding = member(got, "encoding");
    if (!data) {
        if (mine->kind != KB_NODE_NULL)
            differ_nodes(expect, path, mine, NULL);
        return;
    }
    struct kb_slice text = kb_document_string(&got->doc, data->text);
    bool is_json = encoding && kb_slice_is(encoding->text, "\"json\"");
    bool text_wanted = mine->kind == KB_NODE_STRING &&
                       kb_slice_eq(kb_document_string(&wanted->doc, mine->text), text);
    struct side inside;
    if (text_wanted)
        return;
    if (is_json && kb_document_init(&inside.doc, &expect->arena, text)) {
        inside.node = inside.doc.root;
        if (mine->kind == KB_NODE_STRING && inside.node->kind != KB_NODE_STRING)
            differ(expect, path, kb_document_string(&wanted->doc, mine->text), text);
        else
            same(expect, at(wanted, mine), inside, path);
    } else {
        same(expect, at(wanted, mine), at(got, data), path);
    }
}

/* Each member that is named; an empty table names none and stands for no extras. */
static void compare_extras(struct kb_expect *expect, struct side *wanted, struct kb_node *mine,
    struct side *got, const char *path)
{
    struct kb_node *extras = member(got, "extras");
    char deeper[PATH_MAX_BYTES];
    if (!kb_node_open(&wanted->doc, mine))
        return;
    if (mine->n == 0 ? extras != NULL : mine->kind != KB_NODE_OBJECT)
        differ_nodes(expect, path, mine, extras);
    if (mine->kind != KB_NODE_OBJECT)
        return;
    for (uint32_t i = 0; i < mine->n; i++) {
        struct kb_node *one = mine->children[i];
        struct kb_slice name = kb_document_string(&wanted->doc, one->name);
        struct kb_node *other = extras ? kb_node_member(&got->doc, extras, name) : NULL;
        go_deeper(deeper, path, name);
        if (other)
            same(expect, at(wanted, one), at(got, other), deeper);
        else
            differ_nodes(expect, deeper, one, NULL);
    }
}

/* How a member of the expectation is called in the request. */
static const char *name_in_message(struct kb_slice name)
{
    return kb_slice_is(name, "client_id") ? "clientId" : name.ptr;
}

static void compare_member(struct kb_expect *expect, struct side *wanted, struct kb_node *mine,
    struct side *got, struct side *channels, const char *what)
{
    char path[PATH_MAX_BYTES], plain[64];
    struct kb_slice name = kb_document_string(&wanted->doc, mine->name);
    snprintf(plain, sizeof(plain), KB_FMT, KB_ARG(name));
    snprintf(path, sizeof(path), "%s: %s", what, plain);
    if (strcmp(plain, "data") == 0) {
        compare_data(expect, wanted, mine, got, path);
    } else if (strcmp(plain, "extras") == 0) {
        compare_extras(expect, wanted, mine, got, path);
    } else {
        struct kb_node *other =
            strcmp(plain, "channel") == 0
                ? kb_node_element(&channels->doc, channels->node, 0)
                : member(got, name_in_message((struct kb_slice){plain, strlen(plain)}));
        if (other)
            same(expect, at(wanted, mine), at(got, other), path);
        else
            differ_nodes(expect, path, mine, NULL);
    }
}

void kb_expect_message(
    struct kb_expect *expect, struct kb_slice wanted_text, struct kb_slice spec, const char *what)
{
    struct side wanted, whole;
    if (!kb_document_init(&wanted.doc, &expect->arena, wanted_text) ||
        !kb_document_init(&whole.doc, &expect->arena, spec)) {
        kb_buf_printf(&expect->differences, "%s: too large to be compared\n", what);
        return;
    }
    wanted.node = wanted.doc.root;
    whole.node = whole.doc.root;
    struct side channels = at(&whole, member(&whole, "channels"));
    struct kb_node *messages = member(&whole, "messages");
    struct side got = at(&whole, kb_node_element(&whole.doc, messages, 0));
    if (!kb_node_open(&wanted.doc, wanted.node))
        return;
    for (uint32_t i = 0; i < wanted.node->n; i++)
        compare_member(expect, &wanted, wanted.node->children[i], &got, &channels, what);
}
