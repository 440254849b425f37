/* What reading one file's text needs everywhere: where findings go, and where in the text they
 * are. For migration.c, directive.c and annotation.c. */
#ifndef PAWL_HISTORY_READER_H
#define PAWL_HISTORY_READER_H

#include "history/migration.h"

struct reader {
    struct arena *arena;
    struct findings *findings;   /* failed is set when memory is out: looked at once, at the end */
    struct migration *migration; /* text and text_len are set */
};

/* Adds a finding at this byte of the text. fix may be NULL. */
void reader_finding(const struct reader *reader, const char *rule, enum severity severity,
                    size_t offset, const char *fix, const char *format, ...) PRINTF_LIKE(6, 7);

/* Says of the finding just added what was meant in place of these bytes; NULL says nothing. */
void reader_meant(const struct reader *reader, struct span written, const char *meant);

/* Adds a finding about a file as a whole. path and fix may be NULL. */
void report_file(struct arena *arena, struct findings *findings, const char *rule,
                 enum severity severity, const char *path, const char *fix, const char *format, ...)
    PRINTF_LIKE(7, 8);

/* The words inside a "--" comment: without the hyphens, outer blanks and a CR. */
struct span comment_words(struct span comment);

#endif
