/* Aligned columns for people. */
#ifndef PAWL_CLI_TABLE_H
#define PAWL_CLI_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"
#include "cli/output.h"

struct table_column {
    const char *heading;
    bool right; /* numbers */
};

/* One row of cells, as many as there are columns; NULL is an empty cell. */
struct table {
    const struct table_column *columns;
    size_t column_count;
    struct {
        const char *const **items;
        size_t count, capacity;
    } rows;
};

/* Adds a copy of the row; the cells' texts must stay. */
bool table_add(struct arena *arena, struct table *table, const char *const *cells,
               struct err *err) MUST_CHECK;

/* Prints to stdout, or nothing when json or without rows. Cells are made safe to print. Not for two
 * threads at once: sets the locale's character type. */
bool table_print(struct arena *arena, struct output *output, const struct table *table,
                 struct err *err) MUST_CHECK;

#endif
