/*
 * Putting a database that other means brought to where it is under a ledger: one row a migration
 * that is done already, and nothing is run.
 */
#ifndef PAWL_ADOPT_ADOPT_H
#define PAWL_ADOPT_ADOPT_H

#include "base/finding.h"
#include "history/set.h"
#include "ledger/ledger.h"

struct adopt_result {
    size_t adopted;
    const char *head; /* "seq:hash" */
};

/* as_of: the last id that is done, or "none" for an empty ledger beside other people's tables.
 * Their texts are kept. Files with odd names that stand before it are done too, and are admitted to
 * the set. The ledger and all its rows are made in one transaction. Errors: ERR_REFUSED when there
 * is a ledger already, ERR_USAGE for an unknown id. */
bool adopt_run(struct arena *arena, struct ledger *ledger, struct set *set, const char *as_of,
               struct findings *findings, struct adopt_result *ret, struct err *err) MUST_CHECK;

#endif
