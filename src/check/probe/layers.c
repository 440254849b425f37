/* What earlier pending statements make of a table's rows, said as a query over those of today. */
#include <string.h>

#include "check/probe/parts.h"

/* What ends a type or a DEFAULT in a column's definition. */
#define COLUMN_WORDS                                                                               \
    "CONSTRAINT|NOT|NULL|DEFAULT|CHECK|UNIQUE|PRIMARY|REFERENCES|GENERATED|COLLATE|DEFERRABLE|"    \
    "INITIALLY|COMPRESSION|STORAGE"

void layer_forget(struct probing *p, struct probed_table *table, const char *what)
{
    if (table->unknown == NULL)
        table->unknown = probing_text(p, "%s (%s)", what, probing_here(p));
}

bool layer_is_possible(struct probing *p, struct probed_table *table)
{
    if (table->oid == NULL || table->unknown != NULL)
        return false;
    if (table->inherited)
        layer_forget(p, table, "an earlier statement changes it and what inherits from it");
    return table->unknown == NULL;
}

/* Every column, but for the change, of the rows for which the condition is true. */
static const char *layer_text(struct probing *p, const struct probed_table *table, const char *from,
                              const char *alias, const struct layer_change *changes,
                              size_t change_count, const char *where)
{
    struct str sql = {0};
    str_puts(&sql, "(SELECT ");
    size_t written = 0;
    bool computes = false;
    for (size_t i = 0; i < table->columns.count; i++) {
        const char *const name = table->columns.items[i].name;
        const struct layer_change *change = NULL;
        for (size_t c = 0; c < change_count; c++)
            change = strcmp(changes[c].name, name) == 0 ? &changes[c] : change;
        if (change != NULL && change->expression == NULL && change->as == NULL)
            continue;
        str_puts(&sql, written++ > 0 ? ", " : "");
        if (change != NULL && change->expression != NULL) {
            computes = true;
            str_puts(&sql, change->expression);
        } else {
            str_printf(&sql, "%s.", alias);
            append_name(&sql, name);
        }
        str_puts(&sql, " AS ");
        append_name(&sql, change != NULL && change->as != NULL ? change->as : name);
    }
    str_printf(&sql, " FROM %s AS %s", from, alias);
    if (where != NULL)
        str_printf(&sql, " WHERE %s", where);
    /* OFFSET 0: what is asked of the rows is not asked of those that are gone, and not of a new
     * value where there are no rows. */
    str_puts(&sql, where != NULL || computes ? " OFFSET 0)" : ")");
    return probing_keep(p, &sql);
}

void layer_add(struct probing *p, struct probed_table *table, const char *alias,
               const struct layer_change *changes, size_t change_count, const char *where)
{
    enum { MAX_LAYERS = 100, MAX_BYTES = 1 << 20 };
    if (table->layer_count++ == MAX_LAYERS ||
        (table->layered != NULL && strlen(table->layered) > MAX_BYTES)) {
        layer_forget(p, table, "too many earlier statements change it");
        return;
    }
    table->tail_bytes = 0;
    for (size_t i = 0; i < change_count; i++)
        if (table_column(table, changes[i].name) != NULL)
            table_column(table, changes[i].name)->changed_by = p->at->migration;
    if (table->undeleted != NULL)
        table->undeleted =
            layer_text(p, table, table->undeleted, alias, changes, change_count, where);
    table->layered =
        layer_text(p, table, table_from(p, table, false), alias, changes, change_count, where);
}

/* Until their transaction is over, an index has deleted rows too. */
void layer_delete(struct probing *p, struct probed_table *table, const char *alias,
                  const char *where)
{
    const char *const before = table_undeleted(p, table);
    table->undeleted = NULL;
    layer_add(p, table, alias, NULL, 0, where);
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

const char *probing_slice(struct probing *p, struct span span)
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
    const char *const type = probing_slice(p, type_text(p, column));
    if (is_serial(column) || constraint_of(column, CONSTR(IDENTITY)) != NULL)
        return "pg_catalog.row_number() OVER ()";
    if (generated != NULL)
        return probing_text(p, "CAST((%s) AS %s)",
                            probing_slice(p, text_in_parens(p->text, generated->location, "AS")),
                            type);
    if (defaulted == NULL)
        return probing_text(p, "CAST(NULL AS %s)", type);
    *ret_default =
        probing_slice(p, text_after(p->text, defaulted->location, "DEFAULT", COLUMN_WORDS));
    return probing_text(p, "CAST(%s AS %s)", *ret_default, type);
}

static void layer_compute(struct probing *p, struct probed_table *table, const char *value,
                          const char *name)
{
    const struct layer_change change = {name, value, name};
    layer_add(p, table, table->alias, &change, 1, NULL);
}

/* A new column of no other column's value joins the layer of the one before: a table may get
 * hundreds. */
static void layer_widen(struct probing *p, struct probed_table *table, const char *value,
                        const char *name)
{
    if (table->tail_bytes == 0 || table->undeleted != NULL || table->layered == NULL) {
        const char *const from = table_from(p, table, false);
        if (from == NULL)
            return;
        layer_compute(p, table, value, name);
        table->tail_bytes = strlen(" FROM  AS  OFFSET 0)") + strlen(from) + strlen(table->alias);
        return;
    }
    struct str sql = {0};
    const size_t head_bytes = strlen(table->layered) - table->tail_bytes;
    str_append(&sql, table->layered, head_bytes);
    str_printf(&sql, ", %s AS ", value);
    append_name(&sql, name);
    str_puts(&sql, table->layered + head_bytes);
    table->layered = probing_keep(p, &sql);
}

void layer_add_column(struct probing *p, struct probed_table *table,
                      const PgQuery__ColumnDef *column)
{
    const char *default_value = NULL;
    if (!layer_is_possible(p, table) || table_column(table, column->colname) != NULL)
        return;
    const char *const value = value_of(p, column, &default_value);
    const char *const name = probing_text(p, "%s", column->colname);
    struct probed_column *const added = arena_push(p->arena, &table->columns);
    if (added == NULL) {
        p->failed = !err_nomem(p->err);
        return;
    }
    *added = (struct probed_column){
        .name = name,
        .not_null = constraint_of(column, CONSTR(NOTNULL)) != NULL,
        .type = is_serial(column) ? NULL : probing_slice(p, type_text(p, column)),
        .default_value = default_value};
    added->changed_by = p->at->migration;
    if (constraint_of(column, CONSTR(GENERATED)) == NULL)
        layer_widen(p, table, value, name);
    else
        layer_compute(p, table, value, name);
    table->gains_rules = table->gains_rules || constraint_of(column, CONSTR(GENERATED)) != NULL;
}

void layer_drop_column(struct probing *p, struct probed_table *table, const char *name)
{
    struct probed_column *const column = table_column(table, name);
    if (column == NULL || !layer_is_possible(p, table))
        return;
    const struct layer_change change = {name, NULL, NULL};
    layer_add(p, table, table->alias, &change, 1, NULL);
    const size_t at = (size_t)(column - table->columns.items);
    memmove(column, column + 1, (table->columns.count - at - 1) * sizeof *column);
    table->columns.count--;
}

void layer_rename_column(struct probing *p, struct probed_table *table, const char *from,
                         const char *to)
{
    struct probed_column *const column = table_column(table, from);
    if (column == NULL || !layer_is_possible(p, table))
        return;
    const char *const name = probing_text(p, "%s", to);
    const struct layer_change change = {from, NULL, name};
    layer_add(p, table, table->alias, &change, 1, NULL);
    column->name = name;
    table->renames = true;
}

void layer_set_column(struct probing *p, struct probed_table *table, const char *name,
                      const char *expression, const char *type)
{
    struct probed_column *const column = table_column(table, name);
    if (column == NULL || !layer_is_possible(p, table))
        return;
    const struct layer_change change = {name, expression, NULL};
    table->undeleted = NULL; /* it is written anew */
    layer_add(p, table, table->alias, &change, 1, NULL);
    column->type = type;
    column->retyped = true;
}
