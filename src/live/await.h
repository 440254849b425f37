/* Looking again until code may start, or until it is known that waiting does not help. */
#ifndef PAWL_LIVE_AWAIT_H
#define PAWL_LIVE_AWAIT_H

#include "live/ready.h"

/* What a wait is about, told after each look that was not the last: result, or err where the target
 * could not be asked. */
struct ready_listener {
    void (*on_wait)(void *context, const struct ready_result *result, const struct err *err,
                    int64_t waited_ms);
    void *context;
};

struct ready_patience {
    int64_t wait_ms; /* 0: one look */
    bool any_answer; /* READY_WAIT ends it too: only that the target answers is waited for */
    struct ready_listener listener; /* on_wait may be NULL */
};

/*
 * Asks ready_check() over a connection of its own for each look, as the server may come and go,
 * until the verdict is not READY_WAIT or the patience is over. An answer has
 * target->connect_timeout_ms beyond the connecting. arena holds the answer and nothing else: it is
 * emptied before each look.
 *
 * Errors: ERR_UNREACHABLE (the last look's), ERR_USAGE, ERR_SIGNAL, what the source gives.
 */
bool ready_await(struct arena *arena, const struct ledger_options *target, const struct wait *wait,
                 const struct ready_source *source, const struct ready_patience *patience,
                 struct ready_result *ret, struct err *err) MUST_CHECK;

#endif
