/* Which relations, columns and functions a statement names, and what it does with them. */
#include <pg_query/pg_query.pb-c.h>
#include <string.h>

#include "base/str.h"
#include "check/compat_parts.h"
#include "sql/parameters.h"
#include "sql/parser.h"
#include "sql/tree_name.h"
#include "sql/tree_walk.h"

#define NODE(name) PG_QUERY__NODE__NODE_##name

struct reading_use {
    struct arena *arena;
    struct compat_use *use;
    const PgQuery__ColumnRef *listed, *unwanted;
    bool failed;
};

bool compat_names_have(const struct compat_names *names, const char *name)
{
    for (size_t i = 0; i < names->count; i++)
        if (strcmp(names->items[i], name) == 0)
            return true;
    return false;
}

static void add_name(struct reading_use *reading, struct compat_names *names, const char *name)
{
    const char **const slot = arena_push(reading->arena, names);
    const char *const copy = arena_strdup(reading->arena, name);
    if (slot != NULL)
        *slot = copy;
    reading->failed |= slot == NULL || copy == NULL;
}

/* NULL when memory is out. What a list of changes has named already is met again by the walk. */
static struct compat_target *add_target(struct reading_use *reading, const PgQuery__RangeVar *range,
                                        unsigned ops)
{
    CLEANUP(str_release) struct str name = {0};
    struct compat_use *const use = reading->use;
    for (size_t i = 0; i < use->targets.count; i++)
        if (use->targets.items[i].range == range)
            return &use->targets.items[i];
    struct compat_target *const target = arena_push(reading->arena, &use->targets);
    tree_append_range(&name, range);
    if (target != NULL)
        *target = (struct compat_target){
            .range = range, .name = arena_strdup(reading->arena, str_text(&name)), .ops = ops};
    if (target == NULL || target->name == NULL || name.failed) {
        reading->failed = true;
        return NULL;
    }
    add_name(reading, &use->labels, range->relname);
    if (range->alias != NULL)
        add_name(reading, &use->labels, range->alias->aliasname);
    return target;
}

static void add_columns(struct reading_use *reading, PgQuery__Node *const *list, size_t count,
                        struct compat_names *names)
{
    for (size_t i = 0; i < count; i++) {
        const PgQuery__Node *const node = list[i];
        if (node->node_case != NODE(RES_TARGET))
            continue;
        if (node->res_target->name[0] != '\0')
            add_name(reading, names, node->res_target->name);
        /* (a, b) = (SELECT ...) is one target a column, each with its name. */
    }
}

/* Of a row of VALUES. */
static size_t count_values(const PgQuery__Node *node)
{
    if (node == NULL || node->node_case != NODE(SELECT_STMT) ||
        node->select_stmt->n_values_lists == 0)
        return 0;
    const PgQuery__Node *const row = node->select_stmt->values_lists[0];
    return row->node_case == NODE(LIST) ? row->list->n_items : 0;
}

static void read_insert(struct reading_use *reading, const PgQuery__InsertStmt *insert)
{
    unsigned ops = USE_INSERTS;
    const PgQuery__OnConflictClause *const conflict = insert->on_conflict_clause;
    if (conflict != NULL && conflict->n_target_list > 0)
        ops |= USE_UPDATES | USE_READS;
    if (insert->n_returning_list > 0)
        ops |= USE_READS;
    struct compat_target *const target = add_target(reading, insert->relation, ops);
    if (target == NULL)
        return;
    target->conflicts = conflict != NULL;
    target->value_count = count_values(insert->select_stmt);
    target->lists_columns = insert->n_cols > 0 || insert->select_stmt == NULL;
    add_columns(reading, insert->cols, insert->n_cols, &target->given);
    if (conflict != NULL)
        add_columns(reading, conflict->target_list, conflict->n_target_list, &target->set);
    reading->use->defaults |= insert->select_stmt == NULL;
}

static void read_update(struct reading_use *reading, const PgQuery__UpdateStmt *update)
{
    struct compat_target *const target =
        add_target(reading, update->relation, USE_UPDATES | USE_READS);
    if (target != NULL)
        add_columns(reading, update->target_list, update->n_target_list, &target->set);
}

static void read_merge(struct reading_use *reading, const PgQuery__MergeStmt *merge)
{
    struct compat_target *const target = add_target(reading, merge->relation, USE_ALL);
    if (target != NULL)
        target->any_columns = true;
}

/* nextval('name') and its kin name a sequence. */
static void read_sequence(struct reading_use *reading, const PgQuery__FuncCall *call)
{
    PgQuery__RangeVar *range;
    if (call->n_args == 0)
        return;
    const PgQuery__Node *argument = call->args[0];
    if (argument->node_case == NODE(TYPE_CAST))
        argument = argument->type_cast->arg;
    if (argument->node_case != NODE(A_CONST) ||
        argument->a_const->val_case != PG_QUERY__A__CONST__VAL_SVAL)
        return;
    range = arena_alloc(reading->arena, sizeof *range);
    struct compat_target *const target = arena_push(reading->arena, &reading->use->targets);
    if (target == NULL || range == NULL) {
        reading->failed = true;
        return;
    }
    *target =
        (struct compat_target){.range = range,
                               .name = arena_strdup(reading->arena, argument->a_const->sval->sval),
                               .ops = USE_ALL,
                               .any_columns = true};
    reading->failed |= target->name == NULL;
}

static void read_call(struct reading_use *reading, const PgQuery__FuncCall *call)
{
    static const char *const of_sequences[] = {"nextval", "currval", "setval"};
    const PgQuery__Node *const last =
        call->n_funcname > 0 ? call->funcname[call->n_funcname - 1] : NULL;
    if (last == NULL || last->node_case != NODE(STRING))
        return;
    add_name(reading, &reading->use->functions, last->string->sval);
    for (size_t i = 0; i < COUNT_OF(of_sequences); i++)
        if (strcmp(last->string->sval, of_sequences[i]) == 0)
            read_sequence(reading, call);
}

/* EXISTS (SELECT * ...) wants no column. */
static void read_exists(struct reading_use *reading, const PgQuery__SubLink *link)
{
    if (link->sub_link_type != PG_QUERY__SUB_LINK_TYPE__EXISTS_SUBLINK || link->subselect == NULL ||
        link->subselect->node_case != NODE(SELECT_STMT))
        return;
    const PgQuery__SelectStmt *const select = link->subselect->select_stmt;
    if (select->n_target_list == 1 && select->target_list[0]->node_case == NODE(RES_TARGET) &&
        select->target_list[0]->res_target->val != NULL &&
        select->target_list[0]->res_target->val->node_case == NODE(COLUMN_REF))
        reading->unwanted = select->target_list[0]->res_target->val->column_ref;
}

static bool is_star(const PgQuery__Node *field)
{
    return field != NULL && field->node_case == NODE(A_STAR);
}

static void read_column(struct reading_use *reading, const PgQuery__ColumnRef *column)
{
    const PgQuery__Node *const last =
        column->n_fields > 0 ? column->fields[column->n_fields - 1] : NULL;
    if (last != NULL && last->node_case == NODE(STRING))
        add_name(reading, &reading->use->rows, last->string->sval);
    if (is_star(last) && column == reading->unwanted)
        return;
    reading->use->row_star |= is_star(last) && column != reading->listed;
    for (size_t i = 0; i < column->n_fields; i++)
        if (column->fields[i]->node_case == NODE(STRING))
            add_name(reading, &reading->use->columns, column->fields[i]->string->sval);
        else if (is_star(column->fields[i]))
            reading->use->star = true;
}

/* A * in a list of columns is no value. */
static void read_listed(struct reading_use *reading, const PgQuery__ResTarget *target)
{
    if (target->val != NULL && target->val->node_case == NODE(COLUMN_REF))
        reading->listed = target->val->column_ref;
}

static void read_part(struct reading_use *reading, const PgQuery__Alias *alias)
{
    if (alias != NULL)
        add_name(reading, &reading->use->parts, alias->aliasname);
}

static bool visit(void *context, const ProtobufCMessage *message)
{
    struct reading_use *const reading = context;
    const ProtobufCMessageDescriptor *const kind = message->descriptor;
    if (kind == &pg_query__insert_stmt__descriptor)
        read_insert(reading, (const PgQuery__InsertStmt *)message);
    else if (kind == &pg_query__update_stmt__descriptor)
        read_update(reading, (const PgQuery__UpdateStmt *)message);
    else if (kind == &pg_query__delete_stmt__descriptor)
        (void)add_target(reading, ((const PgQuery__DeleteStmt *)message)->relation,
                         USE_DELETES | USE_READS);
    else if (kind == &pg_query__merge_stmt__descriptor)
        read_merge(reading, (const PgQuery__MergeStmt *)message);
    else if (kind == &pg_query__range_var__descriptor)
        (void)add_target(reading, (const PgQuery__RangeVar *)message, USE_READS);
    else if (kind == &pg_query__func_call__descriptor)
        read_call(reading, (const PgQuery__FuncCall *)message);
    else if (kind == &pg_query__column_ref__descriptor)
        read_column(reading, (const PgQuery__ColumnRef *)message);
    else if (kind == &pg_query__res_target__descriptor)
        read_listed(reading, (const PgQuery__ResTarget *)message);
    else if (kind == &pg_query__sub_link__descriptor)
        read_exists(reading, (const PgQuery__SubLink *)message);
    else if (kind == &pg_query__range_subselect__descriptor)
        read_part(reading, ((const PgQuery__RangeSubselect *)message)->alias);
    else if (kind == &pg_query__range_function__descriptor)
        read_part(reading, ((const PgQuery__RangeFunction *)message)->alias);
    else if (kind == &pg_query__common_table_expr__descriptor)
        add_name(reading, &reading->use->parts,
                 ((const PgQuery__CommonTableExpr *)message)->ctename);
    else if (kind == &pg_query__join_expr__descriptor)
        reading->use->natural |= ((const PgQuery__JoinExpr *)message)->is_natural;
    else if (kind == &pg_query__set_to_default__descriptor)
        reading->use->defaults = true;
    return !reading->failed && tree_visit_children(message, visit, context);
}

/* SELECT INTO makes a table. */
static bool is_query(const PgQuery__Node *node)
{
    switch (node->node_case) {
    case NODE(SELECT_STMT):
        return node->select_stmt->into_clause == NULL;
    case NODE(INSERT_STMT):
    case NODE(UPDATE_STMT):
    case NODE(DELETE_STMT):
    case NODE(MERGE_STMT):
        return true;
    default:
        return false;
    }
}

static void release_tree(struct tree *tree)
{
    tree_release(tree);
}

bool compat_use_read(struct arena *arena, const char *sql, struct compat_use *ret, struct err *err)
{
    CLEANUP(release_tree) struct tree tree = {0};
    struct reading_use reading = {.arena = arena, .use = ret};
    *ret = (struct compat_use){0};
    if (!parser_read((struct span){sql, strlen(sql)}, &tree, err))
        return false;
    ret->is_read = tree.statement != NULL;
    ret->is_query = ret->is_read ? is_query(tree.statement)
                                 : sql_starts_as_query((struct span){sql, strlen(sql)});
    if (ret->is_read && ret->is_query)
        (void)visit(&reading, &tree.statement->base);
    return !reading.failed || err_nomem(err);
}
