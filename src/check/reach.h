/* Statements that reach outside their database, which a scratch copy of it cannot hold. */
#ifndef PAWL_CHECK_REACH_H
#define PAWL_CHECK_REACH_H

#include "base/err.h"
#include "base/str.h"

/*
 * *ret_why is a clause for messages ("it changes roles"), NULL for a statement that stays inside as
 * far as its words say. What DO and the arguments of functions hold as text is read too; what a
 * function of the database does when it is called is not known. PostgreSQL only.
 */
bool reach_outside(struct span statement, const char **ret_why, struct err *err) MUST_CHECK;

#endif
