/* Names of a tree as SQL text. */
#include "sql/tree_name.h"

#include <string.h>

#include "sql/identifier.h"
#include "sql/tree_walk.h"

void tree_append_name(struct str *out, const char *name)
{
    identifier_append(out, (struct span){name, strlen(name)});
}

void tree_append_range(struct str *out, const PgQuery__RangeVar *range)
{
    if (range == NULL)
        return;
    const char *const parts[] = {range->catalogname, range->schemaname, range->relname};
    for (size_t i = 0; i < COUNT_OF(parts); i++) {
        if (parts[i][0] == '\0')
            continue;
        tree_append_name(out, parts[i]);
        if (i + 1 < COUNT_OF(parts))
            str_putc(out, '.');
    }
}

void tree_append_list(struct str *out, PgQuery__Node *const *parts, size_t count)
{
    for (size_t i = 0, written = 0; i < count; i++) {
        if (parts[i]->node_case != PG_QUERY__NODE__NODE_STRING)
            continue;
        if (written++ > 0)
            str_putc(out, '.');
        tree_append_name(out, parts[i]->string->sval);
    }
}

bool tree_append_type(struct str *out, const PgQuery__TypeName *type)
{
    if (type == NULL || type->pct_type)
        return false;
    tree_append_list(out, type->names, type->n_names);
    for (size_t i = 0; i < type->n_array_bounds; i++)
        str_puts(out, "[]");
    return true;
}

/* By mode: what DROP PROCEDURE calls it. */
static const char *const modes[] = {
    [PG_QUERY__FUNCTION_PARAMETER_MODE__FUNC_PARAM_IN] = "IN ",
    [PG_QUERY__FUNCTION_PARAMETER_MODE__FUNC_PARAM_OUT] = "OUT ",
    [PG_QUERY__FUNCTION_PARAMETER_MODE__FUNC_PARAM_INOUT] = "INOUT ",
    [PG_QUERY__FUNCTION_PARAMETER_MODE__FUNC_PARAM_VARIADIC] = "VARIADIC ",
    [PG_QUERY__FUNCTION_PARAMETER_MODE__FUNC_PARAM_DEFAULT] = "",
};

static bool is_output(const PgQuery__FunctionParameter *parameter)
{
    return parameter->mode == PG_QUERY__FUNCTION_PARAMETER_MODE__FUNC_PARAM_OUT ||
           parameter->mode == PG_QUERY__FUNCTION_PARAMETER_MODE__FUNC_PARAM_TABLE;
}

bool tree_append_arguments(struct str *out, const PgQuery__CreateFunctionStmt *function)
{
    bool known = true;
    str_putc(out, '(');
    for (size_t i = 0, written = 0; i < function->n_parameters; i++) {
        if (function->parameters[i]->node_case != PG_QUERY__NODE__NODE_FUNCTION_PARAMETER)
            return false;
        const PgQuery__FunctionParameter *const parameter =
            function->parameters[i]->function_parameter;
        if (is_output(parameter) && !function->is_procedure)
            continue;
        if (written++ > 0)
            str_puts(out, ", ");
        if (function->is_procedure && parameter->mode > 0 &&
            (size_t)parameter->mode < COUNT_OF(modes))
            str_puts(out, modes[parameter->mode] != NULL ? modes[parameter->mode] : "");
        known = tree_append_type(out, parameter->arg_type) && known;
    }
    str_putc(out, ')');
    return known;
}

bool tree_append_object_arguments(struct str *out, const PgQuery__ObjectWithArgs *object)
{
    bool known = true;
    if (object->args_unspecified)
        return true;
    str_putc(out, '(');
    for (size_t i = 0; i < object->n_objargs; i++) {
        if (i > 0)
            str_puts(out, ", ");
        known = object->objargs[i]->node_case == PG_QUERY__NODE__NODE_TYPE_NAME &&
                tree_append_type(out, object->objargs[i]->type_name) && known;
    }
    str_putc(out, ')');
    return known;
}

bool tree_append_object(struct str *out, const PgQuery__RangeVar *relation,
                        const PgQuery__Node *object)
{
    if (relation != NULL) {
        tree_append_range(out, relation);
        return true;
    }
    if (object == NULL)
        return false;
    switch (object->node_case) {
    case PG_QUERY__NODE__NODE_RANGE_VAR:
        tree_append_range(out, object->range_var);
        return true;
    case PG_QUERY__NODE__NODE_LIST:
        tree_append_list(out, object->list->items, object->list->n_items);
        return true;
    case PG_QUERY__NODE__NODE_STRING:
        tree_append_name(out, object->string->sval);
        return true;
    case PG_QUERY__NODE__NODE_TYPE_NAME:
        return tree_append_type(out, object->type_name);
    case PG_QUERY__NODE__NODE_OBJECT_WITH_ARGS:
        tree_append_list(out, object->object_with_args->objname,
                         object->object_with_args->n_objname);
        return tree_append_object_arguments(out, object->object_with_args);
    default:
        return false;
    }
}

/* ---- a look at the whole tree ---- */

/* False, which ends the look, where one is called. */
static bool calls_none(void *context, const ProtobufCMessage *message)
{
    return message->descriptor != &pg_query__func_call__descriptor &&
           tree_visit_children(message, calls_none, context);
}

bool tree_calls_function(const PgQuery__Node *node)
{
    return !calls_none(NULL, &node->base);
}
