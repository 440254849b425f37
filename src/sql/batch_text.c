/* A statement for the rows of one window. */
#include "base/str.h"
#include "sql/batch.h"

/* "(t.a, t.b) > (", which one column needs no parentheses for, but may have. */
static void put_comparison(struct str *out, const char *qualifier, const char *const *key,
                           size_t count, const char *operator, const char * const * bounds)
{
    for (size_t i = 0; i < count; i++)
        str_printf(out, "%s%s.%s", i == 0 ? "(" : ", ", qualifier, key[i]);
    str_printf(out, ") %s ", operator);
    for (size_t i = 0; i < count; i++)
        str_printf(out, "%s%s", i == 0 ? "(" : ", ", bounds[i]);
    str_putc(out, ')');
}

static void put_window(struct str *out, const struct batch_statement *s, const char *const *key,
                       size_t count, const char *const *lower, const char *const *upper)
{
    str_puts(out, "(");
    if (lower != NULL) {
        put_comparison(out, s->qualifier, key, count, ">", lower);
        str_puts(out, " AND ");
    }
    put_comparison(out, s->qualifier, key, count, "<=", upper);
    str_puts(out, ")");
}

/* A comment at the end of a condition ends with its line. */
static void put_into_where(struct str *out, const struct batch_statement *s, const char *const *key,
                           size_t count, const char *const *lower, const char *const *upper)
{
    const char *const text = s->text.at;
    if (s->where > 0) {
        str_append(out, text, s->where);
        str_putc(out, ' ');
        put_window(out, s, key, count, lower, upper);
        str_puts(out, " AND (");
        str_append(out, text + s->where, s->end - s->where);
        str_puts(out, "\n)");
    } else {
        str_append(out, text, s->end);
        str_puts(out, "\nWHERE ");
        put_window(out, s, key, count, lower, upper);
    }
    str_putc(out, '\n');
    str_append(out, text + s->end, s->text.len - s->end);
}

static void put_bounds(struct str *out, enum dialect dialect, const struct batch_statement *s,
                       size_t count, const char *const *lower, const char *const *upper)
{
    struct lexer lexer = lexer_init(dialect, s->text.at, s->text.len);
    for (struct token t = lexer_next(&lexer); t.type != TOKEN_END; t = lexer_next(&lexer)) {
        const size_t number = t.type == TOKEN_PARAMETER ? batch_parameter(&t) : 0;
        if (number == 0 || number > 2 * count)
            str_append(out, t.span.at, t.span.len);
        else if (number > count)
            str_puts(out, upper[number - count - 1]);
        else
            str_puts(out, lower != NULL ? lower[number - 1] : "NULL");
    }
}

const char *batch_text(struct arena *arena, enum dialect dialect,
                       const struct batch_statement *statement, const char *const *key,
                       size_t key_count, const char *const *lower, const char *const *upper)
{
    CLEANUP(str_release) struct str out = {0};
    if (statement->parameters > 0)
        put_bounds(&out, dialect, statement, key_count, lower, upper);
    else
        put_into_where(&out, statement, key, key_count, lower, upper);
    return out.failed ? NULL : arena_strdup(arena, str_text(&out));
}
