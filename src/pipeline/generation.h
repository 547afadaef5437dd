/* The next generation of the configuration, made ready on the reloads' own thread while the workers
 * go on with the one in force: the file loaded and checked, compared with that, the functions of
 * every worker built, all of the same texts, and whoever is to be reached otherwise asked whether
 * that holds (probe.h). What can go wrong does so here; what is ready all
 * workers can go over to, or none does.
 *
 *     next = kb_generation_make(path, running, &give_up, &problems);            // NULL: why
 *     next->config, next->changes
 *     kb_generation_hooks(next, i)                  // for worker i, who takes them
 *     kb_generation_free(next);
 *
 * Thread: its owner's. */
#ifndef KB_PIPELINE_GENERATION_H
#define KB_PIPELINE_GENERATION_H

#include "config/changes.h"

#include <stdatomic.h>

struct kb_generation {
    struct kb_config *config;
    struct kb_changes changes; /* from the one that was in force */
    struct kb_hooks **hooks;   /* one a worker, NULL where the file has no function */
    size_t n_hooks;
};

/* Each problem of `path` is a line of `problems`; warnings are logged. Waits for nobody once
 * `give_up` is true. Returns new. */
struct kb_generation *kb_generation_make(const char *path, const struct kb_config *running,
    const atomic_bool *give_up, struct kb_buf *problems) KB_MUST_CHECK;
void kb_generation_free(struct kb_generation *next); /* NULL is fine */

/* The caller's from then on; NULL = the file has no function. */
struct kb_hooks *kb_generation_hooks(struct kb_generation *next, size_t worker);

#endif
