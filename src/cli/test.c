/* `kably test FILE...`: runs the test blocks of the files (suite.h), each record through the very
 * code that the daemon has for it, up to the bytes of the request. Nothing is connected to. */
#include "cli/cli.h"
#include "cli/expect.h"
#include "cli/suite.h"
#include "cli/trial.h"
#include "cli/unreached.h"
#include "metrics/named.h"

#include <string.h>
#include <unistd.h>

#define BODY_MAX (64u << 20)

struct run {
    FILE *to;
    enum kb_suite_shown shown;
    const struct kb_config *config;
    struct kb_trial trial;
    struct kb_lines *lines; /* what has run of the file's functions */
    struct kb_expect expect;
    struct kb_buf body; /* all messages of a test, as one request would have them */
    struct kb_suite_end end;
};

/* What became of a test's records. */
struct got {
    size_t n_messages, dropped, failed;
    bool wrong;        /* the test itself: it is told already */
    bool unlike;       /* a record failed that should not, or not in that way */
    struct kb_err err; /* of the first such, else of the last that failed */
};

/* Each message is compared at once: it lives until the next record. */
static void take_messages(struct run *run, const struct kb_test *test, struct got *got)
{
    for (size_t i = 0; i < run->trial.router.n_messages; i++) {
        char what[40];
        struct kb_slice spec = kb_trial_spec(&run->trial, i);
        kb_buf_byte(&run->body, run->body.len == 0 ? '[' : ',');
        kb_buf_add(&run->body, spec);
        size_t number = got->n_messages++;
        snprintf(what, sizeof(what), "message %zu", number + 1);
        if (number < test->n_messages)
            kb_expect_message(&run->expect, test->messages[number], spec, what);
    }
}

static bool expects_failure(const struct kb_test *test, const struct kb_err *err)
{
    return test->expected == KB_EXPECT_FAILS && err->failure == test->failure &&
           (!test->says.ptr || strstr(err->text, test->says.ptr));
}

static void take_failure(const struct kb_test *test, const struct kb_err *err, struct got *got)
{
    got->failed++;
    if (!got->unlike)
        got->err = *err;
    got->unlike = got->unlike || !expects_failure(test, err);
}

static void run_record(struct run *run, const struct kb_test *test,
    const struct kb_test_record *given, struct got *got)
{
    struct kb_record rec;
    struct kb_rules rules;
    struct kb_err err;
    if (!kb_trial_rules(&run->trial, given, &rec, &rules, &err)) {
        kb_buf_printf(&run->expect.differences, "%s\n", err.text);
        got->wrong = true;
        return;
    }
    switch (kb_trial_run(&run->trial, &rules, &rec, &err)) {
    case KB_TRIAL_MESSAGES:
        take_messages(run, test, got);
        break;
    case KB_TRIAL_DROPPED:
        got->dropped++;
        break;
    case KB_TRIAL_FAILED:
    case KB_TRIAL_WAITS: /* never: no registry is asked */
        take_failure(test, &err, got);
        break;
    }
}

/* ---- what a test says of it ---- */

static void tell_got(struct run *run, const char *expected, const struct got *got)
{
    struct kb_buf *out = &run->expect.differences;
    kb_buf_printf(out, "expected %s, got ", expected);
    if (got->n_messages > 0)
        kb_buf_printf(out, "%zu message%s", got->n_messages, got->n_messages == 1 ? "" : "s");
    if (got->n_messages > 0 && got->failed > 0)
        kb_buf_add(out, KB_S(" and "));
    if (got->failed > 0)
        kb_buf_printf(
            out, "a failure of class %s: %s", kb_failure_name(got->err.failure), got->err.text);
    else if (got->n_messages == 0)
        kb_buf_add(out, KB_S("nothing: the record was dropped"));
    if (got->dropped > 0 && got->n_messages + got->failed > 0)
        kb_buf_printf(out, "; %zu dropped", got->dropped);
    kb_buf_byte(out, '\n');
    if (got->n_messages > 0)
        kb_buf_printf(out, "  " KB_FMT "]\n", KB_ARG(kb_buf_slice(&run->body)));
}

static void judge(struct run *run, const struct kb_test *test, const struct got *got)
{
    char expected[80];
    size_t n = test->n_records;
    switch (test->expected) {
    case KB_EXPECT_MESSAGES:
        snprintf(expected, sizeof(expected), "%zu message%s", test->n_messages,
            test->n_messages == 1 ? "" : "s");
        if (got->n_messages != test->n_messages || got->failed > 0)
            tell_got(run, expected, got);
        break;
    case KB_EXPECT_DROP:
        if (got->dropped != n)
            tell_got(run, "a drop", got);
        break;
    case KB_EXPECT_FAILS:
        snprintf(
            expected, sizeof(expected), "a failure of class %s", kb_failure_name(test->failure));
        if (got->failed != n || got->err.failure != test->failure)
            tell_got(run, expected, got);
        else if (got->unlike)
            kb_buf_printf(&run->expect.differences, "expected a reason with \"%s\", got %s\n",
                test->says.ptr, got->err.text);
        break;
    case KB_EXPECT_REQUEST:
        if (got->failed > 0) {
            tell_got(run, "a request", got);
            break;
        }
        kb_buf_add(&run->body, run->body.len == 0 ? KB_S("[]") : KB_S("]"));
        kb_expect_text(&run->expect, test->request, kb_buf_slice(&run->body), "request");
        break;
    }
}

static void print_lines(FILE *to, struct kb_slice text)
{
    const char *line = text.ptr, *end = text.ptr + text.len;
    while (line < end) {
        const char *next = memchr(line, '\n', (size_t)(end - line));
        fprintf(to, "  %.*s\n", (int)((next ? next : end) - line), line);
        line = next ? next + 1 : end;
    }
}

static void run_test(struct run *run, const struct kb_test *test)
{
    struct got got = {.n_messages = 0};
    kb_arena_reset(&run->expect.arena);
    kb_buf_reset(&run->expect.differences);
    kb_buf_reset(&run->body);
    if (run->trial.hooks)
        kb_hooks_forget(run->trial.hooks);
    for (size_t i = 0; i < test->n_records; i++)
        run_record(run, test, &test->records[i], &got);
    if (!got.wrong)
        judge(run, test, &got);
    bool ok = run->expect.differences.len == 0;
    run->end.passed += ok;
    run->end.failed += !ok;
    if (ok && run->shown == KB_SUITE_FAILURES)
        return;
    fprintf(run->to, "%s %s:%d: %s\n", ok ? "ok  " : "FAIL", test->path, test->line, test->name);
    print_lines(run->to, kb_buf_slice(&run->expect.differences));
}

/* The functions that no test has been through: nobody knows what they do. */
static void tell_unreached(const struct run *run)
{
    for (size_t i = 0; i < run->config->n_topics; i++) {
        const struct kb_rules *rules = &run->config->topics[i];
        for (size_t number = 0; number < rules->n_functions; number++) {
            const struct kb_function *function = &rules->functions[number];
            if (function->place && kb_hooks_calls(run->trial.hooks, i, number) == 0)
                fprintf(run->to, "no test reaches %s: %s of topic \"%s\"\n", function->place,
                    function->name, rules->patterns[0].text);
        }
    }
}

static bool run_init(struct run *run, const struct kb_config *config, struct kb_err *err)
{
    run->config = config;
    run->lines = kb_lines_new();
    if (!run->lines)
        return kb_err_fatal(err, "out of memory");
    return kb_trial_init(&run->trial, config, run->lines, err);
}

static void run_deinit(struct run *run)
{
    kb_trial_deinit(&run->trial);
    kb_lines_free(run->lines);
    kb_expect_deinit(&run->expect);
    kb_buf_deinit(&run->body);
}

bool kb_suite_run(const struct kb_config *config, const struct kb_tests *tests,
    enum kb_suite_shown shown, FILE *to, struct kb_suite_end *end, struct kb_err *err)
{
    struct run run = {.to = to, .shown = shown};
    kb_buf_init(&run.body, BODY_MAX);
    kb_expect_init(&run.expect);
    kb_named_pause(true);
    bool ok = run_init(&run, config, err);
    for (size_t i = 0; ok && i < tests->n; i++)
        run_test(&run, &tests->list[i]);
    if (ok && tests->n > 0 && shown == KB_SUITE_ALL) {
        tell_unreached(&run);
        kb_unreached_print(tests, run.lines, to);
    }
    kb_named_pause(false);
    *end = run.end;
    run_deinit(&run);
    return ok;
}

/* orders.test.lua stands for orders.lua, which it belongs to. */
static void file_of(const char *argument, char *out, size_t size)
{
    static const char suffix[] = ".test.lua";
    size_t len = strlen(argument), cut = sizeof(suffix) - 1;
    bool companion = len > cut && strcmp(argument + len - cut, suffix) == 0;
    snprintf(
        out, size, "%.*s%s", (int)(companion ? len - cut : len), argument, companion ? ".lua" : "");
    if (companion && access(out, R_OK) != 0)
        snprintf(out, size, "%s", argument);
}

static int test_file(const char *argument, struct kb_suite_end *sum)
{
    char path[4096];
    struct kb_problems problems;
    struct kb_tests tests;
    struct kb_suite_end end;
    struct kb_err err;
    int code = KB_EXIT_USAGE;
    file_of(argument, path, sizeof(path));
    kb_problems_init(&problems);
    kb_tests_init(&tests);
    struct kb_config *config = kb_config_load_tests(path, &tests, &problems);
    kb_problems_print(&problems, stderr);
    if (config && kb_suite_run(config, &tests, KB_SUITE_ALL, stdout, &end, &err)) {
        if (tests.n == 0)
            printf("%s has no tests; write test \"name\" { given = ..., expect = ... }\n", path);
        code = end.failed > 0 || tests.n == 0 ? KB_EXIT_FAILED : KB_EXIT_DONE;
        sum->passed += end.passed;
        sum->failed += end.failed;
    } else if (config) {
        fprintf(stderr, "%s\n", err.text);
    }
    kb_config_unref(config);
    kb_tests_deinit(&tests);
    kb_problems_deinit(&problems);
    return code;
}

int kb_cli_test(int argc, char **argv)
{
    struct kb_suite_end sum = {0, 0};
    int code = KB_EXIT_DONE;
    for (int i = 0; i < argc; i++)
        if (argv[i][0] == '-')
            return kb_cli_usage("test", "unknown option \"%s\"", argv[i]);
    for (int i = 0; i < (argc > 0 ? argc : 1); i++) {
        int one = test_file(kb_cli_file(argc > 0 ? argv[i] : NULL), &sum);
        code = one > code ? one : code;
    }
    size_t n = sum.passed + sum.failed;
    printf("%zu test%s, %zu failed\n", n, n == 1 ? "" : "s", sum.failed);
    return code;
}
