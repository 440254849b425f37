/* A named point in the archive of PostgreSQL's log. */
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "base/clock.h"
#include "deploy/backup_parts.h"

enum { ARCHIVE_MS = 60 * 1000, LOOK_PAUSE_MS = 100 };

/* Whether what is written is archived, by the server's own statistics. */
static bool check_archiver(const struct backup_work *work, struct err *err)
{
    static const char sql[] =
        "SELECT pg_catalog.current_setting('archive_mode'), a.last_failed_wal, a.last_failed_time,"
        " a.last_failed_time > coalesce(a.last_archived_time, '-infinity')"
        " FROM pg_catalog.pg_stat_archiver AS a";
    struct rows rows;
    if (!pg_query(work->ledger->pg, work->arena, sql, NULL, 0, &rows, err))
        return false;
    if (rows.count == 0 || strcmp(rows_get(&rows, 0, 0), "off") == 0) {
        (void)err_set(err, ERR_REFUSED,
                      "a restore point needs an archive of the log, and archive_mode is off");
        err_hint(err, "Set up WAL archiving and base backups, or choose another [backup] command.");
        return false;
    }
    const char *const failed = rows_get(&rows, 0, 3);
    if (failed == NULL || strcmp(failed, "t") != 0)
        return true;
    (void)err_set(err, ERR_REFUSED, "the server's last try to archive its log failed (%s, at %s)",
                  rows_get(&rows, 0, 1), rows_get(&rows, 0, 2));
    err_hint(err, "The server's log says why archive_command failed.");
    return false;
}

/* Until the segment with the point is in the archive nothing can be restored to it. */
static bool await_archive(const struct backup_work *work, const char *segment, struct err *err)
{
    static const char sql[] = "SELECT 1 FROM pg_catalog.pg_stat_archiver"
                              " WHERE last_archived_wal ~ '^[0-9A-F]{24}' AND"
                              " left(last_archived_wal, 24) COLLATE \"C\" >= $1";
    const int64_t end_ms = clock_monotonic_ms() + ARCHIVE_MS;
    const char *const params[] = {segment};
    for (;;) {
        CLEANUP(arena_release) struct arena scratch = {0};
        struct rows rows;
        if (!pg_query(work->ledger->pg, &scratch, sql, params, 1, &rows, err))
            return false;
        if (rows.count > 0)
            return true;
        if (!check_archiver(work, err))
            return false;
        if (clock_monotonic_ms() >= end_ms)
            return err_set(err, ERR_REFUSED,
                           "the log with the restore point (%s) was not archived within %d s",
                           segment, ARCHIVE_MS / 1000);
        if (!wait_sleep(LOOK_PAUSE_MS, work->wait, err))
            return false;
    }
}

static bool make_point(const struct backup_work *work, const char *name, struct rows *ret,
                       struct err *err)
{
    /* The switch has the segment archived now, and not when it is full. */
    static const char sql[] = "SELECT p, pg_catalog.pg_walfile_name(p)"
                              " FROM pg_catalog.pg_create_restore_point($1) AS p";
    const char *const params[] = {name};
    if (pg_query(work->ledger->pg, work->arena, sql, params, 1, ret, err) &&
        pg_exec(work->ledger->pg, "SELECT pg_catalog.pg_switch_wal()", err))
        return true;
    if (err->code == ERR_FAILED) {
        err->code = ERR_REFUSED;
        err_prefix(err, "cannot make a restore point");
        if (strcmp(err->sqlstate, "42501") == 0)
            err_hint(err, "As a superuser: GRANT EXECUTE ON FUNCTION pg_create_restore_point(text)"
                          ", pg_switch_wal() TO the role that deploys.");
    }
    return false;
}

bool backup_point_take(const struct backup_work *work, struct backup *ret, struct err *err)
{
    unsigned int random = 0;
    struct rows rows;
    if (getrandom(&random, sizeof random, 0) != (ssize_t)sizeof random)
        return err_errno(err, ERR_REFUSED, "cannot make a random number");
    const char *const name =
        arena_printf(work->arena, "pawl_%lld_%08x", (long long)work->journal->head.seq, random);
    if (name == NULL)
        return err_nomem(err);
    if (!check_archiver(work, err) || !make_point(work, name, &rows, err) ||
        !await_archive(work, rows_get(&rows, 0, 1), err))
        return false;
    ret->point = name;
    ret->lsn = rows_get(&rows, 0, 0);
    ret->restore = arena_printf(
        work->arena, "recover a base backup from before with recovery_target_name = '%s'", name);
    return ret->restore != NULL || err_nomem(err);
}
