/* Calls of functions that the set has made: what their bodies do, where the call stands. */
#include <string.h>

#include "sql/facts_parts.h"

static const char unread[] = "it calls a function whose body pawl cannot read";
static const char too_deep[] = "functions call each other deeper than pawl reads";
static const char more[] = "a function may do more than its text says";
static const char elsewhere[] = "its function has settings of its own";

/* ---- whose words they are ---- */

static void attribute_acts(struct acts *acts, const struct function_place *by)
{
    for (size_t i = 0; i < acts->count; i++) {
        struct act *const act = &acts->items[i];
        if (act->by.function != NULL)
            continue; /* of a function that this one calls */
        act->by = *by;
        act->by.offset += act->at > 0 ? (size_t)act->at : 0;
    }
}

/* Places are still those in the statement that makes the function. */
static void attribute(struct facts *facts, const struct function_place *by)
{
    attribute_acts(&facts->acts, by);
    attribute_acts(&facts->own.acts, by);
    for (size_t i = 0; i < facts->inner.count; i++) {
        struct facts *const inner = &facts->inner.items[i];
        if (inner->by.function != NULL)
            continue;
        attribute(inner, by);
        inner->by = *by;
        inner->by.offset += inner->place.at > 0 ? (size_t)inner->place.at : 0;
    }
}

/* ---- the body ---- */

static const struct inner_place in_statement = {.exact = true};

/* BEGIN ATOMIC holds statements, RETURN is one. */
static void read_standard(struct reading *f, const PgQuery__Node *body)
{
    if (body->node_case != PG_QUERY__NODE__NODE_LIST) {
        facts_inner(f, f->statement, body, in_statement);
        return;
    }
    for (size_t i = 0; i < body->list->n_items; i++)
        read_standard(f, body->list->items[i]);
}

static void read_body(struct reading *f, const PgQuery__CreateFunctionStmt *function)
{
    const struct code_body body = facts_code_body(function->options, function->n_options);
    const char *const language = body.language != NULL ? body.language : "sql";
    bool read = false;
    if (function->sql_body != NULL) {
        read_standard(f, function->sql_body);
        return;
    }
    if (strcmp(language, "plpgsql") == 0) {
        read = facts_plpgsql(f, function, &body);
        if (read)
            facts_unknown(f, more);
    } else if (strcmp(language, "sql") == 0) {
        read = facts_sql_body(f, &body);
    }
    if (!read)
        facts_unknown(f, unread);
}

/* What it does without being told, and what changes the meaning of its names. */
static void read_head(struct reading *f, const PgQuery__CreateFunctionStmt *function)
{
    for (size_t i = 0; i < function->n_parameters; i++)
        if (function->parameters[i]->node_case == PG_QUERY__NODE__NODE_FUNCTION_PARAMETER &&
            function->parameters[i]->function_parameter->defexpr != NULL)
            facts_query(f, function->parameters[i]->function_parameter->defexpr);
    for (size_t i = 0; i < function->n_options; i++)
        if (function->options[i]->node_case == PG_QUERY__NODE__NODE_DEF_ELEM &&
            strcmp(function->options[i]->def_elem->defname, "set") == 0)
            facts_unknown(f, elsewhere);
}

/* Once a statement: a function that calls itself does nothing more. */
static void read_function(struct reading *r, size_t index, int at)
{
    struct function *const item = &r->functions->items[index];
    if (item->read_for == r->functions->number)
        return;
    item->read_for = r->functions->number;
    const struct function function = *item; /* what its body makes may move the list */
    const PgQuery__Node *const node = facts_parse(r, function.text);
    if (node == NULL || node->node_case != PG_QUERY__NODE__NODE_CREATE_FUNCTION_STMT) {
        facts_unknown(r, unread);
        return;
    }
    struct facts facts = {.place = {.at = at},
                          .by = {function.shown, function.source, function.offset}};
    struct reading f = {.arena = r->arena,
                        .functions = r->functions,
                        .statement = function.text,
                        .facts = &facts,
                        .depth = r->depth + 1};
    read_head(&f, node->create_function_stmt);
    read_body(&f, node->create_function_stmt);
    facts_settle(&f);
    attribute(&facts, &facts.by);
    facts_add_inner(r, &f);
}

/* ---- calls ---- */

static const char *string_at(PgQuery__Node *const *items, size_t count, size_t from_end)
{
    const bool there =
        from_end < count && items[count - 1 - from_end]->node_case == PG_QUERY__NODE__NODE_STRING;
    return there ? items[count - 1 - from_end]->string->sval : "";
}

bool facts_call(struct reading *r, const PgQuery__FuncCall *call)
{
    if (r->functions == NULL || r->defines)
        return false;
    const char *const schema = string_at(call->funcname, call->n_funcname, 1);
    const char *const name = string_at(call->funcname, call->n_funcname, 0);
    const size_t count = r->functions->count; /* those that their bodies make come behind */
    size_t at = functions_find(r->functions, 0, schema, name);
    const bool found = at < count;
    if (found && r->depth >= FACTS_MAX_DEPTH)
        facts_unknown(r, too_deep);
    for (; at < count && r->depth < FACTS_MAX_DEPTH;
         at = functions_find(r->functions, at + 1, schema, name))
        read_function(r, at, call->location);
    return found;
}

void facts_call_statement(struct reading *r, const PgQuery__Node *node)
{
    const PgQuery__FuncCall *const call = node->call_stmt->funccall;
    if (call == NULL || !facts_call(r, call))
        facts_unknown(r, facts_runs_code);
    for (size_t i = 0; call != NULL && i < call->n_args; i++)
        facts_query(r, call->args[i]);
}
