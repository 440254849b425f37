/* One look after another, each over a new connection. */
#include "live/await.h"

#include "base/clock.h"

/* Between two looks. */
enum { READY_PAUSE_MS = 200 };

static void close_ledger(struct ledger *ledger)
{
    ledger_close(ledger);
}

static bool look(struct arena *arena, const struct ledger_options *target, const struct wait *wait,
                 const struct ready_source *source, struct ready_result *ret, struct err *err)
{
    CLEANUP(close_ledger) struct ledger ledger = {0};
    /* Keepalives find a dead server, not one that hangs: connecting and answering have a limit. */
    const struct wait limited = {.cancel_fd = wait->cancel_fd,
                                 .deadline_ms =
                                     clock_monotonic_ms() + 2 * target->connect_timeout_ms};
    if (ledger_open(arena, target, &limited, &ledger, err) &&
        ready_check(&ledger, arena, source, ret, err))
        return true;
    if (err->code == ERR_BUSY) {
        err->code = ERR_UNREACHABLE;
        err->retryable = true;
    }
    return false;
}

bool ready_await(struct arena *arena, const struct ledger_options *target, const struct wait *wait,
                 const struct ready_source *source, const struct ready_patience *patience,
                 struct ready_result *ret, struct err *err)
{
    const struct ready_listener *const listener = &patience->listener;
    const int64_t start_ms = clock_monotonic_ms();
    for (;;) {
        arena_release(arena);
        const bool known = look(arena, target, wait, source, ret, err);
        const int64_t waited_ms = clock_monotonic_ms() - start_ms;
        const int64_t left_ms = patience->wait_ms - waited_ms;
        const bool worth_it = known ? ret->verdict == READY_WAIT && !patience->any_answer
                                    : err->code == ERR_UNREACHABLE;
        if (left_ms <= 0 || !worth_it)
            return known;
        if (listener->on_wait != NULL)
            listener->on_wait(listener->context, known ? ret : NULL, known ? NULL : err, waited_ms);
        err_release(err);
        const int64_t pause_ms = wait_jitter_ms(READY_PAUSE_MS);
        if (!wait_sleep(pause_ms < left_ms ? pause_ms : left_ms, wait, err))
            return false;
    }
}
