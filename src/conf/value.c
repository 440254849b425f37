/* One setting's text against its row of the table. */
#include "conf/value.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/str.h"
#include "base/suggest.h"

static const char *shown(struct arena *arena, const char *text)
{
    const char *printable = fs_printable(arena, text);
    return printable != NULL ? printable : "?";
}

bool setting_of_target(const struct setting *setting)
{
    return strcmp(setting->section, "target") == 0;
}

static bool parse_text(const struct setting *setting, const char *text, struct err *err)
{
    const size_t len = strlen(text);
    size_t bad = 0;
    if (!utf8_valid(text, len, &bad))
        return err_set(err, ERR_USAGE, "the value is not UTF-8");
    for (size_t i = 0; i < len; i++)
        if (((unsigned char)text[i] < 0x20 && text[i] != '\t') || text[i] == 0x7f)
            return err_set(err, ERR_USAGE, "the value holds a control character");
    if (len < (size_t)setting->min)
        return err_set(err, ERR_USAGE, "the value is empty");
    if (len > (size_t)setting->max)
        return err_set(err, ERR_USAGE, "the value is longer than %lld bytes",
                       (long long)setting->max);
    return true;
}

static bool parse_duration(struct arena *arena, const struct setting *setting, const char *text,
                           int64_t *ret, struct err *err)
{
    char least[CLOCK_ISO_BYTES], most[CLOCK_ISO_BYTES];
    clock_format_duration_ms(setting->min, least);
    clock_format_duration_ms(setting->max, most);
    if (!clock_parse_duration_ms(text, ret)) {
        (void)err_set(err, ERR_USAGE, "\"%s\" is not a duration", shown(arena, text));
        err_hint(err, "Write a whole number and its unit: 400ms, 5s, 10m, 24h or 7d.");
        return false;
    }
    if (*ret < setting->min || *ret > setting->max)
        return err_set(err, ERR_USAGE, "\"%s\" is out of range: %s to %s", text, least, most);
    return true;
}

/* The digits in front; *ret_rest is what follows them. False: there are none, or far too many. */
static bool parse_digits(const char *text, int64_t *ret, const char **ret_rest)
{
    enum { MAX_DIGITS = 15 };
    size_t i = 0;
    *ret = 0;
    for (; ascii_digit(text[i]) && i <= MAX_DIGITS; i++)
        *ret = *ret * 10 + (text[i] - '0');
    *ret_rest = text + i;
    return i > 0 && i <= MAX_DIGITS;
}

static bool parse_number(struct arena *arena, const struct setting *setting, const char *text,
                         int64_t *ret, struct err *err)
{
    const char *rest;
    if (!parse_digits(text, ret, &rest) || *rest != '\0')
        return err_set(err, ERR_USAGE, "\"%s\" is not a whole number", shown(arena, text));
    if (*ret < setting->min || *ret > setting->max)
        return err_set(err, ERR_USAGE, "\"%s\" is out of range: %lld to %lld", text,
                       (long long)setting->min, (long long)setting->max);
    return true;
}

/* As PostgreSQL writes them. */
static const struct {
    const char *name;
    int shift;
} size_units[] = {{"B", 0}, {"kB", 10}, {"MB", 20}, {"GB", 30}, {"TB", 40}};

bool value_read_size(const char *text, int64_t *ret)
{
    const char *rest;
    if (!parse_digits(text, ret, &rest))
        return false;
    if (*rest == '\0' && *ret == 0)
        return true;
    for (size_t i = 0; i < COUNT_OF(size_units); i++)
        if (strcmp(rest, size_units[i].name) == 0) {
            const bool fits = *ret <= INT64_MAX >> size_units[i].shift;
            *ret = fits ? *ret << size_units[i].shift : INT64_MAX;
            return true;
        }
    return false;
}

static bool parse_size(struct arena *arena, const struct setting *setting, const char *text,
                       int64_t *ret, struct err *err)
{
    if (!value_read_size(text, ret)) {
        (void)err_set(err, ERR_USAGE, "\"%s\" is not a size", shown(arena, text));
        err_hint(err, "Write a whole number and its unit, B, kB, MB, GB or TB: 512kB, 20MB.");
        return false;
    }
    if (*ret >= setting->min && *ret <= setting->max)
        return true;
    CLEANUP(str_release) struct str range = {0};
    str_put_size(&range, setting->min);
    str_puts(&range, " to ");
    str_put_size(&range, setting->max);
    return err_set(err, ERR_USAGE, "\"%s\" is out of range: %s", text, str_text(&range));
}

static bool parse_percent(struct arena *arena, const struct setting *setting, const char *text,
                          int64_t *ret, struct err *err)
{
    const char *rest;
    if (parse_digits(text, ret, &rest) && strcmp(rest, "%") == 0 && *ret >= setting->min &&
        *ret <= setting->max)
        return true;
    (void)err_set(err, ERR_USAGE, "\"%s\" is not a part in percent", shown(arena, text));
    err_hint(err, "Write a whole number up to %lld and its sign: 50%%.", (long long)setting->max);
    return false;
}

enum { MAX_CHOICES = 16 };

static bool parse_choice(struct arena *arena, const char *choices, const char *text, int64_t *ret,
                         struct err *err)
{
    const char *words[MAX_CHOICES];
    size_t count = 0;
    char *rest = arena_strdup(arena, choices);
    if (rest == NULL)
        return err_nomem(err);
    for (char *word; count < MAX_CHOICES && (word = strsep(&rest, "|")) != NULL;)
        words[count++] = word;
    for (size_t i = 0; i < count; i++)
        if (strcmp(words[i], text) == 0) {
            *ret = (int64_t)i;
            return true;
        }
    (void)err_set(err, ERR_USAGE, "\"%s\" is not one of %s", shown(arena, text), choices);
    const char *near = suggest(text, words, count);
    if (near != NULL)
        err_hint(err, "Did you mean \"%s\"?", near);
    return false;
}

bool value_parse(struct arena *arena, const struct setting *setting, const char *text,
                 struct value *ret, struct err *err)
{
    int64_t number = 0;
    bool ok = false;
    switch (setting->type) {
    case SETTING_TEXT:
        ok = parse_text(setting, text, err);
        break;
    case SETTING_DURATION:
        ok = parse_duration(arena, setting, text, &number, err);
        break;
    case SETTING_NUMBER:
        ok = parse_number(arena, setting, text, &number, err);
        break;
    case SETTING_SIZE:
        ok = parse_size(arena, setting, text, &number, err);
        break;
    case SETTING_PERCENT:
        ok = parse_percent(arena, setting, text, &number, err);
        break;
    case SETTING_CHOICE:
        ok = parse_choice(arena, setting->choices, text, &number, err);
        break;
    }
    if (!ok)
        return false;
    const char *copy = arena_strdup(arena, text);
    if (copy == NULL)
        return err_nomem(err);
    *ret = (struct value){.text = copy, .number = number};
    return true;
}

bool values_default(struct arena *arena, bool of_target, struct value *values, struct err *err)
{
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        values[i] = (struct value){.text = "", .origin = ORIGIN_DEFAULT};
        if (setting_of_target(&settings[i]) != of_target || settings[i].initial[0] == '\0')
            continue;
        if (!value_parse(arena, &settings[i], settings[i].initial, &values[i], err)) {
            err_prefix(err, "default of %s", settings[i].name);
            return false;
        }
    }
    return true;
}
