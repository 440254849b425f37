/* Between the files of check/rules: each has the rules of one subject, and what finds them. */
#ifndef PAWL_CHECK_RULES_TABLES_H
#define PAWL_CHECK_RULES_TABLES_H

#include "base/macros.h"
#include "check/rules.h"

/* The forms that a rule is about, by their names. */
#define FORMS(...)                                                                                 \
    (const char *const[])                                                                          \
    {                                                                                              \
        __VA_ARGS__, NULL                                                                          \
    }

struct rule_table {
    const struct rule *items;
    size_t count;
};

extern const struct rule_table rules_of_files;    /* names, texts, pawl.sum, the base, the ledger */
extern const struct rule_table rules_of_locks;    /* what others wait for while a statement works */
extern const struct rule_table rules_of_indexes;  /* making and removing indexes */
extern const struct rule_table rules_of_rewrites; /* what writes a table anew */
extern const struct rule_table rules_of_constraints;  /* what has to hold for every row */
extern const struct rule_table rules_of_loss;         /* what takes away data */
extern const struct rule_table rules_of_old_code;     /* what older code relies on */
extern const struct rule_table rules_of_transactions; /* BEGIN, COMMIT, settings of a session */
extern const struct rule_table rules_of_design;       /* tables, keys and columns that hurt later */
extern const struct rule_table rules_of_names;        /* what things are called, or not */
extern const struct rule_table rules_of_rights;       /* roles, grants, passwords, extensions */
extern const struct rule_table rules_of_data;         /* rows, and what cannot be read */
extern const struct rule_table rules_of_sqlite;

#endif
