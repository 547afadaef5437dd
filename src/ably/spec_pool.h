/* Specs come and go with every record: a free list over chunks, no malloc per record. Memory grows
 * to the most that ever waited at once and is kept.
 *
 *     struct kb_spec_pool pool = {0};
 *     struct kb_spec *spec = kb_spec_pool_take(&pool);      // zeroed
 *     kb_spec_pool_give(&pool, spec);
 *     kb_spec_pool_deinit(&pool);                           // the specs that are out, too
 *
 * Thread: its owner's. */
#ifndef KB_ABLY_SPEC_POOL_H
#define KB_ABLY_SPEC_POOL_H

#include "ably/spec.h"

struct kb_spec_chunk;

struct kb_spec_pool {
    struct kb_spec *idle;
    struct kb_spec_chunk *chunks;
    size_t n; /* in use */
};

void kb_spec_pool_deinit(struct kb_spec_pool *pool);          /* a zeroed pool is an empty one */
struct kb_spec *kb_spec_pool_take(struct kb_spec_pool *pool); /* zeroed; NULL = no memory */
void kb_spec_pool_give(struct kb_spec_pool *pool, struct kb_spec *spec);

#endif
