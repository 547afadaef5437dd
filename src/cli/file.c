/* Which configuration file a command means. */
#include "cli/cli.h"

const char *kb_cli_file(const char *argument)
{
    const char *environment = getenv("KABLY_CONFIG");

    if (argument)
        return argument;
    return environment && environment[0] ? environment : "/etc/kably/kably.lua";
}
