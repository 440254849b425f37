/* What other sessions run may name a password: nobody is told it, and no record keeps it. */
#ifndef PAWL_DEPLOY_BLANK_H
#define PAWL_DEPLOY_BLANK_H

#include "db/sessions.h"

/* In each one's query. A query that memory was out for is gone. */
void blank_passwords(struct arena *arena, const struct pg_sessions *sessions);

#endif
