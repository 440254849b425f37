/*
 * PostgreSQL's own parser, for the statements that need one.
 *
 * It is libpg_query's: the grammar of PostgreSQL 15. Newer syntax is an error to it, and some
 * things that no server takes (unknown VACUUM options, old.a in RETURNING) are none, so what it
 * cannot read is "not read", never invalid. Facts that its callers rely on:
 *
 * - It has no guard against deep recursion. Chained operators, casts, UNIONs and nested
 *   parentheses overflow an 8 MB stack at a few thousand (1+1+… at 8,000, sub-selects at 2,000,
 *   UNION ALL at 16,000); 64 MB stand 20,000 operators, 256 MB 40,000. AND, OR and IN lists are
 *   flat. So each statement is read in a thread with a stack of 256 MB, of which only what is used
 *   takes memory, and what passes the limits below is not read at all.
 * - A NUL byte ends its input and a byte-order mark is a syntax error to it: sql_split() refuses
 *   the one and skips the other.
 * - Names of more than 63 bytes are cut without a word, as the server does.
 * - Locations in the tree are byte offsets into the statement. Absent strings are "", absent
 *   messages NULL, absent enums 0.
 */
#ifndef PAWL_SQL_PARSER_H
#define PAWL_SQL_PARSER_H

#include "base/arena.h"
#include "base/err.h"
#include "sql/lexer.h"

/* What is longer or deeper is not read. */
enum {
    PARSER_MAX_BYTES = 64 << 10,
    PARSER_MAX_PARENTHESES = 1000,
    PARSER_MAX_OPERATORS = 4000, /* operator characters, and words that nest as operators do */
};

struct tree {
    struct arena memory;
    const struct PgQuery__Node *statement; /* NULL when it was not read; see pg_query.pb-c.h */
};

/* Reads one statement. That it cannot be read is a success without a tree; errors are ERR_NOMEM
 * and a thread that cannot be made. */
bool parser_read(struct span statement, struct tree *ret, struct err *err) MUST_CHECK;

/* For many statements: parser_run() has a function run in one such thread and waits for its end;
 * parser_read_here() reads without a thread, and is called from within that function alone. */
bool parser_run(void (*work)(void *context), void *context, struct err *err) MUST_CHECK;
bool parser_read_here(struct span statement, struct tree *ret, struct err *err) MUST_CHECK;

void tree_release(struct tree *tree);

/* As parser_read_here(), but the tree is the arena's, and lives as long. */
bool parser_read_kept(struct arena *arena, struct span statement, const struct PgQuery__Node **ret,
                      struct err *err) MUST_CHECK;

/* False for what is longer or deeper than the limits. A semicolon ends what nests. */
bool parser_within_limits(struct span statement);

#endif
