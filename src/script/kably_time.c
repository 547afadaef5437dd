/* kably.time; see kably_library.h. ISO 8601 in UTC, by the proleptic Gregorian calendar. */
#include "base/clock.h"
#include "script/kably_library.h"
#include "script/lua_state.h"

#include <lauxlib.h>
#include <stdbool.h>
#include <stdio.h>

#define DAY_MS INT64_C(86400000)
#define FIRST_DAY INT64_C(-719528) /* 0000-01-01; the last is 9999-12-31 */
#define LAST_DAY INT64_C(2932896)
#define TEXT_MAX 64  /* with more digits of a second than any clock has */
#define ISO_COST 300 /* of kb_script_charge's units */

/* Days since 1970-01-01. A year that begins in March has its leap day at its end. */
static int64_t days_of(int64_t year, int64_t month, int64_t day)
{
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t of_era = year - era * 400;
    int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static void date_of(int64_t days, int *year, int *month, int *day)
{
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    int64_t of_era = days - era * 146097;
    int64_t y = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * y + y / 4 - y / 100);
    int64_t m = (5 * of_year + 2) / 153;
    *day = (int)(of_year - (153 * m + 2) / 5 + 1);
    *month = (int)(m < 10 ? m + 3 : m - 9);
    *year = (int)(y + era * 400 + (*month <= 2));
}

static int now(lua_State *L)
{
    lua_pushinteger(L, kb_system_wall_ms());
    return 1;
}

/* 2026-11-27T03:57:10.123Z */
static int iso(lua_State *L)
{
    lua_Integer ms = luaL_checkinteger(L, 1);
    kb_script_charge(L, ISO_COST);
    int year, month, day;
    char text[64];
    luaL_argcheck(L, ms >= FIRST_DAY * DAY_MS && ms < (LAST_DAY + 1) * DAY_MS, 1,
        "beyond the years 0 to 9999");
    int64_t days = ms / DAY_MS - (ms % DAY_MS < 0), rest = ms - days * DAY_MS;
    date_of(days, &year, &month, &day);
    int len = snprintf(text, sizeof(text), "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", year, month, day,
        (int)(rest / 3600000), (int)(rest / 60000 % 60), (int)(rest / 1000 % 60),
        (int)(rest % 1000));
    lua_pushlstring(L, text, (size_t)len);
    return 1;
}

/* So many digits, no sign; -1 where there are others. */
static int64_t take_digits(const char **p, int n)
{
    int64_t number = 0;
    for (int i = 0; i < n; i++, (*p)++) {
        if (**p < '0' || **p > '9')
            return -1;
        number = number * 10 + (**p - '0');
    }
    return number;
}

static bool take(const char **p, char c)
{
    bool there = **p == c;
    *p += there;
    return there;
}

static bool take_date(const char **p, int64_t *ms)
{
    static const int lengths[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int64_t year = take_digits(p, 4), month, day;
    if (year < 0 || !take(p, '-') || (month = take_digits(p, 2)) < 1 || month > 12 ||
        !take(p, '-') || (day = take_digits(p, 2)) < 1 || day > lengths[month - 1])
        return false;
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    *ms = days_of(year, month, day) * DAY_MS;
    return month != 2 || day < 29 || leap;
}

static bool take_time(const char **p, int64_t *ms)
{
    int64_t hour = take_digits(p, 2), minute, second;
    if (hour < 0 || hour > 23 || !take(p, ':') || (minute = take_digits(p, 2)) < 0 || minute > 59 ||
        !take(p, ':') || (second = take_digits(p, 2)) < 0 || second > 60)
        return false;
    *ms += ((hour * 60 + minute) * 60 + second) * 1000;
    if (!take(p, '.'))
        return true;
    if (**p < '0' || **p > '9')
        return false;
    for (int64_t part = 100; **p >= '0' && **p <= '9'; (*p)++, part /= 10)
        *ms += part * (**p - '0');
    return true;
}

/* Z, or +02:00. */
static bool take_zone(const char **p, int64_t *ms)
{
    if (take(p, 'Z') || take(p, 'z'))
        return true;
    int sign = **p == '+' ? -1 : **p == '-' ? 1 : 0;
    if (sign == 0)
        return false;
    (*p)++;
    int64_t hour = take_digits(p, 2), minute;
    if (hour < 0 || hour > 23 || !take(p, ':') || (minute = take_digits(p, 2)) < 0 || minute > 59)
        return false;
    *ms += sign * (hour * 60 + minute) * 60000;
    return true;
}

/* A date, or a date and a time with its zone; nil for anything else. */
static int parse(lua_State *L)
{
    size_t len;
    const char *text = luaL_checklstring(L, 1, &len), *p = text, *end = text + len;
    int64_t ms;
    bool ok = len <= TEXT_MAX && take_date(&p, &ms);
    if (ok && p < end)
        ok = (take(&p, 'T') || take(&p, ' ')) && take_time(&p, &ms) && take_zone(&p, &ms) &&
             p == end;
    if (ok)
        lua_pushinteger(L, ms);
    else
        lua_pushnil(L);
    return 1;
}

void kb_script_push_time(lua_State *L)
{
    static const luaL_Reg time[] = {{"now", now}, {"iso", iso}, {"parse", parse}, {NULL, NULL}};
    luaL_newlib(L, time);
}
