/* See spec_pool.h. */
#include "ably/spec_pool.h"

#define CHUNK_SPECS 256

struct kb_spec_chunk {
    struct kb_spec_chunk *next;
    struct kb_spec specs[CHUNK_SPECS];
};

void kb_spec_pool_deinit(struct kb_spec_pool *pool)
{
    KB_BUG_ON(pool->n != 0);
    for (struct kb_spec_chunk *chunk = pool->chunks, *next; chunk; chunk = next) {
        next = chunk->next;
        free(chunk);
    }
    *pool = (struct kb_spec_pool){0};
}

struct kb_spec *kb_spec_pool_take(struct kb_spec_pool *pool)
{
    if (!pool->idle) {
        struct kb_spec_chunk *chunk = malloc(sizeof(*chunk));
        if (!chunk)
            return NULL;
        chunk->next = pool->chunks;
        pool->chunks = chunk;
        for (size_t i = CHUNK_SPECS; i-- > 0;) {
            chunk->specs[i].next = pool->idle;
            pool->idle = &chunk->specs[i];
        }
    }
    struct kb_spec *spec = pool->idle;
    pool->idle = spec->next;
    pool->n++;
    *spec = (struct kb_spec){0};
    return spec;
}

void kb_spec_pool_give(struct kb_spec_pool *pool, struct kb_spec *spec)
{
    spec->next = pool->idle;
    pool->idle = spec;
    pool->n--;
}
