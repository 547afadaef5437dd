/* `kably run`: the configuration, the workers' threads and their doors to the real world, signals,
 * the end.
 *
 * SIGTERM or SIGINT drains (bounded by limits.drain_ms) and returns 0; a second one ends the
 * process at once. Returns the exit code: 0 drained, 1 a stop policy was met or a worker failed, 2
 * the configuration is wrong. Thread: main, once. */
#ifndef KB_PIPELINE_DAEMON_H
#define KB_PIPELINE_DAEMON_H

int kb_daemon_run(const char *path);

#endif
