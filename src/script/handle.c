/* The parts that handles name; see handle.h. */
#include "script/handle.h"

#define FIRST_PARTS 8

/* What was there before stays in the arena: the parts are a few, and gone with the record. */
static bool grow(struct kb_handles *handles)
{
    uint32_t cap = handles->cap ? 2 * handles->cap : FIRST_PARTS;
    if (cap > KB_HANDLE_PLACES - KB_PLACE_PARTS)
        return false;
    struct kb_part *parts = kb_arena_alloc(handles->arena, cap * sizeof(*parts));
    if (!parts)
        return false;
    if (handles->n > 0)
        memcpy(parts, handles->parts, handles->n * sizeof(*parts));
    handles->parts = parts;
    handles->cap = cap;
    return true;
}

void *kb_handle_of_part(struct kb_handles *handles, struct kb_viewed *viewed, struct kb_node *node)
{
    if (node->handle == 0) {
        if (handles->n == handles->cap && !grow(handles))
            return NULL;
        node->handle = KB_PLACE_PARTS + handles->n;
        handles->parts[handles->n++] = (struct kb_part){viewed, node};
    }
    return kb_handle(handles, node->handle);
}
