/* Keeps the values at the paths that templates name; see capture.h. Runs once a record, so it does
 * no more than the paths ask for: `node` follows the decoder down the tree of paths, and where it
 * is NULL the decoder is told to pass over the value. */
#include "value/capture.h"

#include "base/compiler.h"
#include "value/json.h"
#include "value/paths.h"

#include <inttypes.h>

struct kb_capture_frame {
    const struct kb_path_node *node; /* the container's own */
    bool is_array;
    uint32_t index; /* of the element to come */
};

static struct kb_capture *self(struct kb_events *sink)
{
    return (struct kb_capture *)sink;
}

static const struct kb_path_node *element(const struct kb_capture_frame *frame)
{
    return kb_path_child(frame->node, &(struct kb_path_step){.index = frame->index});
}

/* The value at this place is complete: on to the next of the container around it. */
static void advance(struct kb_capture *cap)
{
    cap->node = NULL;
    if (cap->depth == 0)
        return;
    struct kb_capture_frame *frame = &cap->frames[cap->depth - 1];
    if (frame->is_array) {
        frame->index++;
        cap->node = element(frame);
    }
}

/* Forgets what was found at a node and below it: its key came again. */
static void forget(struct kb_capture *cap, const struct kb_path_node *node)
{
    if (node->path != KB_PATH_NONE)
        cap->found[node->path] = (struct kb_scalar){0};
    for (size_t i = 0; i < node->n_children; i++)
        forget(cap, node->children[i]);
}

static struct kb_scalar *slot(struct kb_capture *cap)
{
    const struct kb_path_node *node = cap->node;
    return node && node->path != KB_PATH_NONE ? &cap->found[node->path] : NULL;
}

/* A scalar: kept where a path ends here, its text copied. */
static void keep(struct kb_capture *cap, enum kb_scalar_kind kind, struct kb_slice text)
{
    struct kb_scalar *found = cap->outside ? NULL : slot(cap);
    if (found) {
        if (kb_arena_copy(cap->arena, text, &found->text))
            found->kind = kind;
        else
            cap->failed = true;
    }
    if (!cap->outside)
        advance(cap);
}

static void open_container(struct kb_capture *cap, enum kb_scalar_kind kind)
{
    if (cap->outside || !cap->node) {
        cap->outside++;
        return;
    }
    struct kb_scalar *found = slot(cap);
    if (found)
        found->kind = kind;
    struct kb_capture_frame *frame = &cap->frames[cap->depth++];
    *frame = (struct kb_capture_frame){cap->node, kind == KB_SCALAR_ARRAY, 0};
    cap->node = frame->is_array ? element(frame) : NULL;
}

static void close_container(struct kb_events *sink)
{
    struct kb_capture *cap = self(sink);
    if (cap->outside > 0) {
        cap->outside--;
        if (cap->outside > 0)
            return;
    } else {
        cap->depth--;
    }
    advance(cap);
}

static void on_begin_object(struct kb_events *sink)
{
    open_container(self(sink), KB_SCALAR_OBJECT);
}

static void on_begin_array(struct kb_events *sink)
{
    open_container(self(sink), KB_SCALAR_ARRAY);
}

static void on_key(struct kb_events *sink, struct kb_slice name)
{
    struct kb_capture *cap = self(sink);
    if (cap->outside)
        return;
    const struct kb_path_node *node =
        kb_path_child(cap->frames[cap->depth - 1].node, &(struct kb_path_step){.name = name});
    if (node)
        forget(cap, node);
    cap->node = node;
}

static void on_string(struct kb_events *sink, struct kb_slice text)
{
    keep(self(sink), KB_SCALAR_STRING, text);
}

static void on_bytes(struct kb_events *sink, struct kb_slice bytes)
{
    keep(self(sink), KB_SCALAR_BYTES, bytes);
}

static void on_number(struct kb_events *sink, struct kb_slice text)
{
    keep(self(sink), KB_SCALAR_NUMBER, text);
}

static void on_integer(struct kb_events *sink, int64_t number)
{
    char text[24];
    int len = snprintf(text, sizeof(text), "%" PRId64, number);
    keep(self(sink), KB_SCALAR_NUMBER, (struct kb_slice){text, (size_t)len});
}

static void on_real(struct kb_events *sink, double number)
{
    char text[KB_JSON_REAL_MAX];
    keep(self(sink), KB_SCALAR_NUMBER, (struct kb_slice){text, kb_json_real_text(text, number)});
}

static void on_boolean(struct kb_events *sink, bool truth)
{
    keep(self(sink), KB_SCALAR_BOOL, truth ? KB_S("true") : KB_S("false"));
}

static void on_null(struct kb_events *sink)
{
    keep(self(sink), KB_SCALAR_NULL, (struct kb_slice){0});
}

static bool wants(struct kb_events *sink)
{
    struct kb_capture *cap = self(sink);
    if (cap->outside)
        return false;
    if (cap->node)
        return true;
    advance(cap);
    return false;
}

static void restart(struct kb_events *sink)
{
    struct kb_capture *cap = self(sink);
    if (cap->paths->count)
        memset(cap->found, 0, cap->paths->count * sizeof(*cap->found));
    cap->node = &cap->paths->root;
    cap->depth = cap->outside = 0;
}

bool kb_capture_init(struct kb_capture *cap, const struct kb_paths *paths, struct kb_arena *arena)
{
    static const struct kb_events_ops ops = {
        .begin_object = on_begin_object,
        .end_object = close_container,
        .begin_array = on_begin_array,
        .end_array = close_container,
        .key = on_key,
        .string = on_string,
        .bytes = on_bytes,
        .number = on_number,
        .integer = on_integer,
        .real = on_real,
        .boolean = on_boolean,
        .null = on_null,
        .wants = wants,
        .restart = restart,
    };
    *cap = (struct kb_capture){.events = {&ops}, .paths = paths, .arena = arena};
    cap->found = kb_arena_alloc(arena, paths->count * sizeof(*cap->found));
    /* A frame for each container on a path, the one that a path ends at included. */
    cap->frames = kb_arena_alloc(arena, ((size_t)paths->depth + 1) * sizeof(*cap->frames));
    if (!cap->found || !cap->frames)
        return false;
    restart(&cap->events);
    return true;
}

const struct kb_scalar *kb_capture_get(const struct kb_capture *cap, size_t path)
{
    KB_BUG_ON(path >= cap->paths->count);
    return &cap->found[path];
}
