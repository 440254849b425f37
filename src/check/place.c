/* Lines and columns as people count them. */
#include "check/place.h"

/* What is longer is no line that a person reads. */
enum { EXCERPT_MAX_BYTES = 1000 };

void place_in_file(const struct migration *migration, int *line, int *column)
{
    int start_line = 1, start_column = 1;
    sql_position(migration->text, migration->forward_offset, &start_line, &start_column);
    if (*line == 1)
        *column += start_column - 1;
    *line += start_line - 1;
}

void place_of_byte(const struct migration *migration, const struct statement *statement, size_t at,
                   int *ret_line, int *ret_column)
{
    sql_position(statement->text.at, at, ret_line, ret_column);
    if (*ret_line == 1)
        *ret_column += statement->column - 1;
    *ret_line += statement->line - 1;
    place_in_file(migration, ret_line, ret_column);
}

const char *place_line(const struct migration *migration, const char *byte, size_t *ret_len)
{
    const char *const text_end = migration->text + migration->text_len;
    const char *start = byte, *end = byte;
    while (start > migration->text && start[-1] != '\n')
        start--;
    while (end < text_end && *end != '\n' && *end != '\r')
        end++;
    const size_t len = (size_t)(end - start);
    *ret_len = len <= EXCERPT_MAX_BYTES ? len : 0;
    return start;
}
