/* Whether the process behind an attempt still runs. */
#ifndef PAWL_LEDGER_LIVING_H
#define PAWL_LEDGER_LIVING_H

#include "ledger/state.h"

enum living {
    LIVING_UNKNOWN, /* it is on another machine, or did not say which process it is */
    LIVING_YES,
    LIVING_NO,
};

enum living attempt_living(const struct attempt *attempt);

/* False when it is surely over: its process is gone, or cannot be looked at and has written nothing
 * for ten minutes. */
bool attempt_may_live(const struct attempt *attempt, int64_t now_us);

#endif
