/* The sink that builds a tree; see json_tree.h. */
#include "value/json_tree.h"

#include "value/json.h"

struct builder {
    struct kb_events events;
    struct kb_arena *arena;
    struct kb_json_node *open[KB_JSON_DEPTH_MAX + 1];  /* containers; [0] holds the document */
    struct kb_json_node **ends[KB_JSON_DEPTH_MAX + 1]; /* where the next child of each goes */
    size_t depth;
    struct kb_slice name; /* of the value to come */
    bool failed;
};

static struct kb_json_node *add(struct kb_events *sink, enum kb_json_kind kind)
{
    struct builder *builder = (struct builder *)sink;
    struct kb_json_node *node = kb_arena_alloc(builder->arena, sizeof(*node));
    if (!node || builder->failed) {
        builder->failed = true;
        return NULL;
    }
    *node = (struct kb_json_node){.kind = kind, .name = builder->name};
    builder->name = (struct kb_slice){NULL, 0};
    *builder->ends[builder->depth] = node;
    builder->ends[builder->depth] = &node->next;
    builder->open[builder->depth]->n++;
    return node;
}

static void add_text(struct kb_events *sink, enum kb_json_kind kind, struct kb_slice text)
{
    struct builder *builder = (struct builder *)sink;
    struct kb_json_node *node = add(sink, kind);
    if (node && !kb_arena_copy(builder->arena, text, &node->text))
        builder->failed = true;
}

static void begin(struct kb_events *sink, enum kb_json_kind kind)
{
    struct builder *builder = (struct builder *)sink;
    struct kb_json_node *node = add(sink, kind);
    if (!node)
        return;
    builder->depth++;
    builder->open[builder->depth] = node;
    builder->ends[builder->depth] = &node->first;
}

static void end(struct kb_events *sink)
{
    struct builder *builder = (struct builder *)sink;
    if (!builder->failed)
        builder->depth--;
}

static void on_begin_object(struct kb_events *sink)
{
    begin(sink, KB_JSON_OBJECT);
}

static void on_begin_array(struct kb_events *sink)
{
    begin(sink, KB_JSON_ARRAY);
}

static void on_key(struct kb_events *sink, struct kb_slice name)
{
    struct builder *builder = (struct builder *)sink;
    if (!kb_arena_copy(builder->arena, name, &builder->name))
        builder->failed = true;
}

static void on_string(struct kb_events *sink, struct kb_slice text)
{
    add_text(sink, KB_JSON_STRING, text);
}

static void on_number(struct kb_events *sink, struct kb_slice text)
{
    add_text(sink, KB_JSON_NUMBER, text);
}

static void on_boolean(struct kb_events *sink, bool truth)
{
    struct kb_json_node *node = add(sink, KB_JSON_BOOLEAN);
    if (node)
        node->truth = truth;
}

static void on_null(struct kb_events *sink)
{
    add(sink, KB_JSON_NULL);
}

const struct kb_json_node *kb_json_tree(
    struct kb_slice text, struct kb_arena *arena, struct kb_err *err)
{
    static const struct kb_events_ops ops = {
        .begin_object = on_begin_object,
        .end_object = end,
        .begin_array = on_begin_array,
        .end_array = end,
        .key = on_key,
        .string = on_string,
        .number = on_number,
        .boolean = on_boolean,
        .null = on_null,
    };
    struct kb_json_node document = {.kind = KB_JSON_ARRAY};
    struct builder *builder = malloc(sizeof(*builder)); /* too large for a stack that is deep */
    if (!builder) {
        kb_err_fatal(err, "no memory to read a JSON text");
        return NULL;
    }
    builder->events.ops = &ops;
    builder->arena = arena;
    builder->open[0] = &document;
    builder->ends[0] = &document.first;
    builder->depth = 0;
    builder->name = (struct kb_slice){NULL, 0};
    builder->failed = false;
    bool ok = kb_json_read(text, &builder->events, err);
    if (ok && builder->failed)
        ok = kb_err_fatal(err, "a JSON text of %zu bytes is too large to be read", text.len);
    free(builder);
    return ok ? document.first : NULL;
}

const struct kb_json_node *kb_json_member(const struct kb_json_node *object, const char *name)
{
    const struct kb_json_node *found = NULL;
    if (!object || object->kind != KB_JSON_OBJECT)
        return NULL;
    for (const struct kb_json_node *member = object->first; member; member = member->next)
        if (kb_slice_is(member->name, name))
            found = member;
    return found;
}

struct kb_slice kb_json_text(const struct kb_json_node *object, const char *name)
{
    const struct kb_json_node *member = kb_json_member(object, name);
    return member && member->kind == KB_JSON_STRING ? member->text : (struct kb_slice){NULL, 0};
}

int64_t kb_json_count(const struct kb_json_node *object, const char *name)
{
    const struct kb_json_node *member = kb_json_member(object, name);
    return member && member->kind == KB_JSON_NUMBER ? kb_slice_digits(member->text) : -1;
}
