/* What a SQLite statement does, from the words that it starts with. */
#include <string.h>
#include <strings.h>

#include "check/lite_parts.h"
#include "sql/match.h"

/* In the order in which they are tried. */
/* clang-format off */
static const struct words {
    enum lite_kind kind;
    const char *pattern;
} words[] = {
    {LITE_CREATE_TABLE, "CREATE [TEMP|TEMPORARY] TABLE [IF NOT EXISTS] $name"},
    {LITE_DROP_TABLE, "DROP TABLE [IF EXISTS] $name"},
    {LITE_RENAME_TABLE, "ALTER TABLE $name RENAME TO $relation ."},
    {LITE_RENAME_COLUMN, "ALTER TABLE $name RENAME [COLUMN] $relation TO"},
    {LITE_ADD_COLUMN, "ALTER TABLE $name ADD [COLUMN] $relation"},
    {LITE_DROP_COLUMN, "ALTER TABLE $name DROP [COLUMN] $relation"},
    {LITE_CHANGE_ALL, "DELETE FROM $name"},
    {LITE_CHANGE_ALL, "UPDATE [OR ROLLBACK|ABORT|REPLACE|FAIL|IGNORE] $name SET"},
    {LITE_COPY_BY_PLACE, "INSERT [OR ROLLBACK|ABORT|REPLACE|FAIL|IGNORE] INTO $name SELECT *"},
    {LITE_COPY_BY_PLACE, "REPLACE INTO $name SELECT *"},
    {LITE_VACUUM, "VACUUM"},
    {LITE_LEGACY_RENAME, "PRAGMA legacy_alter_table"},
};
/* clang-format on */

/* The last part of a name as SQLite compares it; NULL for none, or when memory is out. */
static const char *plain_name(struct arena *arena, const struct written_name *name, bool *failed)
{
    if (name->count == 0)
        return NULL;
    struct str text = {0};
    const struct token *const last = &name->parts[name->count - 1];
    if (last->type == TOKEN_NAME)
        token_unquote(last, &text);
    else
        str_append(&text, last->span.at, last->span.len);
    for (size_t i = 0; i < text.len; i++)
        text.data[i] = ascii_lower(text.data[i]);
    const char *const kept = text.failed ? NULL : arena_strndup(arena, str_text(&text), text.len);
    *failed = *failed || kept == NULL;
    str_release(&text);
    return kept;
}

static bool says(const struct token *token, const char *word)
{
    return token->type == TOKEN_WORD && span_is_nocase(token->span, word);
}

/* WHERE outside of parentheses; LIMIT chooses rows as well. */
static bool chooses_rows(struct lexer lexer)
{
    int depth = 0;
    for (struct token token; (token = lexer_next_solid(&lexer)).type != TOKEN_END;) {
        if (token.type == TOKEN_SYMBOL && span_is(token.span, "("))
            depth++;
        else if (token.type == TOKEN_SYMBOL && span_is(token.span, ")"))
            depth--;
        else if (depth == 0 && (says(&token, "where") || says(&token, "limit")))
            return true;
    }
    return false;
}

/* ---- the definition of a column that is added ---- */

struct definition {
    bool not_null, has_default, is_generated;
    const char *why;
};

/* Over a list in parentheses, behind its "(". True when it holds one constant and no more. */
static bool skip_list(struct lexer *lexer)
{
    size_t tokens = 0;
    bool constant = true;
    for (int depth = 1; depth > 0;) {
        const struct token token = lexer_next_solid(lexer);
        if (token.type == TOKEN_END)
            return true; /* SQLite says it */
        if (token.type == TOKEN_SYMBOL && span_is(token.span, "("))
            depth++;
        else if (token.type == TOKEN_SYMBOL && span_is(token.span, ")"))
            depth--;
        else if (token.type == TOKEN_NUMBER || token.type == TOKEN_STRING || says(&token, "null"))
            tokens++;
        else if (token.type != TOKEN_SYMBOL || !span_is(token.span, "-"))
            constant = false;
    }
    return constant && tokens == 1;
}

static void read_default(struct lexer *lexer, struct definition *column)
{
    const struct token token = lexer_next_solid(lexer);
    const bool is_list = token.type == TOKEN_SYMBOL && span_is(token.span, "(");
    const bool is_now = says(&token, "current_timestamp") || says(&token, "current_date") ||
                        says(&token, "current_time");
    column->has_default = !says(&token, "null");
    if (is_now || (is_list && !skip_list(lexer)))
        column->why = "its default is not a constant";
}

static struct definition read_definition(struct lexer lexer)
{
    struct definition column = {0};
    struct token before = {0};
    for (struct token token; (token = lexer_next_solid(&lexer)).type != TOKEN_END; before = token) {
        if (token.type == TOKEN_SYMBOL && span_is(token.span, "("))
            (void)skip_list(&lexer);
        else if (says(&before, "not") && says(&token, "null"))
            column.not_null = true;
        else if (says(&token, "default"))
            read_default(&lexer, &column);
        else if (says(&token, "unique") || says(&token, "primary"))
            column.why = "it is UNIQUE or a PRIMARY KEY";
        else if (says(&token, "stored"))
            column.why = "it is generated and STORED";
        else if (says(&token, "as"))
            column.is_generated = true;
    }
    if (column.not_null && !column.has_default && !column.is_generated)
        column.why = "it is NOT NULL and has no default";
    return column;
}

/* ---- one statement ---- */

static bool holds(enum lite_kind kind, struct lexer rest, struct lite_act *act)
{
    if (kind == LITE_ADD_COLUMN)
        act->why = read_definition(rest).why;
    return kind != LITE_CHANGE_ALL || !chooses_rows(rest);
}

bool lite_read_acts(struct lite *lite, const struct lint_spot *at, size_t number, struct err *err)
{
    const struct span text = at->statement.text;
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        struct lexer lexer = lexer_init(DIALECT_SQLITE, text.at, text.len);
        struct match match = {0};
        if (!match_pattern(&lexer, words[i].pattern, &match))
            continue;
        bool failed = false;
        struct lite_act act = {.kind = words[i].kind, .number = number, .place = *at};
        if (!holds(act.kind, lexer, &act))
            return true;
        act.table = plain_name(lite->arena, &match.name, &failed);
        act.other = plain_name(lite->arena, &match.relation, &failed);
        struct lite_act *const item = arena_push(lite->arena, &lite->acts);
        if (failed || item == NULL)
            return err_nomem(err);
        *item = act;
        return true;
    }
    return true;
}
