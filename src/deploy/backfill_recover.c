/* What becomes of a batch that did not go through. */
#include <string.h>

#include "base/clock.h"
#include "db/sqlstate.h"
#include "deploy/backfill.h"

/* Over a new connection: the old backend is gone, and the checkpoint says what it has committed. */
static bool reconnect(struct backfill *b, struct err *err)
{
    struct run *const run = b->run;
    const int64_t change = run->last_change;
    bool applied = false;
    err_release(err);
    if (!settle(run, b->item, 0, b->backend, &applied, err))
        return false;
    b->unsure = true;
    if (applied) {
        b->stage = BACKFILL_DONE;
        return apply_committed(run, b->item, 0, &(struct receipt){run->result->head},
                               clock_monotonic_ms() - b->start_ms, err);
    }
    if (run->last_change != change)
        return backfill_replan(err);
    return !exclude_by_lock(run) ||
           exclude_mutex(run, clock_monotonic_ms() + run->options->wait_ms, err);
}

static bool pause_and_retry(struct backfill *b, struct err *err)
{
    struct run *const run = b->run;
    const int64_t now_ms = clock_monotonic_ms();
    if (b->retry_since_ms == 0) {
        b->retry_since_ms = now_ms;
        b->pause_ms = 0;
    }
    b->pause_ms = retry_pause_ms(b->pause_ms);
    const int64_t jittered_ms = wait_jitter_ms(b->pause_ms);
    if (now_ms + jittered_ms - b->retry_since_ms > run->options->lock_budget_ms) {
        retry_give_up(run, err);
        return false;
    }
    deploy_tell(&run->options->listener, &(struct deploy_event){.type = DEPLOY_RETRY,
                                                                .id = b->item->migration->id,
                                                                .text = err->message,
                                                                .elapsed_ms = jittered_ms});
    err_release(err);
    return wait_sleep(jittered_ms, run->wait, err);
}

/* It took too long: half of it is tried. */
static bool split(struct backfill *b, struct err *err)
{
    char limit[CLOCK_ISO_BYTES];
    clock_format_duration_ms(b->run->options->batch_timeout_ms, limit);
    if (throttle_rows(b->throttle) <= 1) {
        err_prefix(err, "the one row with the key %s takes longer than batch_timeout (%s)",
                   b->failing != NULL ? b->failing : "?", limit);
        err_hint(err, "Look at the plan of the statement for one row; or give batch_timeout a "
                      "longer time.");
        return false;
    }
    throttle_split(b->throttle);
    deploy_tell(&b->run->options->listener, &(struct deploy_event){.type = DEPLOY_RETRY,
                                                                   .id = b->item->migration->id,
                                                                   .text = "the batch took too "
                                                                           "long; half of it"});
    err_release(err);
    return true;
}

bool backfill_recover(struct backfill *b, struct err *err)
{
    struct run *const run = b->run;
    const enum sqlstate_reaction reaction = sqlstate_reaction(err->sqlstate);
    if (run->ledger->pg != NULL && err->code == ERR_UNREACHABLE && pg_lost(run->ledger->pg))
        return reconnect(b, err);
    if (err->code != ERR_FAILED)
        return false;
    if (reaction == REACTION_WAIT || reaction == REACTION_REPLAN) {
        err->code = ERR_BUSY;
        return false;
    }
    if (reaction == REACTION_RETRY)
        return pause_and_retry(b, err);
    if (strcmp(err->sqlstate, SQLSTATE_QUERY_CANCELED) != 0 || b->failing == NULL)
        return false;
    if (run->watcher.verdict == WATCHER_QUEUE)
        return pause_and_retry(b, err);
    const bool timed_out = clock_monotonic_ms() - b->try_ms >= run->options->batch_timeout_ms ||
                           run->watcher.verdict == WATCHER_HOLDING;
    return timed_out && split(b, err);
}

bool backfill_fail(struct backfill *b, struct err *err)
{
    struct run *const run = b->run;
    const enum sqlstate_reaction reaction = sqlstate_reaction(err->sqlstate);
    run->committed_any = b->at.batches > 0;
    if (err->code == ERR_BUSY && (reaction == REACTION_WAIT || reaction == REACTION_REPLAN))
        return false;
    if (err->file == NULL && (err->code == ERR_FAILED || err->code == ERR_PARTIAL))
        err_at(err, b->item->migration->path, 0, 0);
    if (err->state != NULL || err->code == ERR_NOMEM || !run->committed_any ||
        (run->ledger->pg != NULL && pg_lost(run->ledger->pg)))
        return false;
    if (err->code == ERR_FAILED)
        err->code = ERR_PARTIAL;
    const char *const place = checkpoint_text(run->arena, &b->at, 0);
    err_state(err,
              "\"%s\" has gone through %s, which stand; pawl deploy goes on from there. Applied by "
              "this run: %zu of %zu.",
              b->item->migration->id, place != NULL ? place : "?", run->result->done.count,
              run->result->plan.items.count);
    return false;
}
