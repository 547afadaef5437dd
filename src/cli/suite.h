/* The tests of a file, run: each record through the very code the daemon has for it, up to the
 * bytes of the request. Nothing is connected to. For `kably test`, and for a reload whose file asks
 * for it.
 *
 *     struct kb_tests tests;             // of kb_config_load_tests
 *     struct kb_suite_end end;
 *     if (!kb_suite_run(config, &tests, KB_SUITE_ALL, stdout, &end, &err)) ...  // not to be loaded
 *     end.passed, end.failed
 *
 * Each test is a line, and below one that failed stands where it differs. Counters of the file's
 * functions (kably.counter) stay as they are. Thread: any, each file on one at a time. */
#ifndef KB_CLI_SUITE_H
#define KB_CLI_SUITE_H

#include "config/tests.h"

#include <stdio.h>

enum kb_suite_shown {
    KB_SUITE_ALL,     /* and then the functions that no test has reached */
    KB_SUITE_FAILURES /* only tests that failed */
};

struct kb_suite_end {
    size_t passed, failed;
};

bool kb_suite_run(const struct kb_config *config, const struct kb_tests *tests,
    enum kb_suite_shown shown, FILE *to, struct kb_suite_end *end,
    struct kb_err *err) KB_MUST_CHECK;

/* The same for a reload (pipeline/generation.h). */
bool kb_suite_for_reload(
    const struct kb_config *config, const struct kb_tests *tests, struct kb_buf *failures);

#endif
