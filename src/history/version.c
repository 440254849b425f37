/* Comparing versions number by number, and versions as moments. */
#include "history/version.h"

#include <stdio.h>
#include <string.h>

#include "base/fs.h"

/* One number of a version. */
struct number {
    const char *first; /* the first digit that is not a leading zero */
    size_t digits;     /* from there on; 0 when the number is zero */
    size_t zeros;      /* leading ones */
};

/*
 * Reads the next number and moves past it; at the end it is zero, so that 1 and 1.0 are equal, as
 * they are for Flyway.
 *
 * diesel writes 20190226002946 and 2019-02-26-002946 and 2019-02-26-002946-0000 in one history: a
 * hyphen joins digits until there are 14, and separates from then on.
 */
static struct number number_next(const char **at)
{
    struct number number = {.first = *at};
    const char *c = *at;
    while (*c != '\0' && !ascii_digit(*c))
        c++;
    for (size_t total = 0;; c++) {
        if (*c == '-' && total < DATE_DIGITS && ascii_digit(c[1]))
            continue;
        if (!ascii_digit(*c))
            break;
        total++;
        if (number.digits == 0 && *c == '0') {
            number.zeros++;
            continue;
        }
        if (number.digits++ == 0)
            number.first = c;
    }
    *at = c;
    return number;
}

/* diesel takes versions as text, so that a set-up of 15 zeros comes after the one of 14. */
static size_t zero_rank(const struct number *number)
{
    return number->zeros > DATE_DIGITS ? number->zeros - DATE_DIGITS : 0;
}

static int compare_sizes(size_t a, size_t b)
{
    return (a > b) - (a < b);
}

static int number_compare(const struct number *a, const struct number *b)
{
    if (a->digits != b->digits)
        return compare_sizes(a->digits, b->digits);
    if (a->digits == 0)
        return compare_sizes(zero_rank(a), zero_rank(b));
    const char *x = a->first, *y = b->first;
    for (size_t i = 0; i < a->digits; i++, x++, y++) {
        while (*x == '-')
            x++;
        while (*y == '-')
            y++;
        if (*x != *y)
            return *x < *y ? -1 : 1;
    }
    return 0;
}

int version_compare(const char *a, const char *b)
{
    while (*a != '\0' || *b != '\0') {
        const struct number x = number_next(&a), y = number_next(&b);
        const int order = number_compare(&x, &y);
        if (order != 0)
            return order;
    }
    return 0;
}

int name_compare(const char *version_a, const char *id_a, const char *version_b, const char *id_b)
{
    const int order = version_compare(version_a, version_b);
    return order != 0 ? order : strcmp(id_a, id_b);
}

static int decimal(const char *digits, size_t len)
{
    int value = 0;
    for (size_t i = 0; i < len; i++)
        value = value * 10 + (digits[i] - '0');
    return value;
}

static struct civil civil_from_digits(const char digits[DATE_DIGITS])
{
    return (struct civil){.year = decimal(digits, 4),
                          .month = decimal(digits + 4, 2),
                          .day = decimal(digits + 6, 2),
                          .hour = decimal(digits + 8, 2),
                          .minute = decimal(digits + 10, 2),
                          .second = decimal(digits + 12, 2)};
}

bool version_civil(const char *version, struct civil *ret)
{
    char digits[DATE_DIGITS];
    size_t count = 0;
    for (const char *c = version; count < DATE_DIGITS; c++) {
        if (ascii_digit(*c))
            digits[count++] = *c;
        else if (*c != '-')
            return false;
    }
    *ret = civil_from_digits(digits);
    return true;
}

/* Digits that fit a signed 64-bit number. */
static bool digits_value(const char *digits, size_t len, int64_t *ret)
{
    if (len == 0 || len > 18)
        return false;
    int64_t value = 0;
    for (size_t i = 0; i < len; i++)
        value = value * 10 + (digits[i] - '0');
    *ret = value;
    return true;
}

/* More digits than a date and a time have: fractions of a second, where none belong. */
static bool too_precise(const char *version)
{
    size_t digits = 0;
    while (digits < DATE_DIGITS && *version != '\0')
        digits += ascii_digit(*version++);
    return ascii_digit(*version);
}

bool version_epoch_s(enum naming naming, const char *version, int64_t *ret)
{
    struct civil civil;
    switch (naming) {
    case NAMING_EPOCH:
    case NAMING_LOGTO: {
        const size_t len = strspn(version, "0123456789");
        return len <= EPOCH_DIGITS && digits_value(version, len, ret);
    }
    case NAMING_TIMESTAMP:
    case NAMING_FOLDER:
        if (!version_civil(version, &civil) || !civil_valid(&civil) || too_precise(version))
            return false;
        *ret = civil_to_epoch_s(&civil);
        return true;
    case NAMING_FLYWAY:
    case NAMING_SEQUENCE:
        break;
    }
    return false;
}

/* Dates of software that has migrations; a misread number falls outside. */
static bool plausible(const struct civil *civil)
{
    return civil_valid(civil) && civil->year >= 1980 && civil->year <= 2100;
}

static bool moment_of_date(const char *digits, size_t len, int64_t *ret_epoch_s,
                           const char **ret_unit)
{
    static const struct {
        size_t digits;
        const char *unit;
    } forms[] = {{8, "a date without a time"},
                 {12, "a date and time without seconds"},
                 {DATE_DIGITS, "a date and time"}};
    char full[DATE_DIGITS];
    const size_t used = len < DATE_DIGITS ? len : DATE_DIGITS;
    memset(full, '0', sizeof full);
    memcpy(full, digits, used);
    const struct civil civil = civil_from_digits(full);
    if (!plausible(&civil))
        return false;
    const char *unit = len > DATE_DIGITS ? "a date and time with parts of a second" : NULL;
    for (size_t i = 0; i < COUNT_OF(forms); i++)
        if (forms[i].digits == len)
            unit = forms[i].unit;
    if (unit == NULL)
        return false;
    *ret_epoch_s = civil_to_epoch_s(&civil);
    *ret_unit = unit;
    return true;
}

static bool moment_of_clock(const char *digits, size_t len, int64_t *ret_epoch_s,
                            const char **ret_unit)
{
    static const struct {
        size_t digits;
        const char *unit;
    } clocks[] = {{EPOCH_DIGITS, "seconds since 1970"},
                  {13, "milliseconds"},
                  {16, "microseconds"},
                  {19, "nanoseconds"}};
    for (size_t i = 0; i < COUNT_OF(clocks); i++) {
        if (clocks[i].digits != len || !digits_value(digits, EPOCH_DIGITS, ret_epoch_s))
            continue;
        const struct civil civil = civil_from_epoch_s(*ret_epoch_s);
        *ret_unit = clocks[i].unit;
        return plausible(&civil);
    }
    return false;
}

bool version_moment(const char *digits, size_t len, int64_t *ret_epoch_s, const char **ret_unit)
{
    return moment_of_date(digits, len, ret_epoch_s, ret_unit) ||
           moment_of_clock(digits, len, ret_epoch_s, ret_unit);
}

bool version_format(enum naming naming, int64_t epoch_s, char ret[VERSION_BYTES])
{
    const struct civil c = civil_from_epoch_s(epoch_s);
    if (!civil_valid(&c) || naming == NAMING_FLYWAY || naming == NAMING_SEQUENCE)
        return false;
    const bool seconds = naming == NAMING_EPOCH || naming == NAMING_LOGTO;
    if (seconds && (epoch_s < 0 || epoch_s > 9999999999))
        return false;
    if (seconds)
        (void)snprintf(ret, VERSION_BYTES, "%010lld", (long long)epoch_s);
    else
        (void)snprintf(ret, VERSION_BYTES, "%04d%02d%02d%02d%02d%02d", c.year % 10000,
                       c.month % 100, c.day % 100, c.hour % 100, c.minute % 100, c.second % 100);
    return true;
}

bool version_meant_date(char digits[DATE_DIGITS])
{
    char text[VERSION_BYTES];
    const struct civil written = civil_from_digits(digits);
    struct civil meant = written;
    if (written.month > 12) {
        meant.month = written.day;
        meant.day = written.month;
    }
    /* A date that exists, whatever the time says. */
    const struct civil day = {.year = meant.year, .month = meant.month, .day = meant.day};
    if (!civil_valid(&day) || !version_format(NAMING_TIMESTAMP, civil_to_epoch_s(&meant), text))
        return false;
    memcpy(digits, text, DATE_DIGITS);
    return true;
}

/* The decimal number plus one, in the same width where it fits. */
static char *incremented(struct arena *arena, const char *digits, size_t len)
{
    char *next = arena_alloc(arena, len + 2);
    if (next == NULL)
        return NULL;
    memcpy(next + 1, digits, len);
    size_t i = len;
    while (i > 0 && next[i] == '9')
        next[i--] = '0';
    if (i > 0) {
        next[i]++;
        return next + 1;
    }
    next[0] = '1';
    return next;
}

/* The clock's version, or one second after the newest where that lies ahead of the clock. */
static char *next_moment(struct arena *arena, enum naming naming, const char *newest,
                         int64_t now_epoch_s, struct err *err)
{
    char version[VERSION_BYTES];
    int64_t newest_epoch_s = 0, epoch_s = now_epoch_s;
    if (newest != NULL && version_epoch_s(naming, newest, &newest_epoch_s) &&
        newest_epoch_s >= epoch_s && version_format(naming, newest_epoch_s + 1, version))
        epoch_s = newest_epoch_s + 1;
    if (!version_format(naming, epoch_s, version)) {
        (void)err_set(err, ERR_USAGE, "the clock shows a year that no version can hold");
        return NULL;
    }
    const bool dashed = newest != NULL && naming == NAMING_FOLDER && strchr(newest, '-') != NULL;
    char *text = dashed ? arena_printf(arena, "%.4s-%.2s-%.2s-%.6s", version, version + 4,
                                       version + 6, version + 8)
                        : arena_strdup(arena, version);
    if (text == NULL)
        (void)err_nomem(err);
    return text;
}

char *version_next(struct arena *arena, enum naming naming, const char *newest, int64_t now_epoch_s,
                   struct err *err)
{
    char *next = NULL;
    if (naming != NAMING_SEQUENCE && naming != NAMING_FLYWAY) {
        next = next_moment(arena, naming, newest, now_epoch_s, err);
        if (next == NULL)
            return NULL;
    } else {
        next = newest == NULL ? arena_strdup(arena, naming == NAMING_SEQUENCE ? "000001" : "1")
                              : incremented(arena, newest, strspn(newest, "0123456789"));
        if (next == NULL) {
            (void)err_nomem(err);
            return NULL;
        }
    }
    if (newest == NULL || version_compare(next, newest) > 0)
        return next;
    const char *const shown = fs_printable(arena, newest);
    if (shown == NULL)
        (void)err_nomem(err);
    else
        (void)err_set(err, ERR_USAGE, "no version of scheme \"%s\" comes after \"%s\"",
                      naming_name(naming), shown);
    return NULL;
}
