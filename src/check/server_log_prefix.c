/* log_line_prefix: which of a line's first words is the user, the database, the application. */
#include <string.h>

#include "check/server_log.h"

static const char LEVEL[] = "LOG:  ";

static bool refuse(const char *format, const char *why, struct err *err)
{
    return err_set(err, ERR_USAGE, "--log-line-prefix \"%s\": %s", format, why);
}

/* %-10u: the padding is skipped. */
static const char *skip_padding(const char *format)
{
    format += *format == '-';
    while (ascii_digit(*format))
        format++;
    return format;
}

static bool add_part(struct arena *arena, char escape, const struct str *text,
                     struct server_log_prefix *ret)
{
    struct server_log_part *const part = arena_push(arena, ret);
    const char *const copy = arena_strdup(arena, str_text(text));
    if (part == NULL || copy == NULL || text->failed)
        return false;
    *part = (struct server_log_part){escape, copy};
    return true;
}

/* Where a value has nothing behind it, nobody can say where it ends. */
static bool check_parts(const char *format, const struct server_log_prefix *prefix, struct err *err)
{
    for (size_t i = 0; i + 1 < prefix->count; i++) {
        const struct server_log_part *const part = &prefix->items[i];
        if (part->escape != '\0' && part->escape != 'q' && part->text[0] == '\0')
            return refuse(format, "there is nothing behind one of its values", err);
    }
    return true;
}

bool server_log_prefix_read(struct arena *arena, const char *format, struct server_log_prefix *ret,
                            struct err *err)
{
    static const char known[] = "aubdrhpPtmnielcsvxQLq";
    CLEANUP(str_release) struct str text = {0};
    char escape = '\0';
    *ret = (struct server_log_prefix){0};
    for (const char *c = format; *c != '\0'; c++) {
        if (*c != '%') {
            str_putc(&text, *c);
            continue;
        }
        c = skip_padding(c + 1);
        if (*c == '%') {
            str_putc(&text, '%');
            continue;
        }
        if (*c == '\0' || strchr(known, *c) == NULL)
            return refuse(format, "what is behind % is no letter that servers know", err);
        if (!add_part(arena, escape, &text, ret))
            return err_nomem(err);
        str_clear(&text);
        escape = *c;
    }
    str_puts(&text, LEVEL); /* the last value ends with what leads to that */
    return (add_part(arena, escape, &text, ret) || err_nomem(err)) && check_parts(format, ret, err);
}

/* ---- matching ---- */

static bool starts(struct span line, size_t at, const char *text)
{
    const size_t len = strlen(text);
    return line.len - at >= len && memcmp(line.at + at, text, len) == 0;
}

/* A time has spaces in it: its date and its time of day are gone over first. */
static size_t skip_time(struct span line, size_t at)
{
    for (int spaces = 0; spaces < 2; spaces++) {
        const char *const space = memchr(line.at + at, ' ', line.len - at);
        if (space == NULL)
            return at;
        at = (size_t)(space - line.at) + 1;
    }
    return at;
}

/* Where the value ends that begins there: before the text that follows it. False: nowhere. */
static bool find_end(const struct server_log_prefix *prefix, size_t part, struct span line,
                     size_t at, size_t *ret)
{
    const char escape = prefix->items[part].escape;
    const char *const text = prefix->items[part].text;
    if (strchr("tms", escape) != NULL)
        at = skip_time(line, at);
    const char *const found = memmem(line.at + at, line.len - at, text, strlen(text));
    if (found == NULL)
        return false;
    *ret = (size_t)(found - line.at);
    return true;
}

static struct span without_padding(struct span span)
{
    while (span.len > 0 && span.at[0] == ' ')
        span = (struct span){span.at + 1, span.len - 1};
    while (span.len > 0 && span.at[span.len - 1] == ' ')
        span.len--;
    return span;
}

static void keep(struct server_log_entry *entry, char escape, struct span value)
{
    if (escape == 'u')
        entry->user = value;
    else if (escape == 'd')
        entry->database = value;
    else if (escape == 'a')
        entry->application = value;
}

bool server_log_prefix_match(const struct server_log_prefix *prefix, struct span line,
                             struct server_log_entry *ret, size_t *ret_len)
{
    size_t at = 0;
    for (size_t i = 0; i < prefix->count; i++) {
        const struct server_log_part *const part = &prefix->items[i];
        if (part->escape == 'q' && starts(line, at, LEVEL)) {
            at += strlen(LEVEL); /* of a process that serves no session */
            break;
        }
        if (part->escape != '\0' && part->escape != 'q') {
            size_t end;
            if (!find_end(prefix, i, line, at, &end))
                return false;
            keep(ret, part->escape, without_padding((struct span){line.at + at, end - at}));
            at = end;
        }
        if (!starts(line, at, part->text))
            return false;
        at += strlen(part->text);
    }
    ret->says_who = true;
    *ret_len = at;
    return true;
}
