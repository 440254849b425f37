/*
 * A file's text into its statements, exactly as the server's own client would send them.
 *
 * The splitter never sends a torn statement and never loses one: every byte of the text belongs to
 * a statement, or is white space, a comment or a semicolon. It does not need to understand a
 * statement; the server is the judge of that.
 */
#ifndef PAWL_SQL_SPLIT_H
#define PAWL_SQL_SPLIT_H

#include "base/arena.h"
#include "base/err.h"
#include "sql/lexer.h"

/* One statement, without what stands around it: leading and trailing white space and comments, and
 * the final semicolon (a SQLite trigger keeps the one before its END). A hint in front of a
 * statement belongs to it: extensions read it there. */
struct statement {
    struct span text; /* a view of the caller's text */
    size_t offset;    /* byte offset of its first byte in the text */
    int line, column; /* of its first byte, from 1; columns count characters (UTF-8) */
};

struct statements {
    struct statement *items;
    size_t count, capacity;
};

/*
 * Splits; no statement at all is a success. The views live as long as the text.
 *
 * Errors, all ERR_REFUSED with line and column (file is left NULL, the caller adds it): an
 * unterminated quote or comment, a NUL byte, invalid UTF-8, a psql meta-command, COPY … FROM STDIN
 * (its data lines are not SQL) or TO STDOUT (nobody reads it).
 */
bool sql_split(struct arena *arena, enum dialect dialect, const char *text, size_t len,
               struct statements *ret, struct err *err) MUST_CHECK;

/* Line and column, from 1, of a byte offset. */
void sql_position(const char *text, size_t offset, int *ret_line, int *ret_column);

/* The byte offset of the character with this number, from 1: PostgreSQL counts error positions in
 * characters of the statement. */
size_t sql_character_offset(const char *text, size_t len, int character);

#endif
