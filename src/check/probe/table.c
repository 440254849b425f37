/* Tables as the catalog has them, and queries for their rows. */
#include <jansson.h>
#include <string.h>

#include "check/probe/parts.h"
#include "ledger/detail.h"
#include "sql/identifier.h"
#include "sql/tree_name.h"
#include "sql/tree_walk.h"

/* ---- text ---- */

void append_name(struct str *out, const char *name)
{
    identifier_append(out, (struct span){name, strlen(name)});
}

void append_literal(struct str *out, const char *text)
{
    const bool escaped = strchr(text, '\\') != NULL;
    str_puts(out, escaped ? "E'" : "'");
    for (const char *c = text; *c != '\0'; c++) {
        if (*c == '\'' || *c == '\\')
            str_putc(out, *c);
        str_putc(out, *c);
    }
    str_putc(out, '\'');
}

const char *names_list(struct probing *p, PgQuery__Node *const *nodes, size_t count)
{
    struct str text = {0};
    for (size_t i = 0; i < count; i++) {
        if (nodes[i]->node_case != NODE(STRING))
            continue;
        str_puts(&text, text.len > 0 ? ", " : "");
        append_name(&text, nodes[i]->string->sval);
    }
    return probing_keep(p, &text);
}

void name_list_add(struct probing *p, struct name_list *list, const char *name)
{
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->items[i], name) == 0)
            return;
    const char **const item = arena_push(p->arena, list);
    if (item == NULL)
        p->failed = !err_nomem(p->err);
    else
        *item = name;
}

/* ---- the catalog ---- */

static const char question[] =
    "SELECT pg_catalog.json_build_object('oid', c.oid::pg_catalog.text,"
    " 'shown', pg_catalog.format('%I.%I', n.nspname, c.relname), 'kind', c.relkind,"
    " 'alias', pg_catalog.quote_ident(c.relname),"
    " 'inherited', c.relkind <> 'p' AND EXISTS (SELECT FROM pg_catalog.pg_inherits AS i"
    "   WHERE i.inhparent = c.oid),"
    " 'divided_by_more', EXISTS (SELECT FROM pg_catalog.pg_partitioned_table AS t"
    "   WHERE t.partrelid = c.oid AND t.partexprs IS NOT NULL),"
    " 'rules', EXISTS (SELECT FROM pg_catalog.pg_rewrite AS r WHERE r.ev_class = c.oid),"
    " 'triggers', EXISTS (SELECT FROM pg_catalog.pg_trigger AS t WHERE t.tgrelid = c.oid"
    "   AND NOT t.tgisinternal AND t.tgenabled <> 'D' AND t.tgtype & 1 = 1),"
    " 'reaches', EXISTS (SELECT FROM pg_catalog.pg_constraint AS k WHERE k.confrelid = c.oid"
    "   AND k.contype = 'f' AND (k.confdeltype IN ('c', 'n', 'd') OR k.confupdtype IN ('c', 'n',"
    "   'd'))),"
    " 'columns', (SELECT pg_catalog.json_agg(pg_catalog.json_build_object('name', a.attname,"
    "   'type', pg_catalog.format_type(a.atttypid, a.atttypmod), 'not_null', a.attnotnull,"
    "   'divides', EXISTS (SELECT FROM pg_catalog.pg_partitioned_table AS t"
    "     WHERE t.partrelid = c.oid AND a.attnum = ANY (t.partattrs)),"
    "   'default', pg_catalog.pg_get_expr(d.adbin, d.adrelid),"
    "   'key', EXISTS (SELECT FROM pg_catalog.pg_index AS x WHERE x.indrelid = c.oid"
    "     AND x.indisprimary AND a.attnum = ANY (x.indkey))) ORDER BY a.attnum)"
    "   FROM pg_catalog.pg_attribute AS a LEFT JOIN pg_catalog.pg_attrdef AS d"
    "   ON d.adrelid = a.attrelid AND d.adnum = a.attnum AND a.attgenerated = ''"
    "   WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped))"
    " FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace"
    " WHERE c.oid = pg_catalog.to_regclass($1)";

static const char *text_of(struct probing *p, const json_t *object, const char *name)
{
    const char *const value = json_string_value(json_object_get(object, name));
    return value != NULL ? probing_text(p, "%s", value) : NULL;
}

static void read_columns(struct probing *p, struct probed_table *table, const json_t *columns)
{
    for (size_t i = 0; i < json_array_size(columns); i++) {
        const json_t *const one = json_array_get(columns, i);
        struct probed_column *const column = arena_push(p->arena, &table->columns);
        if (column == NULL) {
            p->failed = !err_nomem(p->err);
            return;
        }
        *column = (struct probed_column){
            .name = text_of(p, one, "name"),
            .type = text_of(p, one, "type"),
            .today = text_of(p, one, "name"),
            .divides = json_is_true(json_object_get(one, "divides")),
            .not_null = json_is_true(json_object_get(one, "not_null")),
            .is_key = json_is_true(json_object_get(one, "key")),
            .default_value = text_of(p, one, "default"),
        };
    }
}

static void read_table(struct probing *p, struct probed_table *table, const char *answer)
{
    CLEANUP(json_release) json_t *found = json_loads(answer, 0, NULL);
    const char *const kind = json_string_value(json_object_get(found, "kind"));
    if (found == NULL || kind == NULL) {
        p->failed = !err_nomem(p->err);
        return;
    }
    table->oid = text_of(p, found, "oid");
    table->shown = text_of(p, found, "shown");
    table->alias = text_of(p, found, "alias");
    table->kind = kind[0];
    table->inherited = json_is_true(json_object_get(found, "inherited"));
    table->divided_by_more = json_is_true(json_object_get(found, "divided_by_more"));
    table->has_rules = json_is_true(json_object_get(found, "rules"));
    table->has_triggers = json_is_true(json_object_get(found, "triggers"));
    table->reaches_out = json_is_true(json_object_get(found, "reaches"));
    read_columns(p, table, json_object_get(found, "columns"));
}

/* ---- tables by name ---- */

/* As facts have followed the name: what it was before the set, and whether the set makes it. */
static const char *name_before(const struct probing *p, const char *written, bool *ret_ours)
{
    *ret_ours = false;
    for (size_t i = 0; p->facts != NULL && i < p->facts->locks.count; i++) {
        const struct locked *const lock = &p->facts->locks.items[i];
        const char *const now = lock->written != NULL ? lock->written : lock->name;
        if (lock->object != LOCKED_RELATION || now == NULL || strcmp(now, written) != 0)
            continue;
        *ret_ours = lock->ours;
        return lock->name;
    }
    return written;
}

static struct probed_table *find(const struct probing *p, const char *name, bool made)
{
    for (size_t i = 0; i < p->tables.count; i++)
        if ((p->tables.items[i]->oid == NULL) == made &&
            strcmp(p->tables.items[i]->name, name) == 0)
            return p->tables.items[i];
    return NULL;
}

static struct probed_table *find_oid(const struct probing *p, const char *oid)
{
    for (size_t i = 0; i < p->tables.count; i++)
        if (p->tables.items[i]->oid != NULL && strcmp(p->tables.items[i]->oid, oid) == 0)
            return p->tables.items[i];
    return NULL;
}

static struct probed_table *add_table(struct probing *p, const char *name, bool made)
{
    struct probed_table *const table = arena_alloc(p->arena, sizeof *table);
    if (table == NULL) {
        p->failed = !err_nomem(p->err);
        return NULL;
    }
    table->name = probing_text(p, "%s", name);
    table->shown = table->name;
    const char *const answer = made ? NULL : probing_ask(p, question, &table->name, 1);
    if (answer != NULL && !p->failed)
        read_table(p, table, answer);
    else if (!made && !p->makes)
        table->unknown = "there is no such table";
    struct probed_table *const known = table->oid != NULL ? find_oid(p, table->oid) : NULL;
    if (known != NULL)
        return known;
    struct probed_table **const item = arena_push(p->arena, &p->tables);
    if (item == NULL)
        p->failed = !err_nomem(p->err);
    else
        *item = table;
    return p->failed ? NULL : table;
}

struct probed_table *probing_table_named(struct probing *p, const char *written, const char *alias)
{
    bool ours;
    if (p->failed || written == NULL)
        return NULL;
    const char *const name = name_before(p, written, &ours);
    struct probed_table *table = find(p, name, ours);
    if (table == NULL)
        table = add_table(p, name, ours);
    if (table != NULL && alias != NULL)
        table->alias = alias;
    return table;
}

struct probed_table *probing_table(struct probing *p, const PgQuery__RangeVar *range)
{
    struct str name = {0}, alias = {0};
    if (range == NULL)
        return NULL;
    tree_append_range(&name, range);
    append_name(&alias, range->relname);
    const char *const kept = probing_keep(p, &alias);
    return probing_table_named(p, probing_keep(p, &name), kept);
}

struct probed_column *table_column(const struct probed_table *table, const char *name)
{
    for (size_t i = 0; i < table->columns.count; i++)
        if (strcmp(table->columns.items[i].name, name) == 0)
            return &table->columns.items[i];
    return NULL;
}

const char *column_by_then(const struct probed_table *table, const char *today)
{
    for (size_t i = 0; i < table->columns.count; i++)
        if (table->columns.items[i].today != NULL &&
            strcmp(table->columns.items[i].today, today) == 0)
            return table->columns.items[i].name;
    return today;
}

const char *table_unknown(const struct probing *p, const struct probed_table *table)
{
    return table->unknown != NULL ? table->unknown : table->oid != NULL ? p->unknown : NULL;
}

/* ---- queries ---- */

const char *table_from(struct probing *p, const struct probed_table *table, bool only)
{
    if (table->layered != NULL)
        return table->layered;
    return probing_text(p, "%s%s", only && table->kind != 'p' ? "ONLY " : "", table->shown);
}

enum { SAMPLE_COLUMNS = 12, SAMPLE_CHARACTERS = 80 };

static void append_value(struct str *out, const char *alias, const char *name)
{
    append_literal(out, name);
    str_printf(out, ", pg_catalog.left(%s.", alias);
    append_name(out, name);
    str_printf(out, "::pg_catalog.text, %d)", SAMPLE_CHARACTERS);
}

static bool has_key(const struct probed_table *table)
{
    for (size_t i = 0; i < table->columns.count; i++)
        if (table->columns.items[i].is_key)
            return true;
    return false;
}

static bool is_listed(const struct name_list *names, const char *name)
{
    for (size_t i = 0; i < names->count; i++)
        if (strcmp(names->items[i], name) == 0)
            return true;
    return false;
}

void append_sample(struct str *out, const struct probed_table *table, const char *alias,
                   const struct name_list *names)
{
    size_t written = 0;
    str_puts(out, "pg_catalog.json_build_object(");
    for (size_t i = 0; i < table->columns.count && written < SAMPLE_COLUMNS; i++) {
        const struct probed_column *const column = &table->columns.items[i];
        if (!column->is_key || is_listed(names, column->name))
            continue;
        str_puts(out, written++ > 0 ? ", " : "");
        append_value(out, alias, column->name);
    }
    for (size_t i = 0; i < names->count && written < SAMPLE_COLUMNS; i++) {
        str_puts(out, written++ > 0 ? ", " : "");
        append_value(out, alias, names->items[i]);
    }
    if (!has_key(table) && table->layered == NULL && written < SAMPLE_COLUMNS)
        str_printf(out, "%s'ctid', %s.ctid::pg_catalog.text", written > 0 ? ", " : "", alias);
    str_puts(out, ")");
}

const char *rows_query(struct probing *p, const struct probed_table *table, bool only,
                       const struct name_list *names, const char *where)
{
    struct str sql = {0};
    str_puts(&sql, "SELECT ");
    append_sample(&sql, table, table->alias, names);
    str_printf(&sql, " FROM %s AS %s WHERE %s", table_from(p, table, only), table->alias, where);
    return probing_keep(p, &sql);
}

void find_by(struct probing *p, struct probe *probe, const struct probed_table *table,
             const struct name_list *names, const char *expression)
{
    struct str sample = {0};
    append_sample(&sample, table, table->alias, names);
    const char *const kept = probing_keep(p, &sample);
    if (table->layered != NULL || table->kind != 'r')
        return;
    probe->sample = kept;
    probe->expression = expression;
    probe->rows = probing_text(p, "ONLY %s AS %s", table->shown, table->alias);
}

/* Where a repair stands, before the migration, the columns are what they are at the statement. */
bool is_mendable(const struct probing *p, const struct probed_table *table,
                 const struct name_list *names)
{
    for (size_t i = 0; i < table->columns.count; i++) {
        const struct probed_column *const column = &table->columns.items[i];
        if (column->changed_by == p->at->migration &&
            (column->is_key || is_listed(names, column->name)))
            return false;
    }
    return !table->renamed && (table->kind == 'r' || table->kind == 'p');
}

void mend_by(const struct probing *p, struct probe *probe, const struct probed_table *table,
             const struct name_list *names, const char *repair, bool incomplete)
{
    if (!is_mendable(p, table, names))
        return;
    probe->repair = repair;
    probe->repair_incomplete = incomplete;
}

/* ---- columns of an expression ---- */

struct column_search {
    struct probing *p;
    const struct probed_table *table;
    struct name_list names;
};

static bool note_column(void *context, const ProtobufCMessage *message)
{
    struct column_search *const search = context;
    if (message->descriptor == &pg_query__column_ref__descriptor) {
        const PgQuery__ColumnRef *const ref = (const void *)message;
        const PgQuery__Node *const last = ref->n_fields > 0 ? ref->fields[ref->n_fields - 1] : NULL;
        if (last != NULL && last->node_case == NODE(STRING)) {
            const struct probed_column *const column =
                table_column(search->table, last->string->sval);
            if (column != NULL)
                name_list_add(search->p, &search->names, column->name);
        }
    }
    return tree_visit_children(message, note_column, context);
}

struct name_list columns_in(struct probing *p, const struct probed_table *table,
                            const PgQuery__Node *expression)
{
    struct column_search search = {p, table, {0}};
    if (expression != NULL)
        (void)note_column(&search, &expression->base);
    return search.names;
}

const char *columns_unknown(const struct probed_table *table, const struct name_list *names)
{
    for (size_t i = 0; i < names->count; i++) {
        const struct probed_column *const column = table_column(table, names->items[i]);
        if (column != NULL && column->unknown != NULL)
            return column->unknown;
    }
    return NULL;
}
