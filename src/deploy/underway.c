/* The mutex, and the attempts that have begun and not ended. */
#include "deploy/underway.h"

#include <inttypes.h>

#include "deploy/run.h"

/* NULL in *ret_what when nobody holds it. */
static bool look_at_mutex(struct ledger *ledger, struct arena *arena, const char **ret_what,
                          struct err *err)
{
    static const char sql[] =
        "SELECT l.pid FROM pg_catalog.pg_locks AS l JOIN pg_catalog.pg_database AS d"
        " ON d.oid = l.database WHERE d.datname = pg_catalog.current_database()"
        " AND l.locktype = 'advisory' AND l.granted AND l.objsubid = 1"
        " AND (l.classid::pg_catalog.int8 << 32 | l.objid::pg_catalog.int8) = $1";
    struct rows rows;
    const char *const key = arena_printf(arena, "%lld", ledger_mutex_key(ledger->name));
    if (key == NULL)
        return err_nomem(err);
    if (!pg_query(ledger->pg, arena, sql, &key, 1, &rows, err))
        return false;
    if (rows.count > 0)
        *ret_what = arena_printf(arena, "backend %s holds the mutex", rows_get(&rows, 0, 0));
    return rows.count == 0 || *ret_what != NULL || err_nomem(err);
}

/* SQLite: a large migration keeps even readers out, and its begin row cannot be read. Whose lock it
 * is cannot be known; to take it for another's would end a deploy, and the one after it, for ever.
 */
static bool is_written(const char **ret_what, struct err *err)
{
    if (err->code != ERR_BUSY)
        return false;
    err_release(err);
    *ret_what = "the file is locked by a writer, which may be a deploy";
    return true;
}

bool underway_look(struct ledger *ledger, struct arena *arena, const char **ret_what,
                   struct err *err)
{
    struct run run = {.arena = arena, .ledger = ledger};
    *ret_what = NULL;
    if (ledger->pg != NULL && !look_at_mutex(ledger, arena, ret_what, err))
        return false;
    if (*ret_what != NULL)
        return true;
    if (!ledger_read(ledger, arena, &run.journal, err))
        return ledger->sqlite != NULL && is_written(ret_what, err);
    if (!state_build(arena, &run.journal, &run.state, err))
        return false;
    const struct attempt *const attempt = attempt_alive(&run);
    if (attempt == NULL)
        return true;
    *ret_what = arena_printf(arena, "process %" PRId64 " began at seq %" PRId64, attempt->pid,
                             attempt->seq);
    return *ret_what != NULL || err_nomem(err);
}
