/* What migrations of the past have left unfinished: INVALID indexes, constraints not validated. */
#ifndef PAWL_DEPLOY_LEFTOVER_H
#define PAWL_DEPLOY_LEFTOVER_H

#include "db/pg.h"

/* A line of text for each, in the arena; NULL when there is nothing. */
bool leftover_list(struct pg *pg, struct arena *arena, const char **ret,
                   struct err *err) MUST_CHECK;

#endif
