/* The table of reactions. */
#include "db/sqlstate.h"

#include <string.h>

#include "base/macros.h"

const struct sqlstate_row sqlstate_rows[] = {
    {"55P03", REACTION_RETRY, "lock_timeout passed: another session holds the lock"},
    {"40P01", REACTION_RETRY, "deadlock: the server chose this transaction as its victim"},
    {"40001", REACTION_RETRY, "serialization failure"},
    {"57P01", REACTION_LOST, "an administrator ended the connection"},
    {"57P02", REACTION_LOST, "the server crashed and is starting again"},
    {"57P03", REACTION_LOST, "the server is starting or stopping"},
    {"08", REACTION_LOST, "the connection failed"},
    {"PW001", REACTION_WAIT, "another pawl holds the mutex of this ledger"},
    {"PW002", REACTION_REPLAN, "another pawl has changed the applied set"},
    {"42P01", REACTION_NO_LEDGER, "the table does not exist"},
    {"3F000", REACTION_NO_LEDGER, "the schema does not exist"},
};
const size_t sqlstate_row_count = COUNT_OF(sqlstate_rows);

enum sqlstate_reaction sqlstate_reaction(const char *sqlstate)
{
    for (size_t i = 0; i < sqlstate_row_count; i++)
        if (strncmp(sqlstate, sqlstate_rows[i].prefix, strlen(sqlstate_rows[i].prefix)) == 0)
            return sqlstate_rows[i].reaction;
    return REACTION_FAIL;
}
