/* Whom statements can hurt in a SQLite file: by the tables that have rows, and their names. */
#include <string.h>

#include "check/cost.h"
#include "sql/lexer.h"

struct names {
    const char **items;
    size_t count, capacity;
};

static bool has_rows(struct arena *arena, struct sqlite *sqlite, const char *table, bool *ret,
                     struct err *err)
{
    CLEANUP(str_release) struct str sql = {0};
    struct rows rows;
    str_puts(&sql, "SELECT 1 FROM \"");
    for (const char *c = table; *c != '\0'; c++) {
        if (*c == '"')
            str_putc(&sql, '"');
        str_putc(&sql, *c);
    }
    str_puts(&sql, "\" LIMIT 1");
    if (sql.failed)
        return err_nomem(err);
    if (!sqlite_query(sqlite, arena, str_text(&sql), sql.len, NULL, 0, &rows, NULL, err))
        return false;
    *ret = rows.count > 0;
    return true;
}

/* A view has what is beneath it: it counts as filled. */
static bool list_filled(struct arena *arena, struct sqlite *sqlite, struct names *ret,
                        struct err *err)
{
    static const char sql[] = "SELECT name, type = 'view' OR sql LIKE '%VIRTUAL%'"
                              " FROM sqlite_schema WHERE type IN ('table', 'view')"
                              " AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'";
    struct rows rows;
    if (!sqlite_query(sqlite, arena, sql, strlen(sql), NULL, 0, &rows, NULL, err))
        return false;
    for (size_t i = 0; i < rows.count; i++) {
        bool filled = strcmp(rows_get(&rows, i, 1), "1") == 0;
        if (!filled && !has_rows(arena, sqlite, rows_get(&rows, i, 0), &filled, err))
            return false;
        const char **const name = filled ? arena_push(arena, ret) : NULL;
        if (filled && name == NULL)
            return err_nomem(err);
        if (name != NULL)
            *name = rows_get(&rows, i, 0);
    }
    return true;
}

static bool is_named(const struct token *token, const char *name)
{
    CLEANUP(str_release) struct str text = {0};
    if (token->type == TOKEN_WORD)
        return span_is_nocase(token->span, name);
    if (token->type != TOKEN_NAME && token->type != TOKEN_STRING) /* SQLite takes 'name' too */
        return false;
    token_unquote(token, &text);
    return text.failed || span_is_nocase((struct span){str_text(&text), text.len}, name);
}

static bool names_any(struct span statement, const struct names *names)
{
    struct lexer lexer = lexer_init(DIALECT_SQLITE, statement.at, statement.len);
    for (struct token token; (token = lexer_next_solid(&lexer)).type != TOKEN_END;)
        for (size_t i = 0; i < names->count; i++)
            if (is_named(&token, names->items[i]))
                return true;
    return false;
}

bool cost_ask_sqlite(struct arena *arena, struct sqlite *sqlite, struct cost_statement *statements,
                     size_t count, struct err *err)
{
    struct names filled = {0};
    if (!list_filled(arena, sqlite, &filled, err))
        return false;
    for (size_t i = 0; i < count; i++)
        statements[i].hurts_nobody = !names_any(statements[i].text, &filled);
    return true;
}
