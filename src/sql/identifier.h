/* Names: as PostgreSQL writes them, quoted where needed, and without their quotes. */
#ifndef PAWL_SQL_IDENTIFIER_H
#define PAWL_SQL_IDENTIFIER_H

#include "base/arena.h"
#include "sql/lexer.h"

/* Appends the name, in quotes unless it is lower case and no key word. */
void identifier_append(struct str *out, struct span name);

/* Appends the names as the text of a PostgreSQL array, for a parameter: {"a","b \"quoted\""}. */
void identifier_append_array(struct str *out, const char *const *names, size_t count);

/* Appends the same name that this TOKEN_WORD or TOKEN_NAME stands for: words fold to lower case. */
void identifier_append_token(struct str *out, const struct token *token);

/* What this TOKEN_WORD or TOKEN_NAME stands for: without its quotes, a word as the dialect folds
 * it. NULL when memory is out. */
const char *identifier_plain(struct arena *arena, enum dialect dialect, const struct token *token);

/* The last part of a name as SQL writes it, quotes undone and words as they stand. NULL when memory
 * is out. */
const char *identifier_last_part(struct arena *arena, enum dialect dialect, const char *written);

#endif
