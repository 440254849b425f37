/* The files with the statements of a release. */
#include <string.h>

#include "base/fs.h"
#include "check/compat.h"
#include "sql/split.h"

enum { MAX_FILE_BYTES = 64 << 20 };

static bool ends_with(const char *text, const char *end)
{
    const size_t len = strlen(text), more = strlen(end);
    return len > more && strcmp(text + len - more, end) == 0;
}

static bool read_file(struct arena *arena, const char *path, struct compat_queries *ret,
                      struct err *err)
{
    struct statements statements = {0};
    char *text;
    size_t len;
    if (!fs_read(arena, path, MAX_FILE_BYTES, &text, &len, err))
        return false;
    if (!sql_split(arena, DIALECT_POSTGRES, text, len, &statements, err)) {
        if (err->code == ERR_REFUSED)
            err_at(err, path, err->line, err->column);
        return false;
    }
    ret->files++;
    for (size_t i = 0; i < statements.count; i++) {
        const struct statement *const s = &statements.items[i];
        struct compat_query *const query = arena_push(arena, ret);
        const char *const sql = arena_strndup(arena, s->text.at, s->text.len);
        if (query == NULL || sql == NULL)
            return err_nomem(err);
        *query = (struct compat_query){path, s->line, s->column, sql};
    }
    return true;
}

static bool read_release(struct arena *arena, const char *folder, struct compat_queries *ret,
                         struct err *err)
{
    struct fs_names names = {0};
    if (!fs_list(arena, folder, &names, err))
        return false;
    for (size_t i = 0; i < names.count; i++) {
        const char *const path = fs_join(arena, folder, names.items[i]);
        if (path == NULL)
            return err_nomem(err);
        if (ends_with(names.items[i], ".sql") && !read_file(arena, path, ret, err))
            return false;
    }
    return true;
}

static bool nothing(struct arena *arena, const char *folder, struct err *err)
{
    const char *const printable = fs_printable(arena, folder);
    (void)err_set(err, ERR_USAGE, "there are no statements in \"%s\"",
                  printable != NULL ? printable : "?");
    err_hint(err, "`pawl capture --release R` writes what the database has seen, or write them "
                  "yourself: [check] queries says where, as RELEASE/NAME.sql.");
    return false;
}

bool compat_release_check(struct arena *arena, const char *release, struct err *err)
{
    const char *const printable = fs_printable(arena, release);
    if (printable == NULL)
        return err_nomem(err);
    if (release[0] != '\0' && release[0] != '.' && strchr(release, '/') == NULL &&
        strcmp(release, printable) == 0)
        return true;
    return err_set(err, ERR_USAGE, "\"%s\" cannot be the name of a folder", printable);
}

bool compat_queries_read(struct arena *arena, const char *folder, const char *release,
                         struct compat_queries *ret, struct err *err)
{
    struct fs_names releases = {0};
    *ret = (struct compat_queries){0};
    if (release != NULL) {
        const char *const path = fs_join(arena, folder, release);
        if (!compat_release_check(arena, release, err))
            return false;
        if (path == NULL)
            return err_nomem(err);
        if (!fs_is_folder(path))
            return nothing(arena, path, err);
        return read_release(arena, path, ret, err) && (ret->count > 0 || nothing(arena, path, err));
    }
    if (!fs_is_folder(folder))
        return nothing(arena, folder, err);
    if (!fs_list(arena, folder, &releases, err))
        return false;
    for (size_t i = 0; i < releases.count; i++) {
        const char *const path = fs_join(arena, folder, releases.items[i]);
        if (path == NULL)
            return err_nomem(err);
        if (fs_is_folder(path) && !read_release(arena, path, ret, err))
            return false;
    }
    return ret->count > 0 || nothing(arena, folder, err);
}
