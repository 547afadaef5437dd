/* The body of a batch request, read strictly: an array of {"channels": [one], "messages": [...]},
 * as a list of its messages.
 *
 *     struct sim_batch batch;
 *     if (!sim_batch_read(body, &batch, &err)) ...
 *     batch.specs[0 .. batch.n)
 *     sim_batch_deinit(&batch); */
#ifndef SIM_BATCH_H
#define SIM_BATCH_H

#include "base/err.h"
#include "base/slice.h"

#include <stdint.h>

struct sim_message;
struct sim_record;

struct sim_spec {
    /* ptr NULL = not there; memory of the batch */
    struct kb_slice channel, id, name, data, encoding;
    /* For whoever reads the batch: found by id; the assignment of its partition when it was sent.
     */
    struct sim_record *record;
    struct sim_message *message; /* which of its messages */
    uint64_t assignment;
    int worker;   /* who sent it */
    bool stops;   /* who must stop in this partition by then, and so may pack anew */
    size_t set;   /* messages of one BatchSpec share this number */
    uint64_t key; /* by which Ably knows the set again */
};

struct sim_batch {
    struct sim_spec *specs;
    size_t n, cap;
};

bool sim_batch_read(struct kb_slice body, struct sim_batch *batch, struct kb_err *err);
/* The first message behind the set that `first` begins. */
size_t sim_batch_set_end(const struct sim_batch *batch, size_t first);
void sim_batch_deinit(struct sim_batch *batch);

#endif
