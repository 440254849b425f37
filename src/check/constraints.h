/*
 * The CHECK and FOREIGN KEY constraints that the statements of a set add to tables: which of them
 * are validated, and which columns they prove to be without NULL.
 *
 * Tables are compared as they are written: t and public.t are two.
 */
#ifndef PAWL_CHECK_CONSTRAINTS_H
#define PAWL_CHECK_CONSTRAINTS_H

#include "check/place.h"

struct lint;
struct act;
struct PgQuery__Node;

struct constraint {
    const char *table;
    const char *name; /* NULL: none was given */
    struct {
        const char **items;
        size_t count, capacity;
    } not_null; /* the columns that it says are not NULL */
    bool is_check, is_valid, is_gone;
    size_t unit; /* of lint, that adds it */
    struct place place;
};

struct constraints {
    struct constraint *items;
    size_t count, capacity;
};

/* Takes in what the statement at hand does, behind the rules. Memory failure stays in the lint's
 * findings. */
void constraints_note(struct lint *lint);

/* The one that VALIDATE CONSTRAINT of this name would validate; NULL when the set adds none such,
 * or all are valid. */
struct constraint *constraints_find_open(const struct lint *lint, const char *table,
                                         const char *name);

/* True when a valid one of an earlier statement proves that the column has no NULL. */
bool constraints_prove(const struct lint *lint, const char *table, const char *column);

/* True when a valid CHECK of an earlier statement is on the table. */
bool constraints_has_check(const struct lint *lint, const char *table);

#endif
