/* The body of a batch request, read strictly: an array of {"channels": [one], "messages": [one]}.
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
};

struct sim_batch {
    struct sim_spec *specs;
    size_t n, cap;
};

bool sim_batch_read(struct kb_slice body, struct sim_batch *batch, struct kb_err *err);
void sim_batch_deinit(struct sim_batch *batch);

#endif
