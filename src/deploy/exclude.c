/* One deploy at a time: the session lock, or waiting for a living process where there can be none.
 */
#include <inttypes.h>

#include "base/clock.h"
#include "deploy/run.h"
#include "ledger/holder.h"

/* Between two looks at a mutex that another deploy holds, and between two notes about it. */
enum { MUTEX_PAUSE_MS = 50, NOTE_EVERY_MS = 5000 };

static void tell_waiting(struct run *run, const char *text)
{
    run->result->waited = true;
    deploy_tell(&run->options->listener,
                &(struct deploy_event){.type = DEPLOY_WAITING, .text = text});
}

/* Who is in the way, as far as this role may see; NULL with err. What a dead deploy has left in the
 * server is ended. */
static const char *in_the_way(struct run *run, struct arena *arena, struct err *err)
{
    struct pg_session holder;
    bool found = false;
    if (!ledger_mutex_holder(run->ledger, arena, &found, &holder, err))
        return NULL;
    if (found)
        oust_orphan(run, &holder);
    const char *const text =
        holder_text(arena, found ? &holder : NULL, state_open_attempt(&run->state));
    if (text == NULL)
        (void)err_nomem(err);
    return text;
}

bool exclude_still_busy(const char *text, struct err *err)
{
    (void)err_set(err, ERR_BUSY, "%s", text != NULL ? text : "another deploy is at work");
    err_state(err, "Nothing was changed by this deploy.");
    err_hint(err, "Wait for it, or give --wait a longer time; `pawl blockers` shows what it does, "
                  "and what is in its way.");
    return false;
}

/* Polls: a blocking wait would hold a snapshot, and deadlock with CREATE INDEX CONCURRENTLY. */
bool exclude_mutex(struct run *run, int64_t give_up_ms, struct err *err)
{
    int64_t next_note_ms = clock_monotonic_ms();
    for (;;) {
        /* What a try allocates goes with it: a wait may be long. */
        CLEANUP(arena_release) struct arena scratch = {0};
        if (!ledger_mutex_try(run->ledger, &scratch, &run->mutex, err))
            return false;
        if (run->mutex)
            return true;
        const int64_t now_ms = clock_monotonic_ms();
        if (now_ms >= give_up_ms || now_ms >= next_note_ms) {
            const char *const holder = in_the_way(run, &scratch, err);
            if (holder == NULL)
                return false;
            if (now_ms >= give_up_ms)
                return exclude_still_busy(holder, err);
            tell_waiting(run, holder);
            next_note_ms = now_ms + NOTE_EVERY_MS;
        }
        if (!wait_sleep(wait_jitter_ms(MUTEX_PAUSE_MS), run->wait, err))
            return false;
    }
}

/* Without a session lock (SQLite, poolers) each transaction excludes the others by itself; waiting
 * for a living deploy only keeps losers from competing with it. */
static bool wait_for_living(struct run *run, int64_t give_up_ms, struct err *err)
{
    int64_t next_note_ms = clock_monotonic_ms();
    const struct attempt *living;
    while ((living = attempt_alive(run)) != NULL) {
        const char *const text =
            arena_printf(run->arena, "another deploy is at work: process %" PRId64 " of %s on %s",
                         living->pid, living->user != NULL ? living->user : "?", living->host);
        const int64_t now_ms = clock_monotonic_ms();
        if (now_ms >= give_up_ms)
            return exclude_still_busy(text, err);
        if (now_ms >= next_note_ms) {
            tell_waiting(run, text);
            next_note_ms = now_ms + NOTE_EVERY_MS;
        }
        if (!wait_sleep(wait_jitter_ms(MUTEX_PAUSE_MS), run->wait, err) || !run_plan(run, err))
            return false;
    }
    return true;
}

/* Behind a pooler someone else's session lock may stand in the way of even this. */
static bool create_ledger(struct run *run, int64_t give_up_ms, struct err *err)
{
    while (!ledger_create(run->ledger, run->arena, NULL, 0, err)) {
        if (err->code != ERR_BUSY || clock_monotonic_ms() >= give_up_ms)
            return false;
        err_release(err);
        if (!wait_sleep(wait_jitter_ms(MUTEX_PAUSE_MS), run->wait, err))
            return false;
    }
    return true;
}

bool exclude_by_lock(const struct run *run)
{
    return run->ledger->pg != NULL && run->ledger->direct;
}

/* From here on no other pawl changes the target, or our transactions notice. */
bool exclude_others(struct run *run, int64_t give_up_ms, struct err *err)
{
    if (exclude_by_lock(run) ? !exclude_mutex(run, give_up_ms, err)
                             : run->ledger->exists && !wait_for_living(run, give_up_ms, err))
        return false;
    return (run->ledger->exists || create_ledger(run, give_up_ms, err)) && run_plan(run, err) &&
           oust_journal(run, err);
}
