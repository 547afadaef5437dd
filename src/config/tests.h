/* The test blocks of a kably file: given records, and what is expected of them.
 *
 *     struct kb_tests tests;
 *     kb_tests_init(&tests);
 *     struct kb_config *config = kb_config_load_tests("orders.lua", &tests, &problems);  // or NULL
 *     for each tests.list[i]: name, place, records, and what is expected
 *     kb_tests_deinit(&tests);
 *
 * They stand in the file itself, in what it includes, and in NAME.test.lua beside it. A variable
 * that is not set is no error here, unless `strict` is set first: it has the value KB_TESTS_UNSET.
 * Thread: one at a time. */
#ifndef KB_CONFIG_TESTS_H
#define KB_CONFIG_TESTS_H

#include "config/texts.h"
#include "record/record.h"

/* Of the form of an API key, so that it may stand for one. */
#define KB_TESTS_UNSET "not.set:here"

struct kb_test_record {
    struct kb_record record;               /* topic ptr NULL = the file's only one */
    bool key_structured, value_structured; /* given as a Lua value: JSON, whatever the format */
};

enum kb_expected { KB_EXPECT_MESSAGES, KB_EXPECT_DROP, KB_EXPECT_FAILS, KB_EXPECT_REQUEST };

struct kb_test {
    const char *name, *path;
    int line;
    struct kb_test_record *records;
    size_t n_records;
    enum kb_expected expected;
    struct kb_slice *messages; /* MESSAGES: JSON objects, of each only the members it has count */
    size_t n_messages;
    enum kb_failure failure; /* FAILS */
    struct kb_slice says;    /* FAILS: a part of the reason; ptr NULL = any */
    struct kb_slice request; /* REQUEST: the whole body */
};

/* Where a topic's block, or `defaults` for it, sets a key. */
struct kb_key_place {
    struct kb_key_place *next;
    size_t topic; /* number of the block; SIZE_MAX = defaults */
    const char *key, *path, *title;
    int line;
};

struct kb_tests {
    struct kb_arena arena;
    struct kb_key_place *keys;
    struct kb_test *list;
    size_t n;
    struct kb_text_function *functions; /* of all texts, those of the tests as well */
    bool strict; /* a variable that is not set is an error, as it is for the daemon */
};

void kb_tests_init(struct kb_tests *tests);
struct kb_config *kb_config_load_tests(
    const char *path, struct kb_tests *tests, struct kb_problems *problems);
void kb_tests_deinit(struct kb_tests *tests);
/* Where that key of the topic was set; NULL = nowhere. */
const struct kb_key_place *kb_tests_key(
    const struct kb_tests *tests, size_t topic, const char *key);

/* For load.c: the bodies of the blocks, which tests.lua has made plain, as tests. */
bool kb_tests_take(struct kb_tests *tests, const struct kb_blocks *blocks);
/* For blocks.c, inside a protected call: makes the bodies of the notes plain. */
void kb_tests_prepare(lua_State *L, struct kb_blocks *blocks);

#endif
