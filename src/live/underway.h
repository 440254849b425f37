/* Whether a deploy of a target is in progress, asked by who is none. */
#ifndef PAWL_LIVE_UNDERWAY_H
#define PAWL_LIVE_UNDERWAY_H

#include "ledger/ledger.h"

/*
 * *ret_what says in words what shows it; NULL: none is in progress. On a direct connection to
 * PostgreSQL that is whoever holds the ledger's mutex, wherever it runs. Behind a transaction
 * pooler and on SQLite there is no lock to look at: there a deploy is seen that has begun, has not
 * ended, and whose process lives on this host. A SQLite file that stays locked for as long as its
 * connection waits counts as one.
 *
 * Read-only. The mutex may be looked at by any role, the journal's details by who deploys.
 */
bool underway_look(struct ledger *ledger, struct arena *arena, const char **ret_what,
                   struct err *err) MUST_CHECK;

#endif
