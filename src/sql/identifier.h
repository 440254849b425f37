/* Names as PostgreSQL writes them: quoted where needed. */
#ifndef PAWL_SQL_IDENTIFIER_H
#define PAWL_SQL_IDENTIFIER_H

#include "sql/lexer.h"

/* Appends the name, in quotes unless it is lower case and no key word. */
void identifier_append(struct str *out, struct span name);

/* Appends the same name that this TOKEN_WORD or TOKEN_NAME stands for: words fold to lower case. */
void identifier_append_token(struct str *out, const struct token *token);

#endif
