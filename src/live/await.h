/* Looking again until code may start, or until it is known that waiting does not help. */
#ifndef PAWL_LIVE_AWAIT_H
#define PAWL_LIVE_AWAIT_H

#include "live/ready.h"

/*
 * Asks ready_check() over a connection of its own for each look, as the server may come and go,
 * until the verdict is not READY_WAIT or wait_ms are over; 0 looks once. An answer has
 * target->connect_timeout_ms beyond the connecting. arena holds the answer and nothing else: it is
 * emptied before each look.
 *
 * Errors: ERR_UNREACHABLE (the last look's), ERR_USAGE, ERR_SIGNAL, what the source gives.
 */
bool ready_await(struct arena *arena, const struct ledger_options *target, const struct wait *wait,
                 const struct ready_source *source, int64_t wait_ms, struct ready_result *ret,
                 struct err *err) MUST_CHECK;

#endif
