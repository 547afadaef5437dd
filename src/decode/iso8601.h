/* Dates and times as ISO 8601 text, from the numbers that formats carry. Proleptic Gregorian
 * calendar, no leap seconds, no zone but UTC. Fractions have the digits of their unit, 3, 6 or 9.
 * Years beyond 0000 to 9999 have a sign and six digits, the expanded form that JavaScript reads.
 *
 *     char text[KB_ISO8601_MAX];
 *     size_t len = kb_iso8601_timestamp(text, 1714564800123, 1000, true);   // no NUL
 *         ... 2024-05-01T12:00:00.123Z
 *
 * Thread: any, no state. */
#ifndef KB_DECODE_ISO8601_H
#define KB_DECODE_ISO8601_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KB_ISO8601_MAX 48

size_t kb_iso8601_date(char out[KB_ISO8601_MAX], int64_t days); /* since 1970-01-01 */
/* Of a day; 0 = it is none: negative, or a day or more. */
size_t kb_iso8601_time(char out[KB_ISO8601_MAX], int64_t ticks, uint32_t per_second);
size_t kb_iso8601_timestamp(char out[KB_ISO8601_MAX], int64_t ticks, uint32_t per_second, bool utc);
/* UTC, with 0, 3, 6 or 9 digits of a fraction: as few as tell it all. `nanos` is below 10^9. */
size_t kb_iso8601_instant(char out[KB_ISO8601_MAX], int64_t seconds, uint32_t nanos);
/* That fraction alone: ".120", or nothing. Up to ten characters; the place behind them. */
char *kb_iso8601_fraction(char *to, uint32_t nanos);
size_t kb_iso8601_duration(
    char out[KB_ISO8601_MAX], uint32_t months, uint32_t days, uint32_t milliseconds);

#endif
