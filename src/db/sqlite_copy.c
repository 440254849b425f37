/* A copy of a database while others use it. */
#include <string.h>
#include <unistd.h>

#include "db/sqlite_parts.h"

/* Between two looks at the cancel descriptor; what holds a page of the copy for a moment. */
enum { PAGES_A_STEP = 256, LOCKED_PAUSE_MS = 5 };

/* What SQLite may have put beside a file. */
static const char *const companions[] = {"-journal", "-wal", "-shm"};

static bool remove_companions(struct arena *arena, const char *path, struct err *err)
{
    for (size_t i = 0; i < COUNT_OF(companions); i++) {
        const char *const name = arena_printf(arena, "%s%s", path, companions[i]);
        if (name == NULL)
            return err_nomem(err);
        (void)unlink(name); /* seldom there, and empty */
    }
    return true;
}

static bool copy_pages(struct sqlite *from, struct sqlite *to, struct err *err)
{
    const struct sqlite_library *const library = from->library;
    sqlite3_backup *const backup =
        library->sqlite3_backup_init(to->handle, "main", from->handle, "main");
    if (backup == NULL)
        return sqlite_fail(to, err);
    int code;
    bool waited = true;
    do {
        code = library->sqlite3_backup_step(backup, PAGES_A_STEP);
        const bool busy = code == SQLITE_BUSY || code == SQLITE_LOCKED;
        waited = busy ? wait_sleep(LOCKED_PAUSE_MS, &from->wait, err) : true;
        if (busy)
            code = SQLITE_OK;
        if (waited && wait_cancelled(&from->wait))
            waited = err_set(err, ERR_SIGNAL, "stopped on request");
    } while (waited && code == SQLITE_OK);
    const int finished = library->sqlite3_backup_finish(backup);
    if (!waited)
        return false;
    return (code == SQLITE_DONE && finished == SQLITE_OK) || sqlite_fail(to, err);
}

static bool copy_into(struct sqlite *sqlite, const char *path, struct err *err)
{
    CLEANUP(sqlite_close) struct sqlite *copy = NULL;
    /* A copy that is not finished is thrown away: it needs no journal. */
    return sqlite_open(path, SQLITE_MODE_WRITE, &sqlite->wait, &copy, err) &&
           sqlite_exec(copy, "PRAGMA journal_mode = OFF", err) &&
           sqlite_exec(copy, "PRAGMA synchronous = OFF", err) && copy_pages(sqlite, copy, err);
}

/* Exclusive: a file in WAL mode then wants no shared memory beside it. */
static bool open_copy(struct arena *arena, const char *path, const struct wait *wait,
                      struct sqlite **ret, struct err *err)
{
    CLEANUP(sqlite_close) struct sqlite *copy = NULL;
    struct rows rows;
    static const char check[] = "PRAGMA integrity_check(1)";
    if (!sqlite_open(path, SQLITE_MODE_WRITE, wait, &copy, err) ||
        !sqlite_exec(copy, "PRAGMA locking_mode = EXCLUSIVE", err) ||
        !sqlite_query(copy, arena, check, strlen(check), NULL, 0, &rows, NULL, err))
        return false;
    const char *const said = rows.count > 0 ? rows_get(&rows, 0, 0) : NULL;
    if (said == NULL || strcmp(said, "ok") != 0)
        return err_set(err, ERR_FAILED, "SQLite finds the copy damaged: %s",
                       said != NULL ? said : "it says nothing");
    *ret = copy;
    copy = NULL;
    return true;
}

bool sqlite_check(struct arena *arena, const char *path, const struct wait *wait,
                  struct sqlite *same_as, struct err *err)
{
    static const char sql[] =
        "SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY type, name, tbl_name";
    CLEANUP(sqlite_close) struct sqlite *copy = NULL;
    struct rows here, there;
    if (!open_copy(arena, path, wait, &copy, err) ||
        !sqlite_query(same_as, arena, sql, strlen(sql), NULL, 0, &here, NULL, err) ||
        !sqlite_query(copy, arena, sql, strlen(sql), NULL, 0, &there, NULL, err))
        return false;
    bool same = here.count == there.count;
    for (size_t i = 0; same && i < here.count * here.columns; i++) {
        const char *const a = here.cells[i], *const b = there.cells[i];
        same = a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
    }
    if (!same)
        return err_set(err, ERR_FAILED, "the copy has another schema than the database");
    sqlite_close(&copy);
    return remove_companions(arena, path, err);
}

bool sqlite_copy(struct sqlite *sqlite, struct arena *arena, const char *path, struct err *err)
{
    static const char look[] = "SELECT count(*) FROM sqlite_schema";
    struct rows rows;
    /* Within one snapshot another process that writes does not make the copy start again. */
    if (!sqlite_exec(sqlite, "BEGIN", err))
        return false;
    const bool ok = sqlite_query(sqlite, arena, look, strlen(look), NULL, 0, &rows, NULL, err) &&
                    copy_into(sqlite, path, err) &&
                    sqlite_check(arena, path, &sqlite->wait, sqlite, err);
    sqlite_rollback(sqlite);
    return ok;
}
