/* A token bucket: at most `rate` requests a second in the long run, `burst` of them at once. Pure.
 *
 *     kb_bucket_init(&bucket, 100, 100);
 *     if (kb_bucket_ready_ms(&bucket, 1, now_ms) <= now_ms)
 *         kb_bucket_take(&bucket, 1, now_ms);
 *
 * A rate of 0 is no limit. Thread: its owner's. */
#ifndef KB_ABLY_BUCKET_H
#define KB_ABLY_BUCKET_H

#include <stdint.h>

struct kb_bucket {
    double rate, burst, tokens;
    int64_t filled_ms; /* tokens were right at this time */
};

void kb_bucket_init(struct kb_bucket *bucket, double rate, double burst);
/* Another rate from now on, with the tokens that are there: a change gives none away. */
void kb_bucket_change(struct kb_bucket *bucket, double rate, double burst, int64_t now_ms);
/* The first time, not before now_ms, at which `n` tokens are there. */
int64_t kb_bucket_ready_ms(const struct kb_bucket *bucket, double n, int64_t now_ms);
/* Taking more than there are makes a debt. */
void kb_bucket_take(struct kb_bucket *bucket, double n, int64_t now_ms);
double kb_bucket_tokens(const struct kb_bucket *bucket, int64_t now_ms);

#endif
