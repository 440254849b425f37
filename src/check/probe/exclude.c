/* EXCLUDE: pairs of rows for which every operator holds. */
#include <string.h>

#include "check/probe/key.h"

/* The operator as it is written in a query. */
static const char *operator_text(struct probing *p, const PgQuery__Node *operators)
{
    struct str text = {0};
    if (operators->node_case != NODE(LIST))
        return "";
    const PgQuery__List *const list = operators->list;
    str_puts(&text, "OPERATOR(");
    for (size_t i = 0; i < list->n_items; i++) {
        if (list->items[i]->node_case != NODE(STRING))
            continue;
        if (i + 1 < list->n_items) {
            append_name(&text, list->items[i]->string->sval);
            str_putc(&text, '.');
        } else {
            str_puts(&text, list->items[i]->string->sval);
        }
    }
    str_putc(&text, ')');
    /* One that is not qualified is looked for along the search_path, as the statement does. */
    if (list->n_items == 1 && list->items[0]->node_case == NODE(STRING)) {
        str_clear(&text);
        str_puts(&text, list->items[0]->string->sval);
    }
    return probing_keep(p, &text);
}

enum { MAX_EXCLUSIONS = 16 };

struct exclusion {
    PgQuery__Node *elements[MAX_EXCLUSIONS];
    const char *operators[MAX_EXCLUSIONS];
    size_t count;
};

static bool read_exclusion(struct probing *p, const PgQuery__Constraint *constraint,
                           struct exclusion *ret)
{
    *ret = (struct exclusion){.count = constraint->n_exclusions};
    if (ret->count > MAX_EXCLUSIONS)
        return false;
    for (size_t i = 0; i < ret->count; i++) {
        const PgQuery__Node *const pair = constraint->exclusions[i];
        if (pair->node_case != NODE(LIST) || pair->list->n_items != 2)
            return false;
        ret->elements[i] = pair->list->items[0];
        ret->operators[i] = operator_text(p, pair->list->items[1]);
    }
    return true;
}

/* The rows to be held against each other, each with its place. */
static const char *excluded_rows(struct probing *p, const struct probed_table *table,
                                 const struct probe_key *key, struct span predicate)
{
    struct str sql = {0};
    str_puts(&sql, "(SELECT ");
    if (table->layered != NULL)
        str_puts(&sql, "pg_catalog.row_number() OVER ()");
    else
        str_printf(&sql, "%s.ctid", table->alias);
    str_puts(&sql, " AS place, ");
    append_sample(&sql, table, table->alias, &key->names);
    str_puts(&sql, " AS sample");
    for (size_t i = 0; i < key->count; i++)
        str_printf(&sql, ", %s AS e%zu", key->items[i].sql, i);
    str_printf(&sql, " FROM %s AS %s", key_from(p, table, key, predicate), table->alias);
    key_append_where(&sql, key, predicate, false);
    str_putc(&sql, ')');
    return probing_keep(p, &sql);
}

void probe_exclude(struct probing *p, struct probed_table *table,
                   const PgQuery__Constraint *constraint)
{
    struct exclusion exclusion;
    const bool read = read_exclusion(p, constraint, &exclusion);
    struct span list = text_in_parens(p->text, constraint->location, "EXCLUDE");
    struct span parts[MAX_EXCLUSIONS];
    if (constraint->access_method[0] != '\0')
        list = text_in_parens(p->text, constraint->location, "USING");
    const size_t split = text_split_list(list, parts, MAX_EXCLUSIONS);
    const struct probe_key key = read
                                     ? key_read(p, table, list, exclusion.elements, exclusion.count)
                                     : (struct probe_key){0};
    const char *const subject = probing_text(p, "%s (%s)", table->shown, key_text(p, &key));
    const struct span predicate = constraint->where_clause != NULL
                                      ? text_in_parens(p->text, constraint->location, "WHERE")
                                      : (struct span){0};
    const char *unknown = table_unknown(p, table);
    table->gains_rules = true;
    if (p->failed || (table->oid == NULL && unknown == NULL))
        return;
    if (unknown == NULL)
        unknown = !read || split != exclusion.count ? "it could not be read" : key.unknown;
    if (unknown != NULL) {
        probing_defer(p, PROBE_EXCLUDE, table, subject, unknown);
        return;
    }
    key_probe_evaluation(p, table, exclusion.elements, exclusion.count, list, predicate);
    struct str sql = {0};
    const char *const rows = excluded_rows(p, table, &key, predicate);
    str_printf(&sql,
               "SELECT pg_catalog.json_build_array(a.sample, b.sample) FROM %s AS a"
               " JOIN %s AS b ON a.place < b.place",
               rows, rows);
    for (size_t i = 0; i < key.count; i++)
        str_printf(&sql, " AND a.e%zu %s b.e%zu", i, exclusion.operators[i], i);
    struct probe *const probe = probing_add(p, PROBE_EXCLUDE, table, subject);
    const char *const kept = probing_keep(p, &sql);
    if (probe != NULL)
        probe->sql = kept;
}
