/* From the parser's JSON to texts, and back to their places: it tells no more than a line. */
#include "sql/plpgsql.h"

#include <jansson.h>
#include <pg_query.h>
#include <pg_query/pg_query.pb-c.h>
#include <string.h>

#include "sql/lexer.h"
#include "sql/parser.h"
#include "sql/tree_name.h"

static const char select_word[] = "SELECT ";

enum { SELECT_BYTES = sizeof select_word - 1 };

/* What is not listed is an expression. */
static const struct kind {
    const char *statement, *key;
    enum { STATEMENT, PERFORMED, ASSIGNED, EXECUTED } is;
} kinds[] = {
    {"PLpgSQL_stmt_execsql", "sqlstmt", STATEMENT},
    {"PLpgSQL_stmt_call", "expr", STATEMENT},
    {"PLpgSQL_stmt_fors", "query", STATEMENT},
    {"PLpgSQL_stmt_perform", "expr", PERFORMED},
    {"PLpgSQL_stmt_assign", "expr", ASSIGNED},
    {"PLpgSQL_stmt_dynexecute", "query", EXECUTED},
    {"PLpgSQL_stmt_dynfors", "query", EXECUTED},
    {"PLpgSQL_stmt_return_query", "query", STATEMENT},
    {"PLpgSQL_stmt_return_query", "dynquery", EXECUTED},
};

struct reader {
    struct arena *arena;
    struct span body;
    struct embedded_list *ret;
    bool failed; /* memory was out */
};

/* ---- places ---- */

static size_t line_start(struct span body, json_int_t line)
{
    size_t at = 0;
    for (json_int_t i = 1; i < line && at < body.len; i++) {
        const char *const end = memchr(body.at + at, '\n', body.len - at);
        if (end == NULL)
            break;
        at = (size_t)(end - body.at) + 1;
    }
    while (at < body.len && ascii_space(body.at[at]))
        at++;
    return at;
}

/* The parser has put spaces where INTO stood. */
static bool stands_at(struct span body, size_t at, struct span text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.at[i] != body.at[at + i] && text.at[i] != ' ')
            return false;
    return true;
}

/* From the line of its statement on; false where it is not there as it is. */
static bool find(struct span body, size_t from, struct span text, size_t *ret)
{
    for (size_t at = from; at + text.len <= body.len; at++)
        if (stands_at(body, at, text)) {
            *ret = at;
            return true;
        }
    return false;
}

/* ---- one text ---- */

/* Behind the target of an assignment and its sign. */
static struct span assigned(struct span text)
{
    struct lexer lexer = lexer_init(DIALECT_POSTGRES, text.at, text.len);
    size_t depth = 0;
    for (struct token token; (token = lexer_next_solid(&lexer)).type != TOKEN_END;) {
        const char symbol = token.type == TOKEN_SYMBOL ? token.span.at[0] : ' ';
        depth += symbol == '[' || symbol == '(';
        depth -= (symbol == ']' || symbol == ')') && depth > 0;
        if (symbol == '=' && depth == 0)
            return (struct span){text.at + lexer.pos, text.len - lexer.pos};
    }
    return text;
}

static void add(struct reader *r, const struct kind *kind, struct span text, json_int_t line)
{
    const bool whole = kind != NULL && kind->is == STATEMENT;
    if (kind != NULL && kind->is == ASSIGNED)
        text = assigned(text);
    if (kind != NULL && kind->is == PERFORMED && text.len > SELECT_BYTES)
        text = (struct span){text.at + SELECT_BYTES, text.len - SELECT_BYTES};
    const char *const kept =
        arena_printf(r->arena, "%s%.*s", whole ? "" : select_word, (int)text.len, text.at);
    struct embedded *const item = arena_push(r->arena, r->ret);
    r->failed = r->failed || kept == NULL || item == NULL;
    if (r->failed)
        return;
    size_t at = line_start(r->body, line);
    const bool exact = find(r->body, at, text, &at);
    *item = (struct embedded){
        .text = {kept, strlen(kept)},
        .added = whole ? 0 : SELECT_BYTES,
        .executed = kind != NULL && kind->is == EXECUTED,
        .exact = exact,
        .at = (int)at,
    };
}

/* ---- the parser's answer ---- */

struct place {
    const char *statement, *key; /* the innermost statement, and what of it this is */
    json_int_t line;
};

static const struct kind *kind_of(const struct place *place)
{
    for (size_t i = 0; i < COUNT_OF(kinds); i++)
        if (strcmp(kinds[i].statement, place->statement) == 0 &&
            strcmp(kinds[i].key, place->key) == 0)
            return &kinds[i];
    return NULL;
}

static bool is_expression(const json_t *value)
{
    return json_object_get(value, "PLpgSQL_expr") != NULL;
}

static void walk(struct reader *r, json_t *value, struct place place);

/* Its own expressions stand before the statements that it holds. */
static void walk_object(struct reader *r, json_t *object, struct place place)
{
    const char *key;
    json_t *value;
    const json_t *const line = json_object_get(object, "lineno");
    place.line = json_is_integer(line) ? json_integer_value(line) : place.line;
    for (int nested = 0; nested < 2; nested++)
        json_object_foreach(object, key, value)
        {
            const bool is_kind = strncmp(key, "PLpgSQL_", strlen("PLpgSQL_")) == 0;
            if (is_expression(value) == (nested == 0))
                walk(r, value,
                     (struct place){is_kind ? key : place.statement, is_kind ? "" : key,
                                    place.line});
        }
}

static void walk(struct reader *r, json_t *value, struct place place)
{
    const char *const query =
        json_string_value(json_object_get(json_object_get(value, "PLpgSQL_expr"), "query"));
    if (query != NULL)
        add(r, kind_of(&place), (struct span){query, strlen(query)}, place.line);
    else if (json_is_object(value))
        walk_object(r, value, place);
    else
        for (size_t i = 0; i < json_array_size(value); i++)
            walk(r, json_array_get(value, i), place);
}

/* ---- the body ---- */

/* Of a build that looks for leaks; else NULL. */
__attribute__((weak)) void __lsan_disable(void);
__attribute__((weak)) void __lsan_enable(void);

/* The library forgets one byte of its own for each body that it refuses. */
static PgQueryPlpgsqlParseResult parse(const char *text)
{
    if (__lsan_disable != NULL)
        __lsan_disable();
    const PgQueryPlpgsqlParseResult parsed = pg_query_parse_plpgsql(text);
    if (__lsan_enable != NULL)
        __lsan_enable();
    return parsed;
}

/* A trigger's NEW and OLD are there by its type alone; what other types are is not asked. */
static bool is_trigger(const PgQuery__TypeName *type)
{
    const PgQuery__Node *const last =
        type != NULL && type->n_names > 0 ? type->names[type->n_names - 1] : NULL;
    return last != NULL && last->node_case == PG_QUERY__NODE__NODE_STRING &&
           strcmp(last->string->sval, "trigger") == 0;
}

/* One without a name is called by its number. */
static void put_parameters(struct str *out, const PgQuery__CreateFunctionStmt *function)
{
    for (size_t i = 0, number = 0; i < function->n_parameters; i++) {
        if (function->parameters[i]->node_case != PG_QUERY__NODE__NODE_FUNCTION_PARAMETER)
            continue;
        const char *const name = function->parameters[i]->function_parameter->name;
        number++;
        str_puts(out, number > 1 ? ", " : "");
        if (name[0] != '\0')
            tree_append_name(out, name);
        else
            str_printf(out, "\"$%zu\"", number);
        str_puts(out, " x");
    }
}

/* What stands in front of the body. The statement itself is not given to the parser, which ends the
 * process at one without AS. */
static void put_head(struct str *out, const PgQuery__CreateFunctionStmt *function)
{
    if (function == NULL) {
        str_puts(out, "DO LANGUAGE plpgsql ");
        return;
    }
    const PgQuery__TypeName *const type = function->return_type;
    str_puts(out, "CREATE FUNCTION ");
    tree_append_list(out, function->funcname, function->n_funcname);
    str_putc(out, '(');
    put_parameters(out, function);
    str_printf(out, ") RETURNS %s%s LANGUAGE plpgsql AS ",
               type != NULL && type->setof ? "SETOF " : "", is_trigger(type) ? "trigger" : "x");
}

/* In dollar quotes that it does not hold itself. */
static const char *wrap(struct arena *arena, const PgQuery__CreateFunctionStmt *function,
                        struct span body)
{
    CLEANUP(str_release) struct str head = {0};
    const char *text = arena_strndup(arena, body.at, body.len);
    const char *tag = "$body$";
    put_head(&head, function);
    for (int i = 0; text != NULL && tag != NULL && strstr(text, tag) != NULL; i++)
        tag = arena_printf(arena, "$body%d$", i);
    return text != NULL && tag != NULL && !head.failed
               ? arena_printf(arena, "%s%s%s%s", str_text(&head), tag, text, tag)
               : NULL;
}

bool plpgsql_read(struct arena *arena, const PgQuery__CreateFunctionStmt *function,
                  struct span body, struct embedded_list *ret, bool *ret_read, struct err *err)
{
    json_t *answer = NULL;
    struct reader r = {arena, body, ret, false};
    json_error_t problem;
    *ret = (struct embedded_list){0};
    *ret_read = false;
    if (!parser_within_limits(body))
        return true;
    const char *const text = wrap(arena, function, body);
    if (text == NULL)
        return err_nomem(err);
    const PgQueryPlpgsqlParseResult parsed = parse(text);
    if (parsed.error == NULL)
        answer = json_loads(parsed.plpgsql_funcs, 0, &problem);
    const bool refused = parsed.error != NULL;
    pg_query_free_plpgsql_parse_result(parsed);
    if (answer == NULL)
        return refused || json_error_code(&problem) != json_error_out_of_memory || err_nomem(err);
    walk(&r, answer, (struct place){"", "", 1});
    json_decref(answer);
    *ret_read = true;
    return !r.failed || err_nomem(err);
}
