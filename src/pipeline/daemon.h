/* `kably run`: the configuration, the workers' threads and their doors to the real world, signals,
 * the end.
 *
 *     struct kb_daemon *d = kb_daemon_new(path, &code);
 *     if (!d) ...                   // it has said why: exit with code
 *     ...                           // whoever looks at its config and boards starts here
 *     code = kb_daemon_run(d);      // until the end
 *     ...                           // and ends here
 *     kb_daemon_free(d);
 *
 * SIGHUP, and whoever calls kb_reloads_ask(kb_daemon_reloads(d)), has the file loaded anew.
 * SIGTERM or SIGINT drains (bounded by limits.drain_ms) and returns 0; a second one ends the
 * process at once. Exit codes: 0 drained, 1 a stop policy was met or something failed, 2 the
 * configuration is wrong. Thread: main, once; threads made between new and free get no signals. */
#ifndef KB_PIPELINE_DAEMON_H
#define KB_PIPELINE_DAEMON_H

#include "config/config.h"
#include "pipeline/reload.h"
#include "pipeline/status.h"

struct kb_daemon; /* opaque */

struct kb_daemon *kb_daemon_new(const char *path, int *code) KB_MUST_CHECK; /* returns new */
const struct kb_config *kb_daemon_config(const struct kb_daemon *d);
/* One for each worker, in their order, valid until kb_daemon_free. */
struct kb_board *kb_daemon_boards(struct kb_daemon *d, size_t *n);
/* Valid until kb_daemon_free. */
struct kb_reloads *kb_daemon_reloads(struct kb_daemon *d);
/* Called on the main thread when another configuration is in force, before whoever asked is told.
 * Before kb_daemon_run. */
typedef void kb_daemon_reloaded(void *context, const struct kb_config *config);
void kb_daemon_on_reload(struct kb_daemon *d, kb_daemon_reloaded *function, void *context);
int kb_daemon_run(struct kb_daemon *d);
void kb_daemon_free(struct kb_daemon *d); /* NULL is fine */

#endif
