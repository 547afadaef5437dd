/* The tests of a file that a reload is about to go over to; see suite.h. Called on the reloads'
 * thread. */
#include "cli/suite.h"

#include <stdlib.h>

/* A file that asks for its tests and has none has lost them. */
static bool judge_for_reload(const struct kb_config *config, const struct kb_tests *tests, FILE *to)
{
    struct kb_suite_end end;
    struct kb_err err;
    if (!kb_suite_run(config, tests, KB_SUITE_FAILURES, to, &end, &err)) {
        fprintf(to, "%s\n", err.text);
        return false;
    }
    if (tests->n == 0)
        fprintf(
            to, "%s asks for its tests (reload { run_tests = true }) and has none\n", config->path);
    else if (end.failed > 0)
        fprintf(to, "%s: %zu of %zu tests failed (reload { run_tests = true })\n", config->path,
            end.failed, tests->n);
    return tests->n > 0 && end.failed == 0;
}

bool kb_suite_for_reload(
    const struct kb_config *config, const struct kb_tests *tests, struct kb_buf *failures)
{
    char *text = NULL;
    size_t len = 0;
    FILE *to = open_memstream(&text, &len);
    bool ok = to && judge_for_reload(config, tests, to);
    if (to)
        fclose(to);
    if (!to)
        kb_buf_printf(failures, "no memory for its tests\n");
    else if (!ok)
        kb_buf_add(failures, (struct kb_slice){text, len});
    free(text);
    return ok;
}
