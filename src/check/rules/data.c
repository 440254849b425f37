/* The rules about rows that are written, and about what nobody can read beforehand. */
#include <pg_query/pg_query.pb-c.h>
#include <string.h>

#include "check/lint.h"
#include "check/rules/tables.h"

#define NODE(name) PG_QUERY__NODE__NODE_##name

/* ---- one column twice ---- */

static const char *target_name(const PgQuery__Node *node)
{
    return node->node_case == NODE(RES_TARGET) && node->res_target->n_indirection == 0
               ? node->res_target->name
               : NULL;
}

static const char *element_name(const PgQuery__Node *node)
{
    return node->node_case == NODE(COLUMN_DEF) ? node->column_def->colname : NULL;
}

static int node_at(const PgQuery__Node *node)
{
    return node->node_case == NODE(RES_TARGET) ? node->res_target->location
                                               : node->column_def->location;
}

static void look_twice(struct lint *lint, const struct rule *rule, PgQuery__Node *const *nodes,
                       size_t count, const char *name_of(const PgQuery__Node *node))
{
    for (size_t i = 1; i < count; i++) {
        const char *const name = name_of(nodes[i]);
        bool again = false;
        for (size_t j = 0; name != NULL && !again && j < i; j++) {
            const char *const other = name_of(nodes[j]);
            again = other != NULL && strcmp(name, other) == 0;
        }
        if (again)
            lint_report_name(lint, rule, node_at(nodes[i]), name);
    }
}

static void look_at_duplicate(struct lint *lint, const struct rule *rule)
{
    const PgQuery__Node *const tree = lint->tree;
    if (tree == NULL)
        return;
    if (tree->node_case == NODE(CREATE_STMT))
        look_twice(lint, rule, tree->create_stmt->table_elts, tree->create_stmt->n_table_elts,
                   element_name);
    else if (tree->node_case == NODE(INSERT_STMT))
        look_twice(lint, rule, tree->insert_stmt->cols, tree->insert_stmt->n_cols, target_name);
    else if (tree->node_case == NODE(UPDATE_STMT))
        look_twice(lint, rule, tree->update_stmt->target_list, tree->update_stmt->n_target_list,
                   target_name);
}

/* ---- columns by their place ---- */

static bool is_star(const PgQuery__Node *target)
{
    if (target->node_case != NODE(RES_TARGET) || target->res_target->val == NULL ||
        target->res_target->val->node_case != NODE(COLUMN_REF))
        return false;
    const PgQuery__ColumnRef *const column = target->res_target->val->column_ref;
    return column->n_fields > 0 && column->fields[column->n_fields - 1]->node_case == NODE(A_STAR);
}

static void look_at_places(struct lint *lint, const struct rule *rule)
{
    if (lint->tree == NULL || lint->tree->node_case != NODE(INSERT_STMT))
        return;
    const PgQuery__InsertStmt *const insert = lint->tree->insert_stmt;
    const PgQuery__Node *const from = insert->select_stmt;
    if (insert->n_cols > 0 || from == NULL || from->node_case != NODE(SELECT_STMT))
        return;
    for (size_t i = 0; i < from->select_stmt->n_target_list; i++)
        if (is_star(from->select_stmt->target_list[i]))
            lint_report(lint, rule, from->select_stmt->target_list[i]->res_target->location,
                        "columns are matched by their place, not by their name");
}

/* ---- two columns kept alike ---- */

static void look_for_left_triggers(struct lint *lint, const struct rule *rule)
{
    for (size_t i = 0; i < lint->syncs.triggers.count; i++) {
        const struct sync_trigger *const trigger = &lint->syncs.triggers.items[i];
        const struct sync_function *const function = sync_of(&lint->syncs, trigger);
        const size_t age = lint->index - trigger->migration;
        if (function == NULL)
            continue;
        if (age == 0)
            lint_report_place(lint, rule, &trigger->place,
                              "nothing here drops it: %s keeps %s "
                              "and %s of %s alike",
                              trigger->name, function->column, function->other, trigger->table);
        else
            lint_report_place(lint, rule, &trigger->place,
                              "nothing drops it in %zu migration%s since: %s keeps %s and %s of %s "
                              "alike",
                              age, age == 1 ? "" : "s", trigger->name, function->column,
                              function->other, trigger->table);
    }
}

/* ---- what cannot be read ---- */

/* Of these all but the functions that they call, or what CASCADE takes, is known. */
static bool is_mostly_known(const PgQuery__Node *tree)
{
    switch (tree->node_case) {
    case NODE(INSERT_STMT):
    case NODE(UPDATE_STMT):
    case NODE(DELETE_STMT):
    case NODE(MERGE_STMT):
    case NODE(CREATE_TABLE_AS_STMT):
    case NODE(ALTER_TABLE_STMT):
    case NODE(DROP_STMT):
        return true;
    default:
        return false;
    }
}

static void look_at_unknown(struct lint *lint, const struct rule *rule)
{
    const bool matters = lint->tree == NULL || !is_mostly_known(lint->tree);
    if (lint->facts.unknown != NULL && matters && lint->info.class != STATEMENT_REFUSED)
        lint_report(lint, rule, 0, "not analysed: %s", lint->facts.unknown);
}

static const struct rule rules[] = {
    {.id = "duplicate-column",
     .severity = SEVERITY_ERROR,
     .engines = RULE_POSTGRES,
     .title = "a statement names a column twice",
     .why = "The server refuses it, so the deploy fails at this statement.",
     .fix = "Remove one of the two.",
     .example_bad = "update users set name = 'a', name = 'b' where id = 1;",
     .example_good = "update users set name = 'a', nickname = 'b' where id = 1;",
     .what = "\"{}\" is named twice",
     .each = look_at_duplicate},
    {.id = "columns-by-place",
     .severity = SEVERITY_WARNING,
     .engines = RULE_POSTGRES,
     .title = "rows are copied by the place of their columns",
     .why = "The order of columns is that in which they were added, and differs between databases: "
            "values then end up in the wrong columns wherever their types fit.",
     .fix = "Name the columns, in both places.",
     .example_bad = "insert into new_users select * from users;",
     .example_good = "insert into new_users (id, name) select id, name from users;",
     .each = look_at_places},
    {.id = "sync-trigger-left",
     .severity = SEVERITY_NOTE,
     .engines = RULE_POSTGRES,
     .title = "a trigger that keeps two columns alike is never dropped",
     .why = "It lets code of two releases use an old and a new column while one takes the other's "
            "place. When no older code runs it has done its work: from then on it costs time at "
            "each write, and two columns hold the same.",
     .fix = "When no older release runs, drop the trigger, its function and the old column, in a "
            "migration with phase=contract.",
     .example_bad = "create function same_name() returns trigger language plpgsql as $$\n"
                    "begin\n"
                    "    if new.full_name is null then new.full_name := new.name;\n"
                    "    else new.name := new.full_name;\n"
                    "    end if;\n"
                    "    return new;\n"
                    "end $$;\n"
                    "create trigger same_name before insert or update on users\n"
                    "    for each row execute function same_name();",
     .example_good = "-- pawl: phase=contract\n"
                     "drop trigger same_name on users;\n"
                     "drop function same_name();\n"
                     "alter table users drop column name;",
     .finish = look_for_left_triggers},
    {.id = "not-analysed",
     .severity = SEVERITY_NOTE,
     .engines = RULE_POSTGRES,
     .title = "what a statement does is not known beforehand",
     .why =
         "It runs code (DO, CALL, a function that is not known), or is written in a syntax that "
         "the parser does not read. It may do nothing, or lock everything. The rules speak of the "
         "statements in the body of a DO in PL/pgSQL and of functions in PL/pgSQL or SQL that the "
         "same deploy makes and calls by name, also of those that EXECUTE has as a constant, and "
         "of nothing else that code does.",
     .fix = "Write the statements themselves where that is possible; else look at them with "
            "care.",
     .example_bad = "do $$ begin execute 'drop table users_' || current_user; end $$;",
     .example_good = "create table users (id bigint primary key);",
     .look = look_at_unknown},
};

const struct rule_table rules_of_data = {rules, COUNT_OF(rules)};
