/* Keys as they are written: columns, expressions, collations and operator classes. */
#include "check/probe/key.h"

#include <string.h>

#include "sql/tree_name.h"

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

static struct key_element element_of(struct probing *p, struct probed_table *table,
                                     struct probe_key *key, struct span part,
                                     const PgQuery__IndexElem *element)
{
    struct key_element made = {0};
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
struct probe_key key_read(struct probing *p, struct probed_table *table, struct span list,
                          PgQuery__Node *const *elements, size_t count)
{
    struct span parts[KEY_ELEMENTS];
    struct probe_key key = {.count = count < KEY_ELEMENTS ? count : KEY_ELEMENTS};
    const size_t split = text_split_list(list, parts, KEY_ELEMENTS);
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

const char *key_text(struct probing *p, const struct probe_key *key)
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

/* IS TRUE: its parts are computed in the order in which they are written, as an index does; the
 * planner would sort them by their cost. */
void key_append_where(struct str *sql, const struct probe_key *key, struct span predicate,
                      bool nulls_equal)
{
    str_puts(sql, " WHERE true");
    if (predicate.len > 0)
        str_printf(sql, " AND (%.*s\n) IS TRUE", (int)predicate.len, predicate.at);
    for (size_t i = 0; !nulls_equal && i < key->count; i++)
        str_printf(sql, " AND %s IS NOT NULL", key->items[i].sql);
}

/* FROM: for expressions only the rows of the predicate, which the planner would not ask first. */
const char *key_from(struct probing *p, const struct probed_table *table,
                     const struct probe_key *key, struct span predicate)
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

void key_probe_evaluation(struct probing *p, struct probed_table *table,
                          PgQuery__Node *const *elements, size_t count, struct span list,
                          struct span predicate)
{
    const struct probe_key key = key_read(p, table, list, elements, count);
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
    key_append_where(&sql, &key, predicate, true);
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
