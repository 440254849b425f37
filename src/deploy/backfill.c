/* The loop over the batches. */
#include "deploy/backfill.h"

#include <string.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/fs.h"

enum { PAUSED_LOOK_MS = 1000 }; /* between two looks at whether it may go on */

/* ---- whose turn it is ---- */

static bool stopped_while_paused(struct backfill *b, struct err *err)
{
    if (err->code != ERR_SIGNAL)
        return false;
    err_release(err);
    return err_set(err, ERR_PARTIAL, "stopped on request, while \"%s\" was paused",
                   b->item->migration->id);
}

static bool wait_while_paused(struct backfill *b, struct arena *arena,
                              const struct checkpoint *paused, struct err *err)
{
    char since[CLOCK_ISO_BYTES];
    clock_format_s(paused->paused_us, since);
    const char *const why =
        arena_printf(arena, "paused by %s since %s%s%s; pawl backfill resume lets it go on",
                     paused->paused_by, since, paused->paused_reason != NULL ? ": " : "",
                     paused->paused_reason != NULL ? paused->paused_reason : "");
    if (why == NULL)
        return err_nomem(err);
    backfill_tell_waiting(b, why);
    return wait_sleep(PAUSED_LOOK_MS, b->run->wait, err) || stopped_while_paused(b, err);
}

/* One look. *ret_go: nothing is in the way of the next batch. */
static bool look(struct backfill *b, struct arena *arena, bool *ret_go, struct err *err)
{
    struct checkpoints list;
    const char *why = NULL;
    int64_t pause_ms = 0;
    *ret_go = false;
    if (b->at.until != NULL) {
        if (!checkpoint_list(b->run->ledger, arena, &list, err))
            return false;
        const struct checkpoint *const found = checkpoints_find(&list, b->item->migration->id);
        if (found == NULL)
            return backfill_replan(err);
        if (b->unsure && !backfill_keep(b, found, err))
            return false;
        b->unsure = false;
        if (found->paused_by != NULL)
            return wait_while_paused(b, arena, found, err);
    }
    if (!throttle_look(b->throttle, &why, &pause_ms, err))
        return false;
    if (why != NULL) {
        backfill_tell_waiting(b, why);
        return wait_sleep(pause_ms, b->run->wait, err);
    }
    *ret_go = true;
    return true;
}

static bool wait_for_turn(struct backfill *b, struct err *err)
{
    bool go = false;
    while (!go) {
        CLEANUP(arena_release) struct arena scratch = {0};
        if (wait_cancelled(b->run->wait))
            return err_set(err, ERR_SIGNAL, "stopped on request");
        if (!look(b, &scratch, &go, err))
            return false;
    }
    return true;
}

/* ---- one batch ---- */

static bool run_batch(struct backfill *b, struct arena *arena, const struct window *window,
                      struct err *err)
{
    struct checkpoint to = b->at;
    const int64_t now_ms = clock_monotonic_ms();
    to.reached = window->reached;
    to.walked += window->rows;
    to.batches++;
    to.ms += now_ms - b->marked_ms;
    if (!b->engine->batch(b, arena, window, &to, err))
        return false;
    fault_point("batch committed");
    b->marked_ms = now_ms;
    return backfill_keep(b, &to, err);
}

static bool walk(struct backfill *b, struct arena *arena, struct err *err)
{
    struct window window = {0};
    const bool watched = b->run->ledger->pg != NULL;
    if (!b->engine->window(b, arena, throttle_rows(b->throttle), &window, err))
        return false;
    if (window.rows == 0) {
        b->stage = backfill_walked(b);
        return true;
    }
    b->failing = fs_printable(arena, window.reached);
    if (b->failing == NULL)
        return err_nomem(err);
    if (b->at.reached != NULL && strcmp(window.reached, b->at.reached) == 0)
        return err_set(err, ERR_FAILED,
                       "the key %s does not come to an end: it cannot be told from "
                       "the one before",
                       b->failing);
    fault_point("batch window");
    b->try_ms = clock_monotonic_ms();
    if (watched)
        watcher_begin(b->run);
    const bool ok = run_batch(b, arena, &window, err);
    if (watched)
        watcher_end(b->run);
    if (!ok)
        return false;
    throttle_took(b->throttle, window.rows, clock_monotonic_ms() - b->try_ms);
    b->retry_since_ms = 0;
    backfill_tell_progress(b);
    return true;
}

/* What the row that says it is applied tells of it. */
static bool finish(struct backfill *b, struct arena *arena, struct err *err)
{
    struct run *const run = b->run;
    run->counted = (struct counted){.known = true,
                                    .rows = b->at.changed,
                                    .walked = b->at.walked,
                                    .batches = b->at.batches,
                                    .work_ms = b->at.ms + clock_monotonic_ms() - b->marked_ms,
                                    .backfill = true};
    fault_point("backfill end");
    if (!b->engine->finish(b, arena, err))
        return false;
    b->stage = BACKFILL_DONE;
    return true;
}

static bool step(struct backfill *b, struct arena *arena, struct err *err)
{
    b->failing = NULL;
    if (b->run->ledger->pg != NULL)
        b->backend = pg_backend_pid(b->run->ledger->pg);
    if (b->stage == BACKFILL_OPEN)
        return backfill_open(b, err);
    if (!wait_for_turn(b, err))
        return false;
    if (b->stage == BACKFILL_WALK)
        return walk(b, arena, err);
    if (b->stage == BACKFILL_FINISH)
        return finish(b, arena, err);
    if (!backfill_verify(b, arena, err))
        return false;
    b->stage = BACKFILL_FINISH;
    return true;
}

/* A batch's transaction is that of any migration, and its time is bounded. */
static struct limits limits_for(const struct run *run, const struct plan_item *item)
{
    struct limits limits = run->options->limits;
    limits.lock_timeout_ms = apply_lock_timeout_ms(run, item);
    limits.statement_timeout_ms = run->options->batch_timeout_ms;
    return limits;
}

static void release(struct backfill *b)
{
    str_release(&b->reached);
}

bool backfill_run(struct run *run, const struct plan_item *item, struct err *err)
{
    const int64_t now_ms = clock_monotonic_ms();
    run->lock_timeout_ms = -1;
    run->claim = (struct claim){0};
    CLEANUP(release)
    struct backfill b = {.run = run,
                         .item = item,
                         .engine = run->ledger->pg != NULL ? &backfill_pg : &backfill_sqlite,
                         .statement = &item->script.batch,
                         .limits = limits_for(run, item),
                         .start_ms = now_ms,
                         .marked_ms = now_ms};
    if (run->ledger->pg != NULL)
        watcher_unit(run, item->migration->id, false);
    while (b.stage != BACKFILL_DONE) {
        CLEANUP(arena_release) struct arena scratch = {0};
        if (!step(&b, &scratch, err) && !backfill_recover(&b, err))
            return backfill_fail(&b, err);
    }
    return true;
}
