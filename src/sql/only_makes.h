/* New tables and indexes on them: the bulk of all migrations, which nobody else can be in the way
 * of. */
#ifndef PAWL_SQL_ONLY_MAKES_H
#define PAWL_SQL_ONLY_MAKES_H

#include "base/str.h"

/* True when these PostgreSQL statements surely lock nothing that was there before the first one.
 * False says nothing: the facts know more (sql/facts.h). */
bool sql_only_makes(const struct span *statements, size_t count);

#endif
