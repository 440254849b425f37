/* What the catalog says of a step outside transactions whose end is not in the journal. */
#ifndef PAWL_DEPLOY_STEP_PG_H
#define PAWL_DEPLOY_STEP_PG_H

#include "db/pg.h"
#include "sql/classify.h"

enum step_outcome {
    STEP_NOT_DONE, /* run it */
    STEP_DONE,     /* its effect is there, whole */
    STEP_HALF,     /* its leftover is there: undo first (see undo) */
};

/*
 * before is the step_begin row's detail: what was there before the step ran. *ret_undo is the
 * statement that removes or finishes a half-done effect; *ret_finishes is true when it finishes it.
 */
bool step_ask_catalog(struct pg *pg, struct arena *arena, const struct statement_info *info,
                      const char *before, enum step_outcome *ret, const char **ret_undo,
                      bool *ret_finishes, struct err *err) MUST_CHECK;

/* What to remember before the step runs, as it is not the step's: the oids of the table's indexes,
 * or of what has the name already that the statement gives; NULL when there is nothing. */
bool step_look_before(struct pg *pg, struct arena *arena, const struct statement_info *info,
                      const char **ret_indexes, struct err *err) MUST_CHECK;

#endif
