/* Who is at work on a ledger, for the one who comes second. */
#ifndef PAWL_LEDGER_HOLDER_H
#define PAWL_LEDGER_HOLDER_H

#include "ledger/ledger.h"
#include "ledger/state.h"

/* "another deploy holds the mutex: backend 12, user shop, from 10.0.0.7, since …", with what the
 * open attempt says of it. holder, open: NULL when not known. NULL when memory is out. */
const char *holder_text(struct arena *arena, const struct pg_session *holder,
                        const struct attempt *open);

/* Adds to an ERR_BUSY of ledger_append() or ledger_create() who is acting, or who has acted since.
 * What fails here leaves the error as it was. */
void holder_explain(struct ledger *ledger, struct arena *arena, struct err *err);

/* "adopted by alice on db1 (process 12) at …", of one row; NULL when memory is out. */
const char *holder_row_text(struct arena *arena, const struct state *state,
                            const struct journal_row *row);

#endif
