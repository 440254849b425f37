/* After a lost connection nothing is guessed: a new one asks the server. */
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "deploy/run.h"

enum { RECONNECT_PAUSE_MS = 250, RECONNECT_LIMIT_MS = 30000 };

static bool unknown(const struct run *run, const struct plan_item *item, int old_backend,
                    struct err *err)
{
    CLEANUP(err_release) struct err why = *err;
    *err = (struct err){0};
    (void)err_set(err, ERR_PARTIAL, "the outcome of \"%s\" is not known yet: %s",
                  item->migration->id, why.message != NULL ? why.message : "no answer");
    err_detail(err, "backend %d, attempt %s", old_backend, run->attempt);
    err_state(err, "The server could not be asked. Its transaction either committed with its "
                   "journal row, or left nothing.");
    err_hint(err, "Run pawl deploy again when the server is back: it looks before it acts.");
    return false;
}

/* True once no backend of that pid holds the ledger's mutex or a transaction any more. */
static bool backend_gone(struct run *run, int old_backend, bool *ret_gone, struct err *err)
{
    struct rows rows;
    const char *const pid = arena_printf(run->arena, "%d", old_backend);
    if (pid == NULL)
        return err_nomem(err);
    /* Behind a pooler the pid is an invention: the mutex in our next transaction decides. */
    if (!pg_query(run->ledger->pg, run->arena,
                  "SELECT 1 FROM pg_catalog.pg_stat_activity WHERE pid = $1"
                  " AND datname = pg_catalog.current_database()",
                  &pid, 1, &rows, err))
        return false;
    *ret_gone = rows.count == 0 || !run->ledger->direct;
    return true;
}

static bool try_once(struct run *run, int old_backend, bool *ret_gone, struct err *err)
{
    if (run->ledger->pg == NULL || pg_lost(run->ledger->pg)) {
        const bool direct = run->ledger->direct;
        ledger_close(run->ledger);
        if (!ledger_open(run->arena, run->target, run->wait, run->ledger, err))
            return false;
        run->ledger->direct = direct;
    }
    return backend_gone(run, old_backend, ret_gone, err);
}

/* The unit's row, from its attempt and place. */
static bool row_of_unit(const struct run *run, const struct plan_item *item, size_t unit)
{
    const struct applied *const applied = state_find(&run->state, item->migration->id);
    const struct partial *const partial = state_partial(&run->state, item->migration->id);
    if (applied != NULL && applied_has_checksum(applied, item->migration->checksum.text))
        return true;
    return partial != NULL && partial->steps_done > (int64_t)unit;
}

bool settle(struct run *run, const struct plan_item *item, size_t unit, int old_backend,
            bool *ret_applied, struct err *err)
{
    const int64_t give_up_ms = clock_monotonic_ms() + RECONNECT_LIMIT_MS;
    bool gone = false;
    run->mutex = false;
    while (!gone) {
        err_release(err);
        if (!try_once(run, old_backend, &gone, err) && err->code != ERR_UNREACHABLE)
            return unknown(run, item, old_backend, err);
        if (!gone && clock_monotonic_ms() > give_up_ms)
            return unknown(run, item, old_backend, err);
        if (!gone && !wait_sleep(wait_jitter_ms(RECONNECT_PAUSE_MS), run->wait, err))
            return unknown(run, item, old_backend, err);
    }
    err_release(err);
    if (!ledger_read(run->ledger, run->arena, &run->journal, err) ||
        !state_build(run->arena, &run->journal, &run->state, err))
        return unknown(run, item, old_backend, err);
    run->last_change = run->state.last_change;
    run->result->head =
        arena_printf(run->arena, "%" PRId64 ":%s", run->journal.head.seq, run->journal.head.hash);
    *ret_applied = row_of_unit(run, item, unit);
    return run->result->head != NULL || err_nomem(err);
}
