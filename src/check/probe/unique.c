/* What two rows decide: UNIQUE, PRIMARY KEY and unique indexes; and what an index computes. */
#include <jansson.h>
#include <string.h>

#include "check/probe/key.h"
#include "ledger/detail.h"

/* The primary key's first column of some rows of the group: looked for where it is shown, as to
 * gather it for every group would cost more than to find them. */
static void append_group_rows(struct probing *p, struct str *sql, const struct probed_table *table,
                              const struct probe_key *key, struct span predicate)
{
    const struct probed_column *shown = NULL;
    for (size_t i = 0; i < table->columns.count && shown == NULL; i++)
        shown = table->columns.items[i].is_key ? &table->columns.items[i] : NULL;
    if (shown == NULL)
        return;
    str_puts(sql, ", ");
    append_literal(sql, shown->name);
    str_printf(sql, ", CASE WHEN pawl_group.number <= %zu THEN ARRAY(SELECT %s.",
               p->options->sample_max, table->alias);
    append_name(sql, shown->name);
    str_printf(sql, "::pg_catalog.text FROM %s AS %s WHERE true",
               key_from(p, table, key, predicate), table->alias);
    if (predicate.len > 0)
        str_printf(sql, " AND (%.*s\n) IS TRUE", (int)predicate.len, predicate.at);
    for (size_t i = 0; i < key->count; i++)
        str_printf(sql, " AND %s%s IS NOT DISTINCT FROM pawl_group.e%zu", key->items[i].sql,
                   key->items[i].collation, i);
    str_puts(sql, " LIMIT 3) END");
}

static const char *unique_query(struct probing *p, const struct probed_table *table,
                                const struct probe_key *key, struct span predicate,
                                bool nulls_equal)
{
    enum { SHOWN_ELEMENTS = 8 };
    struct str sql = {0};
    str_puts(&sql, "SELECT pg_catalog.json_build_object(");
    for (size_t i = 0; i < key->count && i < SHOWN_ELEMENTS; i++) {
        append_literal(&sql,
                       key->items[i].column != NULL ? key->items[i].column : key->items[i].sql);
        str_printf(&sql, ", pg_catalog.left(pawl_group.e%zu::pg_catalog.text, 80), ", i);
    }
    str_puts(&sql, "'rows', pawl_group.n");
    append_group_rows(p, &sql, table, key, predicate);
    str_puts(&sql, ") FROM (SELECT ");
    for (size_t i = 0; i < key->count; i++)
        str_printf(&sql, "%s%s AS e%zu, ", key->items[i].sql, key->items[i].collation, i);
    str_printf(&sql,
               "pg_catalog.count(*) AS n, pg_catalog.row_number() OVER () AS number FROM %s AS %s",
               key_from(p, table, key, predicate), table->alias);
    key_append_where(&sql, key, predicate, nulls_equal);
    str_puts(&sql, " GROUP BY ");
    for (size_t i = 0; i < key->count; i++)
        str_printf(&sql, "%s%s%s", i > 0 ? ", " : "", key->items[i].sql, key->items[i].collation);
    str_puts(&sql, " HAVING pg_catalog.count(*) > 1) AS pawl_group");
    return probing_keep(p, &sql);
}

/* Of rows that are equal one stays: the first by the primary key, or by where it lies. */
static const char *unique_repair(struct probing *p, const struct probed_table *table,
                                 const struct probe_key *key, struct span predicate,
                                 bool nulls_equal)
{
    struct str sql = {0};
    CLEANUP(str_release) struct str order = {0};
    if (table->kind != 'r')
        return NULL;
    for (size_t i = 0; i < table->columns.count; i++) {
        if (!table->columns.items[i].is_key)
            continue;
        str_puts(&order, order.len > 0 ? ", " : "");
        append_name(&order, table->columns.items[i].name);
    }
    str_printf(&sql,
               "DELETE FROM %s WHERE ctid IN (SELECT ctid FROM (SELECT ctid,"
               " row_number() OVER (PARTITION BY ",
               table->shown);
    for (size_t i = 0; i < key->count; i++)
        str_printf(&sql, "%s%s%s", i > 0 ? ", " : "", key->items[i].sql, key->items[i].collation);
    str_printf(&sql, " ORDER BY %s) AS number FROM ONLY %s AS %s",
               order.len > 0 ? str_text(&order) : "ctid", table->shown, table->alias);
    key_append_where(&sql, key, predicate, nulls_equal);
    str_puts(&sql, ") AS ranked WHERE number > 1);");
    sql.failed = sql.failed || order.failed;
    return probing_keep(p, &sql);
}

/* Each partition has an index of its own: equal rows have to be in the same one. */
static bool is_divided_otherwise(const struct probed_table *table, const struct probe_key *key)
{
    for (size_t i = 0; i < table->columns.count; i++) {
        const struct probed_column *const column = &table->columns.items[i];
        bool held = !column->divides;
        for (size_t k = 0; k < key->count && !held; k++)
            held = key->items[k].column != NULL && strcmp(key->items[k].column, column->name) == 0;
        if (!held)
            return true;
    }
    return table->divided_by_more;
}

void probe_unique(struct probing *p, struct probed_table *table, struct span list,
                  PgQuery__Node *const *elements, size_t count, struct span predicate,
                  bool nulls_equal, const char *name)
{
    const struct probe_key key = key_read(p, table, list, elements, count);
    const char *const subject = probing_text(p, "%s %s(%s)", table->shown, name, key_text(p, &key));
    const char *const unknown =
        table_unknown(p, table) != NULL ? table_unknown(p, table) : key.unknown;
    const bool divided = is_divided_otherwise(table, &key);
    table->gains_key = true;
    table->gains_rules = true;
    if (p->failed || (table->oid == NULL && table->unknown == NULL))
        return;
    if (unknown != NULL) {
        probing_defer(p, PROBE_UNIQUE, table, subject, unknown);
        return;
    }
    if (divided) {
        probing_fail(p, PROBE_UNIQUE, table, subject,
                     "a key of a partitioned table has to hold all that it is partitioned by");
        return;
    }
    struct probe *const probe = probing_add(p, PROBE_UNIQUE, table, subject);
    const char *const sql = unique_query(p, table, &key, predicate, nulls_equal);
    const char *const repair = unique_repair(p, table, &key, predicate, nulls_equal);
    if (probe == NULL)
        return;
    probe->sql = sql;
    mend_by(p, probe, table, &key.names, repair, false);
}

/* {"columns": [...], "nulls_equal": ...}: one that the catalog has. */
void probe_known_key(struct probing *p, struct probed_table *table, const struct json_t *key)
{
    PgQuery__String strings[KEY_ELEMENTS];
    PgQuery__Node nodes[KEY_ELEMENTS], *pointers[KEY_ELEMENTS];
    const json_t *const columns = json_object_get(key, "columns");
    const size_t count = json_array_size(columns);
    const bool gained = table->gains_key, ruled = table->gains_rules;
    for (size_t i = 0; i < count && i < KEY_ELEMENTS; i++) {
        const char *const name = json_string_value(json_array_get(columns, i));
        strings[i] = (PgQuery__String)PG_QUERY__STRING__INIT;
        nodes[i] = (PgQuery__Node)PG_QUERY__NODE__INIT;
        strings[i].sval = arena_strdup(p->arena, name != NULL ? column_by_then(table, name) : "");
        p->failed = p->failed || (strings[i].sval == NULL && !err_nomem(p->err));
        nodes[i].node_case = NODE(STRING);
        nodes[i].string = &strings[i];
        pointers[i] = &nodes[i];
    }
    if (count > 0 && count <= KEY_ELEMENTS && !p->failed)
        probe_unique(p, table, (struct span){0}, pointers, count, (struct span){0},
                     json_is_true(json_object_get(key, "nulls_equal")), "");
    table->gains_key = gained;
    table->gains_rules = ruled;
}

static void note_index(struct probing *p, const PgQuery__IndexStmt *index)
{
    struct made_index *const made = arena_push(p->arena, &p->indexes);
    const char **const columns =
        arena_alloc(p->arena, (index->n_index_params + 1) * sizeof *columns);
    if (made == NULL || columns == NULL) {
        p->failed = !err_nomem(p->err);
        return;
    }
    for (size_t i = 0; i < index->n_index_params; i++)
        columns[i] = index->index_params[i]->node_case == NODE(INDEX_ELEM)
                         ? probing_text(p, "%s", index->index_params[i]->index_elem->name)
                         : NULL;
    *made =
        (struct made_index){probing_text(p, "%s", index->idxname), columns, index->n_index_params};
}

void probe_index(struct probing *p, const PgQuery__IndexStmt *index)
{
    struct probed_table *const table = probing_table(p, index->relation);
    if (table == NULL)
        return;
    const struct span list = text_in_parens(p->text, 0, "ON");
    const struct span predicate =
        index->where_clause != NULL ? text_after_list(p->text, "WHERE", "") : (struct span){0};
    note_index(p, index);
    table->gains_rules = true;
    key_probe_evaluation(p, table, index->index_params, index->n_index_params, list, predicate);
    if (index->unique)
        probe_unique(p, table, list, index->index_params, index->n_index_params, predicate,
                     index->nulls_not_distinct, "");
}

/* ---- ADD PRIMARY KEY USING INDEX: its rows are unique already, and may be NULL ---- */

void probe_using_index(struct probing *p, struct probed_table *table,
                       const PgQuery__Constraint *constraint)
{
    if (constraint->contype != CONSTR(PRIMARY))
        return;
    for (size_t i = 0; i < p->indexes.count; i++) {
        const struct made_index *const made = &p->indexes.items[i];
        if (strcmp(made->name, constraint->indexname) != 0)
            continue;
        for (size_t c = 0; c < made->count; c++)
            if (made->columns[c] != NULL && made->columns[c][0] != '\0')
                probe_not_null(p, table, made->columns[c]);
        return;
    }
    if (table->oid == NULL)
        return;
    const char *const params[] = {table->oid, constraint->indexname};
    const char *const columns = probing_ask(
        p,
        "SELECT pg_catalog.string_agg(a.attname, E'\\n' ORDER BY a.attnum)"
        " FROM pg_catalog.pg_index AS i JOIN pg_catalog.pg_class AS x ON x.oid = i.indexrelid"
        " JOIN pg_catalog.pg_attribute AS a ON a.attrelid = i.indrelid"
        " AND a.attnum = ANY (i.indkey) WHERE i.indrelid = $1::pg_catalog.oid AND x.relname = $2",
        params, COUNT_OF(params));
    for (const char *at = columns; at != NULL && *at != '\0';) {
        const size_t len = strcspn(at, "\n");
        probe_not_null(p, table, probing_text(p, "%.*s", (int)len, at));
        at += len + (at[len] == '\n');
    }
}
