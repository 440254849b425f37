/* What there is to know of a SQLite database before and after its copy. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/process.h"
#include "deploy/backup_parts.h"

static bool ask_number(const struct backup_work *work, const char *sql, int64_t *ret,
                       struct err *err)
{
    struct rows rows;
    if (!sqlite_query(work->ledger->sqlite, work->arena, sql, strlen(sql), NULL, 0, &rows, NULL,
                      err))
        return false;
    const char *const text = rows.count > 0 ? rows_get(&rows, 0, 0) : NULL;
    *ret = text != NULL ? strtoll(text, NULL, 10) : 0;
    return true;
}

bool backup_sqlite_source(const struct backup_work *work, struct backup_source *ret,
                          struct err *err)
{
    const char *const slash = strrchr(work->target->location, '/');
    *ret = (struct backup_source){.name = slash != NULL ? slash + 1 : work->target->location};
    return ask_number(work,
                      "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()",
                      &ret->bytes, err);
}

bool backup_sqlite_tables(const struct backup_work *work, int64_t *ret, struct err *err)
{
    return ask_number(work, "SELECT count(*) FROM sqlite_schema WHERE type = 'table'", ret, err);
}

const char *backup_sqlite_restore(const struct backup_work *work, const struct backup_file *file)
{
    struct arena *const arena = work->arena;
    char at[CLOCK_ISO_BYTES];
    const char *const from = shell_word(arena, file->path);
    char *const whole = realpath(work->target->location, NULL);
    clock_format_compact(clock_utc_us(), at); /* so that no earlier one is overwritten */
    const char *const name =
        arena_printf(arena, "%s.restored_%s", whole != NULL ? whole : work->target->location, at);
    free(whole);
    const char *const to = name != NULL ? shell_word(arena, name) : NULL;
    return from != NULL && to != NULL ? arena_printf(arena, "cp -- %s %s", from, to) : NULL;
}
