/* What migrations of the past have left unfinished: INVALID indexes, constraints not validated. It
 * is only looked at: an index that no step of ours has begun is never dropped. */
#ifndef PAWL_DEPLOY_LEFTOVER_H
#define PAWL_DEPLOY_LEFTOVER_H

#include <jansson.h>

#include "db/pg.h"
#include "ledger/debt.h"
#include "sql/classify.h"

struct leftover {
    const char *line;         /* for people: "index t_id on t is INVALID" */
    const char *kind;         /* "index", "constraint" */
    const char *name, *table; /* quoted as in SQL; an index's and a table's with the schema */
    const char *what;         /* its name in the journal */
    int64_t since_us;         /* when a deploy saw it first; 0: this one has */
    const char *migration;    /* whose step that was begun has left it; NULL: not known */
};

struct leftovers {
    struct leftover *items;
    size_t count, capacity;
    struct debts before; /* as of the journal */
    bool known;          /* the catalog was asked */
};

/* The step that was begun and has no end. */
struct leftover_step {
    const char *migration;             /* NULL: there is none */
    const struct statement_info *info; /* what it says */
};

/* Asks the catalog, and the journal for how long. */
bool leftover_list(struct pg *pg, struct arena *arena, const struct journal *journal,
                   const struct leftover_step *step, struct leftovers *ret,
                   struct err *err) MUST_CHECK;

/* A line of text for each; *ret is NULL when there is nothing. */
bool leftover_text(struct arena *arena, const struct leftovers *leftovers, const char **ret,
                   struct err *err) MUST_CHECK;

/* Adds "debt" to the detail of the row that ends a deploy, where it is not what the journal says.
 * False when memory is out. */
bool leftover_describe(const struct leftovers *leftovers, json_t *detail) MUST_CHECK;

#endif
