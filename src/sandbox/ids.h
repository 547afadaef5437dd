/* Which ids were published lately: Ably drops a message whose id came to the same channel within
 * two minutes.
 *
 *     struct kb_ids *ids = kb_ids_new(120000, 4 << 20);
 *     uint64_t first = seq;
 *     switch (kb_ids_add(ids, channel, id, now_ms, &first)) {
 *     case KB_IDS_NEW: ...                     // remembered, with `seq`
 *     case KB_IDS_AGAIN: ...                   // `first` is now the number the first one had
 *
 * An id is known by 128 bits of hash, in a ring by age with an open hash table over it: 32 + 8
 * bytes each. A repeat does not prolong the window. At most `max` are kept; where more came within
 * the window the oldest go early, which is counted. Thread: one at a time. */
#ifndef KB_SANDBOX_IDS_H
#define KB_SANDBOX_IDS_H

#include "base/slice.h"

#include <stdint.h>

enum kb_ids_result { KB_IDS_NEW, KB_IDS_AGAIN, KB_IDS_NO_MEMORY };

struct kb_ids; /* opaque */

struct kb_ids *kb_ids_new(int64_t window_ms, size_t max); /* returns new, NULL = no memory */
void kb_ids_free(struct kb_ids *ids);
void kb_ids_clear(struct kb_ids *ids);

enum kb_ids_result kb_ids_add(struct kb_ids *ids, struct kb_slice channel, struct kb_slice id,
    int64_t now_ms, uint64_t *seq) __attribute__((warn_unused_result));

size_t kb_ids_count(const struct kb_ids *ids);
uint64_t kb_ids_repeated(const struct kb_ids *ids); /* different ids that came more than once */
uint64_t kb_ids_early(const struct kb_ids *ids);    /* forgotten before their time, for room */

#endif
