/*
 * The lexical rules of PostgreSQL and of SQLite: what is a quote, a comment, a word.
 *
 * Reads bytes, never fails and never allocates: what has no end (a quote, a comment) becomes a
 * TOKEN_UNTERMINATED that reaches to the end of the text. Exact for everything that PostgreSQL
 * accepts with standard_conforming_strings on (manual, 4.1): dollar quotes, E'', U&'', nested
 * comments, operators that end before a comment. For SQLite: '…', "…", `…`, […], comments
 * that do not nest and may end with the text.
 */
#ifndef PAWL_SQL_LEXER_H
#define PAWL_SQL_LEXER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

enum dialect { DIALECT_POSTGRES, DIALECT_SQLITE };

/* "postgres", "sqlite"; false for any other name. */
bool dialect_parse(const char *name, enum dialect *ret);
const char *dialect_name(enum dialect dialect);

enum token_type {
    TOKEN_END,
    TOKEN_SPACE,
    TOKEN_LINE_COMMENT,  /* without its line end */
    TOKEN_BLOCK_COMMENT, /* nested ones included (PostgreSQL) */
    TOKEN_WORD,          /* identifier or keyword, not quoted; the E, U&, B, X or N in front of a
                            quote belongs to the quote */
    TOKEN_NAME,          /* quoted identifier, with its quotes and a U& in front */
    TOKEN_STRING,        /* any string constant, with its quotes and prefix */
    TOKEN_NUMBER,
    TOKEN_PARAMETER, /* $1, and in SQLite ? :a @a $a */
    TOKEN_SEMICOLON,
    TOKEN_BACKSLASH, /* a psql meta-command, to the end of its line (PostgreSQL only) */
    TOKEN_SYMBOL,    /* one character of any other kind, operators included */
    TOKEN_UNTERMINATED,
};

struct lexer {
    const char *text;
    size_t len, pos;
    enum dialect dialect;
    size_t escapes_at; /* where the next part of an E'' constant that goes on after a newline
                          starts: it follows the rules of E''. 0 when there is none */
};

struct token {
    enum token_type type;
    struct span span;
    size_t start; /* byte offset in the text */
};

struct lexer lexer_init(enum dialect dialect, const char *text, size_t len);

/* The next token, TOKEN_END for ever at the end. */
struct token lexer_next(struct lexer *lexer);

/* The next token that is neither white space nor a comment. */
struct token lexer_next_solid(struct lexer *lexer);

/* The value of a TOKEN_STRING or TOKEN_NAME with its quoting undone for '…', "…", `…`, […] and
 * dollar quotes; E'' and U& escapes other than doubled quotes are left as written. Appends to
 * out. */
void token_unquote(const struct token *token, struct str *out);

#endif
