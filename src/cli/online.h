/* `kably check --online`: asks the other sides of a configuration, and tells what it found.
 *
 *     bool well = kb_online_check(config, stdout);
 *
 * Joins no group, commits, publishes and registers nothing: Kafka is asked for its topics and for
 * the end of each partition, Ably for its time and whether it takes the credentials, the registry
 * for its subjects. No secret is printed. Each part is tried on its own, within seconds, whatever
 * became of the others. Thread: main. */
#ifndef KB_CLI_ONLINE_H
#define KB_CLI_ONLINE_H

#include "config/config.h"

/* False: a part could not be reached, refused, or lacks what the file needs. */
bool kb_online_check(const struct kb_config *config, FILE *to);

#endif
