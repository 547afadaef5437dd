/* What functions write to the log. */
#include "support/hostile.h"

#include <unistd.h>

static int lines_of(FILE *file)
{
    int lines = 0;
    rewind(file);
    for (int c; (c = getc(file)) != EOF;)
        lines += c == '\n';
    return lines;
}

/* A hundred lines a second, however they are written; a new second may begin once meanwhile. */
static void the_log_is_not_flooded(void **state)
{
    (void)state;
    static const char *const floods[] = {
        "for i = 1, 2000 do print(i) end",
        "for i = 1, 1000 do print(i) kably.log.info(i) end",
        "local t = {} for i = 1, 500 do t[i] = i end pcall(table.sort, t, print)",
    };
    for (size_t i = 0; i < KB_COUNT(floods); i++) {
        struct kb_err err;
        struct routed routed = {0};
        hostile_load(&routed, HOSTILE_MEMORY, 5000, "", floods[i]);
        FILE *log = tmpfile();
        int saved = dup(STDERR_FILENO);
        dup2(fileno(log), STDERR_FILENO);
        enum kb_route_result result = hostile_route(&routed, "bad", &err);
        dup2(saved, STDERR_FILENO);
        close(saved);
        int lines = lines_of(log);
        fclose(log);
        routed_unload(&routed);
        assert_int_not_equal(result, KB_FAILED);
        assert_in_range(lines, 100, 2 * 100 + 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_log_is_not_flooded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
