/* Doubles and floats as text, laid out as JavaScript does; see json.h. */
#include "value/json.h"
#include "value/shortest.h"

#include <math.h>

/* 0.DIGITS * 10^point, the first and last digit not 0. Zero has no digits and point 1. */
struct decimal {
    char digits[KB_I64_MAX];
    int n, point;
};

static void to_decimal(struct kb_shortest number, struct decimal *out)
{
    out->n = (int)(kb_i64_put(out->digits, (int64_t)number.digits) - out->digits);
    out->point = out->n + number.exponent;
    while (out->digits[out->n - 1] == '0')
        out->n--;
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
    *to++ = 'e';
    if (d->point > 0)
        *to++ = '+';
    return kb_i64_put(to, d->point - 1);
}

/* The sign, and what is no number; false: the digits are still to come. */
static bool put_head(char **to, double number)
{
    if (isnan(number)) {
        memcpy(*to, "NaN", 3);
        *to += 3;
        return true;
    }
    if (signbit(number))
        *(*to)++ = '-';
    if (!isinf(number))
        return false;
    memcpy(*to, "Infinity", 8);
    *to += 8;
    return true;
}

static char *put_decimal(char *to, const struct decimal *d)
{
    return d->point > 21 || d->point < -5 ? put_exponent(to, d) : put_plain(to, d);
}

size_t kb_json_real_text(char out[KB_JSON_REAL_MAX], double number)
{
    char *to = out;
    struct decimal d = {.point = 1};
    if (put_head(&to, number))
        return (size_t)(to - out);
    if (number != 0)
        to_decimal(kb_shortest_double(fabs(number)), &d);
    return (size_t)(put_decimal(to, &d) - out);
}

size_t kb_json_float_text(char out[KB_JSON_REAL_MAX], float number)
{
    char *to = out;
    struct decimal d = {.point = 1};
    if (put_head(&to, (double)number))
        return (size_t)(to - out);
    if (number != 0)
        to_decimal(kb_shortest_float(fabsf(number)), &d);
    return (size_t)(put_decimal(to, &d) - out);
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
