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

/* What the two widths differ in. */
struct width {
    double whole_max;      /* integers up to here are short: few enough digits to be exact */
    double normal;         /* below, numbers are coarser and need fewer digits */
    int at_least, at_most; /* digits behind the first that may be needed to read back */
    bool is_float;
};
static const struct width width_double = {1e15, DBL_MIN, 14, 16, false};
static const struct width width_float = {1e7, FLT_MIN, 5, 8, true};

/* number = whole / 10^places for a few places, exactly as it reads back? The quotient of two such
 * integers is rounded correctly, so equality proves it; seven digits are too few for a second
 * rounding, to a float, to go astray. */
static bool short_decimal(double number, const struct width *width, struct decimal *out)
{
    double power = 1;
    for (int places = 0; places <= 6; places++, power *= 10) {
        double whole = nearbyint(number * power);
        if (whole >= width->whole_max)
            return false;
        double back = whole / power;
        if (width->is_float ? (float)back != (float)number : back != number)
            continue;
        out->n = snprintf(out->digits, sizeof(out->digits), "%" PRId64, (int64_t)whole);
        out->point = out->n - places;
        return true;
    }
    return false;
}

static bool reads_back(const char *text, double number, const struct width *width)
{
    return width->is_float ? strtof(text, NULL) == (float)number : strtod(text, NULL) == number;
}

/* The fewest digits that read back: 15, 16 or 17 of a double, 6 to 9 of a float, as none of the few
 * was short; down to one below the normal range. */
static void long_decimal(double number, const struct width *width, struct decimal *out)
{
    char text[40];
    for (int behind = number < width->normal ? 0 : width->at_least; behind <= width->at_most;
         behind++) {
        snprintf(text, sizeof(text), "%.*e", behind, number);
        if (reads_back(text, number, width))
            break;
    }
    out->n = 0;
    const char *p = text;
    for (; *p != 'e'; p++)
        if (*p >= '0' && *p <= '9')
            out->digits[out->n++] = *p;
    out->point = (int)strtol(p + 1, NULL, 10) + 1;
}

static struct decimal to_decimal(double number, const struct width *width)
{
    struct decimal d = {.point = 1};
    if (number == 0)
        return d;
    if (!short_decimal(number, width, &d))
        long_decimal(number, width, &d);
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

static size_t real_text(char out[KB_JSON_REAL_MAX], double number, const struct width *width)
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
    struct decimal d = to_decimal(fabs(number), width);
    to = d.point > 21 || d.point < -5 ? put_exponent(to, &d) : put_plain(to, &d);
    return (size_t)(to - out);
}

size_t kb_json_real_text(char out[KB_JSON_REAL_MAX], double number)
{
    return real_text(out, number, &width_double);
}

size_t kb_json_float_text(char out[KB_JSON_REAL_MAX], float number)
{
    return real_text(out, (double)number, &width_float);
}

void kb_emit_float(struct kb_events *sink, float number)
{
    char text[KB_JSON_REAL_MAX];
    struct kb_slice slice = {text, kb_json_float_text(text, number)};
    if (isfinite(number))
        kb_emit_number(sink, slice);
    else
        kb_emit_string(sink, slice);
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
