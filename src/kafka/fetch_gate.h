/* Keeps librdkafka's fetchers from running far ahead of the worker.
 *
 * The library's own limit (queued.max.messages.kbytes) is a cliff before 2.2: a fetcher that meets
 * it sleeps for a second, whatever is taken from the queue meanwhile. At 200 MB/s that is either a
 * queue of 200 MB or a worker that starves. So the limit stays a safety net, and below it each
 * fetcher waits here, on its own thread and for some milliseconds at a time, while the worker has
 * enough to do.
 *
 *     kb_fetch_gate_attach(conf, &gate, 16 << 20);      // before rd_kafka_new
 *     kb_fetch_gate_note(&gate, bytes);                 // after each take: what is still queued
 *     kb_fetch_gate_open(&gate);                        // at the end: nobody waits any more
 *
 * From 2.2 on fetch.queue.backoff.ms does the same inside the library, and no gate is needed.
 * The gate must live as long as the client. Thread: note and open the worker's. */
#ifndef KB_KAFKA_FETCH_GATE_H
#define KB_KAFKA_FETCH_GATE_H

#include <librdkafka/rdkafka.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

struct kb_fetch_gate {
    _Atomic size_t limit; /* bytes queued above which a fetcher waits */
    _Atomic size_t queued;
    atomic_bool open;
};

#define KB_FETCH_GATE_STEPS 25 /* of 2 ms: what a fetcher waits at most, an answer */

bool kb_fetch_gate_needed(void); /* of the library that runs, not the one compiled against */
void kb_fetch_gate_attach(rd_kafka_conf_t *conf, struct kb_fetch_gate *gate, size_t limit);
/* Waits while the gate is shut, within bounds; returns the steps it waited. A fetcher's thread. */
int kb_fetch_gate_wait(struct kb_fetch_gate *gate);
/* Another limit, not above the one it was attached with: beyond that lies the library's own. */
void kb_fetch_gate_limit(struct kb_fetch_gate *gate, size_t limit);
void kb_fetch_gate_note(struct kb_fetch_gate *gate, size_t queued);
void kb_fetch_gate_open(struct kb_fetch_gate *gate);

#endif
