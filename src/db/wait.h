/*
 * Waiting for a descriptor, bounded by a deadline and by a cancel descriptor.
 *
 * Every wait in pawl takes one: nothing blocks without a way out. The cancel descriptor becomes
 * readable when the work must stop (the command line's signal handler writes to it, a library's
 * host may); it is never read here, so that all later waits end too.
 */
#ifndef PAWL_DB_WAIT_H
#define PAWL_DB_WAIT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct wait {
    int cancel_fd;       /* -1: none */
    int64_t deadline_ms; /* of clock_monotonic_ms(); 0: none */
};

/* True when the descriptor is ready for the poll() events; its revents are in *ret_events. False:
 * ERR_SIGNAL when cancelled, ERR_BUSY when the deadline has passed. fd -1 waits for nothing else.
 */
bool wait_fd(int fd, short events, const struct wait *wait, short *ret_events,
             struct err *err) MUST_CHECK;

/* Sleeps. False with ERR_SIGNAL when cancelled, ERR_BUSY when the deadline came first. */
bool wait_sleep(int64_t ms, const struct wait *wait, struct err *err) MUST_CHECK;

bool wait_cancelled(const struct wait *wait);

/* base_ms to twice that, at random, so that many deployers do not poll in step. */
int64_t wait_jitter_ms(int64_t base_ms);

#endif
