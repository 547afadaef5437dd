/* One worker on its own thread, with its doors to the real world: a Kafka consumer, curl, a
 * dead-letter producer, the system's clock and randomness.
 *
 *     struct kb_worker_thread t;
 *     if (!kb_worker_thread_open(&t, config, NULL, 0, 1, progress_fd, &err)) ...  // no thread yet
 *     if (!kb_worker_thread_begin(&t, &board, &err)) ...   // joins the group; the thread runs
 *     kb_worker_thread_prepare(&t, config, hooks);    // main: make ready to go over to it
 *     ... t.reload: READY or FAILED
 *     kb_worker_thread_adopt(&t);                // main: go over (or kb_worker_thread_forget)
 *     ... t.reload: NONE
 *     kb_worker_thread_stop(&t);                 // any thread: drain
 *     kb_worker_thread_join(&t, &end);           // after t.ended; frees the worker and its doors
 *     kb_worker_thread_close(&t);                // instead, of one that never began
 *
 * `ending`, `ended`, `reload` and `may_subscribe` are set by the worker's thread, each followed by
 * a write to `progress_fd`. */
#ifndef KB_PIPELINE_THREAD_H
#define KB_PIPELINE_THREAD_H

#include "pipeline/worker.h"

#include <pthread.h>

enum kb_thread_reload {
    KB_RELOAD_NONE,
    KB_RELOAD_PREPARE, /* by main, which then waits for one of the next two */
    KB_RELOAD_READY,
    KB_RELOAD_FAILED, /* reload_err says why */
    KB_RELOAD_ADOPT,  /* by main, of one that is READY, which then waits for NONE; */
    KB_RELOAD_FORGET  /* or this, of one that is READY or has FAILED */
};

struct kb_worker_thread {
    pthread_t thread;
    struct kb_worker *worker;
    struct kb_doors doors;
    struct kb_config *config; /* what it was opened with */
    int number, n_workers;
    int progress_fd;
    int wake_fd; /* eventfd: written to by stop, so that a sleeping loop looks up */
    atomic_bool ending, ended;
    _Atomic int reload;        /* enum kb_thread_reload */
    atomic_bool may_subscribe; /* kb_worker_may_subscribe, as it last was */
    atomic_bool subscribe;     /* by main, of all that may: do */
    struct kb_config *next;    /* main's until PREPARE, the thread's until READY or FAILED */
    struct kb_hooks *next_hooks;
    struct kb_dead_letters *next_letters; /* where there were none; the thread's, like the next */
    size_t next_queue_bytes;
    struct kb_err reload_err;
};

/* Takes the hooks, as kb_worker_new does. */
bool kb_worker_thread_open(struct kb_worker_thread *t, struct kb_config *config,
    struct kb_hooks *hooks, int worker, int n_workers, int progress_fd,
    struct kb_err *err) KB_MUST_CHECK;
bool kb_worker_thread_begin(
    struct kb_worker_thread *t, struct kb_board *board, struct kb_err *err) KB_MUST_CHECK;
/* Where `reload` is NONE. Takes the hooks. */
void kb_worker_thread_prepare(
    struct kb_worker_thread *t, struct kb_config *config, struct kb_hooks *hooks);
void kb_worker_thread_adopt(struct kb_worker_thread *t);
void kb_worker_thread_forget(struct kb_worker_thread *t);
void kb_worker_thread_subscribe(struct kb_worker_thread *t);
void kb_worker_thread_stop(struct kb_worker_thread *t);
void kb_worker_thread_join(struct kb_worker_thread *t, struct kb_worker_end *end);
void kb_worker_thread_close(struct kb_worker_thread *t);

#endif
