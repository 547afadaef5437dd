/* Which offset of a partition may be committed.
 *
 * Records of one partition finish out of order (lanes, retries). The window remembers each record
 * from take to outcome; committable = the lowest offset without an outcome, or last + 1 when
 * nothing is open. Offsets have gaps (compaction, transaction markers): the window stores offsets,
 * it never counts.
 *
 *     struct kb_offsets w;
 *     kb_offsets_init(&w);
 *     kb_offsets_add(&w, 100);                  // KB_OFFSET_TAKEN; then 101, 105
 *     kb_offsets_add(&w, 101);                  // KB_OFFSET_REPEAT: came a second time, drop it
 *     kb_offsets_done(&w, 101);                 // out of order is fine
 *     kb_offsets_committable(&w);               // 100: it is still open
 *     kb_offsets_done(&w, 100);
 *     kb_offsets_committable(&w);               // 105; -1 before anything was taken
 *
 * Grows as needed; the worker bounds it by pausing the partition (kb_offsets_open is the count of
 * slots used, from the lowest open record to the newest). Generations are the worker's: one window
 * lives exactly as long as one assignment of its partition. Thread: the worker's. */
#ifndef KB_KAFKA_OFFSETS_H
#define KB_KAFKA_OFFSETS_H

#include "base/compiler.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct kb_offsets {
    uint64_t *ring; /* offset << 1 | done; `cap` of them, a power of two */
    size_t cap;
    uint64_t head, tail; /* open slots are [head, tail), counted for ever */
    int64_t next;        /* the lowest offset that is not a repeat; -1 = nothing taken yet */
};

enum kb_offset_result { KB_OFFSET_TAKEN, KB_OFFSET_REPEAT, KB_OFFSET_NO_MEMORY };

void kb_offsets_init(struct kb_offsets *w);
void kb_offsets_deinit(struct kb_offsets *w);
enum kb_offset_result kb_offsets_add(struct kb_offsets *w, int64_t offset) KB_MUST_CHECK;
/* The offset must be open: anything else is a bug of the caller (KB_BUG_ON). */
void kb_offsets_done(struct kb_offsets *w, int64_t offset);
/* Another log begins at `next`: what is open is forgotten, and offsets may be lower than before. */
void kb_offsets_restart(struct kb_offsets *w, int64_t next);
int64_t kb_offsets_committable(const struct kb_offsets *w);
/* Where reading goes on; -1 = nothing taken yet. */
int64_t kb_offsets_next(const struct kb_offsets *w);
size_t kb_offsets_open(const struct kb_offsets *w);

#endif
