/* Constraints by the commands of ALTER TABLE, in the order of the statements. */
#include "check/constraints.h"

#include <string.h>

#include "check/lint.h"

#define AT(name)     PG_QUERY__ALTER_TABLE_TYPE__AT_##name
#define CONSTR(name) PG_QUERY__CONSTR_TYPE__CONSTR_##name

/* ---- one that is added ---- */

static const char *keep(struct lint *lint, const char *text)
{
    const char *const kept = arena_strdup(lint->walk.arena, text);
    lint->findings->failed = lint->findings->failed || kept == NULL;
    return kept;
}

static void prove(struct lint *lint, struct constraint *constraint, const PgQuery__Node *column)
{
    if (column == NULL || column->node_case != PG_QUERY__NODE__NODE_COLUMN_REF ||
        column->column_ref->n_fields != 1 ||
        column->column_ref->fields[0]->node_case != PG_QUERY__NODE__NODE_STRING)
        return;
    const char **const item = arena_push(lint->walk.arena, &constraint->not_null);
    lint->findings->failed = lint->findings->failed || item == NULL;
    if (item != NULL)
        *item = keep(lint, column->column_ref->fields[0]->string->sval);
}

/* "a IS NOT NULL AND b IS NOT NULL AND ..." */
static void read_check(struct lint *lint, struct constraint *constraint,
                       const PgQuery__Node *expression)
{
    if (expression == NULL)
        return;
    if (expression->node_case == PG_QUERY__NODE__NODE_NULL_TEST &&
        expression->null_test->nulltesttype == PG_QUERY__NULL_TEST_TYPE__IS_NOT_NULL)
        prove(lint, constraint, expression->null_test->arg);
    if (expression->node_case != PG_QUERY__NODE__NODE_BOOL_EXPR ||
        expression->bool_expr->boolop != PG_QUERY__BOOL_EXPR_TYPE__AND_EXPR)
        return;
    for (size_t i = 0; i < expression->bool_expr->n_args; i++)
        read_check(lint, constraint, expression->bool_expr->args[i]);
}

static void add(struct lint *lint, const struct act *act, const PgQuery__Constraint *definition)
{
    if (definition->contype != CONSTR(CHECK) && definition->contype != CONSTR(FOREIGN))
        return;
    struct constraint *const constraint = arena_push(lint->walk.arena, &lint->constraints);
    lint->findings->failed = lint->findings->failed || constraint == NULL;
    if (constraint == NULL)
        return;
    *constraint = (struct constraint){
        .table = keep(lint, act->name),
        .name = definition->conname[0] != '\0' ? keep(lint, definition->conname) : NULL,
        .is_check = definition->contype == CONSTR(CHECK),
        .is_valid = !definition->skip_validation,
        .unit = lint->unit,
        .place = lint_place(lint, act->at),
    };
    if (constraint->is_check)
        read_check(lint, constraint, definition->raw_expr);
}

/* ---- what becomes of them ---- */

struct constraint *constraints_find_open(const struct lint *lint, const char *table,
                                         const char *name)
{
    struct constraint *unnamed = NULL;
    for (size_t i = 0; i < lint->constraints.count; i++) {
        struct constraint *const constraint = &lint->constraints.items[i];
        if (constraint->is_valid || constraint->is_gone ||
            !lint_same_name(constraint->table, table))
            continue;
        if (lint_same_name(constraint->name, name))
            return constraint;
        if (constraint->name == NULL && unnamed == NULL)
            unnamed = constraint; /* the server's name for it is not computed here */
    }
    return unnamed;
}

static void drop(struct lint *lint, const char *table, const char *name)
{
    for (size_t i = 0; i < lint->constraints.count; i++) {
        struct constraint *const constraint = &lint->constraints.items[i];
        if (lint_same_name(constraint->table, table) &&
            (name == NULL || lint_same_name(constraint->name, name)))
            constraint->is_gone = true;
    }
}

static void note_command(struct lint *lint, const struct act *act,
                         const PgQuery__AlterTableCmd *command)
{
    struct constraint *open;
    switch (command->subtype) {
    case AT(AddConstraint):
        if (command->def != NULL && command->def->node_case == PG_QUERY__NODE__NODE_CONSTRAINT)
            add(lint, act, command->def->constraint);
        return;
    case AT(ValidateConstraint):
        open = constraints_find_open(lint, act->name, command->name);
        if (open != NULL)
            open->is_valid = true;
        return;
    case AT(DropConstraint):
        drop(lint, act->name, command->name);
        return;
    default:
        return;
    }
}

void constraints_note(struct lint *lint)
{
    const PgQuery__Node *last = NULL; /* a command may have acts on other tables behind its own */
    for (size_t i = 0; i < lint->facts.acts.count; i++) {
        const struct act *const act = &lint->facts.acts.items[i];
        const PgQuery__Node *const node = act->node;
        if (act->form == form_of(FORM_DROP_TABLE) && act->name != NULL)
            drop(lint, act->name, NULL);
        if (node == NULL || node == last || act->name == NULL ||
            node->node_case != PG_QUERY__NODE__NODE_ALTER_TABLE_CMD)
            continue;
        last = node;
        note_command(lint, act, node->alter_table_cmd);
    }
}

/* ---- what they prove ---- */

bool constraints_prove(const struct lint *lint, const char *table, const char *column)
{
    for (size_t i = 0; i < lint->constraints.count; i++) {
        const struct constraint *const constraint = &lint->constraints.items[i];
        if (!constraint->is_valid || constraint->is_gone ||
            !lint_same_name(constraint->table, table))
            continue;
        for (size_t k = 0; k < constraint->not_null.count; k++)
            if (lint_same_name(constraint->not_null.items[k], column))
                return true;
    }
    return false;
}

bool constraints_has_check(const struct lint *lint, const char *table)
{
    for (size_t i = 0; i < lint->constraints.count; i++) {
        const struct constraint *const constraint = &lint->constraints.items[i];
        if (constraint->is_check && constraint->is_valid && !constraint->is_gone &&
            lint_same_name(constraint->table, table))
            return true;
    }
    return false;
}
