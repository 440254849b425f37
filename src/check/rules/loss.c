/* The rules about what takes away data. */
#include <string.h>

#include "check/lint.h"
#include "check/rules/tables.h"

static bool was_there(const struct lint *lint, const struct act *act)
{
    (void)lint;
    return !act->is_made;
}

static bool cascades(const struct lint *lint, const struct act *act)
{
    (void)lint;
    return act->cascade && !act->is_made;
}

/* With CASCADE another rule has it. */
static bool empties_one(const struct lint *lint, const struct act *act)
{
    (void)lint;
    return !act->cascade && !act->is_made;
}

static bool has_added(const struct lint *lint, const char *table, const char *column)
{
    for (size_t i = 0; i < lint->done.count; i++) {
        const struct act *const act = &lint->done.items[i].act;
        if (act->form == form_of_alter(PG_QUERY__ALTER_TABLE_TYPE__AT_AddColumn) &&
            act->name != NULL && act->part != NULL && table != NULL &&
            strcmp(act->name, table) == 0 && strcmp(act->part, column) == 0)
            return true;
    }
    return false;
}

/* Nothing is lost by filling columns that the migration has added. */
static bool overwrites(const struct lint *lint, const struct act *act)
{
    const PgQuery__Node *const node = act->node;
    if (act->is_made || lint->migration->kind == KIND_BACKFILL)
        return false;
    if (node == NULL || node->node_case != PG_QUERY__NODE__NODE_UPDATE_STMT)
        return true;
    for (size_t i = 0; i < node->update_stmt->n_target_list; i++) {
        const PgQuery__Node *const target = node->update_stmt->target_list[i];
        if (target->node_case != PG_QUERY__NODE__NODE_RES_TARGET ||
            !has_added(lint, act->name, target->res_target->name))
            return true;
    }
    return false;
}

/* A column of the migration: older code has no rows that refer to anything by it. */
static bool is_over_new_columns(const struct lint *lint, const char *table,
                                const PgQuery__Constraint *key)
{
    for (size_t i = 0; i < key->n_fk_attrs; i++)
        if (key->fk_attrs[i]->node_case != PG_QUERY__NODE__NODE_STRING ||
            !has_added(lint, table, key->fk_attrs[i]->string->sval))
            return false;
    return key->n_fk_attrs > 0;
}

static bool deletes_along(const struct lint *lint, const struct act *act)
{
    if (act->node == NULL || act->node->node_case != PG_QUERY__NODE__NODE_ALTER_TABLE_CMD)
        return false;
    const PgQuery__Node *const def = act->node->alter_table_cmd->def;
    return def != NULL && def->node_case == PG_QUERY__NODE__NODE_CONSTRAINT &&
           strcmp(def->constraint->fk_del_action, "c") == 0 &&
           !is_over_new_columns(lint, act->name, def->constraint);
}

static bool changes_rows(const struct lint_done *done)
{
    const struct form *const form = done->act.form;
    return done->existing && !lint_is_catalog(&done->act) &&
           (form == form_of(FORM_UPDATE) || form == form_of(FORM_UPDATE_ALL) ||
            form == form_of(FORM_DELETE) || form == form_of(FORM_DELETE_ALL) ||
            form == form_of(FORM_MERGE));
}

/* What comes in the other order, work under a lock, is another rule's. */
static void look_for_rows_before(struct lint *lint, const struct rule *rule)
{
    const struct lint_done *rows = NULL;
    for (size_t i = 0; i < lint->done.count; i++) {
        const struct lint_done *const done = &lint->done.items[i];
        if (changes_rows(done)) {
            rows = rows != NULL && rows->unit == done->unit ? rows : done;
        } else if (rows != NULL && rows->unit == done->unit && done->existing &&
                   done->act.form->mode >= LOCK_SHARE) {
            lint_turn_to(lint, rows);
            lint_report(lint, rule, rows->act.at,
                        "rows of %s stay locked while the same transaction waits for a lock on %s",
                        rows->act.name, done->act.name != NULL ? done->act.name : "a table");
            return;
        }
    }
}

static const struct rule rules[] = {
    {.id = "drop-column",
     .severity = SEVERITY_ERROR,
     .engines = RULE_POSTGRES,
     .fixer = FIXER_PHASE,
     .title = "a column is dropped",
     .why =
         "Code that still names the column fails from that moment on. An INSERT without a column "
         "list may go on to work and puts its values into the wrong columns. What was in the "
         "column is gone.",
     .fix =
         "First deploy code that neither reads nor writes it (with DROP NOT NULL or a default, so "
         "that INSERTs may leave it out); then drop it in a migration with phase=contract.",
     .example_bad = "alter table users drop column nickname;",
     .example_good = "-- pawl: phase=contract\nalter table users drop column nickname;",
     .forms = FORMS("ALTER TABLE DROP COLUMN"),
     .breaks = true,
     .what = "code that names a column of {} that is dropped fails"},
    {.id = "drop-table",
     .severity = SEVERITY_ERROR,
     .engines = RULE_POSTGRES,
     .fixer = FIXER_PHASE,
     .title = "a table is dropped",
     .why =
         "Code that still uses it fails from that moment on, and its rows are gone. A CREATE TABLE "
         "of the same name behind it brings back the name alone.",
     .fix =
         "First deploy code that does not use it; then drop it in a migration with phase=contract. "
         "Until then it can be renamed, which is quickly undone.",
     .example_bad = "drop table users_old;",
     .example_good = "-- pawl: phase=contract\ndrop table users_old;",
     .forms = FORMS("DROP TABLE"),
     .breaks = true,
     .remade = FORMS("ALTER TABLE RENAME TO"),
     .what = "code that uses {} fails, and its rows are gone"},
    {.id = "drop-schema",
     .severity = SEVERITY_ERROR,
     .engines = RULE_POSTGRES,
     .fixer = FIXER_PHASE,
     .title = "a schema is dropped with all that is in it",
     .why = "Tables, their rows, views and functions go without being named, and code that still "
            "uses one of them fails.",
     .fix =
         "Drop what is in it by name, in a migration with phase=contract, then the empty schema.",
     .example_bad = "drop schema billing cascade;",
     .example_good = "-- pawl: phase=contract\ndrop table billing.invoices;\ndrop schema billing;",
     .forms = FORMS("DROP SCHEMA"),
     .breaks = true,
     .applies = cascades,
     .what = "everything in {} goes, with its rows"},
    {.id = "drop-cascade",
     .severity = SEVERITY_WARNING,
     .engines = RULE_POSTGRES,
     .title = "CASCADE drops what is not named",
     .why =
         "Views, foreign keys, defaults and triggers that depend on it go with it, other ones in "
         "each database, and nobody has read which.",
     .fix =
         "Name what goes, each in its own DROP, without CASCADE: then what was forgotten stops the "
         "migration.",
     .example_bad = "-- pawl: phase=contract\ndrop table users cascade;",
     .example_good = "-- pawl: phase=contract\ndrop view active_users;\ndrop table users;",
     .forms = FORMS("DROP TABLE", "ALTER TABLE DROP COLUMN", "ALTER TABLE DROP CONSTRAINT",
                    "DROP VIEW, DROP MATERIALIZED VIEW", "DROP SEQUENCE",
                    "DROP FUNCTION, PROCEDURE, AGGREGATE, OPERATOR or CAST"),
     .applies = cascades,
     .what = "all that depends on {} goes too, named or not"},
    {.id = "drop-cascade-data",
     .rows = true,
     .severity = SEVERITY_ERROR,
     .engines = RULE_POSTGRES,
     .title = "CASCADE drops columns and tables that are not named",
     .why = "With a type, a domain or an extension go the columns of that type, in whatever table, "
            "with "
            "all their values; with a schema go its tables.",
     .fix = "Drop the columns and tables by name, or give the columns another type, then drop it "
            "without "
            "CASCADE.",
     .example_bad = "-- pawl: phase=contract\ndrop type mood cascade;",
     .example_good =
         "-- pawl: phase=contract\nalter table users drop column mood;\ndrop type mood;",
     .forms = FORMS("DROP TYPE", "DROP EXTENSION", "DROP SCHEMA"),
     .applies = cascades,
     .what = "columns and tables that need {} go too, with their data"},
    {.id = "truncate",
     .rows = true,
     .severity = SEVERITY_ERROR,
     .engines = RULE_POSTGRES,
     .title = "a table is emptied",
     .why =
         "All rows are gone, no DELETE trigger runs, and while it works every query on the table "
         "waits.",
     .fix = "Delete what is meant, in batches: DELETE ... WHERE.",
     .example_bad = "truncate sessions;",
     .example_good = "delete from sessions where ended_at < now() - interval '1 day';",
     .forms = FORMS("TRUNCATE", "TRUNCATE RESTART IDENTITY"),
     .applies = empties_one,
     .what = "all rows of {} are gone"},
    {.id = "delete-all-rows",
     .rows = true,
     .severity = SEVERITY_ERROR,
     .engines = RULE_POSTGRES,
     .title = "DELETE has no WHERE",
     .why = "All rows are gone. Each of them is locked until the transaction ends.",
     .fix = "Write the WHERE that is meant.",
     .example_bad = "delete from sessions;",
     .example_good = "delete from sessions where ended_at < now() - interval '1 day';",
     .forms = FORMS("DELETE without WHERE"),
     .applies = was_there,
     .what = "all rows of {} are deleted"},
    {.id = "update-all-rows",
     .rows = true,
     .severity = SEVERITY_WARNING,
     .engines = RULE_POSTGRES,
     .title = "UPDATE has no WHERE",
     .why =
         "What was in the columns is gone for every row. Each row is locked until the transaction "
         "ends, and written anew: a large table grows to twice its size.",
     .fix = "Write the WHERE that is meant; for a large table a migration with kind=backfill.",
     .example_bad = "update users set active = true;",
     .example_good = "update users set active = true where active is null;",
     .forms = FORMS("UPDATE without WHERE"),
     .applies = overwrites,
     .what = "every row of {} is overwritten"},
    {.id = "set-unlogged",
     .rows = true,
     .severity = SEVERITY_ERROR,
     .engines = RULE_POSTGRES,
     .title = "a table loses its rows at the next crash",
     .why = "An UNLOGGED table is emptied when the server restarts after a crash, and cannot be "
            "read on "
            "a replica at all.",
     .fix = "Leave it LOGGED, or copy what may be lost into a new UNLOGGED table.",
     .example_bad = "alter table sessions set unlogged;",
     .example_good = "create unlogged table session_cache (id bigint primary key);",
     .forms = FORMS("ALTER TABLE SET UNLOGGED"),
     .what = "{} is empty after a crash, and unreadable on replicas"},
    {.id = "on-delete-cascade",
     .severity = SEVERITY_NOTE,
     .engines = RULE_POSTGRES,
     .title = "rows are deleted with the row that they refer to",
     .why = "One DELETE takes along as many rows as refer to it, and those that refer to these. A "
            "DELETE "
            "of older code that failed, or left them, now removes them.",
     .fix = "Without ON DELETE CASCADE such a DELETE fails, and code deletes what it means to.",
     .example_bad = "alter table orders add constraint customer foreign key (customer_id)\n"
                    "    references customers on delete cascade not valid;",
     .example_good = "alter table orders add constraint customer foreign key (customer_id)\n"
                     "    references customers not valid;",
     .forms = FORMS("ALTER TABLE ADD FOREIGN KEY", "ALTER TABLE ADD FOREIGN KEY NOT VALID"),
     .applies = deletes_along,
     .what = "rows of {} are deleted with what they refer to"},
    {.id = "mixed-schema-and-data",
     .severity = SEVERITY_WARNING,
     .engines = RULE_POSTGRES,
     .title = "a transaction changes rows and then waits for a lock on a table",
     .why =
         "The rows that it changed stay locked while it waits, and whoever needs one of them waits "
         "with it. Where the lock is not got in time, the work on the rows is done again.",
     .fix = "Put the rows into a migration of their own, before this one.",
     .example_bad = "update users set name = '' where name is null;\n"
                    "alter table users alter column name set not null;",
     .example_good = "update users set name = '' where name is null;",
     .behind = look_for_rows_before},
};

const struct rule_table rules_of_loss = {rules, COUNT_OF(rules)};
