/* The statements behind db/sessions.h; included by src/db/sessions*.c only. */
#ifndef PAWL_DB_SESSIONS_SQL_H
#define PAWL_DB_SESSIONS_SQL_H

#include "base/str.h"

/* The columns that describe a session, from the first one. */
enum session_column {
    COLUMN_PID,
    COLUMN_GID,
    COLUMN_BACKEND_START,
    COLUMN_USER,
    COLUMN_APPLICATION,
    COLUMN_DATABASE,
    COLUMN_ADDRESS,
    COLUMN_TYPE,
    COLUMN_STATE,
    COLUMN_WAIT_TYPE,
    COLUMN_WAIT_EVENT,
    COLUMN_QUERY,
    COLUMN_LEADER,
    COLUMN_XACT_MS,
    COLUMN_STATE_MS,
    COLUMN_QUERY_MS,
    COLUMN_HIDDEN,
    COLUMN_WRAPAROUND,
    COLUMN_SUPERUSER,
    COLUMN_MAY_END,
    COLUMN_HAS_SNAPSHOT,
    COLUMN_HAS_WRITTEN,
    COLUMN_LOCK_TYPE,
    COLUMN_LOCK_MODE,
    COLUMN_LOCK_OBJECT,
    COLUMN_LOCK_MS,
    SESSION_COLUMNS, /* what else a statement returns starts here */
};

/* $1 pid. After the session: kind ("self", "blocker", "waiter"), direct, root, waiting and
 * longest wait (of self), then progress as enum watch_column says. */
enum watch_column {
    WATCH_KIND = SESSION_COLUMNS,
    WATCH_DIRECT,
    WATCH_ROOT,
    WATCH_WAITING,
    WATCH_LONGEST_MS,
    WATCH_COMMAND,
    WATCH_RELATION,
    WATCH_PHASE,
    WATCH_DONE,
    WATCH_TOTAL,
    WATCH_UNIT,
    WATCH_LOCKERS_DONE,
    WATCH_LOCKERS_TOTAL,
    WATCH_LOCKER_PID,
};
void sessions_sql_watch(struct str *sql, int server_version);

/* $1 key. */
void sessions_sql_advisory(struct str *sql, int server_version);

/* $1 milliseconds, then relation and mode of each that is wanted. */
enum on_column {
    ON_KIND = SESSION_COLUMNS, /* "lock", "old", "snapshot" */
    ON_WANTED,
    ON_MODE,
    ON_GRANTED,
    ON_CONFLICTS,
};
void sessions_sql_on(struct str *sql, int server_version, size_t wanted);

#endif
