/* Counters that a user's hooks name: kably.counter("orders.big"):add().
 *
 *     struct kb_named_counter *counter = kb_named_counter(KB_S("orders.big"));  // NULL: see below
 *     kb_named_add(counter, 1);
 *     kb_named_each(show, context);                   // name and number of each, in order of birth
 *
 * One counter a name for the whole process, from its first use to the end: workers and editions of
 * the configuration share it. At most KB_NAMED_MAX names, each of at most 63 characters out of
 * letters, digits and `_.:-`: NULL otherwise. Thread: any. */
#ifndef KB_METRICS_NAMED_H
#define KB_METRICS_NAMED_H

#include "base/slice.h"

#include <stdint.h>

#define KB_NAMED_MAX 256

struct kb_named_counter; /* opaque */

struct kb_named_counter *kb_named_counter(struct kb_slice name);
void kb_named_add(struct kb_named_counter *counter, uint64_t n);
/* What this thread adds meanwhile counts for nothing: it runs tests. */
void kb_named_pause(bool paused);
void kb_named_each(void (*show)(void *context, const char *name, uint64_t n), void *context);

#endif
