/* The table of reactions. */
#include "db/sqlstate.h"

#include <string.h>

#include "base/macros.h"

static const struct {
    const char *sqlstate;
    enum sqlstate_reaction reaction;
} rows[] = {
    {SQLSTATE_LOCK_NOT_AVAILABLE,
     REACTION_RETRY},              /* lock_timeout passed: another session holds the lock */
    {"40P01", REACTION_RETRY},     /* deadlock: the server chose this transaction as its victim */
    {"40001", REACTION_RETRY},     /* serialization failure */
    {"PW001", REACTION_WAIT},      /* another pawl holds the mutex of this ledger */
    {"PW002", REACTION_REPLAN},    /* another pawl has changed the applied set */
    {"42P01", REACTION_NO_LEDGER}, /* the table does not exist */
    {"3F000", REACTION_NO_LEDGER}, /* the schema does not exist */
};

enum sqlstate_reaction sqlstate_reaction(const char *sqlstate)
{
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (strcmp(sqlstate, rows[i].sqlstate) == 0)
            return rows[i].reaction;
    return REACTION_FAIL;
}

bool sqlstate_timed_out(const char *sqlstate)
{
    return strcmp(sqlstate, SQLSTATE_QUERY_CANCELED) == 0 ||
           strcmp(sqlstate, SQLSTATE_LOCK_NOT_AVAILABLE) == 0;
}
