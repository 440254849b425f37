/*
 * What earlier deploys saw unfinished in the database, and since when: rows that end a deploy name
 * it in detail.debt whenever it has changed. The catalog knows no age of an index; the journal
 * does.
 */
#ifndef PAWL_LEDGER_DEBT_H
#define PAWL_LEDGER_DEBT_H

#include "ledger/journal.h"

/* A row names at most so many. */
enum { DEBT_NAMES = 10 };

struct debt {
    const char *what; /* "index public.users_email", "constraint public.users.email_set" */
    int64_t since_us; /* of the first row from which on every list has it */
};

struct debts {
    struct debt *items;
    size_t count, capacity;
};

/* As of the journal's last row that says. */
bool debt_read(struct arena *arena, const struct journal *journal, struct debts *ret,
               struct err *err) MUST_CHECK;

/* NULL when it is not among them. */
const struct debt *debt_find(const struct debts *debts, const char *what);

#endif
