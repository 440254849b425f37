/*
 * One unit tried again and again while only locks are in its way.
 *
 * Each try waits for a lock no longer than lock_timeout, as whoever comes later queues behind it;
 * then the transaction is rolled back, which lets the queue go, and there is a pause. Autovacuum
 * gives way only to who waits longer than the server's deadlock_timeout.
 */
#include <string.h>

#include "base/clock.h"
#include "db/sqlstate.h"
#include "deploy/blank.h"
#include "deploy/run.h"

enum {
    FIRST_PAUSE_MS = 250,
    LONGEST_PAUSE_MS = 10000,
    PAST_DEADLOCK_TIMEOUT_MS = 300,
    LONGEST_TRY_MS = 1600, /* however the server is configured */
    FIRST_LOOK_MS = 2000,  /* how long the first try waits for those that are in the way */
    LOOK_PAUSE_MS = 250,   /* between two looks at them */
};

/* Whether another try may end otherwise. */
static bool worth_retrying(const struct run *run, const struct err *err)
{
    if (err->code != ERR_FAILED)
        return false;
    if (strcmp(err->sqlstate, SQLSTATE_QUERY_CANCELED) == 0)
        return run->watcher.verdict == WATCHER_QUEUE;
    return sqlstate_reaction(err->sqlstate) == REACTION_RETRY;
}

/* The statement was cancelled by us: what that means to whoever has typed the command. */
static void explain_cancel(struct run *run, struct err *err)
{
    const struct watcher *const w = &run->watcher;
    if (err->code != ERR_FAILED || strcmp(err->sqlstate, SQLSTATE_QUERY_CANCELED) != 0)
        return;
    if (w->verdict == WATCHER_HOLDING) {
        err->code = ERR_BUSY;
        err_prefix(err,
                   "cancelled by pawl, as it kept others waiting for longer than block_budget");
        if (w->held_up != NULL)
            err_detail(err, "%s", w->held_up);
        err_hint(err,
                 "A second try would take as long. Split the work (CONCURRENTLY; NOT VALID and "
                 "VALIDATE; batches), or give block_budget a longer time.");
    } else if (w->verdict == WATCHER_WAITED_LONG) {
        err->code = ERR_PARTIAL;
        err_prefix(err, "cancelled by pawl, as it waited for others for longer than lock_budget");
        if (w->blocked != NULL)
            err_detail(err, "in the way: %s", w->blocked);
        err_hint(err, "`pawl blockers` shows who is in the way, and how to end them; then deploy "
                      "again.");
    }
}

void retry_give_up(const struct run *run, struct err *err)
{
    err->code = ERR_BUSY;
    if (run->watcher.blocked != NULL)
        err_detail(err, "in the way: %s", run->watcher.blocked);
    err_hint(err,
             "`pawl blockers` shows who is in the way, and how to end them; then deploy again.");
}

int64_t retry_pause_ms(int64_t last_ms)
{
    if (last_ms == 0)
        return FIRST_PAUSE_MS;
    return last_ms * 2 < LONGEST_PAUSE_MS ? last_ms * 2 : LONGEST_PAUSE_MS;
}

/* Only autovacuum was in the way: the next try waits until the server moves it aside. */
static bool choose_lock_timeout(struct run *run, struct err *err)
{
    struct rows rows;
    run->lock_timeout_ms = -1;
    if (!run->watcher.autovacuum)
        return true;
    if (!pg_query(run->ledger->pg, run->arena,
                  "SELECT extract(epoch FROM pg_catalog.current_setting('deadlock_timeout')"
                  "::pg_catalog.interval) * 1000",
                  NULL, 0, &rows, err))
        return false;
    const int64_t needed_ms = strtoll(rows_get(&rows, 0, 0), NULL, 10) + PAST_DEADLOCK_TIMEOUT_MS;
    if (needed_ms <= LONGEST_TRY_MS)
        run->lock_timeout_ms = needed_ms;
    return true;
}

static void tell_retry(struct run *run, const char *why, int64_t pause_ms)
{
    const struct watcher *const w = &run->watcher;
    const char *const text =
        w->blocked != NULL ? arena_printf(run->arena, "%s; in the way: %s", why, w->blocked) : why;
    deploy_tell(&run->options->listener, &(struct deploy_event){.type = DEPLOY_RETRY,
                                                                .id = w->id,
                                                                .text = text != NULL ? text : why,
                                                                .elapsed_ms = pause_ms});
}

/* ---- looking before a try ---- */

static bool refuse_blocked(struct run *run, struct err *err)
{
    (void)err_set(err, ERR_BUSY, "other sessions are in the way of \"%s\"", run->watcher.id);
    retry_give_up(run, err);
    return false;
}

/* For whoever looks at the sessions; the reset behind a transaction takes it away. Behind a pooler
 * it would be somebody else's name next. */
static bool show_in_name(struct run *run, struct err *err)
{
    const char *const name = run->watcher.name;
    return name == NULL || !run->ledger->direct ||
           pg_query(run->ledger->pg, run->arena,
                    "SELECT pg_catalog.set_config('application_name', $1, false)", &name, 1, NULL,
                    err);
}

/* *ret_blocked: somebody has held what the unit needs for a while. */
static bool look(struct run *run, bool *ret_blocked, struct err *err)
{
    CLEANUP(arena_release) struct arena scratch = {0};
    struct pg_sessions blockers;
    *ret_blocked = false;
    if (run->ledger->pg == NULL || run->claim.locks.count == 0)
        return true;
    if (!claim_look(run, &scratch, &run->claim, &blockers, err))
        return false;
    if (blockers.count == 0)
        return true;
    blank_passwords(&scratch, &blockers);
    watcher_blocked(run, &scratch, &blockers, "");
    black_box_blocked(run, NULL, &blockers);
    if (run->options->oust.on_blocked == ON_BLOCKED_FAIL)
        return refuse_blocked(run, err);
    struct pg *const pg = watcher_connection(run);
    if (pg != NULL)
        oust(run, pg, &blockers);
    /* It gives way, but only to who waits for it. */
    *ret_blocked = !run->watcher.autovacuum;
    return show_in_name(run, err) && oust_journal(run, err);
}

/* Waits until nobody is seen in the way, which keeps nobody waiting behind us, and at most this
 * long: what a look sees may yet not be in the way. at_once: no pause where nobody is. */
static bool wait_for_room(struct run *run, int64_t pause_ms, bool at_once, struct err *err)
{
    const int64_t until_ms = clock_monotonic_ms() + pause_ms;
    bool blocked = false, was_blocked = at_once;
    for (;;) {
        if (!look(run, &blocked, err))
            return false;
        const int64_t left_ms = until_ms - clock_monotonic_ms();
        if ((!blocked && was_blocked) || left_ms <= 0)
            return true;
        was_blocked = blocked;
        if (!wait_sleep(left_ms < LOOK_PAUSE_MS || !blocked ? left_ms : LOOK_PAUSE_MS, run->wait,
                        err))
            return false;
    }
}

/* ---- tries ---- */

static bool try_once(struct run *run, const struct plan_item *item, size_t unit, struct err *err)
{
    black_box_try(run, item, unit);
    if (run->ledger->pg == NULL)
        return apply_unit(run, item, unit, err);
    watcher_begin(run);
    const bool ok = apply_unit(run, item, unit, err);
    watcher_end(run);
    if (run->ledger->pg != NULL && !pg_lost(run->ledger->pg)) {
        CLEANUP(err_release) struct err second = {0};
        return oust_journal(run, ok ? err : &second) && ok;
    }
    return ok;
}

/* What the unit will lock, and a first look at who has it. */
static bool prepare(struct run *run, const struct plan_item *item, size_t unit, struct err *err)
{
    const int64_t patience_ms =
        run->options->lock_budget_ms < FIRST_LOOK_MS ? run->options->lock_budget_ms : FIRST_LOOK_MS;
    run->lock_timeout_ms = -1;
    run->claim = (struct claim){0};
    if (run->ledger->pg == NULL)
        return true;
    watcher_unit(run, item->migration->id,
                 unit < item->script.units.count && item->script.units.items[unit].alone);
    return claim_read(run, item, unit, &run->claim, err) &&
           wait_for_room(run, patience_ms, true, err) && choose_lock_timeout(run, err);
}

bool retry_unit(struct run *run, const struct plan_item *item, size_t unit, struct err *err)
{
    const int64_t give_up_ms = clock_monotonic_ms() + run->options->lock_budget_ms;
    int64_t pause_ms = retry_pause_ms(0);
    if (!prepare(run, item, unit, err))
        return false;
    while (!try_once(run, item, unit, err)) {
        explain_cancel(run, err);
        black_box_failed(run, err);
        if (!worth_retrying(run, err))
            return false;
        const int64_t jittered_ms = wait_jitter_ms(pause_ms);
        if (clock_monotonic_ms() + jittered_ms > give_up_ms) {
            retry_give_up(run, err);
            return false;
        }
        tell_retry(run, err->message, jittered_ms);
        err_release(err);
        if (run->ledger->pg != NULL && !show_in_name(run, err))
            return false;
        if (!wait_for_room(run, jittered_ms, false, err))
            return false;
        if (run->ledger->pg != NULL && !choose_lock_timeout(run, err))
            return false;
        pause_ms = retry_pause_ms(pause_ms);
    }
    return true;
}
