/* Slabs; see slab.h. A slab is counted in `bytes` from its first reference to its last. Empty
 * again, the current one is refilled from its start, one other is kept as the spare, the rest are
 * freed. */
#include "base/slab.h"

#include <stdint.h>

struct kb_slab {
    size_t cap, used, refs;
    char data[];
};

void kb_slabs_init(struct kb_slabs *slabs, size_t slab_size)
{
    *slabs = (struct kb_slabs){.slab_size = slab_size};
}

void kb_slabs_deinit(struct kb_slabs *slabs)
{
    KB_BUG_ON(slabs->bytes != 0);
    free(slabs->current);
    free(slabs->spare);
    kb_slabs_init(slabs, slabs->slab_size);
}

static struct kb_slab *slab_new(size_t cap)
{
    if (cap > SIZE_MAX - sizeof(struct kb_slab))
        return NULL;
    struct kb_slab *slab = malloc(sizeof(*slab) + cap);
    if (slab)
        *slab = (struct kb_slab){.cap = cap};
    return slab;
}

static size_t slab_bytes(const struct kb_slab *slab)
{
    return sizeof(*slab) + slab->cap;
}

/* Appends to a slab that has the room. */
static void take(
    struct kb_slabs *slabs, struct kb_slab *slab, struct kb_slice bytes, struct kb_slab_ref *out)
{
    if (slab->refs++ == 0)
        slabs->bytes += slab_bytes(slab);
    char *to = slab->data + slab->used;
    if (bytes.len)
        memcpy(to, bytes.ptr, bytes.len);
    slab->used += bytes.len;
    *out = (struct kb_slab_ref){{to, bytes.len}, slab};
}

bool kb_slabs_put(struct kb_slabs *slabs, struct kb_slice bytes, struct kb_slab_ref *out)
{
    struct kb_slab *slab = slabs->current;
    if (bytes.len > slabs->slab_size) {
        slab = slab_new(bytes.len);
    } else if (!slab || bytes.len > slab->cap - slab->used) {
        /* A full slab always has references: they alone keep it from now on. */
        slab = slabs->spare ? slabs->spare : slab_new(slabs->slab_size);
        if (slab) {
            slabs->current = slab;
            slabs->spare = NULL;
        }
    }
    if (!slab)
        return false;
    take(slabs, slab, bytes, out);
    return true;
}

bool kb_slab_move(struct kb_slabs *slabs, struct kb_slab_ref *ref)
{
    if (ref->slab->cap == ref->bytes.len && ref->slab != slabs->current)
        return true;
    struct kb_slab *own = slab_new(ref->bytes.len);
    if (!own)
        return false;
    struct kb_slab_ref moved;
    take(slabs, own, ref->bytes, &moved);
    kb_slab_release(slabs, ref);
    *ref = moved;
    return true;
}

void kb_slab_release(struct kb_slabs *slabs, struct kb_slab_ref *ref)
{
    struct kb_slab *slab = ref->slab;
    *ref = (struct kb_slab_ref){0};
    if (!slab || --slab->refs > 0)
        return;
    slab->used = 0;
    slabs->bytes -= slab_bytes(slab);
    if (slab == slabs->current)
        return;
    if (!slabs->spare && slab->cap == slabs->slab_size)
        slabs->spare = slab;
    else
        free(slab);
}
