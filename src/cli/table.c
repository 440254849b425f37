/* Aligned columns with libsmartcols, loaded when a table is printed and not before. */
#include "cli/table.h"

#include <libsmartcols/libsmartcols.h>
#include <locale.h>
#include <string.h>

#include "base/library.h"

#define SMARTCOLS_FUNCTIONS(X)                                                                     \
    X(scols_new_table)                                                                             \
    X(scols_unref_table)                                                                           \
    X(scols_table_new_column)                                                                      \
    X(scols_table_new_line)                                                                        \
    X(scols_line_set_data)                                                                         \
    X(scols_table_enable_noencoding)                                                               \
    X(scols_table_set_column_separator)                                                            \
    X(scols_table_set_termforce)                                                                   \
    X(scols_print_table_to_string)

struct smartcols {
#define X(name) __typeof__(name) *name;
    SMARTCOLS_FUNCTIONS(X)
#undef X
};

static bool load(struct smartcols *library, struct err *err)
{
    const struct library_symbol symbols[] = {
#define X(name) {#name, (void **)&library->name},
        SMARTCOLS_FUNCTIONS(X)
#undef X
    };
    return library_load("libsmartcols.so.1", "libsmartcols1", symbols, COUNT_OF(symbols), err);
}

bool table_add(struct arena *arena, struct table *table, const char *const *cells, struct err *err)
{
    const char **copy = arena_alloc(arena, table->column_count * sizeof *copy);
    const char *const **row = copy != NULL ? arena_push(arena, &table->rows) : NULL;
    if (row == NULL)
        return err_nomem(err);
    memcpy(copy, cells, table->column_count * sizeof *copy);
    *row = copy;
    return true;
}

static bool fill_line(struct arena *arena, const struct smartcols *library,
                      struct libscols_table *lines, const struct table *table, size_t row)
{
    struct libscols_line *line = library->scols_table_new_line(lines, NULL);
    if (line == NULL)
        return false;
    for (size_t i = 0; i < table->column_count; i++) {
        const char *cell = table->rows.items[row][i];
        const char *safe = cell != NULL ? output_safe(arena, cell) : "";
        if (safe == NULL || library->scols_line_set_data(line, i, safe) != 0)
            return false;
    }
    return true;
}

static bool fill(struct arena *arena, const struct smartcols *library, struct libscols_table *lines,
                 const struct table *table)
{
    for (size_t i = 0; i < table->column_count; i++)
        if (library->scols_table_new_column(lines, table->columns[i].heading, 0,
                                            table->columns[i].right ? SCOLS_FL_RIGHT : 0) == NULL)
            return false;
    for (size_t i = 0; i < table->rows.count; i++)
        if (!fill_line(arena, library, lines, table, i))
            return false;
    /* Nothing is cut to the terminal's width: half a file name is of no use. */
    return library->scols_table_set_column_separator(lines, "  ") == 0 &&
           library->scols_table_enable_noencoding(lines, 1) == 0 && /* output_safe() has done it */
           library->scols_table_set_termforce(lines, SCOLS_TERMFORCE_NEVER) == 0;
}

bool table_print(struct arena *arena, struct output *output, const struct table *table,
                 struct err *err)
{
    struct smartcols library;
    char *text = NULL;
    if (output->json || table->rows.count == 0)
        return true;
    if (!load(&library, err))
        return false;
    /* Widths are counted in characters whatever the user's locale says. */
    (void)setlocale(LC_CTYPE, "C.UTF-8"); /* without it: wider columns, nothing worse */
    struct libscols_table *lines = library.scols_new_table();
    const bool ok = lines != NULL && fill(arena, &library, lines, table) &&
                    library.scols_print_table_to_string(lines, &text) == 0 && text != NULL;
    if (lines != NULL)
        library.scols_unref_table(lines);
    if (!ok)
        return err_nomem(err);
    for (const char *line = text; *line != '\0';) {
        size_t len = strcspn(line, "\n");
        const size_t next = len + (line[len] == '\n');
        while (len > 0 && line[len - 1] == ' ')
            len--; /* the padding of the last column */
        output_result(output, "%.*s\n", (int)len, line);
        line += next;
    }
    free(text);
    return true;
}
