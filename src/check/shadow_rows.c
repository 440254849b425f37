/*
 * Rows of the target, copied table by table in one snapshot: all of them, or a sample.
 *
 * They come before keys, indexes and triggers are made, so that no order of tables is needed and
 * nothing fires. The target's connection reads alone, and waits for no lock for long.
 */
#include <inttypes.h>
#include <string.h>

#include "base/str.h"
#include "check/shadow_parts.h"

/* A table with rows of its own: a partition, for one, and not what it is a partition of. */
#define TABLES                                                                                     \
    " FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace"   \
    " WHERE c.relkind = 'r' AND c.relpersistence <> 't' AND n.nspname <> $1"                       \
    " AND n.nspname <> 'information_schema' AND NOT pg_catalog.starts_with(n.nspname, 'pg_')"      \
    " AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS d WHERE d.objid = c.oid"                 \
    " AND d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.deptype = 'e')"

enum { TABLE_NAME, TABLE_COLUMNS, TABLE_NOT_READ, TABLE_SOME_HIDDEN }; /* the last two: why */

static const char tables_sql[] =
    "SELECT pg_catalog.format('%I.%I', n.nspname, c.relname),"
    " (SELECT pg_catalog.string_agg(pg_catalog.quote_ident(a.attname), ', ' ORDER BY a.attnum)"
    "  FROM pg_catalog.pg_attribute AS a WHERE a.attrelid = c.oid AND a.attnum > 0"
    "  AND NOT a.attisdropped AND a.attgenerated = ''),"
    " CASE WHEN c.relpersistence = 'u' AND pg_catalog.pg_is_in_recovery()"
    "   THEN 'a standby does not have them'"
    "  WHEN NOT pg_catalog.has_table_privilege(c.oid, 'SELECT')"
    "   THEN 'the role may not read them' END,"
    " CASE WHEN pg_catalog.row_security_active(c.oid)"
    "   THEN 'row level security may hide some' END" TABLES " ORDER BY c.oid";

static const char size_sql[] =
    "SELECT coalesce(pg_catalog.sum(pg_catalog.pg_table_size(c.oid)), 0)::pg_catalog.int8" TABLES;

/* One that was never used has no value, nor has one that this role may not read. */
static const char sequences_sql[] =
    "SELECT pg_catalog.format('SELECT pg_catalog.setval(%L, %s, true)',"
    " pg_catalog.format('%I.%I', schemaname, sequencename), last_value)"
    " FROM pg_catalog.pg_sequences WHERE last_value IS NOT NULL AND schemaname <> $1";

/* ---- the snapshot ---- */

/* Values are written so that any server reads them back. */
static const char *const settings_sql[] = {
    "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
    "SET LOCAL lock_timeout = '5s'",
    "SET LOCAL statement_timeout = '1h'",
    "SET LOCAL idle_in_transaction_session_timeout = 0",
    "SET LOCAL DateStyle = 'ISO, YMD'",
    "SET LOCAL IntervalStyle = 'postgres'",
    "SET LOCAL extra_float_digits = 3",
};

bool shadow_rows_begin(struct shadow *shadow, const char **ret_name, struct err *err)
{
    struct pg *const target = shadow->options.target_connection;
    struct rows rows;
    for (size_t i = 0; i < COUNT_OF(settings_sql); i++)
        if (!pg_exec(target, settings_sql[i], err))
            return false;
    if (!pg_query(target, shadow->arena, "SELECT pg_catalog.pg_export_snapshot()", NULL, 0, &rows,
                  err))
        return false;
    *ret_name = rows_get(&rows, 0, 0);
    return true;
}

bool shadow_rows_end(struct shadow *shadow, struct err *err)
{
    return pg_exec(shadow->options.target_connection, "COMMIT", err);
}

/* ---- the tables ---- */

static bool check_size(struct shadow *shadow, const char *ledger, struct err *err)
{
    CLEANUP(str_release) struct str size = {0}, most = {0};
    struct rows rows;
    const int64_t allowed = shadow->options.rows.max_bytes;
    if (!pg_query(shadow->options.target_connection, shadow->arena, size_sql, &ledger, 1, &rows,
                  err))
        return false;
    const int64_t bytes = strtoll(rows_get(&rows, 0, 0), NULL, 10);
    if (bytes <= allowed)
        return true;
    str_put_size(&size, bytes);
    str_put_size(&most, allowed);
    (void)err_set(err, ERR_REFUSED, "the tables of the target have %s, and %s are allowed",
                  str_text(&size), str_text(&most));
    err_state(err, "Nothing was changed.");
    err_hint(err, "Allow more with --max-size, or take a sample: --data sample.");
    return false;
}

static bool leave_rows_out(struct shadow *shadow, const char *table, const char *why,
                           struct err *err)
{
    const char *const what = arena_printf(shadow->arena, "rows of %s", table);
    return what != NULL ? shadow_leave_out(shadow, what, why, err) : err_nomem(err);
}

static bool copy_table(struct shadow *shadow, struct pg *pg, const char *table, const char *columns,
                       struct err *err)
{
    const struct shadow_rows *const rows = &shadow->options.rows;
    struct arena *const arena = shadow->arena;
    struct shadow_facts *const facts = &shadow->facts;
    const char *const limit =
        rows->data == SHADOW_SAMPLE ? arena_printf(arena, " LIMIT %" PRId64, rows->per_table) : "";
    const char *const out = limit == NULL
                                ? NULL
                                : arena_printf(arena, "COPY (SELECT %s FROM ONLY %s%s) TO STDOUT",
                                               columns, table, limit);
    const char *const in = arena_printf(arena, "COPY %s (%s) FROM STDIN", table, columns);
    if (out == NULL || in == NULL)
        return err_nomem(err);
    facts->tables++;
    if (pg_copy(shadow->options.target_connection, out, pg, in, &facts->row_count,
                &facts->row_bytes, err))
        return true;
    err_prefix(err, "cannot copy the rows of %s", table);
    return false;
}

static bool copy_tables(struct shadow *shadow, struct pg *pg, const char *ledger, struct err *err)
{
    struct rows rows;
    if (!pg_query(shadow->options.target_connection, shadow->arena, tables_sql, &ledger, 1, &rows,
                  err))
        return false;
    for (size_t i = 0; i < rows.count; i++) {
        const char *const table = rows_get(&rows, i, TABLE_NAME);
        const char *const columns = rows_get(&rows, i, TABLE_COLUMNS);
        const char *const not_read = rows_get(&rows, i, TABLE_NOT_READ);
        const char *const why = not_read != NULL ? not_read : rows_get(&rows, i, TABLE_SOME_HIDDEN);
        if ((why != NULL && !leave_rows_out(shadow, table, why, err)) ||
            (not_read == NULL && columns != NULL && !copy_table(shadow, pg, table, columns, err)))
            return false;
    }
    return true;
}

static bool set_sequences(struct shadow *shadow, struct pg *pg, const char *ledger, struct err *err)
{
    struct rows rows;
    if (!pg_query(shadow->options.target_connection, shadow->arena, sequences_sql, &ledger, 1,
                  &rows, err))
        return false;
    for (size_t i = 0; i < rows.count; i++)
        if (!shadow_fill(shadow, pg, rows_get(&rows, i, 0), err))
            return false;
    return true;
}

bool shadow_rows_copy(struct shadow *shadow, struct pg *pg, struct err *err)
{
    const struct shadow_rows *const rows = &shadow->options.rows;
    const char *const ledger = rows->ledger != NULL ? rows->ledger : "";
    if (rows->data == SHADOW_ALL_ROWS && !check_size(shadow, ledger, err))
        return false;
    return pg_exec(pg, "SET DateStyle = 'ISO, YMD'", err) &&
           pg_exec(pg, "SET IntervalStyle = 'postgres'", err) &&
           copy_tables(shadow, pg, ledger, err) && set_sequences(shadow, pg, ledger, err) &&
           (rows->data != SHADOW_SAMPLE || shadow_keys_follow(shadow, pg, err));
}
