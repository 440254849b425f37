/* Names for new and for renumbered migrations. */
#include <string.h>

#include "base/fs.h"
#include "history/name_parts.h"
#include "history/version.h"

/* ASCII letters, made small, and digits; anything else becomes one separator between words. */
static char *make_slug(struct arena *arena, enum naming naming, const char *words, struct err *err)
{
    const char between = naming == NAMING_LOGTO ? '-' : '_';
    CLEANUP(str_release) struct str slug = {0};
    bool gap = false;
    for (const char *c = words; *c != '\0'; c++) {
        if (!ascii_letter(*c) && !ascii_digit(*c)) {
            gap = true;
            continue;
        }
        if (gap && slug.len > 0)
            str_putc(&slug, between);
        gap = false;
        str_putc(&slug, ascii_lower(*c));
    }
    const char *const shown = fs_printable(arena, words);
    char *const copy = slug.failed ? NULL : arena_strndup(arena, str_text(&slug), slug.len);
    if (shown == NULL || copy == NULL)
        (void)err_nomem(err);
    else if (slug.len == 0)
        (void)err_set(err, ERR_USAGE, "\"%s\" has no ASCII letter or digit to make a name of",
                      shown);
    else if (slug.len > SLUG_MAX_BYTES)
        (void)err_set(err, ERR_USAGE, "the name is %zu bytes long: %d at most", slug.len,
                      SLUG_MAX_BYTES);
    else
        return copy;
    return NULL;
}

char *name_make(struct arena *arena, enum naming naming, const char *words, const char *newest,
                int64_t now_epoch_s, struct err *err)
{
    static const char *const prefixes[] = {
        [NAMING_LOGTO] = "next-", [NAMING_FLYWAY] = "V", [NAMING_FOLDER] = NULL};
    const struct scheme *const scheme = scheme_of(naming);
    const char *const slug = make_slug(arena, naming, words, err);
    if (slug == NULL)
        return NULL;
    const char *const version = version_next(arena, naming, newest, now_epoch_s, err);
    if (version == NULL)
        return NULL;
    const char *const prefix = prefixes[naming] != NULL ? prefixes[naming] : "";
    char *name = arena_printf(arena, "%s%s%s%s%s", prefix, version, scheme->separator, slug,
                              scheme->folder ? "" : ".sql");
    if (name == NULL)
        (void)err_nomem(err);
    return name;
}

/* The name, unless memory was out or it has become longer than a name may be. */
static char *allowed(char *name, struct err *err)
{
    if (name == NULL)
        (void)err_nomem(err);
    else if (strlen(name) > NAME_MAX_BYTES)
        (void)err_set(err, ERR_USAGE, "the new name would be %zu bytes long: %d at most",
                      strlen(name), NAME_MAX_BYTES);
    else
        return name;
    return NULL;
}

char *name_with_version(struct arena *arena, enum naming naming, const char *entry,
                        const char *newest, int64_t now_epoch_s, struct err *err)
{
    const struct parts parts = name_split(naming, entry, strlen(entry));
    const char *const shown = fs_printable(arena, entry);
    if (shown == NULL) {
        (void)err_nomem(err);
        return NULL;
    }
    if (parts.version.len == 0) {
        (void)err_set(err, ERR_USAGE, "\"%s\" has no version to change", shown);
        return NULL;
    }
    const char *const version = version_next(arena, naming, newest, now_epoch_s, err);
    if (version == NULL)
        return NULL;
    char *name = arena_printf(arena, "%.*s%s%s%.*s%.*s", (int)parts.prefix.len, parts.prefix.at,
                              version, scheme_of(naming)->separator, (int)parts.slug.len,
                              parts.slug.at, (int)parts.ending.len, parts.ending.at);
    return allowed(name, err);
}

char *name_with_words(struct arena *arena, enum naming naming, const char *entry, const char *words,
                      struct err *err)
{
    const struct parts parts = name_split(naming, entry, strlen(entry));
    const char *const slug = make_slug(arena, naming, words, err);
    if (slug == NULL)
        return NULL;
    char *name =
        arena_printf(arena, "%.*s%.*s%s%s%.*s", (int)parts.prefix.len, parts.prefix.at,
                     (int)parts.version.len, parts.version.at, scheme_of(naming)->separator, slug,
                     (int)parts.ending.len, parts.ending.at);
    return allowed(name, err);
}
