/* Doubles as text; see json.h. Most doubles of real data are short decimals (19.99), which are
 * found by trying; the others go through the C library, whose decimal point follows the locale and
 * is therefore left aside. */
#include "value/json.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>

/* number = 0.DIGITS * 10^point, the first and last digit not 0. Zero has no digits and point 1. */
struct decimal {
    char digits[24];
    int n, point;
};

/* number = whole / 10^places for a few places, exactly as it reads back? The quotient of two such
 * integers is rounded correctly, so equality proves it. */
static bool short_decimal(double number, struct decimal *out)
{
    double power = 1;
    for (int places = 0; places <= 6; places++, power *= 10) {
        double whole = nearbyint(number * power);
        if (whole >= 1e15)
            return false;
        if (whole / power != number)
            continue;
        out->n = snprintf(out->digits, sizeof(out->digits), "%" PRId64, (int64_t)whole);
        out->point = out->n - places;
        return true;
    }
    return false;
}

/* The fewest digits that read back: 15, 16 or 17, as none of the few was short; down to one below
 * the normal range, where doubles are coarser. */
static void long_decimal(double number, struct decimal *out)
{
    char text[40];
    for (int behind = number < DBL_MIN ? 0 : 14; behind <= 16; behind++) {
        snprintf(text, sizeof(text), "%.*e", behind, number);
        if (strtod(text, NULL) == number)
            break;
    }
    out->n = 0;
    const char *p = text;
    for (; *p != 'e'; p++)
        if (*p >= '0' && *p <= '9')
            out->digits[out->n++] = *p;
    out->point = (int)strtol(p + 1, NULL, 10) + 1;
}

static struct decimal to_decimal(double number)
{
    struct decimal d = {.point = 1};
    if (number == 0)
        return d;
    if (!short_decimal(number, &d))
        long_decimal(number, &d);
    while (d.digits[d.n - 1] == '0')
        d.n--;
    return d;
}

static char *put_digits(char *to, const struct decimal *d, int from, int end)
{
    for (int i = from; i < end; i++)
        *to++ = i >= 0 && i < d->n ? d->digits[i] : '0';
    return to;
}

/* 123.45, 0.001, 5.0: at least one digit on either side of the point. */
static char *put_plain(char *to, const struct decimal *d)
{
    to = put_digits(to, d, d->point < 1 ? d->point - 1 : 0, d->point);
    *to++ = '.';
    return put_digits(to, d, d->point, d->n > d->point ? d->n : d->point + 1);
}

/* 1e+21, 1.5e-7 */
static char *put_exponent(char *to, const struct decimal *d)
{
    to = put_digits(to, d, 0, 1);
    if (d->n > 1) {
        *to++ = '.';
        to = put_digits(to, d, 1, d->n);
    }
    return to + snprintf(to, 7, "e%+d", d->point - 1);
}

size_t kb_json_real_text(char out[KB_JSON_REAL_MAX], double number)
{
    char *to = out;
    if (isnan(number)) {
        memcpy(out, "NaN", 3);
        return 3;
    }
    if (signbit(number))
        *to++ = '-';
    if (isinf(number)) {
        memcpy(to, "Infinity", 8);
        return (size_t)(to + 8 - out);
    }
    struct decimal d = to_decimal(fabs(number));
    to = d.point > 21 || d.point < -5 ? put_exponent(to, &d) : put_plain(to, &d);
    return (size_t)(to - out);
}

void kb_json_real(struct kb_buf *out, double number)
{
    char text[KB_JSON_REAL_MAX];
    struct kb_slice slice = {text, kb_json_real_text(text, number)};
    if (isfinite(number))
        kb_buf_add(out, slice);
    else
        kb_json_string(out, slice);
}
