/* The inside of a simulated member, shared by source.c (assignments, the door itself), take.c
 * (records) and commits.c. */
#ifndef SIM_SOURCE_STATE_H
#define SIM_SOURCE_STATE_H

#include "kafka.h"
#include "plan.h"
#include "truth.h"
#include "world.h"

struct sim_assigned {
    struct sim_partition *part;
    uint32_t slot;
    bool paused;
    int64_t start, next, highest; /* offsets: first of all, next to give, behind the last given */
    int64_t quiet_until_ms;
    uint64_t log;        /* the one it was given records of */
    bool reset, new_log; /* there is another one; and it was given something of this one */
};

struct sim_source {
    struct kb_source source;
    struct sim *sim;
    struct sim_worker *worker;
    struct sim_member *member;
    bool dead, closed, broken, broken_told;
    struct sim_assigned assigned[16];
    size_t n_assigned;
    bool has_pending;
    struct kb_rebalance pending;
    int64_t pending_ms, taken_ms; /* when it began to wait; the last call of take */
    uint64_t records_given;
    bool knows_early;      /* the cluster id is there before the first record */
    bool fenced;           /* a commit of it was refused for good: the group went on without it */
    bool left_uncommitted; /* closed with records given and not committed */
    char *bytes;           /* of the records given by the last take */
    struct sim_commit *commit; /* the one that is outstanding */
};

struct sim_commit {
    struct sim_source *src;
    struct sim_stamp stamp;
    struct kb_commit_answer answer;
    bool answered, lost;
    size_t n;
    struct {
        struct sim_partition *part;
        int64_t offset;
        uint64_t log;
    } offsets[16];
};

/* The door's functions that have files of their own. */
size_t sim_source_take(struct kb_source *source, struct kb_record *out, size_t max, bool *more);
bool sim_source_commit(
    struct kb_source *source, const struct kb_commit *commits, size_t n, uint64_t token);
bool sim_source_committed(struct kb_source *source, struct kb_commit_answer *out);

/* NULL, and the run has failed: the worker means a slot that it doesn't hold. */
struct sim_assigned *sim_source_by_slot(struct sim_source *src, uint32_t slot, const char *what);
bool sim_source_usable(struct sim_source *src, const char *what);
bool sim_source_has_more(const struct sim_source *src);
void sim_source_perhaps_repeat(struct sim_source *src, struct sim_assigned *as, int per_mille);

#endif
