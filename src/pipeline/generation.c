/* What a reload makes ready, step by step; see generation.h. Called by reload.c. */
#include "pipeline/generation.h"

#include "base/log.h"
#include "config/tests.h"
#include "pipeline/probe.h"

#include <stdlib.h>

/* `tests` NULL = they are not wanted. */
static struct kb_config *load(
    const char *path, struct kb_tests *tests, bool warn, struct kb_buf *problems_text)
{
    struct kb_problems problems;
    kb_problems_init(&problems);
    struct kb_config *config =
        tests ? kb_config_load_tests(path, tests, &problems) : kb_config_load(path, &problems);
    for (size_t i = 0; i < problems.count; i++) {
        if (config && warn)
            kb_log_warn("config", "reload: %s", problems.list[i].text);
        else if (!config && !problems.list[i].warning)
            kb_buf_printf(problems_text, "%s\n", problems.list[i].text);
    }
    kb_problems_deinit(&problems);
    return config;
}

/* The file is loaded once more, with its tests: what is gone over to is what they were run against,
 * whatever happens to the file meanwhile. */
static struct kb_config *load_tested(
    const char *path, kb_generation_tests *run_tests, struct kb_buf *problems)
{
    struct kb_tests tests;
    kb_tests_init(&tests);
    tests.strict = true;
    struct kb_config *config = load(path, &tests, false, problems);
    if (config && !run_tests(config, &tests, problems)) {
        kb_config_unref(config);
        config = NULL;
    }
    kb_tests_deinit(&tests);
    return config;
}

static struct kb_config *load_wanted(
    const char *path, kb_generation_tests *run_tests, struct kb_buf *problems)
{
    struct kb_config *config = load(path, NULL, true, problems);
    if (!config || !run_tests || !config->reload.run_tests)
        return config;
    kb_config_unref(config);
    return load_tested(path, run_tests, problems);
}

/* What only a restart applies stays as it is: from here on that is the configuration. */
static bool compare(
    struct kb_generation *next, const struct kb_config *running, struct kb_buf *problems)
{
    if (kb_changes_find(&next->changes, running, next->config) &&
        kb_changes_keep(&next->changes, running, next->config))
        return true;
    kb_buf_printf(problems, "out of memory\n");
    return false;
}

/* The text is run once more for each worker. One that does otherwise than it did when it was
 * checked is found out here, and not by one worker when others have gone over. */
static bool build_hooks(struct kb_generation *next, struct kb_buf *problems)
{
    size_t n = (size_t)next->config->limits.workers;
    next->hooks = calloc(n, sizeof(struct kb_hooks *));
    if (!next->hooks) {
        kb_buf_printf(problems, "out of memory\n");
        return false;
    }
    for (; next->n_hooks < n; next->n_hooks++) {
        struct kb_err err;
        if (kb_config_hooks(next->config, &next->hooks[next->n_hooks], &err))
            continue;
        kb_buf_printf(problems, "%s; the file was run for worker %zu\n", err.text, next->n_hooks);
        return false;
    }
    return true;
}

struct kb_generation *kb_generation_make(const char *path, const struct kb_config *running,
    kb_generation_tests *run_tests, const atomic_bool *give_up, struct kb_buf *problems)
{
    struct kb_generation *next = calloc(1, sizeof(*next));
    if (!next) {
        kb_buf_printf(problems, "out of memory\n");
        return NULL;
    }
    next->config = load_wanted(path, run_tests, problems);
    if (next->config && compare(next, running, problems) && build_hooks(next, problems) &&
        kb_probe(next->config, &next->changes, give_up, problems))
        return next;
    kb_generation_free(next);
    return NULL;
}

void kb_generation_free(struct kb_generation *next)
{
    if (!next)
        return;
    for (size_t i = 0; i < next->n_hooks; i++)
        kb_hooks_free(next->hooks[i]);
    free(next->hooks);
    kb_changes_deinit(&next->changes);
    kb_config_unref(next->config);
    free(next);
}

struct kb_hooks *kb_generation_hooks(struct kb_generation *next, size_t worker)
{
    struct kb_hooks *hooks = next->hooks[worker];
    next->hooks[worker] = NULL;
    return hooks;
}
