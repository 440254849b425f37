/* Bodies of code: each of their statements is read as one of its own, which may not run. */
#include <string.h>

#include "sql/facts_parts.h"
#include "sql/parser.h"
#include "sql/plpgsql.h"
#include "sql/split.h"

const char facts_runs_code[] = "it runs code";
static const char more[] = "a DO block may do more than its text says";
static const char put_together[] = "it runs a statement that it puts together as it runs";

/* ---- what the statements of a body come to ---- */

static bool add_act(struct arena *arena, struct acts *acts, const struct act *act)
{
    struct act *const item = arena_push(arena, acts);
    if (item != NULL)
        *item = *act;
    return item != NULL;
}

static bool gather_inner(struct arena *arena, struct facts *facts, const struct facts *inner)
{
    bool done = true;
    for (size_t i = 0; i < inner->locks.count; i++) {
        struct locked row = inner->locks.items[i];
        if (row.object == LOCKED_INDEX && row.fate == FATE_CREATED)
            continue; /* its table stands for it */
        row.fate = FATE_STAYS;
        row.new_name = NULL;
        done = locked_add(arena, &facts->locks, &row) != NULL && done;
    }
    for (size_t i = 0; i < inner->acts.count; i++)
        done = add_act(arena, &facts->acts, &inner->acts.items[i]) && done;
    return done;
}

bool facts_gather(struct arena *arena, struct facts *facts)
{
    const struct own *const own = &facts->own;
    bool done = true;
    facts->locks.count = facts->acts.count = 0;
    for (size_t i = 0; i < own->locks.count; i++)
        done = locked_add(arena, &facts->locks, &own->locks.items[i]) != NULL && done;
    for (size_t i = 0; i < own->acts.count; i++)
        done = add_act(arena, &facts->acts, &own->acts.items[i]) && done;
    for (size_t i = 0; i < facts->inner.count; i++)
        done = gather_inner(arena, facts, &facts->inner.items[i]) && done;
    return done;
}

void facts_settle(struct reading *r)
{
    struct facts *const facts = r->facts;
    if (facts->inner.count == 0)
        return;
    facts->own = (struct own){facts->locks, facts->acts};
    facts->locks = (struct locked_list){0};
    facts->acts = (struct acts){0};
    r->failed = !facts_gather(r->arena, facts) || r->failed;
}

/* ---- one statement of a body ---- */

int inner_place_of(struct inner_place place, int at)
{
    return place.at + (place.exact && at > place.added ? at - place.added : 0);
}

static void put_rows(struct locked_list *locks, struct acts *acts, struct inner_place place)
{
    for (size_t i = 0; i < locks->count; i++)
        locks->items[i].maybe = true;
    for (size_t i = 0; i < acts->count; i++)
        acts->items[i].at = inner_place_of(place, acts->items[i].at);
}

/* Its places were those in a text that stands at this one. */
static void put(struct facts *facts, struct inner_place place)
{
    put_rows(&facts->locks, &facts->acts, place);
    put_rows(&facts->own.locks, &facts->own.acts, place);
    for (size_t i = 0; i < facts->inner.count; i++) {
        struct inner_place *const nested = &facts->inner.items[i].place;
        nested->at = inner_place_of(place, nested->at);
        nested->exact = nested->exact && place.exact;
        put(&facts->inner.items[i], place);
    }
}

void facts_add_inner(struct reading *r, const struct reading *inner)
{
    put(inner->facts, inner->facts->place);
    if (inner->facts->unknown != NULL)
        facts_unknown(r, inner->facts->unknown);
    r->facts->renames_all = r->facts->renames_all || inner->facts->renames_all;
    struct facts *const item = arena_push(r->arena, &r->facts->inner);
    r->failed = r->failed || inner->failed || item == NULL;
    if (item != NULL)
        *item = *inner->facts;
}

void facts_inner(struct reading *r, struct span text, const PgQuery__Node *node,
                 struct inner_place place)
{
    struct facts facts = {.place = place, .node = node};
    struct reading inner = {.arena = r->arena,
                            .functions = r->functions,
                            .statement = text,
                            .facts = &facts,
                            .depth = r->depth + 1};
    facts_of_node(&inner, node);
    facts_add_inner(r, &inner);
}

const PgQuery__Node *facts_parse(struct reading *r, struct span text)
{
    CLEANUP(err_release) struct err err = {0};
    const PgQuery__Node *node;
    r->failed = !parser_read_kept(r->arena, text, &node, &err) || r->failed;
    return node;
}

/* One or several in a text of which the first byte is at this place. */
static bool read_statements(struct reading *r, struct span text, struct inner_place place)
{
    CLEANUP(err_release) struct err err = {0};
    struct statements statements = {0};
    if (!sql_split(r->arena, DIALECT_POSTGRES, text.at, text.len, &statements, &err)) {
        r->failed = r->failed || err.code == ERR_NOMEM;
        return false;
    }
    for (size_t i = 0; i < statements.count; i++) {
        const struct span one = statements.items[i].text;
        const int at = place.at + (place.exact ? (int)(one.at - text.at) : 0);
        facts_inner(r, one, facts_parse(r, one),
                    (struct inner_place){.at = at, .exact = place.exact});
    }
    return true;
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

/* The bytes between the quotes of the constant that stands there, or behind the AS that does, where
 * they are its value: no quote in it is doubled, and no escape is undone. */
static bool quoted_at(struct span text, int at, struct span value, int *ret_at)
{
    if (at < 0 || (size_t)at >= text.len)
        return false;
    struct lexer lexer = lexer_init(DIALECT_POSTGRES, text.at, text.len);
    lexer.pos = (size_t)at;
    struct token token = lexer_next_solid(&lexer);
    if (token.type == TOKEN_WORD && span_is_nocase(token.span, "as"))
        token = lexer_next_solid(&lexer);
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
    CLEANUP(str_release) struct str value = {0};
    int constant_at, at = 0;
    const bool known = append_constant(&value, selected(node), &constant_at);
    const char *const kept = known ? arena_strdup(r->arena, str_text(&value)) : NULL;
    r->failed = r->failed || value.failed || (known && kept == NULL);
    const struct span sql = {kept, kept != NULL ? strlen(kept) : 0};
    const bool exact = kept != NULL && place.exact && quoted_at(text, constant_at, sql, &at);
    const struct inner_place inside = {.at = place.at + (exact ? at - place.added : 0),
                                       .exact = exact};
    if (kept == NULL || !read_statements(r, sql, inside))
        facts_unknown(r, put_together);
}

/* ---- bodies ---- */

static const char *string_of(const PgQuery__Node *node)
{
    if (node != NULL && node->node_case == PG_QUERY__NODE__NODE_LIST && node->list->n_items == 1)
        node = node->list->items[0];
    return node != NULL && node->node_case == PG_QUERY__NODE__NODE_STRING ? node->string->sval
                                                                          : NULL;
}

struct code_body facts_code_body(PgQuery__Node *const *options, size_t count)
{
    struct code_body body = {0};
    for (size_t i = 0; i < count; i++) {
        const PgQuery__DefElem *const option =
            options[i]->node_case == PG_QUERY__NODE__NODE_DEF_ELEM ? options[i]->def_elem : NULL;
        const char *const value = option != NULL ? string_of(option->arg) : NULL;
        if (value != NULL && strcmp(option->defname, "as") == 0) {
            body.text = value;
            body.at = option->location;
        } else if (value != NULL && strcmp(option->defname, "language") == 0) {
            body.language = value;
        }
    }
    return body;
}

static void read_embedded(struct reading *r, const struct embedded *embedded,
                          struct inner_place body)
{
    const struct inner_place place = {.at = body.exact ? body.at + embedded->at : 0,
                                      .added = embedded->added,
                                      .exact = body.exact && embedded->exact};
    const PgQuery__Node *const node = facts_parse(r, embedded->text);
    facts_inner(r, embedded->text, node, place);
    if (embedded->executed)
        read_executed(r, embedded->text, node, place);
}

bool facts_plpgsql(struct reading *r, const PgQuery__CreateFunctionStmt *function,
                   const struct code_body *body)
{
    CLEANUP(err_release) struct err err = {0};
    struct embedded_list list;
    struct inner_place place = {0};
    bool read = false;
    if (body->text == NULL)
        return false;
    const struct span text = {body->text, strlen(body->text)};
    r->failed = !plpgsql_read(r->arena, function, text, &list, &read, &err) || r->failed;
    if (!read || r->failed)
        return false;
    place.exact = quoted_at(r->statement, body->at, text, &place.at);
    for (size_t i = 0; i < list.count; i++)
        read_embedded(r, &list.items[i], place);
    return true;
}

bool facts_sql_body(struct reading *r, const struct code_body *body)
{
    struct inner_place place = {0};
    if (body->text == NULL)
        return false;
    const struct span text = {body->text, strlen(body->text)};
    place.exact = quoted_at(r->statement, body->at, text, &place.at);
    return read_statements(r, text, place);
}

void facts_do(struct reading *r, const PgQuery__Node *node)
{
    const struct code_body body = facts_code_body(node->do_stmt->args, node->do_stmt->n_args);
    const bool plpgsql = body.language == NULL || strcmp(body.language, "plpgsql") == 0;
    const bool read = plpgsql && r->depth < FACTS_MAX_DEPTH && facts_plpgsql(r, NULL, &body);
    facts_unknown(r, read ? more : facts_runs_code);
}
