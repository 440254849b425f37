/* What earlier pending statements make of a table's rows, said as a query over those of today. */
#include <string.h>

#include "check/probe/parts.h"
#include "sql/facts_form.h"
#include "sql/tree_name.h"
#include "sql/tree_walk.h"

/* What ends a type or a DEFAULT in a column's definition. */
#define COLUMN_WORDS                                                                               \
    "CONSTRAINT|NOT|NULL|DEFAULT|CHECK|UNIQUE|PRIMARY|REFERENCES|GENERATED|COLLATE|DEFERRABLE|"    \
    "INITIALLY|COMPRESSION|STORAGE"

/* An expression in the place of a column; name NULL: none. */
struct change {
    const char *name, *expression, *as;
};

void layer_forget(struct probing *p, struct probed_table *table, const char *what)
{
    if (table->unknown == NULL)
        table->unknown = probing_text(p, "%s (%s)", what, probing_here(p));
}

static bool can_layer(struct probing *p, struct probed_table *table)
{
    if (table->oid == NULL || table->unknown != NULL)
        return false;
    if (table->inherited)
        layer_forget(p, table, "an earlier statement changes it and what inherits from it");
    return table->unknown == NULL;
}

/* Every column, but for the change, of the rows for which the condition is true. */
static const char *layer_text(struct probing *p, const struct probed_table *table, const char *from,
                              const char *alias, const struct change *changes, size_t change_count,
                              const char *where)
{
    struct str sql = {0};
    str_puts(&sql, "(SELECT ");
    size_t written = 0;
    for (size_t i = 0; i < table->columns.count; i++) {
        const char *const name = table->columns.items[i].name;
        const struct change *change = NULL;
        for (size_t c = 0; c < change_count; c++)
            change = strcmp(changes[c].name, name) == 0 ? &changes[c] : change;
        if (change != NULL && change->expression == NULL && change->as == NULL)
            continue;
        str_puts(&sql, written++ > 0 ? ", " : "");
        if (change != NULL && change->expression != NULL) {
            str_puts(&sql, change->expression);
        } else {
            str_printf(&sql, "%s.", alias);
            append_name(&sql, name);
        }
        str_puts(&sql, " AS ");
        append_name(&sql, change != NULL && change->as != NULL ? change->as : name);
    }
    str_printf(&sql, " FROM %s AS %s", from, alias);
    /* OFFSET 0: what is asked of the rows is not asked of those that are gone. */
    str_printf(&sql, where != NULL ? " WHERE %s OFFSET 0)" : ")", where);
    return probing_keep(p, &sql);
}

static void add_layer(struct probing *p, struct probed_table *table, const char *alias,
                      const struct change *changes, size_t change_count, const char *where)
{
    enum { MAX_LAYERS = 100 };
    if (table->layer_count++ == MAX_LAYERS) {
        layer_forget(p, table, "too many earlier statements change it");
        return;
    }
    if (table->undeleted != NULL)
        table->undeleted =
            layer_text(p, table, table->undeleted, alias, changes, change_count, where);
    table->layered =
        layer_text(p, table, table_from(p, table, false), alias, changes, change_count, where);
}

/* Until their transaction is over, an index has deleted rows too. */
static void delete_layer(struct probing *p, struct probed_table *table, const char *alias,
                         const char *where)
{
    const char *const before = table_undeleted(p, table);
    table->undeleted = NULL;
    add_layer(p, table, alias, NULL, 0, where);
    table->undeleted = p->at->migration->no_transaction ? NULL : before;
    table->deleted_by = p->at->migration;
}

const char *table_undeleted(struct probing *p, const struct probed_table *table)
{
    return table->undeleted != NULL && table->deleted_by == p->at->migration
               ? table->undeleted
               : table_from(p, table, table->layered == NULL);
}

/* ---- columns ---- */

static const char *slice(struct probing *p, struct span span)
{
    return probing_text(p, "%.*s", (int)span.len, span.len > 0 ? span.at : "");
}

static const PgQuery__Constraint *constraint_of(const PgQuery__ColumnDef *column,
                                                PgQuery__ConstrType type)
{
    for (size_t i = 0; i < column->n_constraints; i++)
        if (column->constraints[i]->node_case == NODE(CONSTRAINT) &&
            column->constraints[i]->constraint->contype == type)
            return column->constraints[i]->constraint;
    return NULL;
}

static bool is_serial(const PgQuery__ColumnDef *column)
{
    const PgQuery__TypeName *const type = column->type_name;
    const PgQuery__Node *const last =
        type != NULL && type->n_names > 0 ? type->names[type->n_names - 1] : NULL;
    return last != NULL && last->node_case == NODE(STRING) &&
           strstr(last->string->sval, "serial") != NULL;
}

static struct span type_text(const struct probing *p, const PgQuery__ColumnDef *column)
{
    return text_until(text_behind_token(p->text, column->location), COLUMN_WORDS);
}

/* What the rows that are there get; *ret_default as the column's default. NULL: not known. */
static const char *value_of(struct probing *p, const PgQuery__ColumnDef *column,
                            const char **ret_default)
{
    const PgQuery__Constraint *const generated = constraint_of(column, CONSTR(GENERATED));
    const PgQuery__Constraint *const defaulted = constraint_of(column, CONSTR(DEFAULT));
    const char *const type = slice(p, type_text(p, column));
    if (is_serial(column) || constraint_of(column, CONSTR(IDENTITY)) != NULL)
        return "pg_catalog.row_number() OVER ()";
    if (generated != NULL)
        return probing_text(p, "CAST((%s) AS %s)",
                            slice(p, text_in_parens(p->text, generated->location, "AS")), type);
    if (defaulted == NULL)
        return probing_text(p, "CAST(NULL AS %s)", type);
    *ret_default = slice(p, text_after(p->text, defaulted->location, "DEFAULT", COLUMN_WORDS));
    return probing_text(p, "CAST(%s AS %s)", *ret_default, type);
}

void layer_add_column(struct probing *p, struct probed_table *table,
                      const PgQuery__ColumnDef *column)
{
    const char *default_value = NULL;
    if (!can_layer(p, table) || table_column(table, column->colname) != NULL)
        return;
    const char *const value = value_of(p, column, &default_value);
    const char *const name = probing_text(p, "%s", column->colname);
    struct probed_column *const added = arena_push(p->arena, &table->columns);
    if (added == NULL) {
        p->failed = !err_nomem(p->err);
        return;
    }
    *added =
        (struct probed_column){.name = name,
                               .type = is_serial(column) ? NULL : slice(p, type_text(p, column)),
                               .default_value = default_value};
    const struct change change = {name, value, name};
    add_layer(p, table, table->alias, &change, 1, NULL);
}

void layer_drop_column(struct probing *p, struct probed_table *table, const char *name)
{
    struct probed_column *const column = table_column(table, name);
    if (column == NULL || !can_layer(p, table))
        return;
    const struct change change = {name, NULL, NULL};
    add_layer(p, table, table->alias, &change, 1, NULL);
    const size_t at = (size_t)(column - table->columns.items);
    memmove(column, column + 1, (table->columns.count - at - 1) * sizeof *column);
    table->columns.count--;
}

void layer_rename_column(struct probing *p, struct probed_table *table, const char *from,
                         const char *to)
{
    struct probed_column *const column = table_column(table, from);
    if (column == NULL || !can_layer(p, table))
        return;
    const char *const name = probing_text(p, "%s", to);
    const struct change change = {from, NULL, name};
    add_layer(p, table, table->alias, &change, 1, NULL);
    column->name = name;
    table->renames = true;
}

void layer_set_column(struct probing *p, struct probed_table *table, const char *name,
                      const char *expression, const char *type)
{
    struct probed_column *const column = table_column(table, name);
    if (column == NULL || !can_layer(p, table))
        return;
    const struct change change = {name, expression, NULL};
    table->undeleted = NULL; /* it is written anew */
    add_layer(p, table, table->alias, &change, 1, NULL);
    column->type = type;
    column->today = NULL;
}

/* ---- rows ---- */

struct function_search {
    struct str names; /* as a SQL array's text */
    bool other;       /* a query within */
};

static bool note_function(void *context, const ProtobufCMessage *message)
{
    struct function_search *const search = context;
    if (message->descriptor == &pg_query__func_call__descriptor) {
        const PgQuery__FuncCall *const call = (const void *)message;
        const PgQuery__Node *const last =
            call->n_funcname > 0 ? call->funcname[call->n_funcname - 1] : NULL;
        str_puts(&search->names, search->names.len > 0 ? "," : "");
        if (last != NULL && last->node_case == NODE(STRING)) {
            str_putc(&search->names, '"');
            for (const char *c = last->string->sval; *c != '\0'; c++) {
                if (*c == '"' || *c == '\\')
                    str_putc(&search->names, '\\');
                str_putc(&search->names, *c);
            }
            str_putc(&search->names, '"');
        }
    }
    return tree_visit_children(message, note_function, context);
}

bool calls_volatile(struct probing *p)
{
    struct function_search search = {{0}, false};
    (void)note_function(&search, &p->tree->base);
    if (search.names.len == 0) {
        str_release(&search.names);
        return false;
    }
    const char *const array = probing_text(p, "{%s}", str_text(&search.names));
    p->failed = p->failed || (search.names.failed && !err_nomem(p->err));
    str_release(&search.names);
    const char *const answer =
        probing_ask(p,
                    "SELECT 1 FROM pg_catalog.unnest($1::pg_catalog.text[]) AS f(name)"
                    " WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_proc WHERE proname = f.name)"
                    " OR EXISTS (SELECT FROM pg_catalog.pg_proc WHERE proname = f.name"
                    " AND provolatile = 'v') LIMIT 1",
                    &array, 1);
    return answer != NULL;
}

/* Whether another table that the statement reads is not as it is today. */
static bool reads_changed(struct probing *p, const struct probed_table *table)
{
    for (size_t i = 0; i < p->facts->locks.count; i++) {
        const struct locked *const lock = &p->facts->locks.items[i];
        if (lock->object != LOCKED_RELATION || lock->name == NULL)
            continue;
        if (lock->ours)
            return true;
        const struct probed_table *const other =
            probing_table_named(p, lock->written != NULL ? lock->written : lock->name, NULL);
        if (other != NULL && other != table &&
            (other->layered != NULL || table_unknown(p, other) != NULL))
            return true;
    }
    return false;
}

/* Why what an UPDATE or DELETE does cannot be said as a query; NULL. */
static const char *why_not(struct probing *p, struct probed_table *table, size_t others,
                           const PgQuery__WithClause *with)
{
    if (table->has_rules || table->has_triggers)
        return "an earlier statement changes its rows, which have triggers or rules";
    if (others > 0 || with != NULL)
        return "an earlier statement changes its rows by way of other tables";
    if (reads_changed(p, table))
        return "an earlier statement changes its rows, and reads what is changed before";
    if (calls_volatile(p))
        return "an earlier statement changes its rows by a volatile function";
    return NULL;
}

/* Foreign keys carry a change to other tables. */
static void forget_referring(struct probing *p, const struct probed_table *table)
{
    if (table->reaches_out && p->unknown == NULL)
        p->unknown = probing_text(p,
                                  "an earlier statement changes %s, and foreign keys carry that "
                                  "to other tables (%s)",
                                  table->shown, probing_here(p));
}

static const char *alias_of(struct probing *p, const PgQuery__RangeVar *range)
{
    struct str text = {0};
    append_name(&text, range->alias != NULL ? range->alias->aliasname : range->relname);
    return probing_keep(p, &text);
}

static const char *condition(struct probing *p, const PgQuery__Node *where)
{
    return where == NULL ? "true" : slice(p, text_after(p->text, 0, "WHERE", "RETURNING"));
}

enum { MAX_ASSIGNMENTS = 32 };

/* column = expression, as written; false where it is anything else. */
static bool read_assignment(struct probing *p, const struct probed_table *table,
                            const PgQuery__Node *node, struct span text, const char *where,
                            struct change *ret)
{
    if (node->node_case != NODE(RES_TARGET) || node->res_target->n_indirection > 0 ||
        (node->res_target->val != NULL &&
         (node->res_target->val->node_case == NODE(MULTI_ASSIGN_REF) ||
          node->res_target->val->node_case == NODE(SET_TO_DEFAULT))))
        return false;
    const struct span value = text_behind_equals(text);
    if (value.len == 0)
        return false;
    const char *const name = probing_text(p, "%s", node->res_target->name);
    struct str quoted = {0};
    append_name(&quoted, node->res_target->name);
    const char *const column = probing_keep(p, &quoted);
    const struct probed_column *const known = table_column(table, name);
    const char *const changed = probing_text(p, "CASE WHEN (%s\n) THEN (%.*s\n) ELSE %s END", where,
                                             (int)value.len, value.at, column);
    if (known == NULL)
        return false;
    *ret = (struct change){
        name,
        known->type != NULL ? probing_text(p, "CAST(%s AS %s)", changed, known->type) : changed,
        NULL};
    return true;
}

/* ---- what the statement computes itself ---- */

/* A comparison fails on no value; a constant's cast fails on all of them. */
static bool note_computing(void *context, const ProtobufCMessage *message)
{
    static const char *const harmless[] = {"=", "<>", "<", ">", "<=", ">=", "~~", "!~~"};
    bool *const computes = context;
    if (message->descriptor == &pg_query__func_call__descriptor) {
        *computes = true;
    } else if (message->descriptor == &pg_query__type_cast__descriptor) {
        const PgQuery__TypeCast *const cast = (const void *)message;
        *computes = *computes || cast->arg == NULL || cast->arg->node_case != NODE(A_CONST);
    } else if (message->descriptor == &pg_query__a__expr__descriptor) {
        const PgQuery__AExpr *const expression = (const void *)message;
        const PgQuery__Node *const last =
            expression->n_name > 0 ? expression->name[expression->n_name - 1] : NULL;
        bool compares = false;
        for (size_t i = 0;
             last != NULL && last->node_case == NODE(STRING) && i < COUNT_OF(harmless); i++)
            compares = compares || strcmp(last->string->sval, harmless[i]) == 0;
        *computes = *computes || !compares;
    }
    return *computes || tree_visit_children(message, note_computing, context);
}

/* Whether an UPDATE or DELETE fails on a value; values: NULL, or its columns' new ones. */
static void probe_rows(struct probing *p, const struct probed_table *table, const char *alias,
                       const struct span *values, size_t count, const char *where)
{
    bool computes = false;
    struct str sql = {0};
    (void)note_computing(&computes, &p->tree->base);
    if (!computes)
        return;
    struct probe *const probe =
        probing_add(p, PROBE_EVALUATE, table, probing_text(p, "rows of %s", table->shown));
    str_puts(&sql, "SELECT pg_catalog.count(*)");
    for (size_t i = 0; i < count; i++)
        str_printf(&sql, ", pg_catalog.count((%.*s\n))", (int)values[i].len, values[i].at);
    str_printf(&sql, " FROM %s AS %s WHERE %s", table_from(p, table, false), alias, where);
    const char *const kept = probing_keep(p, &sql);
    if (probe == NULL)
        return;
    probe->evaluates = true;
    probe->sql = kept;
}

static void update_rows(struct probing *p, const PgQuery__UpdateStmt *statement)
{
    struct probed_table *const table = probing_table(p, statement->relation);
    if (table == NULL || table->unknown != NULL)
        return;
    forget_referring(p, table);
    const char *const why =
        table->oid == NULL ? NULL
                           : why_not(p, table, statement->n_from_clause, statement->with_clause);
    struct change changes[MAX_ASSIGNMENTS];
    struct span parts[MAX_ASSIGNMENTS];
    const char *const where = condition(p, statement->where_clause);
    const struct span list = text_after_list(p->text, "SET", "WHERE|RETURNING|FROM");
    const size_t count = text_split_list(list, parts, MAX_ASSIGNMENTS);
    bool plain = why == NULL && count == statement->n_target_list && can_layer(p, table);
    for (size_t i = 0; plain && i < count; i++)
        plain = read_assignment(p, table, statement->target_list[i], parts[i], where, &changes[i]);
    const char *const alias = alias_of(p, statement->relation);
    for (size_t i = 0; plain && i < count; i++)
        parts[i] = text_behind_equals(parts[i]);
    if (plain && !p->failed) {
        probe_rows(p, table, alias, parts, count, where);
        add_layer(p, table, alias, changes, count, NULL);
        table->rows_change = true;
    } else {
        layer_forget(p, table, why != NULL ? why : "an earlier statement changes its rows");
    }
}

static void delete_rows(struct probing *p, const PgQuery__DeleteStmt *statement)
{
    struct probed_table *const table = probing_table(p, statement->relation);
    if (table == NULL || table->unknown != NULL || table->oid == NULL)
        return;
    forget_referring(p, table);
    const char *const why = why_not(p, table, statement->n_using_clause, statement->with_clause);
    if (why != NULL || !can_layer(p, table)) {
        layer_forget(p, table, why != NULL ? why : "an earlier statement deletes rows of it");
        return;
    }
    const char *const where = condition(p, statement->where_clause);
    const char *const alias = alias_of(p, statement->relation);
    probe_rows(p, table, alias, NULL, 0, where);
    delete_layer(p, table, alias, probing_text(p, "(%s\n) IS NOT TRUE", where));
    table->rows_change = true;
}

static void truncate_tables(struct probing *p, const PgQuery__TruncateStmt *statement)
{
    for (size_t i = 0; i < statement->n_relations; i++) {
        if (statement->relations[i]->node_case != NODE(RANGE_VAR))
            continue;
        struct probed_table *const table = probing_table(p, statement->relations[i]->range_var);
        if (table == NULL)
            return;
        table->unknown = NULL;
        table->undeleted = NULL;
        if (can_layer(p, table))
            add_layer(p, table, table->alias, NULL, 0, "false");
    }
    if (statement->behavior == PG_QUERY__DROP_BEHAVIOR__DROP_CASCADE && p->unknown == NULL)
        p->unknown = probing_text(p, "an earlier TRUNCATE ... CASCADE (%s)", probing_here(p));
}

/* Any other statement that writes rows: what it writes is not known. What the statements of a DO
 * block come to hangs on its branches. */
static void forget_written(struct probing *p)
{
    const bool is_code = p->tree->node_case == NODE(DO_STMT);
    for (size_t i = 0; i < p->facts->locks.count; i++) {
        const struct locked *const lock = &p->facts->locks.items[i];
        if (lock->object != LOCKED_RELATION || (lock->effect != EFFECT_ROWS && !is_code) ||
            lock->mode < LOCK_ROW_EXCLUSIVE || lock->name == NULL)
            continue;
        struct probed_table *const table =
            probing_table_named(p, lock->written != NULL ? lock->written : lock->name, NULL);
        if (table != NULL)
            layer_forget(p, table,
                         is_code ? "the code of an earlier statement may change it"
                                 : "an earlier statement writes rows into it");
    }
}

void layer_rows(struct probing *p)
{
    switch (p->tree->node_case) {
    case NODE(UPDATE_STMT):
        update_rows(p, p->tree->update_stmt);
        return;
    case NODE(DELETE_STMT):
        delete_rows(p, p->tree->delete_stmt);
        return;
    case NODE(TRUNCATE_STMT):
        truncate_tables(p, p->tree->truncate_stmt);
        return;
    default:
        forget_written(p);
        return;
    }
}
