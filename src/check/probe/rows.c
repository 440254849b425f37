/* UPDATE, DELETE, TRUNCATE and other statements of rows: what they leave, and whether they fail on
 * a value themselves. */
#include <string.h>

#include "check/probe/parts.h"
#include "sql/facts_form.h"
#include "sql/tree_name.h"
#include "sql/tree_walk.h"

static bool note_parameter(void *context, const ProtobufCMessage *message)
{
    bool *const found = context;
    *found = *found || message->descriptor == &pg_query__param_ref__descriptor;
    return *found || tree_visit_children(message, note_parameter, context);
}

bool has_parameters(const struct probing *p)
{
    bool found = false;
    if (p->tree->node_case != NODE(CREATE_FUNCTION_STMT) &&
        p->tree->node_case != NODE(PREPARE_STMT))
        (void)note_parameter(&found, &p->tree->base);
    return found;
}

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
    return where == NULL ? "true" : probing_slice(p, text_after(p->text, 0, "WHERE", "RETURNING"));
}

enum { MAX_ASSIGNMENTS = 32 };

/* column = expression, as written; false where it is anything else. */
static bool read_assignment(struct probing *p, const struct probed_table *table,
                            const PgQuery__Node *node, struct span text, const char *where,
                            struct layer_change *ret)
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
    *ret = (struct layer_change){
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
    struct layer_change changes[MAX_ASSIGNMENTS];
    struct span parts[MAX_ASSIGNMENTS];
    const char *const where = condition(p, statement->where_clause);
    const struct span list = text_after_list(p->text, "SET", "WHERE|RETURNING|FROM");
    const size_t count = text_split_list(list, parts, MAX_ASSIGNMENTS);
    bool plain = why == NULL && count == statement->n_target_list && layer_is_possible(p, table);
    for (size_t i = 0; plain && i < count; i++)
        plain = read_assignment(p, table, statement->target_list[i], parts[i], where, &changes[i]);
    const char *const alias = alias_of(p, statement->relation);
    for (size_t i = 0; plain && i < count; i++)
        parts[i] = text_behind_equals(parts[i]);
    if (plain && !p->failed) {
        probe_rows(p, table, alias, parts, count, where);
        layer_add(p, table, alias, changes, count, NULL);
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
    if (why != NULL || !layer_is_possible(p, table)) {
        layer_forget(p, table, why != NULL ? why : "an earlier statement deletes rows of it");
        return;
    }
    const char *const where = condition(p, statement->where_clause);
    const char *const alias = alias_of(p, statement->relation);
    probe_rows(p, table, alias, NULL, 0, where);
    layer_delete(p, table, alias, probing_text(p, "(%s\n) IS NOT TRUE", where));
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
        if (layer_is_possible(p, table))
            layer_add(p, table, table->alias, NULL, 0, "false");
    }
    if (statement->behavior == PG_QUERY__DROP_BEHAVIOR__DROP_CASCADE && p->unknown == NULL)
        p->unknown = probing_text(p, "an earlier TRUNCATE ... CASCADE (%s)", probing_here(p));
}

/* Any other statement that writes rows: what it writes is not known. What the statements of a DO
 * block come to hangs on its branches. */
void forget_written(struct probing *p)
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

void probe_write(struct probing *p)
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
