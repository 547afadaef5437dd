/* Reloads: asked for by a signal or over HTTP, loaded and checked on a thread of their own, applied
 * by the daemon's main thread. A file with anything wrong in it changes nothing.
 *
 *     struct kb_reloads *reloads = kb_reloads_new(path, config, progress_fd, &err);
 *     number = kb_reloads_ask(reloads);                     // any thread
 *     ... its own thread loads the file, compares, and writes to progress_fd; then, on main:
 *     struct kb_generation *next = kb_reloads_next(reloads);           // NULL = none is ready
 *     ... the workers go over to it, or can't
 *     kb_reloads_end(reloads, NULL);                        // or why it could not be applied
 *     kb_reloads_read(reloads, &report);                    // any thread: report.ended >= number?
 *     kb_reloads_free(reloads);
 *
 * One at a time. Who asks while one is loading gets the next, for the file may have changed since
 * it was read; however many ask by then, it is one. Thread: as said. */
#ifndef KB_PIPELINE_RELOAD_H
#define KB_PIPELINE_RELOAD_H

#include "pipeline/generation.h"

#define KB_RELOAD_TEXT_MAX 2048

struct kb_reloads; /* opaque */

struct kb_reload_report {
    uint64_t ended;      /* all that were asked for up to this number have ended */
    uint64_t generation; /* of the configuration in force, from 1 */
    uint64_t reloads, failures;
    bool failed;                   /* the last one */
    int64_t at_wall_ms;            /* when the last ended; 0 = there was none */
    char text[KB_RELOAD_TEXT_MAX]; /* what it changed, or each problem on a line of its own */
};

/* Holds a reference to `config`, the one in force. Returns new. */
struct kb_reloads *kb_reloads_new(
    const char *path, struct kb_config *config, int progress_fd, struct kb_err *err) KB_MUST_CHECK;
void kb_reloads_free(struct kb_reloads *reloads); /* NULL is fine; waits a second for its thread */

/* Who runs the tests of a file that asks for it; before the first reload. */
void kb_reloads_run_tests(struct kb_reloads *reloads, kb_generation_tests *run_tests);

uint64_t kb_reloads_ask(struct kb_reloads *reloads);
void kb_reloads_read(struct kb_reloads *reloads, struct kb_reload_report *out);
/* An eventfd to be written to whenever one has ended, -1 = no more. At most one. */
void kb_reloads_watch(struct kb_reloads *reloads, int fd);

/* Main's side. Lent until the end. */
struct kb_generation *kb_reloads_next(struct kb_reloads *reloads);
/* `why` NULL: it is in force now. */
void kb_reloads_end(struct kb_reloads *reloads, const char *why);

#endif
