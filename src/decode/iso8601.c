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
    int64_t of_era = days - era * 146097;
    int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
    int month = (int)((5 * of_year + 2) / 153);
    struct date date = {.year = year + era * 400,
        .day = (int)(of_year - (153 * month + 2) / 5 + 1),
        .month = month < 10 ? month + 3 : month - 9};
    date.year += date.month <= 2;
    return date;
}

static char *put_two(char *to, int number)
{
    *to++ = (char)('0' + number / 10);
    *to++ = (char)('0' + number % 10);
    return to;
}

/* Of the years that records have, without printf: it would cost as much as all else together. */
size_t kb_iso8601_date(char out[KB_ISO8601_MAX], int64_t days)
{
    struct date date = civil(days);
    if (date.year < 0 || date.year > 9999)
        return (size_t)snprintf(
            out, KB_ISO8601_MAX, "%+07lld-%02d-%02d", (long long)date.year, date.month, date.day);
    char *to = put_two(put_two(out, (int)date.year / 100), (int)date.year % 100);
    *to++ = '-';
    to = put_two(to, date.month);
    *to++ = '-';
    return (size_t)(put_two(to, date.day) - out);
}

static int fraction_digits(uint32_t per_second)
{
    int digits = 0;
    for (; per_second > 1; per_second /= 10)
        digits++;
    return digits;
}

static size_t put_time(char *out, size_t room, int64_t seconds, uint32_t fraction, int digits)
{
    return (size_t)snprintf(out, room, "%02d:%02d:%02d.%0*u", (int)(seconds / 3600),
        (int)(seconds / 60 % 60), (int)(seconds % 60), digits, fraction);
}

size_t kb_iso8601_time(char out[KB_ISO8601_MAX], int64_t ticks, uint32_t per_second)
{
    if (ticks < 0 || ticks >= (int64_t)DAY_SECONDS * per_second)
        return 0;
    return put_time(out, KB_ISO8601_MAX, ticks / per_second, (uint32_t)(ticks % per_second),
        fraction_digits(per_second));
}

size_t kb_iso8601_timestamp(char out[KB_ISO8601_MAX], int64_t ticks, uint32_t per_second, bool utc)
{
    int64_t seconds = ticks / per_second, fraction = ticks % per_second;
    if (fraction < 0) {
        fraction += per_second;
        seconds--;
    }
    int64_t days = seconds / DAY_SECONDS, of_day = seconds % DAY_SECONDS;
    if (of_day < 0) {
        of_day += DAY_SECONDS;
        days--;
    }
    size_t len = kb_iso8601_date(out, days);
    out[len++] = 'T';
    len += put_time(
        out + len, KB_ISO8601_MAX - len, of_day, (uint32_t)fraction, fraction_digits(per_second));
    if (utc)
        out[len++] = 'Z';
    return len;
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
