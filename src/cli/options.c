/* `kably options [--markdown]`: every option of the configuration file, from the same table that
 * reads it. */
#include "cli/cli.h"
#include "config/config.h"

#include <string.h>

int kb_cli_options(int argc, char **argv)
{
    bool markdown = argc == 1 && strcmp(argv[0], "--markdown") == 0;

    if (argc > 0 && !markdown)
        return kb_cli_usage("options", "unexpected \"%s\"", argv[0]);
    kb_options_print(stdout, markdown);
    return KB_EXIT_DONE;
}
