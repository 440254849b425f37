/* Records of csvlog. */
#include <string.h>

#include "check/server_log.h"

/* "2026-01-31 12:00:00", the rest of its time, and a field in quotes or an empty one. */
bool server_log_is_csv(struct span line)
{
    static const char form[] = "dddd-dd-dd dd:dd:dd";
    static const char more[] = ".:+-_/ ";
    size_t at = strlen(form);
    if (line.len < at)
        return false;
    for (size_t i = 0; i < at; i++)
        if (form[i] == 'd' ? !ascii_digit(line.at[i]) : form[i] != line.at[i])
            return false;
    while (at < line.len && (ascii_digit(line.at[at]) || ascii_letter(line.at[at]) ||
                             (line.at[at] != '\0' && strchr(more, line.at[at]) != NULL)))
        at++;
    return at + 1 < line.len && line.at[at] == ',' &&
           (line.at[at + 1] == '"' || line.at[at + 1] == ',');
}

/* The end of a field in quotes, behind the last of them; 0: the text ends before. */
static size_t quoted_end(struct span text, size_t at)
{
    for (;;) {
        const char *const quote = memchr(text.at + at, '"', text.len - at);
        if (quote == NULL || quote + 1 == text.at + text.len)
            return 0;
        at = (size_t)(quote - text.at) + 1;
        if (text.at[at] != '"')
            return at;
        at++;
    }
}

static size_t plain_end(struct span text, size_t at)
{
    while (at < text.len && text.at[at] != ',' && text.at[at] != '\n' && text.at[at] != '"')
        at++;
    return at;
}

enum server_log_result server_log_csv_read(struct span text, struct server_log_record *ret)
{
    size_t at = 0;
    ret->count = 0;
    for (;;) {
        const bool quoted = at < text.len && text.at[at] == '"';
        const size_t end = quoted ? quoted_end(text, at + 1) : plain_end(text, at);
        if (end == 0 || end == text.len)
            return end == 0 && !quoted ? SERVER_LOG_BROKEN : SERVER_LOG_MORE;
        if ((text.at[end] != ',' && text.at[end] != '\n') || ret->count == SERVER_LOG_MAX_COLUMNS)
            return SERVER_LOG_BROKEN;
        ret->fields[ret->count++] = (struct span){text.at + at, end - at};
        at = end + 1;
        if (text.at[end] == '\n')
            break;
    }
    ret->len = at;
    return ret->count >= SERVER_LOG_MIN_COLUMNS ? SERVER_LOG_WHOLE : SERVER_LOG_BROKEN;
}

void server_log_csv_put(struct span field, struct str *out)
{
    if (field.len < 2 || field.at[0] != '"') {
        str_append(out, field.at, field.len);
        return;
    }
    for (size_t i = 1; i + 1 < field.len; i++) {
        str_putc(out, field.at[i]);
        i += field.at[i] == '"';
    }
}
