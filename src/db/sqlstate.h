/* What pawl does about an SQLSTATE: one table. */
#ifndef PAWL_DB_SQLSTATE_H
#define PAWL_DB_SQLSTATE_H

#include <stdbool.h>

enum sqlstate_reaction {
    REACTION_FAIL,      /* the statement is wrong for this database: stop and say why */
    REACTION_RETRY,     /* roll the transaction back, pause, try it again */
    REACTION_WAIT,      /* another pawl is at work: wait, read the ledger again */
    REACTION_REPLAN,    /* another pawl has changed the ledger: read it and plan again */
    REACTION_NO_LEDGER, /* the ledger's tables are not there */
};

/* Those that more than one place asks about. */
#define SQLSTATE_QUERY_CANCELED     "57014"
#define SQLSTATE_LOCK_NOT_AVAILABLE "55P03"

/* Either of these: a time limit has passed. */
bool sqlstate_timed_out(const char *sqlstate);

/* REACTION_FAIL where no row fits. */
enum sqlstate_reaction sqlstate_reaction(const char *sqlstate);

#endif
