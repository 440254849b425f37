/*
 * Batches on SQLite. A bound is a literal as SQLite's own quote() writes it, so that a value of any
 * type is compared as what it is. Foreign keys are enforced: a batch that breaks one fails.
 */
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/str.h"
#include "deploy/backfill.h"
#include "ledger/detail.h"

static bool ask(struct backfill *b, struct arena *arena, const struct str *sql, struct rows *ret,
                struct err *err)
{
    if (sql->failed)
        return err_nomem(err);
    return sqlite_query(b->run->ledger->sqlite, arena, str_text(sql), sql->len, NULL, 0, ret, NULL,
                        err);
}

/* ---- windows ---- */

static void put_columns(struct str *sql, const struct backfill *b, const char *before,
                        const char *after)
{
    for (size_t i = 0; i < b->key.count; i++)
        str_printf(sql, "%s%s%s%s", i > 0 ? ", " : "", before, b->key.columns[i], after);
}

static void put_values(struct str *sql, const char *const *values, size_t count)
{
    for (size_t i = 0; i < count; i++)
        str_printf(sql, "%s%s", i > 0 ? ", " : "", values[i]);
}

static bool read_window(struct arena *arena, const struct rows *rows, struct window *ret,
                        struct err *err)
{
    *ret = (struct window){0};
    if (rows->count == 0)
        return true;
    CLEANUP(json_release) json_t *list = json_array();
    for (size_t i = 1; list != NULL && i < rows->columns; i++)
        if (json_array_append_new(list, json_string(rows_get(rows, 0, i))) != 0)
            return err_set(err, ERR_FAILED, "the key is no UTF-8");
    *ret = (struct window){strtoll(rows_get(rows, 0, 0), NULL, 10), detail_text(arena, list)};
    return ret->reached != NULL || err_nomem(err);
}

static bool find_end(struct backfill *b, struct arena *arena, struct window *ret,
                     int64_t *ret_estimate, struct err *err)
{
    CLEANUP(str_release) struct str last = {0}, count = {0};
    struct rows rows;
    str_puts(&last, "SELECT 1, ");
    put_columns(&last, b, "quote(q.", ")");
    str_printf(&last, " FROM %s AS q ORDER BY ", b->table);
    put_columns(&last, b, "q.", " DESC");
    str_puts(&last, " LIMIT 1");
    str_printf(&count, "SELECT count(*) FROM %s", b->table);
    if (!ask(b, arena, &last, &rows, err) || !read_window(arena, &rows, ret, err) ||
        !ask(b, arena, &count, &rows, err))
        return false;
    *ret_estimate = strtoll(rows_get(&rows, 0, 0), NULL, 10);
    return true;
}

static bool find_window(struct backfill *b, struct arena *arena, int64_t rows, struct window *ret,
                        struct err *err)
{
    const size_t count = b->key.count;
    const char *values[BACKFILL_KEY_MAX];
    CLEANUP(str_release) struct str sql = {0};
    struct rows answer;
    str_puts(&sql, "SELECT count(*) OVER (), ");
    for (size_t i = 0; i < count; i++)
        str_printf(&sql, "%squote(k%zu)", i > 0 ? ", " : "", i);
    str_puts(&sql, " FROM (SELECT ");
    for (size_t i = 0; i < count; i++)
        str_printf(&sql, "%sq.%s AS k%zu", i > 0 ? ", " : "", b->key.columns[i], i);
    str_printf(&sql, " FROM %s AS q WHERE (", b->table);
    put_columns(&sql, b, "q.", "");
    str_puts(&sql, ") <= (");
    if (!backfill_bounds(b, arena, b->at.until, values, err))
        return false;
    put_values(&sql, values, count);
    if (b->at.reached != NULL) {
        if (!backfill_bounds(b, arena, b->at.reached, values, err))
            return false;
        str_puts(&sql, ") AND (");
        put_columns(&sql, b, "q.", "");
        str_puts(&sql, ") > (");
        put_values(&sql, values, count);
    }
    str_puts(&sql, ") ORDER BY ");
    put_columns(&sql, b, "q.", "");
    str_printf(&sql, " LIMIT %" PRId64 ") ORDER BY ", rows);
    for (size_t i = 0; i < count; i++)
        str_printf(&sql, "%sk%zu DESC", i > 0 ? ", " : "", i);
    str_puts(&sql, " LIMIT 1");
    return ask(b, arena, &sql, &answer, err) && read_window(arena, &answer, ret, err);
}

/* ---- a batch ---- */

static const char *batch_sql(const struct backfill *b, struct arena *arena,
                             const struct window *window, struct err *err)
{
    const char *lower[BACKFILL_KEY_MAX], *upper[BACKFILL_KEY_MAX];
    const bool first = b->at.reached == NULL;
    if ((!first && !backfill_bounds(b, arena, b->at.reached, lower, err)) ||
        !backfill_bounds(b, arena, window->reached, upper, err))
        return NULL;
    const char *const sql = batch_text(arena, DIALECT_SQLITE, b->statement, b->key.columns,
                                       b->key.count, first ? NULL : lower, upper);
    if (sql == NULL)
        (void)err_nomem(err);
    return sql;
}

static bool inside(struct backfill *b, struct arena *arena, const char *sql, struct checkpoint *to,
                   struct err *err)
{
    struct ledger *const ledger = b->run->ledger;
    if (!ledger_sqlite_expect(ledger, arena, b->run->last_change, err))
        return false;
    if (!sqlite_query(ledger->sqlite, arena, sql, strlen(sql), NULL, 0, NULL, NULL, err)) {
        apply_locate(b->item, &b->item->script.statements.items[0], 0, 0, err);
        return false;
    }
    to->changed += sqlite_changes(ledger->sqlite);
    fault_point("batch statement");
    if (!checkpoint_move(ledger, arena, &b->at, to, err))
        return strcmp(err->sqlstate, LEDGER_NOT_ONE_ROW) == 0 && backfill_replan(err);
    fault_point("batch commit");
    return true;
}

static bool run_batch(struct backfill *b, struct arena *arena, const struct window *window,
                      struct checkpoint *to, struct err *err)
{
    struct sqlite *const sqlite = b->run->ledger->sqlite;
    const char *const sql = batch_sql(b, arena, window, err);
    if (sql == NULL)
        return false;
    if (!sqlite_exec(sqlite, "PRAGMA foreign_keys = ON", err) ||
        !sqlite_exec(sqlite, "BEGIN IMMEDIATE", err))
        return false;
    if (inside(b, arena, sql, to, err) && sqlite_exec(sqlite, "COMMIT", err))
        return true;
    sqlite_rollback(sqlite);
    return false;
}

/* ---- the end ---- */

static bool finish_inside(struct backfill *b, struct arena *arena, struct receipt *receipt,
                          struct err *err)
{
    struct run *const run = b->run;
    struct entry *rows = NULL;
    size_t row_count = 0;
    if (!ledger_sqlite_expect(run->ledger, arena, run->last_change, err) ||
        (b->at.until != NULL && !checkpoint_remove(run->ledger, arena, &b->at, err)) ||
        !apply_rows(run, b->item, 0, run->counted.work_ms, &rows, &row_count, err))
        return false;
    for (size_t i = 0; i < row_count; i++)
        if (!ledger_sqlite_append(run->ledger, run->arena, &rows[i], receipt, err))
            return false;
    fault_point("backfill commit");
    return true;
}

static bool finish(struct backfill *b, struct arena *arena, struct err *err)
{
    struct sqlite *const sqlite = b->run->ledger->sqlite;
    struct receipt receipt = {NULL};
    if (!sqlite_exec(sqlite, "BEGIN IMMEDIATE", err))
        return false;
    if (!finish_inside(b, arena, &receipt, err) || !sqlite_exec(sqlite, "COMMIT", err)) {
        sqlite_rollback(sqlite);
        return false;
    }
    fault_point("committed");
    return apply_committed(b->run, b->item, 0, &receipt, b->run->counted.work_ms, err);
}

const struct backfill_engine backfill_sqlite = {find_end, find_window, run_batch, finish};
