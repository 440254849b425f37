/* Directives: comments in a file's head, "-- pawl: key=value flag key="quoted value"". */
#ifndef PAWL_HISTORY_DIRECTIVE_H
#define PAWL_HISTORY_DIRECTIVE_H

#include "history/reader.h"

/* What was seen so far; starts zeroed. */
struct directives {
    unsigned seen;      /* one bit a row of the table of keys */
    size_t offsets[32]; /* where each key stood first */
    bool late;          /* the comment at hand stands below the first statement */
};

/* Reads one comment of any kind; what is no directive is passed over. in_head: nothing but white
 * space and comments stands before it. */
void directive_comment(const struct reader *reader, struct directives *directives,
                       const struct token *comment, bool in_head);

/* True for a comment that is read as a directive about the whole file, or was meant as one: for any
 * but "unfinished", which stands where it applies. */
bool directive_is_meant(const struct token *comment);

/* Once, after the last comment: what fits only together. */
void directive_finish(const struct reader *reader, const struct directives *directives);

#endif
