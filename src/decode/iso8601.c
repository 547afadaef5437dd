/* See iso8601.h. */
#include "decode/iso8601.h"

#include <stdio.h>

#define DAY_SECONDS 86400

struct date {
    int64_t year;
    int month, day;
};

/* By 400-year cycles of 146097 days that begin on the first of March. */
static struct date civil(int64_t days)
{
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    uint32_t of_era = (uint32_t)(days - era * 146097);
    uint32_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    uint32_t of_year = of_era - (365 * year + year / 4 - year / 100);
    uint32_t month = (5 * of_year + 2) / 153;
    struct date date = {.year = (int64_t)year + era * 400,
        .day = (int)(of_year - (153 * month + 2) / 5 + 1),
        .month = (int)(month < 10 ? month + 3 : month - 9)};
    date.year += date.month <= 2;
    return date;
}

/* By hand: printf would cost as much as all else of a record together. */
static inline char *put_two(char *to, uint32_t number)
{
    to[0] = (char)('0' + number / 10);
    to[1] = (char)('0' + number % 10);
    return to + 2;
}

static char *put_date(char *to, int64_t days)
{
    struct date date = civil(days);
    if (date.year < 0 || date.year > 9999)
        return to + snprintf(to, KB_ISO8601_MAX, "%+07lld-%02d-%02d", (long long)date.year,
                        date.month, date.day);
    to = put_two(put_two(to, (uint32_t)date.year / 100), (uint32_t)date.year % 100);
    *to++ = '-';
    to = put_two(to, (uint32_t)date.month);
    *to++ = '-';
    return put_two(to, (uint32_t)date.day);
}

size_t kb_iso8601_date(char out[KB_ISO8601_MAX], int64_t days)
{
    return (size_t)(put_date(out, days) - out);
}

static char *put_fraction(char *to, uint32_t fraction, int digits)
{
    if (digits == 0)
        return to;
    *to = '.';
    for (int i = digits; i > 0; i--, fraction /= 10)
        to[i] = (char)('0' + fraction % 10);
    return to + 1 + digits;
}

static char *put_time(char *to, uint32_t of_day, uint32_t fraction, int digits)
{
    to = put_two(to, of_day / 3600);
    *to++ = ':';
    to = put_two(to, of_day / 60 % 60);
    *to++ = ':';
    to = put_two(to, of_day % 60);
    return put_fraction(to, fraction, digits);
}

static int digits_of(uint32_t per_second)
{
    int digits = 0;
    for (; per_second > 1; per_second /= 10)
        digits++;
    return digits;
}

size_t kb_iso8601_time(char out[KB_ISO8601_MAX], int64_t ticks, uint32_t per_second)
{
    if (ticks < 0 || ticks >= (int64_t)DAY_SECONDS * per_second)
        return 0;
    uint32_t of_day = (uint32_t)(ticks / per_second), fraction = (uint32_t)(ticks % per_second);
    return (size_t)(put_time(out, of_day, fraction, digits_of(per_second)) - out);
}

static char *put_timestamp(char *to, int64_t seconds, uint32_t fraction, int digits)
{
    int64_t days = seconds / DAY_SECONDS, of_day = seconds % DAY_SECONDS;
    if (of_day < 0) {
        of_day += DAY_SECONDS;
        days--;
    }
    to = put_date(to, days);
    *to++ = 'T';
    return put_time(to, (uint32_t)of_day, fraction, digits);
}

size_t kb_iso8601_timestamp(char out[KB_ISO8601_MAX], int64_t ticks, uint32_t per_second, bool utc)
{
    int64_t seconds = ticks / per_second, fraction = ticks % per_second;
    if (fraction < 0) {
        fraction += per_second;
        seconds--;
    }
    char *to = put_timestamp(out, seconds, (uint32_t)fraction, digits_of(per_second));
    if (utc)
        *to++ = 'Z';
    return (size_t)(to - out);
}

/* The most digits that nanoseconds need: 0, 3, 6 or 9. */
static int shorten(uint32_t *nanos)
{
    int digits = *nanos == 0 ? 0 : 9;
    for (; digits > 3 && *nanos % 1000 == 0; digits -= 3)
        *nanos /= 1000;
    return digits;
}

size_t kb_iso8601_instant(char out[KB_ISO8601_MAX], int64_t seconds, uint32_t nanos)
{
    int digits = shorten(&nanos);
    char *to = put_timestamp(out, seconds, nanos, digits);
    *to++ = 'Z';
    return (size_t)(to - out);
}

char *kb_iso8601_fraction(char *to, uint32_t nanos)
{
    int digits = shorten(&nanos);
    return put_fraction(to, nanos, digits);
}

size_t kb_iso8601_duration(
    char out[KB_ISO8601_MAX], uint32_t months, uint32_t days, uint32_t milliseconds)
{
    int len = snprintf(out, KB_ISO8601_MAX, "P");
    if (months > 0)
        len += snprintf(out + len, KB_ISO8601_MAX - (size_t)len, "%uM", months);
    if (days > 0)
        len += snprintf(out + len, KB_ISO8601_MAX - (size_t)len, "%uD", days);
    if (milliseconds % 1000 > 0)
        len += snprintf(out + len, KB_ISO8601_MAX - (size_t)len, "T%u.%03uS", milliseconds / 1000,
            milliseconds % 1000);
    else if (milliseconds > 0 || len == 1)
        len += snprintf(out + len, KB_ISO8601_MAX - (size_t)len, "T%uS", milliseconds / 1000);
    return (size_t)len;
}
