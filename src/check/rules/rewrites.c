/* The rules about what writes a table anew, or its rows one by one, while it is locked. */
#include <string.h>

#include "check/lint.h"
#include "check/rules/tables.h"

/* ---- ALTER COLUMN TYPE ---- */

static const char *last_name(PgQuery__Node *const *names, size_t count)
{
    const PgQuery__Node *const last = count > 0 ? names[count - 1] : NULL;
    return last != NULL && last->node_case == PG_QUERY__NODE__NODE_STRING ? last->string->sval : "";
}

/* To these most changes are from their like, which are stored the same. */
static bool is_often_free(const PgQuery__TypeName *type)
{
    static const char *const names[] = {"text", "varchar", "numeric", "varbit", "inet", "interval"};
    const char *const name = type != NULL ? last_name(type->names, type->n_names) : "";
    for (size_t i = 0; i < COUNT_OF(names); i++)
        if (strcmp(name, names[i]) == 0)
            return type->n_array_bounds == 0;
    return false;
}

/* USING column, or column::type, is what happens without it. */
static bool is_plain(const PgQuery__Node *expression)
{
    if (expression == NULL)
        return true;
    if (expression->node_case == PG_QUERY__NODE__NODE_TYPE_CAST)
        return expression->type_cast->arg != NULL &&
               expression->type_cast->arg->node_case == PG_QUERY__NODE__NODE_COLUMN_REF;
    return expression->node_case == PG_QUERY__NODE__NODE_COLUMN_REF;
}

static bool may_be_free(const struct lint *lint, const struct act *act)
{
    (void)lint;
    const PgQuery__AlterTableCmd *const command =
        act->node != NULL && act->node->node_case == PG_QUERY__NODE__NODE_ALTER_TABLE_CMD
            ? act->node->alter_table_cmd
            : NULL;
    const PgQuery__ColumnDef *const column =
        command != NULL && command->def != NULL &&
                command->def->node_case == PG_QUERY__NODE__NODE_COLUMN_DEF
            ? command->def->column_def
            : NULL;
    return column != NULL && is_often_free(column->type_name) && is_plain(column->raw_default);
}

static bool is_surely_rewritten(const struct lint *lint, const struct act *act)
{
    return !may_be_free(lint, act);
}

/* ---- several passes over one table ---- */

/* One ALTER TABLE does all of these in one pass. */
static bool is_pass(const struct act *act)
{
    return act->form == form_of_alter(PG_QUERY__ALTER_TABLE_TYPE__AT_SetNotNull) ||
           act->form == form_of_alter(PG_QUERY__ALTER_TABLE_TYPE__AT_AlterColumnType) ||
           act->form == form_of(FORM_ADD_COLUMN_VOLATILE) ||
           act->form == form_of(FORM_ADD_COLUMN_SERIAL) ||
           act->form == form_of(FORM_ADD_COLUMN_GENERATED) || act->form == form_of(FORM_ADD_CHECK);
}

static bool was_passed(const struct lint *lint, const char *table)
{
    for (size_t i = 0; i < lint->done.count; i++) {
        const struct lint_done *const done = &lint->done.items[i];
        if (done->unit == lint->unit && done->existing && is_pass(&done->act) &&
            done->act.name != NULL && strcmp(done->act.name, table) == 0)
            return true;
    }
    return false;
}

static void look_for_passes(struct lint *lint, const struct rule *rule)
{
    for (size_t i = 0; i < lint->facts.acts.count; i++) {
        const struct act *const act = &lint->facts.acts.items[i];
        if (!is_pass(act) || act->name == NULL || !lint_is_existing(lint, act) ||
            !was_passed(lint, act->name))
            continue;
        lint_report_act(lint, rule, act, "%s is gone over once more", act->name);
        return;
    }
}

static const struct rule rules[] = {
    {.id = "alter-column-type",
     .grows = true,
     .severity = SEVERITY_ERROR,
     .engines = RULE_POSTGRES,
     .title = "a new type writes the table and its indexes anew",
     .why = "All reads and writes of the table wait until every row and every index is written "
            "anew, and the disk has to hold both. Code that is prepared for the old type may fail.",
     .fix = "Add a column of the new type, keep it in step by a trigger, fill it with a "
            "kind=backfill migration, and let a later release use it.",
     .example_bad = "alter table orders alter column id type bigint;",
     .example_good = "alter table orders add column id_new bigint;",
     .forms = FORMS("ALTER TABLE ALTER COLUMN TYPE"),
     .applies = is_surely_rewritten,
     .recipe = "change-type --table {table} --column {column} --type TYPE",
     .what = "reads and writes of {} wait until it is written anew"},
    {.id = "alter-column-type-unsure",
     .grows = true,
     .severity = SEVERITY_WARNING,
     .engines = RULE_POSTGRES,
     .title = "a new type may write the table anew",
     .why = "From varchar to text, to a longer varchar, or to a numeric with more digits and the "
            "same scale, it is done at once. From any other type, or to a shorter one, all reads "
            "and writes of the table wait until every row and every index is written anew. A CHECK "
            "that names the column is held against every row in any case.",
     .fix = "Where the old type is not a shorter one of the same kind, add a column of the new "
            "type, fill it with a kind=backfill migration, and let a later release use it. Else "
            "say so: -- pawl: allow=alter-column-type-unsure reason=\"...\".",
     .example_bad = "alter table users alter column name type text;",
     .example_good = "alter table users add column full_name text;",
     .forms = FORMS("ALTER TABLE ALTER COLUMN TYPE"),
     .applies = may_be_free,
     .recipe = "change-type --table {table} --column {column} --type TYPE",
     .what = "{} may be written anew, which depends on the old type"},
    {.id = "add-column-volatile-default",
     .grows = true,
     .severity = SEVERITY_ERROR,
     .engines = RULE_POSTGRES,
     .title = "a column with a default of its own for each row",
     .why = "A default that is not the same for all rows, such as gen_random_uuid() or "
            "clock_timestamp(), is computed for each row at once: all reads and writes of the "
            "table wait until it is written anew.",
     .fix = "Add the column without the default, then ALTER COLUMN ... SET DEFAULT, which is for "
            "new rows, and fill the old ones with a kind=backfill migration.",
     .example_bad = "alter table users add column token uuid default gen_random_uuid();",
     .example_good = "alter table users add column token uuid;\n"
                     "alter table users alter column token set default gen_random_uuid();",
     .forms = FORMS("ALTER TABLE ADD COLUMN with volatile default"),
     .what = "reads and writes of {} wait until it is written anew"},
    {.id = "add-column-serial",
     .grows = true,
     .severity = SEVERITY_ERROR,
     .engines = RULE_POSTGRES,
     .title = "a column that counts is added to a table with rows",
     .why = "Each row gets its number at once: all reads and writes of the table wait until it is "
            "written anew.",
     .fix = "Add a plain bigint column and a sequence, SET DEFAULT nextval(...) for new rows, and "
            "number the old ones with a kind=backfill migration.",
     .example_bad = "alter table users add column number bigserial;",
     .example_good = "create sequence users_number;\n"
                     "alter table users add column number bigint;\n"
                     "alter table users alter column number set default nextval('users_number');",
     .forms = FORMS("ALTER TABLE ADD COLUMN with serial or identity"),
     .what = "reads and writes of {} wait until it is written anew"},
    {.id = "add-column-generated",
     .grows = true,
     .severity = SEVERITY_ERROR,
     .engines = RULE_POSTGRES,
     .title = "a column that is computed is added to a table with rows",
     .why =
         "Its value is stored for each row at once: all reads and writes of the table wait until "
         "it is written anew.",
     .fix = "Add a plain column, let a trigger compute it for what is written, and fill the old "
            "rows with a kind=backfill migration; or index the expression itself.",
     .example_bad = "alter table users add column lowered text generated always as (lower(name)) "
                    "stored;",
     .example_good = "alter table users add column lowered text;",
     .forms = FORMS("ALTER TABLE ADD COLUMN GENERATED STORED"),
     .what = "reads and writes of {} wait until it is written anew"},
    {.id = "storage-rewrite",
     .grows = true,
     .severity = SEVERITY_ERROR,
     .engines = RULE_POSTGRES,
     .title = "a table is moved or stored in another way",
     .why = "All reads and writes of the table wait until it is copied as a whole.",
     .fix = "Do it in a maintenance window; or make a new table, keep it in step by a trigger, "
            "fill it in batches and rename both.",
     .example_bad = "alter table users set unlogged;",
     .example_good = "alter table users set (fillfactor = 90);",
     .forms = FORMS("ALTER TABLE SET LOGGED", "ALTER TABLE SET UNLOGGED",
                    "ALTER TABLE SET ACCESS METHOD", "ALTER TABLE SET TABLESPACE"),
     .what = "reads and writes of {} wait until it is copied"},
    {.id = "vacuum-full",
     .grows = true,
     .severity = SEVERITY_ERROR,
     .engines = RULE_POSTGRES,
     .title = "a table is packed while it is locked",
     .why = "VACUUM FULL and CLUSTER write the table and its indexes anew; all reads and writes of "
            "it wait until they end.",
     .fix = "Use pg_repack, which locks it for a moment only, or a plain VACUUM.",
     .example_bad = "vacuum full users;",
     .example_good = "vacuum users;",
     .forms = FORMS("VACUUM FULL", "CLUSTER"),
     .what = "reads and writes of {} wait until it is written anew"},
    {.id = "several-passes",
     .grows = true,
     .severity = SEVERITY_NOTE,
     .engines = RULE_POSTGRES,
     .title = "one table is gone over several times",
     .why = "Each of these reads or writes every row, one after another, while the table stays "
            "locked. In one ALTER TABLE they share a single pass.",
     .fix = "Write one ALTER TABLE with all of the changes, separated by commas.",
     .example_bad = "alter table users alter column a type bigint;\n"
                    "alter table users alter column b type bigint;",
     .example_good = "alter table users alter column a type bigint, alter column b type bigint;",
     .look = look_for_passes},
};

const struct rule_table rules_of_rewrites = {rules, COUNT_OF(rules)};
