/* See shortest.h. The names are the paper's: a number is c * 2^q, all that round to it lie between
 * two bounds; each is scaled by a power of ten so that what is left of the point decides. */
#include "value/shortest.h"

#include <pthread.h>
#include <string.h>

__extension__ typedef unsigned __int128 uint128;

/* ---- powers of ten ---- */

#define POWER_MIN (-292)
#define POWER_MAX 324

struct power {
    uint64_t high, low; /* the first 128 bits of 10^k, rounded up */
};

static struct power powers[POWER_MAX - POWER_MIN + 1];
static pthread_once_t powers_made = PTHREAD_ONCE_INIT;

#define WORDS 38 /* of 32 bits: 10^324 has 1077 bits, and 2^BITS divided by 10^292 keeps 150 */
#define BITS 1120

/* A large whole number, the lowest word first. */
struct whole {
    uint32_t words[WORDS];
};

static void multiply_by_ten(struct whole *w)
{
    uint64_t carry = 0;
    for (int i = 0; i < WORDS; i++) {
        carry += (uint64_t)w->words[i] * 10;
        w->words[i] = (uint32_t)carry;
        carry >>= 32;
    }
}

/* Rounded down; to do so again and again is the same as to do it once by the power. */
static void divide_by_ten(struct whole *w)
{
    uint64_t rest = 0;
    for (int i = WORDS; i-- > 0;) {
        rest = rest << 32 | w->words[i];
        w->words[i] = (uint32_t)(rest / 10);
        rest %= 10;
    }
}

static unsigned bit(const struct whole *w, int at)
{
    return at < 0 ? 0 : w->words[at / 32] >> at % 32 & 1;
}

/* The first 128 bits, one more where others follow them. */
static struct power first_bits(const struct whole *w, bool others)
{
    int top = 32 * WORDS - 1;
    while (!bit(w, top))
        top--;
    uint128 bits = 0;
    for (int i = 0; i < 128; i++)
        bits = bits << 1 | bit(w, top - i);
    for (int at = top - 128; at >= 0 && !others; at--)
        others = bit(w, at);
    bits += others;
    return (struct power){(uint64_t)(bits >> 64), (uint64_t)bits};
}

static void make_powers(void)
{
    struct whole up = {.words = {1}}, down = {.words = {[BITS / 32] = 1}};
    for (int k = 0; k <= POWER_MAX; k++, multiply_by_ten(&up))
        powers[k - POWER_MIN] = first_bits(&up, false);
    for (int k = -1; k >= POWER_MIN; k--) {
        divide_by_ten(&down);
        powers[k - POWER_MIN] = first_bits(&down, true); /* a tenth is never exact */
    }
}

static const struct power *power_of_ten(int k)
{
    pthread_once(&powers_made, make_powers);
    return &powers[k - POWER_MIN];
}

/* ---- logarithms, rounded down ---- */

static int log10_of_pow2(int e)
{
    return (e * 1262611) >> 22;
}

static int log10_of_three_quarters_pow2(int e)
{
    return (e * 1262611 - 524031) >> 22;
}

static int log2_of_pow10(int e)
{
    return (e * 1741647) >> 19;
}

/* ---- the digits ---- */

/* number * power / 2^128; the last bit is set where that is not whole. */
static uint64_t scale(const struct power *power, uint64_t number)
{
    uint64_t low = (uint64_t)((uint128)power->low * number >> 64);
    uint128 product = (uint128)power->high * number + low;
    return (uint64_t)(product >> 64) | ((uint64_t)product > 1);
}

/* `lowest`: c is the least with its exponent, so that the numbers below lie half as far apart. */
static struct kb_shortest shortest(uint64_t c, int q, bool lowest)
{
    int k = lowest ? log10_of_three_quarters_pow2(q) : log10_of_pow2(q);
    int h = q + log2_of_pow10(-k) + 1;
    const struct power *power = power_of_ten(-k);
    bool open = c & 1; /* of a tie the even one is read: the bounds themselves are another's */
    uint64_t lower = scale(power, (4 * c - 2 + lowest) << h) + open;
    uint64_t value = scale(power, 4 * c << h);
    uint64_t upper = scale(power, (4 * c + 2) << h) - open;

    uint64_t s = value / 4;
    if (s >= 10) { /* one digit less? */
        uint64_t t = s / 10;
        bool below = lower <= 40 * t, above = 40 * t + 40 <= upper;
        if (below != above)
            return (struct kb_shortest){t + above, k + 1};
    }
    bool below = lower <= 4 * s, above = 4 * s + 4 <= upper;
    if (below != above)
        return (struct kb_shortest){s + above, k};
    uint64_t middle = 4 * s + 2;
    return (struct kb_shortest){s + (value > middle || (value == middle && (s & 1))), k};
}

struct kb_shortest kb_shortest_double(double number)
{
    uint64_t bits;
    memcpy(&bits, &number, sizeof(bits));
    uint64_t fraction = bits & ((UINT64_C(1) << 52) - 1);
    int exponent = (int)(bits >> 52 & 0x7ff);
    if (exponent == 0)
        return shortest(fraction, -1074, false);
    return shortest(fraction | UINT64_C(1) << 52, exponent - 1075, fraction == 0 && exponent > 1);
}

struct kb_shortest kb_shortest_float(float number)
{
    uint32_t bits;
    memcpy(&bits, &number, sizeof(bits));
    uint32_t fraction = bits & ((UINT32_C(1) << 23) - 1);
    int exponent = (int)(bits >> 23 & 0xff);
    if (exponent == 0)
        return shortest(fraction, -149, false);
    return shortest(fraction | UINT32_C(1) << 23, exponent - 150, fraction == 0 && exponent > 1);
}
