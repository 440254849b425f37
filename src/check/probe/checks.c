/* What one row alone decides: NOT NULL, CHECK, generated columns, domains. */
#include <jansson.h>
#include <string.h>

#include "check/probe/parts.h"
#include "ledger/detail.h"
#include "sql/tree_name.h"

void probe_not_null(struct probing *p, struct probed_table *table, const char *column)
{
    struct probed_column *const known = table_column(table, column);
    const bool was_not_null = known != NULL && known->not_null;
    struct str name = {0};
    append_name(&name, column);
    const char *const quoted = probing_keep(p, &name);
    const char *const subject = probing_text(p, "%s (%s)", table->shown, quoted);
    const char *const unknown = table_unknown(p, table);
    if (p->failed || (table->oid == NULL && unknown == NULL))
        return;
    if (was_not_null && table->layered == NULL && unknown == NULL)
        return;
    if (known != NULL)
        known->not_null = true;
    if (unknown != NULL || known == NULL) {
        probing_defer(p, PROBE_NOT_NULL, table, subject,
                      unknown != NULL ? unknown : "there is no such column yet");
        return;
    }
    struct probe *const probe = probing_add(p, PROBE_NOT_NULL, table, subject);
    struct name_list names = {0};
    name_list_add(p, &names, known->name);
    const char *const where = probing_text(p, "%s.%s IS NULL", table->alias, quoted);
    if (probe == NULL || p->failed)
        return;
    probe->sql = rows_query(p, table, false, &names, where);
    const char *const value =
        known->default_value != NULL ? known->default_value : "CHOOSE_A_VALUE";
    mend_by(p, probe, table, &names,
            probing_text(p, "UPDATE %s SET %s = %s WHERE %s IS NULL;", table->shown, quoted, value,
                         quoted),
            known->default_value == NULL);
}

void probe_check(struct probing *p, struct probed_table *table, struct span expression,
                 const PgQuery__Node *tree, bool only, const char *name)
{
    const char *const text =
        probing_text(p, "%.*s", (int)expression.len, expression.len > 0 ? expression.at : "");
    const char *const subject = probing_text(p, "%s %s(%s)", table->shown, name, text);
    struct name_list names = columns_in(p, table, tree);
    const char *unknown = table_unknown(p, table);
    if (p->failed || (table->oid == NULL && unknown == NULL))
        return;
    if (unknown == NULL)
        unknown = columns_unknown(table, &names);
    if (unknown != NULL || expression.len == 0) {
        probing_defer(p, PROBE_CHECK, table, subject,
                      unknown != NULL ? unknown : "the check could not be read");
        return;
    }
    struct probe *const probe = probing_add(p, PROBE_CHECK, table, subject);
    if (probe == NULL)
        return;
    /* The line end: the text may end in a comment. */
    /* IS FALSE, not NOT: the planner would take its parts apart, and change their order. */
    probe->sql = rows_query(p, table, only, &names, probing_text(p, "(%s\n) IS FALSE", text));
    find_by(p, probe, table, &names, probing_text(p, "(%s\n)", text));
    mend_by(p, probe, table, &names,
            probing_text(p, "UPDATE %s AS %s SET CHOOSE_A_VALUE WHERE (%s\n) IS FALSE;",
                         table->shown, table->alias, text),
            true);
}

void probe_generated(struct probing *p, struct probed_table *table, const char *column,
                     struct span expression, const PgQuery__Node *tree)
{
    const char *const text =
        probing_text(p, "(%.*s\n)", (int)expression.len, expression.len > 0 ? expression.at : "");
    const char *const subject = probing_text(p, "%s (%s)", table->shown, column);
    const struct name_list names = columns_in(p, table, tree);
    const char *unknown = table_unknown(p, table);
    if (p->failed || (table->oid == NULL && unknown == NULL) || expression.len == 0)
        return;
    unknown = unknown != NULL ? unknown : columns_unknown(table, &names);
    if (unknown != NULL) {
        probing_defer(p, PROBE_EVALUATE, table, subject, unknown);
        return;
    }
    struct probe *const probe = probing_add(p, PROBE_EVALUATE, table, subject);
    if (probe == NULL)
        return;
    probe->evaluates = true;
    probe->sql = probing_text(p, "SELECT pg_catalog.count(%s) FROM %s AS %s", text,
                              table_from(p, table, false), table->alias);
    find_by(p, probe, table, &names, text);
}

/* ---- domains: every column that has the type, or one that is made of it ---- */

static const char domain_question[] =
    "WITH RECURSIVE d(oid) AS (SELECT pg_catalog.to_regtype($1)::pg_catalog.oid"
    " UNION SELECT t.oid FROM pg_catalog.pg_type AS t JOIN d ON t.typbasetype = d.oid)"
    " SELECT pg_catalog.json_agg(pg_catalog.json_build_object('table',"
    "  pg_catalog.format('%I.%I', n.nspname, c.relname), 'column', a.attname,"
    "  'plain', a.atttypid IN (SELECT oid FROM d),"
    "  'base', (WITH RECURSIVE b(oid, base) AS (SELECT s.oid, s.typbasetype"
    "   FROM pg_catalog.pg_type AS s WHERE s.oid = a.atttypid UNION ALL"
    "   SELECT s.oid, s.typbasetype FROM pg_catalog.pg_type AS s JOIN b ON s.oid = b.base)"
    "   SELECT pg_catalog.format_type(b.oid, NULL) FROM b WHERE b.base = 0))"
    "  ORDER BY c.oid, a.attnum)"
    " FROM pg_catalog.pg_attribute AS a JOIN pg_catalog.pg_class AS c ON c.oid = a.attrelid"
    " JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace"
    " JOIN pg_catalog.pg_type AS t ON t.oid = a.atttypid"
    " WHERE (a.atttypid IN (SELECT oid FROM d) OR t.typelem IN (SELECT oid FROM d))"
    " AND a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'm')";

static void probe_domain_column(struct probing *p, const char *domain, const json_t *found,
                                const char *condition)
{
    const char *const name = json_string_value(json_object_get(found, "table"));
    const char *const column = json_string_value(json_object_get(found, "column"));
    const char *const base = json_string_value(json_object_get(found, "base"));
    if (name == NULL || column == NULL || base == NULL)
        return;
    struct probed_table *const table = probing_table_named(p, probing_text(p, "%s", name), NULL);
    if (table == NULL)
        return;
    struct str quoted = {0};
    append_name(&quoted, column);
    const char *const shown = probing_keep(p, &quoted);
    const char *const subject =
        probing_text(p, "%s (%s), of domain %s", table->shown, shown, domain);
    const struct probed_column *const known = table_column(table, column);
    const char *const unknown = table_unknown(p, table);
    if (unknown != NULL || table->layered != NULL || known == NULL) {
        probing_defer(p, PROBE_DOMAIN, table, subject,
                      unknown != NULL ? unknown : "an earlier statement changes the table");
        return;
    }
    if (!json_is_true(json_object_get(found, "plain"))) {
        probing_fail(p, PROBE_DOMAIN, table, subject,
                     "a domain cannot be changed while a column is an array of it");
        return;
    }
    struct name_list names = {0};
    name_list_add(p, &names, known->name);
    struct probe *const probe = probing_add(p, PROBE_DOMAIN, table, subject);
    struct str sql = {0};
    str_puts(&sql, "SELECT ");
    append_sample(&sql, table, table->alias, &names);
    str_printf(&sql,
               " FROM %s AS %s CROSS JOIN LATERAL (SELECT CAST(%s.%s AS %s) AS value) AS v"
               " WHERE %s",
               table_from(p, table, true), table->alias, table->alias, shown, base, condition);
    const char *const kept = probing_keep(p, &sql);
    if (probe != NULL)
        probe->sql = kept;
}

static const char *broken(struct probing *p, struct span check)
{
    return check.len > 0 ? probing_text(p, "(%.*s\n) IS FALSE", (int)check.len, check.at) : NULL;
}

static const char *domain_condition(struct probing *p, const PgQuery__AlterDomainStmt *domain,
                                    const char *name)
{
    if (domain->subtype[0] == 'O')
        return "value IS NULL";
    const PgQuery__Constraint *const constraint =
        domain->def != NULL && domain->def->node_case == NODE(CONSTRAINT) ? domain->def->constraint
                                                                          : NULL;
    if (domain->subtype[0] != 'C' || constraint == NULL)
        return NULL;
    const char *const condition = broken(p, text_in_parens(p->text, constraint->location, "CHECK"));
    if (!constraint->skip_validation)
        return condition;
    struct unproven_domain *const unproven = arena_push(p->arena, &p->unproven_domains);
    if (unproven == NULL)
        p->failed = !err_nomem(p->err);
    else
        *unproven =
            (struct unproven_domain){name, probing_text(p, "%s", constraint->conname), condition};
    return NULL;
}

/* VALIDATE CONSTRAINT: as the set has added it, else as the catalog has it. */
static const char *validated_condition(struct probing *p, const char *domain, const char *name)
{
    const char *const params[] = {domain, name};
    for (size_t i = p->unproven_domains.count; i-- > 0;)
        if (strcmp(p->unproven_domains.items[i].domain, domain) == 0 &&
            strcmp(p->unproven_domains.items[i].name, name) == 0)
            return p->unproven_domains.items[i].condition;
    const char *const text =
        probing_ask(p,
                    "SELECT pg_catalog.pg_get_expr(conbin, 0) FROM pg_catalog.pg_constraint"
                    " WHERE contypid = pg_catalog.to_regtype($1)::pg_catalog.oid AND conname = $2"
                    " AND NOT convalidated",
                    params, COUNT_OF(params));
    return text != NULL ? broken(p, (struct span){text, strlen(text)}) : NULL;
}

void probe_domain(struct probing *p, const PgQuery__AlterDomainStmt *domain)
{
    struct str text = {0};
    tree_append_list(&text, domain->type_name, domain->n_type_name);
    const char *const name = probing_keep(p, &text);
    const char *const condition = domain->subtype[0] == 'V'
                                      ? validated_condition(p, name, domain->name)
                                      : domain_condition(p, domain, name);
    const char *const answer =
        condition != NULL && !p->failed ? probing_ask(p, domain_question, &name, 1) : NULL;
    if (answer == NULL)
        return;
    CLEANUP(json_release) json_t *found = json_loads(answer, 0, NULL);
    for (size_t i = 0; i < json_array_size(found); i++)
        probe_domain_column(p, name, json_array_get(found, i), condition);
}
