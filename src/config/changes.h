/* What differs between two configurations, by name, sorted by what it takes to apply it: the rows
 * of config/options.h say so. A reload goes by this.
 *
 *     struct kb_changes changes;
 *     if (!kb_changes_find(&changes, running, loaded)) ...      // no memory
 *     changes.applied     "publish.linger_ms, topic \"orders\", topic \"audit\" (new)"
 *     changes.rejoin      "kafka.session.timeout.ms": only another consumer has that
 *     changes.restart     "limits.workers": only another process has that
 *     kb_changes_keep(&changes, running, loaded);     // what needs a restart stays as it runs
 *     kb_changes_deinit(&changes);
 *
 * Functions can't be compared: a block whose hooks alone differ is not named. Names only, never
 * values. Thread: any. */
#ifndef KB_CONFIG_CHANGES_H
#define KB_CONFIG_CHANGES_H

#include "base/buf.h"
#include "config/config.h"

struct kb_changes {
    struct kb_buf applied, rejoin, restart; /* names, with ", " between them */
    bool kafka, ably, registry;             /* how to reach them, or who one is there */
};

bool kb_changes_find(struct kb_changes *changes, const struct kb_config *from,
    const struct kb_config *to) KB_MUST_CHECK;
void kb_changes_deinit(struct kb_changes *changes);

/* Gives `to` the values of `from` for what only a restart applies, and what it has to know of the
 * clients that stay. False = no memory. */
bool kb_changes_keep(const struct kb_changes *changes, const struct kb_config *from,
    struct kb_config *to) KB_MUST_CHECK;

#endif
