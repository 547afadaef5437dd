/* Files that nobody writes on purpose: keys with code behind them, secrets in the wrong place,
 * names that are there but empty or there twice. */
#include "config/config.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define KAFKA "kafka { ['bootstrap.servers'] = 'localhost:9092', ['group.id'] = 'g' }\n"
#define ABLY "ably { key = 'app.id:secret' }\n"
#define TOPIC "topic 'a' { channel = 'x' }\n"

/* The text of the only problem, in memory of the test. */
static const char *problem_of(const char *text)
{
    static char copy[2000];
    struct kb_problems problems;
    kb_problems_init(&problems);
    struct kb_config *config = kb_config_load_text("a.lua", kb_slice_of(text), &problems);
    assert_null(config);
    assert_int_equal(problems.count, 1);
    snprintf(copy, sizeof(copy), "%s", problems.list[0].text);
    kb_problems_deinit(&problems);
    return copy;
}

/* The table that is taken over is walked twice; a key's __tostring between the two walks could put
 * thousands of entries into it. */
static void a_key_with_code_behind_it_is_not_run(void **state)
{
    (void)state;
    assert_string_equal(problem_of(KAFKA TOPIC "local t = { key = 'app.id:secret' }\n"
                                               "t[setmetatable({}, { __tostring = function()\n"
                                               "  for i = 1, 3000 do t['x' .. i] = i end\n"
                                               "  return 'more'\n"
                                               "end })] = 1\n"
                                               "ably(t)"),
        "a.lua:8: ably: table: unknown key");
}

static void keys_that_are_no_texts_are_unknown(void **state)
{
    (void)state;
    assert_string_equal(problem_of(KAFKA TOPIC "ably { key = 'app.id:secret', [true] = 1 }"),
        "a.lua:3: ably: boolean: unknown key");
    assert_string_equal(problem_of(KAFKA TOPIC "ably { key = 'app.id:secret', [1.5] = 1 }"),
        "a.lua:3: ably: 1.5: unknown key");
}

/* Lua shows the word it stumbled over, and that may be the key. */
static void a_secret_is_not_in_a_syntax_error(void **state)
{
    (void)state;
    assert_string_equal(problem_of(KAFKA TOPIC "ably {\n  key = \"app.id:secret\n}"),
        "a.lua:4: unfinished string near '\"...'");
    assert_string_equal(problem_of(ABLY TOPIC "kafka { ['sasl.password'] 'secret' }"),
        "a.lua:3: '=' expected near ''...'");
    assert_string_equal(problem_of(ABLY TOPIC "kafka { ['sasl.password'] [==[secret]==] }"),
        "a.lua:3: '=' expected near '[...'");
    assert_string_equal(
        problem_of(KAFKA TOPIC "ably { key = = 'x' }"), "a.lua:3: unexpected symbol near '='");
    assert_string_equal(problem_of(ABLY TOPIC "kafka { ['sasl.password'] = the hunter2 }"),
        "a.lua:3: '}' expected near 'h...'");
    assert_string_equal(problem_of(ABLY TOPIC "kafka { ['sasl.password'] = 12hunter }"),
        "a.lua:3: malformed number near '1...'");
    assert_string_equal(
        problem_of(KAFKA TOPIC "ably { key = end }"), "a.lua:3: unexpected symbol near 'end'");
}

static void a_secret_without_quotes_is_not_shown(void **state)
{
    (void)state;
    static const char says[] = "a.lua:3: nothing here has the name \"h...\"; a text needs quotes";
    assert_string_equal(problem_of(ABLY TOPIC "kafka { ['sasl.password'] = hunter2 }"), says);
    assert_string_equal(problem_of(KAFKA TOPIC "ably { key = hunter2.app:secret() }"), says);
    assert_string_equal(problem_of(KAFKA TOPIC "ably { key = 'x' .. hunter2 }"), says);
}

/* In the place of a file: nobody writes to it, or somebody who never ends. A reload that waits for
 * that would be the last one. */
static void a_pipe_is_not_waited_for(void **state)
{
    (void)state;
    char path[] = "/tmp/kably-pipe-XXXXXX", text[400], expected[200];
    assert_non_null(mkdtemp(path));
    char pipe[sizeof(path) + 5];
    snprintf(pipe, sizeof(pipe), "%s/p", path);
    assert_int_equal(mkfifo(pipe, 0600), 0);
    snprintf(text, sizeof(text), KAFKA ABLY TOPIC "include '%s'", pipe);
    snprintf(expected, sizeof(expected),
        "a.lua:4: include: %s: a pipe that nobody writes to; expected a file", pipe);
    assert_string_equal(problem_of(text), expected);
    int silent = open(pipe, O_RDWR | O_CLOEXEC);
    assert_true(silent >= 0);
    snprintf(expected, sizeof(expected),
        "a.lua:4: include: %s: gave no end within 2000 ms; expected a file", pipe);
    assert_string_equal(problem_of(text), expected);
    snprintf(
        text, sizeof(text), KAFKA TOPIC "ably { key = 'app.id:secret', ca_file = '%s' }", pipe);
    assert_non_null(strstr(problem_of(text), "holds no certificate"));
    close(silent);
    unlink(pipe);
    rmdir(path);
}

static void what_kafka_needs_is_not_empty(void **state)
{
    (void)state;
    assert_string_equal(
        problem_of(ABLY TOPIC
            "kafka {\n  ['bootstrap.servers'] = 'localhost:9092',\n  ['group.id'] = ''\n}"),
        "a.lua:5: kafka: group.id: is empty; expected the name of the consumer group, such as "
        "\"kably-orders\"");
}

/* librdkafka would refuse to subscribe, hours later. */
static void a_topic_twice_in_one_block(void **state)
{
    (void)state;
    assert_string_equal(problem_of(KAFKA ABLY "topic { 'a', 'b', 'a' } { channel = 'x' }"),
        "a.lua:3: topic \"a\", \"b\", \"a\": the topic \"a\" stands in this block twice");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_with_code_behind_it_is_not_run),
        cmocka_unit_test(keys_that_are_no_texts_are_unknown),
        cmocka_unit_test(a_secret_is_not_in_a_syntax_error),
        cmocka_unit_test(a_secret_without_quotes_is_not_shown),
        cmocka_unit_test(a_pipe_is_not_waited_for),
        cmocka_unit_test(what_kafka_needs_is_not_empty),
        cmocka_unit_test(a_topic_twice_in_one_block),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
