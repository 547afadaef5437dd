/* The token bucket of bucket.h. It starts full at the first time it is shown; tokens are counted in
 * doubles, so that rates below one a second and clocks of whole milliseconds lose nothing. */
#include "ably/bucket.h"

#include <math.h>

#define WHOLE (1.0 - 1e-6) /* a token, forgiving the doubles' last bits */

void kb_bucket_init(struct kb_bucket *bucket, double rate, double burst)
{
    *bucket =
        (struct kb_bucket){.rate = rate, .burst = burst < 1 ? 1 : burst, .filled_ms = INT64_MIN};
    bucket->tokens = bucket->burst;
}

double kb_bucket_tokens(const struct kb_bucket *bucket, int64_t now_ms)
{
    if (bucket->filled_ms == INT64_MIN || now_ms <= bucket->filled_ms)
        return bucket->tokens;
    return fmin(bucket->burst,
        bucket->tokens + (double)(now_ms - bucket->filled_ms) * bucket->rate / 1000.0);
}

void kb_bucket_change(struct kb_bucket *bucket, double rate, double burst, int64_t now_ms)
{
    if (bucket->rate <= 0) { /* nobody counted; a second's worth is what a fresh start gives */
        kb_bucket_init(bucket, rate, burst);
        return;
    }
    bucket->tokens = kb_bucket_tokens(bucket, now_ms);
    bucket->filled_ms = bucket->filled_ms == INT64_MIN ? INT64_MIN : now_ms;
    bucket->rate = rate;
    bucket->burst = burst < 1 ? 1 : burst;
    bucket->tokens = fmin(bucket->tokens, bucket->burst);
}

int64_t kb_bucket_ready_ms(const struct kb_bucket *bucket, double n, int64_t now_ms)
{
    if (bucket->rate <= 0)
        return now_ms;
    double missing = n - (1.0 - WHOLE) - kb_bucket_tokens(bucket, now_ms);
    return missing <= 0 ? now_ms : now_ms + (int64_t)ceil(missing * 1000.0 / bucket->rate);
}

void kb_bucket_take(struct kb_bucket *bucket, double n, int64_t now_ms)
{
    if (bucket->rate <= 0)
        return;
    bucket->tokens = kb_bucket_tokens(bucket, now_ms) - n;
    bucket->filled_ms = now_ms;
}
