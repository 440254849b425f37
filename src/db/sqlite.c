/* SQLite behind the same shape as db/pg.c. */
#include <limits.h>
#include <pthread.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/library.h"
#include "base/mem.h"
#include "db/sqlite_parts.h"

/* The pause between two looks at a lock that another writer holds, and how many virtual-machine
 * steps pass between two looks at the cancel descriptor. */
enum { BUSY_PAUSE_MS = 5, STEPS_BETWEEN_CANCEL_CHECKS = 10000 };

static const struct sqlite_library *load(struct err *err)
{
    /* Written once under the lock and only read after that. */
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static struct sqlite_library table;
    static bool loaded;
    const struct library_symbol symbols[] = {
#define X(name) {#name, (void **)&table.name},
        SQLITE_FUNCTIONS(X)
#undef X
    };
    (void)pthread_mutex_lock(&lock); /* a plain mutex, never locked twice by a thread */
    if (!loaded)
        loaded = library_load("libsqlite3.so.0", "libsqlite3-0", symbols, COUNT_OF(symbols), err);
    const bool ok = loaded;
    (void)pthread_mutex_unlock(&lock);
    return ok ? &table : NULL;
}

/* SQLite calls this when a lock is held by someone else: non-zero tries again. */
static int wait_for_writer(void *context, int tries)
{
    struct sqlite *sqlite = context;
    CLEANUP(err_release) struct err ignored = {0};
    const int64_t now_ms = clock_monotonic_ms();
    if (tries == 0)
        sqlite->busy_since_ms = now_ms;
    if (sqlite->patience_ms >= 0 && now_ms - sqlite->busy_since_ms >= sqlite->patience_ms)
        return 0;
    return wait_sleep(wait_jitter_ms(BUSY_PAUSE_MS), &sqlite->wait, &ignored);
}

/* SQLite calls this now and then during a long statement: non-zero interrupts it. */
static int check_cancel(void *context)
{
    struct sqlite *sqlite = context;
    if (sqlite->rests_left > 0)
        sqlite->rests_left--;
    return sqlite->rests_left == 0 || wait_cancelled(&sqlite->wait);
}

struct code_row {
    int code; /* a primary result code */
    enum err_code err;
};

static const struct code_row code_rows[] = {
    {SQLITE_BUSY, ERR_BUSY},
    {SQLITE_LOCKED, ERR_BUSY},
    {SQLITE_INTERRUPT, ERR_SIGNAL},
    {SQLITE_NOMEM, ERR_NOMEM},
    {SQLITE_CANTOPEN, ERR_UNREACHABLE},
    {SQLITE_NOTADB, ERR_UNREACHABLE},
    {SQLITE_CORRUPT, ERR_UNREACHABLE},
    {SQLITE_IOERR, ERR_UNREACHABLE},
    {SQLITE_FULL, ERR_FAILED},
    {SQLITE_READONLY, ERR_REFUSED},
    {SQLITE_PERM, ERR_UNREACHABLE},
    {SQLITE_AUTH, ERR_UNREACHABLE},
};

bool sqlite_fail(const struct sqlite *sqlite, struct err *err)
{
    const int code = sqlite->library->sqlite3_extended_errcode(sqlite->handle) & 0xff;
    enum err_code result = ERR_FAILED;
    for (size_t i = 0; i < COUNT_OF(code_rows); i++)
        if (code_rows[i].code == code)
            result = code_rows[i].err;
    if (result == ERR_BUSY && wait_cancelled(&sqlite->wait))
        result = ERR_SIGNAL;
    (void)err_set(err, result, "%s",
                  result == ERR_SIGNAL ? "stopped on request"
                                       : sqlite->library->sqlite3_errmsg(sqlite->handle));
    if (result == ERR_UNREACHABLE || result == ERR_REFUSED)
        err_detail(err, "the file is %s", sqlite->path);
    err->retryable = result == ERR_BUSY;
    return false;
}

bool sqlite_open(const char *path, enum sqlite_mode mode, const struct wait *wait,
                 struct sqlite **ret, struct err *err)
{
    static const int flags[] = {
        [SQLITE_MODE_READ] = SQLITE_OPEN_READONLY,
        [SQLITE_MODE_WRITE] = SQLITE_OPEN_READWRITE,
        [SQLITE_MODE_CREATE] = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE,
    };
    const struct sqlite_library *library = load(err);
    if (library == NULL)
        return false;
    CLEANUP(sqlite_close) struct sqlite *sqlite = mem_alloc(sizeof *sqlite);
    if (sqlite == NULL)
        return err_nomem(err);
    *sqlite = (struct sqlite){
        .library = library, .path = path, .wait = *wait, .patience_ms = -1, .rests_left = -1};
    const int code = library->sqlite3_open_v2(path, &sqlite->handle, flags[mode], NULL);
    if (code != SQLITE_OK && sqlite->handle == NULL)
        return err_nomem(err);
    if (code != SQLITE_OK) {
        (void)sqlite_fail(sqlite, err);
        err_prefix(err, "cannot open the database");
        return false;
    }
    /* Neither call can fail with a valid handle. */
    (void)library->sqlite3_busy_handler(sqlite->handle, wait_for_writer, sqlite);
    library->sqlite3_progress_handler(sqlite->handle, STEPS_BETWEEN_CANCEL_CHECKS, check_cancel,
                                      sqlite);
    *ret = sqlite;
    sqlite = NULL;
    return true;
}

/* ---- a scratch database ---- */

enum {
    SCRATCH_VALUE_BYTES = 1 << 20,
    SCRATCH_RESTS = 100, /* a million steps: a tenth of a second */
};

/* SQLite asks for each thing that a statement would do. */
static int guard(void *context, int action, const char *first, const char *second,
                 const char *database, const char *trigger)
{
    (void)context, (void)first, (void)database, (void)trigger;
    switch (action) {
    case SQLITE_PRAGMA:
        return SQLITE_IGNORE;
    case SQLITE_ATTACH:
    case SQLITE_DETACH:
    case SQLITE_CREATE_VTABLE:
    case SQLITE_DROP_VTABLE:
        return SQLITE_DENY;
    case SQLITE_FUNCTION: /* its name comes second */
        return second != NULL && strcasecmp(second, "load_extension") == 0 ? SQLITE_DENY
                                                                           : SQLITE_OK;
    default:
        return SQLITE_OK;
    }
}

bool sqlite_open_scratch(struct sqlite **ret, struct err *err)
{
    const struct wait none = {.cancel_fd = -1};
    CLEANUP(sqlite_close) struct sqlite *sqlite = NULL;
    if (!sqlite_open(":memory:", SQLITE_MODE_CREATE, &none, &sqlite, err) ||
        !sqlite_exec(sqlite, "PRAGMA max_page_count = 4096", err) ||
        !sqlite_exec(sqlite, "PRAGMA temp_store = MEMORY", err))
        return false;
    (void)sqlite->library->sqlite3_limit(sqlite->handle, SQLITE_LIMIT_LENGTH, SCRATCH_VALUE_BYTES);
    if (sqlite->library->sqlite3_set_authorizer(sqlite->handle, guard, NULL) != SQLITE_OK)
        return sqlite_fail(sqlite, err);
    sqlite->rests_left = SCRATCH_RESTS;
    *ret = sqlite;
    sqlite = NULL;
    return true;
}

void sqlite_close(struct sqlite **sqlite)
{
    struct sqlite *const s = *sqlite;
    if (s == NULL)
        return;
    if (s->handle != NULL)
        (void)s->library->sqlite3_close_v2(s->handle); /* rolls back what is open */
    free(s);
    *sqlite = NULL;
}

void sqlite_set_wait(struct sqlite *sqlite, const struct wait *wait)
{
    sqlite->wait = *wait;
}

void sqlite_set_patience(struct sqlite *sqlite, int64_t patience_ms)
{
    sqlite->patience_ms = patience_ms;
}

bool sqlite_in_transaction(const struct sqlite *sqlite)
{
    return !sqlite->library->sqlite3_get_autocommit(sqlite->handle);
}

static bool bind(const struct sqlite *sqlite, sqlite3_stmt *stmt, const char *const *params,
                 size_t count)
{
    for (size_t i = 0; i < count; i++) {
        /* The texts outlive the statement: no copy. */
        const int code = params[i] == NULL ? sqlite->library->sqlite3_bind_null(stmt, (int)i + 1)
                                           : sqlite->library->sqlite3_bind_text(
                                                 stmt, (int)i + 1, params[i], -1, SQLITE_STATIC);
        if (code != SQLITE_OK)
            return false;
    }
    return true;
}

struct cells {
    const char **items;
    size_t count, capacity;
};

static bool copy_row(const struct sqlite *sqlite, struct arena *arena, sqlite3_stmt *stmt,
                     struct cells *cells, struct err *err)
{
    const struct sqlite_library *const library = sqlite->library;
    const int columns = library->sqlite3_column_count(stmt);
    for (int c = 0; c < columns; c++) {
        const char **cell = arena_push(arena, cells);
        if (cell == NULL)
            return err_nomem(err);
        if (library->sqlite3_column_type(stmt, c) == SQLITE_NULL)
            continue;
        const char *text = (const char *)library->sqlite3_column_text(stmt, c);
        const int len = library->sqlite3_column_bytes(stmt, c);
        *cell = text != NULL ? arena_strndup(arena, text, (size_t)len) : NULL;
        if (*cell == NULL)
            return err_nomem(err);
    }
    return true;
}

static bool step_to_end(const struct sqlite *sqlite, struct arena *arena, sqlite3_stmt *stmt,
                        struct rows *ret, struct err *err)
{
    struct cells cells = {0};
    struct rows rows = {.columns = (size_t)sqlite->library->sqlite3_column_count(stmt)};
    int code;
    while ((code = sqlite->library->sqlite3_step(stmt)) == SQLITE_ROW) {
        rows.count++;
        if (ret != NULL && !copy_row(sqlite, arena, stmt, &cells, err))
            return false;
    }
    if (code != SQLITE_DONE)
        return sqlite_fail(sqlite, err);
    rows.cells = cells.items;
    if (ret != NULL)
        *ret = rows;
    return true;
}

bool sqlite_query(struct sqlite *sqlite, struct arena *arena, const char *sql, size_t len,
                  const char *const *params, size_t count, struct rows *ret, int *ret_offset,
                  struct err *err)
{
    const struct sqlite_library *const library = sqlite->library;
    sqlite3_stmt *stmt = NULL;
    if (ret_offset != NULL)
        *ret_offset = -1;
    if (len > INT_MAX)
        return err_set(err, ERR_REFUSED, "a statement is longer than 2 GB");
    if (sqlite->rests_left >= 0)
        sqlite->rests_left = SCRATCH_RESTS;
    bool ok = library->sqlite3_prepare_v2(sqlite->handle, sql, (int)len, &stmt, NULL) == SQLITE_OK;
    if (!ok) {
        (void)sqlite_fail(sqlite, err);
        if (ret_offset != NULL)
            *ret_offset = library->sqlite3_error_offset(sqlite->handle);
    } else if (stmt != NULL) { /* NULL: only comments */
        ok = bind(sqlite, stmt, params, count) ? step_to_end(sqlite, arena, stmt, ret, err)
                                               : sqlite_fail(sqlite, err);
        /* SQLite goes on to give the number of the last one that changed any. */
        sqlite->changes =
            library->sqlite3_stmt_readonly(stmt) ? 0 : library->sqlite3_changes64(sqlite->handle);
    }
    (void)library->sqlite3_finalize(stmt); /* repeats the error of the step */
    return ok;
}

bool sqlite_compile(struct sqlite *sqlite, const char *sql, size_t len, int *ret_offset,
                    struct err *err)
{
    const struct sqlite_library *const library = sqlite->library;
    sqlite3_stmt *stmt = NULL;
    *ret_offset = -1;
    if (len > INT_MAX)
        return err_set(err, ERR_REFUSED, "a statement is longer than 2 GB");
    const int code = library->sqlite3_prepare_v2(sqlite->handle, sql, (int)len, &stmt, NULL);
    if (code != SQLITE_OK)
        *ret_offset = library->sqlite3_error_offset(sqlite->handle);
    (void)library->sqlite3_finalize(stmt); /* never ran */
    return code == SQLITE_OK || sqlite_fail(sqlite, err);
}

bool sqlite_exec(struct sqlite *sqlite, const char *sql, struct err *err)
{
    return sqlite_query(sqlite, NULL, sql, strlen(sql), NULL, 0, NULL, NULL, err);
}

void sqlite_rollback(struct sqlite *sqlite)
{
    CLEANUP(err_release) struct err ignored = {0};
    if (sqlite_in_transaction(sqlite) && !sqlite_exec(sqlite, "ROLLBACK", &ignored))
        return; /* closing does it */
}

long long sqlite_changes(const struct sqlite *sqlite)
{
    return sqlite->changes;
}
