/* ATTACH PARTITION, and CREATE TABLE ... PARTITION OF beside a DEFAULT partition: rows that the
 * bounds keep out, and rows of the DEFAULT partition that they claim. */
#include <jansson.h>
#include <string.h>

#include "check/probe/parts.h"
#include "ledger/detail.h"

enum { MAX_KEY = 32 };

/* What a partitioned table is divided by, as SQL over a row of one of its partitions. */
struct division {
    char strategy; /* 'l', 'r', 'h' */
    const char *keys[MAX_KEY];
    size_t count;
    const char *default_partition; /* SQL text; NULL: there is none */
    const char *siblings;          /* the bounds of all others, as one condition; NULL: none */
};

static const char question[] =
    "SELECT pg_catalog.json_build_object('strategy', t.partstrat,"
    " 'keys', (SELECT pg_catalog.json_agg(CASE WHEN k.num = 0 THEN NULL ELSE"
    "   (SELECT a.attname FROM pg_catalog.pg_attribute AS a WHERE a.attrelid = t.partrelid"
    "   AND a.attnum = k.num) END ORDER BY k.n) FROM pg_catalog.unnest(t.partattrs)"
    "   WITH ORDINALITY AS k(num, n)),"
    " 'default', (SELECT pg_catalog.format('%I.%I', n.nspname, c.relname)"
    "   FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace"
    "   WHERE c.oid = t.partdefid AND t.partdefid <> 0),"
    " 'siblings', (SELECT pg_catalog.string_agg('(' || pg_catalog.pg_get_partition_constraintdef("
    "   i.inhrelid) || ')', ' OR ') FROM pg_catalog.pg_inherits AS i"
    "   WHERE i.inhparent = t.partrelid AND i.inhrelid <> t.partdefid))"
    " FROM pg_catalog.pg_partitioned_table AS t WHERE t.partrelid = $1::pg_catalog.oid";

/* False where a key is an expression, or nothing is known. */
static bool read_division(struct probing *p, const struct probed_table *parent,
                          struct division *ret)
{
    const char *const answer = probing_ask(p, question, &parent->oid, 1);
    CLEANUP(json_release) json_t *found = answer != NULL ? json_loads(answer, 0, NULL) : NULL;
    const char *const strategy = json_string_value(json_object_get(found, "strategy"));
    const json_t *const keys = json_object_get(found, "keys");
    const char *const other = json_string_value(json_object_get(found, "default"));
    const char *const siblings = json_string_value(json_object_get(found, "siblings"));
    *ret = (struct division){.count = json_array_size(keys)};
    if (strategy == NULL || ret->count > MAX_KEY)
        return false;
    ret->strategy = strategy[0];
    ret->default_partition = other != NULL ? probing_text(p, "%s", other) : NULL;
    ret->siblings = siblings != NULL ? probing_text(p, "%s", siblings) : NULL;
    for (size_t i = 0; i < ret->count; i++) {
        const char *const name = json_string_value(json_array_get(keys, i));
        struct str quoted = {0};
        if (name == NULL)
            return false;
        append_name(&quoted, name);
        ret->keys[i] = probing_keep(p, &quoted);
    }
    return !p->failed;
}

/* ---- bounds as conditions ---- */

/* The bound's list as text: FROM (...), TO (...), IN (...). */
static struct span bound_text(const struct probing *p, const PgQuery__PartitionBoundSpec *bound,
                              const char *word)
{
    return text_in_parens(p->text, bound->location, word);
}

static bool is_word(struct span text, const char *word)
{
    return span_is_nocase(text, word);
}

/* Keys in order against a bound, up to the first MINVALUE or MAXVALUE, which decides. */
static void append_side(struct str *out, const struct division *d, struct span list, bool lower)
{
    struct span parts[MAX_KEY];
    const size_t count = text_split_list(list, parts, MAX_KEY);
    size_t plain = 0;
    while (plain < count && plain < d->count && !is_word(parts[plain], "MINVALUE") &&
           !is_word(parts[plain], "MAXVALUE"))
        plain++;
    const bool above = plain < count && is_word(parts[plain], "MAXVALUE");
    if (plain == 0) {
        str_puts(out, above == !lower ? "true" : "false");
        return;
    }
    str_putc(out, '(');
    for (size_t i = 0; i < plain; i++)
        str_printf(out, "%s%s", i > 0 ? ", " : "", d->keys[i]);
    if (plain == count)
        str_puts(out, lower ? ") >= (" : ") < (");
    else
        str_puts(out, lower ? (above ? ") > (" : ") >= (") : (above ? ") <= (" : ") < ("));
    for (size_t i = 0; i < plain; i++)
        str_printf(out, "%s%.*s", i > 0 ? ", " : "", (int)parts[i].len, parts[i].at);
    str_putc(out, ')');
}

static void append_range(struct probing *p, struct str *out, const struct division *d,
                         const PgQuery__PartitionBoundSpec *bound)
{
    for (size_t i = 0; i < d->count; i++)
        str_printf(out, "%s IS NOT NULL AND ", d->keys[i]);
    append_side(out, d, bound_text(p, bound, "FROM"), true);
    str_puts(out, " AND ");
    append_side(out, d, bound_text(p, bound, "TO"), false);
}

static void append_list(struct probing *p, struct str *out, const struct division *d,
                        const PgQuery__PartitionBoundSpec *bound)
{
    enum { MAX_VALUES = 1000 };
    struct span parts[MAX_VALUES];
    const size_t count = text_split_list(bound_text(p, bound, "IN"), parts, MAX_VALUES);
    str_puts(out, "false");
    for (size_t i = 0; i < count; i++) {
        if (is_word(parts[i], "NULL"))
            str_printf(out, " OR %s IS NULL", d->keys[0]);
        else
            str_printf(out, " OR (%s IS NOT NULL AND %s = %.*s)", d->keys[0], d->keys[0],
                       (int)parts[i].len, parts[i].at);
    }
}

static void append_hash(struct str *out, const struct division *d,
                        const struct probed_table *parent, const PgQuery__PartitionBoundSpec *bound)
{
    str_printf(out, "pg_catalog.satisfies_hash_partition(%s::pg_catalog.oid, %d, %d", parent->oid,
               bound->modulus, bound->remainder);
    for (size_t i = 0; i < d->count; i++)
        str_printf(out, ", %s", d->keys[i]);
    str_putc(out, ')');
}

/* What a row must be to belong there; NULL for what is not known. */
static const char *belongs(struct probing *p, const struct division *d,
                           const struct probed_table *parent,
                           const PgQuery__PartitionBoundSpec *bound)
{
    struct str text = {0};
    if (bound->is_default) {
        str_printf(&text, "(%s) IS NOT TRUE", d->siblings != NULL ? d->siblings : "false");
        return probing_keep(p, &text);
    }
    str_putc(&text, '(');
    if (d->strategy == 'r')
        append_range(p, &text, d, bound);
    else if (d->strategy == 'l')
        append_list(p, &text, d, bound);
    else
        append_hash(&text, d, parent, bound);
    str_puts(&text, ") IS TRUE");
    return probing_keep(p, &text);
}

/* ---- what a partition has to have, or is given ---- */

static const char rules_question[] =
    "SELECT pg_catalog.json_build_object("
    " 'checks', (SELECT pg_catalog.json_agg(k.conname) FROM pg_catalog.pg_constraint AS k"
    "   WHERE k.conrelid = $1::pg_catalog.oid AND k.contype = 'c' AND NOT k.connoinherit"
    "   AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint AS o"
    "    WHERE o.conrelid = $2::pg_catalog.oid AND o.contype = 'c' AND o.conname = k.conname)),"
    " 'keys', (SELECT pg_catalog.json_agg(pg_catalog.json_build_object('nulls_equal',"
    "   pg_catalog.to_jsonb(i)->'indnullsnotdistinct', 'columns', own.names))"
    "   FROM pg_catalog.pg_index AS i CROSS JOIN LATERAL (SELECT pg_catalog.json_agg(c.attname"
    "    ORDER BY u.n)::pg_catalog.jsonb AS names FROM pg_catalog.unnest(i.indkey) WITH ORDINALITY"
    "    AS u(num, n) JOIN pg_catalog.pg_attribute AS c ON c.attrelid = i.indrelid"
    "    AND c.attnum = u.num WHERE u.n <= i.indnkeyatts) AS own"
    "   WHERE i.indrelid = $1::pg_catalog.oid AND i.indisunique AND i.indexprs IS NULL"
    "   AND i.indpred IS NULL AND NOT EXISTS (SELECT FROM pg_catalog.pg_index AS o"
    "    WHERE o.indrelid = $2::pg_catalog.oid AND o.indisunique AND o.indisvalid"
    "    AND o.indexprs IS NULL AND o.indpred IS NULL AND own.names ="
    "    (SELECT pg_catalog.json_agg(c.attname ORDER BY u.n)::pg_catalog.jsonb"
    "     FROM pg_catalog.unnest(o.indkey) WITH ORDINALITY AS u(num, n)"
    "     JOIN pg_catalog.pg_attribute AS c ON c.attrelid = o.indrelid AND c.attnum = u.num"
    "     WHERE u.n <= o.indnkeyatts))),"
    " 'foreign', (SELECT pg_catalog.json_agg(pg_catalog.json_build_object('valid',"
    "   k.convalidated, 'match', k.confmatchtype, 'parent',"
    "   k.confrelid::pg_catalog.regclass::pg_catalog.text,"
    "   'columns', (SELECT pg_catalog.json_agg(c.attname ORDER BY u.n)"
    "    FROM pg_catalog.unnest(k.conkey) WITH ORDINALITY AS u(num, n)"
    "    JOIN pg_catalog.pg_attribute AS c ON c.attrelid = k.conrelid AND c.attnum = u.num),"
    "   'referred', (SELECT pg_catalog.json_agg(c.attname ORDER BY u.n)"
    "    FROM pg_catalog.unnest(k.confkey) WITH ORDINALITY AS u(num, n)"
    "    JOIN pg_catalog.pg_attribute AS c ON c.attrelid = k.confrelid AND c.attnum = u.num)))"
    "   FROM pg_catalog.pg_constraint AS k"
    "   WHERE k.conrelid = $1::pg_catalog.oid AND k.contype = 'f'))";

/* Why the columns do not fit; NULL: they do, as far as their names say. */
static const char *columns_differ(struct probing *p, const struct probed_table *parent,
                                  const struct probed_table *table)
{
    for (size_t i = 0; i < parent->columns.count; i++) {
        const struct probed_column *const wanted = &parent->columns.items[i];
        const struct probed_column *const own = table_column(table, wanted->name);
        if (own == NULL)
            return probing_text(p, "it has no column \"%s\"", wanted->name);
        if (wanted->not_null && !own->not_null)
            return probing_text(p, "its column \"%s\" is not NOT NULL", wanted->name);
    }
    for (size_t i = 0; i < table->columns.count; i++)
        if (table_column(parent, table->columns.items[i].name) == NULL)
            return probing_text(p, "it has a column \"%s\" of its own",
                                table->columns.items[i].name);
    return NULL;
}

/* Checks it must have already; unique and foreign keys are made for it, over its rows. */
static void ask_rules(struct probing *p, const struct probed_table *parent,
                      struct probed_table *table, const char *subject)
{
    const char *const params[] = {parent->oid, table->oid};
    const char *const answer = probing_ask(p, rules_question, params, COUNT_OF(params));
    CLEANUP(json_release) json_t *found = answer != NULL ? json_loads(answer, 0, NULL) : NULL;
    const json_t *const keys = json_object_get(found, "keys");
    const json_t *const foreign = json_object_get(found, "foreign");
    const char *const check =
        json_string_value(json_array_get(json_object_get(found, "checks"), 0));
    const char *why = columns_differ(p, parent, table);
    if (why == NULL && check != NULL && !table->gains_rules)
        why = probing_text(p, "it has no check \"%s\"", check);
    if (why != NULL)
        probing_fail(p, PROBE_PARTITION, table, subject, why);
    else if (parent->gains_rules || (check != NULL && table->gains_rules))
        probing_defer(p, PROBE_PARTITION, table, subject,
                      "an earlier statement adds constraints or indexes");
    for (size_t i = 0; i < json_array_size(keys) && !p->failed; i++)
        probe_known_key(p, table, json_array_get(keys, i));
    for (size_t i = 0; i < json_array_size(foreign) && !p->failed; i++)
        probe_known_foreign(p, table, json_array_get(foreign, i));
}

/* ---- what is asked ---- */

static void key_names(struct probing *p, const struct probed_table *table,
                      const struct division *division, struct name_list *ret)
{
    for (size_t i = 0; i < table->columns.count; i++) {
        struct str quoted = {0};
        append_name(&quoted, table->columns.items[i].name);
        const char *const name = probing_keep(p, &quoted);
        for (size_t k = 0; name != NULL && k < division->count; k++)
            if (strcmp(division->keys[k], name) == 0)
                name_list_add(p, ret, table->columns.items[i].name);
    }
}

static void ask_rows(struct probing *p, struct probed_table *table, const struct division *division,
                     const char *subject, const char *where)
{
    struct name_list names = {0};
    key_names(p, table, division, &names);
    struct probe *const probe = probing_add(p, PROBE_PARTITION, table, subject);
    const char *const sql = rows_query(p, table, false, &names, where);
    if (probe != NULL)
        probe->sql = sql;
}

/* The DEFAULT partition must hold nothing that the new one claims. */
static void ask_default(struct probing *p, const struct probed_table *parent,
                        const struct division *division, const char *condition)
{
    if (division->default_partition == NULL)
        return;
    struct probed_table *const other = probing_table_named(p, division->default_partition, NULL);
    if (other == NULL)
        return;
    const char *const subject =
        probing_text(p, "%s, the DEFAULT partition of %s", other->shown, parent->shown);
    const char *const unknown = table_unknown(p, other);
    if (unknown != NULL)
        probing_defer(p, PROBE_PARTITION, other, subject, unknown);
    else
        ask_rows(p, other, division, subject, condition);
}

static void attach(struct probing *p, struct probed_table *parent, struct probed_table *table,
                   const PgQuery__PartitionBoundSpec *bound)
{
    struct division division;
    const char *const subject =
        table != NULL ? probing_text(p, "%s, a partition of %s", table->shown, parent->shown)
                      : probing_text(p, "a partition of %s", parent->shown);
    const bool has_rows = table != NULL && (table->oid != NULL || table->unknown != NULL);
    if (p->failed || parent->oid == NULL || (table != NULL && table->kind == 'f'))
        return;
    const char *unknown = has_rows ? table_unknown(p, table) : NULL;
    if (unknown == NULL && !read_division(p, parent, &division))
        unknown = "it is divided by an expression, or is made by an earlier statement";
    if (unknown != NULL) {
        probing_defer(p, PROBE_PARTITION, has_rows ? table : parent, subject, unknown);
        return;
    }
    if (has_rows && table->oid != NULL)
        ask_rules(p, parent, table, subject);
    const char *const condition = belongs(p, &division, parent, bound);
    if (has_rows && condition != NULL)
        ask_rows(p, table, &division, subject, probing_text(p, "NOT (%s)", condition));
    if (!bound->is_default && condition != NULL)
        ask_default(p, parent, &division, condition);
}

void probe_attach(struct probing *p, struct probed_table *parent, const PgQuery__PartitionCmd *cmd)
{
    if (cmd->bound != NULL)
        attach(p, parent, probing_table(p, cmd->name), cmd->bound);
}

void probe_partition_of(struct probing *p, const PgQuery__CreateStmt *create)
{
    struct probed_table *const parent =
        create->n_inh_relations > 0 && create->inh_relations[0]->node_case == NODE(RANGE_VAR)
            ? probing_table(p, create->inh_relations[0]->range_var)
            : NULL;
    if (parent != NULL && !create->partbound->is_default)
        attach(p, parent, NULL, create->partbound);
}
