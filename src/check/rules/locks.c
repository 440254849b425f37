/* The rules about what others wait for while a statement works. */
#include <string.h>

#include "check/lint.h"
#include "check/rules/tables.h"
#include "sql/classify.h"

/* ---- what is done while a lock is held ---- */

static bool is_form(const struct act *act, const char *const *forms)
{
    for (; *forms != NULL; forms++)
        if (strcmp(act->form->name, *forms) == 0)
            return true;
    return false;
}

/* True for a lock that stops at least the writes of others, on what they use. */
static bool stops_others(const struct lint_done *done)
{
    static const char *const forms[] = {"CREATE TRIGGER", "TRUNCATE", "TRUNCATE RESTART IDENTITY",
                                        "FOREIGN KEY: the referenced table", NULL};
    return done->act.form->mode >= LOCK_SHARE_ROW_EXCLUSIVE &&
           done->act.object == LOCKED_RELATION && done->act.name != NULL &&
           (strncmp(done->act.form->name, "ALTER TABLE ", strlen("ALTER TABLE ")) == 0 ||
            is_form(&done->act, forms));
}

/* Names of columns that hardly ever are the same in many rows. */
static bool is_key_name(const char *name)
{
    static const char *const names[] = {"id", "uuid", "key", "code", "slug", "name"};
    for (size_t i = 0; i < COUNT_OF(names); i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return false;
}

static bool is_key(const PgQuery__Node *node)
{
    const PgQuery__ColumnRef *const column =
        node != NULL && node->node_case == PG_QUERY__NODE__NODE_COLUMN_REF ? node->column_ref
                                                                           : NULL;
    const PgQuery__Node *const last =
        column != NULL && column->n_fields > 0 ? column->fields[column->n_fields - 1] : NULL;
    return last != NULL && last->node_case == PG_QUERY__NODE__NODE_STRING &&
           is_key_name(last->string->sval);
}

static bool is_constant(const PgQuery__Node *node)
{
    while (node != NULL && node->node_case == PG_QUERY__NODE__NODE_TYPE_CAST)
        node = node->type_cast->arg;
    return node != NULL && (node->node_case == PG_QUERY__NODE__NODE_A_CONST ||
                            node->node_case == PG_QUERY__NODE__NODE_LIST);
}

/* "id = 5", "key IN ('a', 'b')", and such beside other conditions: a few rows. */
static bool is_narrow(const PgQuery__Node *condition)
{
    if (condition == NULL)
        return false;
    if (condition->node_case == PG_QUERY__NODE__NODE_BOOL_EXPR &&
        condition->bool_expr->boolop == PG_QUERY__BOOL_EXPR_TYPE__AND_EXPR) {
        for (size_t i = 0; i < condition->bool_expr->n_args; i++)
            if (is_narrow(condition->bool_expr->args[i]))
                return true;
        return false;
    }
    if (condition->node_case != PG_QUERY__NODE__NODE_A_EXPR)
        return false;
    const PgQuery__AExpr *const compare = condition->a_expr;
    return compare->n_name == 1 && compare->name[0]->node_case == PG_QUERY__NODE__NODE_STRING &&
           strcmp(compare->name[0]->string->sval, "=") == 0 && is_key(compare->lexpr) &&
           is_constant(compare->rexpr);
}

static const PgQuery__Node *condition_of(const PgQuery__Node *node)
{
    switch (node->node_case) {
    case PG_QUERY__NODE__NODE_UPDATE_STMT:
        return node->update_stmt->where_clause;
    case PG_QUERY__NODE__NODE_DELETE_STMT:
        return node->delete_stmt->where_clause;
    default:
        return NULL;
    }
}

/* INSERT ... SELECT ... FROM what may be large. */
static bool copies_rows(const struct lint *lint, const PgQuery__Node *node)
{
    if (node->node_case != PG_QUERY__NODE__NODE_INSERT_STMT ||
        node->insert_stmt->select_stmt == NULL ||
        node->insert_stmt->select_stmt->node_case != PG_QUERY__NODE__NODE_SELECT_STMT ||
        node->insert_stmt->select_stmt->select_stmt->n_from_clause == 0 ||
        is_narrow(node->insert_stmt->select_stmt->select_stmt->where_clause))
        return false;
    for (size_t i = 0; i < lint->facts.acts.count; i++)
        if (lint->facts.acts.items[i].form == form_of(FORM_SELECT) &&
            lint_is_existing(lint, &lint->facts.acts.items[i]))
            return true;
    return false;
}

/* True for what takes the longer the more rows there are. What locks as strongly itself has a rule
 * of its own. */
static bool is_long(const struct lint *lint, const struct act *act)
{
    static const char *const changes[] = {
        "UPDATE", "UPDATE without WHERE", "DELETE", "DELETE without WHERE", "MERGE", NULL};
    static const char *const reads[] = {"ALTER TABLE VALIDATE CONSTRAINT",
                                        "REFRESH MATERIALIZED VIEW",
                                        "REFRESH MATERIALIZED VIEW CONCURRENTLY", NULL};
    if (act->node == NULL)
        return false;
    if (act->form == form_of(FORM_INSERT))
        return copies_rows(lint, act->node);
    if (!lint_is_existing(lint, act) || lint_is_catalog(act))
        return false;
    return is_form(act, changes) ? !is_narrow(condition_of(act->node)) : is_form(act, reads);
}

/* The lock of an earlier statement of the transaction that others wait for; NULL when none. */
static const struct lint_done *held_lock(const struct lint *lint)
{
    for (size_t i = 0; i < lint->done.count; i++) {
        const struct lint_done *const done = &lint->done.items[i];
        if (done->unit == lint->unit && done->existing && stops_others(done))
            return done;
    }
    return NULL;
}

static void look_for_long_work(struct lint *lint, const struct rule *rule)
{
    const struct lint_done *const held = held_lock(lint);
    for (size_t i = 0; held != NULL && i < lint->facts.acts.count; i++) {
        const struct act *const act = &lint->facts.acts.items[i];
        if (!is_long(lint, act))
            continue;
        lint_report_act(lint, rule, act, "%s keeps %s locked until it ends: %s came before it",
                        act->form->name, held->act.name, held->act.form->name);
        return;
    }
}

/* ---- several tables locked at a time ---- */

static bool is_foreign_key(const struct act *act)
{
    return act->form == form_of(FORM_ADD_FOREIGN_KEY) ||
           act->form == form_of(FORM_ADD_FOREIGN_KEY_NOT_VALID) ||
           act->form == form_of(FORM_ADD_COLUMN_REFERENCES) ||
           act->form == form_of(FORM_ADD_COLUMN_REFERENCES_SCAN);
}

/* True when an act of an earlier foreign key, on this command's list or before, locks the table. */
static bool is_locked_before(const struct lint *lint, size_t until, const char *table,
                             bool *ret_any)
{
    bool locked = false;
    for (size_t i = 0; i < until; i++) {
        const struct act *const act = &lint->facts.acts.items[i];
        *ret_any = *ret_any || (is_foreign_key(act) && lint_is_existing(lint, act));
        locked = locked || lint_same_name(act->name, table);
    }
    for (size_t i = 0; i < lint->done.count; i++) {
        const struct lint_done *const done = &lint->done.items[i];
        if (done->unit != lint->unit || !done->existing)
            continue;
        *ret_any = *ret_any || is_foreign_key(&done->act);
        locked = locked || lint_same_name(done->act.name, table);
    }
    return locked;
}

static void look_for_foreign_keys(struct lint *lint, const struct rule *rule)
{
    for (size_t i = 0; i < lint->facts.acts.count; i++) {
        const struct act *const act = &lint->facts.acts.items[i];
        const struct act *const target = act + 1;
        bool any = false;
        if (!is_foreign_key(act) || !lint_is_existing(lint, act) ||
            i + 1 == lint->facts.acts.count || !lint_is_existing(lint, target))
            continue;
        const bool adds = !is_locked_before(lint, i, target->name, &any) ||
                          !is_locked_before(lint, i, act->name, &any);
        if (any && adds)
            lint_report_act(lint, rule, act,
                            "%s and %s are locked beside the tables of an earlier foreign key",
                            act->name, target->name != NULL ? target->name : "its target");
    }
}

/* ---- one after another ---- */

static void look_for_concurrent_in_block(struct lint *lint, const struct rule *rule)
{
    struct statement_info info;
    CLEANUP(err_release) struct err err = {0};
    if (!lint->in_block || lint->tree == NULL || lint->facts.in_transaction)
        return;
    if (!sql_classify(lint->scratch, DIALECT_POSTGRES, lint->statement, &info, &err)) {
        lint->findings->failed = true;
        return;
    }
    lint_report(lint, rule, 0, "%s stands between BEGIN and COMMIT", info.verb);
}

static bool ends_block(const struct statement *statement)
{
    return sql_starts_with(DIALECT_POSTGRES, statement->text, "COMMIT") ||
           sql_starts_with(DIALECT_POSTGRES, statement->text, "END");
}

/* Elsewhere pawl commits the new value before it is used. */
static void look_for_used_label(struct lint *lint, const struct rule *rule)
{
    if (!lint->in_block || lint->tree == NULL ||
        lint->tree->node_case != PG_QUERY__NODE__NODE_ALTER_ENUM_STMT)
        return;
    const char *const label = lint->tree->alter_enum_stmt->new_val;
    struct statements block = {.items = lint->statements->items, .count = lint->number + 1};
    while (block.count < lint->statements->count && !ends_block(&block.items[block.count]))
        block.count++;
    if (label[0] != '\0' && sql_label_used(DIALECT_POSTGRES, &block, lint->number, label))
        lint_report(lint, rule, 0, "the value is used in the transaction that adds it");
}

/* ---- by form ---- */

static bool truncate_cascades(const struct lint *lint, const struct act *act)
{
    (void)lint;
    return act->node != NULL && act->node->node_case == PG_QUERY__NODE__NODE_TRUNCATE_STMT &&
           act->node->truncate_stmt->behavior == PG_QUERY__DROP_BEHAVIOR__DROP_CASCADE;
}

static const struct rule rules[] = {
    {.id = "refresh-blocking",
     .grows = true,
     .severity = SEVERITY_WARNING,
     .engines = RULE_POSTGRES,
     .title = "a materialized view cannot be read while it is refreshed",
     .why = "REFRESH MATERIALIZED VIEW locks the view against reads for as long as its query "
            "takes, and keeps the lock until its transaction ends.",
     .fix = "Write REFRESH MATERIALIZED VIEW CONCURRENTLY; it needs a unique index on the view.",
     .example_bad = "refresh materialized view totals;",
     .example_good = "refresh materialized view concurrently totals;",
     .forms = FORMS("REFRESH MATERIALIZED VIEW"),
     .what = "reads of {} wait until it is refreshed"},
    {.id = "detach-partition-blocking",
     .severity = SEVERITY_WARNING,
     .engines = RULE_POSTGRES,
     .title = "a partition is taken out while the whole table is locked",
     .why = "DETACH PARTITION waits for every query on the parent, and all that come after it wait "
            "behind it.",
     .fix = "Write DETACH PARTITION ... CONCURRENTLY (PostgreSQL 14; not where there is a DEFAULT "
            "partition).",
     .example_bad = "alter table events detach partition events_2019;",
     .example_good = "alter table events detach partition events_2019 concurrently;",
     .forms = FORMS("ALTER TABLE DETACH PARTITION"),
     .what = "reads and writes of {} wait"},
    {.id = "create-partition-of",
     .grows = true,
     .severity = SEVERITY_NOTE,
     .engines = RULE_POSTGRES,
     .title = "a partition is made under a lock on the whole table",
     .why = "CREATE TABLE ... PARTITION OF waits for every query on the parent, and all that come "
            "after it wait behind it. ATTACH PARTITION takes a lock that neither reads nor writes "
            "wait for.",
     .fix = "Write CREATE TABLE ... (LIKE parent INCLUDING ALL), then ALTER TABLE parent ATTACH "
            "PARTITION.",
     .example_bad = "create table events_9 partition of events for values from (9) to (10);",
     .example_good = "create table events_9 (like events including all);\n"
                     "alter table events attach partition events_9 for values from (9) to (10);",
     .forms = FORMS("CREATE TABLE PARTITION OF: the parent"),
     .what = "reads and writes of {} wait"},
    {.id = "work-after-lock",
     .grows = true,
     .severity = SEVERITY_ERROR,
     .engines = RULE_POSTGRES,
     .title = "long work is done while a table is locked",
     .why = "A lock is kept until its transaction ends. What ALTER TABLE locked for a moment stays "
            "locked while the same transaction goes over the rows of a table, and everything that "
            "needs the table waits.",
     .fix = "Put the work into a migration of its own, with kind=backfill where it changes many "
            "rows.",
     .example_bad = "alter table users add column active boolean;\n"
                    "update users set active = true;",
     .example_good = "update users set active = true;",
     .look = look_for_long_work},
    {.id = "several-foreign-keys",
     .severity = SEVERITY_WARNING,
     .engines = RULE_POSTGRES,
     .title = "foreign keys lock several tables in one transaction",
     .why = "Each foreign key stops the writes to both of its tables, until the transaction ends. "
            "Locks on several tables in use are gathered one after another, and where the "
            "application takes them in another order, that is a deadlock.",
     .fix = "Write a migration for each foreign key.",
     .example_bad = "alter table orders add constraint a foreign key (customer) references "
                    "customers not valid;\n"
                    "alter table lines add constraint b foreign key (product) references products "
                    "not valid;",
     .example_good = "alter table orders add constraint a foreign key (customer) references "
                     "customers not valid;",
     .look = look_for_foreign_keys},
    {.id = "concurrently-in-transaction",
     .severity = SEVERITY_ERROR,
     .engines = RULE_POSTGRES,
     .title = "a statement that runs alone stands between BEGIN and COMMIT",
     .why = "The server refuses it there, and so does a deploy, before anything runs.",
     .fix =
         "Remove BEGIN and COMMIT: pawl runs each migration in a transaction, and by itself what "
         "cannot run in one.",
     .example_bad = "begin;\ncreate index concurrently a on users (email);\ncommit;",
     .example_good = "create index concurrently a on users (email);",
     .look = look_for_concurrent_in_block},
    {.id = "enum-value-used",
     .severity = SEVERITY_ERROR,
     .engines = RULE_POSTGRES,
     .title = "a new value of an enum is used in the transaction that adds it",
     .why = "The server refuses it (55P04): a value can be used when it is committed.",
     .fix = "Remove BEGIN and COMMIT: pawl then commits the value before it is used.",
     .example_bad = "begin;\nalter type mood add value 'glad';\n"
                    "update users set mood = 'glad' where id = 1;\ncommit;",
     .example_good = "alter type mood add value 'glad';\n"
                     "update users set mood = 'glad' where id = 1;",
     .look = look_for_used_label},
    {.id = "disable-trigger",
     .severity = SEVERITY_WARNING,
     .engines = RULE_POSTGRES,
     .title = "triggers are switched off for everybody",
     .why = "What other sessions write meanwhile is not seen by the triggers either: copies and "
            "sums go wrong, and with ALL foreign keys are not checked. Writes wait while it is "
            "switched.",
     .fix = "Write SET LOCAL session_replication_role = replica, which is for this transaction "
            "alone, or let the trigger's function ask for a setting.",
     .example_bad = "alter table users disable trigger users_audit;",
     .example_good = "set local session_replication_role = replica;",
     .forms = FORMS("ALTER TABLE DISABLE TRIGGER", "ALTER TABLE DISABLE TRIGGER ALL",
                    "ALTER TABLE DISABLE TRIGGER USER"),
     .what = "what others write to {} passes its triggers by"},
    {.id = "create-trigger",
     .severity = SEVERITY_NOTE,
     .engines = RULE_POSTGRES,
     .title = "a trigger runs for every writer",
     .why = "From its commit on the trigger runs for the older release too. What it raises fails "
            "their writes, and what it waits for they wait for. Writes wait while it is created.",
     .fix = "See that its function fails for nobody who writes today.",
     .example_bad = "create trigger a before insert on users for each row execute function f();",
     .example_good = "create or replace function f() returns trigger language plpgsql as "
                     "$$begin return new; end$$;",
     .forms = FORMS("CREATE TRIGGER"),
     .what = "every write to {} runs it"},
    {.id = "truncate-cascade",
     .rows = true,
     .severity = SEVERITY_ERROR,
     .engines = RULE_POSTGRES,
     .title = "TRUNCATE empties tables that it does not name",
     .why = "With CASCADE it locks and empties every table whose foreign keys refer to it, and "
            "those that refer to these.",
     .fix = "Name the tables that are meant, without CASCADE.",
     .example_bad = "truncate orders cascade;",
     .example_good = "truncate orders, lines;",
     .forms = FORMS("TRUNCATE", "TRUNCATE RESTART IDENTITY"),
     .applies = truncate_cascades,
     .what = "what refers to {} is emptied too"},
};

const struct rule_table rules_of_locks = {rules, COUNT_OF(rules)};
