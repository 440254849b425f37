/* The grammar of names: taking one apart, and saying what is wrong with it. */
#include <stdio.h>
#include <string.h>

#include "history/name_parts.h"
#include "history/version.h"

bool name_ends_with(const char *text, size_t len, const char *ending)
{
    const size_t ending_len = strlen(ending);
    return len >= ending_len &&
           span_is_nocase((struct span){text + len - ending_len, ending_len}, ending);
}

size_t name_len(const char *entry)
{
    size_t len = strlen(entry);
    while (len > 0 && (unsigned char)entry[len - 1] <= ' ')
        len--;
    return len;
}

static size_t ending_len(const char *entry, size_t len)
{
    static const char *const endings[] = {".down.sql", ".up.sql", ".sql"};
    for (size_t i = 0; i < COUNT_OF(endings); i++)
        if (name_ends_with(entry, len, endings[i]))
            return strlen(endings[i]);
    return 0;
}

/* How far the text looks like numbers joined by these characters. */
static size_t version_len(const char *text, size_t len, const char *joints)
{
    size_t i = 0;
    while (i < len &&
           (ascii_digit(text[i]) || (i > 0 && i + 1 < len && strchr(joints, text[i]) != NULL &&
                                     ascii_digit(text[i - 1]) && ascii_digit(text[i + 1]))))
        i++;
    return i;
}

static size_t prefix_len(enum naming naming, const char *text, size_t len)
{
    if (naming == NAMING_FLYWAY)
        return len > 0 && strchr("VURvur", text[0]) != NULL;
    if (naming != NAMING_LOGTO)
        return 0;
    const char *const hyphen = memchr(text, '-', len);
    return hyphen != NULL ? (size_t)(hyphen - text) + 1 : 0;
}

struct parts name_split(enum naming naming, const char *entry, size_t len)
{
    static const char *const joints[] = {
        [NAMING_TIMESTAMP] = "", [NAMING_EPOCH] = "",    [NAMING_LOGTO] = ".",
        [NAMING_FLYWAY] = "._",  [NAMING_SEQUENCE] = "", [NAMING_FOLDER] = "-",
    };
    const size_t end = scheme_of(naming)->folder ? len : len - ending_len(entry, len);
    const size_t version_at = prefix_len(naming, entry, end);
    const size_t separator_at =
        version_at + version_len(entry + version_at, end - version_at, joints[naming]);
    const size_t most = strlen(scheme_of(naming)->separator);
    size_t slug_at = separator_at;
    while (slug_at < end && slug_at - separator_at < most &&
           (entry[slug_at] == '_' || entry[slug_at] == '-'))
        slug_at++;
    return (struct parts){.prefix = {entry, version_at},
                          .version = {entry + version_at, separator_at - version_at},
                          .separator = {entry + separator_at, slug_at - separator_at},
                          .slug = {entry + slug_at, end - slug_at},
                          .ending = {entry + end, len - end}};
}

struct problem problem_say(const char *rule, const char *format, ...)
{
    struct problem problem = {.rule = rule};
    va_list args;
    va_start(args, format);
    (void)vsnprintf(problem.what, sizeof problem.what, format, args); /* cut short is fine */
    va_end(args);
    return problem;
}

static const struct problem no_problem = {0};

bool name_character(char c)
{
    return ascii_letter(c) || ascii_digit(c) || c == '_' || c == '-' || c == '.';
}

static struct problem check_characters(const char *entry, size_t len)
{
    size_t bad = 0;
    if (!utf8_valid(entry, len, &bad))
        return problem_say("name-characters", "the name is not valid UTF-8 at byte %zu", bad + 1);
    for (size_t i = 0; i < len; i++) {
        const unsigned char c = (unsigned char)entry[i];
        if (name_character(entry[i]))
            continue;
        if (c == ' ')
            return problem_say("name-characters", "the name has a space in it");
        if (c < ' ' || c == 0x7f)
            return problem_say("name-characters",
                               "the name has a control character in it (\\x%02x)", c);
        if (c >= 0x80)
            return problem_say("name-characters",
                               "the name has a character in it that is not ASCII, at byte %zu",
                               i + 1);
        return problem_say("name-characters",
                           "the name has \"%c\" in it: a name is ASCII letters, digits, \"_\", "
                           "\"-\" and \".\"",
                           c);
    }
    if (strstr(entry, "..") != NULL)
        return problem_say("name-characters", "the name has \"..\" in it");
    return no_problem;
}

/* Which part of the date does not exist. */
static struct problem check_calendar(const struct civil *c)
{
    char part[64];
    if (civil_valid(c))
        return no_problem;
    if (c->year < 1)
        (void)snprintf(part, sizeof part, "year %04d exists", c->year);
    else if (c->month < 1 || c->month > 12)
        (void)snprintf(part, sizeof part, "month %02d exists", c->month);
    else if (c->hour > 23)
        (void)snprintf(part, sizeof part, "hour %02d exists", c->hour);
    else if (c->minute > 59)
        (void)snprintf(part, sizeof part, "minute %02d exists", c->minute);
    else if (c->second > 59)
        (void)snprintf(part, sizeof part, "second %02d exists", c->second);
    else
        (void)snprintf(part, sizeof part, "day %02d exists in %04d-%02d", c->day, c->year,
                       c->month);
    return problem_say("name-date", "the version is not a date and time: no %s", part);
}

/* The version's digits with the hyphens left out; how many there are. */
size_t version_digits(struct span version, char *ret, size_t capacity)
{
    size_t count = 0;
    for (size_t i = 0; i < version.len && count < capacity; i++)
        if (ascii_digit(version.at[i]))
            ret[count++] = version.at[i];
    return count;
}

static struct problem wrong_precision(enum naming naming, const char *digits, size_t count)
{
    const bool seconds = naming == NAMING_EPOCH || naming == NAMING_LOGTO;
    const char *unit = NULL;
    int64_t epoch_s = 0;
    if (!version_moment(digits, count, &epoch_s, &unit))
        return problem_say("name-precision", "the version has %zu digits where %d belong", count,
                           seconds ? EPOCH_DIGITS : DATE_DIGITS);
    return problem_say("name-precision", "the version has %zu digits: %s where %s", count, unit,
                       seconds ? "seconds belong" : "a date and time of 14 digits belongs");
}

/* Digits, hyphens and dots as written: 14 digits, 4-2-2-6 digits, and diesel's newer 4-2-2-6-4. */
static bool date_shape(struct span version)
{
    static const char *const shapes[] = {"00000000000000", "0000-00-00-000000",
                                         "0000-00-00-000000-0000"};
    for (size_t s = 0; s < COUNT_OF(shapes); s++) {
        bool same = strlen(shapes[s]) == version.len;
        for (size_t i = 0; same && i < version.len; i++)
            same = ascii_digit(version.at[i]) == (shapes[s][i] == '0');
        if (same)
            return true;
    }
    return false;
}

static struct problem check_date_version(enum naming naming, struct span version)
{
    char digits[NAME_MAX_BYTES];
    const size_t count = version_digits(version, digits, sizeof digits);
    bool zeros = true;
    for (size_t i = 0; i < count; i++)
        zeros = zeros && digits[i] == '0';
    /* The set-up that comes before everything: diesel's 00000000000000, prisma's 0_init. */
    if (naming == NAMING_FOLDER && zeros && count == version.len)
        return no_problem;
    const bool hyphens = naming == NAMING_FOLDER && count != version.len;
    if (!hyphens && count != DATE_DIGITS)
        return wrong_precision(naming, digits, count);
    if (!date_shape(version))
        return problem_say("name-grammar",
                           "the version is not written as 20250703075850 or 2025-07-03-075850");
    struct civil civil;
    char text[DATE_DIGITS + 1];
    memcpy(text, digits, DATE_DIGITS); /* date_shape() has seen to 14 digits */
    text[DATE_DIGITS] = '\0';
    (void)version_civil(text, &civil); /* 14 digits always read */
    return check_calendar(&civil);
}

static struct problem check_epoch_version(enum naming naming, struct span version)
{
    const size_t count = version_len(version.at, version.len, "");
    /* Logto's first alteration has the version 1; six have a decimal fraction. */
    const bool one_number = version.len <= count + 1 ||
                            memchr(version.at + count + 1, '.', version.len - count - 1) == NULL;
    if (one_number && (count == EPOCH_DIGITS || (naming == NAMING_LOGTO && count == 1)))
        return no_problem;
    if (!one_number)
        return problem_say("name-grammar", "the version has more than one \".\"");
    return wrong_precision(naming, version.at, count);
}

struct problem name_check_version(enum naming naming, struct span version)
{
    switch (naming) {
    case NAMING_TIMESTAMP:
    case NAMING_FOLDER:
        return check_date_version(naming, version);
    case NAMING_EPOCH:
    case NAMING_LOGTO:
        return check_epoch_version(naming, version);
    case NAMING_FLYWAY:
    case NAMING_SEQUENCE:
        break;
    }
    return no_problem;
}

static struct problem check_prefix(enum naming naming, const struct parts *parts)
{
    if (naming == NAMING_FLYWAY && parts->prefix.len == 0)
        return problem_say("name-grammar", "the name does not start with V and a version, R__ or "
                                           "U and a version (callbacks and baselines are not run)");
    if (naming == NAMING_FLYWAY && strchr("VUR", parts->prefix.at[0]) == NULL)
        return problem_say("name-grammar", "the name starts with a small \"%c\"",
                           parts->prefix.at[0]);
    if (naming == NAMING_FLYWAY && parts->prefix.at[0] == 'R' && parts->version.len > 0)
        return problem_say("name-grammar", "a repeatable (R__) has no version");
    if (naming == NAMING_LOGTO && parts->prefix.len < 2)
        return problem_say("name-grammar",
                           "the name does not start with a release or \"next\" and a hyphen");
    return no_problem;
}

bool name_is_repeatable(enum naming naming, const struct parts *parts)
{
    return naming == NAMING_FLYWAY && parts->prefix.len == 1 &&
           ascii_lower(parts->prefix.at[0]) == 'r' && parts->version.len == 0;
}

static struct problem check_slug(enum naming naming, const struct parts *parts)
{
    const char *const separator = scheme_of(naming)->separator;
    if (!span_is(parts->separator, separator))
        return problem_say("name-grammar", "the version is not followed by \"%s\"", separator);
    /* prisma writes 20231203063921_ when nobody gave a name. */
    if (parts->slug.len == 0 && naming != NAMING_FOLDER)
        return problem_say("name-grammar", "nothing follows the version: a few words belong there");
    if (parts->slug.len > 0 && (parts->slug.at[0] == '-' || parts->slug.at[0] == '.'))
        return problem_say("name-grammar", "the words after the version start with \"%c\"",
                           parts->slug.at[0]);
    if (parts->slug.len > 0 && parts->slug.at[parts->slug.len - 1] == '.')
        return problem_say("name-grammar", "the words after the version end with \".\"");
    return no_problem;
}

static struct problem check_ending(enum naming naming, struct span ending)
{
    const struct scheme *const scheme = scheme_of(naming);
    if (scheme->folder || span_is(ending, ".sql") || (scheme->up && span_is(ending, ".up.sql")))
        return no_problem;
    if (span_is_nocase(ending, ".up.sql") && !scheme->up)
        return problem_say("name-grammar",
                           "names of scheme \"%s\" end in \".sql\", not \".up.sql\"", scheme->name);
    return problem_say("name-grammar", "the ending \"%.*s\" is not in small letters",
                       (int)ending.len, ending.at);
}

struct problem name_check(enum naming naming, const char *entry, struct parts *ret_parts)
{
    const size_t len = strlen(entry);
    *ret_parts = name_split(naming, entry, len);
    if (len > NAME_MAX_BYTES)
        return problem_say("name-length", "the name is %zu bytes long: %d at most", len,
                           NAME_MAX_BYTES);
    struct problem problem = check_characters(entry, len);
    if (problem.rule == NULL)
        problem = check_ending(naming, ret_parts->ending);
    if (problem.rule == NULL)
        problem = check_prefix(naming, ret_parts);
    if (problem.rule != NULL)
        return problem;
    const bool repeatable = name_is_repeatable(naming, ret_parts);
    if (ret_parts->version.len == 0 && !repeatable)
        return problem_say("name-grammar", "the name has no version where scheme \"%s\" has one",
                           scheme_of(naming)->name);
    if (!repeatable)
        problem = name_check_version(naming, ret_parts->version);
    return problem.rule != NULL ? problem : check_slug(naming, ret_parts);
}
