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
                 const struct ready_source *source, int64_t wait_ms, struct ready_result *ret,
                 struct err *err)
{
    const int64_t give_up_ms = clock_monotonic_ms() + wait_ms;
    for (;;) {
        arena_release(arena);
        const bool known = look(arena, target, wait, source, ret, err);
        const int64_t left_ms = give_up_ms - clock_monotonic_ms();
        const bool over = left_ms <= 0;
        if (known ? over || ret->verdict != READY_WAIT : over || err->code != ERR_UNREACHABLE)
            return known;
        err_release(err);
        const int64_t pause_ms = wait_jitter_ms(READY_PAUSE_MS);
        if (!wait_sleep(pause_ms < left_ms ? pause_ms : left_ms, wait, err))
            return false;
    }
}
