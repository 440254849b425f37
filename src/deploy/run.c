/* The beginning of a run: what there is to do, and every reason not to begin. */
#include "deploy/run.h"

#include <inttypes.h>
#include <string.h>

#include "deploy/hold.h"

struct run run_start(struct arena *arena, const struct ledger_options *target,
                     const struct wait *wait, struct ledger *ledger,
                     const struct deploy_options *options, struct deploy_result *result,
                     struct findings *findings)
{
    *result = (struct deploy_result){0};
    return (struct run){.arena = arena,
                        .target = target,
                        .wait = wait,
                        .ledger = ledger,
                        .options = options,
                        .result = result,
                        .findings = findings,
                        .set_findings = findings->count};
}

static bool any_name(const struct findings *findings)
{
    for (size_t i = 0; i < findings->count; i++)
        if (findings->items[i].severity == SEVERITY_ERROR &&
            strncmp(findings->items[i].rule, "name-", strlen("name-")) == 0)
            return true;
    return false;
}

bool run_refuse_findings(struct run *run, struct err *err)
{
    const size_t errors = findings_count(run->findings, SEVERITY_ERROR);
    if (errors == 0)
        return true;
    (void)err_set(err, ERR_REFUSED, "%zu %s against this deploy", errors,
                  errors == 1 ? "finding speaks" : "findings speak");
    err_state(err, "Nothing was changed.");
    if (any_name(run->findings))
        err_hint(err,
                 "`pawl check --fix` renames the files to what was meant; what is applied never "
                 "runs again. A name that is to stay is allowed in the file's head: "
                 "-- pawl: allow=RULE reason=\"...\".");
    return false;
}

/* Other people's tables without a ledger: taking them for an empty database would be a guess. */
bool run_refuse_foreign(struct run *run, struct err *err)
{
    const char *example = NULL;
    if (!ledger_foreign_objects(run->ledger, run->arena, run->options->limits.search_path, &example,
                                err))
        return false;
    if (example == NULL)
        return true;
    /* Another deploy may have made the ledger, and what we have found, since we looked. */
    if (!run_plan(run, err))
        return false;
    if (run->ledger->exists)
        return true;
    (void)err_set(err, ERR_REFUSED,
                  "the database is not empty (it has %s) and has no ledger \"%s\"", example,
                  run->ledger->name);
    err_state(err, "Nothing was changed.");
    err_hint(err, "If this set made them, name the last migration that is applied: pawl adopt "
                  "--as-of ID. If they are another application's: pawl adopt --as-of none.");
    return false;
}

bool run_look(struct run *run, struct err *err)
{
    struct journal_break broken;
    struct plan_options options = run->options->plan;
    if (run->ledger->now_epoch_s != 0)
        options.now_epoch_s = run->ledger->now_epoch_s;
    run->findings->count = run->set_findings;
    run->result->plan = (struct plan){0};
    if (!ledger_read(run->ledger, run->arena, &run->journal, err))
        return false;
    if (run->ledger->exists && !journal_verify(&run->journal, &broken, err)) {
        err_state(err, "Nothing was changed.");
        return false;
    }
    if (!state_build(run->arena, &run->journal, &run->state, err) ||
        !state_admit_odd(run->arena, &run->state, run->options->set, run->findings, err) ||
        !plan_make(run->arena, run->options->set, &run->state, &options, &run->result->plan,
                   run->findings, err) ||
        !hold_look(run, err))
        return false;
    run->last_change = run->state.last_change;
    if (run->ledger->exists) {
        run->result->head = arena_printf(run->arena, "%" PRId64 ":%s", run->journal.head.seq,
                                         run->journal.head.hash);
        if (run->result->head == NULL)
            return err_nomem(err);
    }
    return true;
}

bool run_plan(struct run *run, struct err *err)
{
    return run_look(run, err) && release_check(run, err) && run_refuse_findings(run, err);
}

/* Steps outside transactions need the session lock, which a pooler would put on a connection that
 * others get next. */
bool run_refuse_pooled_steps(const struct run *run, struct err *err)
{
    const struct plan *const plan = &run->result->plan;
    for (size_t i = 0; !run->ledger->direct && i < plan->items.count; i++) {
        const struct plan_item *const item = &plan->items.items[i];
        for (size_t u = 0; u < item->script.units.count; u++) {
            if (!item->script.units.items[u].alone)
                continue;
            const struct script_statement *const statement =
                &item->script.statements.items[item->script.units.items[u].first];
            (void)err_set(err, ERR_REFUSED,
                          "%s cannot run in a transaction and needs a direct connection: this one "
                          "goes through a pooler",
                          statement->info.verb != NULL ? statement->info.verb : "this statement");
            apply_locate(item, statement, 0, 0, err);
            err_state(err, "Nothing was changed.");
            err_hint(err, "Point the target's url at the server itself.");
            return false;
        }
    }
    return true;
}
