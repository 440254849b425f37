/* The ledger in a SQLite file: what append() does on a PostgreSQL server is done here. */
#include "ledger/ledger_engine.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "ledger/schema.h"

static bool query(struct ledger *ledger, struct arena *arena, const char *template,
                  const char *const *params, size_t count, struct rows *ret, struct err *err)
{
    const char *const sql = ledger_sql(arena, template, ledger->name);
    if (sql == NULL)
        return err_nomem(err);
    return sqlite_query(ledger->sqlite, arena, sql, strlen(sql), params, count, ret, NULL, err);
}

static bool table_exists(struct ledger *ledger, struct arena *arena, bool *ret, struct err *err)
{
    struct rows rows;
    if (!query(ledger, arena,
               "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = '{ledger}_journal'",
               NULL, 0, &rows, err))
        return false;
    *ret = rows.count > 0;
    return true;
}

bool ledger_sqlite_read(struct ledger *ledger, struct arena *arena, struct journal *ret,
                        struct err *err)
{
    static const char sql[] =
        "SELECT 0 AS k, seq, 0, '', NULL, NULL, NULL, NULL, '', NULL, '', hash FROM {ledger}_head"
        " UNION ALL SELECT 1, seq, at, event, migration, checksum, kind, phase, detail, digest,"
        " prev_hash, hash FROM {ledger}_journal"; /* by its key; a sort would copy it all */
    struct rows rows;
    *ret = (struct journal){0};
    if (!table_exists(ledger, arena, &ledger->exists, err))
        return false;
    if (!ledger->exists)
        return true;
    if (!query(ledger, arena, sql, NULL, 0, &rows, err) ||
        !ledger_read_rows(arena, &rows, ret, err))
        return false;
    ret->now_us = clock_utc_us(); /* no server: the clock that writes at */
    return true;
}

bool ledger_sqlite_foreign_objects(struct ledger *ledger, struct arena *arena,
                                   const char **ret_example, struct err *err)
{
    /* Tables of another ledger in the same file come in a set of three. */
    static const char sql[] =
        "SELECT name FROM sqlite_schema AS s WHERE type IN ('table', 'view')"
        " AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
        " AND NOT EXISTS (SELECT 1 FROM sqlite_schema AS l WHERE l.type = 'table'"
        "   AND substr(l.name, -8) = '_journal'"
        "   AND s.name IN (l.name, substr(l.name, 1, length(l.name) - 8) || '_head',"
        "     substr(l.name, 1, length(l.name) - 8) || '_text',"
        "     substr(l.name, 1, length(l.name) - 8) || '_checkpoint',"
        "     substr(l.name, 1, length(l.name) - 8) || '_migration')"
        "   AND EXISTS (SELECT 1 FROM sqlite_schema AS h"
        "     WHERE h.name = substr(l.name, 1, length(l.name) - 8) || '_head'))"
        " ORDER BY name LIMIT 1";
    struct rows rows;
    if (!query(ledger, arena, sql, NULL, 0, &rows, err))
        return false;
    if (rows.count > 0)
        *ret_example = rows_get(&rows, 0, 0);
    return true;
}

bool ledger_sqlite_expect(struct ledger *ledger, struct arena *arena, int64_t expected_change,
                          struct err *err)
{
    struct rows rows;
    if (!query(ledger, arena,
               /* From the newest row on, not over all of them. */
               "SELECT coalesce((SELECT seq FROM {ledger}_journal WHERE event IN ({changing})"
               " ORDER BY seq DESC LIMIT 1), 0)",
               NULL, 0, &rows, err))
        return false;
    if (strtoll(rows_get(&rows, 0, 0), NULL, 10) == expected_change)
        return true;
    (void)err_set(err, ERR_BUSY, "another pawl has changed the applied set");
    memcpy(err->sqlstate, "PW002", sizeof err->sqlstate);
    err->retryable = true;
    return false;
}

/* A migration's trigger may swallow a write without an error. */
static bool written(const struct ledger *ledger, const char *what, struct err *err)
{
    if (sqlite_changes(ledger->sqlite) == 1)
        return true;
    return err_set(err, ERR_FAILED, "%s: a trigger keeps it away", what);
}

static bool insert_row(struct ledger *ledger, struct arena *arena, const struct journal_row *row,
                       struct err *err)
{
    char seq[24], at[24];
    (void)snprintf(seq, sizeof seq, "%" PRId64, row->seq);
    (void)snprintf(at, sizeof at, "%" PRId64, row->at_us);
    const char *const params[] = {
        seq,        at,          row->event_name, row->migration, row->checksum, row->kind,
        row->phase, row->detail, row->digest,     row->prev_hash, row->hash};
    return query(ledger, arena,
                 "INSERT INTO {ledger}_journal VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10,"
                 " ?11)",
                 params, COUNT_OF(params), NULL, err) &&
           written(ledger, "the journal has not taken its row", err) &&
           query(ledger, arena, "UPDATE {ledger}_head SET seq = ?1, hash = ?2",
                 (const char *const[]){seq, row->hash}, 2, NULL, err) &&
           written(ledger, "the head of the ledger has not moved", err);
}

/* The head that the row is to follow. A row that accepts a break is written over whatever is left
 * of the head. */
static bool read_head(struct ledger *ledger, struct arena *arena, bool mend,
                      struct journal_head *ret, struct err *err)
{
    struct rows rows;
    if (mend && (!query(ledger, arena,
                        "INSERT INTO {ledger}_head VALUES (1, 0, '" JOURNAL_FIRST_PREV_HASH
                        "') ON CONFLICT DO NOTHING",
                        NULL, 0, NULL, err) ||
                 !query(ledger, arena,
                        "UPDATE {ledger}_head SET seq ="
                        " max(seq, (SELECT coalesce(max(seq), 0) FROM {ledger}_journal))",
                        NULL, 0, NULL, err)))
        return false;
    if (!query(ledger, arena, "SELECT seq, hash FROM {ledger}_head", NULL, 0, &rows, err))
        return false;
    if (rows.count != 1)
        return err_set(err, ERR_CHAIN, "the ledger has no head row");
    *ret = (struct journal_head){strtoll(rows_get(&rows, 0, 0), NULL, 10), rows_get(&rows, 0, 1)};
    return true;
}

bool ledger_sqlite_append(struct ledger *ledger, struct arena *arena, const struct entry *entry,
                          struct receipt *ret, struct err *err)
{
    struct journal_head head = {0};
    struct hash_hex hash;
    if (!read_head(ledger, arena, entry->event == EVENT_BREAK_ACCEPTED, &head, err))
        return false;
    struct journal_row row = {
        .seq = head.seq + 1,
        .at_us = clock_utc_us(),
        .event_name = event_name(entry->event),
        .migration = entry->migration,
        .checksum = entry->checksum,
        .kind = entry->kind,
        .phase = entry->phase,
        .detail = entry->detail,
        .digest = entry->digest,
        .prev_hash = head.hash,
    };
    if (!journal_hash(&row, &hash))
        return err_nomem(err);
    row.hash = hash.text;
    if (!insert_row(ledger, arena, &row, err))
        return false;
    if (entry->text != NULL &&
        !query(ledger, arena, "INSERT INTO {ledger}_text VALUES (?1, ?2) ON CONFLICT DO NOTHING",
               (const char *const[]){entry->checksum, entry->text}, 2, NULL, err))
        return false;
    ret->text = arena_printf(arena, "%" PRId64 ":%s", row.seq, hash.text);
    return ret->text != NULL || err_nomem(err);
}

static bool create_inside(struct ledger *ledger, struct arena *arena, const struct entry *entries,
                          size_t count, bool *ret_meanwhile, struct err *err)
{
    struct receipt receipt;
    if (!table_exists(ledger, arena, ret_meanwhile, err))
        return false;
    if (*ret_meanwhile)
        return true;
    for (size_t i = 0; ledger_schema_sqlite[i] != NULL; i++)
        if (!query(ledger, arena, ledger_schema_sqlite[i], NULL, 0, NULL, err))
            return false;
    for (size_t i = 0; i < count; i++)
        if (!ledger_sqlite_append(ledger, arena, &entries[i], &receipt, err))
            return false;
    return true;
}

bool ledger_sqlite_create(struct ledger *ledger, struct arena *arena, const struct entry *entries,
                          size_t count, bool *ret_meanwhile, struct err *err)
{
    if (!sqlite_exec(ledger->sqlite, "BEGIN IMMEDIATE", err))
        return false;
    if (create_inside(ledger, arena, entries, count, ret_meanwhile, err) &&
        sqlite_exec(ledger->sqlite, "COMMIT", err))
        return true;
    sqlite_rollback(ledger->sqlite);
    return false;
}
