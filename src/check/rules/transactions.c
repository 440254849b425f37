/* The rules about BEGIN and COMMIT, and about settings that undo what a deploy relies on. */
#include <pg_query/pg_query.pb-c.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "check/lint.h"
#include "check/rules/tables.h"

/* ---- BEGIN and COMMIT ---- */

static void look_at_control(struct lint *lint, const struct rule *rule)
{
    const struct statement_info *const info = &lint->info;
    if (info->class == STATEMENT_REFUSED)
        lint_report(lint, rule, 0, "a deploy refuses %s",
                    info->verb != NULL ? info->verb : "this statement");
    else if (info->class == STATEMENT_BEGIN && lint->in_block)
        lint_report(lint, rule, 0, "a transaction begins inside of one that the file began");
    else if (info->class == STATEMENT_COMMIT && !lint->in_block)
        lint_report(lint, rule, 0, "COMMIT ends a transaction that the file did not begin");
}

static void end_control(struct lint *lint, const struct rule *rule)
{
    if (lint->in_block)
        lint_report_spot(lint, rule, &lint->began,
                         "the file begins a transaction and never ends it");
}

static void look_behind_commit(struct lint *lint, const struct rule *rule)
{
    const bool joined =
        lint->info.class == STATEMENT_ORDINARY || lint->info.class == STATEMENT_BEGIN;
    if (lint->before == STATEMENT_COMMIT && joined && !lint->migration->no_transaction)
        lint_report(lint, rule, 0,
                    "this runs in the same transaction as what stands before the COMMIT");
}

/* ---- settings ---- */

/* What a statement of the form SET sets this to: copied into `text`; false for anything else. */
static bool sets(const struct lint *lint, const char *name, char *text, size_t size)
{
    if (lint->tree == NULL || lint->tree->node_case != PG_QUERY__NODE__NODE_VARIABLE_SET_STMT)
        return false;
    const PgQuery__VariableSetStmt *const set = lint->tree->variable_set_stmt;
    if (strcasecmp(set->name, name) != 0 || set->n_args != 1 ||
        set->args[0]->node_case != PG_QUERY__NODE__NODE_A_CONST)
        return false;
    const PgQuery__AConst *const value = set->args[0]->a_const;
    if (value->val_case == PG_QUERY__A__CONST__VAL_SVAL)
        (void)snprintf(text, size, "%s", value->sval->sval); /* what is cut is no known word */
    else if (value->val_case == PG_QUERY__A__CONST__VAL_IVAL)
        (void)snprintf(text, size, "%d", value->ival->ival);
    else
        return false;
    return true;
}

static bool is_about_timeout(const struct statement *statement)
{
    return sql_starts_with(DIALECT_POSTGRES, statement->text, "SET lock_timeout") ||
           sql_starts_with(DIALECT_POSTGRES, statement->text, "RESET lock_timeout");
}

/* What runs alone, such as CREATE INDEX CONCURRENTLY, waits without making others wait: true when
 * nothing else comes before the next SET. */
static bool is_for_alone(struct lint *lint)
{
    const struct statements *const all = lint->statements;
    struct statement_info info;
    CLEANUP(err_release) struct err err = {0};
    size_t i = lint->number + 1;
    for (; i < all->count && !is_about_timeout(&all->items[i]); i++) {
        if (!sql_classify(lint->scratch, DIALECT_POSTGRES, &all->items[i], &info, &err)) {
            lint->findings->failed = true;
            return true;
        }
        if (info.class != STATEMENT_ALONE)
            return false;
    }
    return i > lint->number + 1;
}

static void look_at_lock_timeout(struct lint *lint, const struct rule *rule)
{
    char value[32];
    if (!sets(lint, "lock_timeout", value, sizeof value))
        return;
    const char *const unit = value + strspn(value, "0");
    if (unit > value && strspn(unit, " dhimnsu") == strlen(unit) && !is_for_alone(lint))
        lint_report(lint, rule, 0, "locks are then waited for without an end");
}

static void look_at_replica_role(struct lint *lint, const struct rule *rule)
{
    char value[32];
    if (sets(lint, "session_replication_role", value, sizeof value) &&
        strcasecmp(value, "replica") == 0)
        lint_report(lint, rule, 0, "foreign keys and triggers then do not see what is written");
}

static const struct rule rules[] = {
    {.id = "transaction-control",
     .severity = SEVERITY_ERROR,
     .engines = RULE_ANY,
     .title = "a file ends or begins a transaction where a deploy cannot follow",
     .why = "A deploy commits each migration together with its row in the ledger. A BEGIN without "
            "its COMMIT, a COMMIT without its BEGIN, a ROLLBACK would part the two, so the deploy "
            "refuses the file before anything runs.",
     .fix = "Remove the statement. Where parts must be committed one by one, write "
            "`-- pawl: no-transaction` and pairs of BEGIN and COMMIT.",
     .example_bad = "create table t (id bigint primary key);\ncommit;",
     .example_good = "begin;\ncreate table t (id bigint primary key);\ncommit;",
     .look = look_at_control,
     .behind = end_control},
    {.id = "commit-without-effect",
     .severity = SEVERITY_WARNING,
     .engines = RULE_ANY,
     .title = "statements follow a COMMIT",
     .why = "A deploy runs the whole file in one transaction. What stands before the COMMIT is not "
            "committed when the next statement runs, and its locks are still held.",
     .fix = "Put the parts into files of their own, or write `-- pawl: no-transaction` above "
            "them: then each BEGIN and COMMIT means what it says.",
     .example_bad = "begin;\nselect 1;\ncommit;\nselect 2;",
     .example_good = "-- pawl: no-transaction\nbegin;\nselect 1;\ncommit;\nselect 2;",
     .look = look_behind_commit},
    {.id = "lock-timeout-off",
     .severity = SEVERITY_WARNING,
     .engines = RULE_POSTGRES,
     .title = "the limit on waiting for locks is switched off",
     .why = "A statement that waits for a lock makes all who come after it wait too. A deploy "
            "gives up after `lock_timeout` and tries again; without the limit others wait until "
            "`block_budget` is spent, ten times as long and more. Dumps carry this line.",
     .fix = "Remove the line. Where more time is needed, write `-- pawl: lock_timeout=5s`.",
     .example_bad = "set lock_timeout = 0;",
     .example_good = "set lock_timeout = '2s';",
     .look = look_at_lock_timeout},
    {.id = "checks-switched-off",
     .severity = SEVERITY_WARNING,
     .engines = RULE_POSTGRES,
     .title = "triggers and foreign keys are switched off",
     .why = "With session_replication_role = replica no foreign key is checked and no trigger "
            "runs. Rows that refer to nothing come in without a word, and stay.",
     .fix = "Remove the line and order the statements so that each row has what it refers to.",
     .example_bad = "set session_replication_role = replica;",
     .example_good = "set session_replication_role = origin;",
     .each = look_at_replica_role},
};

const struct rule_table rules_of_transactions = {rules, COUNT_OF(rules)};
