/* Renaming a migration together with what belongs to it. */
#include "history/renaming.h"

#include <string.h>

#include "history/name_parts.h"

static bool same_span(struct span a, struct span b)
{
    return a.len == b.len && memcmp(a.at, b.at, a.len) == 0;
}

static bool is_down(enum naming naming, const struct parts *parts)
{
    return name_ends_with(parts->ending.at, parts->ending.len, ".down.sql") ||
           (naming == NAMING_FLYWAY && parts->prefix.len > 0 && parts->prefix.at[0] == 'U');
}

/* What the other entry is called then; NULL when it does not belong to the migration. */
static bool new_name(struct arena *arena, enum naming naming, const char *entry,
                     const char *new_entry, const char *other, const char **ret, struct err *err)
{
    const size_t len = strlen(entry);
    const struct parts old = name_split(naming, entry, len);
    const struct parts new = name_split(naming, new_entry, strlen(new_entry));
    const struct parts down = name_split(naming, other, strlen(other));
    *ret = NULL;
    if (strncmp(other, entry, len) == 0 && strcmp(other + len, ".conf") == 0)
        *ret = arena_printf(arena, "%s.conf", new_entry); /* Flyway's NAME.sql.conf */
    else if (is_down(naming, &down) && same_span(down.version, old.version) &&
             same_span(down.slug, old.slug)) {
        const struct span prefix = naming == NAMING_FLYWAY ? down.prefix : new.prefix;
        *ret = arena_printf(arena, "%.*s%.*s%.*s%.*s%.*s", (int)prefix.len, prefix.at,
                            (int)new.version.len, new.version.at, (int)new.separator.len,
                            new.separator.at, (int)new.slug.len, new.slug.at, (int)down.ending.len,
                            down.ending.at);
    } else
        return true;
    return *ret != NULL || err_nomem(err);
}

static bool add(struct arena *arena, const char *from, const char *to, struct renamings *renamings,
                struct err *err)
{
    struct renaming *const renaming = arena_push(arena, renamings);
    if (renaming == NULL)
        return err_nomem(err);
    *renaming = (struct renaming){from, to};
    return true;
}

bool renaming_plan(struct arena *arena, enum naming naming, const struct fs_names *entries,
                   const char *entry, const char *new_entry, struct renamings *ret, struct err *err)
{
    *ret = (struct renamings){0};
    for (size_t i = 0; !scheme_of(naming)->folder && i < entries->count; i++) {
        const char *const other = entries->items[i];
        const char *to = NULL;
        if (strcmp(other, entry) == 0)
            continue;
        if (!new_name(arena, naming, entry, new_entry, other, &to, err) ||
            (to != NULL && strcmp(to, other) != 0 && !add(arena, other, to, ret, err)))
            return false;
    }
    return add(arena, entry, new_entry, ret, err);
}

bool renaming_apply(struct arena *arena, const char *folder, const struct renamings *renamings,
                    struct err *err)
{
    for (size_t i = 0; i < renamings->count; i++) {
        const struct renaming *const renaming = &renamings->items[i];
        const char *const from = fs_join(arena, folder, renaming->from);
        const char *const to = fs_join(arena, folder, renaming->to);
        if (from == NULL || to == NULL)
            return err_nomem(err);
        if (fs_rename(from, to, err))
            continue;
        if (i == 0)
            err_state(err, "Nothing was changed.");
        else
            err_state(err,
                      "Its companion \"%s\" is \"%s\" already; the migration has its old name.",
                      renaming[-1].from, renaming[-1].to);
        return false;
    }
    return true;
}
