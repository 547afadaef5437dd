/* Test blocks, whose bodies tests_prepare.c has made plain, as struct kb_test; see tests.h. Called
 * by load.c for `kably test`, never by the daemon. */
#include "config/tests.h"

#define ARENA_MAX (256u << 20)

static const struct kb_raw nothing;

static const struct kb_raw *get(const struct kb_raw *table, const char *key)
{
    const struct kb_raw *raw = kb_raw_get(table, key);
    return raw ? raw : &nothing;
}

static struct kb_slice text_of(const struct kb_raw *raw)
{
    return raw->kind == KB_RAW_TEXT ? raw->text : (struct kb_slice){NULL, 0};
}

static void *take_memory(struct kb_tests *tests, size_t n, size_t size)
{
    void *memory = kb_arena_alloc(&tests->arena, n * size + 1);
    return memory ? memset(memory, 0, n * size + 1) : NULL;
}

/* The slices of the blocks are copied: the blocks go. */
static struct kb_slice copy(struct kb_tests *tests, struct kb_slice text)
{
    struct kb_slice copied = {NULL, 0};
    char *bytes = text.ptr ? kb_arena_alloc(&tests->arena, text.len + 1) : NULL;
    if (bytes) {
        memcpy(bytes, text.ptr, text.len);
        bytes[text.len] = '\0';
        copied = (struct kb_slice){bytes, text.len};
    }
    return copied;
}

static bool take_headers(struct kb_tests *tests, const struct kb_raw *list, struct kb_record *rec)
{
    struct kb_header *headers = take_memory(tests, list->n_entries, sizeof(*headers));
    if (!headers)
        return false;
    for (size_t i = 0; i < list->n_entries; i++) {
        const struct kb_raw *pair = &list->entries[i].value;
        for (size_t k = 0; k < pair->n_entries; k++)
            *(pair->entries[k].index == 1 ? &headers[i].name : &headers[i].value) =
                copy(tests, text_of(&pair->entries[k].value));
        if (!headers[i].name.ptr)
            headers[i].name = KB_S("");
    }
    rec->headers = headers;
    rec->n_headers = list->n_entries;
    return true;
}

static bool take_record(
    struct kb_tests *tests, const struct kb_raw *raw, int64_t number, struct kb_test_record *out)
{
    const struct kb_raw *offset = get(raw, "offset");
    out->record = (struct kb_record){.topic = copy(tests, text_of(get(raw, "topic"))),
        .partition = (int32_t)get(raw, "partition")->integer,
        .offset = offset->kind == KB_RAW_INTEGER ? offset->integer : number,
        .timestamp = get(raw, "timestamp")->integer,
        .key = copy(tests, text_of(get(raw, "key"))),
        .value = copy(tests, text_of(get(raw, "value")))};
    out->key_structured = get(raw, "key_structured")->boolean;
    out->value_structured = get(raw, "value_structured")->boolean;
    return take_headers(tests, get(raw, "headers"), &out->record);
}

static bool find_failure(struct kb_slice name, enum kb_failure *out)
{
    for (int i = 0; i < KB_FAILURE_COUNT; i++)
        if (kb_slice_is(name, kb_failure_name((enum kb_failure)i))) {
            *out = (enum kb_failure)i;
            return true;
        }
    return false;
}

static bool take_expected(struct kb_tests *tests, const struct kb_block *block,
    const struct kb_blocks *blocks, struct kb_test *test)
{
    const struct kb_raw *expect = get(&block->body, "expect"), *list = get(expect, "messages");
    struct kb_slice kind = text_of(get(expect, "kind"));
    test->says = copy(tests, text_of(get(expect, "says")));
    test->request = copy(tests, text_of(get(expect, "request")));
    test->expected = kb_slice_is(kind, "drop")      ? KB_EXPECT_DROP
                     : kb_slice_is(kind, "fails")   ? KB_EXPECT_FAILS
                     : kb_slice_is(kind, "request") ? KB_EXPECT_REQUEST
                                                    : KB_EXPECT_MESSAGES;
    struct kb_slice class = text_of(get(expect, "class"));
    if (test->expected == KB_EXPECT_FAILS && !find_failure(class, &test->failure))
        kb_problem_add(blocks->problems, false, &block->place,
            "%s: expect.fails: \"" KB_FMT "\" is no class of failure; expected decode, mapping, "
            "hook or message",
            block->title, KB_ARG(class));
    test->messages = take_memory(tests, list->n_entries, sizeof(*test->messages));
    for (size_t i = 0; test->messages && i < list->n_entries; i++)
        test->messages[test->n_messages++] = copy(tests, text_of(&list->entries[i].value));
    return test->messages != NULL;
}

static bool take_test(
    struct kb_tests *tests, const struct kb_blocks *blocks, const struct kb_block *block)
{
    struct kb_test *test = &tests->list[tests->n++];
    const struct kb_raw *given = get(&block->body, "given");
    struct kb_slice name = copy(tests, text_of(&block->names));
    *test = (struct kb_test){.name = name.ptr ? name.ptr : "",
        .path = copy(tests, kb_slice_of(block->place.path)).ptr,
        .line = block->place.line,
        .records = take_memory(tests, given->n_entries, sizeof(*test->records))};
    if (!test->path || !test->records)
        return false;
    for (size_t i = 0; i < given->n_entries; i++)
        if (!take_record(
                tests, &given->entries[i].value, (int64_t)i, &test->records[test->n_records++]))
            return false;
    return take_expected(tests, block, blocks, test);
}

/* Like the slices, out of the blocks' arena. */
static bool take_functions(struct kb_tests *tests, const struct kb_blocks *blocks)
{
    struct kb_text_function **end = &tests->functions;
    for (const struct kb_text_function *from = blocks->functions; from; from = from->next) {
        struct kb_text_function *to = take_memory(tests, 1, sizeof(*to));
        int *lines = take_memory(tests, from->n_lines, sizeof(*lines));
        const char *path = copy(tests, kb_slice_of(from->path)).ptr;
        if (!to || !lines || !path)
            return false;
        memcpy(lines, from->lines, from->n_lines * sizeof(*lines));
        *to = (struct kb_text_function){
            .path = path, .first = from->first, .lines = lines, .n_lines = from->n_lines};
        *end = to;
        end = &to->next;
    }
    return true;
}

static bool take_keys(struct kb_tests *tests, const struct kb_blocks *blocks,
    const struct kb_block *block, size_t topic)
{
    for (size_t i = 0; i < block->body.n_entries; i++) {
        struct kb_slice key = block->body.entries[i].key;
        if (!key.ptr)
            continue;
        struct kb_file_place place = kb_block_place_of(blocks, block, key);
        struct kb_key_place *to = take_memory(tests, 1, sizeof(*to));
        if (!to)
            return false;
        *to = (struct kb_key_place){.next = tests->keys,
            .topic = topic,
            .key = copy(tests, key).ptr,
            .path = copy(tests, kb_slice_of(place.path)).ptr,
            .title = copy(tests, kb_slice_of(block->title)).ptr,
            .line = place.line};
        if (!to->key || !to->path || !to->title)
            return false;
        tests->keys = to;
    }
    return true;
}

static bool take_all_keys(struct kb_tests *tests, const struct kb_blocks *blocks)
{
    size_t topic = 0;
    for (size_t i = 0; i < blocks->n; i++) {
        const struct kb_block *block = &blocks->list[i];
        bool is_topic = block->kind == KB_BLOCK_TOPIC;
        if ((is_topic || block->kind == KB_BLOCK_DEFAULTS) &&
            !take_keys(tests, blocks, block, is_topic ? topic : SIZE_MAX))
            return false;
        topic += is_topic;
    }
    return true;
}

const struct kb_key_place *kb_tests_key(const struct kb_tests *tests, size_t topic, const char *key)
{
    const struct kb_key_place *shared = NULL;
    for (const struct kb_key_place *place = tests->keys; place; place = place->next) {
        if (strcmp(place->key, key) != 0)
            continue;
        if (place->topic == topic)
            return place;
        if (place->topic == SIZE_MAX)
            shared = place;
    }
    return shared;
}

bool kb_tests_take(struct kb_tests *tests, const struct kb_blocks *blocks)
{
    tests->list = take_memory(tests, blocks->n, sizeof(*tests->list));
    for (size_t i = 0; tests->list && i < blocks->n; i++)
        if (blocks->list[i].kind == KB_BLOCK_TEST && blocks->list[i].body.kind == KB_RAW_TABLE &&
            !take_test(tests, blocks, &blocks->list[i]))
            return false;
    return tests->list && take_functions(tests, blocks) && take_all_keys(tests, blocks);
}

void kb_tests_init(struct kb_tests *tests)
{
    *tests = (struct kb_tests){.n = 0};
    kb_arena_init(&tests->arena, ARENA_MAX);
}

void kb_tests_deinit(struct kb_tests *tests)
{
    kb_arena_deinit(&tests->arena);
    kb_tests_init(tests);
}
