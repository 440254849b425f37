/* One directive's parts, between reading the text and setting the migration; included by
 * src/history/directive*.c only. */
#ifndef PAWL_HISTORY_DIRECTIVE_PARTS_H
#define PAWL_HISTORY_DIRECTIVE_PARTS_H

#include "history/directive.h"

#define DIRECTIVE_UNFINISHED "unfinished"

/* One "key", "key=value" or "key="quoted value"". */
struct directive_item {
    struct span key;
    char *value;         /* NULL for a flag; quoting undone */
    struct span written; /* the value as it stands there */
    size_t offset;
};

/* Sets what the item says, or reports what is wrong with it. */
void directive_apply(const struct reader *reader, struct directives *directives,
                     const struct directive_item *item);

bool directive_is_key(struct span name);

/* Text as a message may show it; "" when memory is out, which the findings then know. */
const char *directive_printable(const struct reader *reader, const char *text, size_t len);

#endif
