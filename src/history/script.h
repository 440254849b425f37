/*
 * A migration's forward part as units: what is committed together.
 *
 * An ordinary migration is one unit, one transaction. A statement that cannot run in a transaction
 * is a unit of its own, and so are the ordinary ones before and after it; a file that asks for no
 * transaction has a unit for each statement, or for each BEGIN … COMMIT group that it writes.
 */
#ifndef PAWL_HISTORY_SCRIPT_H
#define PAWL_HISTORY_SCRIPT_H

#include "history/migration.h"
#include "sql/batch.h"
#include "sql/classify.h"

struct script_statement {
    struct statement statement; /* line and column are of the file */
    struct statement_info info;
    const char *sql; /* NUL-terminated, in the arena */
};

struct unit {
    size_t first, count;   /* statements */
    bool alone;            /* one statement outside a transaction */
    const char *isolation; /* that the file asks for; NULL: READ COMMITTED */
};

struct script {
    struct {
        struct script_statement *items;
        size_t count, capacity;
    } statements; /* without BEGIN and COMMIT, which pawl's own replace */
    struct {
        struct unit *items;
        size_t count, capacity;
    } units;                      /* none for an empty migration */
    bool drops_table;             /* SQLite: a table rebuild may be at work */
    bool enforce_foreign;         /* SQLite: the file says PRAGMA foreign_keys=ON */
    struct batch_statement batch; /* of a backfill that is not empty */
};

/* A data migration is one transaction of statements that change or read rows, a backfill is one
 * statement that can be run in batches; another text is refused. Errors: ERR_REFUSED with file,
 * line and column. */
bool script_build(struct arena *arena, enum dialect dialect, const struct migration *migration,
                  struct script *ret, struct err *err) MUST_CHECK;

/* Where a statement's character position lies in the file. */
void script_locate(const struct migration *migration, const struct script_statement *statement,
                   size_t byte_offset, int *ret_line, int *ret_column);

#endif
