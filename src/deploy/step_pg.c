/*
 * Asking the catalog about steps: one row a kind.
 *
 * A probe selects from given(name, relation, label, before): the object's name and its table's as
 * SQL text, the enum label, and the indexes that the table had before. It answers 'done' or 'half',
 * with the statement that undoes the half, or no row for a step that has left nothing.
 */
#include "deploy/step_pg.h"

#include <string.h>

#include "ledger/detail.h"

struct probe {
    enum alone_kind kind;
    bool finishes; /* the second column finishes the work instead of undoing it */
    const char *select;
};

#define GIVEN                                                                                      \
    "WITH given(name, relation, label, before) AS (SELECT $1::pg_catalog.text,"                    \
    " $2::pg_catalog.text, $3::pg_catalog.text, $4::pg_catalog.text) "

static const struct probe probes[] = {
    {ALONE_CREATE_INDEX, false,
     "SELECT CASE WHEN i.indisvalid THEN 'done' ELSE 'half' END,"
     " pg_catalog.format('DROP INDEX CONCURRENTLY %s', i.indexrelid::pg_catalog.regclass)"
     " FROM given, pg_catalog.pg_index AS i"
     " WHERE CASE WHEN name IS NOT NULL THEN i.indexrelid = pg_catalog.to_regclass(name)"
     " ELSE i.indrelid = pg_catalog.to_regclass(relation) END"
     " AND i.indexrelid::pg_catalog.text"
     "   <> ALL (pg_catalog.string_to_array(coalesce(before, ''), ','))"},
    /* An interrupted drop leaves the index INVALID: dropping it again finishes the work. */
    {ALONE_DROP_INDEX, false,
     "SELECT 'done', NULL FROM given WHERE pg_catalog.to_regclass(name) IS NULL"},
    {ALONE_DETACH_PARTITION, true,
     "SELECT CASE WHEN i.inhrelid IS NULL THEN 'done' ELSE 'half' END,"
     " pg_catalog.format('ALTER TABLE %s DETACH PARTITION %s FINALIZE', relation, name)"
     " FROM given LEFT JOIN pg_catalog.pg_inherits AS i"
     "   ON i.inhrelid = pg_catalog.to_regclass(name)"
     "   AND i.inhparent = pg_catalog.to_regclass(relation)"
     " WHERE i.inhrelid IS NULL OR i.inhdetachpending"},
    {ALONE_CREATE_DATABASE, false,
     "SELECT 'done', NULL FROM given JOIN pg_catalog.pg_database AS d"
     " ON pg_catalog.quote_ident(d.datname) = name"},
    {ALONE_DROP_DATABASE, false,
     "SELECT 'done', NULL FROM given WHERE NOT EXISTS (SELECT 1 FROM pg_catalog.pg_database AS d"
     " WHERE pg_catalog.quote_ident(d.datname) = name)"},
    {ALONE_CREATE_TABLESPACE, false,
     "SELECT 'done', NULL FROM given JOIN pg_catalog.pg_tablespace AS s"
     " ON pg_catalog.quote_ident(s.spcname) = name"},
    {ALONE_DROP_TABLESPACE, false,
     "SELECT 'done', NULL FROM given WHERE NOT EXISTS (SELECT 1 FROM pg_catalog.pg_tablespace"
     " AS s WHERE pg_catalog.quote_ident(s.spcname) = name)"},
    {ALONE_CREATE_SUBSCRIPTION, false,
     "SELECT 'done', NULL FROM given JOIN pg_catalog.pg_stat_subscription AS s"
     " ON pg_catalog.quote_ident(s.subname) = name"},
    {ALONE_DROP_SUBSCRIPTION, false,
     "SELECT 'done', NULL FROM given WHERE NOT EXISTS (SELECT 1"
     " FROM pg_catalog.pg_stat_subscription AS s WHERE pg_catalog.quote_ident(s.subname) = name)"},
};

bool step_ask_catalog(struct pg *pg, struct arena *arena, const struct statement_info *info,
                      const char *before, enum step_outcome *ret, const char **ret_undo,
                      bool *ret_finishes, struct err *err)
{
    const char *const params[] = {info->name, info->relation, info->label,
                                  detail_string(arena, before, "indexes")};
    *ret = STEP_NOT_DONE;
    *ret_undo = NULL;
    *ret_finishes = false;
    /* Without the indexes that were there before, an unnamed one would be built a second time. */
    if (info->alone == ALONE_CREATE_INDEX && info->name == NULL && info->relation != NULL &&
        before != NULL && params[3] == NULL)
        return err_nomem(err);
    for (size_t i = 0; i < COUNT_OF(probes); i++) {
        struct rows rows;
        if (probes[i].kind != info->alone)
            continue;
        const char *const sql = arena_printf(arena, GIVEN "%s", probes[i].select);
        if (sql == NULL)
            return err_nomem(err);
        if (!pg_query(pg, arena, sql, params, COUNT_OF(params), &rows, err))
            return false;
        if (rows.count == 0)
            return true;
        *ret = strcmp(rows_get(&rows, 0, 0), "done") == 0 ? STEP_DONE : STEP_HALF;
        *ret_undo = rows_get(&rows, 0, 1);
        *ret_finishes = probes[i].finishes;
        return true;
    }
    return true;
}

bool step_look_before(struct pg *pg, struct arena *arena, const struct statement_info *info,
                      const char **ret_indexes, struct err *err)
{
    struct rows rows;
    *ret_indexes = NULL;
    const bool named = info->name != NULL;
    if (info->alone != ALONE_CREATE_INDEX || (!named && info->relation == NULL))
        return true;
    if (!pg_query(
            pg, arena,
            named ? "SELECT pg_catalog.to_regclass($1)::pg_catalog.oid"
                  : "SELECT coalesce(pg_catalog.string_agg(indexrelid::pg_catalog.text, ','), '')"
                    " FROM pg_catalog.pg_index WHERE indrelid = pg_catalog.to_regclass($1)",
            named ? &info->name : &info->relation, 1, &rows, err))
        return false;
    *ret_indexes = rows_get(&rows, 0, 0);
    return true;
}
