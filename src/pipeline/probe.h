/* Whether the world takes the next configuration: each side whose connection settings differ from
 * those in force is asked first, so that a wrong key or a mistyped host leaves everything as it is.
 *
 *     if (!kb_probe(next, &changes, &give_up, &problems)) ...   // a line for each side that didn't
 *
 * Only what has changed is asked. An outage of Ably, of Kafka or of the registry is no reason to
 * refuse other hooks or another policy; but going over to settings that can't be tried is, and for
 * Kafka, where running workers would have to leave for others, any such change: what they have
 * published but can't commit would be published again.
 *
 * Thread: the reloads' own; blocks, some seconds for each side at most, and ends early where
 * `give_up` becomes true. */
#ifndef KB_PIPELINE_PROBE_H
#define KB_PIPELINE_PROBE_H

#include "config/changes.h"

#include <stdatomic.h>

bool kb_probe(const struct kb_config *next, const struct kb_changes *changes,
    const atomic_bool *give_up, struct kb_buf *problems) KB_MUST_CHECK;

#endif
