/*
 * One connection to a SQLite file, through a libsqlite3 that is loaded when first needed.
 *
 * Foreign keys are enforced as the connection says (off, SQLite's default, unless told). Not for
 * two threads at once.
 */
#ifndef PAWL_DB_SQLITE_H
#define PAWL_DB_SQLITE_H

#include "base/arena.h"
#include "db/rows.h"
#include "db/wait.h"

struct sqlite;

enum sqlite_mode { SQLITE_MODE_READ, SQLITE_MODE_WRITE, SQLITE_MODE_CREATE };

/* path is kept. SQLITE_MODE_READ of a file that does not exist: ERR_UNREACHABLE. A wait for another
 * writer obeys the wait's deadline and cancel descriptor. */
bool sqlite_open(const char *path, enum sqlite_mode mode, const struct wait *wait,
                 struct sqlite **ret, struct err *err) MUST_CHECK;
void sqlite_close(struct sqlite **sqlite);

/* An empty database in memory, for statements of unknown origin. None of them reaches a file, loads
 * code or sees a setting: ATTACH, virtual tables and load_extension() are errors, PRAGMA does
 * nothing. One that works for long, or makes much, ends with an error. */
bool sqlite_open_scratch(struct sqlite **ret, struct err *err) MUST_CHECK;
void sqlite_set_wait(struct sqlite *sqlite, const struct wait *wait);
/* How long each wait for a lock of someone else may take; -1, the default: no limit but the wait's
 * deadline. */
void sqlite_set_patience(struct sqlite *sqlite, int64_t patience_ms);

/* True after an error that left no transaction open, as a full disk may. */
bool sqlite_in_transaction(const struct sqlite *sqlite);

/*
 * One statement with text parameters (?1 …); ret may be NULL. Errors: ERR_FAILED, ERR_BUSY when
 * another writer stayed in the way, ERR_SIGNAL, ERR_UNREACHABLE for a file that is no database or
 * cannot be read, written or grown. *ret_offset (may be NULL) is the byte offset of a syntax error,
 * or -1.
 */
bool sqlite_query(struct sqlite *sqlite, struct arena *arena, const char *sql, size_t len,
                  const char *const *params, size_t count, struct rows *ret, int *ret_offset,
                  struct err *err) MUST_CHECK;
bool sqlite_exec(struct sqlite *sqlite, const char *sql, struct err *err) MUST_CHECK;

/* Reads the statement and does not run it. Errors and *ret_offset as above. */
bool sqlite_compile(struct sqlite *sqlite, const char *sql, size_t len, int *ret_offset,
                    struct err *err) MUST_CHECK;

/*
 * Copies the database as it is now into the file, which is there and empty. Who writes meanwhile
 * goes on in WAL mode, and waits for the end elsewhere. The copy is compared: its schema, and
 * SQLite's integrity_check. Not inside a transaction. Errors: ERR_FAILED, ERR_BUSY, ERR_SIGNAL,
 * ERR_UNREACHABLE.
 */
bool sqlite_copy(struct sqlite *sqlite, struct arena *arena, const char *path,
                 struct err *err) MUST_CHECK;

/* Whether SQLite finds the file whole, and with the same schema as the database; ERR_FAILED. */
bool sqlite_check(struct arena *arena, const char *path, const struct wait *wait,
                  struct sqlite *same_as, struct err *err) MUST_CHECK;

/* Rolls back what is open, if anything; where even that fails, closing the connection does it. */
void sqlite_rollback(struct sqlite *sqlite);

/* Rows changed by the last statement; 0 where it was none that changes rows. */
long long sqlite_changes(const struct sqlite *sqlite);

#endif
