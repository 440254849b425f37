/* What pawl does about an SQLSTATE: one table (docs/sqlstate.md is printed from the same rows). */
#ifndef PAWL_DB_SQLSTATE_H
#define PAWL_DB_SQLSTATE_H

#include <stddef.h>

enum sqlstate_reaction {
    REACTION_FAIL,      /* the statement is wrong for this database: stop and say why */
    REACTION_RETRY,     /* roll the transaction back, pause, try it again */
    REACTION_LOST,      /* the connection is gone: connect again and find out what happened */
    REACTION_WAIT,      /* another pawl is at work: wait, read the ledger again */
    REACTION_REPLAN,    /* another pawl has changed the ledger: read it and plan again */
    REACTION_NO_LEDGER, /* the ledger's tables are not there */
};

struct sqlstate_row {
    const char *prefix; /* all five characters, or the two of a class */
    enum sqlstate_reaction reaction;
    const char *text;
};

extern const struct sqlstate_row sqlstate_rows[];
extern const size_t sqlstate_row_count;

/* The most specific row's reaction; REACTION_FAIL where none fits. */
enum sqlstate_reaction sqlstate_reaction(const char *sqlstate);

#endif
