/*
 * Batches on PostgreSQL. The statement is sent and answered before the checkpoint is, as that
 * counts the changed rows; a transaction that is left in between ends by the server's clock.
 */
#include <string.h>

#include "base/fault.h"
#include "base/str.h"
#include "db/sqlstate.h"
#include "deploy/backfill.h"
#include "ledger/detail.h"

bool backfill_pg_ask(struct backfill *b, struct arena *arena, const char *sql,
                     const unsigned *types, const char *const *params, size_t count,
                     const char **ret, struct err *err)
{
    struct pg *const pg = b->run->ledger->pg;
    struct pg_answers answers;
    if (!pg_pipeline_begin(pg, err) ||
        !ledger_pg_enter(b->run->ledger, arena, &b->limits, b->run->last_change, err) ||
        !pg_pipeline_add_typed(pg, sql, types, params, count, err) ||
        !pg_pipeline_add(pg, "COMMIT", NULL, 0, err) ||
        !pg_pipeline_run(pg, arena, &answers, NULL, NULL, err))
        return false;
    *ret = answers.items[answers.count - 2].value;
    return true;
}

/* ---- windows ---- */

/* What JSON makes of a date reads the same in every session. */
static void put_values(struct str *sql, const struct backfill *b)
{
    for (size_t i = 0; i < b->key.count; i++)
        str_printf(sql, ", %ss.k%zu%s", b->key.dates[i] ? "pg_catalog.to_jsonb(" : "", i,
                   b->key.dates[i] ? ") #>> '{}'" : "::pg_catalog.text");
}

static void put_columns(struct str *sql, const struct backfill *b, const char *format_end)
{
    for (size_t i = 0; i < b->key.count; i++)
        str_printf(sql, "%sq.%s%s", i > 0 ? ", " : "", b->key.columns[i], format_end);
}

static void put_bounds(struct str *sql, const struct backfill *b, size_t first)
{
    for (size_t i = 0; i < b->key.count; i++)
        str_printf(sql, "%s$%zu", i > 0 ? ", " : "", first + i);
}

/* "[rows,key …]" of the last of so many rows: behind $1 … and up to the bounds after them. */
static const char *window_sql(const struct backfill *b, struct arena *arena)
{
    const size_t count = b->key.count;
    CLEANUP(str_release) struct str sql = {0};
    str_puts(&sql, "SELECT pg_catalog.json_build_array(count(*) OVER ()");
    put_values(&sql, b);
    str_puts(&sql, ") FROM (SELECT ");
    for (size_t i = 0; i < count; i++)
        str_printf(&sql, "%sq.%s AS k%zu", i > 0 ? ", " : "", b->key.columns[i], i);
    str_printf(&sql, " FROM %s AS q WHERE (", b->table);
    put_columns(&sql, b, "");
    str_puts(&sql, ") <= (");
    put_bounds(&sql, b, count + 1);
    if (b->at.reached != NULL) {
        str_puts(&sql, ") AND (");
        put_columns(&sql, b, "");
        str_puts(&sql, ") > (");
        put_bounds(&sql, b, 1);
    }
    str_puts(&sql, ") ORDER BY ");
    put_columns(&sql, b, "");
    str_printf(&sql, " LIMIT $%zu) AS s ORDER BY ", 2 * count + 1);
    for (size_t i = 0; i < count; i++)
        str_printf(&sql, "%ss.k%zu DESC", i > 0 ? ", " : "", i);
    str_puts(&sql, " LIMIT 1");
    return sql.failed ? NULL : arena_strdup(arena, str_text(&sql));
}

static const char *end_sql(const struct backfill *b, struct arena *arena)
{
    CLEANUP(str_release) struct str sql = {0};
    str_puts(&sql, "SELECT pg_catalog.json_build_array(1");
    put_values(&sql, b);
    str_puts(&sql, ") FROM (SELECT ");
    for (size_t i = 0; i < b->key.count; i++)
        str_printf(&sql, "%sq.%s AS k%zu", i > 0 ? ", " : "", b->key.columns[i], i);
    str_printf(&sql, " FROM %s AS q ORDER BY ", b->table);
    put_columns(&sql, b, " DESC");
    str_puts(&sql, " LIMIT 1) AS s");
    return sql.failed ? NULL : arena_strdup(arena, str_text(&sql));
}

/* NULL is a window of no rows. */
static bool read_window(struct arena *arena, const char *answer, struct window *ret,
                        struct err *err)
{
    *ret = (struct window){0};
    if (answer == NULL)
        return true;
    CLEANUP(json_release) json_t *array = json_loads(answer, 0, NULL);
    const int64_t rows = json_integer_value(json_array_get(array, 0));
    if (array == NULL || json_array_remove(array, 0) != 0)
        return err_nomem(err);
    *ret = (struct window){rows, detail_text(arena, array)};
    return ret->reached != NULL || err_nomem(err);
}

/* The server's planner knows the size of a table that was never analyzed, and of partitions. */
static bool guess_rows(struct backfill *b, struct arena *arena, int64_t *ret, struct err *err)
{
    const char *const sql = arena_printf(arena, "EXPLAIN (FORMAT JSON) SELECT FROM %s", b->table);
    const char *answer = NULL;
    if (sql == NULL)
        return err_nomem(err);
    if (!backfill_pg_ask(b, arena, sql, NULL, NULL, 0, &answer, err))
        return false;
    CLEANUP(json_release) json_t *plans = answer != NULL ? json_loads(answer, 0, NULL) : NULL;
    const json_t *const rows =
        json_object_get(json_object_get(json_array_get(plans, 0), "Plan"), "Plan Rows");
    *ret = json_is_number(rows) ? (int64_t)json_number_value(rows) : -1;
    return true;
}

static bool find_end(struct backfill *b, struct arena *arena, struct window *ret,
                     int64_t *ret_estimate, struct err *err)
{
    const char *const sql = end_sql(b, arena);
    const char *answer = NULL;
    if (sql == NULL)
        return err_nomem(err);
    return backfill_pg_ask(b, arena, sql, NULL, NULL, 0, &answer, err) &&
           read_window(arena, answer, ret, err) && guess_rows(b, arena, ret_estimate, err);
}

/* Lower bounds, NULL where there are none yet, and upper ones, with their types. */
struct bounds {
    const char *params[2 * BACKFILL_KEY_MAX + 1];
    unsigned types[2 * BACKFILL_KEY_MAX + 1];
};

static bool fill_bounds(const struct backfill *b, struct arena *arena, const char *upper,
                        struct bounds *ret, struct err *err)
{
    const size_t count = b->key.count;
    const char *values[BACKFILL_KEY_MAX];
    *ret = (struct bounds){0};
    if (b->at.reached != NULL) {
        if (!backfill_bounds(b, arena, b->at.reached, values, err))
            return false;
        memcpy(ret->params, values, count * sizeof *values);
    }
    if (!backfill_bounds(b, arena, upper, values, err))
        return false;
    memcpy(ret->params + count, values, count * sizeof *values);
    for (size_t i = 0; i < count; i++)
        ret->types[i] = ret->types[count + i] = b->key.types[i];
    return true;
}

static bool find_window(struct backfill *b, struct arena *arena, int64_t rows, struct window *ret,
                        struct err *err)
{
    enum { INT8_OID = 20 };
    const size_t limit = 2 * b->key.count;
    const char *const sql = window_sql(b, arena);
    const char *answer = NULL;
    struct bounds bounds;
    if (sql == NULL)
        return err_nomem(err);
    if (!fill_bounds(b, arena, b->at.until, &bounds, err))
        return false;
    bounds.types[limit] = INT8_OID;
    bounds.params[limit] = arena_printf(arena, "%lld", (long long)rows);
    if (bounds.params[limit] == NULL)
        return err_nomem(err);
    return backfill_pg_ask(b, arena, sql, bounds.types, bounds.params, limit + 1, &answer, err) &&
           read_window(arena, answer, ret, err);
}

/* ---- a batch ---- */

static const char *batch_sql(const struct backfill *b, struct arena *arena)
{
    const char *lower[BACKFILL_KEY_MAX], *upper[BACKFILL_KEY_MAX];
    if (b->statement->parameters > 0) /* the server's own syntax */
        return b->item->script.statements.items[0].sql;
    for (size_t i = 0; i < b->key.count; i++) {
        lower[i] = arena_printf(arena, "$%zu", i + 1);
        upper[i] = arena_printf(arena, "$%zu", b->key.count + i + 1);
        if (lower[i] == NULL || upper[i] == NULL)
            return NULL;
    }
    return batch_text(arena, DIALECT_POSTGRES, b->statement, b->key.columns, b->key.count,
                      b->at.reached != NULL ? lower : NULL, upper);
}

static bool run_statement(struct backfill *b, struct arena *arena, const struct window *window,
                          int64_t *ret_changed, struct err *err)
{
    struct ledger *const ledger = b->run->ledger;
    const size_t before = ledger_pg_enter_count(&b->limits);
    const char *const sql = batch_sql(b, arena);
    struct pg_answers answers = {0};
    struct bounds bounds;
    if (sql == NULL)
        return err_nomem(err);
    if (!fill_bounds(b, arena, window->reached, &bounds, err) ||
        !pg_pipeline_begin(ledger->pg, err) ||
        !ledger_pg_enter(ledger, arena, &b->limits, b->run->last_change, err) ||
        !pg_pipeline_add_typed(ledger->pg, sql, bounds.types, bounds.params, 2 * b->key.count, err))
        return false;
    if (!pg_pipeline_run(ledger->pg, arena, &answers, NULL, NULL, err)) {
        if (answers.count == before)
            apply_locate(b->item, &b->item->script.statements.items[0], 0, 0, err);
        return false;
    }
    *ret_changed = pg_tag_rows(answers.items[answers.count - 1].tag);
    return true;
}

static bool run_batch(struct backfill *b, struct arena *arena, const struct window *window,
                      struct checkpoint *to, struct err *err)
{
    struct ledger *const ledger = b->run->ledger;
    struct pg_answers answers = {0};
    int64_t changed = 0;
    if (!run_statement(b, arena, window, &changed, err))
        return false;
    to->changed += changed;
    fault_point("batch statement");
    if (!pg_pipeline_begin(ledger->pg, err) ||
        !pg_pipeline_add(ledger->pg, "RESET SESSION AUTHORIZATION", NULL, 0, err) ||
        !checkpoint_move(ledger, arena, &b->at, to, err) ||
        !pg_pipeline_add(ledger->pg, "COMMIT", NULL, 0, err) ||
        !pg_pipeline_add(ledger->pg, "RESET ALL", NULL, 0, err))
        return false;
    fault_point("batch commit");
    if (!pg_pipeline_run(ledger->pg, arena, &answers, NULL, NULL, err)) {
        const bool moved = answers.count == 1 && strcmp(err->sqlstate, LEDGER_NOT_ONE_ROW) == 0;
        return moved && backfill_replan(err);
    }
    return pg_committed(&answers.items[2], err);
}

/* ---- the end ---- */

static bool finish(struct backfill *b, struct arena *arena, struct err *err)
{
    struct run *const run = b->run;
    struct ledger *const ledger = run->ledger;
    struct pg_answers answers = {0};
    struct entry *rows = NULL;
    size_t row_count = 0;
    if (!apply_rows(run, b->item, 0, -1, &rows, &row_count, err) ||
        (ledger->direct && !forget_now(run, err)) || !pg_pipeline_begin(ledger->pg, err) ||
        !ledger_pg_enter(ledger, arena, &b->limits, run->last_change, err) ||
        !pg_pipeline_add(ledger->pg, "RESET SESSION AUTHORIZATION", NULL, 0, err) ||
        (b->at.until != NULL && !checkpoint_remove(ledger, arena, &b->at, err)) ||
        !ledger_pg_leave(ledger, arena, rows, row_count, err))
        return false;
    fault_point("backfill commit");
    if (!pg_pipeline_run(ledger->pg, run->arena, &answers, NULL, NULL, err) ||
        !pg_committed(&answers.items[answers.count - 2], err))
        return false;
    fault_point("committed");
    return apply_committed(run, b->item, 0,
                           &(struct receipt){answers.items[answers.count - 3].value},
                           run->counted.work_ms, err);
}

const struct backfill_engine backfill_pg = {find_end, find_window, run_batch, finish};
