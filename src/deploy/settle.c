/* After a lost connection nothing is guessed: a new one asks the server. */
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "deploy/run.h"

/* ORPHAN_GRACE_MS: a server whose client is gone notices within about a second while a statement
 * runs (client_connection_check_interval), and by TCP's keepalives only when it does not. */
enum { RECONNECT_PAUSE_MS = 250, ORPHAN_GRACE_MS = 3000 };

static bool unknown(const struct run *run, const struct plan_item *item, int old_backend,
                    struct err *err)
{
    CLEANUP(err_release) struct err why = *err;
    *err = (struct err){0};
    (void)err_set(err, why.code == ERR_SIGNAL ? ERR_SIGNAL : ERR_PARTIAL,
                  "the outcome of \"%s\" is not known yet: %s", item->migration->id,
                  why.message != NULL ? why.message : "no answer");
    err_detail(err, "backend %d, attempt %s", old_backend, run->attempt);
    err_state(err, "The server could not be asked. Its transaction either committed with its "
                   "journal row, or left nothing.");
    err_hint(err, "Run pawl deploy again when the server is back: it looks before it acts.");
    return false;
}

/* *ret_gone: the old backend holds the ledger's mutex no more, and so has no transaction of ours
 * either. end: it has had its time; nobody will ever speak to it again. */
static bool backend_gone(struct run *run, int old_backend, bool end, bool *ret_gone,
                         struct err *err)
{
    struct rows rows;
    const char *const params[] = {
        arena_printf(run->arena, "%d", old_backend),
        arena_printf(run->arena, "%lld", ledger_mutex_key(run->ledger->name)),
        end ? "t" : "f",
    };
    if (params[0] == NULL || params[1] == NULL)
        return err_nomem(err);
    /* Behind a pooler the pid is an invention: the mutex in our next transaction decides. */
    *ret_gone = !run->ledger->direct;
    if (*ret_gone)
        return true;
    if (!pg_query(run->ledger->pg, run->arena,
                  "SELECT CASE WHEN $3 THEN pg_catalog.pg_terminate_backend(pid) END"
                  " FROM pg_catalog.pg_locks WHERE pid = $1 AND locktype = 'advisory' AND granted"
                  " AND (classid::pg_catalog.int8 << 32 | objid::pg_catalog.int8) = $2",
                  params, COUNT_OF(params), &rows, err))
        return false;
    *ret_gone = rows.count == 0;
    return true;
}

static bool connect_again(struct run *run, struct err *err)
{
    const bool direct = run->ledger->direct;
    if (run->ledger->pg != NULL && !pg_lost(run->ledger->pg))
        return true;
    ledger_close(run->ledger);
    if (!ledger_open(run->arena, run->target, run->wait, run->ledger, err))
        return false;
    run->ledger->direct = direct;
    return true;
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

/* One look. *ret_known: it was enough, and *ret_applied is the answer. */
static bool look(struct run *run, const struct plan_item *item, size_t unit, int old_backend,
                 bool end, bool *ret_known, bool *ret_applied, struct err *err)
{
    bool gone = false;
    /* The journal after the backend: between the two it may have committed. */
    if (!connect_again(run, err) || !backend_gone(run, old_backend, end, &gone, err) ||
        !ledger_read(run->ledger, run->arena, &run->journal, err) ||
        !state_build(run->arena, &run->journal, &run->state, err))
        return false;
    *ret_applied = row_of_unit(run, item, unit);
    *ret_known = gone;
    return true;
}

bool settle(struct run *run, const struct plan_item *item, size_t unit, int old_backend,
            bool *ret_applied, struct err *err)
{
    const int64_t start_ms = clock_monotonic_ms();
    bool known = false;
    run->mutex = false;
    black_box_connection(run, "lost", old_backend);
    while (!known) {
        const int64_t waited_ms = clock_monotonic_ms() - start_ms;
        err_release(err);
        if (!look(run, item, unit, old_backend, waited_ms > ORPHAN_GRACE_MS, &known, ret_applied,
                  err) &&
            err->code != ERR_UNREACHABLE)
            return unknown(run, item, old_backend, err);
        if (!known && waited_ms > run->options->wait_ms)
            return unknown(run, item, old_backend, err);
        if (!known && !wait_sleep(wait_jitter_ms(RECONNECT_PAUSE_MS), run->wait, err))
            return unknown(run, item, old_backend, err);
    }
    err_release(err);
    black_box_connection(run, "back", pg_backend_pid(run->ledger->pg));
    run->last_change = run->state.last_change;
    run->result->head =
        arena_printf(run->arena, "%" PRId64 ":%s", run->journal.head.seq, run->journal.head.hash);
    return run->result->head != NULL || err_nomem(err);
}
