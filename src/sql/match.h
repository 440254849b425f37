/*
 * Statements by the words they start with. For the few statements that a deploy or a check must
 * know in every dialect, also where no parser can read them.
 *
 * A pattern is a row of:
 *   WORD         this word, not quoted, in any case
 *   A|B          one of these
 *   [A B]        all of these or none; may hold any of the others
 *   ()           a list in parentheses
 *   (WORD)       a list in parentheses with this option in it, and not turned off
 *   *            a star
 *   $name        a name, qualified or not; also $relation
 *   $label       a string
 *   .            the end of the statement
 */
#ifndef PAWL_SQL_MATCH_H
#define PAWL_SQL_MATCH_H

#include "sql/lexer.h"

/* The parts of a qualified name as they are written. */
struct written_name {
    struct token parts[3];
    size_t count;
};

struct match {
    struct written_name name, relation;
    struct token label; /* TOKEN_END when there is none */
    bool if_exists;     /* IF EXISTS or IF NOT EXISTS was written */
};

/* Matches as much as it can, from where the lexer stands, and moves the lexer behind it. True when
 * all of the pattern matched. */
bool match_pattern(struct lexer *lexer, const char *pattern, struct match *ret);

/* True for a word that is one of those between the bars, "A|B". */
bool match_word(const struct token *token, struct span words);

enum match_option { OPTION_ABSENT, OPTION_ON, OPTION_OFF };

/* The last list "WITH ( … )" of the statement: what it says of a boolean option. */
enum match_option match_with_option(enum dialect dialect, struct span statement,
                                    const char *option);

#endif
