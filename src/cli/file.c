/* Which configuration file a command means. */
#include "cli/cli.h"

#include <unistd.h>

#define DEFAULT_FILE "/etc/kably/kably.lua"

const char *kb_cli_file(const char *argument)
{
    const char *environment = getenv("KABLY_CONFIG");

    if (argument)
        return argument;
    if (environment && environment[0])
        return environment;
    if (access(DEFAULT_FILE, F_OK) != 0)
        fprintf(stderr, "no FILE is named, here or in $KABLY_CONFIG: it is " DEFAULT_FILE "\n");
    return DEFAULT_FILE;
}
