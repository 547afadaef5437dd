/* The next generation of the configuration, made ready on the reloads' own thread while the workers
 * go on with the one in force: the file loaded and checked, its tests run where
 * it asks for that, compared with the one in force, the functions of
 * every worker built, all of the same texts, and whoever is to be reached otherwise asked whether
 * that holds (probe.h). What can go wrong does so here; what is ready all
 * workers can go over to, or none does.
 *
 *     next = kb_generation_make(path, running, run_tests, &give_up, &problems); // NULL: why
 *     next->config, next->changes
 *     kb_generation_hooks(next, i)                  // for worker i, who takes them
 *     kb_generation_free(next);
 *
 * Thread: its owner's. */
#ifndef KB_PIPELINE_GENERATION_H
#define KB_PIPELINE_GENERATION_H

#include "config/changes.h"

#include <stdatomic.h>

struct kb_tests; /* config/tests.h */

struct kb_generation {
    struct kb_config *config;
    struct kb_changes changes; /* from the one that was in force */
    struct kb_hooks **hooks;   /* one a worker, NULL where the file has no function */
    size_t n_hooks;
};

/* Runs the tests of a file that asks for it, reload { run_tests = true }. False: one failed, or
 * there is none; `failures` has the lines that say so. */
typedef bool kb_generation_tests(
    const struct kb_config *config, const struct kb_tests *tests, struct kb_buf *failures);

/* Each problem of `path` is a line of `problems`; warnings are logged. Waits for nobody once
 * `give_up` is true. `run_tests` NULL = nobody can run any. Returns new. */
struct kb_generation *kb_generation_make(const char *path, const struct kb_config *running,
    kb_generation_tests *run_tests, const atomic_bool *give_up,
    struct kb_buf *problems) KB_MUST_CHECK;
void kb_generation_free(struct kb_generation *next); /* NULL is fine */

/* The caller's from then on; NULL = the file has no function. */
struct kb_hooks *kb_generation_hooks(struct kb_generation *next, size_t worker);

#endif
