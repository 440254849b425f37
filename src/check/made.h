/*
 * What the migrations under review make, as far as their text says: tables with their columns,
 * keys, indexes and foreign keys. For the rules that look at a table when all is made.
 *
 * Only PostgreSQL. A table that stood before has those parts alone that were added to it.
 */
#ifndef PAWL_CHECK_MADE_H
#define PAWL_CHECK_MADE_H

#include "base/arena.h"
#include "history/migration.h"
#include "sql/split.h"

/* A byte of a statement that may be read long before it is told. */
struct lint_spot {
    const struct migration *migration;
    struct statement statement;
    int at;
};

struct made_names {
    const char **items;
    size_t count, capacity;
};

struct made_column {
    const char *name;
    const char *type; /* by its plain name: "int4", "text"; NULL where that does not say it all */
    struct lint_spot place;
};

struct made_key {
    enum made_kind { MADE_INDEX, MADE_UNIQUE, MADE_PRIMARY } kind;
    const char *name; /* of a CREATE INDEX, SQL text; or NULL */
    struct made_names columns;
    bool plain; /* a btree over all rows, of nothing but columns in their usual order */
    struct lint_spot place;
};

struct made_foreign {
    struct made_names columns;
    const char *parent;               /* SQL text */
    struct made_names parent_columns; /* none: the primary key */
    struct lint_spot place;
};

struct made_table {
    const char *name; /* SQL text, as written; NULL: dropped */
    bool is_new;      /* made here: all its columns are known, unless `opaque` */
    bool opaque;      /* has more than its text says: LIKE, INHERITS, PARTITION OF, OF */
    bool passing;     /* TEMPORARY, or partitioned: its keys are another matter */
    struct lint_spot place;
    struct {
        struct made_column *items;
        size_t count, capacity;
    } columns;
    struct {
        struct made_key *items;
        size_t count, capacity;
    } keys;
    struct {
        struct made_foreign *items;
        size_t count, capacity;
    } foreign;
};

struct made {
    struct arena *arena; /* lives as long as the review */
    bool failed;         /* memory was out */
    struct {
        struct made_table *items;
        size_t count, capacity;
    } tables;
};

/* What the statement makes, takes away or renames; tree: of sql/parser.h, may be NULL. */
struct PgQuery__Node;
void made_by(struct made *made, const struct PgQuery__Node *tree, const struct migration *migration,
             const struct statement *statement);

/* NULL when there is none. */
const struct made_table *made_table(const struct made *made, const char *name);
const struct made_column *made_column(const struct made_table *table, const char *name);
/* The table's primary key, or NULL. */
const struct made_key *made_primary(const struct made_table *table);

#endif
