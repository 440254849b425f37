/* The SQL that makes a ledger, one text an engine, with {ledger} where its name goes. */
#ifndef PAWL_LEDGER_SCHEMA_H
#define PAWL_LEDGER_SCHEMA_H

#include "base/arena.h"

/* Statements to run in order, NULL-ended. */
extern const char *const ledger_schema_pg[];
extern const char *const ledger_schema_sqlite[];
/* PostgreSQL: the functions for those who reserve without pawl, added to a ledger of any age. */
extern const char *const ledger_reserve_pg[];

/* Added to a ledger of any age when the first backfill begins. */
extern const char *const ledger_checkpoint_pg[];
extern const char *const ledger_checkpoint_sqlite[];

/* Live releases: the table of instances and what applications call, added to a ledger of any age.
 */
extern const char *const ledger_presence_pg[];
extern const char *const ledger_presence_sqlite[];

/* The template with {ledger} replaced, in the arena; NULL when memory is out. */
char *ledger_sql(struct arena *arena, const char *template, const char *name) MUST_CHECK;

#endif
