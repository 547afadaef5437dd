/* `kably check [FILE] [--print]`: reads the file as the daemon would, and tells all that is wrong
 * with it. */
#include "cli/cli.h"
#include "config/config.h"

#include <string.h>

/* Errors and warnings go to standard error, so that --print can be piped. */
static int check(const char *path, bool print)
{
    struct kb_problems problems;
    struct kb_config *config;
    int code = KB_EXIT_USAGE;

    kb_problems_init(&problems);
    config = kb_config_load(path, &problems);
    kb_problems_print(&problems, stderr);
    if (config) {
        code = KB_EXIT_DONE;
        if (print)
            kb_config_print(config, stdout);
        else
            printf("%s: ok, %zu topic block%s, %zu warning%s\n", path, config->n_topics,
                config->n_topics == 1 ? "" : "s", problems.count, problems.count == 1 ? "" : "s");
    }
    kb_config_unref(config);
    kb_problems_deinit(&problems);
    return code;
}

int kb_cli_check(int argc, char **argv)
{
    const char *path = NULL;
    bool print = false;

    for (int i = 0; i < argc; i++) {
        if (strcmp(argv[i], "--print") == 0)
            print = true;
        else if (argv[i][0] == '-')
            return kb_cli_usage("check", "unknown option \"%s\"", argv[i]);
        else if (path)
            return kb_cli_usage("check", "one file at a time, which may include others");
        else
            path = argv[i];
    }
    return check(kb_cli_file(path), print);
}
