/* The inside of a worker, shared by the files of this room and by nobody else: each file is one
 * verb of the loop in worker.c. Thread: the worker's. */
#ifndef KB_PIPELINE_WORKER_STATE_H
#define KB_PIPELINE_WORKER_STATE_H

#include "ably/cipher.h"
#include "ably/publisher.h"
#include "base/log.h"
#include "decode/schemas.h"
#include "metrics/metrics.h"
#include "pipeline/assignments.h"
#include "pipeline/edition.h"
#include "pipeline/pending.h"
#include "pipeline/status.h"
#include "pipeline/worker.h"
#include "route/route.h"

#define KB_TAKE_MAX 512 /* records per call through the source's door, and per turn */
#define KB_INTAKE_MS 50 /* the longest time for records in a turn, where functions may be slow */
#define KB_WINDOW_MAX 131072      /* offsets from a partition's lowest open record to its newest */
#define KB_STALL_MS 300           /* over the ceiling for that long: pause, and poll on */
#define KB_COMMIT_INTERVAL_MS 100 /* the shortest time between two commits */
#define KB_COMMIT_ANSWER_MS \
    3000 /* the longest wait for a commit's answer when something hangs on it */
#define KB_LAST_COMMIT_MS 1500 /* the same at the end of the process, when somebody waits */
#define KB_STOP_MS 8500        /* of a stop, with the leaving of the group */
#define KB_LEAVE_MIN_MS 1500   /* but leaving may always take that long */
#define KB_REVOKE_WAIT_MS 5000 /* the longest wait for what is in flight of a revoked partition */
#define KB_FINISH_MS \
    10000 /* the longest wait for what was taken before other topics are asked for */
#define KB_LETTER_RETRY_MS 500       /* first wait before a dead letter is written again... */
#define KB_LETTER_RETRY_MAX_MS 30000 /* ...and the longest */

enum kb_phase {
    KB_PHASE_RUNNING,
    KB_PHASE_DRAINING,   /* nothing new is taken; what was taken may end */
    KB_PHASE_COMMITTING, /* the last commit is on its way */
    KB_PHASE_ENDED
};

enum kb_revoke_step { KB_REVOKE_NONE, KB_REVOKE_FLIGHT, KB_REVOKE_COMMIT };

/* A commit on its way; at most one. */
struct kb_commit_flight {
    bool outstanding;
    uint64_t token;
    int64_t sent_ms;
    struct kb_commit *commits;
    uint32_t *generations; /* beside commits: whose offset that was */
    size_t n, cap;
};

/* The last commit that something hangs on (a revocation, the end): sent when no other is on its
 * way, then waited for, both only until the deadline. */
struct kb_final_commit {
    bool sent;
    int64_t deadline_ms;
};

/* Dead letters to be written: first attempts in order, then those that failed, each at its time. */
struct kb_letters {
    struct kb_pending *fresh, **fresh_tail;
    struct kb_pending *failed;
    int64_t failed_due_ms; /* the earliest of them */
    size_t in_flight;
    struct kb_log_repeat repeat;
};

/* Records that wait for a schema, in the order they were taken. */
struct kb_waiting {
    struct kb_pending *head, **tail;
    size_t n, bytes;  /* of them; the bytes are counted among the pendings', too */
    uint64_t changes; /* of the schemas, at the last walk through the list */
    uint64_t walks;
    bool unfinished; /* functions took their time: the next turn walks on */
};

/* A configuration to go over to: all of it that can fail (adopt.c). */
struct kb_prepared {
    struct kb_edition *edition; /* NULL = there is none */
    struct kb_hooks *hooks;
    struct kb_publisher_setup *publisher;
    struct kb_schemas *schemas; /* where there were none */
};

/* What the group was asked for, and whether it is to be asked for something else (topics.c). */
struct kb_topics {
    struct kb_config *asked_for; /* the one whose topics they are */
    bool due;                    /* those of the newest edition are others */
    int64_t due_since_ms, deadline_ms;
    size_t left;      /* records that had begun, at the last look */
    int64_t asked_ms; /* by a reload; INT64_MIN = never */
};

/* What one turn counted; added to the metrics once at its end. */
struct kb_turn_counts {
    uint64_t consumed, bytes, repeated, published, skipped, dropped, late;
    struct kb_histogram latency; /* of records published or dead-lettered */
};

struct kb_worker {
    struct kb_editions editions;
    const struct kb_config *config; /* the newest edition's */
    struct kb_prepared prepared;
    struct kb_topics topics;
    struct kb_doors doors;
    int number, n_workers;
    int64_t now_ms; /* read once a turn */

    struct kb_assignments assignments;
    struct kb_pendings pendings;
    struct kb_publisher *publisher;
    struct kb_router router;
    struct kb_hooks *hooks; /* NULL = the configuration has no function */
    bool cluster_known;
    struct kb_buf spec; /* one message's encoding */
    struct kb_buf extras;
    struct kb_sealer sealer;
    bool msgpack;
    uint64_t channel_seed;
    struct kb_record records[KB_TAKE_MAX];
    size_t n_records,
        at_record; /* of the last take; those from at_record on are still to be taken in */
    bool more;     /* the source stopped at its maximum */

    size_t memory_high, memory_low;
    size_t held; /* bytes at the beginning of the turn, but for those that wait for a schema */
    bool full;
    int64_t full_since_ms;

    struct kb_letters letters;
    struct kb_schemas *schemas; /* NULL = no registry */
    struct kb_waiting waiting;
    struct kb_commit_flight commit;
    struct kb_final_commit final;
    int64_t commit_due_ms;
    bool commit_dirty; /* a window may have moved since the last commit was sent */
    bool sweep;        /* something in the publisher is no longer wanted */
    bool resumes;      /* a reason to pause fell away behind this turn's press */
    struct kb_log_repeat commit_repeat, refused_repeat[KB_FAILURE_COUNT];

    bool assigned; /* the group has told what this member reads, be it nothing */
    enum kb_revoke_step revoke;
    struct kb_rebalance *rebalance; /* the one being answered */
    int64_t revoke_deadline_ms;

    enum kb_phase phase;
    atomic_bool stop_asked;
    int64_t drain_begun_ms, drain_deadline_ms;
    struct kb_worker_end end;
    struct kb_turn_counts counts;
    struct kb_board *board; /* NULL = nobody looks */
};

/* intake.c: records from the source to the publisher, or to their policy. */
void kb_worker_intake(struct kb_worker *w);

/* outcome.c: the begin and the end of a record that is not done at once; NULL = no memory. */
struct kb_pending *kb_worker_pending_new(
    struct kb_worker *w, struct kb_assignment *part, const struct kb_record *rec);
/* The end of a message, of a record, and what a failure leads to. */
void kb_worker_settled(
    void *context, void *owner, enum kb_outcome outcome, const struct kb_err *err);
bool kb_worker_wanted(void *context, void *owner);
void kb_worker_record_done(struct kb_worker *w, struct kb_assignment *part, int64_t offset);
/* The same for one that met its outcome later: where its log is gone, its offset counts no more. */
void kb_worker_pending_done(
    struct kb_worker *w, struct kb_assignment *part, const struct kb_pending *p);
void kb_worker_record_failed(struct kb_worker *w, struct kb_assignment *part,
    const struct kb_record *rec, const struct kb_err *err, enum kb_verdict verdict);
/* p->failed is set: skipped, dead-lettered or stopped, as its rules have it. */
void kb_worker_settle_failed(struct kb_worker *w, struct kb_assignment *part, struct kb_pending *p);
void kb_worker_pending_end(struct kb_worker *w, struct kb_assignment *part, struct kb_pending *p);
void kb_worker_fatal(struct kb_worker *w, const struct kb_err *err);

/* intake.c, for waiting.c: kb_route, and what the functions keep is begun anew where it has filled
 * their memory: that fails the one record, not those behind it. */
enum kb_route_result kb_worker_route(struct kb_worker *w, const struct kb_rules *rules,
    const struct kb_record *rec, struct kb_err *err) KB_MUST_CHECK;
bool kb_worker_check_sizes(
    struct kb_worker *w, struct kb_err *err) KB_MUST_CHECK; /* encrypts, too */
bool kb_worker_add_messages(struct kb_worker *w, struct kb_pending *p) KB_MUST_CHECK;

/* waiting.c: records that wait for a schema, and those taken behind them. */
void kb_waiting_init(struct kb_waiting *waiting);
void kb_worker_hold(struct kb_worker *w, struct kb_assignment *part, const struct kb_record *rec);
void kb_worker_release_waiting(struct kb_worker *w); /* once a turn; for KB_INTAKE_MS, as intake */
void kb_waiting_sweep(struct kb_worker *w);          /* lets go of those no longer wanted */

/* letters.c: dead letters on their way to an acknowledgement. */
void kb_letters_init(struct kb_letters *letters);
void kb_letters_add(struct kb_worker *w, struct kb_pending *p);
void kb_letters_sweep(struct kb_worker *w); /* lets go of those no longer wanted */
void kb_worker_write_letters(struct kb_worker *w);

/* commit.c: what the windows allow, at most one commit on its way. */
void kb_worker_commit(struct kb_worker *w);
void kb_final_commit_begin(struct kb_worker *w, int wait_ms);
bool kb_commit_left(const struct kb_worker *w); /* something done is not known to be committed */
bool kb_final_commit_ended(struct kb_worker *w);

/* rebalance.c: an assignment is taken up, a revocation answered when what is in flight has ended.
 */
void kb_worker_rebalance(struct kb_worker *w);

/* topics.c: what the group is asked for, with what worker.h has of it. */
void kb_topics_init(struct kb_topics *topics, struct kb_config *config);
void kb_topics_deinit(struct kb_topics *topics);
void kb_topics_changed(struct kb_worker *w); /* there is a new edition */
void kb_topics_look(struct kb_worker *w);    /* once a turn */
/* Nothing is to be taken now; and that long enough for the group to be polled beside it. */
bool kb_topics_hold(const struct kb_worker *w);
bool kb_topics_hold_long(const struct kb_worker *w);
bool kb_topics_just_asked(const struct kb_worker *w);
int64_t kb_topics_wake_ms(const struct kb_worker *w); /* while it holds */

/* pressure.c: ceilings; pausing and resuming. */
void kb_worker_press(struct kb_worker *w);
bool kb_worker_relieved(const struct kb_worker *w); /* since the last press: time for another */

/* status.c: to the board, now and then. */
void kb_worker_write_status(struct kb_worker *w);

/* worker.c */
/* *out NULL: there is no registry. Returns new. */
bool kb_worker_schemas_new(const struct kb_worker *w, const struct kb_config *config,
    struct kb_schemas **out, struct kb_err *err) KB_MUST_CHECK;
void kb_worker_set_ceilings(struct kb_worker *w);
void kb_worker_drain(struct kb_worker *w); /* running -> draining; again is fine */

#endif
