/* kably: Kafka records to Ably channels. The commands are the rows of cli/commands.c.
 *
 * Exit codes: 0 done; 1 the work failed; 2 wrong usage or configuration. */
#include "cli/cli.h"

#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
    const struct kb_command *command;

    if (argc < 2) {
        kb_cli_print_commands(stderr);
        return KB_EXIT_USAGE;
    }
    if (strcmp(argv[1], "--version") == 0)
        return kb_cli_version();
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
        return kb_cli_help(argc - 2, argv + 2);

    command = kb_command_find(argv[1]);
    if (!command)
        return kb_cli_unknown(argv[1]);
    if (kb_cli_asks_help(argc - 2, argv + 2))
        return kb_cli_help(1, argv + 1);
    return command->run(argc - 2, argv + 2);
}
