/* What a good file becomes: values, defaults, topics, files around it, and the printed form. */
#include "config/config.h"
#include "config/options.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define BASE                                                                   \
    "kafka { ['bootstrap.servers'] = 'localhost:9092', ['group.id'] = 'g' }\n" \
    "ably { key = 'app.id:secret' }\n"
#define CA_FILE KABLY_SOURCE_DIR "/tests/golden/authority.pem"
#define WHOLE BASE "topic 'a' { channel = 'x' }\n"

static struct kb_config *try_load(const char *text, struct kb_problems *problems)
{
    kb_problems_init(problems);
    return kb_config_load_text("a.lua", kb_slice_of(text), problems);
}

static struct kb_config *load(const char *text)
{
    struct kb_problems problems;
    struct kb_config *config = try_load(text, &problems);
    kb_problems_print(&problems, stderr);
    assert_non_null(config);
    assert_int_equal(problems.errors, 0);
    kb_problems_deinit(&problems);
    return config;
}

/* The text of the only problem, in memory of the test. */
static const char *problem_of(const char *text)
{
    static char copy[2000];
    struct kb_problems problems;
    struct kb_config *config = try_load(text, &problems);
    assert_null(config);
    assert_int_equal(problems.count, 1);
    snprintf(copy, sizeof(copy), "%s", problems.list[0].text);
    kb_problems_deinit(&problems);
    return copy;
}

static void defaults_are_the_settled_ones(void **state)
{
    (void)state;
    struct kb_config *config = load(WHOLE);
    assert_string_equal(config->path, "a.lua");
    assert_string_equal(config->ably.key, "app.id:secret");
    assert_null(config->ably.client_id);
    assert_null(config->ably.endpoint);
    assert_null(config->ably.ca_file);
    assert_int_equal(config->ably.port, 0);
    assert_true(config->ably.tls);
    assert_int_equal(config->ably.max_message_size, 65536);
    assert_int_equal(config->publish.concurrency, 10);
    assert_int_equal(config->publish.linger_ms, 100);
    assert_int_equal(config->publish.max_records, 1000);
    assert_int_equal(config->publish.max_bytes, 524288);
    assert_int_equal(config->publish.max_channels, 100);
    assert_true(config->publish.requests_per_second == 100.0);
    assert_int_equal(config->publish.ordering, KB_ORDERING_CHANNEL);
    assert_null(config->dead_letter.topic);
    assert_int_equal(config->limits.workers, 1);
    assert_int_equal(config->limits.memory, 256 << 20);
    assert_int_equal(config->limits.drain_ms, 5000);
    assert_int_equal(config->log.level, KB_LOG_INFO);
    assert_int_equal(config->log.format, KB_LOG_TEXT);
    assert_int_equal(config->n_topics, 1);
    const struct kb_rules *rules = &config->topics[0];
    assert_int_equal(rules->key_format, KB_FORMAT_AUTO);
    assert_int_equal(rules->value_format, KB_FORMAT_AUTO);
    assert_int_equal(rules->null_value, KB_NULL_PUBLISH);
    assert_null(rules->name);
    assert_null(rules->client_id);
    assert_string_equal(rules->where, "a.lua:3: topic \"a\"");
    for (int i = 0; i < KB_FAILURE_COUNT; i++)
        assert_int_equal(rules->policy.action[i], KB_ACTION_STOP);
    kb_config_unref(config);
}

static void every_type_of_value(void **state)
{
    (void)state;
    struct kb_config *config = load(
        "kafka { ['bootstrap.servers'] = 'b:1', ['group.id'] = 'g', ['session.timeout.ms'] = "
        "9000,\n"
        "  ['socket.keepalive.enable'] = true,\n"
        "  ['sasl.password'] = 'hunter2' }\n"
        "ably { key = 'app.id:secret', client_id = 'me', endpoint = '127.0.0.1', port = '8080',\n"
        "  tls = 'false', ca_file = '" CA_FILE "', max_message_size = '1MiB' }\n"
        "publish { concurrency = 1e2, linger_ms = '0', max_bytes = '1024 KiB', ordering = 'none',\n"
        "  requests_per_second = '0.5', protocol = 'json' }\n"
        "dead_letter { topic = 'dead' }\n"
        "limits { memory = '1GB' }\n"
        "log { level = 'debug', format = 'json' }\n"
        "topic { 'a', '^b.*' } { key = 'string', value = 'json', channel = 'c:#{key}',\n"
        "  name = 'n', client_id = '#{value.who}', null_value = 'dlq',\n"
        "  on_error = { decode = 'dlq', default = 'skip', publish = 'stop' } }\n");
    assert_int_equal(config->kafka.n, 5); /* by name */
    assert_string_equal(config->kafka.properties[2].name, "sasl.password");
    assert_string_equal(config->kafka.properties[2].value, "hunter2");
    assert_true(config->kafka.properties[2].secret);
    assert_int_equal(config->kafka.properties[2].line, 3);
    assert_string_equal(config->kafka.properties[3].value, "9000");
    assert_false(config->kafka.properties[3].secret);
    assert_string_equal(config->kafka.properties[4].value, "true");
    assert_string_equal(config->ably.client_id, "me");
    assert_string_equal(config->ably.endpoint, "127.0.0.1");
    assert_string_equal(config->ably.ca_file, CA_FILE);
    assert_int_equal(config->ably.port, 8080);
    assert_false(config->ably.tls);
    assert_int_equal(config->ably.max_message_size, 1 << 20);
    assert_int_equal(config->publish.concurrency, 100);
    assert_int_equal(config->publish.linger_ms, 0);
    assert_int_equal(config->publish.max_bytes, 1 << 20);
    assert_true(config->publish.requests_per_second == 0.5);
    assert_int_equal(config->publish.ordering, KB_ORDERING_NONE);
    assert_string_equal(config->dead_letter.topic, "dead");
    assert_int_equal(config->limits.memory, 1000000000);
    assert_int_equal(config->log.level, KB_LOG_DEBUG);
    assert_int_equal(config->log.format, KB_LOG_JSON);
    const struct kb_rules *rules = &config->topics[0];
    assert_int_equal(rules->n_patterns, 2);
    assert_false(rules->patterns[0].is_regex);
    assert_true(rules->patterns[1].is_regex);
    assert_int_equal(rules->key_format, KB_FORMAT_STRING);
    assert_int_equal(rules->value_format, KB_FORMAT_JSON);
    assert_int_equal(rules->null_value, KB_NULL_DLQ);
    assert_true(kb_slice_is(kb_template_text(rules->channel), "c:#{key}"));
    assert_true(kb_slice_is(kb_template_text(rules->name), "n"));
    assert_true(kb_slice_is(kb_template_text(rules->client_id), "#{value.who}"));
    assert_int_equal(kb_paths_count(rules->key_paths), 1);
    assert_int_equal(kb_paths_count(rules->value_paths), 1);
    assert_int_equal(rules->policy.action[KB_FAILURE_DECODE], KB_ACTION_DLQ);
    assert_int_equal(rules->policy.action[KB_FAILURE_MAPPING], KB_ACTION_SKIP);
    assert_int_equal(rules->policy.action[KB_FAILURE_PUBLISH], KB_ACTION_STOP);
    kb_config_unref(config);
}

/* Every number's own bounds are allowed, one step outside is not: for each row of the table. */
static void bounds_are_exact(void **state)
{
    (void)state;
    int tried = 0;
    for (size_t i = 0; i < kb_n_options; i++) {
        const struct kb_option *option = &kb_options[i];
        if (option->type != KB_OPTION_INTEGER && option->type != KB_OPTION_SIZE &&
            option->type != KB_OPTION_NUMBER)
            continue;
        const int64_t values[] = {option->min - 1, option->min, option->max, option->max + 1};
        for (size_t j = 0; j < KB_COUNT(values); j++) {
            struct kb_config *config = calloc(1, sizeof(*config));
            struct kb_err err;
            struct kb_raw raw = {
                .kind = KB_RAW_INTEGER, .integer = values[j], .number = (double)values[j]};
            assert_int_equal(kb_option_set(option, config, &raw, &err), j == 1 || j == 2);
            free(config);
            tried++;
        }
    }
    assert_true(tried >= 4 * 10);
}

static bool is_option_block(enum kb_block_kind kind)
{
    for (size_t i = 0; i < kb_n_option_blocks; i++)
        if (kb_option_blocks[i] == kind)
            return true;
    return false;
}

/* A row without help, in a block that nobody loads, or with a default outside its own bounds, is
 * our mistake. */
static void table_is_sound(void **state)
{
    (void)state;
    for (size_t i = 0; i < kb_n_options; i++) {
        const struct kb_option *option = &kb_options[i];
        assert_ptr_equal(kb_option_find(option->block, kb_slice_of(option->key)), option);
        assert_non_null(option->help);
        assert_true(option->block == KB_BLOCK_TOPIC || is_option_block(option->block));
        assert_true(option->size > 0);
        if (option->block != KB_BLOCK_TOPIC) {
            struct kb_config *config = calloc(1, sizeof(*config));
            kb_option_set_default(option, config);
            kb_option_clear(option, config);
            free(config);
        }
    }
    assert_ptr_equal(kb_option_find(KB_BLOCK_DEFAULTS, KB_S("channel")),
        kb_option_find(KB_BLOCK_TOPIC, KB_S("channel")));
    assert_null(kb_option_find(KB_BLOCK_PUBLISH, KB_S("channel")));
}

static void sizes(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t bytes; /* -1 = refused */
    } cases[] = {{"20000000", 20000000}, {"20000000B", 20000000}, {"32MiB", 32 << 20},
        {"20000 KiB", 20000 * 1024}, {"1GiB", 1 << 30}, {"20MB", 20000000},
        {"1024GiB", INT64_C(1) << 40}, {"1025GiB", -1}, {"9999999999999999GiB", -1}, {"MiB", -1},
        {"", -1}, {"-32MiB", -1}, {"32mib", -1}, {"32MiBx", -1}, {"3.5GiB", -1}, {" 32MiB", -1},
        {"99999999999999999999", -1}};
    const struct kb_option *option = kb_option_find(KB_BLOCK_LIMITS, KB_S("memory"));
    for (size_t i = 0; i < KB_COUNT(cases); i++) {
        struct kb_config *config = calloc(1, sizeof(*config));
        struct kb_err err;
        const struct kb_raw raw = {.kind = KB_RAW_TEXT, .text = kb_slice_of(cases[i].text)};
        bool ok = kb_option_set(option, config, &raw, &err);
        if (ok != (cases[i].bytes >= 0))
            print_error("\"%s\": %s\n", cases[i].text, ok ? "taken" : err.text);
        assert_int_equal(ok, cases[i].bytes >= 0);
        if (ok)
            assert_int_equal(config->limits.memory, cases[i].bytes);
        free(config);
    }
}

static void defaults_block_is_below_each_topic(void **state)
{
    (void)state;
    struct kb_config *config = load(BASE "dead_letter { topic = 'd' }\n"
                                         "defaults { channel = 'all', value = 'bytes',\n"
                                         "  on_error = { decode = 'dlq' } }\n"
                                         "topic 'a' {}\n"
                                         "topic 'b' { value = 'json', on_error = 'skip' }\n");
    const struct kb_rules *a = &config->topics[0], *b = &config->topics[1];
    assert_true(kb_slice_is(kb_template_text(a->channel), "all"));
    assert_true(kb_slice_is(kb_template_text(b->channel), "all"));
    assert_int_equal(a->value_format, KB_FORMAT_BYTES);
    assert_int_equal(b->value_format, KB_FORMAT_JSON);
    assert_int_equal(a->policy.action[KB_FAILURE_DECODE], KB_ACTION_DLQ);
    assert_int_equal(b->policy.action[KB_FAILURE_DECODE], KB_ACTION_SKIP);
    kb_config_unref(config);
}

static void first_block_that_matches_takes_a_topic(void **state)
{
    (void)state;
    struct kb_config *config = load(BASE "dead_letter { topic = 'b-dead' }\n"
                                         "topic '^b' { channel = 'regex' }\n"
                                         "topic 'b1' { channel = 'literal' }\n"
                                         "topic { 'c', '^d[0-9]+$' } { channel = 'list' }\n");
    assert_ptr_equal(kb_config_rules(config, KB_S("b1")), &config->topics[0]);
    assert_ptr_equal(kb_config_rules(config, KB_S("c")), &config->topics[2]);
    assert_ptr_equal(kb_config_rules(config, KB_S("d12")), &config->topics[2]);
    assert_null(kb_config_rules(config, KB_S("d12x")));
    assert_null(kb_config_rules(config, KB_S("cc")));
    assert_null(kb_config_rules(config, KB_S("b-dead")));
    assert_non_null(kb_config_rules(config, KB_S("b-dead2")));
    kb_config_unref(config);
}

static void references_are_counted(void **state)
{
    (void)state;
    struct kb_config *config = load(WHOLE);
    assert_ptr_equal(kb_config_ref(config), config);
    kb_config_unref(config);
    assert_string_equal(config->ably.key, "app.id:secret");
    kb_config_unref(config);
    kb_config_unref(NULL);
}

/* A folder of files that goes away with the test. */

static char folder[PATH_MAX];

static int make_folder(void **state)
{
    (void)state;
    const char *tmp = getenv("TMPDIR");
    snprintf(folder, sizeof(folder), "%s/kably-test-XXXXXX", tmp ? tmp : "/tmp");
    return mkdtemp(folder) ? 0 : -1;
}

static const char *const file_names[] = {
    "main.lua", "more.lua", "again.lua", "key", "sub/in.lua", "sub/value", "sub"};

static int drop_folder(void **state)
{
    (void)state;
    for (size_t i = 0; i < KB_COUNT(file_names); i++) {
        char path[PATH_MAX + 20];
        snprintf(path, sizeof(path), "%s/%s", folder, file_names[i]);
        remove(path);
    }
    return rmdir(folder);
}

static const char *path_of(const char *name)
{
    static char path[PATH_MAX + 20];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    return path;
}

static void write_file(const char *name, const char *text)
{
    FILE *file = fopen(path_of(name), "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

/* Loads main.lua; `expected` is the only problem's text behind the folder, NULL = none. */
static struct kb_config *load_main(const char *expected)
{
    struct kb_problems problems;
    kb_problems_init(&problems);
    struct kb_config *config = kb_config_load(path_of("main.lua"), &problems);
    if (expected) {
        assert_null(config);
        assert_int_equal(problems.count, 1);
        assert_string_equal(problems.list[0].text + strlen(folder) + 1, expected);
    } else {
        kb_problems_print(&problems, stderr);
        assert_non_null(config);
    }
    kb_problems_deinit(&problems);
    return config;
}

static void files_and_includes(void **state)
{
    (void)state;
    assert_int_equal(mkdir(path_of("sub"), 0700), 0);
    write_file("key", "app.id:from-file\r\n");
    write_file("sub/value", "in the folder of the file that asks\n\n");
    write_file("sub/in.lua", "assert(file 'value' == 'in the folder of the file that asks\\n')\n"
                             "topic 'b' { channel = 'x' }\n"
                             "return 'given back'\n");
    write_file("main.lua", "kafka { ['bootstrap.servers'] = 'b:1', ['group.id'] = 'g' }\n"
                           "ably { key = file 'key' }\n"
                           "topic 'a' { channel = 'x' }\n"
                           "assert(include 'sub/in.lua' == 'given back')\n");
    struct kb_config *config = load_main(NULL);
    assert_string_equal(config->ably.key, "app.id:from-file");
    assert_int_equal(config->n_topics, 2);
    char where[PATH_MAX + 60];
    snprintf(where, sizeof(where), "%s/sub/in.lua:2: topic \"b\"", folder);
    assert_string_equal(config->topics[1].where, where);
    kb_config_unref(config);

    write_file("main.lua", BASE "include 'sub/in.lua'");
    write_file("sub/in.lua", "\n\ntopic 'b' {\n  chanel = 'x'\n}\n");
    load_main("sub/in.lua:4: topic \"b\": chanel: unknown key; did you mean \"channel\"?");
    write_file("sub/in.lua", "\n\nlocal x = nil .. 'x'\n");
    load_main("sub/in.lua:3: attempt to concatenate a nil value");
    write_file("sub/in.lua", "\n\n= 2\n");
    load_main("sub/in.lua:3: unexpected symbol near '='");
}

static void includes_that_never_end(void **state)
{
    (void)state;
    write_file("main.lua", "include 'more.lua'");
    write_file("more.lua", "return include 'again.lua'");
    write_file("again.lua", "\n  include './main.lua'");
    char expected[PATH_MAX + 100];
    snprintf(
        expected, sizeof(expected), "again.lua:2: include: %s/./main.lua includes itself", folder);
    load_main(expected);
    write_file("main.lua", "while true do include 'more.lua' end");
    write_file("more.lua", "");
    load_main("main.lua:1: include: more than 63 files");
}

static void files_that_cannot_be_read(void **state)
{
    (void)state;
    struct kb_problems problems;
    kb_problems_init(&problems);
    assert_null(kb_config_load("/nowhere/a.lua", &problems));
    assert_null(kb_config_load("/", &problems));
    assert_null(kb_config_load("/dev/zero", &problems));
    assert_int_equal(problems.count, 3);
    assert_string_equal(problems.list[0].text, "/nowhere/a.lua: No such file or directory");
    assert_string_equal(problems.list[1].text, "/: Is a directory");
    assert_string_equal(problems.list[2].text,
        "/dev/zero: larger than 1 MiB, which is the most that is read of a file");
    kb_problems_deinit(&problems);
}

static void environment(void **state)
{
    (void)state;
    setenv("KABLY_TEST_SET", "from outside", 1);
    unsetenv("KABLY_TEST_UNSET");
    struct kb_config *config = load(
        BASE "assert(env('KABLY_TEST_UNSET', nil) == nil and env('KABLY_TEST_UNSET', 5) == 5)\n"
             "assert(env('KABLY_TEST_SET', 'x') == 'from outside')\n"
             "topic 'a' { channel = env 'KABLY_TEST_SET' }\n");
    assert_true(kb_slice_is(kb_template_text(config->topics[0].channel), "from outside"));
    kb_config_unref(config);
}

/* With the real limits: the first takes two seconds of work. */
static void bombs_in_the_file(void **state)
{
    (void)state;
    assert_string_equal(problem_of("\nwhile true do pcall(error) end"),
        "a.lua:2: still running after 2000 ms; is there a loop that never ends?");
    assert_string_equal(
        problem_of(
            "local t, s = {}, ('x'):rep(1000) for i = 1, 1e9 do t[i] = s:rep(1000) .. i end"),
        "a.lua: uses more than 64 MiB of memory, which is all it may have");
    assert_string_equal(problem_of("local t = {} t[1] = t\nkafka(t)"),
        "a.lua:2: kafka: tables are nested more than 16 deep, or hold themselves");
    char deep[300] = "local t = ";
    memset(deep + strlen(deep), '{', sizeof(deep) - strlen(deep) - 1);
    assert_string_equal(problem_of(deep), "a.lua: a.lua is nested too deep: Lua takes some 200 "
                                          "brackets, blocks or operators within one another");
}

static char *printed(const struct kb_config *config)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    kb_config_print(config, out);
    fclose(out);
    return text;
}

static void put_key_back(char *text)
{
    char *hidden = strstr(text, "key = \"***\"");
    assert_non_null(hidden);
    memcpy(hidden, "key='a.b:c'", strlen("key='a.b:c'"));
}

/* Whatever loads, prints; what is printed loads, and prints the same. */
static void printed_form_loads_again(void **state)
{
    (void)state;
    static const char *const texts[] = {WHOLE,
        BASE "publish { requests_per_second = 0.1, max_bytes = 1025, linger_ms = 7 }\n"
             "topic { '^a\\\\.\"b', 'c' } { channel = 'x\\\\\"\\t#{key}\\u{e4}',\n"
             "  on_error = { decode = 'skip' } }\n",
        BASE "dead_letter { topic = 'd' } ably = nil\n"
             "topic 'a' { channel = 'x', on_error = 'dlq', null_value = 'dlq', name = '' }\n"
             "log { level = 'error' } limits { memory = 16777217 }\n"};
    for (size_t i = 0; i < KB_COUNT(texts); i++) {
        struct kb_config *config = load(texts[i]);
        char *first = printed(config);
        kb_config_unref(config);
        assert_null(strstr(first, "secret\""));
        char *text = strdup(first);
        put_key_back(text);
        config = load(text);
        char *second = printed(config);
        kb_config_unref(config);
        assert_string_equal(first, second);
        free(first);
        free(text);
        free(second);
    }
}

static void secrets_are_not_printed(void **state)
{
    (void)state;
    struct kb_config *config =
        load("kafka { ['bootstrap.servers'] = 'b:1', ['group.id'] = 'g',"
             "  ['sasl.password'] = 'hunter2', ['ssl.key.password'] = 'hunter3' }\n"
             "ably { key = 'app.id:hunter4' } topic 'a' { channel = 'x' }\n");
    char *text = printed(config);
    assert_null(strstr(text, "hunter"));
    assert_non_null(strstr(text, "[\"sasl.password\"] = \"***\","));
    assert_non_null(strstr(text, "key = \"***\","));
    free(text);
    kb_config_unref(config);
}

static void a_policy_by_class_is_printed_by_class(void **state)
{
    (void)state;
    struct kb_config *config =
        load(BASE "topic 'a' { channel = 'x', on_error = { mapping = 'skip' } }\n");
    char *text = printed(config);
    assert_non_null(strstr(text,
        "on_error = { decode = \"stop\", mapping = \"skip\", hook = \"stop\", message = \"stop\", "
        "publish = \"stop\" },\n"));
    free(text);
    kb_config_unref(config);
}

static void options_are_all_listed(void **state)
{
    (void)state;
    for (int markdown = 0; markdown < 2; markdown++) {
        char *text = NULL;
        size_t size = 0;
        FILE *out = open_memstream(&text, &size);
        kb_options_print(out, markdown);
        fclose(out);
        for (size_t i = 0; i < kb_n_options; i++) {
            assert_non_null(strstr(text, kb_options[i].key));
            assert_non_null(strstr(text, kb_options[i].help));
        }
        free(text);
    }
}

static void warnings_do_not_stop_it(void **state)
{
    (void)state;
    struct kb_problems problems;
    struct kb_config *config =
        try_load("kafka { ['bootstrap.servers'] = 'b:1', ['group.id'] = 'g',\n"
                 "  ['partition.assignment.strategy'] = 'cooperative-sticky' }\n"
                 "ably { key = 'app.id:secret' } topic 'a' { channel = 'x' }\n",
            &problems);
    assert_non_null(config);
    assert_int_equal(problems.errors, 0);
    if (rd_kafka_version() < 0x02080000) {
        assert_int_equal(problems.count, 1);
        assert_true(problems.list[0].warning);
        assert_int_equal(problems.list[0].line, 2);
    }
    kb_config_unref(config);
    kb_problems_deinit(&problems);
}

static void examples_load(void **state)
{
    (void)state;
    setenv("ABLY_API_KEY", "app.id:secret", 1);
    struct kb_problems problems;
    kb_problems_init(&problems);
    struct kb_config *config = kb_config_load(KABLY_SOURCE_DIR "/config/kably.lua", &problems);
    kb_problems_print(&problems, stderr);
    assert_non_null(config);
    assert_int_equal(problems.count, 0);
    kb_config_unref(config);
    kb_problems_deinit(&problems);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_the_settled_ones),
        cmocka_unit_test(every_type_of_value),
        cmocka_unit_test(bounds_are_exact),
        cmocka_unit_test(table_is_sound),
        cmocka_unit_test(sizes),
        cmocka_unit_test(defaults_block_is_below_each_topic),
        cmocka_unit_test(first_block_that_matches_takes_a_topic),
        cmocka_unit_test(references_are_counted),
        cmocka_unit_test_setup_teardown(files_and_includes, make_folder, drop_folder),
        cmocka_unit_test_setup_teardown(includes_that_never_end, make_folder, drop_folder),
        cmocka_unit_test(files_that_cannot_be_read),
        cmocka_unit_test(environment),
        cmocka_unit_test(bombs_in_the_file),
        cmocka_unit_test(printed_form_loads_again),
        cmocka_unit_test(secrets_are_not_printed),
        cmocka_unit_test(a_policy_by_class_is_printed_by_class),
        cmocka_unit_test(options_are_all_listed),
        cmocka_unit_test(warnings_do_not_stop_it),
        cmocka_unit_test(examples_load),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
