/* How many of each key may go in a second: a token bucket for every key that went lately, of 16
 * bytes each. A key whose bucket is full again is forgotten, as nothing would tell it from one that
 * never went, so memory follows what is busy, not what there ever was.
 *
 *     struct kb_rates rates;
 *     kb_rates_init(&rates, 50);                       // 50 a second, 50 at once; 0 = no limit
 *     n = kb_rates_room(&rates, key, now_ms);          // so many may go now
 *     kb_rates_take(&rates, key, 1, now_ms);           // one has gone
 *     kb_rates_ready_ms(&rates, key, 5, now_ms);       // when five may
 *     kb_rates_deinit(&rates);
 *
 * Bounded: at most KB_RATES_MAX keys are counted at a time (32 MiB); what goes beyond is not, and
 * so not limited. Keys are hashes. Time is not below 0. Thread: its owner's. */
#ifndef KB_BASE_RATES_H
#define KB_BASE_RATES_H

#include <stddef.h>
#include <stdint.h>

#define KB_RATES_MAX ((size_t)1 << 19)

struct kb_rate_cell;

struct kb_rates {
    double per_second, burst;
    struct kb_rate_cell *cells; /* an open hash table, at most half full */
    size_t n, mask;             /* mask 0 = there is none yet */
    double full_until_us;       /* no room for more keys: not looked for before */
};

void kb_rates_init(struct kb_rates *rates, double per_second);
void kb_rates_deinit(struct kb_rates *rates);
/* Another rate: what went by the old one is forgotten, where it is another. */
void kb_rates_change(struct kb_rates *rates, double per_second);

/* SIZE_MAX = any number. */
size_t kb_rates_room(const struct kb_rates *rates, uint64_t key, int64_t now_ms);
/* Not before now_ms. More than ever go at once are asked for as if they were those. */
int64_t kb_rates_ready_ms(const struct kb_rates *rates, uint64_t key, size_t n, int64_t now_ms);
void kb_rates_take(struct kb_rates *rates, uint64_t key, size_t n, int64_t now_ms);

#endif
