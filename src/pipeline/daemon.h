/* `kably run`: the configuration, the workers' threads and their doors to the real world, signals,
 * the end.
 *
 *     struct kb_daemon *d = kb_daemon_new(path, &code);     // NULL: it has said why, exit with
 * code
 *     ... whoever wants to look at it starts here: kb_daemon_config, kb_daemon_boards
 *     code = kb_daemon_run(d);                              // until the end
 *     ... and ends here
 *     kb_daemon_free(d);
 *
 * SIGTERM or SIGINT drains (bounded by limits.drain_ms) and returns 0; a second one ends the
 * process at once. Exit codes: 0 drained, 1 a stop policy was met or something failed, 2 the
 * configuration is wrong. Thread: main, once; threads made between new and free get no signals. */
#ifndef KB_PIPELINE_DAEMON_H
#define KB_PIPELINE_DAEMON_H

#include "config/config.h"
#include "pipeline/status.h"

struct kb_daemon; /* opaque */

struct kb_daemon *kb_daemon_new(const char *path, int *code) KB_MUST_CHECK; /* returns new */
const struct kb_config *kb_daemon_config(const struct kb_daemon *d);
/* One for each worker, in their order, valid until kb_daemon_free. */
struct kb_board *kb_daemon_boards(struct kb_daemon *d, size_t *n);
int kb_daemon_run(struct kb_daemon *d);
void kb_daemon_free(struct kb_daemon *d); /* NULL is fine */

#endif
