/* Values found by libpg_query's tree, and put by what the lexer says of their places. */
#include "sql/parameters.h"

#include <pg_query/pg_query.pb-c.h>
#include <string.h>

#include "sql/match.h"
#include "sql/parser.h"
#include "sql/tree_walk.h"

#define NODE(name) PG_QUERY__NODE__NODE_##name

bool sql_starts_as_query(struct span statement)
{
    static const char words[] = "SELECT|INSERT|UPDATE|DELETE|MERGE|WITH|VALUES|TABLE";
    struct lexer lexer = lexer_init(DIALECT_POSTGRES, statement.at, statement.len);
    struct token token = lexer_next_solid(&lexer);
    while (token.type == TOKEN_SYMBOL && token.span.at[0] == '(')
        token = lexer_next_solid(&lexer);
    return token.type == TOKEN_WORD && match_word(&token, (struct span){words, strlen(words)});
}

/* ---- shapes ---- */

/* How far a list of values has come: of IN or of an array, and the last row of VALUES. */
struct shaping {
    struct str *out;
    bool in_list;        /* nothing but values so far, behind its bracket */
    bool after_values;   /* rows may follow */
    bool row_is_plain;   /* nothing but values and commas */
    bool has_row;        /* and there was one before it */
    size_t row, row_len; /* in out: the row at hand, and how long the one before was */
    size_t depth, row_depth;
};

static bool is_value(const struct token *token)
{
    return token->type == TOKEN_STRING || token->type == TOKEN_NUMBER ||
           token->type == TOKEN_PARAMETER;
}

static bool is_symbol(const struct token *token, char symbol)
{
    return token->type == TOKEN_SYMBOL && token->span.at[0] == symbol;
}

static void put_token(struct str *out, const struct token *token)
{
    if (is_value(token)) {
        str_puts(out, " ?");
        return;
    }
    str_putc(out, ' ');
    for (size_t i = 0; i < token->span.len; i++)
        str_putc(out,
                 token->type == TOKEN_WORD ? ascii_lower(token->span.at[i]) : token->span.at[i]);
}

/* A row that is as long as the one before it, and as plain, goes with the comma in front of it. */
static void end_row(struct shaping *shaping)
{
    struct str *const out = shaping->out;
    const size_t len = out->len - shaping->row;
    if (shaping->has_row && shaping->row_is_plain && len == shaping->row_len && !out->failed) {
        out->len = shaping->row - strlen(" ,");
        out->data[out->len] = '\0';
    }
    shaping->has_row = shaping->row_is_plain;
    shaping->row_len = len;
}

static void follow_rows(struct shaping *shaping, const struct token *token)
{
    if (is_symbol(token, '(') && shaping->depth == shaping->row_depth) {
        shaping->row = shaping->out->len;
        shaping->row_is_plain = true;
    } else if (shaping->depth > shaping->row_depth) {
        shaping->row_is_plain &= is_value(token) || is_symbol(token, ',') || is_symbol(token, ')');
    } else if (!is_symbol(token, ',')) {
        shaping->after_values = false;
    }
}

static void shape_token(struct shaping *shaping, const struct token *token,
                        const struct token *before)
{
    const bool opens = is_symbol(token, '(') || is_symbol(token, '[');
    const bool closes = is_symbol(token, ')') || is_symbol(token, ']');
    if (token->type == TOKEN_WORD && span_is_nocase(token->span, "values")) {
        *shaping = (struct shaping){.out = shaping->out,
                                    .after_values = true,
                                    .depth = shaping->depth,
                                    .row_depth = shaping->depth};
        put_token(shaping->out, token);
        return;
    }
    if (shaping->after_values)
        follow_rows(shaping, token);
    /* The second value of such a list, and what follows, is left out. */
    const bool more = shaping->in_list && (is_value(before) || is_symbol(before, ',')) &&
                      (is_value(token) || is_symbol(token, ','));
    if (!more)
        put_token(shaping->out, token);
    shaping->depth += opens;
    shaping->depth -= closes && shaping->depth > 0;
    shaping->in_list =
        (shaping->in_list && (is_value(token) || is_symbol(token, ','))) || is_symbol(token, '[') ||
        (is_symbol(token, '(') && before->type == TOKEN_WORD && span_is_nocase(before->span, "in"));
    if (shaping->after_values && closes && shaping->depth == shaping->row_depth)
        end_row(shaping);
}

void sql_shape(struct span statement, struct str *out)
{
    struct lexer lexer = lexer_init(DIALECT_POSTGRES, statement.at, statement.len);
    struct shaping shaping = {.out = out};
    struct token before = {0};
    for (;;) {
        const struct token token = lexer_next_solid(&lexer);
        if (token.type == TOKEN_END)
            return;
        shape_token(&shaping, &token, &before);
        before = token;
    }
}

/* ---- values ---- */

/* A stretch of the statement, and what stands there instead. */
struct value {
    size_t start, end;
    size_t type_len;       /* of a type's name in front, which becomes a cast: date '…' */
    const char *type;      /* that it has by itself; NULL: by what is around it */
    size_t text, text_len; /* the constant alone */
};

struct reading {
    struct arena *arena;
    struct span statement;
    struct {
        struct value *items;
        size_t count, capacity;
    } values;
    bool groups; /* what is grouped by has to be what is selected, down to the parameter */
    bool failed;
};

/* The token of a constant, a sign in front of it included. */
static bool find_token(const struct reading *reading, int location, struct value *ret)
{
    const struct span statement = reading->statement;
    if (location < 0 || (size_t)location >= statement.len)
        return false;
    const size_t at = (size_t)location;
    struct lexer lexer = lexer_init(DIALECT_POSTGRES, statement.at + at, statement.len - at);
    struct token token = lexer_next_solid(&lexer);
    if (is_symbol(&token, '-'))
        token = lexer_next_solid(&lexer);
    ret->start = ret->text = at;
    ret->end = at + token.start + token.span.len;
    ret->text_len = ret->end - at;
    return token.type == TOKEN_STRING || token.type == TOKEN_NUMBER;
}

static const char *number_type(const PgQuery__AConst *constant)
{
    if (constant->val_case == PG_QUERY__A__CONST__VAL_IVAL)
        return "integer";
    const char *const digits = constant->fval->fval;
    const size_t len = strlen(digits);
    return strspn(digits, "-0123456789") == len && len <= strlen("9223372036854775807") - 1
               ? "bigint"
               : "numeric";
}

/* type_at: where the name of its type begins, in front of it; -1: there is none. */
static void add_value(struct reading *reading, const PgQuery__AConst *constant, int type_at)
{
    struct value value = {0};
    const bool is_string = constant->val_case == PG_QUERY__A__CONST__VAL_SVAL;
    const bool is_number = constant->val_case == PG_QUERY__A__CONST__VAL_IVAL ||
                           constant->val_case == PG_QUERY__A__CONST__VAL_FVAL;
    if (constant->isnull || (!is_string && !is_number) ||
        !find_token(reading, constant->location, &value))
        return;
    if (type_at >= 0 && (size_t)type_at < value.start) {
        value.type_len = value.start - (size_t)type_at;
        value.start = (size_t)type_at;
    }
    value.type = is_number ? number_type(constant) : NULL;
    struct value *const slot = arena_push(reading->arena, &reading->values);
    if (slot != NULL)
        *slot = value;
    reading->failed |= slot == NULL;
}

static bool is_place(const PgQuery__Node *node)
{
    if (node->node_case == NODE(SORT_BY))
        return node->sort_by->node != NULL && node->sort_by->node->node_case == NODE(A_CONST);
    return node->node_case == NODE(A_CONST);
}

static bool visit(void *context, const ProtobufCMessage *message);

/* ORDER BY 1, GROUP BY 2: columns by their places. */
static bool visit_select(struct reading *reading, const PgQuery__SelectStmt *select)
{
    const size_t before = reading->values.count;
    bool ok = tree_visit_children(&select->base, visit, reading);
    PgQuery__Node *const *const lists[] = {select->sort_clause, select->group_clause,
                                           select->distinct_clause};
    const size_t counts[] = {select->n_sort_clause, select->n_group_clause,
                             select->n_distinct_clause};
    for (size_t l = 0; l < COUNT_OF(lists); l++)
        for (size_t i = 0; i < counts[l]; i++) {
            const PgQuery__Node *node = lists[l][i];
            if (!is_place(node))
                continue;
            node = node->node_case == NODE(SORT_BY) ? node->sort_by->node : node;
            for (size_t v = before; v < reading->values.count; v++)
                if ((int)reading->values.items[v].text == node->a_const->location)
                    reading->values.items[v].end = 0; /* stays */
        }
    reading->groups |= select->n_group_clause > 0 || select->n_distinct_clause > 0;
    return ok;
}

static bool visit(void *context, const ProtobufCMessage *message)
{
    struct reading *const reading = context;
    if (message->descriptor == &pg_query__select_stmt__descriptor)
        return visit_select(reading, (const PgQuery__SelectStmt *)message);
    if (message->descriptor == &pg_query__type_name__descriptor)
        return true; /* varchar(10) */
    if (message->descriptor == &pg_query__type_cast__descriptor) {
        const PgQuery__TypeCast *const cast = (const PgQuery__TypeCast *)message;
        if (cast->location < 0 && cast->arg != NULL && cast->arg->node_case == NODE(A_CONST) &&
            cast->type_name != NULL) {
            add_value(reading, cast->arg->a_const, cast->type_name->location);
            return !reading->failed;
        }
    }
    if (message->descriptor == &pg_query__a__const__descriptor)
        add_value(reading, (const PgQuery__AConst *)message, -1);
    return !reading->failed && tree_visit_children(message, visit, context);
}

/* ---- writing ---- */

static int compare_values(const void *a, const void *b)
{
    const struct value *const x = a, *const y = b;
    return (x->start > y->start) - (x->start < y->start);
}

static unsigned long last_parameter(struct span statement)
{
    struct lexer lexer = lexer_init(DIALECT_POSTGRES, statement.at, statement.len);
    unsigned long last = 0;
    for (;;) {
        const struct token token = lexer_next_solid(&lexer);
        if (token.type == TOKEN_END)
            return last;
        if (token.type == TOKEN_PARAMETER && strtoul(token.span.at + 1, NULL, 10) > last)
            last = strtoul(token.span.at + 1, NULL, 10);
    }
}

/* The same value behind GROUP BY is the same parameter. */
static size_t number_of(const struct reading *reading, size_t index)
{
    const struct value *const value = &reading->values.items[index];
    const char *const text = reading->statement.at;
    for (size_t i = 0; reading->groups && i < index; i++) {
        const struct value *const other = &reading->values.items[i];
        if (other->end > 0 && other->text_len == value->text_len &&
            memcmp(text + other->text, text + value->text, value->text_len) == 0)
            return i;
    }
    return index;
}

static void put_value(const struct reading *reading, const struct value *value,
                      unsigned long number, struct str *out)
{
    if (value->type_len > 0) {
        str_printf(out, "CAST($%lu AS ", number);
        str_append(out, reading->statement.at + value->start, value->type_len);
        str_putc(out, ')');
    } else if (value->type != NULL) {
        str_printf(out, "($%lu::%s)", number, value->type);
    } else {
        str_printf(out, "$%lu", number);
    }
}

static void put_statement(struct reading *reading, struct str *out)
{
    const struct span statement = reading->statement;
    const unsigned long first = last_parameter(statement) + 1;
    CLEANUP(arena_release) struct arena scratch = {0};
    unsigned long *const numbers =
        arena_alloc(&scratch, (reading->values.count + 1) * sizeof *numbers);
    unsigned long next = first;
    size_t copied = 0;
    if (numbers == NULL) {
        reading->failed = true;
        return;
    }
    if (reading->values.count > 1)
        qsort(reading->values.items, reading->values.count, sizeof *reading->values.items,
              compare_values);
    for (size_t i = 0; i < reading->values.count; i++) {
        const struct value *const value = &reading->values.items[i];
        if (value->end == 0 || value->start < copied)
            continue;
        const size_t same = number_of(reading, i);
        numbers[i] = same < i ? numbers[same] : next++;
        str_append(out, statement.at + copied, value->start - copied);
        put_value(reading, value, numbers[i], out);
        copied = value->end;
    }
    str_append(out, statement.at + copied, statement.len - copied);
}

static bool is_readable(struct span statement, bool *ret, struct err *err)
{
    struct tree tree;
    if (!parser_read_here(statement, &tree, err))
        return false;
    *ret = tree.statement != NULL;
    tree_release(&tree);
    return true;
}

bool sql_parameterize(struct arena *arena, struct span statement, const char **ret, struct err *err)
{
    CLEANUP(arena_release) struct arena scratch = {0};
    CLEANUP(str_release) struct str out = {0};
    struct reading reading = {.arena = &scratch, .statement = statement};
    const PgQuery__Node *node;
    bool readable = false;
    *ret = NULL;
    if (!parser_read_kept(&scratch, statement, &node, err))
        return false;
    if (node == NULL)
        return true;
    (void)visit(&reading, &node->base);
    if (!reading.failed)
        put_statement(&reading, &out);
    if (reading.failed || out.failed)
        return err_nomem(err);
    if (!is_readable((struct span){str_text(&out), out.len}, &readable, err))
        return false;
    *ret = readable ? arena_strndup(arena, str_text(&out), out.len) : NULL;
    return !readable || *ret != NULL || err_nomem(err);
}
