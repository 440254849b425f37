/* Whether somebody has reserved the target: asked before the first row of a deploy. */
#include <stdlib.h>

#include "base/clock.h"
#include "deploy/run.h"
#include "ledger/detail.h"

/* Between two looks at a reservation that is waited for, and between two notes about it. */
enum { LOOK_PAUSE_MS = 500, NOTE_EVERY_MS = 60 * 1000 };

static const struct reservation *in_force(const struct run *run, int64_t before_seq)
{
    if (plan_empty(&run->result->plan))
        return NULL;
    return reservations_last(&run->state.reservations, run->journal.now_us, before_seq);
}

const struct reservation *reservation_standing(const struct run *run)
{
    return in_force(run, INT64_MAX);
}

bool reservation_refuse(struct run *run, const struct reservation *reservation, struct err *err)
{
    const char *const text = reservation_text(run->arena, reservation);
    if (text == NULL)
        return err_nomem(err);
    (void)err_set(err, ERR_BUSY, "the target is reserved %s", text);
    err_state(err, "Nothing was changed.");
    err_hint(err,
             "Deploy after that, or wait for it with --wait. `pawl reserve end %lld` ends it, "
             "`pawl deploy --override reservation --reason TEXT` goes over it.",
             (long long)reservation->seq);
    return false;
}

static bool is_overridden(const struct run *run)
{
    return (run->options->overrides & OVERRIDE_RESERVATION) != 0;
}

static void tell(struct run *run, enum deploy_event_type type, const char *format,
                 const struct reservation *reservation)
{
    const char *const text = reservation_text(run->arena, reservation);
    deploy_tell(&run->options->listener,
                &(struct deploy_event){
                    .type = type,
                    .text = text != NULL ? arena_printf(run->arena, "%s %s", format, text) : NULL});
}

bool reservation_wait(struct run *run, int64_t give_up_ms, struct err *err)
{
    int64_t next_note_ms = clock_monotonic_ms();
    const struct reservation *reservation;
    if (is_overridden(run))
        return true;
    while ((reservation = in_force(run, INT64_MAX)) != NULL) {
        const int64_t now_ms = clock_monotonic_ms();
        if (now_ms >= give_up_ms)
            return reservation_refuse(run, reservation, err);
        if (now_ms >= next_note_ms) {
            tell(run, DEPLOY_WAITING, "the target is reserved", reservation);
            next_note_ms = now_ms + NOTE_EVERY_MS;
        }
        run->result->waited = true;
        const int64_t left_ms = give_up_ms - now_ms;
        if (!wait_sleep(left_ms < LOOK_PAUSE_MS ? left_ms : LOOK_PAUSE_MS, run->wait, err) ||
            !run_plan(run, err))
            return false;
    }
    return true;
}

const struct reservation *reservation_found(struct run *run)
{
    const struct reservation *const reservation = in_force(run, INT64_MAX);
    if (reservation == NULL || !is_overridden(run))
        return reservation;
    run->overridden |= OVERRIDE_RESERVATION;
    run->reservation = reservation->seq;
    tell(run, DEPLOY_NOTE, "goes over a reservation", reservation);
    return NULL;
}

/* Rows are written in one order: whoever reserves after our begin row is told that a deploy is at
 * work, and whoever did before it is seen here. */
bool reservation_recheck(struct run *run, struct err *err)
{
    const int64_t begun = strtoll(run->result->head, NULL, 10);
    if (begun == run->journal.head.seq + 1 || is_overridden(run))
        return true;
    if (!run_plan(run, err))
        return false;
    const struct reservation *const reservation = in_force(run, begun);
    if (reservation == NULL)
        return true;
    run->reserved = true;
    return reservation_refuse(run, reservation, err);
}

void reservation_note(struct run *run)
{
    const struct reservation *const reservation = in_force(run, INT64_MAX);
    if (reservation != NULL)
        tell(run, DEPLOY_NOTE, "a deploy is held up: the target is reserved", reservation);
}
