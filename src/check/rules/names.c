/* The rules about what things are called, or not called. */
#include <pg_query/pg_query.pb-c.h>
#include <string.h>

#include "check/lint.h"
#include "check/rules/tables.h"

#define NODE(name)   PG_QUERY__NODE__NODE_##name
#define CONSTR(name) PG_QUERY__CONSTR_TYPE__CONSTR_##name

/* ---- names that are cut ---- */

enum { NAME_MAX_BYTES = 63 };

/* Queries and rows give no name that lasts. */
static bool gives_names(const PgQuery__Node *tree)
{
    switch (tree->node_case) {
    case NODE(SELECT_STMT):
    case NODE(INSERT_STMT):
    case NODE(UPDATE_STMT):
    case NODE(DELETE_STMT):
    case NODE(MERGE_STMT):
    case NODE(DO_STMT):
    case NODE(DROP_STMT): /* cut like the name that it drops */
        return false;
    default:
        return true;
    }
}

/* The bytes of a name without its quotes; of an odd one (U&"...") as it is written. */
static size_t name_bytes(const struct token *token)
{
    size_t bytes = token->span.len;
    if (token->type != TOKEN_NAME)
        return bytes;
    bytes -= 2;
    for (size_t i = 1; i + 2 < token->span.len; i++)
        bytes -= token->span.at[i] == '"' && token->span.at[++i] == '"';
    return bytes;
}

static void look_at_length(struct lint *lint, const struct rule *rule)
{
    const struct span text = lint->statement->text;
    if (lint->tree == NULL || text.len <= NAME_MAX_BYTES || !gives_names(lint->tree))
        return;
    struct lexer lexer = lexer_init(DIALECT_POSTGRES, text.at, text.len);
    for (struct token token; (token = lexer_next_solid(&lexer)).type != TOKEN_END;)
        if ((token.type == TOKEN_WORD || token.type == TOKEN_NAME) &&
            name_bytes(&token) > NAME_MAX_BYTES)
            lint_report(lint, rule, (int)token.start, "%.*s is cut after %d bytes",
                        (int)token.span.len, token.span.at, NAME_MAX_BYTES);
}

/* ---- no name at all ---- */

static const char *kind_without_name(const PgQuery__AlterTableCmd *command)
{
    const PgQuery__Node *const def = command->def;
    if (command->subtype != PG_QUERY__ALTER_TABLE_TYPE__AT_AddConstraint || def == NULL ||
        def->node_case != NODE(CONSTRAINT) || def->constraint->conname[0] != '\0' ||
        def->constraint->indexname[0] != '\0')
        return NULL;
    switch (def->constraint->contype) {
    case CONSTR(CHECK):
        return "CHECK";
    case CONSTR(FOREIGN):
        return "foreign key";
    case CONSTR(UNIQUE):
        return "UNIQUE";
    case CONSTR(EXCLUSION):
        return "EXCLUDE";
    default:
        return NULL; /* a primary key is found by what it is */
    }
}

static void look_at_constraint_name(struct lint *lint, const struct rule *rule)
{
    if (lint->tree == NULL || lint->tree->node_case != NODE(ALTER_TABLE_STMT))
        return;
    const PgQuery__AlterTableStmt *const alter = lint->tree->alter_table_stmt;
    for (size_t i = 0; i < alter->n_cmds; i++) {
        const char *const kind = alter->cmds[i]->node_case == NODE(ALTER_TABLE_CMD)
                                     ? kind_without_name(alter->cmds[i]->alter_table_cmd)
                                     : NULL;
        if (kind != NULL)
            lint_report_name(lint, rule, alter->cmds[i]->alter_table_cmd->def->constraint->location,
                             kind);
    }
}

static void look_at_index_name(struct lint *lint, const struct rule *rule)
{
    if (lint->tree != NULL && lint->tree->node_case == NODE(INDEX_STMT) &&
        lint->tree->index_stmt->idxname[0] == '\0' && lint->tree->index_stmt->concurrent)
        lint_report(lint, rule, 0, "an interrupted build leaves an index of a name nobody knows");
}

/* ---- a name that is taken ---- */

static void look_at_if_not_exists(struct lint *lint, const struct rule *rule)
{
    if (lint->tree != NULL && lint->tree->node_case == NODE(CREATE_STMT) &&
        lint->tree->create_stmt->if_not_exists && lint->tree->create_stmt->relation != NULL)
        lint_report_name(lint, rule, lint->tree->create_stmt->relation->location,
                         lint->tree->create_stmt->relation->relname);
}

static const struct rule rules[] = {
    {.id = "name-too-long",
     .severity = SEVERITY_WARNING,
     .engines = RULE_POSTGRES,
     .title = "a name is longer than PostgreSQL keeps",
     .why = "PostgreSQL cuts a name after 63 bytes with no more than a notice. Two long names "
            "become one, and whoever looks for the whole name in the catalog does not find it.",
     .fix = "Choose a name of at most 63 bytes.",
     .example_bad = "create index "
                    "index_of_all_the_orders_of_a_customer_by_their_day_and_their_state_and_more\n"
                    "  on orders (customer);",
     .example_good = "create index orders_by_customer on orders (customer);",
     .look = look_at_length},
    {.id = "unnamed-constraint",
     .severity = SEVERITY_NOTE,
     .engines = RULE_POSTGRES,
     .title = "a constraint has no name",
     .why = "The server makes one up, and which one depends on what is there already. A later "
            "migration that validates, renames or drops it has to guess.",
     .fix = "Name it: ADD CONSTRAINT name ...",
     .example_bad = "alter table orders add check (amount > 0) not valid;",
     .example_good =
         "alter table orders add constraint amount_positive check (amount > 0) not valid;",
     .what = "the server makes a name up for this {}",
     .each = look_at_constraint_name},
    {.id = "unnamed-index",
     .severity = SEVERITY_WARNING,
     .engines = RULE_POSTGRES,
     .title = "an index that is built concurrently has no name",
     .why =
         "When the build is interrupted, an INVALID index stays that every write keeps up to "
         "date. By its name a deploy finds it and builds it anew; without one it makes a second.",
     .fix = "Name it: CREATE INDEX CONCURRENTLY name ON ...",
     .example_bad = "create index concurrently on orders (customer);",
     .example_good = "create index concurrently orders_customer on orders (customer);",
     .each = look_at_index_name},
    {.id = "if-not-exists",
     .severity = SEVERITY_NOTE,
     .engines = RULE_POSTGRES,
     .title = "a table is made unless there is one of its name",
     .why = "A table of that name with other columns is taken for the new one without a word, and "
            "the two databases differ from then on. A deploy runs a migration once: it needs no "
            "such guard.",
     .fix = "Write CREATE TABLE; where the table may stand already, adopt the database first.",
     .example_bad = "create table if not exists users (id bigint primary key);",
     .example_good = "create table users (id bigint primary key);",
     .what = "another table \"{}\" would be taken for this one",
     .each = look_at_if_not_exists},
};

const struct rule_table rules_of_names = {rules, COUNT_OF(rules)};
