/* The worker: one source of records, one publisher, their offsets, in one loop on one thread. Share
 * nothing: N workers are N of these.
 *
 *     struct kb_doors doors = {source, transport, dead_letters, clock, random};
 *     struct kb_worker *w = kb_worker_new(config, NULL, 0, 1, &doors, &err);
 *     while (!kb_worker_ended(w, &end)) {
 *         kb_worker_turn(w);                       // one turn: never waits
 *         sleep until kb_worker_wake_ms(w), or a descriptor of a door is ready
 *     }
 *     kb_worker_free(w);                           // the doors stay their owner's
 *
 * A turn: take records, route them to messages, hand those to the publisher, collect outcomes,
 * commit what the windows allow, answer a rebalance when what is in flight has ended. The world is
 * met only through the doors (record/source.h, http/transport.h, record/dead_letter.h,
 * base/clock.h, base/random.h), so tests/sim drives this very code on virtual time.
 *
 * Thread: all calls from one thread, but kb_worker_stop, which may come from any. */
#ifndef KB_PIPELINE_WORKER_H
#define KB_PIPELINE_WORKER_H

#include "base/clock.h"
#include "base/random.h"
#include "config/config.h"
#include "http/transport.h"
#include "pipeline/status.h"
#include "record/dead_letter.h"
#include "record/source.h"

struct kb_doors {
    struct kb_source *source;
    struct kb_transport *transport;
    struct kb_dead_letters *dead_letters; /* NULL = the configuration names no dead-letter topic */
    struct kb_clock *clock;
    struct kb_random *random;
    struct kb_transport *registry; /* NULL only where no registry is ever configured */
};

struct kb_worker; /* opaque */

/* Worker number `worker` (from 0) of `n_workers`, which share the process's totals. Takes its own
 * reference to the configuration, and takes `hooks`, the file's functions, also where it fails;
 * NULL = it has them made (kb_config_hooks). Returns new. */
struct kb_worker *kb_worker_new(struct kb_config *config, struct kb_hooks *hooks, int worker,
    int n_workers, const struct kb_doors *doors, struct kb_err *err) KB_MUST_CHECK;
void kb_worker_free(struct kb_worker *w);

/* Before its first turn, if at all: where it shows how it is. Borrows the board. */
void kb_worker_show(struct kb_worker *w, struct kb_board *board);

/* Before its first turn: has the source join the group for the topics of its configuration. False:
 * no memory, or what the source says. */
bool kb_worker_join(struct kb_worker *w, struct kb_err *err) KB_MUST_CHECK;

void kb_worker_turn(struct kb_worker *w);
/* The latest time (the clock's now_ms) of the next turn; the past = at once. */
int64_t kb_worker_wake_ms(const struct kb_worker *w);
/* Would the next turn take records? Not while it holds as much as it may. */
bool kb_worker_may_take(const struct kb_worker *w);

/* Goes over to another configuration: what it takes from then on, and the hosts, credentials and
 * limits of all that is sent. What was taken keeps its templates, hooks and policy. The doors stay,
 * and what is to be changed of them is their owner's business.
 *
 * In two steps, so that either all workers of a process go over or none: first everything that can
 * fail (false: no memory), of which nothing shows; then the change itself, which can't fail, or its
 * end as if nothing had been. Takes its own reference; takes `hooks` as kb_worker_new does. The
 * worker's thread, between two turns. */
bool kb_worker_prepare(struct kb_worker *w, struct kb_config *next, struct kb_hooks *hooks,
    struct kb_err *err) KB_MUST_CHECK;
void kb_worker_adopt(struct kb_worker *w);
/* Where that has changed the names of topics nothing more is taken, until the group is asked for
 * them. True: what was taken has ended, and it may be asked; when all workers of the process say
 * so, each is told to. */
bool kb_worker_may_subscribe(const struct kb_worker *w);
void kb_worker_subscribe(struct kb_worker *w);
/* Now there is a door to a dead-letter topic. The worker's thread, where there was none. */
void kb_worker_set_dead_letters(struct kb_worker *w, struct kb_dead_letters *dead_letters);
void kb_worker_forget(struct kb_worker *w);

/* Begin to drain: take nothing more, finish and commit what was taken (bounded by limits.drain_ms),
 * leave the group. Any thread; safe to call again. */
void kb_worker_stop(struct kb_worker *w);

/* True from the moment it takes nothing more, for whatever reason. The worker's thread. */
bool kb_worker_ending(const struct kb_worker *w);

/* How it ended. */
struct kb_worker_end {
    bool failed;         /* a stop policy was met, or the source failed: exit code 1 */
    struct kb_err err;   /* then why, naming topic[partition]@offset */
    uint64_t unfinished; /* records taken but not committed when the drain ran out of time: they
                            come again */
};
/* True once it has drained, committed and closed its source. */
bool kb_worker_ended(const struct kb_worker *w, struct kb_worker_end *out);

#endif
