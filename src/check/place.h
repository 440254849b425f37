/* Where something in a migration's forward part stands in its file. */
#ifndef PAWL_CHECK_PLACE_H
#define PAWL_CHECK_PLACE_H

#include "history/migration.h"
#include "sql/split.h"

/* What a finding says of where it is. */
struct place {
    const char *file;
    int line, column;
    const char *excerpt; /* the line; NULL when memory is out */
};

/* The splitter counts lines and columns from the forward part's first byte, people from the
 * file's: turns the one into the other. */
void place_in_file(const struct migration *migration, int *line, int *column);

/* Of the byte at this offset of a statement of the forward part, in the file. */
void place_of_byte(const struct migration *migration, const struct statement *statement, size_t at,
                   int *ret_line, int *ret_column);

/* The whole line that this byte of the file is on, *ret_len 0 for one that is too long to be shown.
 */
const char *place_line(const struct migration *migration, const char *byte, size_t *ret_len);

#endif
