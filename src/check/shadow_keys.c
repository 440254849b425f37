/*
 * The foreign keys of a sample. What its rows refer to is fetched from the target, round by round,
 * as that refers to more; after a number of rounds, rows that still lack their parents are left
 * out. The keys that the pending migrations add are followed too: a row that refers to nothing is
 * then one that does so in the target.
 */
#include <string.h>

#include "base/str.h"
#include "check/shadow_parts.h"

enum { MAX_ROUNDS = 20 };

/* So many parents are asked for at once, and so often in a round. */
enum { KEYS_AT_ONCE = 1000, MAX_BATCHES = 100000 };

/*
 * By columns of a key: the child and the parent as FROM takes them, the parent as COPY does, its
 * columns, how the two meet, that the child refers to something, a value as text with the type of
 * the parent's column, and whether the target's own key holds there. Types are written with their
 * schema, as the search_path is empty.
 */
enum {
    KEY_CHILD,
    KEY_PARENT,
    KEY_INTO,
    KEY_COLUMNS,
    KEY_MEETS,
    KEY_REFERS,
    KEY_VALUE,
    KEY_WANTED,
    KEY_HOLDS,
};

#define ONLY(alias)                                                                                \
    "CASE " alias ".relkind WHEN 'r' THEN 'ONLY ' ELSE '' END"                                     \
    " || pg_catalog.format('%I.%I', " alias "n.nspname, " alias ".relname)"

#define KEYS(source)                                                                               \
    "SELECT " ONLY("c") ", " ONLY(                                                                 \
        "p") ", pg_catalog.format('%I.%I', pn.nspname, p.relname),"                                \
             " (SELECT pg_catalog.string_agg(pg_catalog.quote_ident(a.attname), ', ' ORDER BY "    \
             "a.attnum)"                                                                           \
             "  FROM pg_catalog.pg_attribute AS a WHERE a.attrelid = p.oid AND a.attnum > 0"       \
             "  AND NOT a.attisdropped AND a.attgenerated = ''),"                                  \
             " pg_catalog.string_agg(pg_catalog.format('p.%I = c.%I', pa.attname, ca.attname), ' " \
             "AND '"                                                                               \
             "  ORDER BY u.place),"                                                                \
             " pg_catalog.string_agg(pg_catalog.format('c.%I IS NOT NULL', ca.attname), ' AND ')," \
             " pg_catalog.string_agg(pg_catalog.format('pg_catalog.quote_literal(c.%I::pg_"        \
             "catalog.text)"                                                                       \
             " || %L', ca.attname, '::' || pg_catalog.format_type(pa.atttypid, pa.atttypmod)),"    \
             "  ' || '','' || ' ORDER BY u.place),"                                                \
             " pg_catalog.string_agg(pg_catalog.format('p.%I', pa.attname), ', ' ORDER BY "        \
             "u.place), k.holds"                                                                   \
             " FROM (" source ") AS k"                                                             \
             " JOIN pg_catalog.pg_class AS c ON c.oid = k.child AND c.relkind IN ('r', 'p')"       \
             " JOIN pg_catalog.pg_namespace AS cn ON cn.oid = c.relnamespace"                      \
             " JOIN pg_catalog.pg_class AS p ON p.oid = k.parent AND p.relkind IN ('r', 'p')"      \
             "  AND pg_catalog.has_table_privilege(p.oid, 'SELECT')"                               \
             " JOIN pg_catalog.pg_namespace AS pn ON pn.oid = p.relnamespace,"                     \
             " ROWS FROM (pg_catalog.unnest(k.child_columns), "                                    \
             "pg_catalog.unnest(k.parent_columns))"                                                \
             "  WITH ORDINALITY AS u(child, parent, place)"                                        \
             " JOIN pg_catalog.pg_attribute AS ca ON ca.attnum = u.child"                          \
             " JOIN pg_catalog.pg_attribute AS pa ON pa.attnum = u.parent"                         \
             " WHERE ca.attrelid = k.child AND pa.attrelid = k.parent"                             \
             " GROUP BY c.oid, c.relkind, c.relname, cn.nspname, p.oid, p.relkind, p.relname, "    \
             "pn.nspname,"                                                                         \
             " k.id, k.holds ORDER BY k.id"

static const char own_sql[] =
    KEYS("SELECT x.oid AS id, x.conrelid AS child, x.confrelid AS parent,"
         " x.conkey AS child_columns, x.confkey AS parent_columns, x.convalidated AS holds"
         " FROM pg_catalog.pg_constraint AS x JOIN pg_catalog.pg_class AS r ON r.oid = x.conrelid"
         " JOIN pg_catalog.pg_namespace AS n ON n.oid = r.relnamespace"
         " WHERE x.contype = 'f' AND x.conparentid = 0 AND n.nspname <> $1");

/* Resolved before, so that the search_path may be empty here. */
static const char added_sql[] = KEYS(
    "SELECT 0 AS id, $1::pg_catalog.oid AS child, $2::pg_catalog.oid AS parent,"
    " (SELECT pg_catalog.array_agg(a.attnum ORDER BY w.place)"
    "  FROM pg_catalog.unnest($3::pg_catalog.text[]) WITH ORDINALITY AS w(name, place)"
    "  JOIN pg_catalog.pg_attribute AS a ON a.attname = w.name AND a.attrelid = $1::pg_catalog.oid)"
    " AS child_columns, coalesce((SELECT pg_catalog.array_agg(a.attnum ORDER BY w.place)"
    "  FROM pg_catalog.unnest($4::pg_catalog.text[]) WITH ORDINALITY AS w(name, place)"
    "  JOIN pg_catalog.pg_attribute AS a ON a.attname = w.name AND a.attrelid = "
    "$2::pg_catalog.oid),"
    "  (SELECT x.conkey FROM pg_catalog.pg_constraint AS x"
    "   WHERE x.contype = 'p' AND x.conrelid = $2::pg_catalog.oid)) AS parent_columns,"
    " false AS holds");

/* ---- which keys there are ---- */

struct keys {
    const char ***items; /* the cells of a row each */
    size_t count, capacity;
};

static bool add_keys(struct shadow *shadow, const struct rows *rows, struct keys *keys,
                     struct err *err)
{
    for (size_t i = 0; i < rows->count; i++) {
        const char ***const key = arena_push(shadow->arena, keys);
        if (key == NULL)
            return err_nomem(err);
        *key = &rows->cells[i * rows->columns];
    }
    return true;
}

/* The oids of the tables of a key that is to be added; "" for what is not there. */
static bool resolve(struct shadow *shadow, const struct shadow_key *key, struct rows *ret,
                    struct err *err)
{
    static const char sql[] =
        "SELECT pg_catalog.to_regclass($1)::pg_catalog.oid, pg_catalog.to_regclass($2)"
        "::pg_catalog.oid";
    const char *const names[] = {key->table, key->parent};
    return pg_query(shadow->options.target_connection, shadow->arena, sql, names, COUNT_OF(names),
                    ret, err);
}

static bool read_added(struct shadow *shadow, const struct shadow_key *key, const struct rows *oids,
                       struct keys *keys, struct err *err)
{
    struct rows rows;
    const char *const values[] = {rows_get(oids, 0, 0), rows_get(oids, 0, 1), key->columns,
                                  key->parent_columns};
    if (values[0] == NULL || values[1] == NULL) /* made by the migrations themselves */
        return true;
    return pg_query(shadow->options.target_connection, shadow->arena, added_sql, values,
                    COUNT_OF(values), &rows, err) &&
           add_keys(shadow, &rows, keys, err);
}

static bool set_path(struct shadow *shadow, const char *path, struct err *err)
{
    return pg_query(shadow->options.target_connection, shadow->arena,
                    "SELECT pg_catalog.set_config('search_path', $1, true)", &path, 1, NULL, err);
}

static bool read_keys(struct shadow *shadow, struct keys *ret, struct err *err)
{
    const struct shadow_rows *const options = &shadow->options.rows;
    const char *const ledger = options->ledger != NULL ? options->ledger : "";
    struct rows rows;
    struct rows *const oids = arena_alloc(shadow->arena, (options->keys.count + 1) * sizeof *oids);
    if (oids == NULL)
        return err_nomem(err);
    if (!set_path(shadow, shadow->settings[1], err))
        return false;
    for (size_t i = 0; i < options->keys.count; i++)
        if (!resolve(shadow, &options->keys.items[i], &oids[i], err))
            return false;
    if (!set_path(shadow, "", err) ||
        !pg_query(shadow->options.target_connection, shadow->arena, own_sql, &ledger, 1, &rows,
                  err) ||
        !add_keys(shadow, &rows, ret, err))
        return false;
    for (size_t i = 0; i < options->keys.count; i++)
        if (!read_added(shadow, &options->keys.items[i], &oids[i], ret, err))
            return false;
    return true;
}

/* ---- the rows ---- */

/* Parents that the key's children lack, as the list of an IN; NULL: none. */
static bool find_missing(struct arena *arena, struct pg *pg, const char *const *key,
                         const char **ret, bool *ret_more, struct err *err)
{
    struct rows rows;
    const char *const sql = arena_printf(
        arena,
        "SELECT pg_catalog.string_agg(x.t, ','), pg_catalog.count(*)"
        " FROM (SELECT DISTINCT '(' || %s || ')' AS t"
        " FROM %s AS c WHERE %s AND NOT EXISTS (SELECT FROM %s AS p WHERE %s) LIMIT %d) AS x",
        key[KEY_VALUE], key[KEY_CHILD], key[KEY_REFERS], key[KEY_PARENT], key[KEY_MEETS],
        KEYS_AT_ONCE);
    if (sql == NULL)
        return err_nomem(err);
    if (!pg_query(pg, arena, sql, NULL, 0, &rows, err))
        return false;
    *ret = rows_get(&rows, 0, 0);
    *ret_more = strtoll(rows_get(&rows, 0, 1), NULL, 10) == KEYS_AT_ONCE;
    return true;
}

/* *ret_came: some did. *ret_more: there may be more to ask for. */
static bool fetch_some(struct shadow *shadow, struct pg *pg, const char *const *key, bool *ret_came,
                       bool *ret_more, struct err *err)
{
    CLEANUP(arena_release) struct arena arena = {0};
    struct shadow_facts *const facts = &shadow->facts;
    const int64_t before = facts->row_count;
    const char *list;
    *ret_came = false;
    if (!find_missing(&arena, pg, key, &list, ret_more, err))
        return false;
    if (list == NULL)
        return true;
    const char *const out =
        arena_printf(&arena, "COPY (SELECT %s FROM %s AS p WHERE (%s) IN (%s)) TO STDOUT",
                     key[KEY_COLUMNS], key[KEY_PARENT], key[KEY_WANTED], list);
    const char *const in =
        arena_printf(&arena, "COPY %s (%s) FROM STDIN", key[KEY_INTO], key[KEY_COLUMNS]);
    if (out == NULL || in == NULL)
        return err_nomem(err);
    if (!pg_copy(shadow->options.target_connection, out, pg, in, &facts->row_count,
                 &facts->row_bytes, err)) {
        err_prefix(err, "cannot copy the rows of %s", key[KEY_INTO]);
        return false;
    }
    *ret_came = facts->row_count > before;
    return true;
}

/* One round of one key. */
static bool fetch(struct shadow *shadow, struct pg *pg, const char *const *key, bool *ret_came,
                  struct err *err)
{
    bool came = true, more = true;
    for (int batch = 0; came && more && batch < MAX_BATCHES; batch++) {
        if (!fetch_some(shadow, pg, key, &came, &more, err))
            return false;
        *ret_came = *ret_came || came;
    }
    return true;
}

/* A row that goes may have been the parent of another. */
static bool leave_orphans_out(struct shadow *shadow, struct pg *pg, const struct keys *keys,
                              struct err *err)
{
    for (bool gone = true; gone;) {
        gone = false;
        for (size_t i = 0; i < keys->count; i++) {
            struct rows rows;
            const char *const *const key = keys->items[i];
            if (strcmp(key[KEY_HOLDS], "t") != 0)
                continue;
            const char *const sql = arena_printf(
                shadow->arena,
                "WITH gone AS (DELETE FROM %s AS c WHERE %s AND NOT EXISTS (SELECT FROM %s AS p"
                " WHERE %s) RETURNING 1) SELECT pg_catalog.count(*) FROM gone",
                key[KEY_CHILD], key[KEY_REFERS], key[KEY_PARENT], key[KEY_MEETS]);
            if (sql == NULL)
                return err_nomem(err);
            if (!pg_query(pg, shadow->arena, sql, NULL, 0, &rows, err))
                return false;
            const int64_t count = strtoll(rows_get(&rows, 0, 0), NULL, 10);
            shadow->facts.row_count -= count;
            gone = gone || count > 0;
        }
    }
    return true;
}

bool shadow_keys_follow(struct shadow *shadow, struct pg *pg, struct err *err)
{
    struct keys keys = {0};
    bool came = true;
    if (!read_keys(shadow, &keys, err) ||
        !pg_exec(pg, "SELECT pg_catalog.set_config('search_path', '', false)", err))
        return false;
    for (int round = 0; came && round < MAX_ROUNDS; round++) {
        came = false;
        for (size_t i = 0; i < keys.count; i++)
            if (!fetch(shadow, pg, keys.items[i], &came, err))
                return false;
    }
    return leave_orphans_out(shadow, pg, &keys, err);
}
