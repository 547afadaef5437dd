/* A JSON text read and edited in place: what nobody touched keeps its bytes, what was removed can
 * go on being read, and where memory ends nothing has happened. What functions make of it, at
 * random, is tests/fuzz/fuzz_document.c's. */
#include "support/prop.h"
#include "value/document.h"
#include "value/json.h"

#include <stddef.h>
#include <stdio.h>

#define ARENA_MAX (1 << 20)

static struct kb_arena arena;
static struct kb_document doc;
static struct kb_buf out;

static int set_up(void **state)
{
    (void)state;
    kb_arena_init(&arena, ARENA_MAX);
    kb_buf_init(&out, ARENA_MAX);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    kb_arena_deinit(&arena);
    kb_buf_deinit(&out);
    return 0;
}

static struct kb_node *open_text(const char *text)
{
    struct kb_err err;
    assert_true(kb_json_read(kb_slice_of(text), NULL, &err));
    kb_arena_reset(&arena);
    assert_true(kb_document_init(&doc, &arena, kb_slice_of(text)));
    return doc.root;
}

static struct kb_node *member(struct kb_node *node, const char *name)
{
    return kb_node_member(&doc, node, kb_slice_of(name));
}

static bool set(struct kb_node *node, const char *name, const char *json)
{
    return kb_node_set_member(
        &doc, node, kb_slice_of(name), kb_slice_of(json), kb_json_levels(kb_slice_of(json)));
}

#define assert_written(node, text)                           \
    do {                                                     \
        kb_buf_reset(&out);                                  \
        kb_document_write(node, &out);                       \
        assert_slice(kb_buf_slice(&out), kb_slice_of(text)); \
    } while (0)

static void the_header_s_example(void **state)
{
    (void)state;
    struct kb_node *root = open_text("{\"a\": {\"b\":1}, \"card\":\"x\", \"n\":1.50}");
    assert_true(set(member(root, "a"), "b", "2"));
    kb_node_remove_member(&doc, root, KB_S("card"));
    assert_written(root, "{\"a\":{\"b\":2},\"n\":1.50}");
    assert_false(doc.failed);
}

static void reading_changes_no_byte(void **state)
{
    (void)state;
    static const char text[] = " { \"a\" : [ 1 , {\"\\u0062\" :\t1e3 } ] ,\n\"c\":\"\\u00e9\" } ";
    struct kb_node *root = open_text(text), *a = member(root, "a");
    assert_int_equal(a->kind, KB_NODE_ARRAY);
    assert_int_equal(member(root, "c")->kind, KB_NODE_STRING);
    assert_null(member(root, "b"));
    assert_null(member(a, "b"));
    assert_null(kb_node_element(&doc, root, 0));
    struct kb_node *inner = kb_node_element(&doc, a, 1);
    assert_slice(member(inner, "b")->text, KB_S("1e3"));
    assert_null(kb_node_element(&doc, a, 2));
    assert_written(root, text);
    assert_written(a, "[ 1 , {\"\\u0062\" :\t1e3 } ]");
    assert_false(root->edited);
}

static void each_kind_is_known(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        enum kb_node_kind kind;
        unsigned levels;
    } rows[] = {{"null", KB_NODE_NULL, 0}, {"true", KB_NODE_BOOL, 0}, {"false", KB_NODE_BOOL, 0},
        {"-1", KB_NODE_NUMBER, 0}, {"0", KB_NODE_NUMBER, 0}, {"\"[{\"", KB_NODE_STRING, 0},
        {"{}", KB_NODE_OBJECT, 1}, {"[]", KB_NODE_ARRAY, 1},
        {"[[],[[\"]\"]],{\"a\":\"[[[\"}]", KB_NODE_ARRAY, 3}};
    for (size_t i = 0; i < KB_COUNT(rows); i++) {
        assert_int_equal(open_text(rows[i].json)->kind, rows[i].kind);
        assert_int_equal(kb_json_kind(kb_slice_of(rows[i].json)), rows[i].kind);
        assert_int_equal(kb_json_levels(kb_slice_of(rows[i].json)), rows[i].levels);
    }
}

static void of_a_repeated_name_the_last_counts(void **state)
{
    (void)state;
    struct kb_node *root = open_text("{\"a\":1,\"b\":2,\"\\u0061\":3}");
    assert_slice(member(root, "a")->text, KB_S("3"));
    assert_true(set(root, "a", "4"));
    assert_written(root, "{\"b\":2,\"\\u0061\":4}");
    kb_node_remove_member(&doc, root, KB_S("a"));
    assert_written(root, "{\"b\":2}");
}

static void names_are_written_as_json(void **state)
{
    (void)state;
    struct kb_node *root = open_text("{}");
    assert_true(set(root, "a \"\n", "[]"));
    assert_true(set(root, "", "1"));
    assert_written(root, "{\"a \\\"\\n\":[],\"\":1}");
    assert_slice(member(root, "a \"\n")->text, KB_S("[]"));
}

static void elements(void **state)
{
    (void)state;
    struct kb_node *root = open_text("[1, 2]");
    assert_true(kb_node_set_element(&doc, root, 0, KB_S("\"x\""), 0));
    assert_true(kb_node_set_element(&doc, root, 2, KB_S("{\"a\":1}"), 1));
    assert_false(kb_node_set_element(&doc, root, 4, KB_S("5"), 0));
    assert_true(set(kb_node_element(&doc, root, 2), "a", "2"));
    assert_written(root, "[\"x\",2,{\"a\":2}]");
    for (int i = 0; i < 4; i++)
        kb_node_remove_last(&doc, root);
    assert_written(root, "[]");
    assert_false(set(root, "a", "1"));
    assert_false(doc.failed);
}

/* Somebody may hold what was removed or replaced: it is as it was, and edits of it go nowhere. */
static void what_is_gone_can_be_read_on(void **state)
{
    (void)state;
    struct kb_node *root = open_text("{\"a\":{\"b\":[1]},\"c\":[{\"d\":1}]}");
    struct kb_node *a = member(root, "a"), *c = member(root, "c");
    struct kb_node *first = kb_node_element(&doc, c, 0);
    assert_true(set(root, "a", "{\"new\":1}"));
    kb_node_remove_last(&doc, c);
    assert_slice(kb_node_element(&doc, member(a, "b"), 0)->text, KB_S("1"));
    assert_true(set(a, "b", "2"));
    assert_true(set(first, "d", "2"));
    assert_written(a, "{\"b\":2}");
    assert_written(first, "{\"d\":2}");
    assert_written(root, "{\"a\":{\"new\":1},\"c\":[]}");
}

static void a_peek_opens_nothing_and_ends(void **state)
{
    (void)state;
    struct kb_slice text;
    struct kb_node *root = open_text("{\"a\":1,\"b\":{\"a\":2},\"a\":[3]}");
    assert_true(kb_node_peek(&doc, root, KB_S("a"), &text));
    assert_slice(text, KB_S("[3]"));
    assert_true(kb_node_peek(&doc, root, KB_S("x"), &text));
    assert_null(text.ptr);
    assert_false(root->opened);
    int peeks = 0;
    while (kb_node_peek(&doc, root, KB_S("b"), &text))
        assert_true(peeks++ < 10);
    assert_slice(member(root, "b")->text, KB_S("{\"a\":2}"));
    assert_false(kb_node_peek(&doc, root, KB_S("a"), &text)); /* it is open: ask it */
    root = open_text("{\"\\u0061\":1}");
    assert_false(kb_node_peek(&doc, root, KB_S("a"), &text)); /* an escape: to be opened */
    assert_false(kb_node_peek(&doc, open_text("[1]"), KB_S("a"), &text));
}

/* Whatever space stands around the signs, and before and behind the object. */
static void an_object_opens_alike_by_its_noted_members(void **state)
{
    (void)state;
    static const char *const values[] = {"1", "-2.50e3", "\"}, \\\"x\\\" ,\"", "{}",
        "[ 1 , {\"a\":2} ]", "null", "\"\"", "{ \"a\" : [] }"};
    static const char *const spaces[] = {"", " ", "\t\n ", "\r\n"};
    for (unsigned seed = 1; seed <= 5000; seed++) {
        struct kb_json_members members;
        struct kb_err err;
        char json[2048];
        unsigned random = seed * 2654435761u, n = seed % 12;
        const char *space = spaces[random / 7 % KB_COUNT(spaces)];
        size_t len = (size_t)snprintf(json, sizeof(json), "%s{%s", space, space);
        for (unsigned i = 0; i < n; i++, random = random * 1103515245u + 12345)
            len += (size_t)snprintf(json + len, sizeof(json) - len, "%s%s\"%c\"%s:%s%s%s",
                i ? "," : "", spaces[random >> 8 & 3], (int)('a' + random % 5),
                spaces[random >> 10 & 3], spaces[random >> 12 & 3],
                values[(random >> 16) % KB_COUNT(values)], spaces[random >> 14 & 3]);
        snprintf(json + len, sizeof(json) - len, "}%s", space);
        const struct kb_node *walked = open_text(json), *noted;
        assert_true(kb_node_open(&doc, doc.root));
        assert_true(kb_json_check(kb_slice_of(json), &members, &err) && members.all);
        assert_true(kb_document_init(&doc, &arena, kb_slice_of(json)));
        doc.members = &members;
        assert_true(kb_node_open(&doc, doc.root));
        noted = doc.root;
        assert_int_equal(noted->n, n);
        assert_int_equal(walked->n, n);
        for (uint32_t i = 0; i < n; i++) {
            assert_slice(noted->children[i]->name, walked->children[i]->name);
            assert_slice(noted->children[i]->text, walked->children[i]->text);
            assert_int_equal(noted->children[i]->kind, walked->children[i]->kind);
            assert_int_equal(noted->children[i]->order, i);
            assert_ptr_equal(noted->children[i]->parent, noted);
            assert_ptr_equal(noted->children[i]->name.ptr, walked->children[i]->name.ptr);
        }
    }
}

/* A look finds what taking it apart does, with members noted and without, whatever stands around
 * the name: names that are values, nested, repeated, escaped, with quotes and punctuation in them,
 * at every place of a block. */
static void a_peek_is_a_member(void **state)
{
    (void)state;
    static const char *const parts[] = {"\"a\":1", "\"ab\" : \"a\"",
        "\"b\":{\"a\":2,\"c\":[\"a\"]}", "\"c\":[{\"ab\":\"}\"},\"[\"]", "\"d\":\":\"",
        "\":\":\"a\"", "\",\":3", "\"\":4", "\" a\":7", "\"d\":{}", "\"\u00fc\":8",
        "\"long name of a member\":\"and a value longer than a block\"",
        /* escaped */
        "\"e\":\"\\\"a\"", "\"\\u0061\":5", "\"a,\\\"b\":6"};
    const unsigned escaped = 3;
    static const char *const names[] = {"a", "ab", "b", "c", "d", ":", ",", "", "e", "a,\"b", " a",
        "long name of a member", "a\":\"b", "\u00fc", "x", "}", "a\",\"b"};
    unsigned sighted = 0, noted = 0;
    for (unsigned seed = 1; seed <= 20000; seed++) {
        char json[1024] = "{";
        size_t len = 1;
        unsigned n_parts = KB_COUNT(parts) - (seed % 4 ? escaped : 0);
        for (unsigned n = seed % 9, random = seed * 2654435761u; n > 0; n--, random /= n_parts)
            len += (size_t)snprintf(json + len, sizeof(json) - len, "%s%.*s%s", len > 1 ? "," : "",
                (int)(random / n_parts % 3), "  ", parts[random % n_parts]);
        snprintf(json + len, sizeof(json) - len, "}");
        struct kb_slice name = kb_slice_of(names[seed / 9 % KB_COUNT(names)]), text;
        struct kb_node *root = open_text(json);
        struct kb_json_members members;
        struct kb_err err;
        assert_true(kb_json_check(kb_slice_of(json), &members, &err));
        noted += members.all;
        doc.members = seed & 1 ? &members : NULL;
        if (!kb_node_peek(&doc, root, name, &text))
            continue;
        struct kb_node *found = kb_node_member(&doc, root, name);
        assert_int_equal(found != NULL, text.ptr != NULL);
        if (found)
            assert_slice(text, found->text);
        sighted += found != NULL;
    }
    assert_true(sighted > 2000 && noted > 10000 && noted < 20000);
}

static void no_value_stands_too_deep(void **state)
{
    (void)state;
    struct kb_node *node = open_text("{}");
    for (int depth = 1; depth < KB_JSON_DEPTH_MAX; depth++) {
        assert_true(set(node, "a", "{}"));
        node = member(node, "a");
    }
    assert_false(set(node, "a", "{}"));
    assert_false(set(node, "a", "[]"));
    assert_true(set(node, "a", "1"));
    struct kb_err err;
    kb_buf_reset(&out);
    kb_document_write(doc.root, &out);
    assert_true(kb_json_read(kb_buf_slice(&out), NULL, &err));
}

static void strings_are_decoded(void **state)
{
    (void)state;
    open_text("0");
    struct kb_slice plain = KB_S("\"plain\"");
    struct kb_slice text = kb_document_string(&doc, plain);
    assert_ptr_equal(text.ptr, plain.ptr + 1);
    assert_slice(text, KB_S("plain"));
    assert_slice(kb_document_string(&doc, KB_S("\"\\u00e9\\n\\ud83d\\ude00\"")),
        KB_S("\xc3\xa9\n\xf0\x9f\x98\x80"));
    assert_slice(kb_document_string(&doc, KB_S("\"\"")), KB_S(""));
}

/* The same edits in ever less memory: each either happens, or the document is what it was before
 * it, and says that it failed. */
static void where_memory_ends_nothing_has_happened(void **state)
{
    (void)state;
    static const char text[] = "{\"a\":{\"b\":1},\"list\":[1,2,3],\"e\\n\":\"\\n\"}";
    static char big[3000];
    size_t refused = 0;
    memset(big, '7', sizeof(big) - 1);
    for (size_t max = 64; max < 40000; max += 64) {
        kb_arena_deinit(&arena);
        kb_arena_init(&arena, max);
        if (!kb_document_init(&doc, &arena, kb_slice_of(text)))
            continue;
        char name[8];
        for (int i = 0; i < 12; i++) {
            struct kb_buf before;
            kb_buf_init(&before, ARENA_MAX);
            kb_document_write(doc.root, &before);
            snprintf(name, sizeof(name), "n%d", i);
            struct kb_slice kept = kb_document_keep(&doc, kb_slice_of(big));
            bool ok = kept.ptr && kb_node_set_member(&doc, doc.root, kb_slice_of(name), kept, 0);
            struct kb_err err;
            kb_buf_reset(&out);
            kb_document_write(doc.root, &out);
            assert_true(kb_json_read(kb_buf_slice(&out), NULL, &err));
            if (!ok) {
                refused++;
                assert_true(doc.failed);
                assert_slice(kb_buf_slice(&out), kb_buf_slice(&before));
            } else {
                assert_true(out.len > before.len + sizeof(big) - 1);
            }
            kb_buf_deinit(&before);
        }
    }
    assert_true(refused > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_header_s_example),
        cmocka_unit_test(reading_changes_no_byte),
        cmocka_unit_test(each_kind_is_known),
        cmocka_unit_test(of_a_repeated_name_the_last_counts),
        cmocka_unit_test(names_are_written_as_json),
        cmocka_unit_test(elements),
        cmocka_unit_test(what_is_gone_can_be_read_on),
        cmocka_unit_test(a_peek_opens_nothing_and_ends),
        cmocka_unit_test(an_object_opens_alike_by_its_noted_members),
        cmocka_unit_test(a_peek_is_a_member),
        cmocka_unit_test(no_value_stands_too_deep),
        cmocka_unit_test(strings_are_decoded),
        cmocka_unit_test(where_memory_ends_nothing_has_happened),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
