/* ALTER COLUMN TYPE: values that cannot be converted, that change, or that are no longer unique. */
#include <jansson.h>
#include <string.h>

#include "check/probe/parts.h"
#include "ledger/detail.h"
#include "sql/tree_name.h"

/* What the statement says of the new type. */
struct retype {
    const PgQuery__TypeName *type;
    const char *type_text;        /* as written */
    const char *name;             /* the last part of its name */
    const char *expression;       /* USING, or the column */
    const struct made_enum *made; /* the set makes it, an enum */
    const char *column, *quoted;
    int64_t modifiers[2];
    size_t modifier_count;
};

static bool read_modifier(const PgQuery__Node *node, int64_t *ret)
{
    if (node->node_case != NODE(A_CONST) || node->a_const->val_case != PG_QUERY__A__CONST__VAL_IVAL)
        return false;
    *ret = node->a_const->ival->ival;
    return true;
}

static const struct made_enum *find_enum(const struct probing *p, const char *name)
{
    for (size_t i = p->enums.count; i-- > 0;)
        if (strcmp(p->enums.items[i].name, name) == 0)
            return &p->enums.items[i];
    return NULL;
}

static const char *list_text(struct probing *p, PgQuery__Node *const *names, size_t count)
{
    struct str text = {0};
    tree_append_list(&text, names, count);
    return probing_keep(p, &text);
}

static struct retype read_retype(struct probing *p, const PgQuery__AlterTableCmd *cmd)
{
    const PgQuery__ColumnDef *const definition = cmd->def->column_def;
    const PgQuery__TypeName *const type = definition->type_name;
    struct retype r = {.type = type, .column = cmd->name};
    const struct span rest = text_behind_token(p->text, definition->location);
    const struct span text = text_after(rest, 0, "TYPE", "USING|COLLATE");
    const struct span using = text_after(rest, 0, "USING", "");
    struct str quoted = {0};
    append_name(&quoted, cmd->name);
    r.quoted = probing_keep(p, &quoted);
    r.type_text = probing_text(p, "%.*s", (int)text.len, text.len > 0 ? text.at : "");
    r.expression = definition->raw_default != NULL
                       ? probing_text(p, "(%.*s\n)", (int)using.len, using.len > 0 ? using.at : "")
                       : r.quoted;
    const PgQuery__Node *const last = type->n_names > 0 ? type->names[type->n_names - 1] : NULL;
    r.name = last != NULL && last->node_case == NODE(STRING) ? last->string->sval : "";
    for (size_t i = 0; i < type->n_typmods && i < COUNT_OF(r.modifiers); i++)
        r.modifier_count += read_modifier(type->typmods[i], &r.modifiers[i]);
    r.made = find_enum(p, list_text(p, type->names, type->n_names));
    return r;
}

/* The value as the statement assigns it. To a shorter text or bit string that is not what a cast
 * does, which cuts: the length is held as an assignment holds it. */
static const char *assigned(struct probing *p, const struct retype *r)
{
    static const struct {
        const char *name, *function;
        int header;
    } lengths[] = {
        {"varchar", "pg_catalog.\"varchar\"", 4},
        {"bpchar", "pg_catalog.bpchar", 4},
        {"bit", "pg_catalog.\"bit\"", 0},
        {"varbit", "pg_catalog.varbit", 0},
    };
    for (size_t i = 0; r->modifier_count == 1 && i < COUNT_OF(lengths); i++)
        if (strcmp(r->name, lengths[i].name) == 0)
            return probing_text(p, "%s(CAST(%s AS %s), %d, false)", lengths[i].function,
                                r->expression, lengths[i].function,
                                (int)r->modifiers[0] + lengths[i].header);
    return probing_text(p, "CAST(%s AS %s)", r->expression, r->type_text);
}

/* ---- what the catalog says of the two types ---- */

/* $1: the type as it is by then; $2: the new one; $3, $4: the table and its column in the catalog,
 * where the type is still that. An assignment looks at what domains are made of. */
static const char question[] =
    "WITH RECURSIVE b(which, oid, base) AS (SELECT u.which, t.oid, t.typbasetype"
    "   FROM (VALUES (1, $1), (2, $2)) AS u(which, name)"
    "   JOIN pg_catalog.pg_type AS t ON t.oid = pg_catalog.to_regtype(u.name)"
    "  UNION ALL SELECT b.which, t.oid, t.typbasetype FROM pg_catalog.pg_type AS t"
    "   JOIN b ON t.oid = b.base)"
    " SELECT pg_catalog.json_build_object('modifier', coalesce(a.atttypmod, -1),"
    " 'old', $1, 'known', n.oid IS NOT NULL, 'same', o.oid = n.oid, 'type', n.typname,"
    " 'binary', EXISTS (SELECT FROM pg_catalog.pg_cast AS c WHERE c.castsource = o.oid"
    "   AND c.casttarget = n.oid AND c.castmethod = 'b'),"
    " 'castable', ob.oid = nb.oid OR nb.typcategory = 'S' OR (nb.typcategory = 'A'"
    "   AND ob.typcategory = 'A') OR EXISTS (SELECT FROM pg_catalog.pg_cast AS c"
    "   WHERE c.castsource = ob.oid AND c.casttarget = nb.oid AND c.castcontext IN ('a', 'i')))"
    " FROM pg_catalog.pg_type AS o"
    " JOIN pg_catalog.pg_type AS ob ON ob.oid = (SELECT oid FROM b WHERE which = 1 AND base = 0)"
    " LEFT JOIN pg_catalog.pg_type AS n ON n.oid = pg_catalog.to_regtype($2)"
    " LEFT JOIN pg_catalog.pg_type AS nb ON nb.oid = (SELECT oid FROM b WHERE which = 2 AND base ="
    "  0)"
    " LEFT JOIN pg_catalog.pg_attribute AS a ON a.attrelid = $3::pg_catalog.oid AND a.attname = $4"
    " WHERE o.oid = pg_catalog.to_regtype($1)";

static int64_t number_of(const json_t *object, const char *name)
{
    return (int64_t)json_integer_value(json_object_get(object, name));
}

static bool flag(const json_t *object, const char *name)
{
    return json_is_true(json_object_get(object, name));
}

/* Done in the catalog alone: the values stay what they are. */
static bool is_free(const struct retype *r, const json_t *types)
{
    const int64_t old = number_of(types, "modifier");
    const char *const name = json_string_value(json_object_get(types, "type"));
    if (!flag(types, "same") && !flag(types, "binary"))
        return false;
    if (r->modifier_count == 0)
        return true;
    if (!flag(types, "same") || old < 0 || name == NULL)
        return false;
    if (strcmp(name, "varchar") == 0)
        return r->modifiers[0] + 4 >= old;
    const int64_t precision = (old - 4) >> 16, scale = (old - 4) & 2047;
    return strcmp(name, "numeric") == 0 && (r->modifier_count > 1 ? r->modifiers[1] : 0) == scale &&
           r->modifiers[0] >= precision;
}

/* ---- what is asked ---- */

/* The type is not there yet, but its labels are known, where the value is text before it is
 * turned into one. */
static void probe_made_enum(struct probing *p, struct probed_table *table, const struct retype *r,
                            const PgQuery__Node *expression, const char *subject)
{
    const char *value = r->expression;
    if (expression != NULL) {
        const struct span text = {r->expression, strlen(r->expression)};
        const struct span cut = text_before_last_cast(text);
        const bool casts = expression->node_case == NODE(TYPE_CAST);
        if (!casts || cut.len == 0) {
            probing_defer(p, PROBE_CONVERT, table, subject, "an earlier statement makes the type");
            return;
        }
        value = probing_text(p, "%.*s", (int)cut.len, cut.at);
    }
    struct probe *const probe = probing_add(p, PROBE_CONVERT, table, subject);
    struct name_list names = {0};
    name_list_add(p, &names, r->column);
    const char *const where =
        probing_text(p, "(%s)::pg_catalog.text <> ALL (%s)", value, r->made->labels);
    const char *const sql = rows_query(p, table, false, &names, where);
    if (probe == NULL)
        return;
    probe->sql = sql;
    mend_by(p, probe, table, &names,
            probing_text(p, "UPDATE %s SET %s = CHOOSE_A_VALUE WHERE %s;", table->shown, r->quoted,
                         where),
            true);
}

static void probe_conversion(struct probing *p, struct probed_table *table, const struct retype *r,
                             const char *value, const char *subject)
{
    struct name_list names = {0};
    name_list_add(p, &names, r->column);
    struct probe *const probe = probing_add(p, PROBE_CONVERT, table, subject);
    if (probe == NULL)
        return;
    find_by(p, probe, table, &names, value);
    probe->evaluates = true;
    probe->sql = probing_text(p, "SELECT pg_catalog.count(%s) FROM %s AS %s", value,
                              table_from(p, table, false), table->alias);
    mend_by(p, probe, table, &names,
            probing_text(p, "UPDATE %s SET %s = CHOOSE_A_VALUE WHERE CHOOSE_THE_ROWS;",
                         table->shown, r->quoted),
            true);
}

static void probe_loss(struct probing *p, struct probed_table *table, const struct retype *r,
                       const char *value, const char *old_type, const char *subject)
{
    struct name_list names = {0};
    name_list_add(p, &names, r->column);
    struct probe *const probe = probing_add(p, PROBE_LOSSY, table, subject);
    const char *const where = probing_text(p, "CAST(%s AS %s) IS DISTINCT FROM %s.%s", value,
                                           old_type, table->alias, r->quoted);
    const char *const sql = rows_query(p, table, false, &names, where);
    if (probe != NULL)
        probe->sql = sql;
}

/* Unique indexes, checks and foreign keys that name the column are made anew over the new values.
 */
#define COLUMN_NAMES(relation, numbers)                                                            \
    "(SELECT pg_catalog.json_agg(c.attname ORDER BY u.n) FROM pg_catalog.unnest(" numbers ")"      \
    " WITH ORDINALITY AS u(num, n) JOIN pg_catalog.pg_attribute AS c ON c.attrelid = " relation    \
    " AND c.attnum = u.num)"
static const char rest_question[] =
    "SELECT pg_catalog.json_build_object("
    " 'keys', (SELECT pg_catalog.json_agg(pg_catalog.json_build_object("
    "   'nulls_equal', pg_catalog.to_jsonb(i)->'indnullsnotdistinct', 'columns',"
    "   (SELECT pg_catalog.json_agg(c.attname ORDER BY k.n)"
    "    FROM pg_catalog.unnest(i.indkey) WITH ORDINALITY AS k(num, n)"
    "    JOIN pg_catalog.pg_attribute AS c ON c.attrelid = i.indrelid AND c.attnum = k.num"
    "    WHERE k.n <= i.indnkeyatts))) FROM pg_catalog.pg_index AS i"
    "   WHERE i.indrelid = a.attrelid AND a.attnum = ANY (i.indkey) AND i.indisunique"
    "   AND i.indpred IS NULL AND i.indexprs IS NULL),"
    " 'others', EXISTS (SELECT FROM pg_catalog.pg_index AS i JOIN pg_catalog.pg_depend AS d"
    "   ON d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = i.indexrelid"
    "   WHERE i.indrelid = a.attrelid AND d.refobjid = a.attrelid AND d.refobjsubid = a.attnum"
    "   AND (i.indpred IS NOT NULL OR i.indexprs IS NOT NULL OR i.indisexclusion)),"
    " 'foreign', (SELECT pg_catalog.json_agg(pg_catalog.json_build_object("
    "   'valid', k.convalidated, 'match', k.confmatchtype,"
    "   'child', k.conrelid::pg_catalog.regclass::pg_catalog.text,"
    "   'parent', k.confrelid::pg_catalog.regclass::pg_catalog.text,"
    "   'columns', " COLUMN_NAMES(
        "k.conrelid",
        "k.conkey") ","
                    "   'referred', " COLUMN_NAMES(
                        "k.confrelid",
                        "k.confkey") "))"
                                     "   FROM pg_catalog.pg_constraint AS k WHERE k.contype = 'f' "
                                     "AND k.conparentid = 0"
                                     "   AND ((k.conrelid = a.attrelid AND a.attnum = ANY "
                                     "(k.conkey))"
                                     "    OR (k.confrelid = a.attrelid AND a.attnum = ANY "
                                     "(k.confkey)))),"
                                     " 'checks', (SELECT "
                                     "pg_catalog.json_agg(pg_catalog.json_build_array(k.conname,"
                                     "   pg_catalog.pg_get_expr(k.conbin, k.conrelid), "
                                     "k.convalidated))"
                                     "   FROM pg_catalog.pg_constraint AS k"
                                     "   WHERE k.conrelid = a.attrelid AND k.contype = 'c' AND "
                                     "a.attnum = ANY (k.conkey)))"
                                     " FROM pg_catalog.pg_attribute AS a WHERE a.attrelid = "
                                     "$1::pg_catalog.oid AND a.attname = $2";

/* One that is NOT VALID stays so: what it says has to make sense with the new type. */
static void probe_known_check(struct probing *p, struct probed_table *table, const json_t *check)
{
    const char *const name = json_string_value(json_array_get(check, 0));
    const char *const text = json_string_value(json_array_get(check, 1));
    if (name == NULL || text == NULL)
        return;
    const char *const kept = json_is_true(json_array_get(check, 2))
                                 ? probing_text(p, "%s", text)
                                 : probing_text(p, "(%s) OR true", text);
    if (kept != NULL)
        probe_check(p, table, (struct span){kept, strlen(kept)}, NULL, false,
                    probing_text(p, "%s ", name));
}

static void probe_rest(struct probing *p, struct probed_table *table, const char *column,
                       const char *subject)
{
    const char *const params[] = {table->oid, column};
    const char *const answer =
        column != NULL ? probing_ask(p, rest_question, params, COUNT_OF(params)) : NULL;
    CLEANUP(json_release) json_t *found = answer != NULL ? json_loads(answer, 0, NULL) : NULL;
    const json_t *const keys = json_object_get(found, "keys");
    const json_t *const foreign = json_object_get(found, "foreign");
    const json_t *const checks = json_object_get(found, "checks");
    if (json_is_true(json_object_get(found, "others")))
        probing_defer(p, PROBE_CONVERT, table, subject,
                      "an index of expressions or of some rows is made again");
    for (size_t i = 0; i < json_array_size(keys) && !p->failed; i++)
        probe_known_key(p, table, json_array_get(keys, i));
    for (size_t i = 0; i < json_array_size(foreign) && !p->failed; i++) {
        const json_t *const key = json_array_get(foreign, i);
        const char *const child = json_string_value(json_object_get(key, "child"));
        struct probed_table *const other =
            child != NULL ? probing_table_named(p, probing_text(p, "%s", child), NULL) : NULL;
        if (other != NULL)
            probe_known_foreign(p, other, key);
    }
    for (size_t i = 0; i < json_array_size(checks) && !p->failed; i++)
        probe_known_check(p, table, json_array_get(checks, i));
}

/* What the server says of the two types; NULL where it does not know them, or was not asked. */
static json_t *ask_types(struct probing *p, const struct probed_table *table,
                         const struct probed_column *column, const struct retype *r)
{
    const char *const params[] = {column->type, r->type_text, table->oid,
                                  column->retyped ? NULL : column->today};
    const char *const answer = column->type != NULL && p->made_types == NULL
                                   ? probing_ask(p, question, params, COUNT_OF(params))
                                   : NULL;
    return answer != NULL ? json_loads(answer, 0, NULL) : NULL;
}

/* Whether the statement fails, or cannot be read yet, whatever the rows are: then that is told. */
static bool is_refused(struct probing *p, const struct probed_table *table,
                       const struct probed_column *column, const json_t *types, bool has_using,
                       const char *subject)
{
    if (types == NULL)
        return false;
    if (!flag(types, "known"))
        probing_defer(p, PROBE_CONVERT, table, subject, "there is no such type yet");
    else if (!has_using && !flag(types, "castable"))
        probing_fail(p, PROBE_CONVERT, table, subject,
                     "there is no automatic conversion, and the statement has no USING");
    else if (column->default_value != NULL && !flag(types, "castable"))
        probing_fail(p, PROBE_CONVERT, table, subject,
                     "its default is not converted by itself: DROP DEFAULT first");
    else
        return false;
    return true;
}

/* The rows are written anew, and all that is made of them. */
static void probe_rewrite(struct probing *p, struct probed_table *table, const struct retype *r,
                          const char *value, const json_t *types, const char *subject)
{
    const char *const old = json_string_value(json_object_get(types, "old"));
    if (table->gains_rules)
        probing_defer(p, PROBE_CONVERT, table, subject,
                      "an earlier statement adds constraints or indexes, which it makes again");
    if (r->type->n_array_bounds > 0 && r->modifier_count > 0)
        probing_defer(p, PROBE_CONVERT, table, subject,
                      "the lengths in an array are only known to the statement itself");
    else
        probe_conversion(p, table, r, value, subject);
    if (old != NULL)
        probe_loss(p, table, r, value, probing_text(p, "%s", old), subject);
}

static void probe_known_column(struct probing *p, struct probed_table *table,
                               const struct retype *r, const PgQuery__Node *using,
                               const char *subject)
{
    const struct probed_column *const column = table_column(table, r->column);
    const char *const today = column->today;
    CLEANUP(json_release) json_t *types = ask_types(p, table, column, r);
    if (is_refused(p, table, column, types, using != NULL, subject))
        return;
    const bool free = types != NULL && using == NULL && is_free(r, types);
    const char *const value = assigned(p, r);
    if (!free)
        probe_rewrite(p, table, r, value, types, subject);
    layer_set_column(p, table, r->column, value, r->type_text);
    if (!free)
        probe_rest(p, table, today, subject);
}

void probe_retype(struct probing *p, struct probed_table *table, const PgQuery__AlterTableCmd *cmd)
{
    if (cmd->def == NULL || cmd->def->node_case != NODE(COLUMN_DEF) || p->failed)
        return;
    const struct retype r = read_retype(p, cmd);
    const PgQuery__Node *const using = cmd->def->column_def->raw_default;
    const char *const subject =
        probing_text(p, "%s (%s) -> %s", table->shown, r.quoted, r.type_text);
    const char *const unknown = table_unknown(p, table);
    if (p->failed || (table->oid == NULL && unknown == NULL))
        return;
    if (unknown != NULL || table_column(table, r.column) == NULL) {
        probing_defer(p, PROBE_CONVERT, table, subject,
                      unknown != NULL ? unknown : "there is no such column yet");
        return;
    }
    if (table_column(table, r.column)->divides) {
        probing_fail(p, PROBE_DEPENDENTS, table, subject,
                     "the type of a column that the table is partitioned by cannot be changed");
        return;
    }
    probe_column_users(p, table, r.column, subject);
    if (r.made == NULL) {
        probe_known_column(p, table, &r, using, subject);
        return;
    }
    probe_made_enum(p, table, &r, using, subject);
    layer_forget(p, table, "an earlier statement gives it a type that is new");
}
