/* One worker on its own thread, with its doors to the real world: a Kafka consumer, curl, a
 * dead-letter producer, the system's clock and randomness.
 *
 *     struct kb_worker_thread t;
 *     kb_worker_thread_start(&t, config, 0, 1, progress_fd, &board, &err)
 *     kb_worker_thread_stop(&t);                 // any thread: drain
 *     kb_worker_thread_join(&t, &end);           // after t.ended; frees the worker and its doors
 *
 * `ending` and `ended` are set by the worker's thread, each followed by a write to `progress_fd`.
 */
#ifndef KB_PIPELINE_THREAD_H
#define KB_PIPELINE_THREAD_H

#include "pipeline/worker.h"

#include <pthread.h>

struct kb_worker_thread {
    pthread_t thread;
    struct kb_worker *worker;
    struct kb_doors doors;
    int progress_fd;
    int wake_fd; /* eventfd: written to by stop, so that a sleeping loop looks up */
    atomic_bool ending, ended;
};

bool kb_worker_thread_start(struct kb_worker_thread *t, struct kb_config *config, int worker,
    int n_workers, int progress_fd, struct kb_board *board, struct kb_err *err) KB_MUST_CHECK;
void kb_worker_thread_stop(struct kb_worker_thread *t);
void kb_worker_thread_join(struct kb_worker_thread *t, struct kb_worker_end *end);

#endif
