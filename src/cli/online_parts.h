/* The parts of `check --online`, one file each; online.c calls them in the order of a record's way.
 */
#ifndef KB_CLI_ONLINE_PARTS_H
#define KB_CLI_ONLINE_PARTS_H

#include "cli/findings.h"
#include "cli/outside.h"

void kb_online_certificates(const struct kb_config *config, struct kb_findings *found);
void kb_online_kafka(const struct kb_config *config, struct kb_findings *found);
void kb_online_registry(
    const struct kb_config *config, struct kb_outside *outside, struct kb_findings *found);
void kb_online_ably(
    const struct kb_config *config, struct kb_outside *outside, struct kb_findings *found);

#endif
