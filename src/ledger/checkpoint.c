/* The rows of one table, read and written on either engine. */
#include "ledger/checkpoint.h"

#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/str.h"
#include "ledger/schema.h"

/* The table, and the present moment, in a template. */
static const char *sql_of(struct ledger *ledger, struct arena *arena, const char *pg,
                          const char *sqlite)
{
    return ledger_sql(arena, ledger->pg != NULL ? pg : sqlite, ledger->name);
}

static const char *number(struct arena *arena, int64_t value)
{
    return arena_printf(arena, "%" PRId64, value);
}

static bool filled(const struct ledger_write *write, const bool *nullable)
{
    for (size_t i = 0; i < write->count; i++)
        if (write->params[i] == NULL && !nullable[i])
            return false;
    return write->sql != NULL;
}

/* ---- reading ---- */

/* Asked first: a query of a table that is not there is an error in the server's log. */
static bool there(struct ledger *ledger, struct arena *arena, bool *ret, struct err *err)
{
    static const char pg[] =
        "SELECT 1 FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n"
        " ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relname = 'checkpoint'"
        " AND pg_catalog.has_table_privilege(c.oid, 'SELECT')";
    struct rows rows;
    if (ledger->pg != NULL) {
        const bool asked = pg_query(ledger->pg, arena, pg, &ledger->name, 1, &rows, err);
        *ret = asked && rows.count > 0;
        return asked;
    }
    const char *const sql = ledger_sql(
        arena, "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = '{ledger}_checkpoint'",
        ledger->name);
    if (sql == NULL)
        return err_nomem(err);
    if (!sqlite_query(ledger->sqlite, arena, sql, strlen(sql), NULL, 0, &rows, NULL, err))
        return false;
    *ret = rows.count > 0;
    return true;
}

#define COLUMNS                                                                                    \
    "SELECT migration, checksum, key, reached, until, estimate, walked, changed, batches, ms,"     \
    " paused_by, paused_reason, "
#define EPOCH_US(column)                                                                           \
    "pg_catalog.round(extract(epoch FROM " column ") * 1000000)::pg_catalog.int8"

/* *ret->table is false where this is no table that can be read. */
static bool read_rows(struct ledger *ledger, struct arena *arena, struct checkpoints *list,
                      struct rows *ret, struct err *err)
{
    static const char pg[] = COLUMNS EPOCH_US("started_at") ", " EPOCH_US(
        "updated_at") ", " EPOCH_US("paused_at") " FROM {ledger}.checkpoint ORDER BY migration";
    static const char sqlite[] = COLUMNS "started_at, updated_at, paused_at"
                                         " FROM {ledger}_checkpoint ORDER BY migration";
    const char *const sql = sql_of(ledger, arena, pg, sqlite);
    *ret = (struct rows){0};
    if (sql == NULL)
        return err_nomem(err);
    if (!there(ledger, arena, &list->table, err))
        return false;
    if (!list->table)
        return true;
    return ledger->pg != NULL
               ? pg_query(ledger->pg, arena, sql, NULL, 0, ret, err)
               : sqlite_query(ledger->sqlite, arena, sql, strlen(sql), NULL, 0, ret, NULL, err);
}

static int64_t to_number(const char *text)
{
    return text != NULL ? strtoll(text, NULL, 10) : 0;
}

bool checkpoint_list(struct ledger *ledger, struct arena *arena, struct checkpoints *ret,
                     struct err *err)
{
    struct rows rows;
    *ret = (struct checkpoints){0};
    if (!read_rows(ledger, arena, ret, &rows, err))
        return false;
    for (size_t r = 0; r < rows.count; r++) {
        struct checkpoint *const item = arena_push(arena, ret);
        if (item == NULL)
            return err_nomem(err);
        *item = (struct checkpoint){
            .migration = rows_get(&rows, r, 0),
            .checksum = rows_get(&rows, r, 1),
            .key = rows_get(&rows, r, 2),
            .reached = rows_get(&rows, r, 3),
            .until = rows_get(&rows, r, 4),
            .estimate = to_number(rows_get(&rows, r, 5)),
            .walked = to_number(rows_get(&rows, r, 6)),
            .changed = to_number(rows_get(&rows, r, 7)),
            .batches = to_number(rows_get(&rows, r, 8)),
            .ms = to_number(rows_get(&rows, r, 9)),
            .paused_by = rows_get(&rows, r, 10),
            .paused_reason = rows_get(&rows, r, 11),
            .started_us = to_number(rows_get(&rows, r, 12)),
            .updated_us = to_number(rows_get(&rows, r, 13)),
            .paused_us = to_number(rows_get(&rows, r, 14)),
        };
    }
    return true;
}

const struct checkpoint *checkpoints_find(const struct checkpoints *list, const char *migration)
{
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->items[i].migration, migration) == 0)
            return &list->items[i];
    return NULL;
}

int checkpoint_percent(const struct checkpoint *checkpoint)
{
    if (checkpoint->estimate <= 0)
        return -1;
    if (checkpoint->walked >= checkpoint->estimate)
        return 99;
    return (int)(100 * checkpoint->walked / checkpoint->estimate);
}

int64_t checkpoint_left_ms(const struct checkpoint *checkpoint, int64_t rows_per_s)
{
    if (rows_per_s <= 0 || checkpoint->estimate <= checkpoint->walked)
        return -1;
    return (checkpoint->estimate - checkpoint->walked) * 1000 / rows_per_s;
}

const char *checkpoint_text(struct arena *arena, const struct checkpoint *checkpoint,
                            int64_t rows_per_s)
{
    char left[CLOCK_ISO_BYTES];
    CLEANUP(str_release) struct str text = {0};
    const int percent = checkpoint_percent(checkpoint);
    const int64_t left_ms = checkpoint_left_ms(checkpoint, rows_per_s);
    str_printf(&text, "%" PRId64, checkpoint->walked);
    if (percent >= 0)
        str_printf(&text, " of about %" PRId64 " rows (%d %%)", checkpoint->estimate, percent);
    else
        str_puts(&text, " rows");
    if (rows_per_s > 0)
        str_printf(&text, ", %" PRId64 " rows/s", rows_per_s);
    if (left_ms >= 0) {
        clock_format_elapsed_ms(left_ms, left);
        str_printf(&text, ", %s left", left);
    }
    return text.failed ? NULL : arena_strdup(arena, str_text(&text));
}

/* ---- writing ---- */

bool checkpoint_begin(struct ledger *ledger, struct arena *arena, const struct checkpoint *first,
                      bool table, const struct entry *entry, int64_t expected_change,
                      struct receipt *ret, struct err *err)
{
    enum { MOST_WRITES = 5 };
    const char *const *const making =
        ledger->pg != NULL ? ledger_checkpoint_pg : ledger_checkpoint_sqlite;
    struct ledger_write writes[MOST_WRITES] = {0};
    size_t count = 0;
    for (size_t i = 0; !table && making[i] != NULL && count + 1 < MOST_WRITES; i++) {
        writes[count].sql = ledger_sql(arena, making[i], ledger->name);
        if (writes[count++].sql == NULL)
            return err_nomem(err);
    }
    writes[count] = (struct ledger_write){
        .sql = sql_of(ledger, arena,
                      "INSERT INTO {ledger}.checkpoint (migration, checksum, key, until, estimate)"
                      " VALUES ($1, $2, $3, $4, $5)",
                      "INSERT INTO {ledger}_checkpoint (migration, checksum, key, until, estimate,"
                      " started_at, updated_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6)"),
        .params = {first->migration, first->checksum, first->key, first->until,
                   number(arena, first->estimate), number(arena, clock_utc_us())},
        .count = ledger->pg != NULL ? 5 : 6,
        .one_row = true,
    };
    if (!filled(&writes[count++], (const bool[12]){false}))
        return err_nomem(err);
    return ledger_append_with(ledger, arena, writes, count, entry, expected_change, ret, err);
}

bool checkpoint_move(struct ledger *ledger, struct arena *arena, const struct checkpoint *from,
                     const struct checkpoint *to, struct err *err)
{
    const struct ledger_write write = {
        .sql = sql_of(ledger, arena,
                      "UPDATE {ledger}.checkpoint SET reached = $3, walked = $4, changed = $5,"
                      " batches = $6, ms = $7, updated_at = pg_catalog.clock_timestamp()"
                      " WHERE migration = $1 AND reached IS NOT DISTINCT FROM $2",
                      "UPDATE {ledger}_checkpoint SET reached = ?3, walked = ?4, changed = ?5,"
                      " batches = ?6, ms = ?7, updated_at = ?8"
                      " WHERE migration = ?1 AND reached IS ?2"),
        .params = {from->migration, from->reached, to->reached, number(arena, to->walked),
                   number(arena, to->changed), number(arena, to->batches), number(arena, to->ms),
                   number(arena, clock_utc_us())},
        .count = ledger->pg != NULL ? 7 : 8,
        .one_row = true,
    };
    if (!filled(&write, (const bool[12]){[1] = true}))
        return err_nomem(err);
    return ledger_write(ledger, arena, &write, err);
}

static bool removal(struct ledger *ledger, struct arena *arena, const struct checkpoint *at,
                    struct ledger_write *ret, struct err *err)
{
    *ret = (struct ledger_write){
        .sql = sql_of(ledger, arena,
                      "DELETE FROM {ledger}.checkpoint"
                      " WHERE migration = $1 AND reached IS NOT DISTINCT FROM $2",
                      "DELETE FROM {ledger}_checkpoint WHERE migration = ?1 AND reached IS ?2"),
        .params = {at->migration, at->reached},
        .count = 2,
        .one_row = true,
    };
    return ret->sql != NULL || err_nomem(err);
}

bool checkpoint_remove(struct ledger *ledger, struct arena *arena, const struct checkpoint *at,
                       struct err *err)
{
    struct ledger_write write;
    return removal(ledger, arena, at, &write, err) && ledger_write(ledger, arena, &write, err);
}

/* One of them in a transaction of its own. */
static bool write_alone(struct ledger *ledger, struct arena *arena,
                        const struct ledger_write *write, int64_t expected_change, struct err *err)
{
    static const struct limits limits = {.lock_timeout_ms = -1};
    struct pg_answers answers;
    if (ledger->pg != NULL)
        return pg_pipeline_begin(ledger->pg, err) &&
               ledger_pg_enter(ledger, arena, &limits, expected_change, err) &&
               ledger_write(ledger, arena, write, err) &&
               pg_pipeline_add(ledger->pg, "COMMIT", NULL, 0, err) &&
               pg_pipeline_run(ledger->pg, arena, &answers, NULL, NULL, err);
    if (!sqlite_exec(ledger->sqlite, "BEGIN IMMEDIATE", err))
        return false;
    if (ledger_sqlite_expect(ledger, arena, expected_change, err) &&
        ledger_write(ledger, arena, write, err) && sqlite_exec(ledger->sqlite, "COMMIT", err))
        return true;
    sqlite_rollback(ledger->sqlite);
    return false;
}

bool checkpoint_reset(struct ledger *ledger, struct arena *arena, const struct checkpoint *at,
                      int64_t expected_change, struct err *err)
{
    struct ledger_write write;
    return removal(ledger, arena, at, &write, err) &&
           write_alone(ledger, arena, &write, expected_change, err);
}

bool checkpoint_rename(struct ledger *ledger, struct arena *arena, const struct checkpoint *at,
                       const char *migration, int64_t expected_change, struct err *err)
{
    const struct ledger_write write = {
        .sql = sql_of(ledger, arena,
                      "UPDATE {ledger}.checkpoint SET migration = $2 WHERE migration = $1",
                      "UPDATE {ledger}_checkpoint SET migration = ?2 WHERE migration = ?1"),
        .params = {at->migration, migration},
        .count = 2,
        .one_row = true,
    };
    return write.sql != NULL ? write_alone(ledger, arena, &write, expected_change, err)
                             : err_nomem(err);
}

bool checkpoint_pause(struct ledger *ledger, struct arena *arena, const char *migration,
                      const char *by, const char *reason, const struct entry *entry,
                      struct receipt *ret, struct err *err)
{
    const struct ledger_write write = {
        .sql =
            sql_of(ledger, arena,
                   "UPDATE {ledger}.checkpoint SET paused_by = $2, paused_reason = $3,"
                   " paused_at = CASE WHEN $2::pg_catalog.text IS NOT NULL THEN "
                   "pg_catalog.clock_timestamp() END"
                   " WHERE migration = $1 AND (paused_by IS NULL) <> ($2::pg_catalog.text IS NULL)",
                   "UPDATE {ledger}_checkpoint SET paused_by = ?2, paused_reason = ?3,"
                   " paused_at = CASE WHEN ?2 IS NOT NULL THEN ?4 END"
                   " WHERE migration = ?1 AND (paused_by IS NULL) <> (?2 IS NULL)"),
        .params = {migration, by, reason, number(arena, clock_utc_us())},
        .count = ledger->pg != NULL ? 3 : 4,
        .one_row = true,
    };
    if (!filled(&write, (const bool[12]){[1] = true, [2] = true}))
        return err_nomem(err);
    return ledger_append_with(ledger, arena, &write, 1, entry, -1, ret, err);
}

bool checkpoint_cancel(struct ledger *ledger, struct arena *arena, const struct checkpoint *at,
                       const struct entry *entry, int64_t expected_change, struct receipt *ret,
                       struct err *err)
{
    struct ledger_write write;
    return removal(ledger, arena, at, &write, err) &&
           ledger_append_with(ledger, arena, &write, 1, entry, expected_change, ret, err);
}
