/* The loop over the batches, and what becomes of a batch that did not go through. */
#include "deploy/backfill.h"

#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/fs.h"
#include "db/sqlstate.h"
#include "ledger/detail.h"

enum {
    FIRST_BATCH_ROWS = 2000,
    LARGEST_BATCH_ROWS = 100000,
    FIRST_PAUSE_MS = 250,
    LONGEST_PAUSE_MS = 10000,
    PAUSED_LOOK_MS = 1000, /* between two looks at whether it may go on */
};

static bool on_pg(const struct backfill *b)
{
    return b->run->ledger->pg != NULL;
}

/* Somebody else has taken it further, or done it: the deploy plans again. */
static bool replan(struct err *err)
{
    err_release(err);
    (void)err_set(err, ERR_BUSY, "another pawl has changed the checkpoint");
    memcpy(err->sqlstate, "PW002", sizeof err->sqlstate);
    err->retryable = true;
    return false;
}

/* ---- beginning ---- */

/* b->at outlives the arena that a checkpoint was read into. */
static bool keep_checkpoint(struct backfill *b, const struct checkpoint *found, struct err *err)
{
    struct arena *const arena = b->run->arena;
    str_clear(&b->reached);
    str_puts(&b->reached, found->reached != NULL ? found->reached : "");
    const char *const key = b->at.key != NULL ? b->at.key : arena_strdup(arena, found->key);
    const char *const until = b->at.until != NULL ? b->at.until : arena_strdup(arena, found->until);
    if (b->reached.failed || key == NULL || until == NULL)
        return err_nomem(err);
    b->at = *found;
    b->at.migration = b->item->migration->id;
    b->at.checksum = b->item->migration->checksum.text;
    b->at.key = key;
    b->at.until = until;
    b->at.reached = found->reached != NULL ? str_text(&b->reached) : NULL;
    b->at.paused_by = b->at.paused_reason = NULL;
    return true;
}

static const char *begin_detail(const struct backfill *b, const struct checkpoint *first)
{
    CLEANUP(json_release) json_t *detail = attempt_detail(b->run);
    CLEANUP(json_release) json_t *key = json_loads(first->key, 0, NULL);
    if (detail == NULL || key == NULL ||
        json_object_set_new(detail, "table", json_string(b->table)) != 0 ||
        json_object_set(detail, "key", key) != 0 ||
        json_object_set_new(detail, "until", json_string(first->until)) != 0 ||
        json_object_set_new(detail, "estimate", json_integer(first->estimate)) != 0)
        return NULL;
    return detail_text(b->run->arena, detail);
}

/* Where nothing keeps others off (SQLite, poolers) another pawl may have made the table, or the
 * row, since we looked. */
static bool begun_meanwhile(struct backfill *b, bool table, struct err *err)
{
    struct run *const run = b->run;
    CLEANUP(err_release) struct err second = {0};
    struct checkpoints list;
    if (err->code != ERR_FAILED || (on_pg(b) && pg_lost(run->ledger->pg)) ||
        !checkpoint_list(run->ledger, run->arena, &list, &second) ||
        (list.table == table && checkpoints_find(&list, b->item->migration->id) == NULL))
        return false;
    return replan(err);
}

static bool append_begin(struct backfill *b, const struct checkpoint *first, bool table,
                         struct err *err)
{
    struct run *const run = b->run;
    const struct hash_hex digest = digest_set_hash(&run->state.digests);
    const struct migration *const m = b->item->migration;
    struct receipt receipt;
    const struct entry entry = {.event = EVENT_BACKFILL_BEGIN,
                                .migration = m->id,
                                .checksum = m->checksum.text,
                                .kind = kind_name(m->kind),
                                .phase = phase_name(m->phase),
                                .detail = begin_detail(b, first),
                                .digest = digest.text};
    if (entry.detail == NULL)
        return err_nomem(err);
    fault_point("backfill begin");
    if (!checkpoint_begin(run->ledger, run->arena, first, table, &entry, run->last_change, &receipt,
                          err))
        return begun_meanwhile(b, table, err);
    run->result->head = receipt.text;
    fault_point("backfill begun");
    return keep_checkpoint(b, first, err);
}

static bool begin(struct backfill *b, bool table, struct err *err)
{
    struct window last = {0};
    int64_t estimate = -1;
    if (!(on_pg(b) ? backfill_pg_end(b, b->run->arena, &last, &estimate, err)
                   : backfill_sqlite_end(b, b->run->arena, &last, &estimate, err)))
        return false;
    b->walked = last.rows == 0;
    const struct checkpoint first = {.migration = b->item->migration->id,
                                     .checksum = b->item->migration->checksum.text,
                                     .key = b->key.names,
                                     .until = last.reached,
                                     .estimate = estimate};
    return b->walked || append_begin(b, &first, table, err);
}

static bool resume(struct backfill *b, const struct checkpoint *found, struct err *err)
{
    if (strcmp(found->key, b->key.names) != 0) {
        (void)err_set(err, ERR_FAILED,
                      "the backfill has begun by the key %s, and the key is %s now", found->key,
                      b->key.names);
        err_hint(err, "Put the key back as it was, then deploy.");
        return false;
    }
    if (!keep_checkpoint(b, found, err))
        return false;
    backfill_tell_start(b);
    return true;
}

static bool open_backfill(struct backfill *b, struct err *err)
{
    struct run *const run = b->run;
    const struct migration *const m = b->item->migration;
    struct checkpoints list;
    const int64_t first_rows = m->batch > 0 ? m->batch : FIRST_BATCH_ROWS;
    if (!checkpoint_list(run->ledger, run->arena, &list, err) || !backfill_read_key(b, err) ||
        !throttle_begin(run, b->table, first_rows, m->batch > 0 ? m->batch : LARGEST_BATCH_ROWS,
                        &b->throttle, err))
        return false;
    const struct checkpoint *const found = checkpoints_find(&list, m->id);
    if (!(found != NULL ? resume(b, found, err) : begin(b, list.table, err)))
        return false;
    b->start_walked = b->at.walked;
    b->opened = true;
    return true;
}

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
            return replan(err);
        if (b->unsure && !keep_checkpoint(b, found, err))
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
    if (!(on_pg(b) ? backfill_pg_batch(b, arena, window, &to, err)
                   : backfill_sqlite_batch(b, arena, window, &to, err)))
        return false;
    fault_point("batch committed");
    b->marked_ms = now_ms;
    return keep_checkpoint(b, &to, err);
}

static bool walk(struct backfill *b, struct arena *arena, struct err *err)
{
    struct window window = {0};
    const int64_t rows = throttle_rows(b->throttle);
    if (!(on_pg(b) ? backfill_pg_window(b, arena, rows, &window, err)
                   : backfill_sqlite_window(b, arena, rows, &window, err)))
        return false;
    if (window.rows == 0) {
        b->walked = true;
        return true;
    }
    if (b->at.reached != NULL && strcmp(window.reached, b->at.reached) == 0)
        return err_set(err, ERR_FAILED,
                       "the key %s does not come to an end: it cannot be told from "
                       "the one before",
                       window.reached);
    b->failing = fs_printable(arena, window.reached);
    fault_point("batch window");
    b->try_ms = clock_monotonic_ms();
    if (on_pg(b))
        watcher_begin(b->run);
    const bool ok = run_batch(b, arena, &window, err);
    if (on_pg(b))
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
    if (!(on_pg(b) ? backfill_pg_finish(b, arena, err) : backfill_sqlite_finish(b, arena, err)))
        return false;
    b->applied = true;
    return true;
}

static bool step(struct backfill *b, struct arena *arena, struct err *err)
{
    b->failing = NULL;
    if (on_pg(b))
        b->backend = pg_backend_pid(b->run->ledger->pg);
    if (!b->opened)
        return open_backfill(b, err);
    if (!wait_for_turn(b, err))
        return false;
    if (!b->walked)
        return walk(b, arena, err);
    if (!b->verified && b->item->migration->verify != NULL) {
        b->verified = backfill_verify(b, arena, err);
        return b->verified;
    }
    return finish(b, arena, err);
}

/* ---- what did not go through ---- */

/* Over a new connection: the old backend is gone, and the checkpoint says what it has committed. */
static bool reconnect(struct backfill *b, struct err *err)
{
    struct run *const run = b->run;
    const int64_t change = run->last_change;
    err_release(err);
    if (!settle(run, b->item, 0, b->backend, &b->applied, err))
        return false;
    b->unsure = true;
    if (b->applied)
        return apply_committed(run, b->item, 0, &(struct receipt){run->result->head},
                               clock_monotonic_ms() - b->start_ms, err);
    if (run->last_change != change)
        return replan(err);
    return !exclude_by_lock(run) ||
           exclude_mutex(run, clock_monotonic_ms() + run->options->wait_ms, err);
}

static bool pause_and_retry(struct backfill *b, struct err *err)
{
    struct run *const run = b->run;
    const int64_t now_ms = clock_monotonic_ms();
    if (b->retry_since_ms == 0) {
        b->retry_since_ms = now_ms;
        b->pause_ms = FIRST_PAUSE_MS;
    }
    const int64_t jittered_ms = wait_jitter_ms(b->pause_ms);
    if (now_ms + jittered_ms - b->retry_since_ms > run->options->lock_budget_ms) {
        err->code = ERR_BUSY;
        if (run->watcher.blocked != NULL)
            err_detail(err, "in the way: %s", run->watcher.blocked);
        err_hint(err, "`pawl blockers` shows who is in the way; then deploy again.");
        return false;
    }
    deploy_tell(&run->options->listener, &(struct deploy_event){.type = DEPLOY_RETRY,
                                                                .id = b->item->migration->id,
                                                                .text = err->message,
                                                                .elapsed_ms = jittered_ms});
    err_release(err);
    b->pause_ms = b->pause_ms * 2 < LONGEST_PAUSE_MS ? b->pause_ms * 2 : LONGEST_PAUSE_MS;
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

/* True when the step is worth another try. */
static bool recover(struct backfill *b, struct err *err)
{
    struct run *const run = b->run;
    const enum sqlstate_reaction reaction = sqlstate_reaction(err->sqlstate);
    if (on_pg(b) && err->code == ERR_UNREACHABLE && pg_lost(run->ledger->pg))
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

/* What stands, for the error's state. */
static bool fail(struct backfill *b, struct err *err)
{
    struct run *const run = b->run;
    const enum sqlstate_reaction reaction = sqlstate_reaction(err->sqlstate);
    run->committed_any = b->at.batches > 0;
    if (err->code == ERR_BUSY && (reaction == REACTION_WAIT || reaction == REACTION_REPLAN))
        return false;
    if (err->file == NULL && (err->code == ERR_FAILED || err->code == ERR_PARTIAL))
        err_at(err, b->item->migration->path, 0, 0);
    if (err->state != NULL || err->code == ERR_NOMEM || !run->committed_any ||
        (on_pg(b) && pg_lost(run->ledger->pg)))
        return false;
    if (err->code == ERR_FAILED)
        err->code = ERR_PARTIAL;
    const char *const place = backfill_place(run->arena, &b->at);
    err_state(err,
              "\"%s\" has gone through %s, which stand; pawl deploy goes on from there. Applied by "
              "this run: %zu of %zu.",
              b->item->migration->id, place != NULL ? place : "?", run->result->done.count,
              run->result->plan.items.count);
    return false;
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
                         .statement = &item->script.batch,
                         .limits = limits_for(run, item),
                         .start_ms = now_ms,
                         .marked_ms = now_ms};
    if (run->ledger->pg != NULL)
        watcher_unit(run, item->migration->id, false);
    while (!b.applied) {
        CLEANUP(arena_release) struct arena scratch = {0};
        if (!step(&b, &scratch, err) && !recover(&b, err))
            return fail(&b, err);
    }
    return true;
}
