/* The run of a deploy, from the first look to the last row. */
#include "deploy/deploy.h"

#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/str.h"
#include "db/sqlstate.h"
#include "deploy/forward.h"
#include "deploy/hold.h"
#include "deploy/run.h"
#include "ledger/detail.h"

/* Between two passes that another pawl was in between of. */
enum { PASS_PAUSE_MS = 50 };

static bool record_rename(struct run *run, const struct match *match, struct err *err)
{
    const struct migration *const m = match->migration;
    const struct hash_hex digest = digest_set_hash(&run->state.digests);
    struct receipt receipt;
    CLEANUP(json_release)
    json_t *detail = json_pack("{s:s, s:I, s:s, s:s}", "attempt", run->attempt, "applied",
                               (json_int_t)match->applied->seq, "from",
                               applied_name(match->applied), "version", m->version);
    const struct entry entry = {.event = EVENT_RENAMED,
                                .migration = m->id,
                                .checksum = m->checksum.text,
                                .kind = kind_name(m->kind),
                                .phase = phase_name(m->phase),
                                .detail = detail_text(run->arena, detail),
                                .digest = digest.text};
    if (entry.detail == NULL)
        return err_nomem(err);
    fault_point("rename");
    if (!ledger_append(run->ledger, run->arena, &entry, run->last_change, &receipt, err))
        return false;
    run->last_change = strtoll(receipt.text, NULL, 10);
    run->result->head = receipt.text;
    run->result->renamed++;
    deploy_tell(
        &run->options->listener,
        &(struct deploy_event){.type = DEPLOY_NOTE,
                               .id = m->id,
                               .text = arena_printf(run->arena, "\"%s\" is now known as \"%s\" too",
                                                    applied_name(match->applied), m->id)});
    return true;
}

/* What stands and what does not, for the error's state. */
static void describe_state(const struct run *run, const struct plan_item *item, struct err *err)
{
    const size_t done = run->result->done.count;
    CLEANUP(str_release) struct str text = {0};
    if (err->state != NULL || err->code == ERR_CHAIN)
        return;
    if ((err->code == ERR_SIGNAL || err->code == ERR_NOMEM) && run->ledger->pg != NULL &&
        pg_lost(run->ledger->pg)) {
        err_state(err,
                  "The outcome of \"%s\" is not known yet: the server did not say how it ended.",
                  item->migration->id);
        err_hint(err, "Run pawl deploy again: it looks before it acts.");
        return;
    }
    if (run->committed_any && err->code != ERR_PARTIAL)
        err->code = err->code == ERR_FAILED ? ERR_PARTIAL : err->code;
    if (run->committed_any || run->step_begun)
        str_printf(&text, "\"%s\" stopped part-way; pawl deploy resumes it.", item->migration->id);
    else
        str_printf(&text, "\"%s\" was rolled back.", item->migration->id);
    str_printf(&text, " Applied by this run: %zu of %zu.", done, run->result->plan.items.count);
    if (!text.failed)
        err_state(err, "%s", str_text(&text));
}

static bool not_begun(const struct run *run, const struct plan_item *item, struct err *err)
{
    if (err->state == NULL && err->code != ERR_CHAIN)
        err_state(err, "\"%s\" was not begun. Applied by this run: %zu of %zu.",
                  item->migration->id, run->result->done.count, run->result->plan.items.count);
    return false;
}

/* What speaks against a deploy is found before anything runs, and may come up again between two
 * migrations: a live release has come back, or another pawl was there. */
static bool refused_between(const struct run *run, struct err *err)
{
    const size_t done = run->result->done.count;
    if (done > 0 && run->failed == NULL &&
        (err->code == ERR_REFUSED || err->code == ERR_BUSY || err->code == ERR_CHAIN))
        err_state(err, "Applied by this run: %zu. What is left was not begun.", done);
    return false;
}

enum pass { PASS_DONE, PASS_AGAIN, PASS_FAILED };

/* Renames, then each migration. PASS_AGAIN: another pawl was there between two of our
 * transactions. */
static enum pass apply_all(struct run *run, struct err *err)
{
    const struct plan *const plan = &run->result->plan;
    /* Whatever the plan is by now: a deploy in between, or a release that went, may have changed
     * it.
     */
    if (!gate_pass(run, err))
        return PASS_FAILED;
    for (size_t i = 0; i < plan->renames.count; i++)
        if (!record_rename(run, plan->renames.items[i], err))
            return err->code == ERR_BUSY ? PASS_AGAIN : PASS_FAILED;
    for (size_t i = 0; i < plan->items.count; i++) {
        const struct plan_item *const item = &plan->items.items[i];
        deploy_tell(&run->options->listener, &(struct deploy_event){.type = DEPLOY_MIGRATION,
                                                                    .id = item->migration->id,
                                                                    .number = i + 1,
                                                                    .total = plan->items.count});
        run->step_begun = false;
        /* A cancel loses against a COMMIT, again and again where migrations are short. */
        if (wait_cancelled(run->wait)) {
            (void)err_set(err, ERR_SIGNAL, "stopped on request");
            (void)not_begun(run, item, err);
            return PASS_FAILED;
        }
        bool reopened = false;
        if (!hold_close(run, item, &reopened, err)) {
            run->failed = item;
            (void)not_begun(run, item, err);
            return PASS_FAILED;
        }
        if (reopened) {
            if (!run_plan(run, err) || !hold_record(run, err) || !gate_pass(run, err))
                return PASS_FAILED;
            i = SIZE_MAX; /* from the first of the new plan */
            continue;
        }
        if (apply_migration(run, item, err)) {
            /* The lock went with a lost connection: take it again, and look again. */
            if (exclude_by_lock(run) && !run->mutex)
                return PASS_AGAIN;
            continue;
        }
        const enum sqlstate_reaction reaction = sqlstate_reaction(err->sqlstate);
        if (err->code == ERR_BUSY && (reaction == REACTION_WAIT || reaction == REACTION_REPLAN))
            return PASS_AGAIN;
        run->failed = item;
        describe_state(run, item, err);
        forward_hint(err, run->committed_any || run->step_begun);
        return PASS_FAILED;
    }
    return PASS_DONE;
}

static bool begin_once(struct run *run, struct err *err)
{
    return run->begun || (attempt_bury_dead(run, err) && attempt_begin(run, err) &&
                          reservation_recheck(run, err));
}

/* A deploy that was killed behind its last migration has left a begin row without an end. Where it
 * may yet be alive nothing is written: that deploy ends itself. */
static bool bury_finished(struct run *run, struct err *err)
{
    if (run->begun || !run->ledger->exists || state_open_attempt(&run->state) == NULL)
        return true;
    if (exclude_by_lock(run) && !run->mutex) {
        if (!ledger_mutex_try(run->ledger, run->arena, &run->mutex, err))
            return false;
        /* It may have written its end between our look and our lock. */
        if (!run->mutex || !run_plan(run, err))
            return !run->mutex;
    }
    if (attempt_bury_dead(run, err))
        return true;
    if (err->code != ERR_BUSY)
        return false;
    err_release(err);
    return true;
}

/* What is written before the first migration. A release alone is one row: nothing of it can be
 * abandoned, so that no begin and end frame it. */
static bool frame_pass(struct run *run, struct err *err)
{
    return (plan_empty(&run->result->plan) || begin_once(run, err)) &&
           (!release_is_new(run) || release_record(run, err)) &&
           (!hold_is_new(run) || hold_record(run, err));
}

/* Nothing to run, and nothing to say. */
static bool nothing_to_do(const struct run *run)
{
    return plan_empty(&run->result->plan) && !release_is_new(run) && !hold_is_new(run);
}

/* Plans and applies until nothing is left, however often another pawl is in between. */
static bool apply_until_done(struct run *run, int64_t give_up_ms, struct err *err)
{
    for (;;) {
        if (nothing_to_do(run))
            return bury_finished(run, err);
        if (frame_pass(run, err)) {
            const enum pass pass = apply_all(run, err);
            if (pass != PASS_AGAIN)
                return pass == PASS_DONE && bury_finished(run, err);
        } else if (err->code != ERR_BUSY || run->reserved) {
            return false;
        }
        if (clock_monotonic_ms() >= give_up_ms)
            return exclude_still_busy(err->message, err);
        err_release(err);
        if (!wait_sleep(wait_jitter_ms(PASS_PAUSE_MS), run->wait, err))
            return false;
        if (exclude_by_lock(run) && !run->mutex && !exclude_mutex(run, give_up_ms, err))
            return false;
        if (!run_plan(run, err))
            return false;
    }
}

/* The mutex, and nobody who has reserved the target. */
static bool exclude_and_pass(struct run *run, int64_t give_up_ms, struct err *err)
{
    const int64_t reserved_ms = clock_monotonic_ms() + run->options->reservation_wait_ms;
    for (;;) {
        if (!reservation_wait(run, reserved_ms, err) || !exclude_others(run, give_up_ms, err))
            return false;
        if (reservation_found(run) == NULL)
            return true;
        if (run->mutex && !ledger_mutex_release(run->ledger, err))
            return false;
        run->mutex = false;
    }
}

/* What is asked before anything is changed. */
static bool pass_checks(struct run *run, struct err *err)
{
    return preflight_pass(run, err) && gate_pass(run, err);
}

static bool plan_first(struct run *run, struct err *err)
{
    return run_plan(run, err) && (run->ledger->exists || run_refuse_foreign(run, err));
}

static bool run_all(struct run *run, struct err *err)
{
    const int64_t give_up_ms = clock_monotonic_ms() + run->options->wait_ms;
    if (run->ledger->sqlite != NULL && !run->options->dry_run)
        sqlite_set_patience(run->ledger->sqlite, run->options->wait_ms);
    if (!ledger_prepare_writer(run->ledger, run->arena, err) || !plan_first(run, err))
        return false;
    if (run->options->dry_run) {
        reservation_note(run);
        backup_note(run);
        return run_refuse_pooled_steps(run, err) && backfill_check(run, err) &&
               pass_checks(run, err);
    }
    if (nothing_to_do(run))
        return bury_finished(run, err);
    /* Before a ledger is made where there is none; else under the mutex, with the last plan. */
    const bool early = !run->ledger->exists;
    if (!run_refuse_pooled_steps(run, err) || (early && !pass_checks(run, err)) ||
        !exclude_and_pass(run, give_up_ms, err) || (!early && !pass_checks(run, err)) ||
        !backfill_check(run, err) || !backup_before(run, err))
        return false;
    if (run->options->app_role != NULL &&
        (!ledger_grant(run->ledger, run->arena, run->options->app_role, err) ||
         !ledger_grant_presence(run->ledger, run->arena, run->options->app_role, err)))
        return false;
    if (run->options->reserve_role != NULL &&
        !ledger_grant_reserve(run->ledger, run->arena, run->options->reserve_role, err))
        return false;
    const bool ok = apply_until_done(run, give_up_ms, err) || refused_between(run, err);
    CLEANUP(err_release) struct err unseen = {0};
    const bool seen = leftover_look(run, ok, &unseen);
    attempt_end(run, err);
    if (!ok)
        backup_remind(run, err);
    if (!ok || seen)
        return ok;
    *err = unseen;
    unseen = (struct err){0};
    if (wait_cancelled(run->wait)) /* which may have cost the connection */
        (void)err_set(err, ERR_SIGNAL, "stopped on request");
    err_state(err, "Everything is applied; only the look for unfinished indexes failed.");
    return false;
}

bool deploy_run(struct arena *arena, const struct ledger_options *target, const struct wait *wait,
                struct ledger *ledger, const struct deploy_options *options,
                struct deploy_result *result, struct findings *findings, struct err *err)
{
    struct run run = run_start(arena, target, wait, ledger, options, result, findings);
    struct deploy_options heard = *options;
    heard.listener = black_box_listen(&run, &options->listener);
    run.options = &heard;
    const bool ok = run_all(&run, err);
    watcher_close(&run.watcher);
    black_box_close(&run);
    for (size_t i = 0; i < run.preflight.count; i++)
        finding_add(arena, findings, &run.preflight.items[i]);
    return ok;
    /* The mutex goes with the connection, which the caller closes. */
}

static bool describe_start(struct run *run, struct err *err)
{
    const struct plan *const plan = &run->result->plan;
    struct hash_hex digest;
    const char **const ids = arena_alloc(run->arena, (plan->items.count + 1) * sizeof *ids);
    size_t count = 0;
    for (size_t i = 0; ids != NULL && i < plan->items.count; i++)
        if (!plan->items.items[i].recognised)
            ids[count++] = plan->items.items[i].migration->id;
    if (ids == NULL || !state_digest_without(run->arena, &run->state, ids, count, &digest))
        return err_nomem(err);
    run->result->start = arena_strdup(run->arena, digest.text);
    return run->result->start != NULL || err_nomem(err);
}

bool deploy_look(struct arena *arena, const struct wait *wait, struct ledger *ledger,
                 const struct deploy_options *options, struct deploy_result *result,
                 struct findings *findings, struct err *err)
{
    struct run run = run_start(arena, NULL, wait, ledger, options, result, findings);
    return ledger_prepare_plan(ledger, arena, err) && plan_first(&run, err) &&
           run_refuse_pooled_steps(&run, err) && backfill_check(&run, err) &&
           describe_start(&run, err);
}

size_t deploy_first_pending(const struct deploy_result *result)
{
    const size_t done = result->done.count;
    size_t first = 0;
    if (result->plan.items.count == 0)
        return 0;
    while (first < done && strcmp(result->done.items[first].migration->id,
                                  result->plan.items.items[0].migration->id) != 0)
        first++;
    return done - first;
}
