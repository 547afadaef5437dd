/* See rates.h. A bucket is one number: when it will be full again. It is empty where that is a
 * whole burst away, and where that is past it is as good as absent. Cells of the past are cleared
 * away when the table has to grow. */
#include "base/rates.h"

#include "base/compiler.h"
#include "base/hash.h"

#include <math.h>
#include <stdbool.h>

#define FIRST_CELLS 64
#define US_PER_MS 1000.0
#define ALMOST 1e-6 /* a token, forgiving the doubles' last bits */
#define TRY_AGAIN_US 1e5

struct kb_rate_cell {
    uint64_t key;
    double full_us; /* 0 = empty cell */
};

void kb_rates_init(struct kb_rates *rates, double per_second)
{
    *rates = (struct kb_rates){.per_second = per_second, .burst = fmax(1, floor(per_second))};
}

void kb_rates_deinit(struct kb_rates *rates)
{
    free(rates->cells);
    kb_rates_init(rates, rates->per_second);
}

void kb_rates_change(struct kb_rates *rates, double per_second)
{
    if (per_second == rates->per_second)
        return;
    kb_rates_deinit(rates);
    kb_rates_init(rates, per_second);
}

/* The key's cell, or the empty one where it would go. There is a table. */
static struct kb_rate_cell *find(const struct kb_rates *rates, uint64_t key)
{
    size_t at = kb_mix64(key) & rates->mask;
    while (rates->cells[at].full_us > 0 && rates->cells[at].key != key)
        at = (at + 1) & rates->mask;
    return &rates->cells[at];
}

static double full_us(const struct kb_rates *rates, uint64_t key, double now_us)
{
    return rates->mask ? fmax(find(rates, key)->full_us, now_us) : now_us;
}

static double interval_us(const struct kb_rates *rates)
{
    return 1e6 / rates->per_second;
}

size_t kb_rates_room(const struct kb_rates *rates, uint64_t key, int64_t now_ms)
{
    if (rates->per_second <= 0)
        return SIZE_MAX;
    double now_us = (double)now_ms * US_PER_MS;
    double spent = (full_us(rates, key, now_us) - now_us) / interval_us(rates);
    return spent >= rates->burst ? 0 : (size_t)(rates->burst - spent + ALMOST);
}

int64_t kb_rates_ready_ms(const struct kb_rates *rates, uint64_t key, size_t n, int64_t now_ms)
{
    if (rates->per_second <= 0)
        return now_ms;
    double now_us = (double)now_ms * US_PER_MS, some = fmin((double)n, rates->burst);
    double at_us = full_us(rates, key, now_us) - (rates->burst - some) * interval_us(rates);
    return at_us <= now_us ? now_ms : (int64_t)ceil((at_us - ALMOST) / US_PER_MS);
}

/* Makes room for one more, without what is past. False: there is no memory, or too many are busy.
 */
static bool grow(struct kb_rates *rates, double now_us)
{
    size_t live = 0, old = rates->mask ? rates->mask + 1 : 0, size = FIRST_CELLS;
    if (now_us < rates->full_until_us)
        return false;
    for (size_t i = 0; i < old; i++)
        live += rates->cells[i].full_us > now_us;
    while (size < 4 * (live + 1))
        size *= 2;
    struct kb_rate_cell *cells = live < KB_RATES_MAX ? calloc(size, sizeof(*cells)) : NULL;
    if (!cells) {
        rates->full_until_us = now_us + TRY_AGAIN_US; /* looking through them all is not for free */
        return false;
    }
    struct kb_rates next = *rates;
    next.cells = cells;
    next.mask = size - 1;
    next.n = live;
    for (size_t i = 0; i < old; i++)
        if (rates->cells[i].full_us > now_us)
            *find(&next, rates->cells[i].key) = rates->cells[i];
    free(rates->cells);
    *rates = next;
    return true;
}

void kb_rates_take(struct kb_rates *rates, uint64_t key, size_t n, int64_t now_ms)
{
    if (rates->per_second <= 0)
        return;
    double now_us = (double)now_ms * US_PER_MS;
    bool known = rates->mask && find(rates, key)->full_us > 0;
    if (!known && 2 * (rates->n + 1) > rates->mask && !grow(rates, now_us))
        return;
    struct kb_rate_cell *cell = find(rates, key);
    rates->n += !(cell->full_us > 0);
    cell->key = key;
    cell->full_us = fmax(cell->full_us, now_us) + (double)n * interval_us(rates);
}
