/* Append-only memory in big pieces, each freed when nobody refers to it any more: thousands of
 * encoded messages cost a malloc per megabyte and their bytes are counted against the memory
 * ceiling.
 *
 *     struct kb_slabs slabs;
 *     kb_slabs_init(&slabs, 256 << 10);
 *     struct kb_slab_ref ref;
 *     if (!kb_slabs_put(&slabs, bytes, &ref)) ...             // no memory
 *     use(ref.bytes);
 *     kb_slab_release(&slabs, &ref);
 *     kb_slabs_bytes(&slabs);                                 // what is held now, whole slabs
 *
 * Bytes larger than a slab get one of their own. Held means that somebody refers to it: with every
 * reference released kb_slabs_bytes is 0, though two empty slabs may stay for the next puts.
 *
 * kb_slab_move copies the bytes to an allocation of their own and releases the slab: for the one
 * message that waits long and would keep its neighbours' memory. Thread: one worker's. */
#ifndef KB_BASE_SLAB_H
#define KB_BASE_SLAB_H

#include "base/compiler.h"
#include "base/slice.h"

struct kb_slab;

struct kb_slab_ref {
    struct kb_slice bytes;
    struct kb_slab *slab;
};

struct kb_slabs {
    struct kb_slab *current, *spare; /* current is being filled; spare is empty; each may be NULL */
    size_t slab_size, bytes;
};

void kb_slabs_init(struct kb_slabs *slabs, size_t slab_size);
void kb_slabs_deinit(struct kb_slabs *slabs); /* every reference must be released before */
bool kb_slabs_put(
    struct kb_slabs *slabs, struct kb_slice bytes, struct kb_slab_ref *out) KB_MUST_CHECK;
/* False: no memory, the reference stays as it was. */
bool kb_slab_move(struct kb_slabs *slabs, struct kb_slab_ref *ref) KB_MUST_CHECK;
/* Empties the reference; one that is empty already is fine. */
void kb_slab_release(struct kb_slabs *slabs, struct kb_slab_ref *ref);

static inline size_t kb_slabs_bytes(const struct kb_slabs *slabs)
{
    return slabs->bytes;
}

#endif
