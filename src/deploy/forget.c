/*
 * What a migration leaves in its session and RESET ALL does not take: a deploy of many files must
 * do what as many deploys of one file do.
 *
 * Temporary tables may be meant for a later step of the same file, so this comes behind its last
 * one. Not behind a pooler, whose connection is not ours alone.
 */
#include "deploy/run.h"
#include "sql/classify.h"

static const char *const statements[] = {
    "CLOSE ALL", "DEALLOCATE ALL", "UNLISTEN *", "DISCARD SEQUENCES", "DISCARD TEMP",
};

/* pg_advisory_unlock_all() would take our own mutex too: its key is put in. */
static const char unlock[] =
    "SELECT CASE WHEN k.objsubid = 1 AND k.shared THEN pg_catalog.pg_advisory_unlock_shared(k.key)"
    " WHEN k.objsubid = 1 THEN pg_catalog.pg_advisory_unlock(k.key)"
    " WHEN k.shared THEN pg_catalog.pg_advisory_unlock_shared((k.key >> 32)::int4, k.low)"
    " ELSE pg_catalog.pg_advisory_unlock((k.key >> 32)::int4, k.low) END"
    " FROM (SELECT l.objsubid, l.mode = 'ShareLock' AS shared,"
    " (l.classid::int8 << 32) | l.objid::int8 AS key,"
    " ((l.objid::int8 << 32) >> 32)::int4 AS low FROM pg_catalog.pg_locks AS l"
    " WHERE l.locktype = 'advisory' AND l.pid = pg_catalog.pg_backend_pid()) AS k"
    " WHERE k.objsubid <> 1 OR k.key <> %lld";

/* Statements that only define: they cost as much as all of the above, and most migrations are made
 * of them. What a function called from a default or a USING does to its session is not looked for.
 */
static bool only_defines(struct span statement)
{
    static const char *const patterns[] = {
        "CREATE TABLE [IF NOT EXISTS] $name () .",
        "CREATE [UNIQUE] INDEX",
        "CREATE TYPE|VIEW|TRIGGER|POLICY",
        "CREATE [OR REPLACE] FUNCTION|PROCEDURE|VIEW|TRIGGER",
        "ALTER TABLE|TYPE|INDEX|VIEW|FUNCTION|POLICY",
        "DROP TABLE|INDEX|VIEW|TYPE|FUNCTION|TRIGGER|POLICY|SEQUENCE",
        "COMMENT|GRANT|REVOKE",
    };
    for (size_t i = 0; i < COUNT_OF(patterns); i++)
        if (sql_starts_with(DIALECT_POSTGRES, statement, patterns[i]))
            return true;
    return false;
}

bool forget_needed(const struct script *script)
{
    for (size_t i = 0; i < script->statements.count; i++)
        if (!only_defines(script->statements.items[i].statement.text))
            return true;
    return false;
}

size_t forget_count(const struct run *run, const struct plan_item *item, size_t unit)
{
    const bool last = unit + 1 >= item->script.units.count;
    return last && run->ledger->direct && forget_needed(&item->script) ? COUNT_OF(statements) + 1
                                                                       : 0;
}

static const char *unlock_others(const struct run *run, struct err *err)
{
    const char *const sql = arena_printf(run->arena, unlock, ledger_mutex_key(run->ledger->name));
    if (sql == NULL)
        (void)err_nomem(err);
    return sql;
}

bool forget_queue(const struct run *run, struct err *err)
{
    const char *const sql = unlock_others(run, err);
    for (size_t i = 0; i < COUNT_OF(statements); i++)
        if (!pg_pipeline_add(run->ledger->pg, statements[i], NULL, 0, err))
            return false;
    return sql != NULL && pg_pipeline_add(run->ledger->pg, sql, NULL, 0, err);
}

bool forget_now(const struct run *run, struct err *err)
{
    const char *const sql = unlock_others(run, err);
    for (size_t i = 0; i < COUNT_OF(statements); i++)
        if (!pg_exec(run->ledger->pg, statements[i], err))
            return false;
    return sql != NULL && pg_exec(run->ledger->pg, sql, err);
}
