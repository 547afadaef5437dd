/* Fuzzes what functions do to a record: the bytes make a JSON document and a list of reads and
 * edits of it, which a function in Lua does by the views of the record, and this file to a tree of
 * its own. What is routed in the end has to parse and to be that tree, what was read has to be what
 * the tree had, and without an edit every byte is as it came. Removed and replaced values go on
 * being read and edited by whoever holds them. */
#include "base/arena.h"
#include "config/config.h"
#include "route/route.h"
#include "value/json.h"
#include "value/json_tree.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The state in which the function lives goes on from run to run, and its memory comes and goes when
 * it likes: libFuzzer would look for leaks after nearly each run, which takes a hundred times as
 * long as the run. The unit tests of hooks look for them. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "detect_leaks=0";
}

#define TEXT_MAX (8 << 20)
#define DEPTH_MAX 5      /* of the document that comes */
#define DEPTH_EDITED 80  /* and of what edits make of it */
#define NODES_COPIED 100 /* a copy of more is not asked for: it could double with each edit */
#define OPS_MAX 40
#define HELD_MAX 24

static const char file[] =
    "kafka { ['bootstrap.servers'] = 'localhost:9092', ['group.id'] = 'g' }\n"
    "ably { key = 'app.id:secret' } limits { hook_ms = 60000 }\n"
    "local values = kably.json.decode [==[{VALUES}]==]\n"
    "topic 't' { channel = 'c', key = 'string', value = 'json', transform = function(record)\n"
    "  local held, read = { record.value }, kably.array {}\n"
    "  local function note(v) read[#read + 1] = v == nil and 'absent' or v end\n"
    "  local run = {\n"
    "    hold = function(v, k) held[#held + 1] = v[k] end,\n"
    "    read = function(v, k) note(v[k]) end,\n"
    "    count = function(v) note(#v) end,\n"
    "    walk = function(v) for k, x in pairs(v) do note(k) note(x) end end,\n"
    "    each = function(v) for i, x in ipairs(v) do note(i) note(x) end end,\n"
    "    set = function(v, k, x) v[k] = values[x] end,\n"
    "    copy = function(v, k, x) v[k] = held[x] end,\n"
    "    tables = function(v, k, x) v[k] = kably.copy(held[x]) end,\n"
    "    remove = function(v, k) v[k] = nil end,\n"
    "    insert = function(v, k, x) table.insert(v, k, values[x]) end,\n"
    "    sift = function(v) for k, x in pairs(v) do note(k)\n"
    "      if type(x) ~= 'table' and type(x) ~= 'string' then v[k] = nil end end end,\n"
    "    take = function(v, k) note(table.remove(v, k)) end,\n"
    "    replace = function(v) record.value = v held[#held + 1] = record.value end,\n"
    "  }\n"
    "  for _, op in ipairs(kably.json.decode(record.key)) do\n"
    "    run[op[1]](held[op[2]], op[3], op[4])\n"
    "  end\n"
    "  return { record, { data = read }, { data = held[#held] } }\n"
    "end }\n";

/* What is assigned. A float is written as short as it goes. */
static const char *const values[] = {"1", "-7", "1.5", "9007199254740993",
    "123456789012345678901234567890.25", "\"text\"", "\"\"", "\"\\u00e9\\n\\\"\"", "true", "false",
    "null", "{}", "[]", "{\"a\":1}", "[1,[2,null]]", "{\"b\":[],\"z\":{\"a\":[{}]}}"};

/* ---- the bytes ---- */

struct bytes {
    const uint8_t *at, *end;
};

static size_t below(struct bytes *bytes, size_t limit)
{
    return bytes->at < bytes->end ? *bytes->at++ % limit : 0;
}

/* ---- a tree that is edited as the record should be ---- */

struct tree {
    bool object, container;
    struct kb_slice text; /* a scalar as JSON */
    struct kb_slice name; /* a member's */
    unsigned depth;       /* containers around it */
    struct tree *parent;  /* NULL: the root */
    struct tree **children;
    size_t n, cap;
};

static struct kb_arena arena;

static void *take(size_t size)
{
    void *memory = kb_arena_alloc(&arena, size + 1);
    KB_BUG_ON(!memory);
    return memset(memory, 0, size + 1);
}

static struct tree *new_tree(struct kb_slice name, unsigned depth)
{
    struct tree *node = take(sizeof(*node));
    node->name = name;
    node->depth = depth;
    return node;
}

static void append(struct tree *node, struct tree *child)
{
    if (node->n == node->cap) {
        struct tree **children = take((2 * node->cap + 4) * sizeof(struct tree *));
        if (node->n > 0)
            memcpy(children, node->children, node->n * sizeof(struct tree *));
        node->children = children;
        node->cap = 2 * node->cap + 4;
    }
    node->children[node->n++] = child;
}

static void adopt(struct tree *node, struct tree *child)
{
    child->parent = node;
    append(node, child);
}

static size_t count_nodes(const struct tree *node)
{
    size_t n = 1;
    for (size_t i = 0; i < node->n; i++)
        n += count_nodes(node->children[i]);
    return n;
}

static unsigned levels(const struct tree *node)
{
    unsigned most = 0;
    for (size_t i = 0; i < node->n; i++) {
        unsigned own = levels(node->children[i]);
        most = own > most ? own : most;
    }
    return node->container ? most + 1 : 0;
}

static struct tree *copy_tree(const struct tree *from, struct kb_slice name, unsigned depth)
{
    struct tree *node = new_tree(name, depth);
    node->object = from->object;
    node->container = from->container;
    node->text = from->text;
    for (size_t i = 0; i < from->n; i++)
        adopt(node, copy_tree(from->children[i], from->children[i]->name, depth + 1));
    return node;
}

/* Of a repeated name the last counts. */
static size_t place_of(const struct tree *node, struct kb_slice name)
{
    size_t i = node->n;
    while (i > 0 && !kb_slice_eq(node->children[i - 1]->name, name))
        i--;
    return i;
}

static int by_name(const void *left, const void *right)
{
    struct kb_slice a = (*(struct tree *const *)left)->name;
    struct kb_slice b = (*(struct tree *const *)right)->name;
    int order = memcmp(a.ptr, b.ptr, a.len < b.len ? a.len : b.len);
    return order ? order : (a.len > b.len) - (a.len < b.len);
}

/* As Lua's tables have it: each name once, and in the order of the names once it is JSON again. */
static struct tree *as_tables(const struct tree *from, struct kb_slice name, unsigned depth)
{
    struct tree *node = new_tree(name, depth);
    node->object = from->object;
    node->container = from->container;
    node->text = from->text;
    for (size_t i = 0; i < from->n; i++) {
        struct tree *child = from->children[i];
        if (!from->object || place_of(from, child->name) == i + 1)
            adopt(node, as_tables(child, child->name, depth + 1));
    }
    if (node->object && node->n > 1)
        qsort(node->children, node->n, sizeof(struct tree *), by_name);
    return node;
}

static void print(const struct tree *node, struct kb_buf *out)
{
    if (!node->container) {
        kb_buf_add(out, node->text);
        return;
    }
    kb_buf_byte(out, node->object ? '{' : '[');
    for (size_t i = 0; i < node->n; i++) {
        if (i > 0)
            kb_buf_byte(out, ',');
        if (node->object) {
            kb_json_string(out, node->children[i]->name);
            kb_buf_byte(out, ':');
        }
        print(node->children[i], out);
    }
    kb_buf_byte(out, node->object ? '}' : ']');
}

static struct tree *from_json(const struct kb_json_node *from, struct kb_slice raw, unsigned depth)
{
    struct tree *node = new_tree(from->name, depth);
    node->object = from->kind == KB_JSON_OBJECT;
    node->container = node->object || from->kind == KB_JSON_ARRAY;
    node->text = raw;
    for (const struct kb_json_node *child = from->first; child; child = child->next) {
        struct kb_buf text;
        kb_buf_init(&text, TEXT_MAX);
        if (child->kind == KB_JSON_STRING)
            kb_json_string(&text, child->text);
        else if (child->kind == KB_JSON_NUMBER)
            kb_buf_add(&text, child->text);
        else if (child->kind == KB_JSON_BOOLEAN)
            kb_buf_add(&text, child->truth ? KB_S("true") : KB_S("false"));
        else
            kb_buf_add(&text, KB_S("null"));
        struct kb_slice kept;
        KB_BUG_ON(!kb_arena_copy(&arena, kb_buf_slice(&text), &kept));
        adopt(node, from_json(child, kept, depth + 1));
        kb_buf_deinit(&text);
    }
    return node;
}

static struct tree *value_tree(size_t i, struct kb_slice name, unsigned depth)
{
    struct kb_err err;
    struct kb_slice text = kb_slice_of(values[i]);
    const struct kb_json_node *node = kb_json_tree(text, &arena, &err);
    KB_BUG_ON(!node);
    struct tree *tree = from_json(node, text, depth);
    tree->name = name;
    return tree;
}

/* ---- the document that comes ---- */

static const struct {
    const char *written, *is;
} names[] = {{"\"a\"", "a"}, {"\"b\"", "b"}, {"\"c\"", "c"}, {"\"\\u0061\"", "a"}, {"\"\"", ""},
    {"\"\\n\"", "\n"}, {"\"x\xc3\xa9\"", "x\xc3\xa9"}, {"\"a longer name\"", "a longer name"}};

static const char *const scalars[] = {"0", "-1", "17", "1.5", "1e3", "-0.0", "1E400", "null",
    "true", "false", "\"\"", "\"s\"", "\"\\u00e9\\ud83d\\ude00\"", "\"}]\\\\\"",
    "9223372036854775807", "-123456789012345678901234567890"};

static const char *const spaces[] = {"", "", " ", "\n\t "};

static void put_space(struct bytes *bytes, struct kb_buf *text)
{
    kb_buf_add(text, kb_slice_of(spaces[below(bytes, KB_COUNT(spaces))]));
}

static struct tree *make(
    struct bytes *bytes, struct kb_slice name, unsigned depth, bool container, struct kb_buf *text)
{
    struct tree *node = new_tree(name, depth);
    size_t what = below(bytes, container ? 2 : depth < DEPTH_MAX ? 5 : 1);
    node->container = container || what > 2;
    if (!node->container) {
        node->text = kb_slice_of(scalars[below(bytes, KB_COUNT(scalars))]);
        kb_buf_add(text, node->text);
        return node;
    }
    node->object = what % 2 == 0;
    kb_buf_byte(text, node->object ? '{' : '[');
    for (size_t n = below(bytes, 6); n > 0; n--) {
        size_t named = node->object ? below(bytes, KB_COUNT(names)) : 0;
        put_space(bytes, text);
        if (node->object) {
            kb_buf_add(text, kb_slice_of(names[named].written));
            put_space(bytes, text);
            kb_buf_byte(text, ':');
            put_space(bytes, text);
        }
        struct kb_slice own =
            node->object ? kb_slice_of(names[named].is) : (struct kb_slice){NULL, 0};
        adopt(node, make(bytes, own, depth + 1, false, text));
        put_space(bytes, text);
        if (n > 1)
            kb_buf_byte(text, ',');
    }
    kb_buf_byte(text, node->object ? '}' : ']');
    return node;
}

/* ---- the reads and edits ---- */

struct run {
    struct bytes bytes;
    struct tree *root, *read;
    struct tree *held[HELD_MAX];
    size_t n_held;
    bool edited;
    struct kb_buf ops;
    size_t n_ops;
};

/* One line of the list: a name for an object's member, a number for an array's element. */
static void tell(struct run *run, const char *what, size_t of, const struct tree *node,
    struct kb_slice name, size_t index, size_t last)
{
    kb_buf_printf(&run->ops, "%s[\"%s\",%zu,", run->n_ops++ > 0 ? "," : "", what, of + 1);
    if (node->object)
        kb_json_string(&run->ops, name);
    else
        kb_buf_printf(&run->ops, "%zu", index);
    kb_buf_printf(&run->ops, ",%zu]", last + 1);
}

static void note(struct run *run, struct tree *node)
{
    append(run->read, node);
}

static void note_text(struct run *run, const char *fmt, size_t number)
{
    char text[40];
    snprintf(text, sizeof(text), fmt, number);
    struct tree *node = new_tree((struct kb_slice){NULL, 0}, 1);
    KB_BUG_ON(!kb_arena_copy(&arena, kb_slice_of(text), &node->text));
    note(run, node);
}

static void note_name(struct run *run, struct kb_slice name)
{
    struct kb_buf text;
    struct tree *node = new_tree((struct kb_slice){NULL, 0}, 1);
    kb_buf_init(&text, TEXT_MAX);
    kb_json_string(&text, name);
    KB_BUG_ON(!kb_arena_copy(&arena, kb_buf_slice(&text), &node->text));
    kb_buf_deinit(&text);
    note(run, node);
}

static void hold(struct run *run, struct tree *node)
{
    if (run->n_held < HELD_MAX)
        run->held[run->n_held++] = node;
}

/* The n-th child of any, from 1; 0 = there is none. Of a member the one that its name gives. */
static size_t choose(struct run *run, const struct tree *node)
{
    size_t i = node->n > 0 ? below(&run->bytes, node->n) + 1 : 0;
    return i > 0 && node->object ? place_of(node, node->children[i - 1]->name) : i;
}

/* The place that a key gives, 0 = none such; a name or a number behind the end now and then. */
static size_t choose_any(struct run *run, const struct tree *node, struct kb_slice *name)
{
    if (!node->object)
        return below(&run->bytes, node->n + 1) + 1;
    *name = kb_slice_of(names[below(&run->bytes, KB_COUNT(names))].is);
    return place_of(node, *name);
}

static void put(struct tree *node, size_t place, struct tree *child)
{
    child->parent = node;
    if (place > 0 && place <= node->n)
        node->children[place - 1] = child;
    else
        append(node, child);
}

static bool fits(const struct tree *node, const struct tree *given)
{
    return node->depth + 1 + levels(given) < DEPTH_EDITED && count_nodes(given) <= NODES_COPIED;
}

static void remove_named(struct tree *node, struct kb_slice name)
{
    size_t kept = 0;
    for (size_t i = 0; i < node->n; i++)
        if (!kb_slice_eq(node->children[i]->name, name))
            node->children[kept++] = node->children[i];
    node->n = kept;
}

/* In the place of the last of its name, the others of which go. */
static void put_member(struct tree *node, size_t place, struct tree *child)
{
    size_t kept = 0;
    child->parent = node;
    for (size_t i = 0; i < node->n; i++)
        if (i + 1 == place)
            node->children[kept++] = child;
        else if (!kb_slice_eq(node->children[i]->name, child->name))
            node->children[kept++] = node->children[i];
    node->n = kept;
    if (place == 0)
        append(node, child);
}

/* A member that changes within is from then on the only one of its name, as is each around it; all
 * of them have been reached by their names. */
static void changed(struct run *run, struct tree *node)
{
    run->edited = true;
    for (; node->parent; node = node->parent)
        for (size_t i = 0; node->parent->object && i < node->parent->n; i++)
            if (node->parent->children[i] == node) {
                put_member(node->parent, i + 1, node);
                break;
            }
}

static void set(struct run *run, size_t of, const char *what)
{
    struct tree *node = run->held[of];
    struct kb_slice name = {NULL, 0};
    size_t place = choose_any(run, node, &name);
    size_t which = below(&run->bytes, *what == 's' ? KB_COUNT(values) : run->n_held);
    struct tree *child;
    if (*what == 's')
        child = value_tree(which, name, node->depth + 1);
    else if (*what == 'c')
        child = copy_tree(run->held[which], name, node->depth + 1);
    else
        child = as_tables(run->held[which], name, node->depth + 1);
    if (!fits(node, child))
        return;
    tell(run, what, of, node, name, place, which);
    if (node->object)
        put_member(node, place, child);
    else
        put(node, place, child);
    changed(run, node);
}

static void remove_child(struct run *run, size_t of)
{
    struct tree *node = run->held[of];
    struct kb_slice name = {NULL, 0};
    size_t place = node->n;
    if (node->object)
        place = choose_any(run, node, &name);
    tell(run, "remove", of, node, name, place > 0 ? place : 1, 0);
    if (place == 0)
        return;
    if (node->object)
        remove_named(node, name);
    else
        node->n--;
    changed(run, node);
}

/* A walk that removes members as it goes sees each that is still there. */
static void sift(struct run *run, size_t of)
{
    struct tree *node = run->held[of];
    if (!node->object)
        return;
    size_t n = node->n;
    struct tree **all = take(n * sizeof(struct tree *));
    if (n > 0)
        memcpy(all, node->children, n * sizeof(struct tree *));
    tell(run, "sift", of, node, KB_S(""), 0, 0);
    for (size_t i = 0; i < n; i++) {
        bool there = false;
        for (size_t k = 0; k < node->n; k++)
            there = there || node->children[k] == all[i];
        if (!there)
            continue;
        note_name(run, all[i]->name);
        if (all[i]->container || all[i]->text.ptr[0] == '"')
            continue;
        remove_named(node, all[i]->name);
        changed(run, node);
    }
}

/* table.insert and table.remove assign each element to the next place: copies, all of them. */
static void insert(struct run *run, size_t of)
{
    struct tree *node = run->held[of];
    if (node->object || count_nodes(node) > NODES_COPIED)
        return;
    size_t place = below(&run->bytes, node->n + 1) + 1;
    size_t which = below(&run->bytes, KB_COUNT(values));
    const struct kb_slice none = {NULL, 0};
    struct tree *child = value_tree(which, none, node->depth + 1);
    if (!fits(node, child))
        return;
    tell(run, "insert", of, node, none, place, which);
    for (size_t i = node->n + 1; i > place; i--)
        put(node, i, copy_tree(node->children[i - 2], none, node->depth + 1));
    put(node, place, child);
    changed(run, node);
}

static void take_element(struct run *run, size_t of)
{
    struct tree *node = run->held[of];
    if (node->object || node->n == 0)
        return;
    size_t place = below(&run->bytes, node->n) + 1;
    const struct kb_slice none = {NULL, 0};
    tell(run, "take", of, node, none, place, 0);
    note(run, node->children[place - 1]);
    for (size_t i = place; i < node->n; i++)
        put(node, i, copy_tree(node->children[i], none, node->depth + 1));
    node->n--;
    changed(run, node);
}

static void walk(struct run *run, size_t of, bool each)
{
    struct tree *node = run->held[of];
    if (each && node->object)
        return;
    tell(run, each ? "each" : "walk", of, node, KB_S(""), 0, 0);
    for (size_t i = 0; i < node->n; i++) {
        if (node->object)
            note_name(run, node->children[i]->name);
        else
            note_text(run, "%zu", i + 1);
        note(run, node->children[i]);
    }
}

static void read_child(struct run *run, size_t of)
{
    struct tree *node = run->held[of];
    struct kb_slice name = {NULL, 0};
    size_t place = choose_any(run, node, &name);
    tell(run, "read", of, node, name, place, 0);
    if (place > 0 && place <= node->n)
        note(run, node->children[place - 1]);
    else
        note_text(run, "\"absent\"", 0);
}

static void hold_child(struct run *run, size_t of)
{
    struct tree *node = run->held[of];
    size_t place = choose(run, node);
    if (place == 0 || !node->children[place - 1]->container || run->n_held == HELD_MAX)
        return;
    tell(run, "hold", of, node, node->children[place - 1]->name, place, 0);
    hold(run, node->children[place - 1]);
}

static void replace_root(struct run *run, size_t of)
{
    struct tree *node = run->held[of];
    if (run->n_held == HELD_MAX || count_nodes(node) > NODES_COPIED)
        return;
    tell(run, "replace", of, node, KB_S(""), 0, 0);
    run->root = copy_tree(node, (struct kb_slice){NULL, 0}, 0);
    hold(run, run->root);
    run->edited = true;
}

static void one(struct run *run)
{
    size_t of = below(&run->bytes, run->n_held);
    switch (below(&run->bytes, 13)) {
    case 0:
    case 1:
        hold_child(run, of);
        break;
    case 2:
        read_child(run, of);
        break;
    case 3:
        tell(run, "count", of, run->held[of], KB_S(""), 0, 0);
        note_text(run, "%zu", run->held[of]->object ? 0 : run->held[of]->n);
        break;
    case 4:
        walk(run, of, below(&run->bytes, 2));
        break;
    case 5:
        set(run, of, "set");
        break;
    case 6:
        set(run, of, "copy");
        break;
    case 7:
        set(run, of, "tables");
        break;
    case 8:
        remove_child(run, of);
        break;
    case 9:
        insert(run, of);
        break;
    case 10:
        take_element(run, of);
        break;
    case 11:
        sift(run, of);
        break;
    default:
        replace_root(run, of);
    }
}

/* ---- what came of it ---- */

static double as_double(struct kb_slice text)
{
    char *digits = take(text.len); /* with a NUL behind it */
    memcpy(digits, text.ptr, text.len);
    return strtod(digits, NULL);
}

/* Numbers by their digits, but for what Lua's floats write shorter. */
static bool same_number(struct kb_slice a, struct kb_slice b)
{
    return kb_slice_eq(a, b) || as_double(a) == as_double(b);
}

static bool same(const struct kb_json_node *a, const struct kb_json_node *b)
{
    if (a->kind != b->kind || a->n != b->n || !kb_slice_eq(a->name, b->name))
        return false;
    if (a->kind == KB_JSON_BOOLEAN)
        return a->truth == b->truth;
    if (a->kind == KB_JSON_NUMBER)
        return same_number(a->text, b->text);
    if (a->kind == KB_JSON_STRING)
        return kb_slice_eq(a->text, b->text);
    const struct kb_json_node *x = a->first, *y = b->first;
    for (; x && y; x = x->next, y = y->next)
        if (!same(x, y))
            return false;
    return !x && !y;
}

static void check_message(const struct run *run, const struct kb_message *msg,
    const struct tree *expected, struct kb_slice came)
{
    struct kb_buf text;
    struct kb_err err;
    kb_buf_init(&text, TEXT_MAX);
    print(expected, &text);
    const struct kb_json_node *wanted = kb_json_tree(kb_buf_slice(&text), &arena, &err);
    const struct kb_json_node *got = kb_json_tree(msg->data.bytes, &arena, &err);
    if (msg->data.form != KB_FORM_JSON || !wanted || !got || !same(wanted, got)) {
        fprintf(stderr, "of " KB_FMT "\nby [" KB_FMT "]\nexpected " KB_FMT "\ngot " KB_FMT "\n",
            KB_ARG(came), KB_ARG(kb_buf_slice(&run->ops)), KB_ARG(kb_buf_slice(&text)),
            KB_ARG(msg->data.bytes));
        abort();
    }
    kb_buf_deinit(&text);
}

static struct kb_config *config;
static struct kb_hooks *hooks;
static struct kb_router router;

static void load(void)
{
    struct kb_problems problems;
    struct kb_err err;
    struct kb_buf text, list;
    const char *mark = strstr(file, "{VALUES}");
    kb_buf_init(&text, TEXT_MAX);
    kb_buf_init(&list, TEXT_MAX);
    for (size_t i = 0; i < KB_COUNT(values); i++)
        kb_buf_printf(&list, "%s%s", i == 0 ? "[" : ",", values[i]);
    kb_buf_add(&text, (struct kb_slice){file, (size_t)(mark - file)});
    kb_buf_add(&text, kb_buf_slice(&list));
    kb_buf_byte(&text, ']');
    kb_buf_add(&text, kb_slice_of(mark + strlen("{VALUES}")));
    kb_problems_init(&problems);
    config = kb_config_load_text("fuzz.lua", kb_buf_slice(&text), &problems);
    kb_problems_print(&problems, stderr);
    kb_problems_deinit(&problems);
    kb_buf_deinit(&text);
    kb_buf_deinit(&list);
    KB_BUG_ON(!config || !kb_config_hooks(config, &hooks, &err));
    KB_BUG_ON(!kb_router_init(&router, KB_S("x")));
    kb_router_set_hooks(&router, hooks);
    kb_arena_init(&arena, 64 << 20);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!config)
        load();
    kb_arena_reset(&arena);
    struct kb_buf text;
    struct run run = {.bytes = {data, data + size}};
    kb_buf_init(&text, TEXT_MAX);
    kb_buf_init(&run.ops, TEXT_MAX);
    run.root = make(&run.bytes, (struct kb_slice){NULL, 0}, 0, true, &text);
    run.read = new_tree((struct kb_slice){NULL, 0}, 0);
    run.read->container = true;
    hold(&run, run.root);
    kb_buf_byte(&run.ops, '[');
    for (size_t i = 0; i < OPS_MAX && run.bytes.at < run.bytes.end; i++)
        one(&run);
    kb_buf_byte(&run.ops, ']');

    struct kb_err err;
    struct kb_record rec = {
        .topic = KB_S("t"), .key = kb_buf_slice(&run.ops), .value = kb_buf_slice(&text)};
    if (kb_route(&router, &config->topics[0], &rec, &err) != KB_ROUTED) {
        fprintf(stderr, "of " KB_FMT "\nby " KB_FMT "\n%s\n", KB_ARG(rec.value), KB_ARG(rec.key),
            err.text);
        abort();
    }
    KB_BUG_ON(router.n_messages != 3);
    check_message(&run, &router.messages[0], run.root, rec.value);
    check_message(&run, &router.messages[1], run.read, rec.value);
    check_message(&run, &router.messages[2], run.held[run.n_held - 1], rec.value);
    KB_BUG_ON(!run.edited && !kb_slice_eq(router.messages[0].data.bytes, rec.value));
    kb_buf_deinit(&text);
    kb_buf_deinit(&run.ops);
    return 0;
}
