/* `kably check --online`: logs in to Kafka and Ably, and tells what it found.
 *
 *     bool well = kb_online_check(config, stdout);
 *
 * Joins no group and publishes nothing: Kafka is asked for its topics, Ably for a token, whose
 * capability says what the key may do and which is thrown away. No secret is printed. Thread: main.
 */
#ifndef KB_CLI_ONLINE_H
#define KB_CLI_ONLINE_H

#include "config/config.h"

/* False: one of them could not be reached, refused, or lacks what the file needs. */
bool kb_online_check(const struct kb_config *config, FILE *to);

#endif
