/* The rules about what has to hold for every row of a table. */
#include <string.h>

#include "check/lint.h"
#include "check/rules/tables.h"

#define AT(name)     PG_QUERY__ALTER_TABLE_TYPE__AT_##name
#define CONSTR(name) PG_QUERY__CONSTR_TYPE__CONSTR_##name

static const PgQuery__AlterTableCmd *command_of(const struct act *act)
{
    return act->node != NULL && act->node->node_case == PG_QUERY__NODE__NODE_ALTER_TABLE_CMD
               ? act->node->alter_table_cmd
               : NULL;
}

/* ---- NOT NULL ---- */

static bool is_unproved(const struct lint *lint, const struct act *act)
{
    return act->part == NULL || act->name == NULL || !constraints_prove(lint, act->name, act->part);
}

/* An index that takes the place of a dropped key has columns that are NOT NULL already, and so has
 * one for which an earlier statement said so. */
static bool may_have_nulls(const struct lint *lint, const struct act *act)
{
    const struct form *const drop = form_of_alter(AT(DropConstraint));
    const struct form *const set = form_of_alter(AT(SetNotNull));
    for (size_t i = 0; i < lint->facts.acts.count; i++)
        if (lint->facts.acts.items[i].form == drop || lint->facts.acts.items[i].form == set)
            return false;
    for (size_t i = 0; i < lint->done.count; i++) {
        const struct act *const done = &lint->done.items[i].act;
        if ((done->form == drop || done->form == set) && done->name != NULL && act->name != NULL &&
            strcmp(done->name, act->name) == 0)
            return false;
    }
    return true;
}

/* ---- NOT VALID and VALIDATE ---- */

/* NOT VALID in the same ALTER TABLE, of this name. */
static bool adds_unchecked(const struct lint *lint, const char *name)
{
    for (size_t i = 0; i < lint->facts.acts.count; i++) {
        const struct act *const act = &lint->facts.acts.items[i];
        const PgQuery__Constraint *const constraint = lint_added_constraint(act);
        if (constraint != NULL && constraint->skip_validation &&
            strcmp(constraint->conname, name) == 0 && lint_is_existing(lint, act))
            return true;
    }
    return false;
}

static void look_for_validation(struct lint *lint, const struct rule *rule)
{
    for (size_t i = 0; i < lint->facts.acts.count; i++) {
        const struct act *const act = &lint->facts.acts.items[i];
        const PgQuery__AlterTableCmd *const command = command_of(act);
        if (act->form != form_of_alter(AT(ValidateConstraint)) || command == NULL ||
            !lint_is_existing(lint, act))
            continue;
        const struct constraint *const open = constraints_find_open(lint, act->name, command->name);
        if ((open != NULL && open->unit == lint->unit) || adds_unchecked(lint, command->name))
            lint_report_act(lint, rule, act,
                            "%s stays locked, as when it was added, until all rows are read",
                            act->name);
    }
}

static void look_for_unvalidated(struct lint *lint, const struct rule *rule)
{
    for (size_t i = 0; i < lint->constraints.count; i++) {
        const struct constraint *const constraint = &lint->constraints.items[i];
        if (!constraint->is_valid && !constraint->is_gone)
            lint_report_place(lint, rule, &constraint->place,
                              "nothing here validates the constraint of %s", constraint->table);
    }
}

/* ---- partitions ---- */

/* Of what is attached, a validated CHECK of the set is taken to imply the bounds. */
static bool has_no_check(const struct lint *lint, const struct act *act)
{
    return act->name == NULL || !constraints_has_check(lint, act->name);
}

static const struct rule rules[] = {
    {.id = "add-foreign-key-scan",
     .grows = true,
     .severity = SEVERITY_ERROR,
     .engines = RULE_POSTGRES,
     .fixer = FIXER_STATEMENT,
     .title = "a foreign key is checked while writes to both tables wait",
     .why = "ADD FOREIGN KEY reads the whole table, and until it ends every INSERT, UPDATE and "
            "DELETE on it and on the table that it refers to waits.",
     .fix = "Add it with NOT VALID, which holds for new rows at once, and write ALTER TABLE ... "
            "VALIDATE CONSTRAINT in the next migration; nobody waits for that. A partitioned table "
            "takes no NOT VALID before PostgreSQL 18: add it so to each partition, then to the "
            "table.",
     .example_bad = "alter table orders add constraint orders_customer foreign key (customer) "
                    "references customers;",
     .example_good = "alter table orders add constraint orders_customer foreign key (customer) "
                     "references customers not valid;",
     .forms = FORMS("ALTER TABLE ADD FOREIGN KEY", "ALTER TABLE ADD COLUMN DEFAULT REFERENCES"),
     .what = "writes to {} and to what it refers to wait until all its rows are read",
     .mend = mend_not_valid},
    {.id = "add-check-scan",
     .grows = true,
     .severity = SEVERITY_ERROR,
     .engines = RULE_POSTGRES,
     .fixer = FIXER_STATEMENT,
     .title = "a CHECK is held against all rows while the table is locked",
     .why = "All reads and writes of the table wait until every row is read. A single row that is "
            "against it fails the migration.",
     .fix = "Add it with NOT VALID, which holds for new rows at once, and write ALTER TABLE ... "
            "VALIDATE CONSTRAINT in the next migration; nobody waits for that. For a new column, "
            "add the column first.",
     .example_bad = "alter table orders add constraint paid check (amount > 0);",
     .example_good = "alter table orders add constraint paid check (amount > 0) not valid;",
     .forms = FORMS("ALTER TABLE ADD CHECK", "ALTER TABLE ADD COLUMN CHECK"),
     .what = "reads and writes of {} wait until all its rows are read",
     .mend = mend_not_valid},
    {.id = "add-unique-blocking",
     .grows = true,
     .severity = SEVERITY_ERROR,
     .engines = RULE_POSTGRES,
     .fixer = FIXER_STATEMENT,
     .title = "a UNIQUE constraint builds its index while the table is locked",
     .why = "All reads and writes of the table wait until the index is built. Two rows that are "
            "equal fail the migration.",
     .fix = "Build the index before, with CREATE UNIQUE INDEX CONCURRENTLY, then ADD CONSTRAINT "
            "... UNIQUE USING INDEX.",
     .example_bad = "alter table users add constraint users_email unique (email);",
     .example_good = "create unique index concurrently users_email on users (email);\n"
                     "alter table users add constraint users_email unique using index users_email;",
     .forms = FORMS("ALTER TABLE ADD UNIQUE", "ALTER TABLE ADD COLUMN UNIQUE"),
     .what = "reads and writes of {} wait until an index is built",
     .mend = mend_using_index},
    {.id = "add-primary-key-blocking",
     .grows = true,
     .severity = SEVERITY_ERROR,
     .engines = RULE_POSTGRES,
     .fixer = FIXER_STATEMENT,
     .title = "a PRIMARY KEY builds its index while the table is locked",
     .why = "All reads and writes of the table wait until the index is built and every row was "
            "looked at for NULL.",
     .fix = "Make the columns NOT NULL by way of a CHECK (see set-not-null-scan), build the index "
            "with CREATE UNIQUE INDEX CONCURRENTLY, then ADD PRIMARY KEY USING INDEX.",
     .example_bad = "alter table users add primary key (id);",
     .example_good = "create unique index concurrently users_pkey on users (id);",
     .forms = FORMS("ALTER TABLE ADD PRIMARY KEY", "ALTER TABLE ADD COLUMN PRIMARY KEY"),
     .what = "reads and writes of {} wait until an index is built",
     .mend = mend_using_index},
    {.id = "primary-key-nullable",
     .severity = SEVERITY_WARNING,
     .engines = RULE_POSTGRES,
     .title = "a PRIMARY KEY on columns that may not be NOT NULL yet",
     .why = "USING INDEX saves building the index. But a column of it that is not NOT NULL yet is "
            "made so, and for that all rows are read while reads and writes wait.",
     .fix = "Make the columns NOT NULL in an earlier migration, by way of a CHECK (see "
            "set-not-null-scan). Where they are, say so: -- pawl: allow=primary-key-nullable "
            "reason=\"...\".",
     .example_bad = "alter table users add constraint users_pkey primary key using index users_id;",
     .example_good = "alter table users drop constraint users_pkey, add constraint users_pkey "
                     "primary key using index users_id;",
     .forms = FORMS("ALTER TABLE ADD PRIMARY KEY USING INDEX"),
     .applies = may_have_nulls,
     .what = "all rows of {} are read under lock where a column of the key is not NOT NULL"},
    {.id = "add-exclude-blocking",
     .grows = true,
     .severity = SEVERITY_ERROR,
     .engines = RULE_POSTGRES,
     .title = "an EXCLUDE constraint builds its index while the table is locked",
     .why = "All reads and writes of the table wait until the index is built, which takes long "
            "with GiST, and no form of it lets them go on.",
     .fix = "Do it in a maintenance window; or make a new table with the constraint, keep it in "
            "step by a trigger, fill it in batches and rename both.",
     .example_bad = "alter table stays add exclude using gist (room with =, during with &&);",
     .example_good = "create table stays_new (like stays, exclude using gist (room with =, during "
                     "with &&));",
     .forms = FORMS("ALTER TABLE ADD EXCLUDE"),
     .what = "reads and writes of {} wait until an index is built"},
    {.id = "set-not-null-scan",
     .grows = true,
     .severity = SEVERITY_ERROR,
     .engines = RULE_POSTGRES,
     .fixer = FIXER_STATEMENT,
     .title = "SET NOT NULL reads all rows while the table is locked",
     .why = "All reads and writes of the table wait until every row was looked at. A single NULL "
            "fails the migration. The server believes a validated CHECK instead, and then it takes "
            "a moment.",
     .fix = "Add a constraint CHECK (column IS NOT NULL) NOT VALID, validate it in the next "
            "migration, and in that one, behind it, SET NOT NULL and drop the CHECK.",
     .example_bad = "alter table users alter column email set not null;",
     .example_good =
         "alter table users add constraint email_set check (email is not null) not valid;\n"
         "alter table users validate constraint email_set;\n"
         "alter table users alter column email set not null;",
     .forms = FORMS("ALTER TABLE ALTER COLUMN SET NOT NULL"),
     .applies = is_unproved,
     .what = "reads and writes of {} wait until all its rows are read",
     .mend = mend_not_null},
    {.id = "add-column-not-null",
     .rows = true,
     .severity = SEVERITY_ERROR,
     .engines = RULE_POSTGRES,
     .title = "a column is NOT NULL and has no default",
     .why = "On a table with rows it fails. On an empty one it does not, and then every INSERT of "
            "the older release fails, as it does not know the column.",
     .fix = "Give it a constant DEFAULT, which takes no time whatever the size of the table; or "
            "add it without NOT NULL, fill it, and tighten it in a later release.",
     .example_bad = "alter table users add column active boolean not null;",
     .example_good = "alter table users add column active boolean not null default true;",
     .forms = FORMS("ALTER TABLE ADD COLUMN NOT NULL without default"),
     .what = "it fails where {} has a row, and the INSERTs of older code fail after it"},
    {.id = "validate-in-transaction",
     .grows = true,
     .severity = SEVERITY_ERROR,
     .engines = RULE_POSTGRES,
     .title = "a constraint is validated in the transaction that adds it",
     .why =
         "The lock that adds a constraint is strong and meant for a moment. It is kept until the "
         "transaction ends, so that everybody waits while the rows are read, as without NOT "
         "VALID.",
     .fix = "Put VALIDATE CONSTRAINT into the next migration.",
     .example_bad = "alter table orders add constraint paid check (amount > 0) not valid;\n"
                    "alter table orders validate constraint paid;",
     .example_good = "alter table orders validate constraint paid;",
     .look = look_for_validation},
    {.id = "not-valid-left",
     .severity = SEVERITY_NOTE,
     .engines = RULE_POSTGRES,
     .title = "a constraint is added NOT VALID and never validated",
     .why = "It holds for what is written from now on. Rows that are there may be against it, the "
            "planner does not rely on it, and an update of such a row fails.",
     .fix = "Write ALTER TABLE ... VALIDATE CONSTRAINT in a following migration.",
     .example_bad = "alter table orders add constraint paid check (amount > 0) not valid;",
     .example_good = "alter table orders drop constraint paid;",
     .finish = look_for_unvalidated},
    {.id = "attach-partition-scan",
     .grows = true,
     .severity = SEVERITY_WARNING,
     .engines = RULE_POSTGRES,
     .title = "a partition is read as a whole while it is attached",
     .why =
         "Its rows are held against the bounds while it is locked, and indexes that it lacks are "
         "built. A DEFAULT partition is read too, and reads and writes of it wait.",
     .fix =
         "Before it, add a CHECK that implies the bounds, NOT VALID, and validate it; build the "
         "indexes of the parent on it with CREATE INDEX CONCURRENTLY. Drop the CHECK afterwards.",
     .example_bad = "alter table events attach partition events_9 for values from (9) to (10);",
     .example_good =
         "alter table events_9 add constraint b check (id >= 9 and id < 10) not valid;\n"
         "alter table events_9 validate constraint b;\n"
         "alter table events attach partition events_9 for values from (9) to (10);",
     .forms = FORMS("ATTACH PARTITION: the partition"),
     .applies = has_no_check,
     .what = "all rows of {} are read while it is locked"},
    {.id = "alter-domain-scan",
     .rows = true,
     .severity = SEVERITY_ERROR,
     .engines = RULE_POSTGRES,
     .title = "a domain is made stricter while writes to all its tables wait",
     .why = "Every table with a column of the domain is read as a whole, and until the last of "
            "them is, writes to all of them wait.",
     .fix = "Put the condition on the tables themselves, as a CHECK that is NOT VALID first. "
            "NOT VALID on the domain holds for what is written from now on.",
     .example_bad = "alter domain email add constraint has_at check (value like '%@%');",
     .example_good = "alter domain email add constraint has_at check (value like '%@%') not valid;",
     .forms = FORMS("ALTER DOMAIN ADD or VALIDATE CONSTRAINT, SET NOT NULL"),
     .what = "writes to the tables with a column of {} wait until all of them are read"},
};

const struct rule_table rules_of_constraints = {rules, COUNT_OF(rules)};
