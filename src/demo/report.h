/* What the demo says at the end: counts, rate, latency, and whether the books balance. Thread: the
 * story's. */
#ifndef KB_DEMO_REPORT_H
#define KB_DEMO_REPORT_H

#include "demo/story.h"

/* True where every record that was asked for has been sent and has the outcome it should have. */
bool kb_report_print(const struct kb_story *story);
/* Has nothing wrong come since? A record whose outcome a signal cut off is not wrong. */
bool kb_report_still_good(const struct kb_story *story);
void kb_report_what_to_try(const struct kb_story *story);

#endif
