/* What a worker shows of itself to whoever looks: the admin server reads it, nothing in the worker
 * depends on it.
 *
 *     struct kb_board board;
 *     kb_board_init(&board, now_ms);
 *     kb_worker_show(w, &board);                    // before its first turn; the worker writes
 *     ...
 *     struct kb_worker_status status = {0};         // any thread, as often as it likes
 *     if (kb_board_read(&board, &status)) ...       // false = no memory
 *     kb_worker_status_deinit(&status);
 *     kb_board_deinit(&board);                      // when the worker has ended
 *
 * Ownership: a board belongs to the daemon and outlives its worker, so that a worker that has ended
 * can still be looked at. Thread: the worker writes, any thread reads. The worker fills a status of
 * its own and swaps it in, a few times a second; a reader copies. */
#ifndef KB_PIPELINE_STATUS_H
#define KB_PIPELINE_STATUS_H

#include "ably/classify.h"
#include "pipeline/assignments.h"

#include <pthread.h>
#include <stdatomic.h>

/* Between two writes of one worker; a change of state is sooner. */
#define KB_STATUS_INTERVAL_MS 250

struct kb_partition_status {
    char topic[250]; /* Kafka's own limit is 249 */
    int32_t id;
    int64_t next;      /* where reading goes on, -1 = nothing was taken yet */
    int64_t committed; /* as Kafka acknowledged in this assignment, -1 = nothing */
    int64_t log_end;   /* as Kafka last told, -1 = unknown */
    int64_t lag;       /* records from the lowest one without an outcome to the end, -1 = unknown */
    size_t open;       /* records without an outcome */
    unsigned paused;   /* bits of enum kb_pause_reason, 0 = it is read */
};

enum kb_worker_state {
    KB_WORKER_STARTING, /* its first turn is still to come */
    KB_WORKER_RUNNING,
    KB_WORKER_DRAINING, /* takes nothing more */
    KB_WORKER_ENDED
};

/* Records wait for a schema, and the registry does not give it. */
struct kb_registry_status {
    bool outage;
    int64_t since_ms; /* of the clock's now_ms */
    uint32_t tries;
    size_t partitions; /* that wait for a schema */
    char text[512];    /* which address, which schema, why; no secret */
};

struct kb_worker_status {
    enum kb_worker_state state;
    int64_t turned_ms; /* the clock's now_ms at its last turn; before that, at the board's start */
    int64_t kafka_down_ms; /* the same of when no broker could be reached; 0 = all is well */
    bool assigned;         /* the group has told what this member reads, be it nothing */

    size_t records_open; /* taken, without an outcome */
    size_t messages_in_flight, messages_waiting, requests_in_flight;
    size_t bytes, bytes_max; /* held, and the ceiling */
    size_t letters_failing;  /* dead letters that their topic has refused at least once */

    bool outage; /* only probes are sent to Ably */
    enum kb_ably_class outage_class;
    int64_t outage_since_ms;
    int outage_tries;
    char outage_text[256]; /* what, which, why; no secret */
    struct kb_registry_status registry;

    struct kb_partition_status *partitions; /* owned */
    size_t n_partitions, cap;
};

/* What was written last and when: a change of these is written at once. */
struct kb_board_told {
    enum kb_worker_state state;
    bool assigned, outage, registry;
    int64_t at_ms;
};

struct kb_board {
    pthread_mutex_t lock; /* guards `shown`; the worker holds it for a swap, a reader for a copy */
    struct kb_worker_status shown;
    struct kb_worker_status next; /* the worker's alone */
    struct kb_board_told told;    /* the worker's alone */
    _Atomic int64_t turned_ms;
};

void kb_board_init(struct kb_board *board, int64_t now_ms);
void kb_board_deinit(struct kb_board *board);

/* Copies, reusing what *out owns (zero-initialise it once); false = no memory. */
bool kb_board_read(struct kb_board *board, struct kb_worker_status *out) KB_MUST_CHECK;
void kb_worker_status_deinit(struct kb_worker_status *status);

/* The worker's side: fill kb_board_begin's status, with room for so many partitions, then show it.
 * NULL = no memory: what was shown stays. */
struct kb_worker_status *kb_board_begin(struct kb_board *board, size_t n_partitions);
void kb_board_show(struct kb_board *board);
static inline void kb_board_turned(struct kb_board *board, int64_t now_ms)
{
    atomic_store_explicit(&board->turned_ms, now_ms, memory_order_relaxed);
}

#endif
