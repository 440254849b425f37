/* What a query returned, as text, whatever the engine. */
#ifndef PAWL_DB_ROWS_H
#define PAWL_DB_ROWS_H

#include <stddef.h>

struct rows {
    size_t count, columns;
    const char **cells; /* row by row; NULL is SQL's NULL */
};

static inline const char *rows_get(const struct rows *rows, size_t row, size_t column)
{
    return rows->cells[row * rows->columns + column];
}

#endif
