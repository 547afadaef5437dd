/* See pace.h. publisher.c asks before it sends, publisher_answer.c tells what came of it. */
#include "ably/pace.h"

#include <math.h>

#define SECOND_MS 1000
#define STEP 20.0     /* a twentieth of the peak a second */
#define FORGOTTEN 4.0 /* times the peak: what was too fast then is no measure any more */

static double smaller(double a, double b)
{
    return a < b ? a : b;
}

static double larger(double a, double b)
{
    return a > b ? a : b;
}

void kb_pace_init(struct kb_pace *pace, double limit, double burst)
{
    *pace = (struct kb_pace){.limit = limit,
        .burst = burst,
        .slowed_ms = INT64_MIN,
        .grown_ms = INT64_MIN,
        .until_ms = INT64_MIN,
        .second_ms = INT64_MIN};
    kb_bucket_init(&pace->bucket, limit, burst);
}

void kb_pace_change(struct kb_pace *pace, double limit, double burst, int64_t now_ms)
{
    if (pace->limit == limit && pace->burst == burst)
        return;
    pace->limit = limit;
    pace->burst = burst;
    pace->peak = 0;
    kb_bucket_change(&pace->bucket, limit, burst, now_ms);
}

double kb_pace_rate(const struct kb_pace *pace)
{
    return pace->bucket.rate;
}

/* A tenth of a second's worth, so that a slow pace doesn't make a request of every message. */
static double enough(const struct kb_pace *pace, size_t want)
{
    double tenth = smaller(larger(1, floor(pace->bucket.rate / 10)), pace->bucket.burst);
    return smaller(tenth, want > 0 ? (double)want : 1);
}

int64_t kb_pace_ready_ms(const struct kb_pace *pace, size_t want, int64_t now_ms)
{
    int64_t ready = kb_bucket_ready_ms(&pace->bucket, enough(pace, want), now_ms);
    return ready > pace->until_ms ? ready : pace->until_ms;
}

size_t kb_pace_room(const struct kb_pace *pace, int64_t now_ms)
{
    if (pace->bucket.rate <= 0)
        return SIZE_MAX;
    double tokens = kb_bucket_tokens(&pace->bucket, now_ms);
    return tokens < 2 ? 1 : (size_t)tokens;
}

static void count(struct kb_pace *pace, size_t n, int64_t now_ms)
{
    if (pace->second_ms == INT64_MIN || now_ms - pace->second_ms >= 2 * SECOND_MS) {
        pace->before = 0;
        pace->counted = 0;
        pace->second_ms = now_ms;
    } else if (now_ms - pace->second_ms >= SECOND_MS) {
        pace->before = pace->counted;
        pace->counted = 0;
        pace->second_ms += SECOND_MS;
    }
    pace->counted += (double)n;
}

void kb_pace_take(struct kb_pace *pace, size_t n, int64_t now_ms)
{
    count(pace, n, now_ms);
    kb_bucket_take(&pace->bucket, (double)n, now_ms);
}

static void set_rate(struct kb_pace *pace, double rate, int64_t now_ms)
{
    double burst =
        rate == pace->limit ? pace->burst : smaller(rate, pace->limit > 0 ? pace->burst : rate);
    kb_bucket_change(&pace->bucket, rate, burst, now_ms);
}

bool kb_pace_slow(struct kb_pace *pace, int64_t sent_ms, int64_t now_ms, int retry_after_ms)
{
    if (retry_after_ms > KB_PACE_RETRY_AFTER_MAX_MS)
        retry_after_ms = KB_PACE_RETRY_AFTER_MAX_MS;
    if (retry_after_ms > 0 && now_ms + retry_after_ms > pace->until_ms)
        pace->until_ms = now_ms + retry_after_ms;
    if (pace->slowed_ms != INT64_MIN && sent_ms <= pace->slowed_ms)
        return false; /* sent when it was still faster: known already */
    double sent = larger(pace->before, pace->counted);
    double rate = pace->bucket.rate > 0 ? smaller(pace->bucket.rate, larger(sent, 1)) : sent;
    double least = pace->limit > 0 ? smaller(KB_PACE_MIN, pace->limit / 2) : KB_PACE_MIN;
    pace->peak = larger(rate, 2 * least);
    pace->slowed_ms = pace->grown_ms = now_ms;
    set_rate(pace, pace->peak / 2, now_ms);
    pace->bucket.tokens = smaller(pace->bucket.tokens, 0); /* what is left is of a faster time */
    pace->bucket.filled_ms = now_ms;
    return true;
}

void kb_pace_good(struct kb_pace *pace, int64_t now_ms)
{
    if (pace->peak <= 0 || now_ms - pace->grown_ms < SECOND_MS)
        return;
    double rate = pace->bucket.rate + larger(pace->peak / STEP, 1);
    pace->grown_ms = now_ms;
    if (rate < (pace->limit > 0 ? pace->limit : FORGOTTEN * pace->peak)) {
        set_rate(pace, rate, now_ms);
        return;
    }
    pace->peak = 0;
    set_rate(pace, pace->limit, now_ms);
}
