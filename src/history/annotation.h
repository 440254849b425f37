/* What other tools write into their files: where the forward part begins and ends, and that it
 * runs without a transaction (docs/naming.md). */
#ifndef PAWL_HISTORY_ANNOTATION_H
#define PAWL_HISTORY_ANNOTATION_H

#include "history/reader.h"

/* What was seen so far; starts zeroed. */
struct annotations {
    bool up, down;
    size_t up_end;      /* where the text after the up marker begins */
    size_t down_start;  /* of the first down marker */
    size_t down_text;   /* where the text after it begins */
    bool solid;         /* something that is neither white space nor a comment was seen ... */
    size_t solid_start; /* ... here first */
};

/* Reads one line comment. in_head: nothing but white space and comments stands before it. */
void annotation_comment(const struct reader *reader, struct annotations *annotations,
                        const struct token *comment, bool in_head);

/* True for a line comment that is read as a marker or as such words, or was meant as one. */
bool annotation_is_meant(const struct token *comment);

/* Once, after the last token: sets the migration's forward part. */
void annotation_finish(const struct reader *reader, const struct annotations *annotations);

#endif
