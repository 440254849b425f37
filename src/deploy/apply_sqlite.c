/*
 * One unit on SQLite: BEGIN IMMEDIATE, statements, journal row, COMMIT.
 *
 * Foreign keys are off while it runs, as SQLite's own procedure for rebuilding a table demands:
 * with them on, DROP TABLE deletes the rows that refer to the table. Before the commit all foreign
 * keys are checked, and rows that break one and did not before undo the migration.
 */
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/fault.h"
#include "deploy/orphan.h"
#include "deploy/run.h"

static bool run_statements(struct run *run, const struct plan_item *item, const struct unit *unit,
                           struct err *err)
{
    run->counted = (struct counted){.known = item->migration->kind == KIND_DATA};
    for (size_t i = 0; i < unit->count; i++) {
        const struct script_statement *const statement =
            &item->script.statements.items[unit->first + i];
        int offset = -1;
        if (!sqlite_query(run->ledger->sqlite, run->arena, statement->sql, strlen(statement->sql),
                          NULL, 0, NULL, &offset, err)) {
            apply_locate(item, statement, 0, offset, err);
            return false;
        }
        run->counted.rows += sqlite_changes(run->ledger->sqlite);
        if (apply_over_limit(run, item))
            return apply_refuse_rows(run, item, err);
        deploy_tell(&run->options->listener,
                    &(struct deploy_event){.type = DEPLOY_STATEMENT,
                                           .id = item->migration->id,
                                           .number = i + 1,
                                           .total = unit->count,
                                           .line = statement->statement.line,
                                           .column = statement->statement.column});
    }
    return true;
}

/* Such statements change no row and take no key away: they break no foreign key, and checking all
 * of them would read every row that refers to another, twice, under the write lock. */
static bool keeps_keys(const struct plan_item *item, const struct unit *unit)
{
    static const char *const patterns[] = {
        "CREATE TABLE [IF NOT EXISTS] $name ()", /* not AS SELECT; rows that refer to a table that
                                                    was not there refer to nothing after it too */
        "CREATE [UNIQUE] INDEX",
        "CREATE|DROP VIEW|TRIGGER",
    };
    for (size_t i = 0; i < unit->count; i++) {
        const struct span text = item->script.statements.items[unit->first + i].statement.text;
        bool known = false;
        for (size_t p = 0; !known && p < COUNT_OF(patterns); p++)
            known = sql_starts_with(DIALECT_SQLITE, text, patterns[p]);
        if (!known)
            return false;
    }
    return true;
}

/* Rows that refer to nothing are there after the statements: were they before? Looking back costs
 * a second run of the statements, but only where such rows are; looking before would cost everybody
 * a second reading of all rows that refer to another. */
static bool compare_with_before(struct run *run, const struct plan_item *item,
                                const struct unit *unit, const struct orphans *after,
                                struct err *err)
{
    struct sqlite *const sqlite = run->ledger->sqlite;
    struct orphans before;
    return sqlite_exec(sqlite, "ROLLBACK TO pawl_unit", err) &&
           orphans_read(sqlite, run->arena, item->script.drops_table, &before, err) &&
           run_statements(run, item, unit, err) && orphans_compare(&before, after, err);
}

/* The statements, and nothing that refers to nothing after them. */
static bool run_and_check(struct run *run, const struct plan_item *item, const struct unit *unit,
                          struct err *err)
{
    struct sqlite *const sqlite = run->ledger->sqlite;
    struct orphans after;
    fault_point("unit");
    if (keeps_keys(item, unit))
        return run_statements(run, item, unit, err);
    return sqlite_exec(sqlite, "SAVEPOINT pawl_unit", err) &&
           run_statements(run, item, unit, err) &&
           orphans_read(sqlite, run->arena, item->script.drops_table, &after, err) &&
           (after.count == 0 || compare_with_before(run, item, unit, &after, err));
}

/* Everything between BEGIN and COMMIT. */
static bool inside(struct run *run, const struct plan_item *item, size_t unit, const struct unit *u,
                   int64_t start_ms, struct receipt *receipt, struct err *err)
{
    struct entry *rows = NULL;
    size_t row_count = 0;
    if (!ledger_sqlite_expect(run->ledger, run->arena, run->last_change, err) ||
        !run_and_check(run, item, u, err))
        return false;
    fault_point("statements");
    if (!apply_rows(run, item, unit, clock_monotonic_ms() - start_ms, &rows, &row_count, err))
        return false;
    for (size_t i = 0; i < row_count; i++)
        if (!ledger_sqlite_append(run->ledger, run->arena, &rows[i], receipt, err))
            return false;
    return true;
}

static bool set_foreign_keys(struct run *run, bool on, struct err *err)
{
    return sqlite_exec(run->ledger->sqlite,
                       on ? "PRAGMA foreign_keys = ON" : "PRAGMA foreign_keys = OFF", err);
}

/* VACUUM, a change of journal mode: harmless to run again, so one row after it is enough. */
static bool run_alone(struct run *run, const struct plan_item *item, size_t unit,
                      const struct unit *u, int64_t start_ms, struct err *err)
{
    struct entry entry;
    struct receipt receipt;
    fault_point("step");
    if (!run_statements(run, item, u, err))
        return false;
    fault_point("step done");
    return apply_entry(run, item, unit, clock_monotonic_ms() - start_ms, &entry, err) &&
           ledger_append(run->ledger, run->arena, &entry, run->last_change, &receipt, err) &&
           apply_committed(run, item, unit, &receipt, clock_monotonic_ms() - start_ms, err);
}

bool apply_sqlite_unit(struct run *run, const struct plan_item *item, size_t unit, struct err *err)
{
    static const struct unit nothing = {0};
    const struct unit *const u =
        unit < item->script.units.count ? &item->script.units.items[unit] : &nothing;
    const int64_t start_ms = clock_monotonic_ms();
    struct receipt receipt = {NULL};

    if (u->alone)
        return run_alone(run, item, unit, u, start_ms, err);
    if (!set_foreign_keys(run, item->script.enforce_foreign, err) ||
        !sqlite_exec(run->ledger->sqlite, "BEGIN IMMEDIATE", err))
        return false;
    bool ok = inside(run, item, unit, u, start_ms, &receipt, err);
    if (ok) {
        fault_point("commit");
        ok = sqlite_exec(run->ledger->sqlite, "COMMIT", err);
    }
    if (!ok) {
        sqlite_rollback(run->ledger->sqlite);
        if (err->file == NULL && err->code != ERR_BUSY)
            err_at(err, item->migration->path, 0, 0);
        return false;
    }
    fault_point("committed");
    return apply_committed(run, item, unit, &receipt, clock_monotonic_ms() - start_ms, err);
}
