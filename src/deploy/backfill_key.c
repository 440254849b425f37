/* The table that a backfill goes through and the key that it goes by, as the catalog has them. */
#include <string.h>

#include "base/fs.h"
#include "base/str.h"
#include "deploy/backfill.h"
#include "ledger/detail.h"
#include "sql/identifier.h"

/* $1: the table, $2: the columns as a JSON list, or NULL for those of the primary key, $3: the
 * table of the statement, or NULL. A JSON object, or NULL where there is no such table. */
static const char question_pg[] =
    "WITH t AS (SELECT pg_catalog.to_regclass($1) AS oid),"
    " i AS (SELECT x.indexrelid, x.indisprimary, x.indisunique AND x.indisvalid"
    "    AND x.indpred IS NULL AND x.indexprs IS NULL AND m.amname = 'btree' AS usable,"
    "   (SELECT pg_catalog.array_agg(a.attname::pg_catalog.text ORDER BY u.n)"
    "    FROM pg_catalog.unnest(x.indkey::pg_catalog.int2[]) WITH ORDINALITY AS u(number, n)"
    "    JOIN pg_catalog.pg_attribute AS a ON a.attrelid = x.indrelid AND a.attnum = u.number"
    "    WHERE u.n <= x.indnkeyatts) AS columns"
    "  FROM t JOIN pg_catalog.pg_index AS x ON x.indrelid = t.oid"
    "  JOIN pg_catalog.pg_class AS c ON c.oid = x.indexrelid"
    "  JOIN pg_catalog.pg_am AS m ON m.oid = c.relam),"
    " k AS (SELECT CASE WHEN $2::pg_catalog.text IS NULL"
    "   THEN (SELECT i.columns FROM i WHERE i.indisprimary)"
    "   ELSE ARRAY(SELECT pg_catalog.json_array_elements_text($2::pg_catalog.json)) END AS columns)"
    "SELECT pg_catalog.json_build_object("
    "'name', pg_catalog.format('%I.%I', n.nspname, c.relname),"
    " 'table', c.relkind IN ('r', 'p'),"
    " 'inherited', c.relkind = 'r' AND EXISTS (SELECT FROM pg_catalog.pg_inherits AS h"
    "   WHERE h.inhparent = c.oid),"
    " 'same', coalesce(pg_catalog.to_regclass($3) = c.oid, $3::pg_catalog.text IS NULL),"
    " 'unique', EXISTS (SELECT FROM i WHERE i.usable AND i.columns = k.columns),"
    " 'columns', (SELECT pg_catalog.json_agg(pg_catalog.json_build_object('name', w.name,"
    "   'found', a.attname IS NOT NULL, 'type', a.atttypid::pg_catalog.int8,"
    "   'date', y.typcategory = 'D', 'filled', a.attnotnull) ORDER BY w.n)"
    "  FROM pg_catalog.unnest(k.columns) WITH ORDINALITY AS w(name, n)"
    "  LEFT JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attname = w.name"
    "   AND a.attnum > 0 AND NOT a.attisdropped"
    "  LEFT JOIN pg_catalog.pg_type AS y ON y.oid = a.atttypid))"
    " FROM t JOIN pg_catalog.pg_class AS c ON c.oid = t.oid"
    " JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace CROSS JOIN k";

/* The same, with plain names. A primary key may hold NULL, but for INTEGER and WITHOUT ROWID. */
static const char question_sqlite[] =
    "WITH t AS (SELECT name, type, wr FROM pragma_table_list"
    "  WHERE schema = 'main' AND name = ?1 COLLATE NOCASE),"
    " c AS (SELECT x.* FROM t, pragma_table_xinfo(t.name) AS x),"
    " p AS (SELECT json_group_array(name) AS columns, count(*) AS count,"
    "   max(upper(type)) = 'INTEGER' AND count(*) = 1 AS rowid"
    "  FROM (SELECT name, type FROM c WHERE pk > 0 ORDER BY pk)),"
    " k AS (SELECT coalesce(?2, CASE WHEN p.count > 0 THEN p.columns END) AS columns FROM p)"
    "SELECT json_object('name', t.name, 'table', t.type = 'table', 'inherited', 0,"
    " 'same', coalesce(?3 = t.name COLLATE NOCASE, 1),"
    " 'unique', lower(k.columns) = lower(p.columns) OR EXISTS (SELECT 1"
    "   FROM pragma_index_list(t.name) AS i WHERE i.\"unique\" AND NOT i.partial"
    "   AND lower(k.columns) = (SELECT lower(json_group_array(name)) FROM"
    "     (SELECT name FROM pragma_index_info(i.name) ORDER BY seqno))),"
    " 'columns', (SELECT json_group_array(json_object('name', coalesce(c.name, w.value),"
    "   'found', c.name IS NOT NULL, 'type', 0, 'date', 0,"
    "   'filled', c.\"notnull\" OR (c.pk > 0 AND (p.rowid OR t.wr)))) FROM json_each(k.columns)"
    "   AS w LEFT JOIN c ON c.name = w.value COLLATE NOCASE))"
    " FROM t, p, k";

static bool is_true(const json_t *object, const char *name)
{
    const json_t *const member = json_object_get(object, name);
    return json_is_true(member) || json_integer_value(member) != 0;
}

/* ---- asking ---- */

/* *ret: NULL when key= is not given. */
static bool given_key(const struct backfill *b, const char **ret, struct err *err)
{
    struct batch_names names;
    bool ok = false;
    *ret = NULL;
    if (b->item->migration->key == NULL)
        return true;
    if (!batch_read_key(b->run->arena, b->run->options->set->dialect, b->item->migration->key,
                        &names, &ok, err))
        return false;
    CLEANUP(json_release) json_t *list = json_array();
    for (size_t i = 0; list != NULL && i < names.count; i++)
        if (json_array_append_new(list, json_string(names.items[i])) != 0)
            return err_nomem(err);
    *ret = detail_text(b->run->arena, list);
    return *ret != NULL || err_nomem(err);
}

/* table= says what it goes through; else the statement does. */
static bool ask(struct backfill *b, const char *table, const char **ret, struct err *err)
{
    struct arena *const arena = b->run->arena;
    const bool pg = b->run->ledger->pg != NULL;
    /* Where the statement says its bounds itself it may change another table. */
    const char *const changed = b->statement->parameters == 0 ? b->statement->table : NULL;
    const char *params[3] = {table, NULL, changed};
    struct rows rows;
    if (!given_key(b, &params[1], err))
        return false;
    if (pg)
        return backfill_pg_ask(b, arena, question_pg, (const unsigned[3]){0}, params,
                               COUNT_OF(params), ret, err);
    /* SQLite's catalog is asked by plain names. */
    params[0] = identifier_last_part(arena, DIALECT_SQLITE, table);
    params[2] = changed != NULL ? identifier_last_part(arena, DIALECT_SQLITE, changed) : NULL;
    if (params[0] == NULL || (changed != NULL && params[2] == NULL))
        return err_nomem(err);
    if (!sqlite_query(b->run->ledger->sqlite, arena, question_sqlite, strlen(question_sqlite),
                      params, COUNT_OF(params), &rows, NULL, err))
        return false;
    *ret = rows.count > 0 ? rows_get(&rows, 0, 0) : NULL;
    return true;
}

/* ---- what it must be ---- */

static bool refuse(struct err *err, const char *hint)
{
    err_state(err, "Nothing of it was run.");
    if (hint != NULL)
        err_hint(err, "%s", hint);
    return false;
}

static bool check_table(const json_t *object, const char *table, struct err *err)
{
    if (!is_true(object, "table")) {
        (void)err_set(err, ERR_FAILED, "\"%s\" is no table: a backfill goes through a table's rows",
                      table);
        return refuse(err, "Name the table with table= in the file's head.");
    }
    if (is_true(object, "inherited")) {
        (void)err_set(err, ERR_FAILED,
                      "other tables inherit from \"%s\": its key does not tell their rows apart",
                      table);
        return refuse(err, "Write a backfill for each of the tables, with ONLY and with the batch "
                           "said in the statement.");
    }
    if (!is_true(object, "same")) {
        (void)err_set(err, ERR_FAILED, "\"table\" says \"%s\", and the statement changes another",
                      table);
        return refuse(err, "Name the table that it changes; or say the batch in the statement: $1 "
                           "and $2.");
    }
    if (json_array_size(json_object_get(object, "columns")) > 0)
        return true;
    (void)err_set(err, ERR_FAILED, "\"%s\" has no primary key to go by", table);
    return refuse(err, "Name columns of a unique index with key= in the file's head.");
}

static bool check_column(const struct backfill *b, const json_t *column, const char *table,
                         const char *shown, struct err *err)
{
    const bool pg = b->run->ledger->pg != NULL;
    if (!is_true(column, "found")) {
        (void)err_set(err, ERR_FAILED, "\"%s\" has no column \"%s\" to go by", table, shown);
        return refuse(err, "Mend key= in the file's head.");
    }
    if (is_true(column, "filled"))
        return true;
    (void)err_set(err, ERR_FAILED,
                  "the key \"%s\" of \"%s\" may be NULL: rows without one would be left out", shown,
                  table);
    if (pg)
        err_hint(err,
                 "Name another key; or first, in a migration: ALTER TABLE %s ALTER COLUMN "
                 "\"%s\" SET NOT NULL.",
                 b->table, shown);
    else
        err_hint(err, "Name another key: INTEGER PRIMARY KEY, or a column that is NOT NULL.");
    return refuse(err, NULL);
}

static bool check_unique(const struct backfill *b, const json_t *object, const char *table,
                         struct err *err)
{
    CLEANUP(str_release) struct str columns = {0};
    for (size_t i = 0; i < b->key.count; i++)
        str_printf(&columns, "%s%s", i > 0 ? ", " : "", b->key.columns[i]);
    if (columns.failed)
        return err_nomem(err);
    if (is_true(object, "unique"))
        return true;
    (void)err_set(err, ERR_FAILED, "no unique index of \"%s\" is one of (%s)", table,
                  str_text(&columns));
    err_hint(err,
             "Name the columns of one, in its order, with key=; or first, in a migration: CREATE "
             "UNIQUE INDEX %sON %s (%s).",
             b->run->ledger->pg != NULL ? "CONCURRENTLY " : "", b->table, str_text(&columns));
    return refuse(err, NULL);
}

static bool read_column(struct backfill *b, const json_t *column, const char *table,
                        struct err *err)
{
    struct arena *const arena = b->run->arena;
    const char *const name = json_string_value(json_object_get(column, "name"));
    const char *const shown = name != NULL ? fs_printable(arena, name) : NULL;
    if (shown == NULL)
        return err_nomem(err);
    if (!check_column(b, column, table, shown, err))
        return false;
    const size_t at = b->key.count++;
    b->key.columns[at] = pg_quote_name(arena, name); /* SQLite takes the same */
    b->key.types[at] = (unsigned)json_integer_value(json_object_get(column, "type"));
    b->key.dates[at] = is_true(column, "date");
    return b->key.columns[at] != NULL || err_nomem(err);
}

static bool read_answer(struct backfill *b, const json_t *object, const char *table,
                        struct err *err)
{
    struct arena *const arena = b->run->arena;
    const json_t *const columns = json_object_get(object, "columns");
    const char *const name = json_string_value(json_object_get(object, "name"));
    CLEANUP(json_release) json_t *names = json_array();
    b->key.count = 0;
    if (name == NULL || names == NULL)
        return err_nomem(err);
    if (!check_table(object, table, err))
        return false;
    b->table = b->run->ledger->pg != NULL ? arena_strdup(arena, name) : pg_quote_name(arena, name);
    if (b->table == NULL)
        return err_nomem(err);
    if (json_array_size(columns) > BACKFILL_KEY_MAX) {
        (void)err_set(err, ERR_FAILED, "a key of more than %d columns", BACKFILL_KEY_MAX);
        return refuse(err, NULL);
    }
    for (size_t i = 0; i < json_array_size(columns); i++) {
        const json_t *const column = json_array_get(columns, i);
        if (!read_column(b, column, table, err))
            return false;
        if (json_array_append(names, json_object_get(column, "name")) != 0)
            return err_nomem(err);
    }
    b->key.names = detail_text(arena, names);
    return (b->key.names != NULL || err_nomem(err)) && check_unique(b, object, table, err);
}

/* What the text alone cannot tell where the key is not named there. */
static bool check_statement(const struct backfill *b, struct err *err)
{
    const char *columns[BACKFILL_KEY_MAX];
    const struct batch_names key = {.items = columns, .count = b->key.count};
    CLEANUP(json_release) json_t *names = json_loads(b->key.names, 0, NULL);
    for (size_t i = 0; i < b->key.count; i++) {
        columns[i] = json_string_value(json_array_get(names, i));
        if (columns[i] == NULL)
            return err_nomem(err);
    }
    if (batch_check_key(b->run->options->set->dialect, b->statement, &key, err))
        return true;
    err->code = ERR_FAILED; /* migrations before it may stand */
    return refuse(err, NULL);
}

bool backfill_read_key(struct backfill *b, struct err *err)
{
    const struct migration *const m = b->item->migration;
    const char *const table = m->table != NULL ? m->table : b->statement->table;
    const char *const shown = fs_printable(b->run->arena, table);
    const char *answer = NULL;
    if (shown == NULL)
        return err_nomem(err);
    if (!ask(b, table, &answer, err))
        return false;
    if (answer == NULL) {
        (void)err_set(err, ERR_FAILED, "there is no table \"%s\" to go through", shown);
        return refuse(err, NULL);
    }
    CLEANUP(json_release) json_t *object = json_loads(answer, 0, NULL);
    if (object == NULL)
        return err_nomem(err);
    return read_answer(b, object, shown, err) && check_statement(b, err);
}

bool backfill_bounds(const struct backfill *b, struct arena *arena, const char *list,
                     const char *ret[BACKFILL_KEY_MAX], struct err *err)
{
    CLEANUP(json_release) json_t *array = json_loads(list, 0, NULL);
    if (json_array_size(array) != b->key.count)
        return err_set(err, ERR_FAILED, "the checkpoint holds \"%s\", which is no key", list);
    for (size_t i = 0; i < b->key.count; i++) {
        const char *const value = json_string_value(json_array_get(array, i));
        ret[i] = value != NULL ? arena_strdup(arena, value) : NULL;
        if (ret[i] == NULL)
            return err_nomem(err);
    }
    return true;
}
