/* The capture against lookups in a tree: random documents, random paths, three ways of telling the
 * document. */
#include "value/capture.h"

#include "support/json_tree.h"
#include "value/json.h"
#include "value/value.h"

static const struct kb_scalar *read_one(
    const char *text, const struct kb_path_step *steps, size_t n, struct kb_arena *arena)
{
    static struct kb_scalar copy;
    struct kb_paths *paths = kb_paths_new();
    size_t path = kb_paths_add(paths, steps, n);
    struct kb_capture cap;
    struct kb_err err;
    assert_true(kb_capture_init(&cap, paths, arena));
    assert_true(kb_json_read(kb_slice_of(text), &cap.events, &err));
    assert_false(cap.failed);
    copy = *kb_capture_get(&cap, path);
    kb_paths_free(paths);
    return &copy;
}

static void test_what_each_kind_is_captured_as(void **state)
{
    (void)state;
    struct kb_arena arena;
    kb_arena_init(&arena, 1 << 20);
    static const struct {
        const char *json;
        enum kb_scalar_kind kind;
        const char *text; /* NULL = none */
    } table[] = {
        {"null", KB_SCALAR_NULL, NULL},
        {"true", KB_SCALAR_BOOL, "true"},
        {"false", KB_SCALAR_BOOL, "false"},
        {"9007199254740993", KB_SCALAR_NUMBER, "9007199254740993"},
        {"1.50", KB_SCALAR_NUMBER, "1.50"},
        {"\"a\\n\"", KB_SCALAR_STRING, "a\n"},
        {"\"\"", KB_SCALAR_STRING, ""},
        {"{}", KB_SCALAR_OBJECT, NULL},
        {"{\"b\":[1]}", KB_SCALAR_OBJECT, NULL},
        {"[]", KB_SCALAR_ARRAY, NULL},
        {"[{}]", KB_SCALAR_ARRAY, NULL},
    };
    struct kb_path_step step = {.name = KB_S("a")};
    for (size_t i = 0; i < KB_COUNT(table); i++) {
        char text[100];
        const struct kb_scalar *found =
            read_one(table[i].json, NULL, 0, &arena); /* the value itself */
        assert_int_equal(found->kind, table[i].kind);
        assert_slice(found->text, kb_slice_of(table[i].text));
        snprintf(text, sizeof(text), "{\"a\":%s}", table[i].json);
        found = read_one(text, &step, 1, &arena);
        assert_int_equal(found->kind, table[i].kind);
        assert_slice(found->text, kb_slice_of(table[i].text));
        snprintf(text, sizeof(text), "{\"b\":%s}", table[i].json);
        assert_int_equal(read_one(text, &step, 1, &arena)->kind, KB_SCALAR_MISSING);
    }
    kb_arena_deinit(&arena);
}

/* What only binary formats tell. */
static void test_integers_reals_and_bytes(void **state)
{
    (void)state;
    struct kb_arena arena;
    kb_arena_init(&arena, 1 << 20);
    struct kb_paths *paths = kb_paths_new();
    size_t path[4];
    for (uint32_t i = 0; i < 4; i++)
        path[i] = kb_paths_add(paths, &(struct kb_path_step){.index = i}, 1);
    struct kb_capture cap;
    assert_true(kb_capture_init(&cap, paths, &arena));
    kb_emit_begin_array(&cap.events);
    kb_emit_integer(&cap.events, INT64_MIN);
    kb_emit_real(&cap.events, 0.1);
    kb_emit_bytes(&cap.events, KB_S("\xff\0"));
    kb_emit_real(&cap.events, -1.0 / 0.0);
    kb_emit_end_array(&cap.events);
    assert_slice(kb_capture_get(&cap, path[0])->text, KB_S("-9223372036854775808"));
    assert_slice(kb_capture_get(&cap, path[1])->text, KB_S("0.1"));
    assert_slice(kb_capture_get(&cap, path[2])->text, KB_S("\xff\0"));
    assert_slice(kb_capture_get(&cap, path[3])->text, KB_S("-Infinity"));
    assert_int_equal(kb_capture_get(&cap, path[1])->kind, KB_SCALAR_NUMBER);
    assert_int_equal(kb_capture_get(&cap, path[2])->kind, KB_SCALAR_BYTES);
    kb_paths_free(paths);
    kb_arena_deinit(&arena);
}

static void test_a_repeated_key_clears_what_was_below(void **state)
{
    (void)state;
    struct kb_arena arena;
    kb_arena_init(&arena, 1 << 20);
    struct kb_path_step steps[] = {{.name = KB_S("a")}, {.name = KB_S("b")}};
    assert_int_equal(
        read_one("{\"a\":{\"b\":1},\"a\":{}}", steps, 2, &arena)->kind, KB_SCALAR_MISSING);
    assert_int_equal(
        read_one("{\"a\":{\"b\":1},\"a\":2}", steps, 2, &arena)->kind, KB_SCALAR_MISSING);
    assert_slice(read_one("{\"a\":{\"b\":1},\"a\":{\"b\":2}}", steps, 2, &arena)->text, KB_S("2"));
    assert_slice(read_one("{\"a\":{\"b\":1,\"b\":3}}", steps, 2, &arena)->text, KB_S("3"));
    kb_arena_deinit(&arena);
}

static void test_equal_paths_share_a_number(void **state)
{
    (void)state;
    struct kb_paths *paths = kb_paths_new();
    struct kb_path_step name[] = {{.name = KB_S("a")}, {.name = KB_S("0")}};
    struct kb_path_step index[] = {{.name = KB_S("a")}, {.index = 0}};
    assert_int_equal(kb_paths_add(paths, name, 2), 0);
    assert_int_equal(kb_paths_add(paths, index, 2), 1); /* a member "0" is not the element 0 */
    assert_int_equal(kb_paths_add(paths, name, 1), 2);
    assert_int_equal(kb_paths_add(paths, NULL, 0), 3);
    assert_int_equal(kb_paths_add(paths, name, 2), 0);
    assert_int_equal(kb_paths_add(paths, index, 2), 1);
    assert_int_equal(kb_paths_add(paths, NULL, 0), 3);
    assert_int_equal(kb_paths_count(paths), 4);
    kb_paths_free(paths);
    kb_paths_free(NULL);
}

static void test_a_full_arena_is_told(void **state)
{
    (void)state;
    struct kb_paths *paths = kb_paths_new();
    size_t path = kb_paths_add(paths, NULL, 0);
    struct kb_arena arena;
    kb_arena_init(&arena, 16);
    struct kb_capture cap;
    assert_false(kb_capture_init(&cap, paths, &arena));
    kb_arena_deinit(&arena);
    kb_arena_init(&arena, 200);
    assert_true(kb_capture_init(&cap, paths, &arena));
    static char text[300];
    memset(text, 'x', sizeof(text));
    kb_emit_string(&cap.events, (struct kb_slice){text, sizeof(text)});
    assert_true(cap.failed);
    assert_int_equal(kb_capture_get(&cap, path)->kind, KB_SCALAR_MISSING);
    kb_paths_free(paths);
    kb_arena_deinit(&arena);
}

static void test_deep_nesting(void **state)
{
    (void)state;
    struct kb_arena arena;
    kb_arena_init(&arena, 1 << 20);
    struct kb_path_step steps[KB_JSON_DEPTH_MAX] = {{{0}, 0}};
    char text[2 * KB_JSON_DEPTH_MAX + 2] = "";
    memset(text, '[', KB_JSON_DEPTH_MAX);
    text[KB_JSON_DEPTH_MAX] = '7';
    memset(text + KB_JSON_DEPTH_MAX + 1, ']', KB_JSON_DEPTH_MAX);
    assert_slice(read_one(text, steps, KB_JSON_DEPTH_MAX, &arena)->text, KB_S("7"));
    assert_int_equal(read_one(text, steps, 1, &arena)->kind, KB_SCALAR_ARRAY);
    kb_arena_deinit(&arena);
}

/* Nothing is asked for below what no path names. */
static void test_wants_only_what_leads_to_a_path(void **state)
{
    (void)state;
    struct kb_arena arena;
    kb_arena_init(&arena, 1 << 20);
    struct kb_paths *paths = kb_paths_new();
    struct kb_path_step steps[] = {{.name = KB_S("a")}, {.index = 1}};
    size_t path = kb_paths_add(paths, steps, 2);
    struct kb_capture cap;
    assert_true(kb_capture_init(&cap, paths, &arena));
    struct kb_events *sink = &cap.events;
    assert_true(kb_emit_wanted(sink));
    kb_emit_begin_object(sink);
    kb_emit_key(sink, KB_S("b"));
    assert_false(kb_emit_wanted(sink));
    kb_emit_key(sink, KB_S("a"));
    assert_true(kb_emit_wanted(sink));
    kb_emit_begin_array(sink);
    assert_false(kb_emit_wanted(sink)); /* element 0: passed over, but counted */
    assert_true(kb_emit_wanted(sink));
    kb_emit_string(sink, KB_S("one"));
    assert_false(kb_emit_wanted(sink));
    kb_emit_end_array(sink);
    kb_emit_end_object(sink);
    assert_slice(kb_capture_get(&cap, path)->text, KB_S("one"));
    kb_paths_free(paths);
    kb_arena_deinit(&arena);
}

/* Mostly along what is there, else anywhere. */
static size_t random_path(const struct tree *doc, struct kb_path_step *steps, size_t max)
{
    size_t n = prop_below(max + 1);
    for (size_t i = 0; i < n; i++) {
        size_t child = prop_below(doc && doc->n ? doc->n : TREE_WIDTH);
        steps[i] = (struct kb_path_step){.index = (uint32_t)child};
        if (doc && doc->n && prop_below(4))
            steps[i].name =
                doc->kind == KB_SCALAR_OBJECT ? doc->children[child]->name : (struct kb_slice){0};
        else if (prop_below(2))
            steps[i].name = kb_slice_of(tree_names[prop_below(KB_COUNT(tree_names))]);
        doc = doc ? tree_find(doc, &steps[i], 1) : NULL;
    }
    return n;
}

enum { PATHS = 12, STEPS = 4 };

static void check_document(struct kb_arena *arena, int way, int *found_count)
{
    const struct tree *doc = tree_random(arena, 5);
    struct kb_path_step steps[PATHS][STEPS];
    size_t n_steps[PATHS], numbers[PATHS];
    struct kb_paths *paths = kb_paths_new();
    size_t n_paths = 1 + prop_below(PATHS);
    for (size_t i = 0; i < n_paths; i++) {
        n_steps[i] = random_path(doc, steps[i], STEPS);
        numbers[i] = kb_paths_add(paths, steps[i], n_steps[i]);
    }
    struct kb_capture cap;
    assert_true(kb_capture_init(&cap, paths, arena));
    struct kb_buf text;
    kb_buf_init(&text, 1 << 20);
    struct kb_err err;
    tree_print(doc, &text, true);
    if (way == 0)
        assert_true(kb_json_read(kb_buf_slice(&text), &cap.events, &err));
    else
        tree_emit(doc, &cap.events, way == 1); /* 2: a decoder that never asks what is wanted */
    assert_false(cap.failed);
    for (size_t i = 0; i < n_paths; i++) {
        const struct tree *expected = tree_find(doc, steps[i], n_steps[i]);
        const struct kb_scalar *found = kb_capture_get(&cap, numbers[i]);
        if (found->kind != (expected ? expected->kind : KB_SCALAR_MISSING))
            print_error("way %d, path %zu of " KB_FMT "\n", way, i, KB_ARG(kb_buf_slice(&text)));
        assert_int_equal(found->kind, expected ? expected->kind : KB_SCALAR_MISSING);
        assert_slice(found->text, expected ? expected->text : (struct kb_slice){0});
        *found_count += n_steps[i] > 0 && expected;
    }
    kb_buf_deinit(&text);
    kb_paths_free(paths);
}

static void test_random_documents_and_paths(void **state)
{
    (void)state;
    prop_seed();
    struct kb_arena arena;
    kb_arena_init(&arena, 4 << 20);
    int found = 0;
    for (int round = 0; round < 9000; round++) {
        kb_arena_reset(&arena);
        check_document(&arena, round % 3, &found);
    }
    assert_true(found > 5000); /* else the paths are too random to say anything */
    kb_arena_deinit(&arena);
}

static void test_format_names(void **state)
{
    (void)state;
    for (int i = 0; i < KB_FORMAT_COUNT; i++)
        for (int before = 0; before < i; before++)
            assert_string_not_equal(
                kb_format_name((enum kb_format)i), kb_format_name((enum kb_format)before));
    assert_string_equal(kb_format_name(KB_FORMAT_AUTO), "auto");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_each_kind_is_captured_as),
        cmocka_unit_test(test_integers_reals_and_bytes),
        cmocka_unit_test(test_a_repeated_key_clears_what_was_below),
        cmocka_unit_test(test_equal_paths_share_a_number),
        cmocka_unit_test(test_a_full_arena_is_told),
        cmocka_unit_test(test_deep_nesting),
        cmocka_unit_test(test_wants_only_what_leads_to_a_path),
        cmocka_unit_test(test_random_documents_and_paths),
        cmocka_unit_test(test_format_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
