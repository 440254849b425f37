/* Recipes of a set that were begun on a target and are not finished there. */
#ifndef PAWL_LEDGER_RECIPE_H
#define PAWL_LEDGER_RECIPE_H

#include "ledger/match.h"

struct recipe_debt {
    const char *name, *id; /* "rename-column", and what its files share */
    unsigned done, steps;  /* how many of its files are applied, and how many there are */
    int64_t since_us;      /* when the first of them was */
    const char *next;      /* the pending migration that comes next; NULL: the set has none */
};

struct recipe_debts {
    struct recipe_debt *items;
    size_t count, capacity;
};

/* In the order of the set. One is finished when its last step is applied and none of it is pending:
 * files that were trimmed or squashed away are not asked for. */
bool recipe_debts_read(struct arena *arena, const struct comparison *comparison,
                       struct recipe_debts *ret, struct err *err) MUST_CHECK;

#endif
