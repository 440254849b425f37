/* Lines and columns as people count them. */
#include "check/place.h"

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
