/* How fast Ably may be sent to: a token bucket at the rate the user has set, slower while Ably says
 * that it is too fast. Additive increase, multiplicative decrease, as TCP does. Pure.
 *
 *     kb_pace_init(&pace, 100, 100);                        // a second; at once; 0 = no limit
 *     if (kb_pace_ready_ms(&pace, want, now_ms) <= now_ms)  // up to kb_pace_room() may go
 *         kb_pace_take(&pace, n, now_ms);
 *     ...
 *     kb_pace_slow(&pace, sent_ms, now_ms, retry_after_ms); // an answer was 429, for the account
 *     kb_pace_good(&pace, now_ms);                          // an answer was good
 *
 * A decrease halves the rate, once for all requests that were out when it came; without a limit the
 * rate begins from what was really sent in the last second. Each second with good answers adds a
 * twentieth of the rate that was too fast; without a limit the pace ends at four times that rate.
 * Ably's limits are for the account and reject a proportion of what is above them, so the sum of
 * all senders converges to the limit. Retry-After is documented nowhere, and honoured. Counts
 * requests or messages, as its owner likes. Thread: its owner's. */
#ifndef KB_ABLY_PACE_H
#define KB_ABLY_PACE_H

#include "ably/bucket.h"

#include <stdbool.h>
#include <stddef.h>

#define KB_PACE_MIN 5 /* a second; slower than that, waiting is the gate's (gate.h) */
#define KB_PACE_RETRY_AFTER_MAX_MS 60000

struct kb_pace {
    struct kb_bucket bucket;
    double limit, burst; /* the user's; 0 = none */
    double peak;         /* the rate that was too fast; 0 = not slowed */
    int64_t slowed_ms, grown_ms, until_ms;
    int64_t second_ms;      /* when the second being counted began */
    double counted, before; /* sent in it, and in the one before */
};

void kb_pace_init(struct kb_pace *pace, double limit, double burst);
/* Another limit of the user's; what is known of Ably's is found out again. */
void kb_pace_change(struct kb_pace *pace, double limit, double burst, int64_t now_ms);
/* When up to `want` may go; a tenth of a second's worth is enough to go with. */
int64_t kb_pace_ready_ms(const struct kb_pace *pace, size_t want, int64_t now_ms);
/* How many may go now, at least 1; SIZE_MAX = any number. */
size_t kb_pace_room(const struct kb_pace *pace, int64_t now_ms);
void kb_pace_take(struct kb_pace *pace, size_t n, int64_t now_ms);

/* True when this slowed it. */
bool kb_pace_slow(struct kb_pace *pace, int64_t sent_ms, int64_t now_ms, int retry_after_ms);
void kb_pace_good(struct kb_pace *pace, int64_t now_ms);
double kb_pace_rate(const struct kb_pace *pace); /* a second, now; 0 = no limit */

#endif
