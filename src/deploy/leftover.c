/* Reading the catalog for unfinished work, and remembering it. */
#include "deploy/leftover.h"

#include <string.h>

#include "base/clock.h"
#include "base/str.h"
#include "deploy/run.h"
#include "ledger/detail.h"

/* A partitioned index is INVALID until each partition has its own: that is no leftover. $1 is the
 * index that a step of ours has begun to make. */
static const char catalog_sql[] =
    "SELECT line, kind, name, on_table, ours FROM ("
    "SELECT pg_catalog.format('index %s on %s is INVALID', i.indexrelid::pg_catalog.regclass,"
    " i.indrelid::pg_catalog.regclass) AS line, 'index' AS kind,"
    " pg_catalog.format('%I.%I', n.nspname, c.relname) AS name,"
    " pg_catalog.format('%I.%I', tn.nspname, t.relname) AS on_table,"
    " i.indexrelid = pg_catalog.to_regclass($1) AS ours"
    " FROM pg_catalog.pg_index AS i JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid"
    " JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace"
    " JOIN pg_catalog.pg_class AS t ON t.oid = i.indrelid"
    " JOIN pg_catalog.pg_namespace AS tn ON tn.oid = t.relnamespace"
    " WHERE NOT i.indisvalid AND c.relkind = 'i'"
    " UNION ALL SELECT pg_catalog.format('constraint %I on %s is NOT VALID', c.conname,"
    " c.conrelid::pg_catalog.regclass), 'constraint', pg_catalog.quote_ident(c.conname),"
    " pg_catalog.format('%I.%I', n.nspname, t.relname), false"
    " FROM pg_catalog.pg_constraint AS c JOIN pg_catalog.pg_class AS t ON t.oid = c.conrelid"
    " JOIN pg_catalog.pg_namespace AS n ON n.oid = t.relnamespace"
    " WHERE NOT c.convalidated) AS l ORDER BY line";

static const char *journal_name(struct arena *arena, const struct leftover *leftover)
{
    const bool index = strcmp(leftover->kind, "index") == 0;
    return arena_printf(arena, "%s %s%s%s", leftover->kind, index ? "" : leftover->table,
                        index ? "" : ".", leftover->name);
}

bool leftover_list(struct pg *pg, struct arena *arena, const struct journal *journal,
                   const struct leftover_step *step, struct leftovers *ret, struct err *err)
{
    struct rows rows;
    const char *const made = step->migration != NULL ? step->info->name : NULL;
    *ret = (struct leftovers){0};
    if (!debt_read(arena, journal, &ret->before, err) ||
        !pg_query(pg, arena, catalog_sql, &made, 1, &rows, err))
        return false;
    for (size_t i = 0; i < rows.count; i++) {
        const char *const ours = rows_get(&rows, i, 4);
        struct leftover *const item = arena_push(arena, ret);
        if (item == NULL)
            return err_nomem(err);
        *item = (struct leftover){.line = rows_get(&rows, i, 0),
                                  .kind = rows_get(&rows, i, 1),
                                  .name = rows_get(&rows, i, 2),
                                  .table = rows_get(&rows, i, 3)};
        if (ours != NULL && strcmp(ours, "t") == 0)
            item->migration = step->migration;
        item->what = journal_name(arena, item);
        if (item->what == NULL)
            return err_nomem(err);
        const struct debt *const known = debt_find(&ret->before, item->what);
        item->since_us = known != NULL ? known->since_us : 0;
    }
    ret->known = true;
    return true;
}

bool leftover_text(struct arena *arena, const struct leftovers *leftovers, const char **ret,
                   struct err *err)
{
    CLEANUP(str_release) struct str text = {0};
    *ret = NULL;
    for (size_t i = 0; i < leftovers->count; i++)
        str_printf(&text, "%s%s", i > 0 ? "\n" : "", leftovers->items[i].line);
    if (text.failed)
        return err_nomem(err);
    if (text.len > 0 && (*ret = arena_strdup(arena, str_text(&text))) == NULL)
        return err_nomem(err);
    return true;
}

static bool is_there(const struct leftovers *leftovers, const char *what)
{
    for (size_t i = 0; i < leftovers->count; i++)
        if (strcmp(leftovers->items[i].what, what) == 0)
            return true;
    return false;
}

/* What the journal knows comes first, so that new names never push an old one and its age out. */
bool leftover_describe(const struct leftovers *leftovers, json_t *detail)
{
    const struct debts *const before = &leftovers->before;
    CLEANUP(json_release) json_t *names = json_array();
    bool ok = names != NULL;
    if (!leftovers->known)
        return true;
    for (size_t i = 0; ok && i < before->count; i++)
        if (is_there(leftovers, before->items[i].what))
            ok = json_array_append_new(names, json_string(before->items[i].what)) == 0;
    const bool gone = json_array_size(names) < before->count;
    bool added = false;
    for (size_t i = 0; ok && i < leftovers->count && json_array_size(names) < DEBT_NAMES; i++) {
        if (leftovers->items[i].since_us != 0)
            continue;
        added = true;
        ok = json_array_append_new(names, json_string(leftovers->items[i].what)) == 0;
    }
    return ok && (!(gone || added) || json_object_set(detail, "debt", names) == 0);
}

/* ---- after a run ---- */

/* How long the look may take. */
enum { LOOK_MS = 2000 };

/* The step whose end is not known: of this run, or of an earlier one that this run did not get to.
 */
static struct leftover_step open_step(const struct run *run)
{
    const struct plan *const plan = &run->result->plan;
    for (size_t i = deploy_first_pending(run->result); i < plan->items.count; i++) {
        const struct plan_item *const item = &plan->items.items[i];
        const struct partial *const partial = state_partial(&run->state, item->migration->id);
        const bool here = item == run->failed && run->step_begun;
        const size_t unit = here              ? run->black_box.unit
                            : partial != NULL ? (size_t)partial->steps_done
                                              : 0;
        if ((here || (partial != NULL && partial->step_open)) && unit < item->script.units.count)
            return (struct leftover_step){
                item->migration->id,
                &item->script.statements.items[item->script.units.items[unit].first].info};
    }
    return (struct leftover_step){0};
}

bool leftover_look(struct run *run, bool ok, struct err *err)
{
    const struct leftover_step step = open_step(run);
    struct deploy_result *const result = run->result;
    /* The row that ends the attempt is yet to come: a request to stop ends the look alone, unless
     * the server does not answer any more. */
    const struct wait limited = {.cancel_fd = run->wait->cancel_fd,
                                 .deadline_ms = clock_monotonic_ms() + LOOK_MS};
    if (run->ledger->pg == NULL || (!ok && pg_lost(run->ledger->pg)))
        return true;
    if (wait_cancelled(run->wait))
        return err_set(err, ERR_SIGNAL, "stopped on request");
    pg_set_wait(run->ledger->pg, &limited);
    return leftover_list(run->ledger->pg, run->arena, &run->journal, &step, &result->debt, err) &&
           (!ok || leftover_text(run->arena, &result->debt, &result->leftover, err));
}
