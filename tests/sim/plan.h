/* What one seed's world is like: its settings, its topics, which kinds of faults it knows. Decided
 * at once at the start; a world knows only some kinds of faults, so that rare ones are not always
 * hidden behind others. */
#ifndef SIM_PLAN_H
#define SIM_PLAN_H

#include "failure/policy.h"
#include "sim.h"

#define SIM_FAULTS(X)                                                             \
    X(CRASHES)       /* processes die without a goodbye */                        \
    X(RESTARTS)      /* processes drain and come back */                          \
    X(EXPIRIES)      /* the coordinator gives up a member that still works */     \
    X(KAFKA_DOWN)    /* no records, no answers to commits */                      \
    X(COMMITS)       /* commits and their answers get lost */                     \
    X(REPEATS)       /* records come again */                                     \
    X(LOG_CUTS)      /* topics are made again, logs lose their end */             \
    X(ABLY_ERRORS)   /* 5xx, some after a part was published */                   \
    X(ABLY_DOWN)     /* nobody answers */                                         \
    X(ABLY_RATE)     /* 429, for requests */                                      \
    X(CHANNEL_RATE)  /* 429, for specs */                                         \
    X(UNAUTHORIZED)  /* 401, 403 */                                               \
    X(MASS_REFUSAL)  /* each spec of each request is refused */                   \
    X(GARBAGE)       /* answers that are no answers */                            \
    X(SUBMIT)        /* the transport takes no request */                         \
    X(LOST_WAKES)    /* what wakes a worker gets lost; it looks again anyway */   \
    X(HOSTS)         /* some of Ably's hosts are away, others are well */         \
    X(CUT)           /* the connection ends before or after publishing */         \
    X(LATE)          /* a request arrives long after its client gave up */        \
    X(LETTERS)       /* the dead-letter topic is slow, full, away */              \
    X(LONG_OUTAGES)  /* longer than Ably remembers ids */                         \
    X(CLOCK_JUMPS)   /* the wall clock is set */                                  \
    X(RELOADS)       /* the file is changed and loaded anew, while all goes on */ \
    X(BROKEN_SOURCE) /* a source ends for good */                                 \
    X(REGISTRY)      /* the schema registry is away */                            \
    X(TOKENS)        /* tokens are revoked, questions for them fail */

enum sim_fault {
#define X(id) SIM_FAULT_##id,
    SIM_FAULTS(X)
#undef X
        SIM_FAULT_COUNT
};

/* What a request shows: the key itself, a JWT signed with it, or a token that Ably gives for it. */
enum sim_credentials { SIM_CREDENTIALS_KEY, SIM_CREDENTIALS_JWT, SIM_CREDENTIALS_TOKEN };

/* What of the configuration a reload may change; each process has what it loaded last. */
struct sim_settings {
    uint64_t generation; /* stands in the messages' names */
    enum kb_action
        action[KB_FAILURE_COUNT]; /* of all topics; the operator may change it, see fix */
    int64_t concurrency, linger_ms, max_records, max_bytes, max_channels;
    bool no_audit; /* the block of these topics is not there */
};

/* How many messages a record becomes. */
enum sim_fan_out {
    SIM_FAN_OUT_NONE,
    SIM_FAN_OUT_LIST,     /* two: the topic has a list of channels */
    SIM_FAN_OUT_TRANSFORM /* three: a function returns the record and two more */
};

struct sim_plan {
    bool fault[SIM_FAULT_COUNT];
    bool cooperative, ordered, dead_letters, hasty; /* hasty: the source gives large batches */
    bool tombstones_skipped, tombstones_dlq;
    struct sim_settings now; /* as the file has them */
    bool stops;              /* some action is stop */
    int poison;              /* per mille of records */
    int processes, workers;
    int64_t memory, drain_ms;
    int requests_per_second;
    enum sim_credentials credentials;
    int64_t token_ttl_ms;
    double channel_rate;               /* 0 = none */
    bool group;                        /* when_limited */
    int fallbacks;                     /* hosts besides the first */
    int64_t max_message_size, padding; /* padding: bytes that make records larger, at most */
    int64_t wait_max_ms; /* a worker is turned at least that often; 0 = only when it asks */
    int64_t growth_ms;   /* how long records are produced and faults happen */
    size_t records;      /* in all */
    int64_t schemas;     /* that the registry knows; 0 = orders need none */
    int64_t channels;    /* users, so channels, of a topic */
    enum sim_fan_out fan_out;
};

void sim_plan_new(struct sim *sim);
/* Then no two values of a partition are the same, and no null value is published: a group's base
 * tells no log. */
bool sim_plan_cuts_groups(const struct sim_plan *plan);
/* The configuration file of the plan as it is now. Memory of the run. */
const char *sim_plan_config(struct sim *sim);
/* The operator reads why it stopped and changes `stop` to `skip`. */
void sim_plan_fix(struct sim *sim);
/* Somebody edits the file: other limits, other policies where they don't stop. `whole`: and what
 * was taken out is there again. */
void sim_plan_edit(struct sim *sim, bool whole);
bool sim_faulty(struct sim *sim, enum sim_fault fault, int per_mille);
const char *sim_plan_faults(struct sim *sim); /* their names, for --verbose */

#endif
