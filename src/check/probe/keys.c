/* What two rows decide: UNIQUE, PRIMARY KEY and unique indexes; EXCLUDE. */
#include <jansson.h>
#include <string.h>

#include "check/probe/parts.h"
#include "ledger/detail.h"
#include "sql/tree_name.h"

enum { MAX_ELEMENTS = 32 };

/* One element of a key: what is compared, and whether by the type's own equality. */
struct element {
    const char *sql, *collation;
    const char *column; /* NULL for an expression */
};

struct key {
    struct element items[MAX_ELEMENTS];
    size_t count;
    struct name_list names; /* the columns in it */
    const char *unknown;    /* why it cannot be compared here */
};

static const char *last_name(PgQuery__Node *const *names, size_t count)
{
    const PgQuery__Node *const last = count > 0 ? names[count - 1] : NULL;
    return last != NULL && last->node_case == NODE(STRING) ? last->string->sval : "";
}

/* The default class of a type, or one of the server's for patterns: equal is what "=" says. */
static bool compares_as_usual(struct probing *p, const PgQuery__IndexElem *element)
{
    const char *const name = last_name(element->opclass, element->n_opclass);
    return probing_ask(p,
                       "SELECT 1 FROM pg_catalog.pg_opclass WHERE opcname = $1"
                       " HAVING pg_catalog.bool_and(opcdefault OR opcname LIKE '%\\_pattern\\_ops'"
                       " AND opcnamespace = 'pg_catalog'::pg_catalog.regnamespace)",
                       &name, 1) != NULL;
}

/* An expression as the list has it, without what follows it there. */
static struct span expression_of(struct span part)
{
    struct lexer lexer = lexer_init(DIALECT_POSTGRES, part.at, part.len);
    const struct token first = lexer_next_solid(&lexer);
    const struct span inner = text_parens_at(part, (int)first.start);
    if (inner.len == 0)
        return part;
    const size_t start = first.type == TOKEN_SYMBOL ? first.start : first.start;
    const size_t end = (size_t)(inner.at - part.at) + inner.len + 1;
    return (struct span){part.at + start, end - start};
}

static struct element element_of(struct probing *p, struct probed_table *table, struct key *key,
                                 struct span part, const PgQuery__IndexElem *element)
{
    struct element made = {0};
    struct str text = {0}, collation = {0};
    if (element->name[0] != '\0') {
        const struct probed_column *const column = table_column(table, element->name);
        if (column == NULL)
            key->unknown = "there is no such column yet";
        else
            name_list_add(p, &key->names, column->name);
        made.column = column != NULL ? column->name : NULL;
        str_printf(&text, "%s.", table->alias);
        append_name(&text, element->name);
    } else {
        const struct span expression = expression_of(part);
        const struct name_list used = columns_in(p, table, element->expr);
        for (size_t i = 0; i < used.count; i++)
            name_list_add(p, &key->names, used.items[i]);
        str_printf(&text, "(%.*s)", (int)expression.len, expression.at);
    }
    if (element->n_collation > 0) {
        str_puts(&collation, " COLLATE ");
        tree_append_list(&collation, element->collation, element->n_collation);
    }
    if (element->n_opclass > 0 && !compares_as_usual(p, element))
        key->unknown = "its operator class may compare in a way of its own";
    made.sql = probing_keep(p, &text);
    made.collation = probing_keep(p, &collation);
    return made;
}

/* list: the elements as text, for the expressions among them. */
static struct key read_key(struct probing *p, struct probed_table *table, struct span list,
                           PgQuery__Node *const *elements, size_t count)
{
    struct span parts[MAX_ELEMENTS];
    struct key key = {.count = count < MAX_ELEMENTS ? count : MAX_ELEMENTS};
    const size_t split = text_split_list(list, parts, MAX_ELEMENTS);
    for (size_t i = 0; i < key.count && !p->failed; i++) {
        PgQuery__IndexElem plain = PG_QUERY__INDEX_ELEM__INIT;
        const PgQuery__IndexElem *element = &plain;
        if (elements[i]->node_case == NODE(STRING))
            plain.name = elements[i]->string->sval;
        else if (elements[i]->node_case == NODE(INDEX_ELEM))
            element = elements[i]->index_elem;
        if (element->name[0] == '\0' && split != count)
            key.unknown = "its expressions could not be read";
        key.items[i] = element_of(p, table, &key, split == count ? parts[i] : list, element);
    }
    if (key.unknown == NULL)
        key.unknown = columns_unknown(table, &key.names);
    return key;
}

static const char *key_text(struct probing *p, const struct key *key)
{
    struct str text = {0};
    for (size_t i = 0; i < key->count; i++) {
        const char *const dot = key->items[i].column != NULL ? key->items[i].column : NULL;
        str_puts(&text, i > 0 ? ", " : "");
        if (dot != NULL)
            append_name(&text, dot);
        else
            str_puts(&text, key->items[i].sql);
    }
    return probing_keep(p, &text);
}

/* ---- UNIQUE ---- */

/* IS TRUE: its parts are computed in the order in which they are written, as an index does; the
 * planner would sort them by their cost. */
static void append_where(struct str *sql, const struct key *key, struct span predicate,
                         bool nulls_equal)
{
    str_puts(sql, " WHERE true");
    if (predicate.len > 0)
        str_printf(sql, " AND (%.*s\n) IS TRUE", (int)predicate.len, predicate.at);
    for (size_t i = 0; !nulls_equal && i < key->count; i++)
        str_printf(sql, " AND %s IS NOT NULL", key->items[i].sql);
}

/* FROM: for expressions only the rows of the predicate, which the planner would not ask first. */
static const char *key_from(struct probing *p, const struct probed_table *table,
                            const struct key *key, struct span predicate)
{
    bool computes = false;
    for (size_t i = 0; i < key->count; i++)
        computes = computes || key->items[i].column == NULL;
    if (!computes || predicate.len == 0)
        return table_from(p, table, true);
    return probing_text(p, "(SELECT %s* FROM %s AS %s WHERE (%.*s\n) IS TRUE OFFSET 0)",
                        table->layered == NULL ? "ctid, " : "", table_from(p, table, true),
                        table->alias, (int)predicate.len, predicate.at);
}

/* The primary key's first column of some rows of the group: looked for where it is shown, as to
 * gather it for every group would cost more than to find them. */
static void append_group_rows(struct probing *p, struct str *sql, const struct probed_table *table,
                              const struct key *key, struct span predicate)
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
                                const struct key *key, struct span predicate, bool nulls_equal)
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
    append_where(&sql, key, predicate, nulls_equal);
    str_puts(&sql, " GROUP BY ");
    for (size_t i = 0; i < key->count; i++)
        str_printf(&sql, "%s%s%s", i > 0 ? ", " : "", key->items[i].sql, key->items[i].collation);
    str_puts(&sql, " HAVING pg_catalog.count(*) > 1) AS pawl_group");
    return probing_keep(p, &sql);
}

/* Of rows that are equal one stays: the first by the primary key, or by where it lies. */
static const char *unique_repair(struct probing *p, const struct probed_table *table,
                                 const struct key *key, struct span predicate, bool nulls_equal)
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
    append_where(&sql, key, predicate, nulls_equal);
    str_puts(&sql, ") AS ranked WHERE number > 1);");
    sql.failed = sql.failed || order.failed;
    return probing_keep(p, &sql);
}

/* Each partition has an index of its own: equal rows have to be in the same one. */
static bool is_divided_otherwise(const struct probed_table *table, const struct key *key)
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
    const struct key key = read_key(p, table, list, elements, count);
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
    PgQuery__String strings[MAX_ELEMENTS];
    PgQuery__Node nodes[MAX_ELEMENTS], *pointers[MAX_ELEMENTS];
    const json_t *const columns = json_object_get(key, "columns");
    const size_t count = json_array_size(columns);
    const bool gained = table->gains_key, ruled = table->gains_rules;
    for (size_t i = 0; i < count && i < MAX_ELEMENTS; i++) {
        const char *const name = json_string_value(json_array_get(columns, i));
        strings[i] = (PgQuery__String)PG_QUERY__STRING__INIT;
        nodes[i] = (PgQuery__Node)PG_QUERY__NODE__INIT;
        strings[i].sval = arena_strdup(p->arena, name != NULL ? column_by_then(table, name) : "");
        p->failed = p->failed || (strings[i].sval == NULL && !err_nomem(p->err));
        nodes[i].node_case = NODE(STRING);
        nodes[i].string = &strings[i];
        pointers[i] = &nodes[i];
    }
    if (count > 0 && count <= MAX_ELEMENTS && !p->failed)
        probe_unique(p, table, (struct span){0}, pointers, count, (struct span){0},
                     json_is_true(json_object_get(key, "nulls_equal")), "");
    table->gains_key = gained;
    table->gains_rules = ruled;
}

/* An index of expressions, or of some rows, computes them for every row: also for those that no
 * other can equal. */
static void probe_evaluation(struct probing *p, struct probed_table *table,
                             PgQuery__Node *const *elements, size_t count, struct span list,
                             struct span predicate)
{
    const struct key key = read_key(p, table, list, elements, count);
    const char *const subject = probing_text(p, "%s (%s)", table->shown, key_text(p, &key));
    const char *const unknown =
        table_unknown(p, table) != NULL ? table_unknown(p, table) : key.unknown;
    struct str sql = {0};
    bool computes = predicate.len > 0;
    for (size_t i = 0; i < key.count; i++) {
        computes = computes || key.items[i].column == NULL;
        str_printf(&sql, "%spg_catalog.count(%s)", i > 0 ? ", " : "SELECT ", key.items[i].sql);
    }
    str_printf(&sql, " FROM %s AS %s", table_undeleted(p, table), table->alias);
    append_where(&sql, &key, predicate, true);
    const char *const kept = probing_keep(p, &sql);
    if (!computes || p->failed || (table->oid == NULL && table->unknown == NULL))
        return;
    if (unknown != NULL) {
        probing_defer(p, PROBE_EVALUATE, table, subject, unknown);
        return;
    }
    struct probe *const probe = probing_add(p, PROBE_EVALUATE, table, subject);
    if (probe == NULL)
        return;
    probe->evaluates = true;
    probe->sql = kept;
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
    probe_evaluation(p, table, index->index_params, index->n_index_params, list, predicate);
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

/* ---- EXCLUDE ---- */

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
                                 const struct key *key, struct span predicate)
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
    append_where(&sql, key, predicate, false);
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
    const struct key key =
        read ? read_key(p, table, list, exclusion.elements, exclusion.count) : (struct key){0};
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
    probe_evaluation(p, table, exclusion.elements, exclusion.count, list, predicate);
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
