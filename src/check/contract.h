/*
 * What migrations do for code that is newer than they are. A contract step waits until no older
 * release runs, and newer code starts without it: what that code needs must not wait with the rest.
 */
#ifndef PAWL_CHECK_CONTRACT_H
#define PAWL_CHECK_CONTRACT_H

#include "history/migration.h"
#include "sql/facts.h"
#include "sql/split.h"

/* The worse, the higher. */
enum contract_side {
    SIDE_TAKES,  /* takes something away, asks for more, or changes nothing that code can see */
    SIDE_UNSURE, /* newer code may need it: rows, other names or types, privileges */
    SIDE_ADDS,   /* newer code needs it: a table, a column, a function ... */
};

enum contract_side contract_side(const struct form *form);

/* True when an act of a migration and a later one of it come to nothing new for newer code: a view,
 * say, is dropped and made again, or what is made goes. A table or column that comes again is
 * another one. */
bool contract_cancels(const struct act *one, const struct act *later);

/* The side of a migration: the worst of its statements. */
struct contract_reading {
    enum contract_side side;
    int line; /* in its file, of the first statement that is as bad */
};

/* What cannot be read is unsure. Errors are ERR_NOMEM and a thread that cannot be made. */
bool contract_read(struct arena *arena, enum dialect dialect, const struct migration *migration,
                   struct contract_reading *ret, struct err *err) MUST_CHECK;

#endif
