/*
 * Queries: which relations they read and write, and which functions they call.
 *
 * The tree is walked by its description, so that a relation is found wherever an expression can
 * hold one. As deep as the tree, which sql/parser.h limits.
 */
#include <string.h>

#include "sql/facts_parts.h"
#include "sql/tree_walk.h"

/* The names that WITH gives, from the inside out. */
struct scope {
    const struct scope *outer;
    const PgQuery__WithClause *with;
    size_t visible; /* of its queries */
};

struct walk {
    struct reading *r; /* NULL: only look at functions */
    bool only_calls;   /* of what the set has made; then r is there */
    bool *is_volatile;
    const struct scope *scope;
    const PgQuery__LockingClause *locking; /* FOR UPDATE and its like around this place, or NULL */
};

static void walk(const struct walk *w, const ProtobufCMessage *message);

/* ---- functions ---- */

/* What is not listed may do anything. */
static const struct built_in {
    const char *name;
    bool is_volatile;
} functions[] = {
    {"abs", false},
    {"age", false},
    {"array_agg", false},
    {"array_append", false},
    {"array_length", false},
    {"array_position", false},
    {"array_remove", false},
    {"array_to_string", false},
    {"avg", false},
    {"bool_and", false},
    {"bool_or", false},
    {"btrim", false},
    {"cardinality", false},
    {"ceil", false},
    {"char_length", false},
    {"chr", false},
    {"clock_timestamp", true},
    {"concat", false},
    {"concat_ws", false},
    {"count", false},
    {"current_database", false},
    {"current_schema", false},
    {"current_setting", false},
    {"currval", true},
    {"date", false},
    {"date_part", false},
    {"date_trunc", false},
    {"decode", false},
    {"dense_rank", false},
    {"encode", false},
    {"extract", false},
    {"first_value", false},
    {"floor", false},
    {"format", false},
    {"gen_random_uuid", true},
    {"generate_series", false},
    {"greatest", false},
    {"initcap", false},
    {"json_agg", false},
    {"json_build_object", false},
    {"jsonb_agg", false},
    {"jsonb_array_elements", false},
    {"jsonb_build_array", false},
    {"jsonb_build_object", false},
    {"jsonb_object_agg", false},
    {"jsonb_set", false},
    {"lag", false},
    {"last_value", false},
    {"lastval", true},
    {"lead", false},
    {"left", false},
    {"length", false},
    {"lower", false},
    {"lpad", false},
    {"ltrim", false},
    {"make_date", false},
    {"make_interval", false},
    {"max", false},
    {"md5", false},
    {"min", false},
    {"mod", false},
    {"nextval", true},
    {"now", false},
    {"octet_length", false},
    {"overlay", false},
    {"pg_backend_pid", false},
    {"pg_sleep", true},
    {"pg_typeof", false},
    {"position", false},
    {"power", false},
    {"random", true},
    {"rank", false},
    {"regexp_match", false},
    {"regexp_matches", false},
    {"regexp_replace", false},
    {"regexp_split_to_array", false},
    {"regexp_split_to_table", false},
    {"repeat", false},
    {"replace", false},
    {"reverse", false},
    {"right", false},
    {"round", false},
    {"row_number", false},
    {"row_to_json", false},
    {"rpad", false},
    {"rtrim", false},
    {"setval", true},
    {"sha256", false},
    {"split_part", false},
    {"sqrt", false},
    {"statement_timestamp", false},
    {"string_agg", false},
    {"string_to_array", false},
    {"strpos", false},
    {"substr", false},
    {"substring", false},
    {"sum", false},
    {"timeofday", true},
    {"timezone", false},
    {"to_char", false},
    {"to_date", false},
    {"to_json", false},
    {"to_jsonb", false},
    {"to_number", false},
    {"to_timestamp", false},
    {"to_tsvector", false},
    {"transaction_timestamp", false},
    {"translate", false},
    {"trunc", false},
    {"unnest", false},
    {"upper", false},
};

static const char *string_at(PgQuery__Node *const *items, size_t count, size_t index)
{
    const bool there = index < count && items[index]->node_case == PG_QUERY__NODE__NODE_STRING;
    return there ? items[index]->string->sval : "";
}

/* NULL when it is not known: another schema's too. */
static const struct built_in *find_function(const PgQuery__FuncCall *call, const char **ret_name)
{
    const size_t parts = call->n_funcname;
    *ret_name = parts > 0 ? string_at(call->funcname, parts, parts - 1) : "";
    if (parts > 1 && strcmp(string_at(call->funcname, parts, 0), "pg_catalog") != 0)
        return NULL;
    for (size_t i = 0; i < COUNT_OF(functions); i++)
        if (strcmp(functions[i].name, *ret_name) == 0)
            return &functions[i];
    return NULL;
}

/* The sequence that nextval('name') and setval('name', ...) name; NULL when it is computed. */
static const char *constant_text(const PgQuery__FuncCall *call)
{
    const PgQuery__Node *argument = call->n_args > 0 ? call->args[0] : NULL;
    if (argument != NULL && argument->node_case == PG_QUERY__NODE__NODE_TYPE_CAST)
        argument = argument->type_cast->arg;
    const bool constant = argument != NULL && argument->node_case == PG_QUERY__NODE__NODE_A_CONST &&
                          argument->a_const->val_case == PG_QUERY__A__CONST__VAL_SVAL;
    return constant ? argument->a_const->sval->sval : NULL;
}

static void sequence_value(const struct walk *w, const PgQuery__FuncCall *call)
{
    const char *const name = constant_text(call);
    if (name == NULL)
        facts_unknown(w->r, "the name of its sequence is computed");
    else
        (void)facts_apply(w->r, form_of(FORM_SEQUENCE_VALUE),
                          (struct subject){.object = LOCKED_RELATION,
                                           .name = facts_part(w->r, name),
                                           .maybe = true});
}

static void function_call(const struct walk *w, const PgQuery__FuncCall *call)
{
    const char *name;
    const struct built_in *const function = find_function(call, &name);
    *w->is_volatile = *w->is_volatile || function == NULL || function->is_volatile;
    if (w->r == NULL)
        return;
    const bool is_ours = facts_call(w->r, call);
    if (w->only_calls)
        return;
    if (function == NULL && !is_ours)
        facts_unknown(w->r, facts_unknown_function);
    if (function != NULL && (strcmp(name, "nextval") == 0 || strcmp(name, "setval") == 0))
        sequence_value(w, call);
}

/* ---- relations ---- */

static bool is_query_name(const struct scope *scope, const char *name)
{
    for (; scope != NULL; scope = scope->outer)
        for (size_t i = 0; i < scope->visible; i++)
            if (scope->with->ctes[i]->node_case == PG_QUERY__NODE__NODE_COMMON_TABLE_EXPR &&
                strcmp(scope->with->ctes[i]->common_table_expr->ctename, name) == 0)
                return true;
    return false;
}

/* FOR UPDATE locks all, FOR UPDATE OF those that it names. */
static bool is_locked(const PgQuery__LockingClause *locking, const PgQuery__RangeVar *range)
{
    if (locking == NULL)
        return false;
    const char *const name = range->alias != NULL ? range->alias->aliasname : range->relname;
    for (size_t i = 0; i < locking->n_locked_rels; i++)
        if (locking->locked_rels[i]->node_case == PG_QUERY__NODE__NODE_RANGE_VAR &&
            strcmp(locking->locked_rels[i]->range_var->relname, name) == 0)
            return true;
    return locking->n_locked_rels == 0;
}

static void relation(const struct walk *w, const PgQuery__RangeVar *range)
{
    if (w->r == NULL || w->only_calls ||
        (range->schemaname[0] == '\0' && is_query_name(w->scope, range->relname)))
        return;
    const bool locked = is_locked(w->locking, range);
    (void)facts_apply_range(w->r, form_of(locked ? FORM_SELECT_FOR_UPDATE : FORM_SELECT), range);
}

static void target(const struct walk *w, enum form_id form, const PgQuery__RangeVar *range)
{
    if (w->r != NULL && !w->only_calls)
        (void)facts_apply_range(w->r, form_of(form), range);
}

/* ---- the walk ---- */

static bool visit(void *context, const ProtobufCMessage *child)
{
    walk(context, child);
    return true;
}

static void walk_fields(const struct walk *w, const ProtobufCMessage *message)
{
    struct walk inner = *w; /* the visit's context is not const */
    (void)tree_visit_children(message, visit, &inner);
}

/* The queries of a WITH, each of which sees those before it, or all when it is recursive. */
static struct scope walk_with(const struct walk *w, const PgQuery__WithClause *with)
{
    struct scope scope = {w->scope, with, 0};
    if (with == NULL)
        return scope;
    struct walk inner = *w;
    inner.scope = &scope;
    inner.locking = NULL;
    for (size_t i = 0; i < with->n_ctes; i++) {
        scope.visible = with->recursive ? with->n_ctes : i;
        walk(&inner, &with->ctes[i]->base);
    }
    scope.visible = with->n_ctes;
    return scope;
}

/* SELECT ... INTO makes a table; FOR UPDATE is for what stands after FROM. */
static void walk_select(const struct walk *w, const PgQuery__SelectStmt *select)
{
    const struct scope scope = walk_with(w, select->with_clause);
    struct walk inner = *w;
    inner.scope = &scope;
    if (select->into_clause != NULL && w->r != NULL && !w->only_calls) {
        struct locked *const row =
            facts_apply_range(w->r, form_of(FORM_CREATE_TABLE_AS), select->into_clause->rel);
        if (row != NULL)
            row->fate = FATE_CREATED;
    }
    for (size_t i = 0; i < select->n_locking_clause; i++) {
        if (select->locking_clause[i]->node_case != PG_QUERY__NODE__NODE_LOCKING_CLAUSE)
            continue;
        inner.locking = select->locking_clause[i]->locking_clause;
        for (size_t j = 0; j < select->n_from_clause; j++)
            walk(&inner, &select->from_clause[j]->base);
    }
    if (select->n_locking_clause > 0)
        inner.locking = NULL;
    walk_fields(&inner, &select->base);
}

static void walk_change(const struct walk *w, const ProtobufCMessage *message,
                        const PgQuery__WithClause *with, enum form_id form,
                        const PgQuery__RangeVar *range)
{
    const struct scope scope = walk_with(w, with);
    struct walk inner = *w;
    inner.scope = &scope;
    inner.locking = NULL;
    target(w, form, range);
    walk_fields(&inner, message);
}

/* WHERE TRUE is no WHERE. */
static bool takes_all(const PgQuery__Node *where)
{
    return where == NULL || (where->node_case == PG_QUERY__NODE__NODE_A_CONST &&
                             where->a_const->val_case == PG_QUERY__A__CONST__VAL_BOOLVAL &&
                             where->a_const->boolval->boolval);
}

/* What a node holds. One pointer has a name for each of its 250 kinds: to look for the one that is
 * meant took a seventh of all time. */
static const ProtobufCMessage *held(const PgQuery__Node *node)
{
    return node->node_case != PG_QUERY__NODE__NODE__NOT_SET ? &node->alias->base : NULL;
}

static void walk(const struct walk *w, const ProtobufCMessage *message)
{
    if (message == NULL)
        return;
    const ProtobufCMessageDescriptor *const kind = message->descriptor;
    if (kind == &pg_query__node__descriptor) {
        walk(w, held((const PgQuery__Node *)message));
    } else if (kind == &pg_query__with_clause__descriptor ||
               kind == &pg_query__into_clause__descriptor ||
               kind == &pg_query__locking_clause__descriptor) {
        return; /* its statement has seen to it */
    } else if (kind == &pg_query__range_var__descriptor) {
        relation(w, (const PgQuery__RangeVar *)message);
    } else if (kind == &pg_query__select_stmt__descriptor) {
        walk_select(w, (const PgQuery__SelectStmt *)message);
    } else if (kind == &pg_query__insert_stmt__descriptor) {
        const PgQuery__InsertStmt *const insert = (const PgQuery__InsertStmt *)message;
        const bool updates = insert->on_conflict_clause != NULL;
        walk_change(w, message, insert->with_clause, FORM_INSERT, insert->relation);
        if (updates)
            target(w, FORM_UPDATE, insert->relation);
    } else if (kind == &pg_query__update_stmt__descriptor) {
        const PgQuery__UpdateStmt *const update = (const PgQuery__UpdateStmt *)message;
        walk_change(w, message, update->with_clause,
                    takes_all(update->where_clause) ? FORM_UPDATE_ALL : FORM_UPDATE,
                    update->relation);
    } else if (kind == &pg_query__delete_stmt__descriptor) {
        const PgQuery__DeleteStmt *const delete = (const PgQuery__DeleteStmt *)message;
        walk_change(w, message, delete->with_clause,
                    takes_all(delete->where_clause) ? FORM_DELETE_ALL : FORM_DELETE,
                    delete->relation);
    } else if (kind == &pg_query__merge_stmt__descriptor) {
        const PgQuery__MergeStmt *const merge = (const PgQuery__MergeStmt *)message;
        walk_change(w, message, merge->with_clause, FORM_MERGE, merge->relation);
    } else {
        if (kind == &pg_query__func_call__descriptor)
            function_call(w, (const PgQuery__FuncCall *)message);
        walk_fields(w, message);
    }
}

void facts_query(struct reading *r, const PgQuery__Node *node)
{
    bool is_volatile = false;
    walk(&(struct walk){.r = r, .is_volatile = &is_volatile}, &node->base);
}

void facts_calls(struct reading *r, const PgQuery__Node *expression)
{
    bool is_volatile = false;
    if (expression != NULL && r->functions != NULL)
        walk(&(struct walk){.r = r, .only_calls = true, .is_volatile = &is_volatile},
             &expression->base);
}

bool facts_volatile(const PgQuery__Node *expression)
{
    bool is_volatile = false;
    walk(&(struct walk){.is_volatile = &is_volatile}, &expression->base);
    return is_volatile;
}

void facts_copy(struct reading *r, const PgQuery__Node *node)
{
    const PgQuery__CopyStmt *const copy = node->copy_stmt;
    if (copy->query != NULL)
        facts_query(r, copy->query);
    (void)facts_apply_range(r, form_of(copy->is_from ? FORM_COPY_FROM : FORM_COPY_TO),
                            copy->relation);
    facts_calls(r, copy->where_clause);
}
