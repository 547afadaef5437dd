/* See online.h. Called by check.c. */
#include "cli/online.h"

#include "cli/online_parts.h"

bool kb_online_check(const struct kb_config *config, FILE *to)
{
    struct kb_findings found = {.to = to};
    struct kb_outside outside;
    struct kb_err err;
    kb_online_certificates(config, &found);
    kb_online_kafka(config, &found);
    if (kb_outside_open(&outside, config, &err)) {
        kb_online_registry(config, &outside, &found);
        kb_online_ably(config, &outside, &found);
    } else {
        kb_found(&found, KB_FOUND_AMISS, "HTTP", "%s", err.text);
    }
    kb_outside_close(&outside);
    return found.amiss == 0;
}
