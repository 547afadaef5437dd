/* `kably check [FILE] [--print] [--online]`: reads the file as the daemon would, and tells all that
 * is wrong with it. Its functions are loaded as a worker loads them, and the records of its tests
 * sent through templates and functions. */
#include "cli/cli.h"
#include "cli/online.h"
#include "cli/shadows.h"
#include "cli/trial.h"

#include "base/log.h"

#include <string.h>

struct wish {
    const char *path;
    bool print, online;
};

static void warn(size_t *warnings, const struct kb_test *test, const char *text)
{
    ++*warnings;
    fprintf(stderr, "%s:%d: test \"%s\": %s; `kably test` tells more (warning)\n", test->path,
        test->line, test->name, text);
}

/* The tests' records, on their way through templates and functions. */
struct trying {
    struct kb_trial trial;
    struct kb_shadows shadows;
    size_t *warnings;
};

/* A record that fails where its test expects no failure. */
static void try_record(
    struct trying *trying, const struct kb_test *test, const struct kb_test_record *given)
{
    char text[KB_ERR_TEXT_MAX + 64];
    struct kb_record rec;
    struct kb_rules rules;
    struct kb_err err;
    if (!kb_trial_rules(&trying->trial, given, &rec, &rules, &err)) {
        warn(trying->warnings, test, err.text);
        return;
    }
    switch (kb_trial_run(&trying->trial, &rules, &rec, &err)) {
    case KB_TRIAL_MESSAGES:
        kb_shadows_note(&trying->shadows, &rules, &trying->trial);
        break;
    case KB_TRIAL_FAILED:
        if (test->expected == KB_EXPECT_FAILS)
            break;
        snprintf(
            text, sizeof(text), "its record fails: %s: %s", kb_failure_name(err.failure), err.text);
        warn(trying->warnings, test, text);
        break;
    case KB_TRIAL_DROPPED:
    case KB_TRIAL_WAITS: /* never: no registry is asked */
        break;
    }
}

static bool try_all(const struct kb_config *config, const struct kb_tests *tests, size_t *warnings)
{
    struct trying trying = {.warnings = warnings};
    struct kb_err err;
    bool ok = kb_trial_init(&trying.trial, config, NULL, &err) &&
              (kb_shadows_init(&trying.shadows, config) || kb_err_fatal(&err, "out of memory"));
    if (!ok)
        fprintf(stderr, "%s\n", err.text);
    for (size_t i = 0; ok && i < tests->n; i++)
        for (size_t k = 0; k < tests->list[i].n_records; k++)
            try_record(&trying, &tests->list[i], &tests->list[i].records[k]);
    if (ok)
        *warnings += kb_shadows_tell(&trying.shadows, tests, stderr);
    kb_shadows_deinit(&trying.shadows);
    kb_trial_deinit(&trying.trial);
    return ok;
}

static bool stands_in(const struct kb_problems *problems, const char *text)
{
    for (size_t i = 0; i < problems->count; i++)
        if (strcmp(problems->list[i].text, text) == 0)
            return true;
    return false;
}

/* What is seen only where the tests are looked at, too; with its errors, which are the tests'. */
static void print_more(
    const struct kb_problems *more, const struct kb_problems *known, size_t *warnings)
{
    for (size_t i = 0; i < more->count; i++) {
        const struct kb_problem *problem = &more->list[i];
        if (stands_in(known, problem->text))
            continue;
        *warnings += problem->warning;
        fprintf(stderr, "%s%s\n", problem->text, problem->warning ? " (warning)" : "");
    }
}

static bool try_tests(const struct wish *wish, const struct kb_problems *known, size_t *warnings)
{
    struct kb_problems again;
    struct kb_tests tests;
    kb_problems_init(&again);
    kb_tests_init(&tests);
    struct kb_config *config = kb_config_load_tests(wish->path, &tests, &again);
    print_more(&again, known, warnings);
    bool ok = config && try_all(config, &tests, warnings);
    kb_config_unref(config);
    kb_tests_deinit(&tests);
    kb_problems_deinit(&again);
    return ok;
}

static void tell(const struct wish *wish, const struct kb_config *config, size_t warnings)
{
    if (wish->print)
        kb_config_print(config, stdout);
    else
        printf("%s: ok, %zu topic block%s, %zu warning%s\n", wish->path, config->n_topics,
            config->n_topics == 1 ? "" : "s", warnings, warnings == 1 ? "" : "s");
}

/* Errors and warnings go to standard error, so that --print can be piped. */
static int check(const struct wish *wish)
{
    struct kb_problems problems;
    int code = KB_EXIT_USAGE;

    kb_problems_init(&problems);
    struct kb_config *config = kb_config_load(wish->path, &problems);
    kb_problems_print(&problems, stderr);
    size_t warnings = problems.count;
    if (config && try_tests(wish, &problems, &warnings)) {
        tell(wish, config, warnings);
        code = KB_EXIT_DONE;
        kb_log_setup(KB_LOG_ERROR, config->log.format);
        if (wish->online && !kb_online_check(config, wish->print ? stderr : stdout))
            code = KB_EXIT_FAILED;
    }
    kb_config_unref(config);
    kb_problems_deinit(&problems);
    return code;
}

int kb_cli_check(int argc, char **argv)
{
    struct wish wish = {.path = NULL};

    for (int i = 0; i < argc; i++) {
        if (strcmp(argv[i], "--print") == 0)
            wish.print = true;
        else if (strcmp(argv[i], "--online") == 0)
            wish.online = true;
        else if (argv[i][0] == '-')
            return kb_cli_usage("check", "unknown option \"%s\"", argv[i]);
        else if (wish.path)
            return kb_cli_usage("check", "one file at a time, which may include others");
        else
            wish.path = argv[i];
    }
    wish.path = kb_cli_file(wish.path);
    return check(&wish);
}
