/* DROP and new types: what depends on a thing, and would refuse its going. */
#include <jansson.h>
#include <string.h>

#include "check/probe/parts.h"
#include "ledger/detail.h"
#include "sql/tree_name.h"

/* What goes with the things themselves ('a' and 'i' of pg_depend), then who else needs any of it.
 * $1: the things; $2: what earlier statements have taken away. */
#define GONE                                                                                       \
    "WITH RECURSIVE start AS (SELECT pg_catalog.split_part(s, ',', 1)::pg_catalog.oid AS classid," \
    "  pg_catalog.split_part(s, ',', 2)::pg_catalog.oid AS objid,"                                 \
    "  pg_catalog.split_part(s, ',', 3)::pg_catalog.int4 AS objsubid"                              \
    "  FROM pg_catalog.regexp_split_to_table(pg_catalog.btrim($1 || ' ' || $2), ' +') AS s"        \
    "  WHERE s <> ''),"                                                                            \
    " gone AS (SELECT * FROM start UNION SELECT d.classid, d.objid, d.objsubid"                    \
    "  FROM pg_catalog.pg_depend AS d JOIN gone AS g ON d.refclassid = g.classid"                  \
    "  AND d.refobjid = g.objid AND (g.objsubid = 0 OR d.refobjsubid = g.objsubid)"                \
    "  WHERE d.deptype IN ('a', 'i', 'P', 'S'))"

static const char blockers_question[] = GONE
    " SELECT pg_catalog.json_agg(DISTINCT CASE WHEN r.ev_class IS NOT NULL THEN"
    "  pg_catalog.pg_describe_object('pg_catalog.pg_class'::pg_catalog.regclass, r.ev_class, 0)"
    "  ELSE pg_catalog.pg_describe_object(d.classid, d.objid, d.objsubid) END)"
    " FROM pg_catalog.pg_depend AS d JOIN gone AS g ON d.refclassid = g.classid"
    " AND d.refobjid = g.objid AND (g.objsubid = 0 OR d.refobjsubid = g.objsubid)"
    " LEFT JOIN pg_catalog.pg_rewrite AS r"
    "  ON d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND r.oid = d.objid"
    " WHERE d.deptype = 'n' AND NOT EXISTS (SELECT FROM gone AS o WHERE o.classid = d.classid"
    "  AND o.objid = d.objid AND (o.objsubid = 0 OR o.objsubid = d.objsubid))"
    " AND NOT EXISTS (SELECT FROM gone AS o WHERE r.ev_class IS NOT NULL AND o.objid = r.ev_class"
    "  AND o.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND o.objsubid = 0)";

/* ---- what a statement names, as pg_depend has it ---- */

/* By kind of object: the address of what $1 names. */
static const struct address {
    PgQuery__ObjectType type;
    const char *sql;
} addresses[] = {
/* Of its kind alone: DROP VIEW of what is a table today means the view that an earlier statement
 * has put in its place. */
#define OF_RELATION(kinds)                                                                         \
    "SELECT 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid::pg_catalog.text || ','"    \
    " || c.oid::pg_catalog.text || ',0' FROM pg_catalog.pg_class AS c"                             \
    " WHERE c.oid = pg_catalog.to_regclass($1) AND c.relkind IN (" kinds ")"
    {OBJECT(TABLE), OF_RELATION("'r', 'p'")},
    {OBJECT(VIEW), OF_RELATION("'v'")},
    {OBJECT(MATVIEW), OF_RELATION("'m'")},
    {OBJECT(SEQUENCE), OF_RELATION("'S'")},
    {OBJECT(INDEX), OF_RELATION("'i', 'I'")},
    {OBJECT(FOREIGN_TABLE), OF_RELATION("'f'")},
#define OF_TYPE                                                                                    \
    "SELECT 'pg_catalog.pg_type'::pg_catalog.regclass::pg_catalog.oid::pg_catalog.text || ','"     \
    " || t.oid::pg_catalog.text || ',0' FROM pg_catalog.pg_type AS t"                              \
    " WHERE t.oid = pg_catalog.to_regtype($1)"
    {OBJECT(TYPE), OF_TYPE},
    {OBJECT(DOMAIN), OF_TYPE},
#define OF_FUNCTION                                                                                \
    "SELECT 'pg_catalog.pg_proc'::pg_catalog.regclass::pg_catalog.oid::pg_catalog.text || ','"     \
    " || f.oid::pg_catalog.text || ',0' FROM pg_catalog.pg_proc AS f"                              \
    " WHERE f.oid = coalesce(pg_catalog.to_regprocedure($1), CASE WHEN $1 !~ '[(]' THEN"           \
    "  pg_catalog.to_regproc($1)::pg_catalog.oid END)"
    {OBJECT(FUNCTION), OF_FUNCTION},
    {OBJECT(PROCEDURE), OF_FUNCTION},
    {OBJECT(ROUTINE), OF_FUNCTION},
};

static const char *address_of(struct probing *p, PgQuery__ObjectType type, const char *name)
{
    for (size_t i = 0; i < COUNT_OF(addresses); i++)
        if (addresses[i].type == type)
            return probing_ask(p, addresses[i].sql, &name, 1);
    return NULL;
}

/* A part of a table: trigger, rule, policy. */
static const char *part_address(struct probing *p, PgQuery__ObjectType type, const char *table,
                                const char *part)
{
    static const struct {
        PgQuery__ObjectType type;
        const char *catalog, *name, *relation;
    } parts[] = {
        {OBJECT(TRIGGER), "pg_trigger", "tgname", "tgrelid"},
        {OBJECT(RULE), "pg_rewrite", "rulename", "ev_class"},
        {OBJECT(POLICY), "pg_policy", "polname", "polrelid"},
    };
    const char *const params[] = {table, part};
    for (size_t i = 0; i < COUNT_OF(parts); i++)
        if (parts[i].type == type)
            return probing_ask(
                p,
                probing_text(p,
                             "SELECT 'pg_catalog.%s'::pg_catalog.regclass::pg_catalog.oid"
                             "::pg_catalog.text || ',' || x.oid::pg_catalog.text || ',0'"
                             " FROM pg_catalog.%s AS x WHERE x.%s = pg_catalog.to_regclass($1)"
                             " AND x.%s = $2",
                             parts[i].catalog, parts[i].catalog, parts[i].relation, parts[i].name),
                params, COUNT_OF(params));
    return NULL;
}

static void note(struct probing *p, const char *address)
{
    if (address != NULL)
        str_printf(&p->dropped, " %s", address);
    p->failed = p->failed || (p->dropped.failed && !err_nomem(p->err));
}

/* ---- what is in the way ---- */

static const char *list_of(struct probing *p, const json_t *found)
{
    enum { SHOWN = 5 };
    struct str text = {0};
    const size_t count = json_array_size(found);
    for (size_t i = 0; i < count && i < SHOWN; i++) {
        const char *const one = json_string_value(json_array_get(found, i));
        str_printf(&text, "%s%s", i > 0 ? ", " : "", one != NULL ? one : "something");
    }
    if (count > SHOWN)
        str_printf(&text, " and %zu more", count - SHOWN);
    return probing_keep(p, &text);
}

static void ask_blockers(struct probing *p, const char *things, const char *relation,
                         const char *subject, const char *what)
{
    const char *const params[] = {things, str_text(&p->dropped)};
    const char *const answer = probing_ask(p, blockers_question, params, COUNT_OF(params));
    CLEANUP(json_release) json_t *found = answer != NULL ? json_loads(answer, 0, NULL) : NULL;
    if (json_array_size(found) == 0 || p->failed)
        return;
    const struct probed_table table = {.shown = relation};
    probing_fail(p, PROBE_DEPENDENTS, &table, subject,
                 probing_text(p, "%s: %s", what, list_of(p, found)));
}

/* An object of DROP as SQL text; a part of a table has the table's name in *ret_table. */
static const char *object_name(struct probing *p, const PgQuery__Node *object,
                               const char **ret_part, PgQuery__ObjectType type)
{
    struct str text = {0};
    const bool is_part = type == OBJECT(TRIGGER) || type == OBJECT(RULE) || type == OBJECT(POLICY);
    *ret_part = NULL;
    if (is_part && object->node_case == NODE(LIST) && object->list->n_items > 1) {
        const size_t last = object->list->n_items - 1;
        if (object->list->items[last]->node_case == NODE(STRING))
            *ret_part = object->list->items[last]->string->sval;
        tree_append_list(&text, object->list->items, last);
    } else {
        (void)tree_append_object(&text, NULL, object);
    }
    return probing_keep(p, &text);
}

void probe_drop(struct probing *p, const PgQuery__DropStmt *drop)
{
    struct str things = {0}, names = {0};
    for (size_t i = 0; i < drop->n_objects && !p->failed; i++) {
        const char *part;
        const char *const name = object_name(p, drop->objects[i], &part, drop->remove_type);
        const char *const address = part != NULL ? part_address(p, drop->remove_type, name, part)
                                                 : address_of(p, drop->remove_type, name);
        if (address != NULL)
            str_printf(&things, " %s", address);
        str_printf(&names, "%s%s", i > 0 ? ", " : "", part != NULL ? part : name);
    }
    const char *const all = probing_keep(p, &things);
    const char *const subject = probing_keep(p, &names);
    if (p->failed || all[0] == '\0')
        return;
    if (drop->behavior != PG_QUERY__DROP_BEHAVIOR__DROP_CASCADE)
        ask_blockers(p, all, subject, subject, "what depends on it does not let it go");
    note(p, all + 1);
}

static const char *column_address(struct probing *p, const struct probed_table *table,
                                  const char *column)
{
    const char *const params[] = {table->oid, column};
    return probing_ask(
        p,
        "SELECT 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid::pg_catalog.text || ','"
        " || a.attrelid::pg_catalog.text || ',' || a.attnum::pg_catalog.text"
        " FROM pg_catalog.pg_attribute AS a WHERE a.attrelid = $1::pg_catalog.oid"
        " AND a.attname = $2 AND NOT a.attisdropped",
        params, COUNT_OF(params));
}

void probe_drop_column(struct probing *p, struct probed_table *table,
                       const PgQuery__AlterTableCmd *cmd)
{
    struct str quoted = {0};
    append_name(&quoted, cmd->name);
    const char *const name = probing_keep(p, &quoted);
    const struct probed_column *const known = table_column(table, cmd->name);
    if (known != NULL && known->divides) {
        probing_fail(p, PROBE_DEPENDENTS, table, probing_text(p, "%s (%s)", table->shown, name),
                     "a column that the table is partitioned by cannot be dropped");
        return;
    }
    const char *const address =
        table->oid != NULL && !p->failed ? column_address(p, table, cmd->name) : NULL;
    if (address == NULL)
        return;
    if (cmd->behavior != PG_QUERY__DROP_BEHAVIOR__DROP_CASCADE)
        ask_blockers(p, address, table->shown, probing_text(p, "%s (%s)", table->shown, name),
                     "what depends on it does not let it go");
    note(p, address);
}

void probe_drop_constraint(struct probing *p, struct probed_table *table, const char *name)
{
    if (table->oid == NULL)
        return;
    const char *const params[] = {table->oid, name};
    note(p, probing_ask(p,
                        "SELECT 'pg_catalog.pg_constraint'::pg_catalog.regclass::pg_catalog.oid"
                        "::pg_catalog.text || ',' || k.oid::pg_catalog.text || ',0'"
                        " FROM pg_catalog.pg_constraint AS k"
                        " WHERE k.conrelid = $1::pg_catalog.oid AND k.conname = $2",
                        params, COUNT_OF(params)));
}

/* ---- ALTER COLUMN TYPE ---- */

static const char users_question[] = GONE
    " SELECT pg_catalog.json_agg(DISTINCT CASE WHEN r.ev_class IS NOT NULL THEN"
    "  pg_catalog.pg_describe_object('pg_catalog.pg_class'::pg_catalog.regclass, r.ev_class, 0)"
    "  ELSE pg_catalog.pg_describe_object(d.classid, d.objid, d.objsubid) END)"
    " FROM pg_catalog.pg_depend AS d"
    " LEFT JOIN pg_catalog.pg_rewrite AS r"
    "  ON d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND r.oid = d.objid"
    " WHERE d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass"
    " AND d.refobjid = $3::pg_catalog.oid AND d.refobjsubid = (SELECT attnum"
    "  FROM pg_catalog.pg_attribute WHERE attrelid = $3::pg_catalog.oid AND attname = $4)"
    " AND (r.ev_class IS NOT NULL OR d.classid IN ("
    "  'pg_catalog.pg_trigger'::pg_catalog.regclass, 'pg_catalog.pg_policy'::pg_catalog.regclass)"
    "  OR d.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass AND EXISTS (SELECT"
    "   FROM pg_catalog.pg_attrdef AS x JOIN pg_catalog.pg_attribute AS a"
    "   ON a.attrelid = x.adrelid AND a.attnum = x.adnum WHERE x.oid = d.objid"
    "   AND a.attgenerated <> '' AND a.attnum <> d.refobjsubid))"
    " AND NOT EXISTS (SELECT FROM gone AS o WHERE o.classid = d.classid AND o.objid = d.objid)"
    " AND NOT EXISTS (SELECT FROM gone AS o WHERE r.ev_class IS NOT NULL AND o.objid = r.ev_class"
    "  AND o.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND o.objsubid = 0)";

void probe_column_users(struct probing *p, struct probed_table *table, const char *column,
                        const char *subject)
{
    if (table->oid == NULL)
        return;
    const char *const params[] = {"", str_text(&p->dropped), table->oid, column};
    const char *const answer = probing_ask(p, users_question, params, COUNT_OF(params));
    CLEANUP(json_release) json_t *found = answer != NULL ? json_loads(answer, 0, NULL) : NULL;
    if (json_array_size(found) > 0 && !p->failed)
        probing_fail(p, PROBE_DEPENDENTS, table, subject,
                     probing_text(p, "the type of a column that is used cannot be changed: %s",
                                  list_of(p, found)));
    /* What depended on the old type through the column does not any more. */
    note(p, column_address(p, table, column));
}
