/* The simulated world's ground: one seed, one clock, one queue of things to happen. Everything that
 * the world decides comes from the one generator, everything that happens later goes through
 * sim_after, so a seed replays exactly, and a run's events are folded into one hash that two runs
 * of a seed must share.
 *
 *     struct sim *sim = sim_new(seed, verbose);
 *     sim_after(sim, 250, reply_arrives, exchange, 0);   // in 250 ms of virtual time
 *     sim_trace(sim, "reply %d", status);                // into the hash; printed when verbose
 *     sim_fail(sim, "orders[1]@17: ...");                // the first failure ends the run
 *     sim_free(sim);
 *
 * Memory of sim_alloc lives as long as the run: an event may always look at the object it was made
 * for. One thread. */
#ifndef SIM_H
#define SIM_H

#include "base/compiler.h"
#include "base/random.h"
#include "base/slice.h"

#include <stdbool.h>
#include <stdint.h>

struct sim;
typedef void sim_action(struct sim *sim, void *object, uint64_t number);

struct sim_event {
    int64_t at_ms;
    uint64_t sequence; /* events of one time run in the order they were made */
    sim_action *run;
    void *object;
    uint64_t number;
};

/* What is deliberately broken in a world of the self-test: the checks must find it. */
#define SIM_SABOTAGES(X)                                                                           \
    X(SKIP_RECORD, "the source skips a record", "committed past")                                  \
    X(FORGET_MESSAGE, "Ably accepts a message and forgets it", "committed past")                   \
    X(HIDE_NEW_LOG, "a source takes a new log's records for the old one's", "stuck")               \
    X(COMMIT_AHEAD, "a commit grows by one record on its way", "committed past")                   \
    X(COMMIT_PART, "a commit goes past a record of whose messages some are published",             \
        "committed past")                                                                          \
    X(FORGET_GONE, "Ably forgets a message of a log that was cut", "taken before its log was cut") \
    X(FORGET_COPY, "Ably forgets a further message of a record", "committed past")                 \
    X(COMMIT_BACK, "a commit shrinks by a few records on its way", "went back")                    \
    X(OTHER_ID, "a message that is sent again carries another id", "another id")                   \
    X(TAKE_AND_DENY, "Ably takes a message and says it is over its rate", "published twice")       \
    X(REVERSE, "Ably takes the specs of a request in reverse order", "out of order")               \
    X(FORGET_LETTER, "a dead letter is acknowledged and lost", "committed past")                   \
    X(REFUSE_GOOD, "Ably refuses a message for good that is fine", "not its own fault")            \
    X(KEEP_CHANNEL, "a request's channels stay taken after its end", "two requests at once")       \
    X(ENDLESS_REQUEST, "a request never ends", "stuck")                                            \
    X(DENY_SCHEMA, "the registry denies a schema that it has", "not its own fault")                \
    X(DROP_WAITING, "a schema's answer is lost for ever", "stuck")                                 \
    X(OLD_TOKEN, "a request shows a token of before", "told is refused")                           \
    X(CHANCE, "something is decided by the address of an object", "not the same")

enum sim_sabotage {
    SIM_SOUND,
#define X(id, what, found) SIM_##id,
    SIM_SABOTAGES(X)
#undef X
        SIM_SABOTAGE_COUNT
};

struct sim_plan;
struct sim_kafka;
struct sim_ably;
struct sim_letters;
struct sim_world;

struct sim {
    uint64_t seed, step, hash;
    int64_t now_ms;
    bool verbose, failed, faults; /* faults: off in the last part of a run, when all must heal */
    enum sim_sabotage sabotage;
    char failure[1024];
    struct kb_random_seeded random;
    struct sim_event *heap;
    size_t n_events, cap_events;
    uint64_t sequence;
    struct sim_block *blocks;
    /* The parts of the world; each is its own file's. */
    struct sim_plan *plan;
    struct sim_kafka *kafka;
    struct sim_ably *ably;
    struct sim_letters *letters;
    struct sim_world *world;
};

struct sim *sim_new(uint64_t seed, bool verbose);
void sim_free(struct sim *sim);

void *sim_alloc(struct sim *sim, size_t size); /* zeroed, freed with the run */
char *sim_format(struct sim *sim, const char *fmt, ...) KB_PRINTF(2, 3);

int64_t sim_between(struct sim *sim, int64_t low, int64_t high); /* both included */
bool sim_chance(struct sim *sim, int per_mille);
/* Mostly small, now and then large: latencies. */
int64_t sim_skewed(struct sim *sim, int64_t low, int64_t high);

void sim_after(struct sim *sim, int64_t delay_ms, sim_action *run, void *object, uint64_t number);
int64_t sim_next_event_ms(const struct sim *sim); /* INT64_MAX = none */
void sim_run_event(struct sim *sim);

void sim_trace(struct sim *sim, const char *fmt, ...) KB_PRINTF(2, 3);
void sim_fail(struct sim *sim, const char *fmt, ...) KB_PRINTF(2, 3);

#endif
