/* `kably run [FILE]`: the daemon (pipeline/daemon.h) and, where the file asks for it, the admin
 * server beside it, which is there before the first record is taken and after the last. */
#include "admin/admin.h"
#include "base/log.h"
#include "cli/cli.h"
#include "cli/suite.h"
#include "pipeline/daemon.h"

/* The token is what a reload changes of it. */
static void on_reload(void *context, const struct kb_config *config)
{
    if (!kb_admin_set_token(context, config->admin.token))
        kb_log_error("admin", "out of memory for another token: the one before stays");
}

static bool start_admin(struct kb_daemon *daemon, struct kb_admin **admin)
{
    size_t n;
    struct kb_board *boards = kb_daemon_boards(daemon, &n);
    struct kb_err err;
    bool ok = kb_admin_start_for(
        kb_daemon_config(daemon), boards, n, kb_daemon_reloads(daemon), admin, &err);
    if (!ok)
        kb_log_error("admin", "%s", err.text);
    if (*admin)
        kb_daemon_on_reload(daemon, on_reload, *admin);
    return ok;
}

int kb_cli_run(int argc, char **argv)
{
    if (argc > 1)
        return kb_cli_usage("run", "one file at a time, which may include others");
    if (argc == 1 && argv[0][0] == '-')
        return kb_cli_usage("run", "unknown option \"%s\"", argv[0]);

    int code;
    struct kb_admin *admin = NULL;
    struct kb_daemon *daemon = kb_daemon_new(kb_cli_file(argc == 1 ? argv[0] : NULL), &code);
    if (daemon)
        kb_reloads_run_tests(kb_daemon_reloads(daemon), kb_suite_for_reload);
    if (daemon)
        code = start_admin(daemon, &admin) ? kb_daemon_run(daemon) : KB_EXIT_FAILED;
    kb_admin_stop(admin);
    kb_daemon_free(daemon);
    return code;
}
