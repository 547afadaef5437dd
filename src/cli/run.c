/* `kably run [FILE]`: the daemon; everything about it is in pipeline/daemon.c. */
#include "cli/cli.h"
#include "pipeline/daemon.h"

int kb_cli_run(int argc, char **argv)
{
    if (argc > 1)
        return kb_cli_usage("run", "one file at a time, which may include others");
    if (argc == 1 && argv[0][0] == '-')
        return kb_cli_usage("run", "unknown option \"%s\"", argv[0]);
    int code;
    struct kb_daemon *daemon = kb_daemon_new(kb_cli_file(argc == 1 ? argv[0] : NULL), &code);
    if (daemon)
        code = kb_daemon_run(daemon);
    kb_daemon_free(daemon);
    return code;
}
