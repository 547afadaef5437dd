/* A record between its take and its outcome: what the worker still has to know when the answer
 * comes.
 *
 *     struct kb_pending *p = kb_pendings_new(&pool, slot, generation, offset);
 *     if (!p) ...                               // no memory
 *     p->messages = 2;                          // as many as were given to the publisher
 *     ...                                       // each settled message counts it down
 *     kb_pendings_free(&pool, p);               // frees the original and the failure with it
 *
 * Thread: the worker's. */
#ifndef KB_PIPELINE_PENDING_H
#define KB_PIPELINE_PENDING_H

#include "base/err.h"
#include "record/record.h"
#include "route/rules.h"

struct kb_edition;

/* Why a record failed, kept until its policy is carried out. */
struct kb_failed {
    enum kb_failure failure;
    int code;
    int attempts;   /* of writing the dead letter */
    int64_t due_ms; /* the next attempt */
    char text[KB_ERR_TEXT_MAX];
};

struct kb_pending {
    struct kb_pending *next; /* free list, or a list of dead letters */
    int64_t offset;
    uint32_t slot, generation;    /* which assignment of which partition took it */
    uint32_t messages;            /* without an outcome yet */
    int64_t taken_ms;             /* the turn that took it */
    bool in_use, dropped;         /* dropped: a message of it is no longer wanted */
    const struct kb_rules *rules; /* those that took it, which live as long as... */
    struct kb_edition *edition;   /* ...their edition, which counts it; NULL = none does */
    struct kb_original *original; /* only where the dead-letter topic may need it */
    struct kb_failed *failed;     /* NULL = nothing failed */
};

struct kb_pending_block;

struct kb_pendings {
    struct kb_pending_block *blocks;
    struct kb_pending *free;
    size_t open;  /* records without an outcome */
    size_t bytes; /* what they hold, for the memory ceiling */
};

void kb_pendings_init(struct kb_pendings *pool);
void kb_pendings_deinit(struct kb_pendings *pool); /* frees what is still open, too */
struct kb_pending *kb_pendings_new(
    struct kb_pendings *pool, uint32_t slot, uint32_t generation, int64_t offset);
void kb_pendings_free(struct kb_pendings *pool, struct kb_pending *p);

/* Copies the record for the dead-letter topic; false = no memory. */
bool kb_pending_keep(
    struct kb_pendings *pool, struct kb_pending *p, const struct kb_record *rec) KB_MUST_CHECK;
/* Notes a failure; of several (one record, many messages) the first is kept. False = no memory. */
bool kb_pending_fail(struct kb_pending *p, const struct kb_err *err) KB_MUST_CHECK;

#endif
