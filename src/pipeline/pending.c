/* The pool of pending records: blocks of them, a free list, and the count of what they hold. A
 * record costs no malloc in the long run; originals and failures are the exception and have their
 * own. */
#include "pipeline/pending.h"

#include <stdlib.h>
#include <string.h>

#define PENDINGS_PER_BLOCK 1024

struct kb_pending_block {
    struct kb_pending_block *next;
    struct kb_pending pendings[PENDINGS_PER_BLOCK];
};

void kb_pendings_init(struct kb_pendings *pool)
{
    *pool = (struct kb_pendings){0};
}

static void release_contents(struct kb_pending *p)
{
    kb_original_free(p->original);
    p->original = NULL;
    free(p->failed);
    p->failed = NULL;
}

void kb_pendings_deinit(struct kb_pendings *pool)
{
    while (pool->blocks) {
        struct kb_pending_block *block = pool->blocks;
        pool->blocks = block->next;
        for (size_t i = 0; i < PENDINGS_PER_BLOCK; i++)
            if (block->pendings[i].in_use)
                release_contents(&block->pendings[i]);
        free(block);
    }
    kb_pendings_init(pool);
}

static bool grow(struct kb_pendings *pool)
{
    struct kb_pending_block *block = calloc(1, sizeof(*block));
    if (!block)
        return false;
    block->next = pool->blocks;
    pool->blocks = block;
    for (size_t i = PENDINGS_PER_BLOCK; i-- > 0;) {
        block->pendings[i].next = pool->free;
        pool->free = &block->pendings[i];
    }
    return true;
}

struct kb_pending *kb_pendings_new(
    struct kb_pendings *pool, uint32_t slot, uint32_t generation, int64_t offset)
{
    if (!pool->free && !grow(pool))
        return NULL;
    struct kb_pending *p = pool->free;
    pool->free = p->next;
    *p = (struct kb_pending){
        .offset = offset, .slot = slot, .generation = generation, .in_use = true};
    pool->open++;
    pool->bytes += sizeof(*p);
    return p;
}

void kb_pendings_free(struct kb_pendings *pool, struct kb_pending *p)
{
    pool->open--;
    pool->bytes -= sizeof(*p) + (p->original ? p->original->size : 0);
    release_contents(p);
    p->in_use = false;
    p->next = pool->free;
    pool->free = p;
}

bool kb_pending_keep(struct kb_pendings *pool, struct kb_pending *p, const struct kb_record *rec)
{
    p->original = kb_original_copy(rec);
    if (!p->original)
        return false;
    pool->bytes += p->original->size;
    return true;
}

bool kb_pending_fail(struct kb_pending *p, const struct kb_err *err)
{
    if (p->failed)
        return true;
    struct kb_failed *failed = calloc(1, sizeof(*failed));
    if (!failed)
        return false;
    failed->failure = err->failure;
    failed->code = err->code;
    memcpy(failed->text, err->text, sizeof(failed->text));
    p->failed = failed;
    return true;
}
