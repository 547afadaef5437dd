/* The table of commands, its help, "did you mean", and the exit codes of wrong usage. */
#include "cli/cli.h"

#include "support/prop.h"

/* What a command prints to `stream`, up to 8 KiB; run in this process, with the stream put
 * elsewhere. */
static int captured(
    FILE **stream, char *text, size_t size, int (*run)(int, char **), int argc, char **argv)
{
    FILE *before = *stream;
    int code;

    memset(text, 0, size);
    *stream = fmemopen(text, size - 1, "w");
    assert_non_null(*stream);
    code = run(argc, argv);
    fclose(*stream);
    *stream = before;
    return code;
}

static void assert_fits_a_screen(const char *name, const char *text)
{
    int lines = 0;

    for (const char *line = text, *end; (end = strchr(line, '\n')); line = end + 1) {
        lines++;
        if (end - line > 80)
            fail_msg("help %s: %d columns: %.*s", name, (int)(end - line), (int)(end - line), line);
    }
    if (lines < 3 || lines > 24)
        fail_msg("help %s: %d lines", name, lines);
    assert_int_equal(text[strlen(text) - 1], '\n');
}

static void test_help_fits_a_screen(void **state)
{
    char text[8192];

    (void)state;
    assert_int_equal(captured(&stdout, text, sizeof(text), kb_cli_help, 0, NULL), KB_EXIT_DONE);
    assert_fits_a_screen("", text);
    for (int i = 0; i < kb_n_commands; i++) {
        char *name = (char *)(uintptr_t)kb_commands[i].name;
        assert_non_null(strstr(text, kb_commands[i].help));
        assert_int_equal(
            captured(&stdout, text, sizeof(text), kb_cli_help, 1, &name), KB_EXIT_DONE);
        assert_non_null(strstr(text, kb_commands[i].help));
        assert_fits_a_screen(name, text);
        assert_ptr_equal(kb_command_find(name), &kb_commands[i]);
        captured(&stdout, text, sizeof(text), kb_cli_help, 0, NULL);
    }
    assert_null(kb_command_find("serve"));
}

static int unknown(int argc, char **argv)
{
    (void)argc;
    return kb_cli_unknown(argv[0]);
}

static void test_wrong_usage(void **state)
{
    static const struct {
        int (*run)(int argc, char **argv);
        const char *arguments[4], *text;
    } cases[] = {
        {unknown, {"sandbx"}, "kably: unknown command \"sandbx\"; did you mean \"sandbox\"?\n"},
        {unknown, {"serve"}, "kably: unknown command \"serve\"; `kably help` shows them\n"},
        {kb_cli_help, {"chek"}, "kably: unknown command \"chek\"; did you mean \"check\"?\n"},
        {kb_cli_help, {"run", "check"},
            "kably help: one command at a time; see `kably help help`\n"},
        {kb_cli_run, {"a", "b"}, "kably run: one file at a time"},
        {kb_cli_run, {"--fast"}, "kably run: unknown option \"--fast\""},
        {kb_cli_check, {"a", "--print", "b"}, "kably check: one file at a time"},
        {kb_cli_check, {"--prnt"}, "kably check: unknown option \"--prnt\""},
        {kb_cli_check, {"/nowhere/kably.lua"}, "/nowhere/kably.lua"},
        {kb_cli_options, {"--html"}, "kably options: unexpected \"--html\""},
        {kb_cli_sandbox, {"--topics", "a:1"}, "unknown \"--topics\", did you mean \"--topic\""},
        {kb_cli_sandbox, {"--topic"}, "--topic needs a value"},
        {kb_cli_sandbox, {"--topic", "a"}, "--topic a: expected NAME:PARTITIONS"},
        {kb_cli_sandbox, {"--topic", ":1"}, "expected NAME:PARTITIONS"},
        {kb_cli_sandbox, {"--topic", "a:0"}, "expected NAME:PARTITIONS"},
        {kb_cli_sandbox, {"--topic", "a:1x"}, "expected NAME:PARTITIONS"},
        {kb_cli_sandbox, {"--ably-port", "65536"}, "--ably-port 65536: expected 0 to 65535"},
        {kb_cli_sandbox, {"--history", "-1"}, "--history -1: expected"},
    };
    char text[8192];

    (void)state;
    for (size_t i = 0; i < KB_COUNT(cases); i++) {
        int argc = 0;
        while (argc < 4 && cases[i].arguments[argc])
            argc++;
        int code = captured(&stderr, text, sizeof(text), cases[i].run, argc,
            (char **)(uintptr_t)cases[i].arguments);
        assert_int_equal(code, KB_EXIT_USAGE);
        if (!strstr(text, cases[i].text))
            fail_msg("expected %s in %s", cases[i].text, text);
    }
}

static void test_version(void **state)
{
    char text[8192];
    FILE *before = stdout;

    (void)state;
    memset(text, 0, sizeof(text));
    stdout = fmemopen(text, sizeof(text) - 1, "w");
    assert_int_equal(kb_cli_version(), KB_EXIT_DONE);
    fclose(stdout);
    stdout = before;
    assert_int_equal(strncmp(text, "kably " KABLY_VERSION "\nlibrdkafka ", 18), 0);
    assert_non_null(strstr(text, ", libcurl "));
    assert_non_null(strstr(text, ", Lua 5.4"));
    assert_non_null(strstr(text, ", allocator "));
}

static void test_default_file(void **state)
{
    (void)state;
    unsetenv("KABLY_CONFIG");
    assert_string_equal(kb_cli_file(NULL), "/etc/kably/kably.lua");
    setenv("KABLY_CONFIG", "", 1);
    assert_string_equal(kb_cli_file(NULL), "/etc/kably/kably.lua");
    setenv("KABLY_CONFIG", "/tmp/other.lua", 1);
    assert_string_equal(kb_cli_file(NULL), "/tmp/other.lua");
    assert_string_equal(kb_cli_file("mine.lua"), "mine.lua");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_help_fits_a_screen),
        cmocka_unit_test(test_wrong_usage),
        cmocka_unit_test(test_version),
        cmocka_unit_test(test_default_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
