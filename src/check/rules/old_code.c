/* The rules about what code of the release before relies on: the forms of sql/facts_old_code.c that
 * break it, and contract steps. */
#include <string.h>

#include "check/contract.h"
#include "check/lint.h"
#include "check/rules/tables.h"

/* ---- by form ---- */

static bool ends_with(const char *text, const char *end)
{
    const size_t len = strlen(text), end_len = strlen(end);
    return len >= end_len && strcmp(text + len - end_len, end) == 0;
}

/* "customer_id" in "orders_customer_id_fkey". */
static bool has_part(const char *name, const char *part)
{
    const size_t len = strlen(part);
    for (const char *at = name; len > 0 && (at = strstr(at, part)) != NULL; at++)
        if ((at == name || at[-1] == '_') && (at[len] == '\0' || at[len] == '_'))
            return true;
    return false;
}

/* Its table goes in the same migration, or a column that it is named after: that is told. */
static bool goes_along(const struct lint *lint, const struct act *constraint)
{
    const struct form *const column = form_of_alter(PG_QUERY__ALTER_TABLE_TYPE__AT_DropColumn);
    for (size_t i = 0; constraint->name != NULL && i < lint->done.count; i++) {
        const struct act *const act = &lint->done.items[i].act;
        if (act->name == NULL || strcmp(act->name, constraint->name) != 0)
            continue;
        if (act->form == form_of(FORM_DROP_TABLE) || act->form == form_of(FORM_DROP_TABLE_CASCADE))
            return true;
        if (act->form == column && act->part != NULL && constraint->part != NULL &&
            has_part(constraint->part, act->part))
            return true;
    }
    return false;
}

/* By the name that PostgreSQL gives. */
static bool is_named_primary_key(const struct act *act)
{
    return act->part != NULL && ends_with(act->part, "_pkey");
}

static bool is_primary_key(const struct lint *lint, const struct act *act)
{
    return is_named_primary_key(act) && !goes_along(lint, act);
}

static bool sets_not_null(const struct lint *lint, const char *table)
{
    for (size_t i = 0; table != NULL && i < lint->done.count; i++) {
        const struct act *const act = &lint->done.items[i].act;
        if (act->form == form_of_alter(PG_QUERY__ALTER_TABLE_TYPE__AT_SetNotNull) &&
            act->name != NULL && strcmp(act->name, table) == 0)
            return true;
    }
    return false;
}

/* A CHECK that stands beside SET NOT NULL has served as its proof. */
static bool is_other_constraint(const struct lint *lint, const struct act *act)
{
    return !is_named_primary_key(act) && !sets_not_null(lint, act->name) && !goes_along(lint, act);
}

/* Beside the name of the table, which is told, it is one more line of the same. */
static bool is_renamed_alone(const struct lint *lint, const struct act *constraint)
{
    for (size_t i = 0; constraint->name != NULL && i < lint->done.count; i++) {
        const struct act *const act = &lint->done.items[i].act;
        if (act->form == form_of(FORM_RENAME_RELATION) && act->new_name != NULL &&
            strcmp(act->new_name, constraint->name) == 0)
            return false;
    }
    return true;
}

/* The same act on whatever of the migration. */
static bool does(const struct lint *lint, const struct form *form)
{
    for (size_t i = 0; i < lint->done.count; i++)
        if (lint->done.items[i].act.form == form && lint->done.items[i].existing)
            return true;
    return false;
}

/* A type goes only when no column has it any more: those that go with it are told themselves. A
 * function without arguments that takes a trigger along, or goes beside one, was the trigger's: no
 * code calls it. */
static bool is_called(const struct lint *lint, const struct act *act)
{
    if (act->form == form_of(FORM_DROP_TYPE) && !act->cascade)
        return !does(lint, form_of_alter(PG_QUERY__ALTER_TABLE_TYPE__AT_DropColumn)) &&
               !does(lint, form_of(FORM_DROP_TABLE));
    const bool has_arguments =
        act->name != NULL && strchr(act->name, '(') != NULL && !ends_with(act->name, "()");
    return act->form != form_of(FORM_DROP_FUNCTION) || has_arguments ||
           !(act->cascade || does(lint, form_of(FORM_DROP_TRIGGER)));
}

/* ---- columns that older code does not know ---- */

struct new_column {
    bool required, filled;
    const struct lint_done *last; /* what made it so */
};

static void follow(struct new_column *column, const struct lint_done *done)
{
    const struct form *const form = done->act.form;
    const bool takes_default = form == form_of(FORM_DROP_DEFAULT);
    const bool requires = form == form_of_alter(PG_QUERY__ALTER_TABLE_TYPE__AT_SetNotNull);
    if (takes_default || requires)
        column->last = done;
    if (requires || form == form_of(FORM_ADD_COLUMN_NOT_NULL_DEFAULT))
        column->required = true;
    if (form == form_of(FORM_ADD_COLUMN_DEFAULT) ||
        form == form_of(FORM_ADD_COLUMN_NOT_NULL_DEFAULT) ||
        form == form_of_alter(PG_QUERY__ALTER_TABLE_TYPE__AT_ColumnDefault) ||
        form == form_of_alter(PG_QUERY__ALTER_TABLE_TYPE__AT_AddIdentity))
        column->filled = true;
    if (takes_default)
        column->filled = false;
    if (form == form_of_alter(PG_QUERY__ALTER_TABLE_TYPE__AT_DropNotNull))
        column->required = false;
}

/* A trigger of the migration may fill it. */
static struct new_column follow_column(const struct lint *lint, const struct act *added)
{
    struct new_column column = {0};
    for (size_t i = 0; i < lint->done.count; i++) {
        const struct act *const act = &lint->done.items[i].act;
        if (act->name == NULL || act->part == NULL || strcmp(act->name, added->name) != 0)
            continue;
        if (act->form == form_of(FORM_CREATE_TRIGGER))
            return (struct new_column){0};
        if (strcmp(act->part, added->part) == 0)
            follow(&column, &lint->done.items[i]);
    }
    return column;
}

static void look_for_required_columns(struct lint *lint, const struct rule *rule)
{
    for (size_t i = 0; i < lint->done.count; i++) {
        const struct act *const added = &lint->done.items[i].act;
        if (added->form != form_of_alter(PG_QUERY__ALTER_TABLE_TYPE__AT_AddColumn) ||
            added->name == NULL || added->part == NULL || !lint_can_break(lint, added))
            continue;
        const struct new_column column = follow_column(lint, added);
        if (!column.required || column.filled || column.last == NULL)
            continue;
        lint_turn_to(lint, column.last);
        lint_report(lint, rule, column.last->act.at,
                    "code that does not know the column %s of %s cannot insert any more",
                    added->part, added->name);
    }
}

/* ---- contract steps ---- */

static void look_for_needless_contract(struct lint *lint, const struct rule *rule)
{
    bool breaks = lint->unread || lint->done.count == 0 || lint->migration->phase != PHASE_CONTRACT;
    for (size_t i = 0; !breaks && i < lint->done.count; i++) {
        const struct act *const act = &lint->done.items[i].act;
        breaks = (form_old_code(act->form) & ~(unsigned)OLD_RESULTS) != 0;
    }
    if (breaks)
        return;
    lint_turn_to(lint, &lint->done.items[0]);
    lint_report(lint, rule, 0, "nothing in it breaks code of an older release");
}

static bool takes_from_old_code(const struct lint *lint)
{
    for (size_t i = 0; i < lint->done.count; i++) {
        const struct act *const act = &lint->done.items[i].act;
        if (contract_side(act->form) == SIDE_TAKES && !act->is_made && !act->is_part_made &&
            (form_old_code(act->form) & (OLD_READERS | OLD_WRITERS)) != 0)
            return true;
    }
    return false;
}

static bool is_cancelled(const struct lint *lint, size_t index)
{
    const struct act *const act = &lint->done.items[index].act;
    for (size_t i = 0; i < lint->done.count; i++) {
        const struct act *const other = &lint->done.items[i].act;
        if (i < index ? contract_cancels(other, act) : contract_cancels(act, other))
            return true;
    }
    return false;
}

static void look_for_additions(struct lint *lint, const struct rule *rule)
{
    if (lint->migration->phase != PHASE_CONTRACT || !takes_from_old_code(lint))
        return;
    for (size_t i = 0; i < lint->done.count; i++) {
        const struct act *const act = &lint->done.items[i].act;
        if (contract_side(act->form) != SIDE_ADDS || is_cancelled(lint, i))
            continue;
        lint_turn_to(lint, &lint->done.items[i]);
        lint_report_act(lint, rule, act, "newer code starts without %s%s%s",
                        act->part != NULL ? act->part : "", act->part != NULL ? " of " : "",
                        act->name != NULL ? act->name : "it");
        return;
    }
}

/* ---- the rules ---- */

static const struct rule rules[] = {
    {.id = "drop-view",
     .severity = SEVERITY_ERROR,
     .engines = RULE_POSTGRES,
     .fixer = FIXER_PHASE,
     .title = "a view is dropped",
     .why = "Code that still reads it fails from that moment on.",
     .fix =
         "First deploy code that does not use it; then drop it in a migration with phase=contract. "
         "A view that changes is replaced with CREATE OR REPLACE VIEW, or dropped and made again "
         "in one migration, with its grants.",
     .example_bad = "drop view active_users;",
     .example_good = "drop view active_users;\ncreate view active_users as select id from users;",
     .forms = FORMS("DROP VIEW, DROP MATERIALIZED VIEW"),
     .breaks = true,
     .remade = FORMS("CREATE VIEW", "CREATE OR REPLACE VIEW", "CREATE TABLE",
                     "CREATE TABLE AS, CREATE MATERIALIZED VIEW", "ALTER TABLE RENAME TO"),
     .what = "code that reads {} fails"},
    {.id = "rename-column",
     .severity = SEVERITY_ERROR,
     .engines = RULE_POSTGRES,
     .title = "a column is renamed",
     .why =
         "Code of the older release uses the old name and fails at once; code of the new one needs "
         "the new name and cannot run before. There is no moment at which both work.",
     .fix = "Add a column with the new name, keep the two alike with a trigger, fill it, move the "
            "code "
            "over, and drop the old one in a migration with phase=contract.",
     .example_bad = "alter table users rename column name to full_name;",
     .example_good = "alter table users add column full_name text;",
     .forms = FORMS("ALTER TABLE RENAME COLUMN"),
     .breaks = true,
     .recipe = "rename-column --table {table} --column {column} --to {to} --type TYPE",
     .what = "code that uses the old name in {} fails"},
    {.id = "rename-table",
     .severity = SEVERITY_ERROR,
     .engines = RULE_POSTGRES,
     .title = "a table, view or sequence is renamed, or moved to another schema",
     .why = "Code that uses the old name fails from that moment on.",
     .fix =
         "In the same migration leave a view of the old name behind: CREATE VIEW old AS SELECT * "
         "FROM new, with the grants of the table. Drop it with phase=contract when no code uses "
         "the old name.",
     .example_bad = "alter table users rename to people;",
     .example_good = "alter table users rename to people;\n"
                     "create view users as select * from people;",
     .forms = FORMS("ALTER TABLE RENAME TO", "ALTER TABLE SET SCHEMA"),
     .breaks = true,
     .recipe = "rename-table --table {table} --to {new}",
     .remade = FORMS("CREATE VIEW", "CREATE OR REPLACE VIEW", "ALTER TABLE RENAME TO",
                     "ALTER TABLE SET SCHEMA", "CREATE TABLE",
                     "CREATE TABLE AS, CREATE MATERIALIZED VIEW"),
     .what = "code that uses the name {} fails"},
    {.id = "rename-constraint",
     .severity = SEVERITY_WARNING,
     .engines = RULE_POSTGRES,
     .title = "a constraint is renamed",
     .why = "ON CONFLICT ON CONSTRAINT with the old name fails, and so does code that tells errors "
            "apart by the constraint's name.",
     .fix = "Look for the old name in the code. Where it is used, rename in a migration with "
            "phase=contract.",
     .example_bad = "alter table users rename constraint users_email_key to users_email_unique;",
     .example_good = "-- pawl: phase=contract\n"
                     "alter table users rename constraint users_email_key to users_email_unique;",
     .forms = FORMS("ALTER TABLE RENAME CONSTRAINT"),
     .breaks = true,
     .applies = is_renamed_alone,
     .what = "code that names the constraint of {} fails"},
    {.id = "required-column",
     .rows = true,
     .severity = SEVERITY_ERROR,
     .engines = RULE_POSTGRES,
     .title = "a new column has to be given a value that older code does not give",
     .why = "INSERTs of the older release do not name the column. Without a default they leave it "
            "NULL, "
            "and as it is NOT NULL each of them fails, from this migration until the last older "
            "instance is gone.",
     .fix = "Keep the default (ALTER COLUMN ... SET DEFAULT) until no older code runs. Drop it, or "
            "set "
            "NOT NULL, in a later migration with phase=contract.",
     .example_bad = "alter table users add column active boolean not null default true;\n"
                    "alter table users alter column active drop default;",
     .example_good = "alter table users add column active boolean not null default true;",
     .behind = look_for_required_columns},
    {.id = "breaking-change",
     .severity = SEVERITY_ERROR,
     .engines = RULE_POSTGRES,
     .fixer = FIXER_PHASE,
     .title = "code of an older release breaks outside of a contract step",
     .why =
         "A function, type, sequence or extension that older code uses goes, or has another name. "
         "Instances of the older release run until the deploy of the new one is over, and fail "
         "from this statement on.",
     .fix =
         "Deploy code that does not use it; then say `-- pawl: phase=contract` in the head of the "
         "file, which keeps it for the time when no older release runs.",
     .example_bad = "drop function full_name(users);",
     .example_good = "-- pawl: phase=contract\ndrop function full_name(users);",
     .forms =
         FORMS("DROP FUNCTION, PROCEDURE, AGGREGATE, OPERATOR or CAST", "DROP SEQUENCE",
               "DROP TYPE", "DROP EXTENSION", "ALTER TYPE ADD ATTRIBUTE",
               "ALTER TYPE RENAME ATTRIBUTE", "ALTER TYPE RENAME TO", "ALTER TYPE RENAME VALUE",
               "ALTER FUNCTION, SCHEMA or DOMAIN RENAME TO; ALTER TYPE or FUNCTION SET SCHEMA"),
     .breaks = true,
     .applies = is_called,
     .remade =
         FORMS("CREATE FUNCTION or PROCEDURE", "CREATE OR REPLACE FUNCTION or PROCEDURE",
               "CREATE SEQUENCE", "CREATE TYPE, CREATE DOMAIN", "ALTER TYPE RENAME TO",
               "ALTER FUNCTION, SCHEMA or DOMAIN RENAME TO; ALTER TYPE or FUNCTION SET SCHEMA"),
     .what = "code that uses {} as it was fails"},
    {.id = "privileges-taken",
     .severity = SEVERITY_WARNING,
     .engines = RULE_POSTGRES,
     .title = "privileges are taken away",
     .why =
         "Where the role of running code has them from here, its statements fail (42501). With a "
         "new owner the old one keeps nothing but what was granted to it.",
     .fix = "See that no running code needs them; else take them away in a migration with "
            "phase=contract. Before OWNER TO, grant the old owner what it needs.",
     .example_bad = "revoke select on users from reporting;",
     .example_good = "-- pawl: phase=contract\nrevoke select on users from reporting;",
     .forms = FORMS("REVOKE on a table", "ALTER TABLE OWNER TO"),
     .breaks = true,
     .what = "code that needs them on {} fails"},
    {.id = "row-security",
     .severity = SEVERITY_WARNING,
     .engines = RULE_POSTGRES,
     .title = "row level security hides all rows",
     .why =
         "With it and without a policy, everybody but the owner reads no rows, without an error, "
         "and every INSERT fails.",
     .fix = "Create the policies of the table in the same migration.",
     .example_bad = "alter table users enable row level security;",
     .example_good = "alter table users enable row level security;\n"
                     "create policy own on users using (name = current_user);",
     .forms =
         FORMS("ALTER TABLE ENABLE ROW LEVEL SECURITY", "ALTER TABLE FORCE ROW LEVEL SECURITY"),
     .breaks = true,
     .remade = FORMS("CREATE POLICY"),
     .what = "code whose role is not the owner finds no rows in {}"},
    {.id = "drop-not-null",
     .severity = SEVERITY_WARNING,
     .engines = RULE_POSTGRES,
     .title = "a column may hold NULL from now on",
     .why =
         "Code of the older release was written for a column that always has a value. It fails, or "
         "goes wrong quietly, at the first NULL that newer code writes.",
     .fix = "Let new code write NULL only when no older code reads the column.",
     .example_bad = "alter table users alter column email drop not null;",
     .example_good = "-- pawl: phase=contract\nalter table users alter column email drop not null;",
     .forms = FORMS("ALTER TABLE ALTER COLUMN DROP NOT NULL"),
     .breaks = true,
     .what = "older code that reads the column of {} may meet NULL"},
    {.id = "drop-default",
     .severity = SEVERITY_WARNING,
     .engines = RULE_POSTGRES,
     .title = "a default is dropped",
     .why = "An INSERT that leaves the column out gets NULL in its place, and fails where the "
            "column is "
            "NOT NULL.",
     .fix = "First deploy code that always gives a value; then drop it in a migration with "
            "phase=contract.",
     .example_bad = "alter table users alter column active drop default;",
     .example_good = "-- pawl: phase=contract\nalter table users alter column active drop default;",
     .forms = FORMS("ALTER TABLE ALTER COLUMN DROP DEFAULT"),
     .breaks = true,
     .remade = FORMS("ALTER TABLE ALTER COLUMN SET DEFAULT",
                     "ALTER TABLE ALTER COLUMN ADD GENERATED AS IDENTITY"),
     .what = "INSERTs into {} that leave the column out get NULL, or fail"},
    {.id = "drop-primary-key",
     .severity = SEVERITY_ERROR,
     .engines = RULE_POSTGRES,
     .title = "a primary key is dropped",
     .why =
         "INSERT ... ON CONFLICT on it fails (42P10), rows can come twice, and a published table "
         "takes no UPDATE or DELETE any more.",
     .fix =
         "Add the new key in the same statement: ALTER TABLE ... DROP CONSTRAINT ..., ADD "
         "CONSTRAINT "
         "... PRIMARY KEY USING INDEX ..., on a unique index that was built CONCURRENTLY before.",
     .example_bad = "alter table users drop constraint users_pkey;",
     .example_good = "alter table users drop constraint users_pkey,\n"
                     "    add constraint users_pkey primary key using index users_new_id;",
     .forms = FORMS("ALTER TABLE DROP CONSTRAINT"),
     .breaks = true,
     .applies = is_primary_key,
     .remade = FORMS("ALTER TABLE ADD PRIMARY KEY", "ALTER TABLE ADD PRIMARY KEY USING INDEX",
                     "CREATE TABLE"),
     .what = "{} has no primary key any more"},
    {.id = "drop-constraint",
     .severity = SEVERITY_WARNING,
     .engines = RULE_POSTGRES,
     .title = "a constraint is dropped",
     .why =
         "What it kept out can come in, and is hard to get out again. INSERT ... ON CONFLICT that "
         "rests on a unique constraint fails (42P10).",
     .fix =
         "Drop it in a migration with phase=contract, or add what takes its place in the same one.",
     .example_bad = "alter table orders drop constraint orders_amount_check;",
     .example_good = "alter table orders drop constraint orders_amount_check,\n"
                     "    add constraint orders_amount_check check (amount >= 0) not valid;",
     .forms = FORMS("ALTER TABLE DROP CONSTRAINT"),
     .breaks = true,
     .applies = is_other_constraint,
     .remade = FORMS("ALTER TABLE ADD CHECK", "ALTER TABLE ADD CHECK NOT VALID",
                     "ALTER TABLE ADD FOREIGN KEY", "ALTER TABLE ADD FOREIGN KEY NOT VALID",
                     "ALTER TABLE ADD UNIQUE", "ALTER TABLE ADD UNIQUE USING INDEX",
                     "ALTER TABLE ADD PRIMARY KEY", "ALTER TABLE ADD PRIMARY KEY USING INDEX",
                     "ALTER TABLE ADD EXCLUDE", "CREATE TABLE"),
     .what = "{} takes what the constraint kept out"},
    {.id = "contract-breaks-nothing",
     .severity = SEVERITY_WARNING,
     .engines = RULE_POSTGRES,
     .title = "a contract step breaks nobody",
     .why = "phase=contract keeps a migration until no older release runs, and new code starts "
            "without "
            "it. What older code does not notice need not wait, and new code may need it.",
     .fix = "Remove phase=contract.",
     .example_bad = "-- pawl: phase=contract\nalter table users add column full_name text;",
     .example_good = "alter table users add column full_name text;",
     .behind = look_for_needless_contract},
    {.id = "contract-also-expands",
     .severity = SEVERITY_WARNING,
     .engines = RULE_POSTGRES,
     .title = "a contract step also adds what newer code needs",
     .why = "phase=contract keeps a migration until no older release runs, and new code starts "
            "without it. What the file adds besides is missing as long: code that uses it fails.",
     .fix = "Split the file: what it adds first, in a migration without phase=contract; what "
            "breaks older code in one behind it, with phase=contract.",
     .example_bad = "-- pawl: phase=contract\n"
                    "alter table users add column full_name text;\n"
                    "alter table users drop column name;",
     .example_good = "-- pawl: phase=contract\nalter table users drop column name;",
     .behind = look_for_additions},
};

const struct rule_table rules_of_old_code = {rules, COUNT_OF(rules)};
