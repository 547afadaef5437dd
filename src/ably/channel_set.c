/* See channel_set.h. At most half of the cells are ever taken, so a probe always ends. lanes.c asks
 * it once for every spec it packs. */
#include "ably/channel_set.h"

#include "base/compiler.h"
#include "base/hash.h"

bool kb_channel_set_init(struct kb_channel_set *set, size_t max)
{
    size_t cells = 2;
    while (cells < 2 * max)
        cells *= 2;
    *set = (struct kb_channel_set){.mask = cells - 1, .max = max, .generation = 1};
    set->cells = calloc(cells, sizeof(*set->cells));
    return set->cells != NULL;
}

bool kb_channel_set_reserve(struct kb_channel_set *set, size_t max)
{
    struct kb_channel_set larger;
    if (2 * max <= set->mask + 1)
        return true;
    if (!kb_channel_set_init(&larger, max))
        return false;
    larger.max = set->max;
    free(set->cells);
    *set = larger;
    return true;
}

void kb_channel_set_deinit(struct kb_channel_set *set)
{
    free(set->cells);
    *set = (struct kb_channel_set){0};
}

void kb_channel_set_clear(struct kb_channel_set *set)
{
    set->n = 0;
    if (++set->generation != 0)
        return;
    for (size_t i = 0; i <= set->mask; i++) /* after 2^32 requests, old marks would look new */
        set->cells[i].generation = 0;
    set->generation = 1;
}

bool kb_channel_set_add(struct kb_channel_set *set, uint64_t channel)
{
    size_t at = kb_mix64(channel) & set->mask;
    for (; set->cells[at].generation == set->generation; at = (at + 1) & set->mask)
        if (set->cells[at].channel == channel)
            return true;
    if (set->n == set->max)
        return false;
    set->n++;
    set->cells[at].channel = channel;
    set->cells[at].generation = set->generation;
    return true;
}
