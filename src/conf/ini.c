/* The strict reader of pawl.conf. */
#include "conf/ini.h"

#include <string.h>

#include "base/fs.h"
#include "base/str.h"

/* Longer than any name that means something, short enough for a message. */
enum { NAME_MAX_BYTES = 200 };

struct reader {
    struct arena *arena;
    const char *path;
    struct ini *ini;
    const char *line_start;
    int line;
    struct err *err;
};

/* The column of at in characters, from 1: the bytes that do not continue a character. */
static int column_of(const struct reader *reader, const char *at)
{
    int column = 1;
    for (const char *p = reader->line_start; p < at; p++)
        if (((unsigned char)*p & 0xc0) != 0x80)
            column++;
    return column;
}

/* Always false: `return fail_at(...)` after err_set(). */
static bool fail_at(const struct reader *reader, const char *at)
{
    err_at(reader->err, reader->path, reader->line, column_of(reader, at));
    return false;
}

static struct span trimmed(struct span span)
{
    while (span.len > 0 && (span.at[0] == ' ' || span.at[0] == '\t')) {
        span.at++;
        span.len--;
    }
    while (span.len > 0 && (span.at[span.len - 1] == ' ' || span.at[span.len - 1] == '\t'))
        span.len--;
    return span;
}

/* True when every byte is a letter, a digit or one of others, and there are not too many. */
static bool only_name_bytes(struct span span, const char *others)
{
    for (size_t i = 0; i < span.len; i++)
        if (!ascii_letter(span.at[i]) && !ascii_digit(span.at[i]) &&
            (span.at[i] == '\0' || strchr(others, span.at[i]) == NULL))
            return false;
    return span.len > 0 && span.len <= NAME_MAX_BYTES;
}

/* The span quoted for a message: safe to print. */
static const char *shown(const struct reader *reader, struct span span)
{
    const char *copy = arena_strndup(reader->arena, span.at, span.len);
    const char *printable = copy != NULL ? fs_printable(reader->arena, copy) : NULL;
    return printable != NULL ? printable : "?";
}

static bool read_section(struct reader *reader, struct span line)
{
    const char *close = memchr(line.at, ']', line.len);
    if (close == NULL) {
        (void)err_set(reader->err, ERR_USAGE, "a section starts with \"[\" but has no \"]\"");
        return fail_at(reader, line.at);
    }
    if (close != line.at + line.len - 1) {
        (void)err_set(reader->err, ERR_USAGE, "text after the \"]\" of a section");
        err_hint(reader->err, "A comment needs a line of its own.");
        return fail_at(reader, close + 1);
    }
    const struct span name = trimmed((struct span){line.at + 1, line.len - 2});
    if (!only_name_bytes(name, "_-.")) {
        (void)err_set(reader->err, ERR_USAGE, "\"%s\" cannot be the name of a section",
                      shown(reader, name));
        err_hint(reader->err, "Use letters, digits, \"_\", \"-\" and \".\".");
        return fail_at(reader, name.at);
    }
    for (size_t i = 0; i < reader->ini->sections.count; i++)
        if (span_is(name, reader->ini->sections.items[i].name)) {
            (void)err_set(reader->err, ERR_USAGE, "section [%s] stands here a second time",
                          reader->ini->sections.items[i].name);
            err_detail(reader->err, "the first is in line %d", reader->ini->sections.items[i].line);
            return fail_at(reader, name.at);
        }
    struct ini_section *section = arena_push(reader->arena, &reader->ini->sections);
    if (section == NULL ||
        (section->name = arena_strndup(reader->arena, name.at, name.len)) == NULL)
        return err_nomem(reader->err);
    section->line = reader->line;
    section->column = column_of(reader, name.at);
    return true;
}

/* A key twice in the section at hand. */
static bool check_new_key(struct reader *reader, const struct ini_section *section, struct span key)
{
    for (size_t i = reader->ini->entries.count; i > 0; i--) {
        const struct ini_entry *entry = &reader->ini->entries.items[i - 1];
        if (entry->section != section->name)
            return true; /* entries of one section stand together */
        if (span_is(key, entry->key)) {
            (void)err_set(reader->err, ERR_USAGE, "\"%s\" is set a second time in [%s]", entry->key,
                          section->name);
            err_detail(reader->err, "the first is in line %d", entry->line);
            return fail_at(reader, key.at);
        }
    }
    return true;
}

static bool read_entry(struct reader *reader, struct span line)
{
    const char *equals = memchr(line.at, '=', line.len);
    if (equals == NULL) {
        (void)err_set(reader->err, ERR_USAGE,
                      "a line is neither a [section], nor `key = value`, nor a comment");
        err_hint(reader->err, "Values cannot go on in the next line; comments start with #.");
        return fail_at(reader, line.at);
    }
    const struct span key = trimmed((struct span){line.at, (size_t)(equals - line.at)});
    if (!only_name_bytes(key, "_")) {
        (void)err_set(reader->err, ERR_USAGE, "\"%s\" cannot be the name of a setting",
                      shown(reader, key));
        return fail_at(reader, line.at);
    }
    if (reader->ini->sections.count == 0) {
        (void)err_set(reader->err, ERR_USAGE, "\"%s\" stands before the first section",
                      shown(reader, key));
        err_hint(reader->err, "Write [pawl] in a line above it.");
        return fail_at(reader, key.at);
    }
    const struct ini_section *section =
        &reader->ini->sections.items[reader->ini->sections.count - 1];
    if (!check_new_key(reader, section, key))
        return false;
    const struct span value =
        trimmed((struct span){equals + 1, (size_t)(line.at + line.len - equals - 1)});
    struct ini_entry *entry = arena_push(reader->arena, &reader->ini->entries);
    if (entry == NULL)
        return err_nomem(reader->err);
    *entry = (struct ini_entry){
        .section = section->name,
        .section_line = section->line,
        .key = arena_strndup(reader->arena, key.at, key.len),
        .value = arena_strndup(reader->arena, value.at, value.len),
        .line = reader->line,
        .key_column = column_of(reader, key.at),
        .value_column = column_of(reader, value.at),
    };
    return (entry->key != NULL && entry->value != NULL) || err_nomem(reader->err);
}

/* Bytes that no line may hold. */
static bool check_bytes(const struct reader *reader, struct span line)
{
    size_t bad = 0;
    if (!utf8_valid(line.at, line.len, &bad)) {
        (void)err_set(reader->err, ERR_USAGE, "a byte is not UTF-8 (0x%02x)",
                      (unsigned)(unsigned char)line.at[bad]);
        return fail_at(reader, line.at + bad);
    }
    for (size_t i = 0; i < line.len; i++) {
        const unsigned char byte = (unsigned char)line.at[i];
        if ((byte < 0x20 && byte != '\t') || byte == 0x7f) {
            (void)err_set(reader->err, ERR_USAGE, "a control character (0x%02x)", (unsigned)byte);
            return fail_at(reader, line.at + i);
        }
    }
    return true;
}

static bool read_line(struct reader *reader, struct span line)
{
    if (line.len > 0 && line.at[line.len - 1] == '\r')
        line.len--;
    if (!check_bytes(reader, line))
        return false;
    line = trimmed(line);
    if (line.len == 0 || line.at[0] == '#' || line.at[0] == ';')
        return true;
    return line.at[0] == '[' ? read_section(reader, line) : read_entry(reader, line);
}

bool ini_parse(struct arena *arena, const char *path, const char *text, size_t len, struct ini *ret,
               struct err *err)
{
    struct reader reader = {.arena = arena, .path = path, .ini = ret, .err = err};
    *ret = (struct ini){0};
    if (len > INI_MAX_BYTES)
        return err_set(err, ERR_USAGE, "%s is larger than %d bytes", path, INI_MAX_BYTES);
    if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
        text += 3;
        len -= 3;
    }
    const char *const end = text + len;
    while (text < end) {
        const char *newline = memchr(text, '\n', (size_t)(end - text));
        const char *line_end = newline != NULL ? newline : end;
        reader.line++;
        reader.line_start = text;
        if (!read_line(&reader, (struct span){text, (size_t)(line_end - text)}))
            return false;
        text = newline != NULL ? newline + 1 : end;
    }
    return true;
}
