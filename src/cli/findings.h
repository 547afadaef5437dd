/* What `check --online` finds: a line for each part, and how many parts are amiss.
 *
 *     struct kb_findings found = {.to = stdout};
 *     kb_found(&found, KB_FOUND_WELL, "Kafka", "%d brokers", n);       // ok   Kafka: 3 brokers
 *     kb_found(&found, KB_FOUND_AMISS, "Ably", "%s", err.text);        // FAIL Ably: ...
 *     if (found.amiss > 0) ...
 *
 * A finding that is amiss says what to do. Thread: main. */
#ifndef KB_CLI_FINDINGS_H
#define KB_CLI_FINDINGS_H

#include "base/compiler.h"

#include <stdio.h>

struct kb_findings {
    FILE *to;
    size_t amiss, warnings;
};

enum kb_finding { KB_FOUND_WELL, KB_FOUND_WARNING, KB_FOUND_AMISS };

/* One line, whatever the other side may have said. */
void kb_found(struct kb_findings *found, enum kb_finding kind, const char *part, const char *fmt,
    ...) KB_PRINTF(4, 5);

#endif
