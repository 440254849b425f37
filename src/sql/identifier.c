/* Quoting of names, as quote_identifier() of PostgreSQL does it. */
#include "sql/identifier.h"

#include <string.h>

/* Every key word that is not "unreserved" in PostgreSQL 15 to 18, sorted. */
/* clang-format off */
static const char *const keywords[] = {
    "all", "analyse", "analyze", "and", "any", "array", "as", "asc", "asymmetric",
    "authorization", "between", "bigint", "binary", "bit", "boolean", "both", "case", "cast",
    "char", "character", "check", "coalesce", "collate", "collation", "column", "concurrently",
    "constraint", "create", "cross", "current_catalog", "current_date", "current_role",
    "current_schema", "current_time", "current_timestamp", "current_user", "dec", "decimal",
    "default", "deferrable", "desc", "distinct", "do", "else", "end", "except", "exists",
    "extract", "false", "fetch", "float", "for", "foreign", "freeze", "from", "full", "grant",
    "greatest", "group", "grouping", "having", "ilike", "in", "initially", "inner", "inout",
    "int", "integer", "intersect", "interval", "into", "is", "isnull", "join", "json",
    "json_array", "json_arrayagg", "json_exists", "json_object", "json_objectagg", "json_query",
    "json_scalar", "json_serialize", "json_table", "json_value", "lateral", "leading", "least",
    "left", "like", "limit", "localtime", "localtimestamp", "merge_action", "national",
    "natural", "nchar", "none", "normalize", "not", "notnull", "null", "nullif", "numeric",
    "offset", "on", "only", "or", "order", "out", "outer", "overlaps", "overlay", "placing",
    "position", "precision", "primary", "real", "references", "returning", "right", "row",
    "select", "session_user", "setof", "similar", "smallint", "some", "substring", "symmetric",
    "system_user", "table", "tablesample", "then", "time", "timestamp", "to", "trailing",
    "treat", "trim", "true", "union", "unique", "user", "using", "values", "varchar",
    "variadic", "verbose", "when", "where", "window", "with", "xmlattributes", "xmlconcat",
    "xmlelement", "xmlexists", "xmlforest", "xmlnamespaces", "xmlparse", "xmlpi", "xmlroot",
    "xmlserialize", "xmltable",
};
/* clang-format on */

static int compare(const void *name, const void *keyword)
{
    const struct span *span = name;
    const char *word = *(const char *const *)keyword;
    const size_t len = strlen(word);
    const int order = memcmp(span->at, word, span->len < len ? span->len : len);
    return order != 0 ? order : (span->len > len) - (span->len < len);
}

static bool plain(struct span name)
{
    for (size_t i = 0; i < name.len; i++) {
        const char c = name.at[i];
        const bool letter = (c >= 'a' && c <= 'z') || c == '_';
        if (!letter && (i == 0 || !ascii_digit(c)))
            return false;
    }
    return name.len > 0 &&
           bsearch(&name, keywords, COUNT_OF(keywords), sizeof keywords[0], compare) == NULL;
}

void identifier_append(struct str *out, struct span name)
{
    if (plain(name)) {
        str_append(out, name.at, name.len);
        return;
    }
    str_putc(out, '"');
    for (size_t i = 0; i < name.len; i++) {
        if (name.at[i] == '"')
            str_putc(out, '"');
        str_putc(out, name.at[i]);
    }
    str_putc(out, '"');
}

static void put_plain(struct str *out, enum dialect dialect, const struct token *token)
{
    if (token->type == TOKEN_NAME)
        token_unquote(token, out);
    else if (dialect == DIALECT_POSTGRES)
        for (size_t i = 0; i < token->span.len; i++)
            str_putc(out, ascii_lower(token->span.at[i]));
    else
        str_append(out, token->span.at, token->span.len);
}

void identifier_append_token(struct str *out, const struct token *token)
{
    struct str name = {0};
    put_plain(&name, DIALECT_POSTGRES, token);
    identifier_append(out, (struct span){str_text(&name), name.len});
    out->failed = out->failed || name.failed;
    str_release(&name);
}

const char *identifier_plain(struct arena *arena, enum dialect dialect, const struct token *token)
{
    CLEANUP(str_release) struct str name = {0};
    put_plain(&name, dialect, token);
    return name.failed ? NULL : arena_strdup(arena, str_text(&name));
}

const char *identifier_last_part(struct arena *arena, enum dialect dialect, const char *written)
{
    struct lexer lexer = lexer_init(dialect, written, strlen(written));
    CLEANUP(str_release) struct str name = {0};
    for (struct token t = lexer_next_solid(&lexer); t.type != TOKEN_END;
         t = lexer_next_solid(&lexer)) {
        str_clear(&name);
        if (t.type == TOKEN_NAME)
            token_unquote(&t, &name);
        else
            str_append(&name, t.span.at, t.span.len);
    }
    return name.failed ? NULL : arena_strdup(arena, str_text(&name));
}

void identifier_append_array(struct str *out, const char *const *names, size_t count)
{
    str_putc(out, '{');
    for (size_t i = 0; i < count; i++) {
        str_puts(out, i > 0 ? ",\"" : "\"");
        for (const char *at = names[i]; *at != '\0'; at++) {
            if (*at == '"' || *at == '\\')
                str_putc(out, '\\');
            str_putc(out, *at);
        }
        str_putc(out, '"');
    }
    str_putc(out, '}');
}
