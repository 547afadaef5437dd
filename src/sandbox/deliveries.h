/* Every message that was accepted, in order, duplicates too: what a test compares with what it
 * produced.
 *
 *     struct kb_deliveries *log = kb_deliveries_new(64 << 20);
 *     kb_deliveries_add(log, &(struct kb_delivery){seq, request, false, channel, id});
 *     struct kb_delivery_cursor cursor = {0};
 *     struct kb_delivery delivery;
 *     while (kb_deliveries_next(log, &cursor, &delivery)) ...
 *
 * A log in chunks of 4 MiB; above the maximum the oldest chunk goes, which is counted. A cursor
 * stays valid over adds and drops: it goes on with the oldest that is left. Thread: one at a time.
 */
#ifndef KB_SANDBOX_DELIVERIES_H
#define KB_SANDBOX_DELIVERIES_H

#include "base/slice.h"

#include <stdint.h>

struct kb_delivery {
    uint64_t seq, request; /* both from 1: which message, in which request */
    bool duplicate;
    struct kb_slice channel, id;
};

struct kb_delivery_cursor {
    uint64_t chunk;
    size_t offset;
};

struct kb_deliveries; /* opaque */

struct kb_deliveries *kb_deliveries_new(size_t max_bytes); /* returns new, NULL = no memory */
void kb_deliveries_free(struct kb_deliveries *log);
void kb_deliveries_clear(struct kb_deliveries *log);

void kb_deliveries_add(struct kb_deliveries *log, const struct kb_delivery *delivery);
/* Borrows from the log. */
bool kb_deliveries_next(
    const struct kb_deliveries *log, struct kb_delivery_cursor *cursor, struct kb_delivery *out);
/* How many are no longer there, or never were for want of memory. */
uint64_t kb_deliveries_dropped(const struct kb_deliveries *log);

#endif
