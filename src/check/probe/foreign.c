/* FOREIGN KEY: rows that refer to nothing, as RI_Initial_Check() of the server looks for them; and
 * VALIDATE CONSTRAINT of any kind. */
#include <jansson.h>
#include <string.h>

#include "check/probe/parts.h"
#include "ledger/detail.h"
#include "sql/identifier.h"
#include "sql/parser.h"
#include "sql/tree_name.h"

/* A foreign key with its columns by name. */
struct foreign {
    struct probed_table *child, *parent;
    struct name_list columns, referred; /* referred empty: the parent's primary key */
    char match;                         /* 's', 'f' */
    bool unasked;                       /* NOT VALID: its types have to fit, and that is all */
};

static void list_strings(struct probing *p, PgQuery__Node *const *nodes, size_t count,
                         struct name_list *ret)
{
    for (size_t i = 0; i < count; i++)
        if (nodes[i]->node_case == NODE(STRING))
            name_list_add(p, ret, probing_text(p, "%s", nodes[i]->string->sval));
}

/* Names as the text of a SQL array, in order. */
static const char *array_text(struct probing *p, const struct name_list *names)
{
    struct str text = {0};
    identifier_append_array(&text, names->items, names->count);
    return probing_keep(p, &text);
}

static const char *shown_names(struct probing *p, const struct name_list *names)
{
    struct str text = {0};
    for (size_t i = 0; i < names->count; i++) {
        str_puts(&text, i > 0 ? ", " : "");
        append_name(&text, names->items[i]);
    }
    return probing_keep(p, &text);
}

static void read_array(struct probing *p, const char *answer, struct name_list *ret)
{
    CLEANUP(json_release) json_t *names = answer != NULL ? json_loads(answer, 0, NULL) : NULL;
    for (size_t i = 0; i < json_array_size(names); i++) {
        const char *const name = json_string_value(json_array_get(names, i));
        if (name != NULL)
            name_list_add(p, ret, probing_text(p, "%s", name));
    }
}

static void refer_to_primary(struct probing *p, struct foreign *foreign)
{
    static const char question[] =
        "SELECT pg_catalog.json_agg(a.attname ORDER BY k.n) FROM pg_catalog.pg_index AS i"
        " CROSS JOIN LATERAL pg_catalog.unnest(i.indkey) WITH ORDINALITY AS k(num, n)"
        " JOIN pg_catalog.pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = k.num"
        " WHERE i.indrelid = $1::pg_catalog.oid AND i.indisprimary";
    if (foreign->referred.count > 0 || foreign->parent->oid == NULL)
        return;
    read_array(p, probing_ask(p, question, &foreign->parent->oid, 1), &foreign->referred);
    for (size_t i = 0; i < foreign->referred.count; i++)
        foreign->referred.items[i] = column_by_then(foreign->parent, foreign->referred.items[i]);
}

/* ---- operators ---- */

/* As ATAddForeignKeyConstraint() chooses them: of the operator family of the parent's index, for
 * the two types as they are, else for the parent's, where the child's is one implicitly. */
static const char operators_question[] =
    "WITH pair AS (SELECT u.n, pa.attnum, (WITH RECURSIVE b(oid, base) AS"
    "   (SELECT s.oid, s.typbasetype FROM pg_catalog.pg_type AS s"
    "   WHERE s.oid = pg_catalog.to_regtype(u.f)"
    "   UNION ALL SELECT s.oid, s.typbasetype FROM pg_catalog.pg_type AS s JOIN b"
    "   ON s.oid = b.base) SELECT b.oid FROM b WHERE b.base = 0) AS child"
    "  FROM ROWS FROM (pg_catalog.unnest($1::pg_catalog.text[]),"
    "   pg_catalog.unnest($3::pg_catalog.text[])) WITH ORDINALITY AS u(f, k, n)"
    "  JOIN pg_catalog.pg_attribute AS pa ON pa.attrelid = $2::pg_catalog.oid AND pa.attname ="
    "  u.k),"
    " x AS (SELECT i.indexrelid, i.indkey, i.indclass FROM pg_catalog.pg_index AS i"
    "  WHERE i.indrelid = $2::pg_catalog.oid AND i.indisunique AND i.indimmediate AND i.indisvalid"
    "  AND i.indpred IS NULL AND i.indexprs IS NULL"
    "  AND i.indnkeyatts = pg_catalog.cardinality($3::pg_catalog.text[])"
    "  AND (SELECT pg_catalog.array_agg(attnum ORDER BY attnum) FROM pair) = (SELECT"
    "   pg_catalog.array_agg(k.num ORDER BY k.num) FROM pg_catalog.unnest(i.indkey) WITH"
    "   ORDINALITY AS k(num, n) WHERE k.n <= i.indnkeyatts)"
    "  ORDER BY i.indisprimary DESC, i.indexrelid LIMIT 1)"
    " SELECT pg_catalog.json_agg(pg_catalog.json_build_object('operator',"
    "   pg_catalog.format('OPERATOR(%I.%s)', n.nspname, o.oprname), 'type', CASE WHEN o.exact THEN"
    "   NULL ELSE pg_catalog.format_type(c.opcintype, NULL) END) ORDER BY pair.n)"
    " FROM pair CROSS JOIN x"
    " CROSS JOIN LATERAL pg_catalog.unnest(x.indkey) WITH ORDINALITY AS k(num, n)"
    " JOIN pg_catalog.pg_opclass AS c ON c.oid = x.indclass[k.n - 1]"
    " LEFT JOIN LATERAL (SELECT o.oprname, o.oprnamespace, m.amoprighttype = pair.child OR"
    "    t.typtype = 'p' AS exact FROM pg_catalog.pg_amop AS m"
    "   JOIN pg_catalog.pg_operator AS o ON o.oid = m.amopopr"
    "   JOIN pg_catalog.pg_type AS t ON t.oid = c.opcintype"
    "   WHERE m.amopfamily = c.opcfamily AND m.amopstrategy = 3 AND m.amoplefttype = c.opcintype"
    "   AND (m.amoprighttype = pair.child OR (m.amoprighttype = c.opcintype AND (t.typtype = 'p'"
    "    OR EXISTS (SELECT FROM pg_catalog.pg_cast AS s WHERE s.castsource = pair.child"
    "    AND s.casttarget = c.opcintype AND s.castcontext = 'i'))))"
    "   ORDER BY m.amoprighttype = pair.child DESC LIMIT 1) AS o ON true"
    " LEFT JOIN pg_catalog.pg_namespace AS n ON n.oid = o.oprnamespace"
    " WHERE k.num = pair.attnum";

/* The types of the columns by then, or the names that they have today; empty where one is not
 * known. */
static struct name_list known_of(struct probing *p, const struct probed_table *table,
                                 const struct name_list *names, bool types)
{
    struct name_list list = {0};
    for (size_t i = 0; i < names->count; i++) {
        const struct probed_column *const column = table_column(table, names->items[i]);
        const char *const known = column == NULL     ? NULL
                                  : types            ? column->type
                                  : !column->retyped ? column->today
                                                     : NULL;
        const char **const item = known != NULL ? arena_push(p->arena, &list) : NULL;
        if (item == NULL) {
            p->failed = p->failed || (known != NULL && !err_nomem(p->err));
            return (struct name_list){0};
        }
        *item = known;
    }
    return list;
}

/* A condition for each pair of columns. *ret_why: why the server would not make the key. */
static const char *pairs_text(struct probing *p, const struct foreign *f, const char **ret_why)
{
    struct str text = {0};
    json_t *found = NULL;
    /* Types and keys that the set changes are not in the catalog: the names have to do. */
    const struct name_list types = known_of(p, f->child, &f->columns, true);
    const struct name_list referred = known_of(p, f->parent, &f->referred, false);
    if (types.count > 0 && referred.count > 0 && !f->parent->gains_key && p->made_types == NULL) {
        const char *const params[] = {array_text(p, &types), f->parent->oid,
                                      array_text(p, &referred)};
        const char *const answer = probing_ask(p, operators_question, params, COUNT_OF(params));
        found = answer != NULL ? json_loads(answer, 0, NULL) : NULL;
        if (!p->failed && json_array_size(found) != f->columns.count)
            *ret_why = "there is no unique key on what it refers to";
    }
    for (size_t i = 0; i < f->columns.count && *ret_why == NULL; i++) {
        const json_t *const pair = json_array_get(found, i);
        const char *const operator= json_string_value(json_object_get(pair, "operator"));
        const char *const type = json_string_value(json_object_get(pair, "type"));
        if (found != NULL && operator== NULL)
            *ret_why = "the types of the two columns cannot be compared";
        str_puts(&text, i > 0 ? " AND pawl_parent." : "pawl_parent.");
        append_name(&text, f->referred.items[i]);
        str_printf(&text, " %s ", operator!= NULL ? operator: "=");
        str_printf(&text, "%s%s.", type != NULL ? "CAST(" : "", f->child->alias);
        append_name(&text, f->columns.items[i]);
        if (type != NULL)
            str_printf(&text, " AS %s)", type);
    }
    json_decref(found);
    return probing_keep(p, &text);
}

/* ---- the question ---- */

/* parent: what stands behind FROM. */
static const char *violation(struct probing *p, const struct foreign *f, const char *pairs,
                             const char *parent)
{
    struct str where = {0};
    str_putc(&where, '(');
    for (size_t i = 0; i < f->columns.count; i++) {
        str_printf(&where, "%s%s.",
                   i == 0            ? ""
                   : f->match == 'f' ? " OR "
                                     : " AND ",
                   f->child->alias);
        append_name(&where, f->columns.items[i]);
        str_puts(&where, " IS NOT NULL");
    }
    str_putc(&where, ')');
    if (f->parent->oid != NULL)
        str_printf(&where, " AND NOT EXISTS (SELECT FROM %s AS pawl_parent WHERE %s)", parent,
                   pairs);
    return probing_keep(p, &where);
}

/* NULL where a column takes it, else the rows go. */
static const char *foreign_repair(struct probing *p, const struct foreign *f, const char *where)
{
    struct str sql = {0};
    str_printf(&sql, "UPDATE %s AS %s SET ", f->child->shown, f->child->alias);
    size_t written = 0;
    for (size_t i = 0; i < f->columns.count; i++) {
        const struct probed_column *const column = table_column(f->child, f->columns.items[i]);
        if (column == NULL || column->not_null)
            continue;
        str_puts(&sql, written++ > 0 ? ", " : "");
        append_name(&sql, column->name);
        str_puts(&sql, " = NULL");
    }
    if (written == 0 || (f->match == 'f' && written < f->columns.count)) {
        str_clear(&sql);
        str_printf(&sql, "DELETE FROM %s AS %s", f->child->shown, f->child->alias);
    }
    str_printf(&sql, " WHERE %s;", where);
    return probing_keep(p, &sql);
}

/* Why it cannot be asked yet; NULL: it can. */
static const char *why_not_yet(const struct probing *p, const struct foreign *f)
{
    const char *unknown = table_unknown(p, f->child);
    if (unknown == NULL)
        unknown = table_unknown(p, f->parent);
    for (size_t i = 0; unknown == NULL && i < f->columns.count; i++)
        if (table_column(f->child, f->columns.items[i]) == NULL)
            unknown = "there is no such column yet";
    for (size_t i = 0; unknown == NULL && f->parent->oid != NULL && i < f->referred.count; i++)
        if (table_column(f->parent, f->referred.items[i]) == NULL)
            unknown = "there is no such column yet in what it refers to";
    return unknown;
}

static void ask(struct probing *p, struct foreign *f)
{
    const char *why = NULL;
    if (p->failed || f->child == NULL || f->parent == NULL)
        return;
    refer_to_primary(p, f);
    const char *const subject =
        probing_text(p, "%s (%s) -> %s%s%s%s", f->child->shown, shown_names(p, &f->columns),
                     f->parent->shown, f->referred.count > 0 ? " (" : "",
                     shown_names(p, &f->referred), f->referred.count > 0 ? ")" : "");
    if (f->child->oid == NULL && table_unknown(p, f->child) == NULL)
        return;
    const char *const unknown = why_not_yet(p, f);
    if (unknown != NULL || p->failed) {
        probing_defer(p, PROBE_FOREIGN_KEY, f->child, subject, unknown);
        return;
    }
    if (f->parent->oid != NULL && f->referred.count != f->columns.count)
        why = "the numbers of columns differ, or there is no primary key";
    const char *const pairs = f->parent->oid != NULL && why == NULL ? pairs_text(p, f, &why) : "";
    if (why != NULL) {
        probing_fail(p, PROBE_FOREIGN_KEY, f->child, subject, why);
        return;
    }
    if (f->unasked)
        return;
    const char *const parent = f->parent->oid != NULL ? table_from(p, f->parent, true) : "";
    const char *const where = violation(p, f, pairs, parent);
    struct probe *const probe = probing_add(p, PROBE_FOREIGN_KEY, f->child, subject);
    const char *const sql = rows_query(p, f->child, true, &f->columns, where);
    const char *const own =
        probing_text(p, "%s%s", f->parent->kind == 'p' ? "" : "ONLY ", f->parent->shown);
    const char *const repair = foreign_repair(p, f, violation(p, f, pairs, own));
    if (probe == NULL)
        return;
    probe->sql = sql;
    if (f->parent->oid != NULL && is_mendable(p, f->parent, &f->referred))
        mend_by(p, probe, f->child, &f->columns, repair, false);
}

void probe_foreign(struct probing *p, struct probed_table *table,
                   const PgQuery__Constraint *constraint, const char *column)
{
    struct foreign f = {.child = table,
                        .parent = probing_table(p, constraint->pktable),
                        .match = constraint->fk_matchtype[0] == 'f' ? 'f' : 's'};
    if (column != NULL)
        name_list_add(p, &f.columns, column);
    list_strings(p, constraint->fk_attrs, constraint->n_fk_attrs, &f.columns);
    list_strings(p, constraint->pk_attrs, constraint->n_pk_attrs, &f.referred);
    ask(p, &f);
}

/* ---- VALIDATE CONSTRAINT ---- */

static const char validate_question[] =
    "SELECT pg_catalog.json_build_object('type', k.contype, 'valid', k.convalidated,"
    " 'no_inherit', k.connoinherit, 'match', k.confmatchtype, 'check', CASE WHEN k.contype = 'c'"
    "  THEN pg_catalog.pg_get_expr(k.conbin, k.conrelid) END,"
    " 'parent', CASE WHEN k.confrelid <> 0 THEN (SELECT pg_catalog.format('%I.%I', n.nspname,"
    "  c.relname) FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n"
    "  ON n.oid = c.relnamespace WHERE c.oid = k.confrelid) END,"
    " 'columns', (SELECT pg_catalog.json_agg(a.attname ORDER BY u.n) FROM"
    "  pg_catalog.unnest(k.conkey) WITH ORDINALITY AS u(num, n) JOIN pg_catalog.pg_attribute AS a"
    "  ON a.attrelid = k.conrelid AND a.attnum = u.num),"
    " 'referred', (SELECT pg_catalog.json_agg(a.attname ORDER BY u.n) FROM"
    "  pg_catalog.unnest(k.confkey) WITH ORDINALITY AS u(num, n) JOIN pg_catalog.pg_attribute AS a"
    "  ON a.attrelid = k.confrelid AND a.attnum = u.num))"
    " FROM pg_catalog.pg_constraint AS k WHERE k.conrelid = $1::pg_catalog.oid AND k.conname = $2";

static void read_names(struct probing *p, const struct probed_table *table, const json_t *array,
                       struct name_list *ret)
{
    for (size_t i = 0; i < json_array_size(array); i++) {
        const char *const name = json_string_value(json_array_get(array, i));
        if (name != NULL)
            name_list_add(p, ret, column_by_then(table, probing_text(p, "%s", name)));
    }
}

void probe_known_foreign(struct probing *p, struct probed_table *table, const struct json_t *key)
{
    const char *const parent = json_string_value(json_object_get(key, "parent"));
    const char *const match = json_string_value(json_object_get(key, "match"));
    if (parent == NULL || p->failed)
        return;
    struct foreign f = {.child = table,
                        .parent = probing_table_named(p, probing_text(p, "%s", parent), NULL),
                        .match = match != NULL ? match[0] : 's',
                        .unasked = json_is_false(json_object_get(key, "valid"))};
    if (f.parent == NULL)
        return;
    read_names(p, table, json_object_get(key, "columns"), &f.columns);
    read_names(p, f.parent, json_object_get(key, "referred"), &f.referred);
    ask(p, &f);
}

static void validate_found(struct probing *p, struct probed_table *table, const char *answer)
{
    CLEANUP(json_release) json_t *found = json_loads(answer, 0, NULL);
    const char *const type = json_string_value(json_object_get(found, "type"));
    const char *const check = json_string_value(json_object_get(found, "check"));
    if (type == NULL || json_is_true(json_object_get(found, "valid")))
        return;
    if (type[0] == 'c' && check != NULL) {
        const struct span text = {probing_text(p, "%s", check), strlen(check)};
        probe_check(p, table, text, NULL, json_is_true(json_object_get(found, "no_inherit")), "");
    } else if (type[0] == 'f') {
        json_object_set_new(found, "valid", json_true());
        probe_known_foreign(p, table, found);
    }
}

/* As an earlier statement of the set has it, read again: its tree is gone. */
static void validate_unproven(struct probing *p, struct probed_table *table,
                              const struct unproven *unproven)
{
    struct tree tree = {0};
    if (!parser_read_here(unproven->statement, &tree, p->err)) {
        p->failed = true;
        return;
    }
    const struct span text = p->text;
    p->text = unproven->statement;
    if (tree.statement != NULL && tree.statement->node_case == NODE(ALTER_TABLE_STMT)) {
        const PgQuery__AlterTableCmd *const cmd =
            tree.statement->alter_table_stmt->cmds[unproven->command]->alter_table_cmd;
        PgQuery__Constraint constraint = *cmd->def->constraint;
        constraint.skip_validation = false;
        probe_constraint(p, table, &constraint, NULL);
    }
    p->text = text;
    tree_release(&tree);
}

void probe_validate(struct probing *p, struct probed_table *table, const char *name)
{
    for (size_t i = 0; i < p->unproven.count; i++)
        if (p->unproven.items[i].table == table && strcmp(p->unproven.items[i].name, name) == 0) {
            validate_unproven(p, table, &p->unproven.items[i]);
            return;
        }
    if (table->oid == NULL)
        return;
    const char *const params[] = {table->oid, name};
    const char *const answer = probing_ask(p, validate_question, params, COUNT_OF(params));
    if (answer != NULL && !p->failed)
        validate_found(p, table, answer);
}
