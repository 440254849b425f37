/* Clocks, civil dates and durations. */
#include "base/clock.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/str.h"

int64_t clock_monotonic_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail on Linux */
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t clock_utc_us(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now); /* cannot fail on Linux */
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static int days_in_month(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return month == 2 && leap ? 29 : days[month - 1];
}

bool civil_valid(const struct civil *c)
{
    return c->year >= 1 && c->year <= 9999 && c->month >= 1 && c->month <= 12 && c->day >= 1 &&
           c->day <= days_in_month(c->year, c->month) && c->hour >= 0 && c->hour <= 23 &&
           c->minute >= 0 && c->minute <= 59 && c->second >= 0 && c->second <= 59;
}

int64_t civil_to_epoch_s(const struct civil *c)
{
    struct tm tm = {.tm_year = c->year - 1900,
                    .tm_mon = c->month - 1,
                    .tm_mday = c->day,
                    .tm_hour = c->hour,
                    .tm_min = c->minute,
                    .tm_sec = c->second};
    return timegm(&tm);
}

struct civil civil_from_epoch_s(int64_t epoch_s)
{
    const time_t seconds = (time_t)epoch_s;
    struct tm tm;
    if (gmtime_r(&seconds, &tm) == NULL)
        return (struct civil){0}; /* a year that no int holds: not valid, and seen as such */
    return (struct civil){tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday,
                          tm.tm_hour,        tm.tm_min,     tm.tm_sec};
}

static void format_utc(int64_t utc_us, char between, bool with_us, char ret[CLOCK_ISO_BYTES])
{
    int64_t seconds = utc_us / 1000000, us = utc_us % 1000000;
    if (us < 0) {
        us += 1000000;
        seconds--;
    }
    const struct civil c = civil_from_epoch_s(seconds);
    char fraction[16] = "";
    if (with_us)
        (void)snprintf(fraction, sizeof fraction, ".%06d", (int)us);
    (void)snprintf(ret, CLOCK_ISO_BYTES, "%04d-%02d-%02d%c%02d:%02d:%02d%sZ", c.year % 10000,
                   c.month, c.day, between, c.hour, c.minute, c.second, fraction);
}

void clock_format_us(int64_t utc_us, char ret[CLOCK_ISO_BYTES])
{
    format_utc(utc_us, 'T', true, ret);
}

void clock_format_s(int64_t utc_us, char ret[CLOCK_ISO_BYTES])
{
    format_utc(utc_us, ' ', false, ret);
}

void clock_format_compact(int64_t utc_us, char ret[CLOCK_ISO_BYTES])
{
    char at[CLOCK_ISO_BYTES];
    size_t len = 0;
    clock_format_us(utc_us, at);
    for (const char *c = at; *c != '\0' && *c != '.'; c++)
        if (*c != '-' && *c != ':')
            ret[len++] = *c;
    ret[len++] = 'Z';
    ret[len] = '\0';
}

/* Exactly so many digits; NULL when they are not there. */
static const char *read_digits(const char *text, size_t count, int *ret)
{
    *ret = 0;
    for (size_t i = 0; i < count; i++) {
        if (!ascii_digit(text[i]))
            return NULL;
        *ret = *ret * 10 + (text[i] - '0');
    }
    return text + count;
}

static const char *read_mark(const char *text, const char *marks)
{
    return text != NULL && *text != '\0' && strchr(marks, *text) != NULL ? text + 1 : NULL;
}

static const char *read_number(const char *text, size_t count, int *ret)
{
    return text != NULL ? read_digits(text, count, ret) : NULL;
}

static const char *read_fraction(const char *text, int64_t *ret_us)
{
    int64_t us = 0;
    size_t digits = 0;
    for (; ascii_digit(text[digits]); digits++)
        if (digits < 6)
            us = us * 10 + (text[digits] - '0');
    for (size_t i = digits; i < 6; i++)
        us *= 10;
    *ret_us = us;
    return digits > 0 && digits <= 6 ? text + digits : NULL;
}

/* Z, or the distance from UTC; nothing may follow. */
static bool read_zone(const char *text, int64_t *ret_s)
{
    int hours = 0, minutes = 0;
    *ret_s = 0;
    if (strcmp(text, "Z") == 0 || strcmp(text, "z") == 0)
        return true;
    const bool behind = *text == '-';
    text = read_number(read_mark(text, "+-"), 2, &hours);
    if (text != NULL && *text != '\0')
        text = read_digits(*text == ':' ? text + 1 : text, 2, &minutes);
    if (text == NULL || *text != '\0' || hours > 15 || minutes > 59)
        return false;
    *ret_s = (behind ? -1 : 1) * ((int64_t)hours * 60 + minutes) * 60;
    return true;
}

bool clock_parse_iso_us(const char *text, int64_t *ret_utc_us)
{
    struct civil c = {0};
    int64_t us = 0, zone_s = 0;
    text = read_mark(read_digits(text, 4, &c.year), "-");
    text = read_mark(read_number(text, 2, &c.month), "-");
    text = read_mark(read_number(text, 2, &c.day), "Tt ");
    text = read_mark(read_number(text, 2, &c.hour), ":");
    text = read_number(text, 2, &c.minute);
    if (text != NULL && *text == ':')
        text = read_digits(text + 1, 2, &c.second);
    if (text != NULL && *text == '.')
        text = read_fraction(text + 1, &us);
    if (text == NULL || !read_zone(text, &zone_s) || !civil_valid(&c))
        return false;
    *ret_utc_us = (civil_to_epoch_s(&c) - zone_s) * 1000000 + us;
    return true;
}

struct unit {
    const char *name;
    int64_t ms;
};

/* Longest first: the formatter takes the first that divides. */
static const struct unit units[] = {
    {"d", 86400000}, {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1},
};

bool clock_parse_duration_ms(const char *text, int64_t *ret_ms)
{
    int64_t number = 0;
    size_t i = 0;
    for (; ascii_digit(text[i]); i++) {
        if (i >= 12)
            return false;
        number = number * 10 + (text[i] - '0');
    }
    if (i == 0)
        return false;
    if (text[i] == '\0' && number == 0) {
        *ret_ms = 0;
        return true;
    }
    for (size_t u = 0; u < COUNT_OF(units); u++)
        if (strcmp(text + i, units[u].name) == 0 && number <= INT64_MAX / 1000 / units[u].ms) {
            *ret_ms = number * units[u].ms;
            return true;
        }
    return false;
}

void clock_format_duration_ms(int64_t ms, char ret[CLOCK_ISO_BYTES])
{
    size_t u = 0;
    while (ms % units[u].ms != 0)
        u++;
    if (ms == 0)
        (void)snprintf(ret, CLOCK_ISO_BYTES, "0");
    else
        (void)snprintf(ret, CLOCK_ISO_BYTES, "%lld%s", (long long)(ms / units[u].ms),
                       units[u].name);
}

void clock_format_elapsed_ms(int64_t ms, char ret[CLOCK_ISO_BYTES])
{
    const long long s = ms / 1000, min = s / 60, h = min / 60;
    if (ms < 1000)
        (void)snprintf(ret, CLOCK_ISO_BYTES, "%lld ms", (long long)ms);
    else if (s < 60)
        (void)snprintf(ret, CLOCK_ISO_BYTES, "%lld.%lld s", s, (long long)(ms % 1000 / 100));
    else if (min < 60)
        (void)snprintf(ret, CLOCK_ISO_BYTES, "%lld min %lld s", min, s % 60);
    else if (h < 24)
        (void)snprintf(ret, CLOCK_ISO_BYTES, "%lld h %lld min", h, min % 60);
    else
        (void)snprintf(ret, CLOCK_ISO_BYTES, "%lld d %lld h", h / 24, h % 24);
}
