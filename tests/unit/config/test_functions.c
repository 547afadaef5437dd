/* A worker's copy of the file's functions: of the right block, with what was read when the file was
 * loaded, whatever has happened to the world since. */
#include "config/config.h"
#include "route/route.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define BASE                                                                   \
    "kafka { ['bootstrap.servers'] = 'localhost:9092', ['group.id'] = 'g' }\n" \
    "ably { key = 'app.id:secret' }\n"

static char folder[] = "/tmp/kably-functions-XXXXXX";

static const char *path_of(const char *name)
{
    static char paths[4][256];
    static int turn;
    char *path = paths[turn++ % 4];
    snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
    return path;
}

static void write_file(const char *name, const char *text)
{
    FILE *file = fopen(path_of(name), "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static struct kb_config *load_main(void)
{
    struct kb_problems problems;
    kb_problems_init(&problems);
    struct kb_config *config = kb_config_load(path_of("main.lua"), &problems);
    kb_problems_print(&problems, stderr);
    kb_problems_deinit(&problems);
    assert_non_null(config);
    return config;
}

static struct kb_hooks *hooks_of(const struct kb_config *config)
{
    struct kb_hooks *hooks;
    struct kb_err err;
    if (!kb_config_hooks(config, &hooks, &err))
        fail_msg("%s", err.text);
    return hooks;
}

static void assert_channel(
    const struct kb_config *config, struct kb_hooks *hooks, const char *topic, const char *expected)
{
    struct kb_router router;
    struct kb_err err = {0};
    const struct kb_record rec = {.topic = kb_slice_of(topic), .value = KB_S("x")};
    const struct kb_rules *rules = kb_config_rules(config, rec.topic);
    assert_non_null(rules);
    assert_true(kb_router_init(&router, KB_S("x")));
    kb_router_set_hooks(&router, hooks);
    if (kb_route(&router, rules, &rec, &err) != KB_ROUTED)
        fail_msg("%s: %s", topic, err.text);
    if (!kb_slice_is(router.messages[0].channel, expected))
        fail_msg(
            "%s: expected %s, got " KB_FMT, topic, expected, KB_ARG(router.messages[0].channel));
    kb_router_deinit(&router);
}

static void what_was_read_stays(void **state)
{
    (void)state;
    write_file("part.lua", "return ':part:'");
    write_file("module.lua", "return { word = ':module' }");
    write_file("word.txt", "word\n");
    setenv("KABLY_TEST_WORD", "first", 1);
    /* asked for while the file is loaded: what a function asks for later is known then */
    write_file("main.lua",
        BASE "local part, module = include('part.lua'), use 'module'\n"
             "local word, first = file('word.txt'), env('KABLY_TEST_WORD')\n"
             "topic 'a' { channel = function() return env('KABLY_TEST_WORD') .. part .. word .. "
             "module.word end }\n");
    struct kb_config *config = load_main();
    setenv("KABLY_TEST_WORD", "second", 1);
    write_file("part.lua", "return = nonsense");
    write_file("main.lua", "nonsense");
    unlink(path_of("module.lua"));
    unlink(path_of("word.txt"));
    for (int worker = 0; worker < 2; worker++) {
        struct kb_hooks *hooks = hooks_of(config);
        assert_channel(config, hooks, "a", "first:part:word:module");
        kb_hooks_free(hooks);
    }
    kb_config_unref(config);
}

/* Lua's tables have another order in every state. */
static void each_block_has_its_own_function(void **state)
{
    (void)state;
    write_file("main.lua",
        BASE "defaults { channel = function(r) return 'default:' .. r.topic end }\n"
             "for name in pairs { a = 1, b = 1, c = 1, d = 1, e = 1, f = 1, g = 1, h = 1 } do\n"
             "  topic(name) { channel = function() return 'own:' .. name end }\n"
             "end\n"
             "topic { 'x', 'y' } { }\n"
             "topic 'z' { channel = 'template' }\n");
    struct kb_config *config = load_main();
    struct kb_hooks *hooks = hooks_of(config);
    for (char name[2] = "a"; *name <= 'h'; (*name)++) {
        char expected[8];
        snprintf(expected, sizeof(expected), "own:%s", name);
        assert_channel(config, hooks, name, expected);
    }
    assert_channel(config, hooks, "x", "default:x");
    assert_channel(config, hooks, "y", "default:y");
    assert_channel(config, hooks, "z", "template");
    kb_hooks_free(hooks);
    kb_config_unref(config);
}

/* In tables and lists too, the block's own or those of defaults, also where a name has dots. */
static void functions_inside_tables_are_found(void **state)
{
    (void)state;
    write_file("main.lua", BASE "local function says(text) return function() return text end end\n"
                                "defaults { channel = { says 'one', 'two', says 'three' },\n"
                                "  extras = { ['a.b'] = { says 'x', { c = says 'y' } } } }\n"
                                "topic 'a' { }\n"
                                "topic 'b' { channel = { 'four', says 'five' } }\n");
    struct kb_config *config = load_main();
    struct kb_hooks *hooks = hooks_of(config);
    struct kb_router router;
    struct kb_err err;
    struct kb_record rec = {.topic = KB_S("a"), .value = KB_S("v")};
    assert_true(kb_router_init(&router, KB_S("x")));
    kb_router_set_hooks(&router, hooks);
    assert_int_equal(kb_route(&router, &config->topics[0], &rec, &err), KB_ROUTED);
    assert_int_equal(router.n_messages, 3);
    assert_true(kb_slice_is(router.messages[0].channel, "one"));
    assert_true(kb_slice_is(router.messages[1].channel, "two"));
    assert_true(kb_slice_is(router.messages[2].channel, "three"));
    assert_true(kb_slice_is(router.messages[2].extras, "\"a.b\":[\"x\",{\"c\":\"y\"}]"));
    rec.topic = KB_S("b");
    assert_int_equal(kb_route(&router, &config->topics[1], &rec, &err), KB_ROUTED);
    assert_int_equal(router.n_messages, 2);
    assert_true(kb_slice_is(router.messages[0].channel, "four"));
    assert_true(kb_slice_is(router.messages[1].channel, "five"));
    assert_int_equal(config->topics[0].functions[KB_HOOK_COUNT].n_keys, 2);
    assert_string_equal(config->topics[0].functions[KB_HOOK_COUNT + 3].name, "extras.a.b.2.c");
    kb_router_deinit(&router);
    kb_hooks_free(hooks);
    kb_config_unref(config);
}

/* What would be a load error as a word is the record's failure as an answer. */
static void no_dead_letters_for_a_null_value(void **state)
{
    (void)state;
    write_file(
        "main.lua", BASE "topic 'a' { channel = 'x', null_value = function() return 'dlq' end }\n");
    struct kb_config *config = load_main();
    struct kb_hooks *hooks = hooks_of(config);
    struct kb_router router;
    struct kb_err err;
    const struct kb_record rec = {.topic = KB_S("a")};
    assert_true(kb_router_init(&router, KB_S("x")));
    kb_router_set_hooks(&router, hooks);
    assert_int_equal(kb_route(&router, &config->topics[0], &rec, &err), KB_FAILED);
    assert_int_equal(err.failure, KB_FAILURE_HOOK);
    assert_non_null(strstr(err.text, "returned \"dlq\", but there is no dead_letter"));
    assert_int_equal(kb_hooks_calls(hooks, 0, KB_HOOK_NULL_VALUE), 1);
    assert_int_equal(kb_hooks_calls(hooks, 0, KB_HOOK_TRANSFORM), 0);
    kb_router_deinit(&router);
    kb_hooks_free(hooks);
    kb_config_unref(config);
}

static void no_function_no_state(void **state)
{
    (void)state;
    write_file("main.lua", BASE "topic 'a' { channel = 'x' }\n");
    struct kb_config *config = load_main();
    assert_null(hooks_of(config));
    kb_config_unref(config);
}

static const char *problem_of_main(void)
{
    static char text[1024];
    struct kb_problems problems;
    kb_problems_init(&problems);
    assert_null(kb_config_load(path_of("main.lua"), &problems));
    assert_int_equal(problems.errors, 1);
    snprintf(text, sizeof(text), "%s", problems.list[0].text);
    kb_problems_deinit(&problems);
    return strrchr(text, '/') ? text + strlen(folder) + 1 : text;
}

static void modules_that_are_none(void **state)
{
    (void)state;
    write_file("main.lua", "use 'a'");
    write_file("a.lua", "return use 'b'");
    write_file("b.lua", "return use 'a'");
    assert_string_equal(problem_of_main(), "b.lua:1: use: the module \"a\" uses itself");
    write_file("main.lua", "\nuse '../a'");
    assert_string_equal(
        problem_of_main(), "main.lua:2: use: expected a module's name, such as use \"debezium\"");
    write_file("main.lua", "use 'blocks'");
    assert_non_null(strstr(problem_of_main(), "there is no module \"blocks\""));
    write_file("main.lua", "use 'a'");
    write_file("a.lua", "x = 1");
    assert_string_equal(problem_of_main(), "main.lua:1: use: the module \"a\" returns nothing");
    write_file("a.lua", "\n\nreturn nil + 1");
    assert_string_equal(problem_of_main(), "a.lua:3: attempt to perform arithmetic on a nil value");
}

/* Each folder has its own, which runs once, and a function may ask for it again. */
static void modules_of_one_name_in_two_folders(void **state)
{
    (void)state;
    assert_int_equal(mkdir(path_of("one"), 0700), 0);
    assert_int_equal(mkdir(path_of("two"), 0700), 0);
    write_file("main.lua", BASE "include 'one/a.lua' include 'two/a.lua' include 'one/b.lua'\n");
    write_file("one/util.lua", "local runs = 0 return { who = function() runs = runs + 1 "
                               "return 'one' .. runs end }");
    write_file("two/util.lua", "return { who = function() return 'two' end }");
    write_file("one/a.lua", "local who = use('util').who() topic 'a' { channel = who }");
    write_file("two/a.lua", "use 'util' topic 'b' { channel = function() return use('util').who() "
                            "end }");
    write_file("one/b.lua", "local who = use('util').who() topic 'c' { channel = who }");
    struct kb_config *config = load_main();
    struct kb_hooks *hooks = hooks_of(config);
    assert_channel(config, hooks, "a", "one1");
    assert_channel(config, hooks, "b", "two");
    assert_channel(config, hooks, "c", "one2");
    kb_hooks_free(hooks);
    kb_config_unref(config);
}

/* Between records nothing of the file's runs, and no record is at hand: what it put in the place of
 * clear would read memory that is the source's again. */
static void what_is_remembered_is_forgotten(void **state)
{
    (void)state;
    write_file("main.lua",
        BASE "local known, kept = kably.cache { size = 10, ttl = 60 }\n"
             "local function mine() error(kept.topic) end\n"
             "known.clear, known.__index.clear = mine, mine\n"
             "topic 'a' { channel = 'x', transform = function(record)\n"
             "  kept = record\n"
             "  if known:seen(record.key) then return nil end return record end }\n");
    struct kb_config *config = load_main();
    struct kb_hooks *hooks = hooks_of(config);
    struct kb_router router;
    struct kb_err err;
    const struct kb_record rec = {.topic = KB_S("a"), .key = KB_S("k"), .value = KB_S("x")};
    assert_true(kb_router_init(&router, KB_S("x")));
    kb_router_set_hooks(&router, hooks);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(kb_route(&router, &config->topics[0], &rec, &err), KB_ROUTED);
        assert_int_equal(kb_route(&router, &config->topics[0], &rec, &err), KB_DROPPED);
        kb_hooks_forget(hooks);
        assert_false(kb_hooks_worn(hooks));
    }
    kb_router_deinit(&router);
    kb_hooks_free(hooks);
    kb_config_unref(config);
}

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    static const char *const names[] = {"main.lua", "part.lua", "module.lua", "word.txt", "a.lua",
        "b.lua", "one/util.lua", "one/a.lua", "one/b.lua", "two/util.lua", "two/a.lua", "one",
        "two"};
    for (size_t i = 0; i < KB_COUNT(names); i++)
        remove(path_of(names[i]));
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_read_stays),
        cmocka_unit_test(each_block_has_its_own_function),
        cmocka_unit_test(functions_inside_tables_are_found),
        cmocka_unit_test(no_dead_letters_for_a_null_value),
        cmocka_unit_test(no_function_no_state),
        cmocka_unit_test(modules_that_are_none),
        cmocka_unit_test(modules_of_one_name_in_two_folders),
        cmocka_unit_test(what_is_remembered_is_forgotten),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
