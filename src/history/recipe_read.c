/* Reading what a recipe is told, and making names of names. */
#include "history/recipe_parts.h"

#include <string.h>

#include "sql/identifier.h"
#include "sql/parser.h"

/* A name's longest, in bytes; the server cuts what is longer. */
enum { NAME_BYTES = 63 };

/* ---- names ---- */

static const char *unquoted(struct arena *arena, const struct token *token, bool *failed)
{
    CLEANUP(str_release) struct str name = {0};
    if (token->type == TOKEN_NAME && token->span.at[0] == '"')
        token_unquote(token, &name);
    else
        for (size_t i = 0; token->type == TOKEN_WORD && i < token->span.len; i++)
            str_putc(&name, ascii_lower(token->span.at[i]));
    size_t bad = 0;
    if (!name.failed &&
        (name.len == 0 || name.len > NAME_BYTES || !utf8_valid(name.data, name.len, &bad)))
        return NULL;
    for (size_t i = 0; !name.failed && i < name.len; i++)
        if ((unsigned char)name.data[i] < ' ' || name.data[i] == 0x7f)
            return NULL;
    const char *const kept = name.failed ? NULL : arena_strndup(arena, str_text(&name), name.len);
    *failed = *failed || kept == NULL;
    return kept;
}

/* Takes a name off the front; *token is what follows it. */
static bool take_name(struct arena *arena, struct lexer *lexer, struct token *token, bool qualified,
                      struct recipe_name *ret, bool *failed)
{
    *ret = (struct recipe_name){.name = unquoted(arena, token, failed)};
    *token = lexer_next(lexer);
    if (ret->name == NULL || !qualified || !span_is(token->span, "."))
        return ret->name != NULL;
    *token = lexer_next(lexer);
    ret->schema = ret->name;
    ret->name = unquoted(arena, token, failed);
    *token = lexer_next(lexer);
    return ret->name != NULL;
}

bool recipe_read_name(struct arena *arena, const char *text, bool qualified,
                      struct recipe_name *ret, bool *failed)
{
    struct lexer lexer = lexer_init(DIALECT_POSTGRES, text, strlen(text));
    struct token token = lexer_next(&lexer);
    return take_name(arena, &lexer, &token, qualified, ret, failed) && token.type == TOKEN_END;
}

bool recipe_read_column_of(struct arena *arena, const char *text, struct recipe_name *ret_table,
                           const char **ret_column, const char **ret_actions, bool *failed)
{
    struct lexer lexer = lexer_init(DIALECT_POSTGRES, text, strlen(text));
    struct token token = lexer_next(&lexer);
    struct recipe_name column;
    if (!take_name(arena, &lexer, &token, true, ret_table, failed))
        return false;
    if (token.type == TOKEN_SPACE)
        token = lexer_next(&lexer);
    if (!span_is(token.span, "("))
        return false;
    token = lexer_next(&lexer);
    if (!take_name(arena, &lexer, &token, false, &column, failed) || !span_is(token.span, ")"))
        return false;
    *ret_column = column.name;
    *ret_actions = text + token.start + 1;
    for (token = lexer_next(&lexer); token.type != TOKEN_END; token = lexer_next(&lexer))
        if (token.type != TOKEN_WORD && (token.type != TOKEN_SPACE || token.span.at[0] != ' '))
            return false;
    return true;
}

/* ---- types and expressions ---- */

/* What may stand within a statement of ours: on one line, and nothing that reaches beyond it. */
static bool stays_inside(const char *text)
{
    struct lexer lexer = lexer_init(DIALECT_POSTGRES, text, strlen(text));
    int depth = 0;
    size_t bad = 0;
    if (!utf8_valid(text, strlen(text), &bad) || strstr(text, "$pawl$") != NULL)
        return false;
    for (const char *c = text; *c != '\0'; c++)
        if ((unsigned char)*c < ' ')
            return false;
    for (;;) {
        const struct token token = lexer_next(&lexer);
        if (token.type == TOKEN_END)
            return depth == 0;
        if (token.type == TOKEN_LINE_COMMENT || token.type == TOKEN_BLOCK_COMMENT ||
            token.type == TOKEN_PARAMETER || token.type == TOKEN_SEMICOLON ||
            token.type == TOKEN_BACKSLASH || token.type == TOKEN_UNTERMINATED)
            return false;
        depth += span_is(token.span, "(") - span_is(token.span, ")");
        if (depth < 0)
            return false;
    }
}

static bool reads(struct arena *arena, const char *format_head, const char *text, bool *failed)
{
    CLEANUP(tree_release) struct tree tree = {0};
    CLEANUP(err_release) struct err err = {0};
    const char *const statement = arena_printf(arena, "%s%s)", format_head, text);
    if (statement == NULL ||
        !parser_read((struct span){statement, strlen(statement)}, &tree, &err)) {
        *failed = true;
        return false;
    }
    return tree.statement != NULL;
}

bool recipe_is_type(struct arena *arena, const char *text, bool *failed)
{
    return stays_inside(text) && reads(arena, "SELECT CAST(NULL AS ", text, failed);
}

bool recipe_is_expression(struct arena *arena, const char *text, bool *failed)
{
    return stays_inside(text) && reads(arena, "SELECT pg_typeof(", text, failed);
}

/* ---- texts made of them ---- */

const char *recipe_quote(struct arena *arena, const char *schema, const char *name)
{
    CLEANUP(str_release) struct str out = {0};
    if (schema != NULL) {
        identifier_append(&out, (struct span){schema, strlen(schema)});
        str_putc(&out, '.');
    }
    identifier_append(&out, (struct span){name, strlen(name)});
    return out.failed ? NULL : arena_strndup(arena, str_text(&out), out.len);
}

const char *recipe_literal(struct arena *arena, const char *text)
{
    CLEANUP(str_release) struct str out = {0};
    /* A backslash in '...' stands for itself only where standard_conforming_strings is on. */
    str_puts(&out, strchr(text, '\\') != NULL ? "E'" : "'");
    for (const char *c = text; *c != '\0'; c++) {
        if (*c == '\'' || *c == '\\')
            str_putc(&out, *c);
        str_putc(&out, *c);
    }
    str_putc(&out, '\'');
    return out.failed ? NULL : arena_strndup(arena, str_text(&out), out.len);
}

/* Back to where a character begins. */
static size_t cut(const char *text, size_t len)
{
    while (len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80)
        len--;
    return len;
}

const char *recipe_join(struct arena *arena, const char *one, const char *two, const char *label)
{
    const size_t room = NAME_BYTES - strlen(label) - (two != NULL ? 2 : 1);
    size_t first = strlen(one), second = two != NULL ? strlen(two) : 0;
    while (first + second > room)
        *(first > second ? &first : &second) -= 1;
    first = cut(one, first);
    if (two == NULL)
        return arena_printf(arena, "%.*s_%s", (int)first, one, label);
    second = cut(two, second);
    return arena_printf(arena, "%.*s_%.*s_%s", (int)first, one, (int)second, two, label);
}
