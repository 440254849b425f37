/* Columns padded to their widest cell. */
#include "cli/table.h"

#include <limits.h>
#include <locale.h>
#include <string.h>
#include <wchar.h>

static const char gap[] = "  ";

struct cell {
    const char *text; /* safe to print */
    size_t width;     /* in columns of a terminal */
};

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

/* What is safe to print is valid UTF-8. */
static size_t width_of(const char *text)
{
    size_t width = 0;
    mbstate_t state = {0};
    while (*text != '\0') {
        wchar_t character = 0;
        const unsigned char byte = (unsigned char)*text;
        const size_t len = byte < 0x80 ? 1 : mbrtowc(&character, text, strlen(text), &state);
        if (len == 0 || len > MB_LEN_MAX)
            return width + strlen(text); /* no UTF-8 locale: wider columns, nothing worse */
        const int columns = byte < 0x80 ? 1 : wcwidth(character);
        width += columns > 0 ? (size_t)columns : 0;
        text += len;
    }
    return width;
}

static bool measure(struct arena *arena, const char *text, struct cell *ret, size_t *widest)
{
    ret->text = text != NULL ? output_safe(arena, text) : "";
    if (ret->text == NULL)
        return false;
    ret->width = width_of(ret->text);
    if (ret->width > *widest)
        *widest = ret->width;
    return true;
}

static void put_spaces(struct str *out, size_t count)
{
    while (count-- > 0)
        str_putc(out, ' ');
}

/* Nothing is cut to the terminal's width: half a file name is of no use. */
static void put_line(struct str *out, const struct table *table, const struct cell *cells,
                     const size_t *widths)
{
    for (size_t i = 0; i < table->column_count; i++) {
        const size_t padding = widths[i] - cells[i].width;
        put_spaces(out, table->columns[i].right ? padding : 0);
        str_puts(out, cells[i].text);
        put_spaces(out, table->columns[i].right ? 0 : padding);
        str_puts(out, gap);
    }
    while (out->len > 0 && out->data[out->len - 1] == ' ')
        out->len--; /* the padding of the last column */
    str_putc(out, '\n');
}

bool table_print(struct arena *arena, struct output *output, const struct table *table,
                 struct err *err)
{
    const size_t columns = table->column_count, lines = table->rows.count + 1;
    if (output->json || table->rows.count == 0)
        return true;
    /* Widths are counted in characters whatever the user's locale says. */
    (void)setlocale(LC_CTYPE, "C.UTF-8"); /* without it: wider columns, nothing worse */
    struct cell *const cells = arena_alloc(arena, lines * columns * sizeof *cells);
    size_t *const widths = arena_alloc(arena, columns * sizeof *widths);
    if (cells == NULL || widths == NULL)
        return err_nomem(err);
    for (size_t line = 0; line < lines; line++)
        for (size_t i = 0; i < columns; i++)
            if (!measure(arena,
                         line == 0 ? table->columns[i].heading : table->rows.items[line - 1][i],
                         &cells[line * columns + i], &widths[i]))
                return err_nomem(err);
    CLEANUP(str_release) struct str out = {0};
    for (size_t line = 0; line < lines; line++)
        put_line(&out, table, &cells[line * columns], widths);
    if (out.failed)
        return err_nomem(err);
    output_result_text(output, &out);
    return true;
}
