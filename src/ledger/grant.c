/* What roles that do not own the ledger may do. */
#include <string.h>

#include "ledger/ledger.h"
#include "ledger/presence.h"
#include "ledger/schema.h"

/* Whether the question about the role is answered with yes. */
static bool has_right(struct ledger *ledger, struct arena *arena, const char *question,
                      const char *role, bool *ret, struct err *err)
{
    struct rows rows;
    const char *const params[] = {role, ledger->name};
    if (!pg_query(ledger->pg, arena, question, params, 2, &rows, err))
        return false;
    *ret = strcmp(rows_get(&rows, 0, 0), "t") == 0;
    return true;
}

/* One transaction: the statements, each with the role's name behind it. */
static bool grant(struct ledger *ledger, struct arena *arena, const char *const *before,
                  const char *const *grants, size_t count, const char *role, struct err *err)
{
    struct pg_answers answers;
    const char *const quoted = pg_quote_name(arena, role);
    if (quoted == NULL)
        return err_nomem(err);
    if (!pg_pipeline_begin(ledger->pg, err))
        return false;
    for (; before != NULL && *before != NULL; before++) {
        const char *const sql = ledger_sql(arena, *before, ledger->name);
        if (sql == NULL)
            return err_nomem(err);
        if (!pg_pipeline_add(ledger->pg, sql, NULL, 0, err))
            return false;
    }
    for (size_t i = 0; i < count; i++) {
        const char *const sql = ledger_sql(arena, grants[i], ledger->name);
        const char *const whole = sql != NULL ? arena_printf(arena, "%s%s", sql, quoted) : NULL;
        if (whole == NULL)
            return err_nomem(err);
        if (!pg_pipeline_add(ledger->pg, whole, NULL, 0, err))
            return false;
    }
    return pg_pipeline_run(ledger->pg, arena, &answers, NULL, NULL, err);
}

bool ledger_grant(struct ledger *ledger, struct arena *arena, const char *app_role, struct err *err)
{
    /* Another right may have brought the schema's. */
    static const char question[] =
        "SELECT pg_catalog.has_schema_privilege($1, $2, 'USAGE') AND"
        " pg_catalog.has_column_privilege($1, $2 || '.journal', 'digest', 'SELECT')";
    static const char *const grants[] = {
        "GRANT SELECT (seq, at, event, migration, checksum, kind, phase, digest)"
        " ON {ledger}.journal TO ",
        "GRANT USAGE ON SCHEMA {ledger} TO ",
    };
    bool done = true;
    if (ledger->pg == NULL ||
        (has_right(ledger, arena, question, app_role, &done, err) &&
         (done || grant(ledger, arena, NULL, grants, COUNT_OF(grants), app_role, err))))
        return true;
    err_prefix(err, "cannot grant to app_role");
    return false;
}

bool ledger_grant_presence(struct ledger *ledger, struct arena *arena, const char *app_role,
                           struct err *err)
{
    static const char question[] =
        "SELECT coalesce(pg_catalog.has_schema_privilege($1, $2, 'USAGE') AND"
        " pg_catalog.has_function_privilege($1, pg_catalog.to_regprocedure($2 ||"
        " '.bye(pg_catalog.text, pg_catalog.text)')::pg_catalog.oid, 'EXECUTE'), false)";
    static const char *const grants[] = {
        "GRANT EXECUTE ON FUNCTION {ledger}.hello, {ledger}.bye TO ",
        "GRANT USAGE ON SCHEMA {ledger} TO ",
    };
    bool done = true;
    if (ledger->pg == NULL ||
        (has_right(ledger, arena, question, app_role, &done, err) &&
         (done || (presence_make(ledger, arena, err) &&
                   grant(ledger, arena, NULL, grants, COUNT_OF(grants), app_role, err)))))
        return true;
    err_prefix(err, "cannot grant to app_role");
    return false;
}

bool ledger_grant_reserve(struct ledger *ledger, struct arena *arena, const char *reserve_role,
                          struct err *err)
{
    static const char question[] =
        "SELECT coalesce(pg_catalog.has_schema_privilege($1, $2, 'USAGE') AND"
        " pg_catalog.has_function_privilege($1, pg_catalog.to_regprocedure($2 ||"
        " '.end_reservation(pg_catalog.int8)')::pg_catalog.oid, 'EXECUTE'), false)";
    static const char *const grants[] = {
        "GRANT EXECUTE ON FUNCTION {ledger}.reserve, {ledger}.end_reservation TO ",
        "GRANT USAGE ON SCHEMA {ledger} TO ",
    };
    bool done = true;
    if (ledger->pg == NULL || (has_right(ledger, arena, question, reserve_role, &done, err) &&
                               (done || grant(ledger, arena, ledger_reserve_pg, grants,
                                              COUNT_OF(grants), reserve_role, err))))
        return true;
    err_prefix(err, "cannot grant to reserve_role");
    return false;
}
