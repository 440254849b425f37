/* The body of a DO: each of its statements is read as one of its own, which may not run. */
#include <string.h>

#include "sql/facts_parts.h"
#include "sql/parser.h"
#include "sql/plpgsql.h"
#include "sql/split.h"

/* A DO in a DO in ... deeper is not read. */
enum { MAX_DEPTH = 4 };

static const char code[] = "it runs code";
static const char more[] = "a DO block may do more than its text says";
static const char put_together[] = "it runs a statement that it puts together as it runs";

/* ---- what the statements of a body come to ---- */

bool facts_gather(struct arena *arena, struct facts *facts)
{
    bool done = true;
    facts->locks.count = facts->acts.count = 0;
    for (size_t i = 0; i < facts->inner.count; i++) {
        const struct facts *const inner = &facts->inner.items[i];
        for (size_t k = 0; k < inner->locks.count; k++) {
            struct locked row = inner->locks.items[k];
            if (row.object == LOCKED_INDEX && row.fate == FATE_CREATED)
                continue; /* its table stands for it */
            row.fate = FATE_STAYS;
            row.new_name = NULL;
            done = locked_add(arena, &facts->locks, &row) != NULL && done;
        }
        for (size_t k = 0; k < inner->acts.count; k++) {
            struct act *const act = arena_push(arena, &facts->acts);
            done = act != NULL && done;
            if (act != NULL)
                *act = inner->acts.items[k];
        }
    }
    return done;
}

/* ---- one statement of a body ---- */

int inner_place_of(struct inner_place place, int at)
{
    return place.at + (place.exact && at > place.added ? at - place.added : 0);
}

/* Its places were those in a text that stands at this one. */
static void put(struct facts *facts, struct inner_place place)
{
    for (size_t i = 0; i < facts->locks.count; i++)
        facts->locks.items[i].maybe = true;
    for (size_t i = 0; i < facts->acts.count; i++)
        facts->acts.items[i].at = inner_place_of(place, facts->acts.items[i].at);
    for (size_t i = 0; i < facts->inner.count; i++) {
        struct inner_place *const nested = &facts->inner.items[i].place;
        nested->at = inner_place_of(place, nested->at);
        nested->exact = nested->exact && place.exact;
        put(&facts->inner.items[i], place);
    }
}

static void read_inner(struct reading *r, struct span text, const PgQuery__Node *node,
                       struct inner_place place)
{
    struct facts facts = {.place = place, .node = node};
    struct reading inner = {
        .arena = r->arena, .statement = text, .facts = &facts, .depth = r->depth + 1};
    facts_of_node(&inner, node);
    put(&facts, place);
    if (facts.unknown != NULL)
        facts_unknown(r, facts.unknown);
    r->facts->renames_all = r->facts->renames_all || facts.renames_all;
    struct facts *const item = arena_push(r->arena, &r->facts->inner);
    r->failed = r->failed || inner.failed || item == NULL;
    if (item != NULL)
        *item = facts;
}

/* NULL when it cannot be read. */
static const PgQuery__Node *parse(struct reading *r, struct span text)
{
    CLEANUP(err_release) struct err err = {0};
    const PgQuery__Node *node;
    r->failed = !parser_read_kept(r->arena, text, &node, &err) || r->failed;
    return node;
}

/* ---- EXECUTE ---- */

/* The value where it is the same at all times, with the place of the constant where it is one. */
static bool append_constant(struct str *text, const PgQuery__Node *node, int *ret_at)
{
    *ret_at = -1;
    if (node == NULL)
        return false;
    int at;
    switch (node->node_case) {
    case PG_QUERY__NODE__NODE_A_CONST:
        *ret_at = node->a_const->location;
        if (node->a_const->val_case != PG_QUERY__A__CONST__VAL_SVAL)
            return false;
        str_puts(text, node->a_const->sval->sval);
        return true;
    case PG_QUERY__NODE__NODE_TYPE_CAST: /* of another type the server would refuse it */
        return append_constant(text, node->type_cast->arg, ret_at);
    case PG_QUERY__NODE__NODE_A_EXPR:
        return node->a_expr->kind == PG_QUERY__A__EXPR__KIND__AEXPR_OP &&
               node->a_expr->n_name == 1 &&
               strcmp(node->a_expr->name[0]->string->sval, "||") == 0 &&
               append_constant(text, node->a_expr->lexpr, &at) &&
               append_constant(text, node->a_expr->rexpr, &at);
    case PG_QUERY__NODE__NODE_FUNC_CALL: {
        const PgQuery__FuncCall *const call = node->func_call;
        const PgQuery__Node *const name = call->funcname[call->n_funcname - 1];
        return call->n_args > 0 && strcmp(name->string->sval, "format") == 0 &&
               append_constant(text, call->args[0], ret_at) && strchr(str_text(text), '%') == NULL;
    }
    default:
        return false;
    }
}

/* The bytes between the quotes of the constant that stands there, where they are its value: no
 * quote in it is doubled, and no escape is undone. */
static bool quoted_at(struct span text, int at, struct span value, int *ret_at)
{
    if (at < 0 || (size_t)at >= text.len)
        return false;
    struct lexer lexer = lexer_init(DIALECT_POSTGRES, text.at, text.len);
    lexer.pos = (size_t)at;
    const struct token token = lexer_next_solid(&lexer);
    if (token.type != TOKEN_STRING || token.span.at[0] == 'E' || token.span.at[0] == 'e')
        return false;
    const char first = token.span.at[0];
    const char *const tag_end = memchr(token.span.at + 1, first, token.span.len - 1);
    const size_t skip = first == '$' && tag_end != NULL ? (size_t)(tag_end - token.span.at) + 1 : 1;
    *ret_at = (int)(token.start + skip);
    return token.span.len == value.len + 2 * skip &&
           memcmp(token.span.at + skip, value.at, value.len) == 0;
}

static const PgQuery__Node *selected(const PgQuery__Node *node)
{
    const bool is_one = node != NULL && node->node_case == PG_QUERY__NODE__NODE_SELECT_STMT &&
                        node->select_stmt->n_target_list == 1;
    return is_one ? node->select_stmt->target_list[0]->res_target->val : NULL;
}

/* One statement or several, as the server takes them; place: of the text that gives them. */
static void read_executed(struct reading *r, struct span text, const PgQuery__Node *node,
                          struct inner_place place)
{
    CLEANUP(err_release) struct err err = {0};
    CLEANUP(str_release) struct str value = {0};
    struct statements statements = {0};
    int constant_at, at = 0;
    const bool known = append_constant(&value, selected(node), &constant_at);
    const char *const kept = known ? arena_strdup(r->arena, str_text(&value)) : NULL;
    r->failed = r->failed || value.failed || (known && kept == NULL);
    if (kept == NULL) {
        facts_unknown(r, put_together);
        return;
    }
    const struct span sql = {kept, strlen(kept)};
    const bool exact = place.exact && quoted_at(text, constant_at, sql, &at);
    if (!sql_split(r->arena, DIALECT_POSTGRES, sql.at, sql.len, &statements, &err)) {
        r->failed = r->failed || err.code == ERR_NOMEM;
        facts_unknown(r, put_together);
        return;
    }
    for (size_t i = 0; i < statements.count; i++) {
        const struct span one = statements.items[i].text;
        read_inner(r, one, parse(r, one),
                   (struct inner_place){.at = place.at +
                                              (exact ? at - place.added + (int)(one.at - kept) : 0),
                                        .exact = exact});
    }
}

/* ---- DO ---- */

struct body {
    const char *text; /* NULL: it has none */
    int at;           /* of its constant in the statement */
    bool plpgsql;
};

static struct body body_of(const PgQuery__DoStmt *statement)
{
    struct body body = {.plpgsql = true};
    for (size_t i = 0; i < statement->n_args; i++) {
        const PgQuery__DefElem *const option =
            statement->args[i]->node_case == PG_QUERY__NODE__NODE_DEF_ELEM
                ? statement->args[i]->def_elem
                : NULL;
        if (option == NULL || option->arg == NULL ||
            option->arg->node_case != PG_QUERY__NODE__NODE_STRING)
            continue;
        const char *const value = option->arg->string->sval;
        if (strcmp(option->defname, "as") == 0)
            body = (struct body){value, option->location, body.plpgsql};
        else if (strcmp(option->defname, "language") == 0)
            body.plpgsql = strcmp(value, "plpgsql") == 0;
    }
    return body;
}

static void read_embedded(struct reading *r, const struct embedded *embedded,
                          struct inner_place body)
{
    const struct inner_place place = {.at = body.exact ? body.at + embedded->at : 0,
                                      .added = embedded->added,
                                      .exact = body.exact && embedded->exact};
    const PgQuery__Node *const node = parse(r, embedded->text);
    read_inner(r, embedded->text, node, place);
    if (embedded->executed)
        read_executed(r, embedded->text, node, place);
}

void facts_do(struct reading *r, const PgQuery__Node *node)
{
    CLEANUP(err_release) struct err err = {0};
    struct embedded_list list;
    bool read = false;
    const struct body body = body_of(node->do_stmt);
    const struct span text = {body.text, body.text != NULL ? strlen(body.text) : 0};
    if (body.text != NULL && body.plpgsql && r->depth < MAX_DEPTH)
        r->failed = !plpgsql_read(r->arena, text, &list, &read, &err) || r->failed;
    if (!read || r->failed) {
        facts_unknown(r, code);
        return;
    }
    struct inner_place place = {0};
    place.exact = quoted_at(r->statement, body.at, text, &place.at);
    for (size_t i = 0; i < list.count; i++)
        read_embedded(r, &list.items[i], place);
    r->failed = !facts_gather(r->arena, r->facts) || r->failed;
    facts_unknown(r, more);
}
