/* What the files of one SQLite connection share; included by src/db/sqlite*.c only. */
#ifndef PAWL_DB_SQLITE_PARTS_H
#define PAWL_DB_SQLITE_PARTS_H

#include <sqlite3.h>

#include "db/sqlite.h"

#define SQLITE_FUNCTIONS(X)                                                                        \
    X(sqlite3_backup_finish)                                                                       \
    X(sqlite3_backup_init)                                                                         \
    X(sqlite3_backup_step)                                                                         \
    X(sqlite3_bind_null)                                                                           \
    X(sqlite3_bind_text)                                                                           \
    X(sqlite3_busy_handler)                                                                        \
    X(sqlite3_changes64)                                                                           \
    X(sqlite3_close_v2)                                                                            \
    X(sqlite3_column_bytes)                                                                        \
    X(sqlite3_column_count)                                                                        \
    X(sqlite3_column_text)                                                                         \
    X(sqlite3_column_type)                                                                         \
    X(sqlite3_errmsg)                                                                              \
    X(sqlite3_error_offset)                                                                        \
    X(sqlite3_extended_errcode)                                                                    \
    X(sqlite3_finalize)                                                                            \
    X(sqlite3_get_autocommit)                                                                      \
    X(sqlite3_limit)                                                                               \
    X(sqlite3_open_v2)                                                                             \
    X(sqlite3_prepare_v2)                                                                          \
    X(sqlite3_progress_handler)                                                                    \
    X(sqlite3_set_authorizer)                                                                      \
    X(sqlite3_step)                                                                                \
    X(sqlite3_stmt_readonly)

struct sqlite_library {
#define X(name) __typeof__(name) *name;
    SQLITE_FUNCTIONS(X)
#undef X
};

struct sqlite {
    const struct sqlite_library *library;
    sqlite3 *handle;
    const char *path;
    struct wait wait;
    int64_t patience_ms;   /* for one lock; -1: no limit */
    int64_t busy_since_ms; /* when the wait at hand began */
    long long changes;     /* of the last statement */
    int rests_left;        /* of a scratch database: how often a statement may go on; else -1 */
};

/* Fills err with what the connection's last call said. False. */
bool sqlite_fail(const struct sqlite *sqlite, struct err *err);

#endif
