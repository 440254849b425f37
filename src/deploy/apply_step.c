/*
 * One statement outside transactions on PostgreSQL: journalled before and after, and settled by the
 * catalog when the row after it is missing.
 */
#include <string.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/str.h"
#include "deploy/run.h"
#include "deploy/step_pg.h"
#include "ledger/detail.h"

static bool hold_mutex(struct run *run, struct err *err)
{
    bool held = false;
    if (!run->ledger->direct) {
        (void)err_set(err, ERR_REFUSED,
                      "a statement that cannot run in a transaction needs a direct connection: "
                      "this one goes through a pooler");
        err_hint(err, "Point the target's url at the server itself.");
        return false;
    }
    if (!ledger_mutex_held(run->ledger, run->arena, &held, err))
        return false;
    if (!held)
        return err_set(err, ERR_FAILED, "the deploy's mutex was lost: a migration has unlocked it");
    return true;
}

/* Session settings, on this direct connection only; without limits, as a cancelled CONCURRENTLY
 * leaves an INVALID index behind. */
static bool set_session(struct run *run, struct err *err)
{
    CLEANUP(str_release) struct str sql = {0};
    const char *const path = run->options->limits.search_path;
    const char *params[1];
    str_puts(&sql, "SELECT pg_catalog.set_config('lock_timeout', '0', false),"
                   " pg_catalog.set_config('statement_timeout', '0', false)");
    if (pg_server_version(run->ledger->pg) >= 140000)
        str_puts(&sql, ", pg_catalog.set_config('client_connection_check_interval', '1000',"
                       " false)");
    if (path != NULL) {
        params[0] = path;
        str_puts(&sql, ", pg_catalog.set_config('search_path', $1, false)");
    }
    if (sql.failed)
        return err_nomem(err);
    return pg_query(run->ledger->pg, run->arena, str_text(&sql), params, path != NULL ? 1 : 0, NULL,
                    err);
}

static bool set_role(struct run *run, struct err *err)
{
    if (run->options->limits.role == NULL)
        return true;
    const char *const role = pg_quote_name(run->arena, run->options->limits.role);
    const char *const sql = role != NULL ? arena_printf(run->arena, "SET ROLE %s", role) : NULL;
    return sql != NULL ? pg_exec(run->ledger->pg, sql, err) : err_nomem(err);
}

static bool reset_session(struct run *run, struct err *err)
{
    return pg_exec(run->ledger->pg, "RESET SESSION AUTHORIZATION", err) &&
           pg_exec(run->ledger->pg, "RESET ALL", err);
}

/* *ret_detail: the row's detail, which says what was there before the step. */
static bool journal_begin(struct run *run, const struct plan_item *item, size_t unit,
                          const struct statement_info *info, const char **ret_detail,
                          struct err *err)
{
    const char *indexes = NULL;
    if (!step_look_before(run->ledger->pg, run->arena, info, &indexes, err) ||
        !pg_exec(run->ledger->pg, "RESET SESSION AUTHORIZATION", err))
        return false;
    struct receipt receipt;
    const struct hash_hex digest = digest_set_hash(&run->state.digests);
    CLEANUP(json_release)
    json_t *detail = json_pack("{s:s, s:I, s:I, s:s}", "attempt", run->attempt, "step",
                               (json_int_t)unit, "of", (json_int_t)item->script.units.count,
                               "statement", info->verb != NULL ? info->verb : "");
    if (indexes != NULL &&
        (detail == NULL || json_object_set_new(detail, "indexes", json_string(indexes)) != 0))
        return err_nomem(err);
    const struct entry entry = {.event = EVENT_STEP_BEGIN,
                                .migration = item->migration->id,
                                .checksum = item->migration->checksum.text,
                                .detail = detail_text(run->arena, detail),
                                .digest = digest.text};
    if (entry.detail == NULL)
        return err_nomem(err);
    fault_point("step begin");
    if (!ledger_append(run->ledger, run->arena, &entry, run->last_change, &receipt, err))
        return false;
    run->last_change = strtoll(receipt.text, NULL, 10);
    run->result->head = receipt.text;
    run->step_begun = true;
    *ret_detail = entry.detail;
    fault_point("step begun");
    return true;
}

static bool journal_end(struct run *run, const struct plan_item *item, size_t unit,
                        int64_t start_ms, struct err *err)
{
    struct entry entry;
    struct receipt receipt;
    if (!apply_entry(run, item, unit, -1, &entry, err))
        return false;
    if (entry.event == EVENT_STEP)
        entry.event = EVENT_STEP_END;
    fault_point("step end");
    if (!ledger_append(run->ledger, run->arena, &entry, run->last_change, &receipt, err))
        return false;
    run->step_begun = false;
    fault_point("step ended");
    return apply_committed(run, item, unit, &receipt, clock_monotonic_ms() - start_ms, err);
}

/* Finds out what an earlier run of the step left. *ret_done: nothing more to run. */
static bool settle_leftover(struct run *run, const struct plan_item *item,
                            const struct statement_info *info, const char *before, bool *ret_done,
                            struct err *err)
{
    enum step_outcome outcome = STEP_NOT_DONE;
    const char *undo = NULL;
    bool finishes = false;
    if (!step_ask_catalog(run->ledger->pg, run->arena, info, before, &outcome, &undo, &finishes,
                          err))
        return false;
    *ret_done = outcome == STEP_DONE;
    if (outcome != STEP_HALF)
        return true;
    deploy_tell(
        &run->options->listener,
        &(struct deploy_event){
            .type = DEPLOY_NOTE,
            .id = item->migration->id,
            .text = arena_printf(run->arena, "left half done by an earlier run: %s", undo)});
    fault_point("step undo");
    *ret_done = finishes;
    return pg_exec(run->ledger->pg, undo, err);
}

static const char DUPLICATE_TABLE[] = "42P07"; /* of indexes too */

static bool run_statement(struct run *run, const struct plan_item *item,
                          const struct script_statement *statement, const char *before,
                          struct err *err)
{
    struct rows rows;
    bool done = false;
    CLEANUP(err_release) struct err second = {0};
    if (pg_query(run->ledger->pg, run->arena, statement->sql, NULL, 0, &rows, err))
        return true;
    apply_locate(item, statement, 0, 0, err);
    if (pg_lost(run->ledger->pg)) {
        err->code = err->code == ERR_SIGNAL ? ERR_SIGNAL : ERR_PARTIAL;
        err_state(err, "The outcome of this step is not known yet.");
        err_hint(err, "Run pawl deploy again: it asks the catalog, then goes on.");
        return false;
    }
    if (err->code != ERR_FAILED)
        return false; /* stopped: the next deploy looks at what is left */
    if (statement->info.alone == ALONE_BLOCK) {
        err->code = ERR_PARTIAL;
        err_hint(err, "What it committed before stands. Mend the cause, then run pawl deploy "
                      "again: it runs this statement from its start.");
        (void)reset_session(run, &second); /* the error at hand says more */
        return false;
    }
    if (before != NULL && strcmp(err->sqlstate, DUPLICATE_TABLE) == 0)
        err_hint(err, "It was there before this migration, so it is left alone. Drop it in a "
                      "migration of its own, if nobody needs it.");
    /* What it left is removed at once where that can be done, as an INVALID index costs every
     * write. Then the step is as if it had never begun. */
    if (settle_leftover(run, item, &statement->info, before, &done, &second) &&
        reset_session(run, &second))
        run->step_begun = false;
    else
        err_state(err, "Its leftover could not be removed: %s",
                  second.message != NULL ? second.message : "unknown");
    return false;
}

/* A CONCURRENTLY that succeeded by IF NOT EXISTS over an INVALID index has done nothing. */
static bool verify_index(struct run *run, const struct plan_item *item,
                         const struct script_statement *statement, const char *before,
                         struct err *err)
{
    enum step_outcome outcome = STEP_NOT_DONE, of_ours = STEP_NOT_DONE;
    const char *undo = NULL, *our_undo = NULL;
    bool finishes = false;
    if (statement->info.alone != ALONE_CREATE_INDEX || statement->info.name == NULL)
        return true;
    if (!step_ask_catalog(run->ledger->pg, run->arena, &statement->info, NULL, &outcome, &undo,
                          &finishes, err))
        return false;
    if (outcome != STEP_HALF)
        return true;
    if (!step_ask_catalog(run->ledger->pg, run->arena, &statement->info, before, &of_ours,
                          &our_undo, &finishes, err))
        return false;
    (void)err_set(err, ERR_PARTIAL, "the index %s is INVALID after it was created",
                  statement->info.name);
    apply_locate(item, statement, 0, 0, err);
    if (of_ours == STEP_HALF)
        err_hint(err, "Run pawl deploy again: it drops the index and builds it anew.");
    else
        err_hint(err,
                 "It was there before this migration, so it is left alone. Unless somebody is "
                 "building it just now: %s, then pawl deploy again.",
                 undo);
    return false;
}

bool apply_pg_step(struct run *run, const struct plan_item *item, size_t unit, struct err *err)
{
    const struct script_statement *const statement =
        &item->script.statements.items[item->script.units.items[unit].first];
    const struct statement_info *const info = &statement->info;
    const bool resumed = item->partial != NULL && item->partial->step_open &&
                         item->partial->steps_done == (int64_t)unit;
    const char *before = resumed ? item->partial->open_detail : NULL;
    const int64_t start_ms = clock_monotonic_ms();
    bool done = false;

    if (!hold_mutex(run, err) || !set_session(run, err) || !set_role(run, err))
        return false;
    run->step_begun = resumed;
    if (resumed && info->alone == ALONE_BLOCK)
        deploy_tell(&run->options->listener,
                    &(struct deploy_event){
                        .type = DEPLOY_NOTE,
                        .id = item->migration->id,
                        .text = arena_printf(run->arena,
                                             "\"%s\": %s was stopped by an earlier run, it runs "
                                             "again from its start",
                                             item->migration->id, info->verb)});
    if (resumed ? !settle_leftover(run, item, info, before, &done, err)
                : !journal_begin(run, item, unit, info, &before, err) || !set_role(run, err))
        return false;
    fault_point("step");
    if (!done && (!run_statement(run, item, statement, before, err) ||
                  !verify_index(run, item, statement, before, err)))
        return false;
    fault_point("step done");
    return reset_session(run, err) &&
           (forget_count(run, item, unit) == 0 || forget_now(run, err)) &&
           journal_end(run, item, unit, start_ms, err);
}
