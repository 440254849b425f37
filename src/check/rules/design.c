/* The rules about tables, keys, indexes and types that work today and hurt later. */
#include <pg_query/pg_query.pb-c.h>
#include <string.h>

#include "check/lint.h"
#include "check/rules/tables.h"

#define NODE(name)   PG_QUERY__NODE__NODE_##name
#define CONSTR(name) PG_QUERY__CONSTR_TYPE__CONSTR_##name

/* ---- columns ---- */

/* A column as CREATE TABLE or ADD COLUMN defines it. */
struct column {
    const PgQuery__ColumnDef *definition;
    const char *type; /* the last part of its name */
    bool is_array;
    bool is_key; /* the primary key, alone */
};

typedef bool column_test(const struct column *column);

static bool is_one_of(const char *word, const char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(word, words[i]) == 0)
            return true;
    return false;
}

/* PRIMARY KEY (name), among the elements of a table. */
static bool is_key_of(const PgQuery__Node *element, const char *name)
{
    return element->node_case == NODE(CONSTRAINT) &&
           element->constraint->contype == CONSTR(PRIMARY) && element->constraint->n_keys == 1 &&
           element->constraint->keys[0]->node_case == NODE(STRING) &&
           strcmp(element->constraint->keys[0]->string->sval, name) == 0;
}

static bool has_constraint(const PgQuery__ColumnDef *definition, PgQuery__ConstrType type)
{
    for (size_t i = 0; i < definition->n_constraints; i++)
        if (definition->constraints[i]->node_case == NODE(CONSTRAINT) &&
            definition->constraints[i]->constraint->contype == type)
            return true;
    return false;
}

static struct column read_column(const PgQuery__ColumnDef *definition,
                                 PgQuery__Node *const *elements, size_t count)
{
    const PgQuery__TypeName *const type = definition->type_name;
    const bool named = type != NULL && type->n_names > 0 &&
                       type->names[type->n_names - 1]->node_case == NODE(STRING);
    struct column column = {
        .definition = definition,
        .type = named ? type->names[type->n_names - 1]->string->sval : "",
        .is_array = type != NULL && type->n_array_bounds > 0,
        .is_key = has_constraint(definition, CONSTR(PRIMARY)),
    };
    for (size_t i = 0; i < count; i++)
        column.is_key = column.is_key || is_key_of(elements[i], definition->colname);
    return column;
}

static void test_elements(struct lint *lint, const struct rule *rule,
                          PgQuery__Node *const *elements, size_t count, column_test *test)
{
    for (size_t i = 0; i < count; i++) {
        if (elements[i]->node_case != NODE(COLUMN_DEF))
            continue;
        const struct column column = read_column(elements[i]->column_def, elements, count);
        if (test(&column))
            lint_report_name(lint, rule, column.definition->location, column.definition->colname);
    }
}

static bool is_new_table(const struct lint *lint)
{
    return lint->facts.acts.count > 0 && lint->facts.acts.items[0].is_new;
}

/* Shows the test each column that the statement makes; one of a table in use when `added` is set,
 * of any table else. */
static void test_columns(struct lint *lint, const struct rule *rule, bool added, column_test *test)
{
    if (lint->tree == NULL)
        return;
    if (lint->tree->node_case == NODE(CREATE_STMT) && !added) {
        const PgQuery__CreateStmt *const create = lint->tree->create_stmt;
        test_elements(lint, rule, create->table_elts, create->n_table_elts, test);
    }
    if (lint->tree->node_case != NODE(ALTER_TABLE_STMT) || (added && is_new_table(lint)))
        return;
    const PgQuery__AlterTableStmt *const alter = lint->tree->alter_table_stmt;
    for (size_t i = 0; i < alter->n_cmds; i++)
        if (alter->cmds[i]->node_case == NODE(ALTER_TABLE_CMD) &&
            alter->cmds[i]->alter_table_cmd->subtype == PG_QUERY__ALTER_TABLE_TYPE__AT_AddColumn &&
            alter->cmds[i]->alter_table_cmd->def != NULL)
            test_elements(lint, rule, &alter->cmds[i]->alter_table_cmd->def, 1, test);
}

/* ---- types ---- */

static bool is_serial(const char *type)
{
    static const char *const types[] = {"serial",  "serial2",   "serial4",
                                        "serial8", "bigserial", "smallserial"};
    return is_one_of(type, types, COUNT_OF(types));
}

/* What counts up by itself, in 32 bits or less. */
static bool runs_out(const struct column *column)
{
    static const char *const serials[] = {"serial", "serial4", "serial2", "smallserial"};
    static const char *const integers[] = {"int4", "int2"};
    const bool counts = is_one_of(column->type, serials, COUNT_OF(serials)) ||
                        (is_one_of(column->type, integers, COUNT_OF(integers)) &&
                         has_constraint(column->definition, CONSTR(IDENTITY)));
    return column->is_key && counts;
}

static void look_at_narrow_key(struct lint *lint, const struct rule *rule)
{
    test_columns(lint, rule, false, runs_out);
}

static bool is_plain_serial(const struct column *column)
{
    return is_serial(column->type) && !runs_out(column);
}

static void look_at_serial(struct lint *lint, const struct rule *rule)
{
    test_columns(lint, rule, false, is_plain_serial);
}

static bool is_json(const struct column *column)
{
    return strcmp(column->type, "json") == 0;
}

static void look_at_json(struct lint *lint, const struct rule *rule)
{
    test_columns(lint, rule, true, is_json);
}

static bool is_money(const struct column *column)
{
    return strcmp(column->type, "money") == 0;
}

static void look_at_money(struct lint *lint, const struct rule *rule)
{
    test_columns(lint, rule, false, is_money);
}

/* The words of a name that speak of money: "unit_price", "total_amount". */
static bool speaks_of_money(const char *name)
{
    static const char *const words[] = {"amount", "balance", "cost",   "fee",
                                        "price",  "salary",  "credit", "debit"};
    for (size_t start = 0; name[start] != '\0';) {
        const size_t len = strcspn(name + start, "_");
        for (size_t i = 0; i < COUNT_OF(words); i++)
            if (span_is_nocase((struct span){name + start, len}, words[i]))
                return true;
        start += len + (name[start + len] == '_');
    }
    return false;
}

static bool is_float_for_money(const struct column *column)
{
    static const char *const types[] = {"float4", "float8"};
    return is_one_of(column->type, types, COUNT_OF(types)) && !column->is_array &&
           speaks_of_money(column->definition->colname);
}

static void look_at_float(struct lint *lint, const struct rule *rule)
{
    test_columns(lint, rule, false, is_float_for_money);
}

/* now() or CURRENT_TIMESTAMP. */
static bool is_now(const PgQuery__Node *value)
{
    if (value == NULL)
        return false;
    if (value->node_case == NODE(SQLVALUE_FUNCTION))
        return value->sqlvalue_function->op ==
                   PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_CURRENT_TIMESTAMP ||
               value->sqlvalue_function->op ==
                   PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_CURRENT_TIMESTAMP_N;
    if (value->node_case != NODE(FUNC_CALL) || value->func_call->n_funcname == 0)
        return false;
    const PgQuery__Node *const last = value->func_call->funcname[value->func_call->n_funcname - 1];
    return last->node_case == NODE(STRING) && strcmp(last->string->sval, "now") == 0;
}

/* "timestamp(3)" is how an ORM writes it that stores UTC whatever the session says. */
static bool has_milliseconds(const PgQuery__TypeName *type)
{
    return type->n_typmods == 1 && type->typmods[0]->node_case == NODE(A_CONST) &&
           type->typmods[0]->a_const->val_case == PG_QUERY__A__CONST__VAL_IVAL &&
           type->typmods[0]->a_const->ival->ival == 3;
}

static bool is_local_now(const struct column *column)
{
    if (strcmp(column->type, "timestamp") != 0 || has_milliseconds(column->definition->type_name))
        return false;
    for (size_t i = 0; i < column->definition->n_constraints; i++) {
        const PgQuery__Node *const node = column->definition->constraints[i];
        if (node->node_case == NODE(CONSTRAINT) && node->constraint->contype == CONSTR(DEFAULT) &&
            is_now(node->constraint->raw_expr))
            return true;
    }
    return false;
}

/* Who writes one such column writes them all: once a file is enough. */
static void look_at_timestamp(struct lint *lint, const struct rule *rule)
{
    for (size_t i = lint->findings_before; i < lint->findings->count; i++)
        if (lint->findings->items[i].rule == rule->id)
            return;
    test_columns(lint, rule, false, is_local_now);
}

/* ---- tables, when all is made ---- */

typedef void table_test(struct lint *lint, const struct rule *rule, const struct made_table *table);

static void test_tables(struct lint *lint, const struct rule *rule, table_test *test)
{
    for (size_t i = 0; lint->is_last && i < lint->made.tables.count; i++)
        if (lint->made.tables.items[i].name != NULL)
            test(lint, rule, &lint->made.tables.items[i]);
}

static void test_primary_key(struct lint *lint, const struct rule *rule,
                             const struct made_table *table)
{
    if (table->is_new && !table->opaque && !table->passing && made_primary(table) == NULL)
        lint_report_spot(lint, rule, &table->place, "%s has no primary key", table->name);
}

static void end_primary_key(struct lint *lint, const struct rule *rule)
{
    test_tables(lint, rule, test_primary_key);
}

static bool names_have(const struct made_names *names, size_t count, const char *name)
{
    for (size_t i = 0; i < count && i < names->count; i++)
        if (strcmp(names->items[i], name) == 0)
            return true;
    return false;
}

/* The columns in any order, before all others. */
static bool leads_with(const struct made_key *key, const struct made_names *columns)
{
    for (size_t i = 0; i < columns->count; i++)
        if (!names_have(&key->columns, columns->count, columns->items[i]))
            return false;
    return key->columns.count >= columns->count;
}

/* An index may have stood before, unless a column is new. */
static bool has_new_column(const struct made_table *table, const struct made_names *columns)
{
    for (size_t i = 0; i < columns->count; i++)
        if (made_column(table, columns->items[i]) != NULL)
            return true;
    return false;
}

static void test_foreign_index(struct lint *lint, const struct rule *rule,
                               const struct made_table *table)
{
    for (size_t i = 0; !table->opaque && i < table->foreign.count; i++) {
        const struct made_foreign *const foreign = &table->foreign.items[i];
        bool found = !has_new_column(table, &foreign->columns);
        for (size_t k = 0; !found && k < table->keys.count; k++)
            found = leads_with(&table->keys.items[k], &foreign->columns);
        if (!found && foreign->parent != NULL)
            lint_report_spot(lint, rule, &foreign->place,
                             "a delete in %s reads all of %s: no index starts with \"%s\"",
                             foreign->parent, table->name, foreign->columns.items[0]);
    }
}

static void end_foreign_index(struct lint *lint, const struct rule *rule)
{
    test_tables(lint, rule, test_foreign_index);
}

/* What the column refers to, where that is made here too. */
static const struct made_column *referred(const struct lint *lint,
                                          const struct made_foreign *foreign, size_t column)
{
    const struct made_table *const parent =
        foreign->parent != NULL ? made_table(&lint->made, foreign->parent) : NULL;
    const struct made_names *names = &foreign->parent_columns;
    if (parent == NULL)
        return NULL;
    if (names->count == 0 && made_primary(parent) != NULL)
        names = &made_primary(parent)->columns;
    return column < names->count ? made_column(parent, names->items[column]) : NULL;
}

static void test_foreign_type(struct lint *lint, const struct rule *rule,
                              const struct made_table *table)
{
    for (size_t i = 0; i < table->foreign.count; i++) {
        const struct made_foreign *const foreign = &table->foreign.items[i];
        for (size_t c = 0; c < foreign->columns.count; c++) {
            const struct made_column *const column = made_column(table, foreign->columns.items[c]);
            const struct made_column *const parent = referred(lint, foreign, c);
            if (column != NULL && parent != NULL && column->type != NULL && parent->type != NULL &&
                strcmp(column->type, parent->type) != 0)
                lint_report_spot(lint, rule, &foreign->place,
                                 "\"%s\" is %s, but what it refers to in %s is %s", column->name,
                                 column->type, foreign->parent, parent->type);
        }
    }
}

static void end_foreign_type(struct lint *lint, const struct rule *rule)
{
    test_tables(lint, rule, test_foreign_type);
}

/* Whatever an index over `few` finds, one over `many` finds as well. */
static bool is_start_of(const struct made_names *few, const struct made_names *many)
{
    for (size_t i = 0; i < few->count; i++)
        if (i >= many->count || strcmp(few->items[i], many->items[i]) != 0)
            return false;
    return few->count > 0;
}

static bool does_work_of(const struct made_key *other, const struct made_key *key)
{
    if (!key->plain || !other->plain || !is_start_of(&key->columns, &other->columns))
        return false;
    const bool same = key->columns.count == other->columns.count;
    return key->kind == MADE_INDEX || (same && other->kind != MADE_INDEX);
}

/* Of two that do the same work the later one is told, or the weaker. */
static bool is_redundant(const struct made_table *table, size_t at)
{
    const struct made_key *const key = &table->keys.items[at];
    for (size_t i = 0; i < table->keys.count; i++) {
        const struct made_key *const other = &table->keys.items[i];
        if (i != at && does_work_of(other, key) && (i < at || !does_work_of(key, other)))
            return true;
    }
    return false;
}

static void test_redundant(struct lint *lint, const struct rule *rule,
                           const struct made_table *table)
{
    for (size_t i = 0; i < table->keys.count; i++)
        if (is_redundant(table, i))
            lint_report_spot(lint, rule, &table->keys.items[i].place,
                             "another index of %s starts with the same columns", table->name);
}

static void end_redundant(struct lint *lint, const struct rule *rule)
{
    test_tables(lint, rule, test_redundant);
}

static const struct rule rules[] = {
    {.id = "no-primary-key",
     .severity = SEVERITY_NOTE,
     .engines = RULE_POSTGRES,
     .title = "a table has no primary key",
     .why = "Nothing tells two equal rows apart. Once the table is published for logical "
            "replication, as for an upgrade without an outage, every UPDATE and DELETE of it "
            "fails.",
     .fix = "Give it one: id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, or PRIMARY KEY over "
            "the columns that are unique already.",
     .example_bad = "create table visits (day date, page text);",
     .example_good = "create table visits (day date, page text, primary key (day, page));",
     .behind = end_primary_key},
    {.id = "narrow-key",
     .severity = SEVERITY_WARNING,
     .engines = RULE_POSTGRES,
     .title = "a key that counts up has 32 bits or less",
     .why = "After 2,147,483,647 numbers every INSERT fails, also when most of the rows are gone "
            "and rolled back inserts took theirs. To widen the key of a large table rewrites it.",
     .fix = "Write bigint GENERATED ALWAYS AS IDENTITY. For a table that stays small, allow the "
            "rule in the file.",
     .example_bad = "create table users (id serial primary key);",
     .example_good = "create table users (id bigint generated always as identity primary key);",
     .what = "\"{}\" runs out of numbers, and then every INSERT fails",
     .each = look_at_narrow_key},
    {.id = "serial-column",
     .severity = SEVERITY_NOTE,
     .engines = RULE_POSTGRES,
     .title = "a column is serial",
     .why = "The sequence behind it has rights of its own: a role that may INSERT into the table "
            "fails until it is granted USAGE on the sequence too.",
     .fix = "Write bigint GENERATED BY DEFAULT AS IDENTITY: the rights of the table are enough.",
     .example_bad = "create table users (id bigserial primary key);",
     .example_good = "create table users (id bigint generated by default as identity primary key);",
     .what = "who may insert needs a right on the sequence of \"{}\" too",
     .each = look_at_serial},
    {.id = "json-column",
     .severity = SEVERITY_WARNING,
     .engines = RULE_POSTGRES,
     .title = "a json column is added to a table in use",
     .why = "Values of type json cannot be compared: a SELECT DISTINCT, UNION or GROUP BY over all "
            "columns of the table, which works until then, fails with the new column.",
     .fix = "Write jsonb.",
     .example_bad = "alter table users add column settings json;",
     .example_good = "alter table users add column settings jsonb;",
     .what = "a SELECT DISTINCT over all columns fails with \"{}\"",
     .each = look_at_json},
    {.id = "money-type",
     .severity = SEVERITY_WARNING,
     .engines = RULE_POSTGRES,
     .title = "a column is of type money",
     .why = "What a value of type money means depends on lc_monetary of whoever reads it: a dump "
            "that is restored elsewhere may hold other amounts, and no currency is stored.",
     .fix = "Write numeric(12, 2), and the currency in a column of its own.",
     .example_bad = "create table items (id bigint primary key, price money);",
     .example_good = "create table items (id bigint primary key, price numeric(12, 2));",
     .what = "what \"{}\" means depends on who reads it",
     .each = look_at_money},
    {.id = "float-for-money",
     .severity = SEVERITY_WARNING,
     .engines = RULE_POSTGRES,
     .title = "a column for amounts of money rounds",
     .why = "real and double precision cannot hold most decimal fractions: sums are off by cents, "
            "and comparing for equality fails where people see the same number.",
     .fix = "Write numeric(12, 2), or a bigint of cents.",
     .example_bad = "create table items (id bigint primary key, unit_price double precision);",
     .example_good = "create table items (id bigint primary key, unit_price numeric(12, 2));",
     .what = "\"{}\" rounds what it stores",
     .each = look_at_float},
    {.id = "local-timestamp",
     .severity = SEVERITY_NOTE,
     .engines = RULE_POSTGRES,
     .title = "the time of day is stored without its time zone",
     .why = "now() is turned into the local time of whichever session writes the row: two clients "
            "with another TimeZone store the same moment as different values.",
     .fix = "Write timestamptz.",
     .example_bad = "create table notes (id bigint primary key, at timestamp default now());",
     .example_good = "create table notes (id bigint primary key, at timestamptz default now());",
     .what = "what \"{}\" stores depends on TimeZone of the session that writes",
     .each = look_at_timestamp},
    {.id = "foreign-key-without-index",
     .severity = SEVERITY_NOTE,
     .engines = RULE_POSTGRES,
     .title = "no index serves a foreign key",
     .why = "Each row that is deleted from the other table, or whose key changes, reads all of "
            "this one to find what refers to it, and whoever waits for that row waits as long.",
     .fix = "Create an index that starts with the foreign key's columns.",
     .example_bad = "create table orders (id bigint primary key,\n"
                    "  customer bigint references customers);",
     .example_good = "create table orders (id bigint primary key,\n"
                     "  customer bigint references customers);\n"
                     "create index orders_customer on orders (customer);",
     .behind = end_foreign_index},
    {.id = "foreign-key-type",
     .severity = SEVERITY_WARNING,
     .engines = RULE_POSTGRES,
     .title = "a foreign key is of another type than what it refers to",
     .why = "The narrower of the two runs out first: then no row can refer to a new one. Until "
            "then each check and each join casts.",
     .fix = "Give both columns one type.",
     .example_bad =
         "create table customers (id bigint primary key);\n"
         "create table orders (id bigint primary key, customer int references customers);",
     .example_good =
         "create table customers (id bigint primary key);\n"
         "create table orders (id bigint primary key, customer bigint references customers);",
     .behind = end_foreign_type},
    {.id = "redundant-index",
     .severity = SEVERITY_NOTE,
     .engines = RULE_POSTGRES,
     .title = "an index does what another one does",
     .why = "An index over (a, b) serves whoever looks for a as well. The second one costs time in "
            "every write, and space, for nothing.",
     .fix = "Leave the shorter one out. A primary key and a UNIQUE have their index already.",
     .example_bad = "create table notes (id bigint primary key, day date);\n"
                    "create index notes_id on notes (id);",
     .example_good = "create table notes (id bigint primary key, day date);\n"
                     "create index notes_day on notes (day);",
     .behind = end_redundant},
};

const struct rule_table rules_of_design = {rules, COUNT_OF(rules)};
