/* Reading a command line by option tables. */
#include "cli/option.h"

#include <string.h>

#include "base/fs.h"
#include "base/str.h"
#include "base/suggest.h"

void option_describe(const struct option *option, struct str *out)
{
    str_puts(out, option->text);
    if (option->choices == NULL || option->offers != OFFER_NOTHING)
        return;
    str_puts(out, ": ");
    for (const char *c = option->choices; *c != '\0'; c++)
        if (*c == '|')
            str_puts(out, ", ");
        else
            str_putc(out, *c);
}

static const struct option *find_name(const struct option_reader *reader, struct span name)
{
    for (size_t t = OPTION_TABLES; t > 0; t--)
        for (size_t i = 0; i < reader->tables[t - 1].count; i++)
            if (span_is(name, reader->tables[t - 1].items[i].name))
                return &reader->tables[t - 1].items[i];
    return NULL;
}

static const struct option *find_letter(const struct option_reader *reader, char letter)
{
    for (size_t t = OPTION_TABLES; t > 0; t--)
        for (size_t i = 0; i < reader->tables[t - 1].count; i++)
            if (reader->tables[t - 1].items[i].letter == letter)
                return &reader->tables[t - 1].items[i];
    return NULL;
}

enum { MAX_CANDIDATES = 64 };

static enum option_result unknown(struct arena *arena, const struct option_reader *reader,
                                  const char *name, struct err *err)
{
    const char *candidates[MAX_CANDIDATES];
    size_t count = 0;
    for (size_t t = 0; t < OPTION_TABLES; t++)
        for (size_t i = 0; i < reader->tables[t].count && count < MAX_CANDIDATES; i++)
            candidates[count++] = reader->tables[t].items[i].name;
    const char *printable = fs_printable(arena, name);
    (void)err_set(err, ERR_USAGE, "unknown option \"%s%s\"", name[1] == '\0' ? "-" : "--",
                  printable != NULL ? printable : "?");
    const char *near = name[1] != '\0' ? suggest(name, candidates, count) : NULL;
    if (near != NULL)
        err_hint(err, "Did you mean --%s?", near);
    else
        err_hint(err, "Add --help to see the options.");
    return OPTION_BAD;
}

static enum option_result no_argument(const struct option *option, struct err *err)
{
    (void)err_set(err, ERR_USAGE, "--%s needs a value: %s", option->name, option->argument);
    return OPTION_BAD;
}

static enum option_result read_long(struct arena *arena, struct option_reader *reader,
                                    const char *word, const struct option **ret_option,
                                    const char **ret_text, struct err *err)
{
    const size_t name_len = strcspn(word, "=");
    const struct option *option = find_name(reader, (struct span){word, name_len});
    if (option == NULL) {
        const char *name = arena_strndup(arena, word, name_len);
        if (name != NULL)
            return unknown(arena, reader, name, err);
        (void)err_nomem(err);
        return OPTION_BAD;
    }
    *ret_option = option;
    *ret_text = "";
    if (word[name_len] == '=' && option->argument == NULL) {
        (void)err_set(err, ERR_USAGE, "--%s takes no value", option->name);
        return OPTION_BAD;
    }
    if (word[name_len] == '=')
        *ret_text = word + name_len + 1;
    else if (option->argument != NULL && reader->next == reader->count)
        return no_argument(option, err);
    else if (option->argument != NULL)
        *ret_text = reader->words[reader->next++];
    return OPTION_GIVEN;
}

static enum option_result read_letter(struct arena *arena, struct option_reader *reader,
                                      const struct option **ret_option, const char **ret_text,
                                      struct err *err)
{
    const char letter[] = {*reader->cluster, '\0'};
    const struct option *option = find_letter(reader, letter[0]);
    reader->cluster++;
    if (option == NULL) {
        reader->cluster = ""; /* what follows may have been its value */
        return unknown(arena, reader, letter, err);
    }
    *ret_option = option;
    *ret_text = "";
    if (option->argument == NULL)
        return OPTION_GIVEN;
    if (*reader->cluster != '\0')
        *ret_text = reader->cluster;
    else if (reader->next == reader->count)
        return no_argument(option, err);
    else
        *ret_text = reader->words[reader->next++];
    reader->cluster = "";
    return OPTION_GIVEN;
}

enum option_result option_next(struct arena *arena, struct option_reader *reader,
                               const struct option **ret_option, const char **ret_text,
                               struct err *err)
{
    if (reader->cluster != NULL && *reader->cluster != '\0')
        return read_letter(arena, reader, ret_option, ret_text, err);
    if (!reader->ended && reader->next < reader->count &&
        strcmp(reader->words[reader->next], "--") == 0) {
        reader->ended = true;
        reader->next++;
    }
    if (reader->next == reader->count)
        return OPTION_END;
    const char *const word = reader->words[reader->next++];
    if (reader->ended || word[0] != '-' || word[1] == '\0') {
        *ret_text = word;
        return OPTION_WORD;
    }
    if (word[1] == '-')
        return read_long(arena, reader, word + 2, ret_option, ret_text, err);
    reader->cluster = word + 1;
    return read_letter(arena, reader, ret_option, ret_text, err);
}
