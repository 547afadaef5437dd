/* The JSON text of Avro schemas -> the graph of their types; see avro_type.h. Called once a schema;
 * the JSON tree is gone afterwards. Names are looked up by hash: a schema may have thousands. */
#include "decode/avro_type.h"

#include "base/hash.h"
#include "base/utf8.h"
#include "decode/out.h"
#include "value/json_tree.h"

#define TREE_MAX (64u << 20)
#define NAME_BUCKETS 1024
#define NAME_SHOWN 200       /* of a name in an error text */
#define FIXED_MAX (16 << 20) /* no record is larger */

struct parser {
    struct kb_avro *avro;
    struct kb_arena tree;
    struct kb_avro_type *names[NAME_BUCKETS];
    struct kb_err *err;
};

static struct kb_avro_type *parse_type(
    struct parser *p, const struct kb_json_node *node, struct kb_slice namespace);

static struct kb_avro_type *refuse(struct parser *p, const char *what, struct kb_slice which)
{
    struct kb_slice shown = {which.ptr, kb_utf8_cut(which, NAME_SHOWN)};
    kb_err_record(p->err, KB_FAILURE_DECODE, "%s \"" KB_FMT "\"", what, KB_ARG(shown));
    return NULL;
}

static void *take(struct parser *p, size_t size)
{
    void *memory = kb_arena_alloc(&p->avro->arena, size);
    if (!memory)
        kb_err_fatal(p->err, "the schema is too large");
    else
        memset(memory, 0, size);
    return memory;
}

static struct kb_avro_type *new_type(struct parser *p, enum kb_avro_kind kind)
{
    struct kb_avro_type *type = take(p, sizeof(*type));
    if (!type)
        return NULL;
    type->kind = kind;
    return type;
}

/* Into avro->all, now that its parts are there. Passes NULL on. */
static struct kb_avro_type *completed(struct parser *p, struct kb_avro_type *type)
{
    if (type) {
        *p->avro->all_end = type;
        p->avro->all_end = &type->next;
    }
    return type;
}

static bool new_parts(struct parser *p, struct kb_avro_type *type, uint32_t n)
{
    type->parts = take(p, (n + 1) * sizeof(*type->parts));
    return type->parts != NULL;
}

/* ---- names ---- */

static struct kb_slice join(struct parser *p, struct kb_slice namespace, struct kb_slice name)
{
    bool dot = namespace.len > 0;
    char *full = take(p, namespace.len + name.len + 2);
    if (!full)
        return (struct kb_slice){NULL, 0};
    if (dot)
        memcpy(full, namespace.ptr, namespace.len);
    if (dot)
        full[namespace.len] = '.';
    memcpy(full + namespace.len + dot, name.ptr, name.len);
    return (struct kb_slice){full, namespace.len + dot + name.len};
}

static struct kb_slice namespace_of(struct kb_slice full)
{
    const char *dot = memrchr(full.ptr, '.', full.len);
    return (struct kb_slice){full.ptr, dot ? (size_t)(dot - full.ptr) : 0};
}

static bool has_dot(struct kb_slice name)
{
    return name.len > 0 && memchr(name.ptr, '.', name.len);
}

/* Is the name whole as it stands? ".N" is the N of no namespace, and loses its dot. */
static bool is_full(struct kb_slice *name)
{
    if (name->len > 1 && name->ptr[0] == '.') {
        *name = (struct kb_slice){name->ptr + 1, name->len - 1};
        return true;
    }
    return has_dot(*name);
}

static struct kb_avro_type **bucket(struct parser *p, struct kb_slice full)
{
    return &p->names[kb_hash64(full, 0) % NAME_BUCKETS];
}

static struct kb_avro_type *find(struct parser *p, struct kb_slice full)
{
    struct kb_avro_type *type = *bucket(p, full);
    while (type && !kb_slice_eq(type->name, full))
        type = type->same_hash;
    return type;
}

static bool primitive_kind(struct kb_slice name, enum kb_avro_kind *out)
{
    static const char *const names[] = {
#define X(id, name) [KB_AVRO_##id] = name,
        KB_AVRO_PRIMITIVES(X)
#undef X
    };
    for (size_t i = 0; i < KB_COUNT(names); i++) {
        if (kb_slice_is(name, names[i])) {
            *out = (enum kb_avro_kind)i;
            return true;
        }
    }
    return false;
}

/* A name without a dot is looked for in the namespace it stands in, then without any. */
static struct kb_avro_type *by_name(
    struct parser *p, struct kb_slice name, struct kb_slice namespace)
{
    enum kb_avro_kind kind;
    if (primitive_kind(name, &kind))
        return &p->avro->primitives[kind];
    struct kb_avro_type *type = NULL;
    if (!is_full(&name) && namespace.len > 0) {
        struct kb_slice full = join(p, namespace, name);
        if (!full.ptr)
            return NULL;
        type = find(p, full);
    }
    if (!type)
        type = find(p, name);
    return type ? type : refuse(p, "there is no type", name);
}

/* Names the type, so that what stands inside it can lead back to it. */
static bool define(struct parser *p, struct kb_avro_type *type, const struct kb_json_node *node,
    struct kb_slice namespace)
{
    struct kb_slice name = kb_json_text(node, "name"), own = kb_json_text(node, "namespace");
    enum kb_avro_kind kind;
    if (name.len == 0)
        return refuse(p, "a name is missing in namespace", namespace);
    bool full = is_full(&name);
    if (primitive_kind(name, &kind))
        return refuse(p, "a type can't be named", name);
    type->name = join(p, full ? KB_S("") : own.ptr ? own : namespace, name);
    if (!type->name.ptr)
        return false;
    if (find(p, type->name))
        return refuse(p, "there are two types", type->name);
    struct kb_avro_type **first = bucket(p, type->name);
    type->same_hash = *first;
    *first = type;
    return true;
}

/* ---- what stands in a type ---- */

/* opening "name" closing, as JSON text, padded as kb_out_padded takes it. */
static bool part_json(struct parser *p, struct kb_avro_part *part, const char *opening,
    struct kb_slice name, const char *closing)
{
    struct kb_buf buf;
    kb_buf_init(&buf, 8 * name.len + 64);
    kb_buf_add(&buf, kb_slice_of(opening));
    kb_json_string(&buf, name);
    kb_buf_add(&buf, kb_slice_of(closing));
    size_t len = buf.len;
    kb_buf_add(&buf, (struct kb_slice){(const char[KB_OUT_PAD]){0}, KB_OUT_PAD});
    bool ok = !buf.failed && kb_arena_copy(&p->avro->arena, kb_buf_slice(&buf), &part->json) &&
              kb_arena_copy(&p->avro->arena, name, &part->name);
    part->json.len = len;
    kb_buf_deinit(&buf);
    return ok || kb_err_fatal(p->err, "the schema is too large");
}

static int by_text(const void *left, const void *right)
{
    const struct kb_slice *a = left, *b = right;
    int order = memcmp(a->ptr, b->ptr, a->len < b->len ? a->len : b->len);
    return order ? order : (a->len > b->len) - (a->len < b->len);
}

/* Two alike would be shown alike. */
static bool check_unlike(struct parser *p, const struct kb_avro_type *type, const char *what)
{
    struct kb_slice *names = calloc(type->n + 1, sizeof(*names));
    if (!names)
        return kb_err_fatal(p->err, "no memory for a schema");
    for (uint32_t i = 0; i < type->n; i++)
        names[i] = type->parts[i].name;
    qsort(names, type->n, sizeof(*names), by_text);
    bool ok = true;
    for (uint32_t i = 1; ok && i < type->n; i++)
        ok = !kb_slice_eq(names[i - 1], names[i]) || refuse(p, what, names[i]);
    free(names);
    return ok;
}

static const struct kb_json_node *list_of(
    struct parser *p, const struct kb_json_node *node, const char *member)
{
    const struct kb_json_node *list = kb_json_member(node, member);
    if (list && list->kind == KB_JSON_ARRAY)
        return list;
    kb_err_record(p->err, KB_FAILURE_DECODE, "the list \"%s\" is missing", member);
    return NULL;
}

static bool parse_field(struct parser *p, struct kb_avro_type *record,
    const struct kb_json_node *node, struct kb_slice namespace)
{
    struct kb_slice name = kb_json_text(node, "name");
    const struct kb_json_node *type = kb_json_member(node, "type");
    if (name.len == 0 || !type)
        return refuse(p, "a field without name or type, name", name);
    struct kb_avro_part *part = &record->parts[record->n];
    if (!part_json(p, part, record->n == 0 ? "{" : ",", name, ":"))
        return false;
    part->type = parse_type(p, type, namespace);
    if (!part->type)
        return kb_err_wrap(p->err, KB_FMT, KB_ARG(name));
    record->n++;
    return true;
}

static struct kb_avro_type *parse_record(
    struct parser *p, const struct kb_json_node *node, struct kb_slice namespace)
{
    struct kb_avro_type *record = new_type(p, KB_AVRO_RECORD);
    const struct kb_json_node *fields = list_of(p, node, "fields");
    if (!record || !fields || !define(p, record, node, namespace) ||
        !new_parts(p, record, fields->n))
        return NULL;
    for (const struct kb_json_node *field = fields->first; field; field = field->next) {
        if (!parse_field(p, record, field, namespace_of(record->name))) {
            kb_err_wrap(p->err, "record " KB_FMT, KB_ARG(record->name));
            return NULL;
        }
    }
    return check_unlike(p, record, "there are two fields") ? record : NULL;
}

static struct kb_avro_type *parse_enum(
    struct parser *p, const struct kb_json_node *node, struct kb_slice namespace)
{
    struct kb_avro_type *type = new_type(p, KB_AVRO_ENUM);
    const struct kb_json_node *symbols = list_of(p, node, "symbols");
    if (!type || !symbols || !define(p, type, node, namespace) || !new_parts(p, type, symbols->n))
        return NULL;
    for (const struct kb_json_node *symbol = symbols->first; symbol; symbol = symbol->next) {
        if (symbol->kind != KB_JSON_STRING)
            return refuse(p, "a symbol that is no text in enum", type->name);
        if (!part_json(p, &type->parts[type->n++], "", symbol->text, ""))
            return NULL;
    }
    return check_unlike(p, type, "there are two symbols") ? type : NULL;
}

static struct kb_avro_type *parse_fixed(
    struct parser *p, const struct kb_json_node *node, struct kb_slice namespace)
{
    struct kb_avro_type *type = new_type(p, KB_AVRO_FIXED);
    int64_t size = kb_json_count(node, "size");
    if (!type || !define(p, type, node, namespace))
        return NULL;
    if (size < 0 || size > FIXED_MAX)
        return refuse(p, "\"size\" is missing, no number or too large in fixed", type->name);
    type->size = (uint32_t)size;
    kb_avro_set_logical(type, node);
    return type;
}

static struct kb_avro_type *parse_items(struct parser *p, const struct kb_json_node *node,
    enum kb_avro_kind kind, const char *member, struct kb_slice namespace)
{
    struct kb_avro_type *type = new_type(p, kind);
    const struct kb_json_node *items = kb_json_member(node, member);
    if (!type || !new_parts(p, type, 1))
        return NULL;
    if (!items)
        return refuse(p, "missing:", kb_slice_of(member));
    type->n = 1;
    type->parts->type = parse_type(p, items, namespace);
    return type->parts->type ? type : NULL;
}

/* A branch is known by its full name, or by its type's name where it has none. */
static struct kb_slice branch_name(const struct kb_avro_type *type)
{
    static const char *const names[] = {
#define X(id, name) [KB_AVRO_##id] = name,
        KB_AVRO_PRIMITIVES(X)
#undef X
            [KB_AVRO_ARRAY] = "array",
        [KB_AVRO_MAP] = "map",
    };
    return type->name.ptr ? type->name : kb_slice_of(names[type->kind]);
}

static bool add_branch(struct parser *p, struct kb_avro_type *type, struct kb_avro_type *branch)
{
    struct kb_slice name = branch_name(branch), space = namespace_of(name);
    struct kb_slice bare = {name.ptr + space.len, name.len - space.len};
    if (space.len > 0)
        bare = (struct kb_slice){bare.ptr + 1, bare.len - 1};
    struct kb_avro_part *full = &type->parts[type->n], *brief = &type->short_parts[type->n];
    full->type = brief->type = branch;
    type->n++;
    return part_json(p, full, "", name, ":") && part_json(p, brief, "", bare, ":");
}

static struct kb_avro_type *parse_union(
    struct parser *p, const struct kb_json_node *node, struct kb_slice namespace)
{
    struct kb_avro_type *type = new_type(p, KB_AVRO_UNION);
    if (!type || !new_parts(p, type, node->n))
        return NULL;
    type->short_parts = take(p, (node->n + 1) * sizeof(*type->short_parts));
    if (!type->short_parts)
        return NULL;
    for (const struct kb_json_node *item = node->first; item; item = item->next) {
        struct kb_avro_type *branch = parse_type(p, item, namespace);
        if (!branch)
            return NULL;
        if (branch->kind == KB_AVRO_UNION)
            return refuse(p, "a union in a union in namespace", namespace);
        if (!add_branch(p, type, branch))
            return NULL;
    }
    return check_unlike(p, type, "a union has two branches") ? type : NULL;
}

static struct kb_avro_type *parse_primitive(
    struct parser *p, const struct kb_json_node *node, enum kb_avro_kind kind)
{
    if (!kb_json_member(node, "logicalType"))
        return &p->avro->primitives[kind];
    struct kb_avro_type *type = new_type(p, kind);
    if (type)
        kb_avro_set_logical(type, node);
    return type;
}

static struct kb_avro_type *parse_object(
    struct parser *p, const struct kb_json_node *node, struct kb_slice namespace)
{
    const struct kb_json_node *type = kb_json_member(node, "type");
    enum kb_avro_kind kind;
    if (!type)
        return refuse(p, "\"type\" is missing of", kb_json_text(node, "name"));
    if (type->kind != KB_JSON_STRING)
        return parse_type(p, type, namespace);
    if (primitive_kind(type->text, &kind))
        return parse_primitive(p, node, kind);
    if (kb_slice_is(type->text, "record") || kb_slice_is(type->text, "error"))
        return completed(p, parse_record(p, node, namespace));
    if (kb_slice_is(type->text, "enum"))
        return completed(p, parse_enum(p, node, namespace));
    if (kb_slice_is(type->text, "fixed"))
        return completed(p, parse_fixed(p, node, namespace));
    if (kb_slice_is(type->text, "array"))
        return completed(p, parse_items(p, node, KB_AVRO_ARRAY, "items", namespace));
    if (kb_slice_is(type->text, "map"))
        return completed(p, parse_items(p, node, KB_AVRO_MAP, "values", namespace));
    return by_name(p, type->text, namespace);
}

static struct kb_avro_type *parse_type(
    struct parser *p, const struct kb_json_node *node, struct kb_slice namespace)
{
    switch (node->kind) {
    case KB_JSON_STRING:
        return by_name(p, node->text, namespace);
    case KB_JSON_ARRAY:
        return completed(p, parse_union(p, node, namespace));
    case KB_JSON_OBJECT:
        return parse_object(p, node, namespace);
    default:
        return refuse(
            p, "neither a name, an object nor a list stands for a type in namespace", namespace);
    }
}

static bool parse_text(struct parser *p, const struct kb_schema_ref *schema)
{
    if (schema->text.len > KB_AVRO_SCHEMA_MAX)
        return kb_err_record(p->err, KB_FAILURE_DECODE, "has %zu bytes, %u are read at most",
            schema->text.len, KB_AVRO_SCHEMA_MAX);
    kb_arena_reset(&p->tree);
    const struct kb_json_node *doc = kb_json_tree(schema->text, &p->tree, p->err);
    p->avro->root = doc ? parse_type(p, doc, KB_S("")) : NULL;
    return p->avro->root != NULL;
}

bool kb_avro_parse(
    struct kb_avro *avro, const struct kb_schema_ref *texts, size_t n, struct kb_err *err)
{
    struct parser *p = calloc(1, sizeof(*p));
    if (!p)
        return kb_err_fatal(err, "no memory for a schema");
    p->avro = avro;
    p->err = err;
    avro->all_end = &avro->all;
    kb_arena_init(&p->tree, TREE_MAX);
    for (size_t i = 0; i <= KB_AVRO_STRING; i++)
        avro->primitives[i].kind = (enum kb_avro_kind)i;
    bool ok = true;
    for (size_t i = 0; ok && i < n; i++) {
        ok = parse_text(p, &texts[i]);
        if (!ok && texts[i].name.ptr)
            kb_err_wrap(err, "reference " KB_FMT, KB_ARG(texts[i].name));
    }
    kb_arena_deinit(&p->tree);
    free(p);
    return ok;
}
