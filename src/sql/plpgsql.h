/*
 * The SQL in a body of PL/pgSQL: its statements, its expressions, and where they stand.
 *
 * PostgreSQL's own PL/pgSQL parser reads it (libpg_query's), which knows no catalog and so refuses
 * some bodies that a server takes: with cursors, or with a field of a variable that is assigned to;
 * and where a function RETURNS TABLE, a RETURN NEXT. What it refuses is "not read", never invalid.
 * It recurses as deep as a body nests, so this is called within parser_run() alone (sql/parser.h),
 * whose limits hold for a body too.
 */
#ifndef PAWL_SQL_PLPGSQL_H
#define PAWL_SQL_PLPGSQL_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

/* One of them, as a statement to read: an expression is a SELECT of it, PERFORM is a SELECT, and
 * what INTO names is blank. */
struct embedded {
    struct span text; /* in the arena */
    int added;        /* so many of its first bytes are not the body's: a SELECT */
    bool executed;    /* of EXECUTE: the statement that runs is what this one gives */
    bool exact;       /* `at` is where it stands */
    int at;           /* of its own first byte in the body; else where the line of the statement
                         that holds it begins */
};

struct embedded_list {
    struct embedded *items;
    size_t count, capacity;
};

/* In the order of the body. function: whose it is, for its parameters and what it returns; NULL: a
 * DO's. *ret_read false: it cannot be read, and the list is empty. The error is ERR_NOMEM. */
struct PgQuery__CreateFunctionStmt;
bool plpgsql_read(struct arena *arena, const struct PgQuery__CreateFunctionStmt *function,
                  struct span body, struct embedded_list *ret, bool *ret_read,
                  struct err *err) MUST_CHECK;

#endif
