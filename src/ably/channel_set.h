/* The distinct channels of one request: a small open-addressing set of 64-bit hashes with a
 * declared maximum. Emptied in no time by a new generation.
 *
 *     if (!kb_channel_set_init(&set, 100)) ...      // no memory
 *     if (!kb_channel_set_add(&set, channel)) ...   // a hundred others are in it: it is full
 *     kb_channel_set_clear(&set);                   // the next request
 *     kb_channel_set_deinit(&set);
 *
 * Thread: its owner's. */
#ifndef KB_ABLY_CHANNEL_SET_H
#define KB_ABLY_CHANNEL_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct kb_channel_set {
    struct {
        uint64_t channel;
        uint32_t generation;
    } * cells;
    size_t mask, n, max;
    uint32_t generation;
};

bool kb_channel_set_init(struct kb_channel_set *set, size_t max); /* false = no memory */
/* Room for a larger maximum, which is still to be set; empties the set. False = no memory. */
bool kb_channel_set_reserve(struct kb_channel_set *set, size_t max);
void kb_channel_set_deinit(struct kb_channel_set *set);
void kb_channel_set_clear(struct kb_channel_set *set);
/* True when the channel is in the set now; false = it would be one too many. */
bool kb_channel_set_add(struct kb_channel_set *set, uint64_t channel);

#endif
