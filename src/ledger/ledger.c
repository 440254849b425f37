/* What both engines share, and the way to the right one. */
#include "ledger/ledger.h"

#include <inttypes.h>
#include <string.h>

#include "base/fault.h"
#include "base/fs.h"
#include "base/str.h"
#include "ledger/actor.h"
#include "ledger/detail.h"
#include "ledger/ledger_engine.h"
#include "ledger/schema.h"

enum { LEDGER_NAME_MAX = 40 };

/* Such a name needs no quoting on either engine. */
static bool name_valid(const char *name)
{
    size_t len = strlen(name);
    if (len == 0 || len > LEDGER_NAME_MAX || ascii_digit(name[0]))
        return false;
    for (size_t i = 0; i < len; i++)
        if (!ascii_digit(name[i]) && name[i] != '_' && !(name[i] >= 'a' && name[i] <= 'z'))
            return false;
    return true;
}

bool ledger_open(struct arena *arena, const struct ledger_options *options, const struct wait *wait,
                 struct ledger *ret, struct err *err)
{
    *ret = (struct ledger){.name = options->name, .display = options->display, .direct = true};
    if (!name_valid(options->name)) {
        const char *const shown = fs_printable(arena, options->name);
        return err_set(err, ERR_USAGE,
                       "the ledger's name \"%s\" is not one to %d lower-case ASCII letters, "
                       "digits and _",
                       shown != NULL ? shown : "?", LEDGER_NAME_MAX);
    }
    if (options->sqlite) {
        /* To a reader a file that is not there yet is an empty database. */
        const bool absent = !options->write && !fs_exists(options->location);
        if (!sqlite_open(absent ? ":memory:" : options->location,
                         options->write ? SQLITE_MODE_CREATE : SQLITE_MODE_READ, wait, &ret->sqlite,
                         err))
            return false;
        if (options->connect_timeout_ms > 0)
            sqlite_set_patience(ret->sqlite, options->connect_timeout_ms);
        return true;
    }
    const struct pg_options pg = {.location = options->location,
                                  .display = options->display,
                                  .application = "pawl",
                                  .connect_timeout_ms = options->connect_timeout_ms};
    return pg_open(&pg, wait, &ret->pg, err);
}

void ledger_close(struct ledger *ledger)
{
    pg_close(&ledger->pg);
    sqlite_close(&ledger->sqlite);
}

static int64_t to_number(const char *text)
{
    return text != NULL ? strtoll(text, NULL, 10) : 0;
}

static int compare_rows(const void *a, const void *b)
{
    const int64_t x = ((const struct journal_row *)a)->seq;
    const int64_t y = ((const struct journal_row *)b)->seq;
    return (x > y) - (x < y);
}

/* They come so; but SQL promises no order for a part of a UNION. */
static void sort_rows(struct journal *journal)
{
    for (size_t i = 1; i < journal->count; i++)
        if (journal->items[i].seq < journal->items[i - 1].seq) {
            qsort(journal->items, journal->count, sizeof *journal->items, compare_rows);
            return;
        }
}

bool ledger_read_rows(struct arena *arena, const struct rows *rows, struct journal *ret,
                      struct err *err)
{
    struct journal journal = {.head.hash = ""};
    for (size_t r = 0; r < rows->count; r++) {
        const char *const hash = rows_get(rows, r, 11);
        if (to_number(rows_get(rows, r, 0)) == 0) {
            journal.head.seq = to_number(rows_get(rows, r, 1));
            journal.now_us = to_number(rows_get(rows, r, 2));
            journal.head.hash = hash;
            continue;
        }
        struct journal_row *const row = arena_push(arena, &journal);
        if (row == NULL)
            return err_nomem(err);
        *row = (struct journal_row){
            .seq = to_number(rows_get(rows, r, 1)),
            .at_us = to_number(rows_get(rows, r, 2)),
            .event_name = rows_get(rows, r, 3),
            .event = event_parse(rows_get(rows, r, 3)),
            .migration = rows_get(rows, r, 4),
            .checksum = rows_get(rows, r, 5),
            .kind = rows_get(rows, r, 6),
            .phase = rows_get(rows, r, 7),
            .detail = rows_get(rows, r, 8),
            .digest = rows_get(rows, r, 9),
            .prev_hash = rows_get(rows, r, 10),
            .hash = hash,
        };
    }
    sort_rows(&journal);
    *ret = journal;
    return true;
}

bool ledger_read(struct ledger *ledger, struct arena *arena, struct journal *ret, struct err *err)
{
    const bool ok = ledger->pg != NULL ? ledger_pg_read(ledger, arena, ret, err)
                                       : ledger_sqlite_read(ledger, arena, ret, err);
    if (!ok || !ledger->exists)
        return ok;
    /* Readers of every pawl ever released go on; only writing, and what is said of it, is refused.
     */
    const int format = journal_format(ret);
    if (ledger->plans && format > LEDGER_FORMAT) {
        (void)err_set(err, ERR_USAGE,
                      "the ledger has format %d, this pawl (" PAWL_VERSION ") knows %d", format,
                      LEDGER_FORMAT);
        err_state(err, "Nothing was changed.");
        err_hint(err, "Use the pawl that wrote it, or a newer one.");
        return false;
    }
    return true;
}

bool ledger_text(struct ledger *ledger, struct arena *arena, const char *checksum, const char **ret,
                 struct err *err)
{
    const char *const sql =
        ledger_sql(arena,
                   ledger->pg != NULL ? "SELECT body FROM {ledger}.text WHERE checksum = $1"
                                      : "SELECT body FROM {ledger}_text WHERE checksum = $1",
                   ledger->name);
    struct rows rows;
    *ret = NULL;
    if (sql == NULL)
        return err_nomem(err);
    if (!(ledger->pg != NULL ? pg_query(ledger->pg, arena, sql, &checksum, 1, &rows, err)
                             : sqlite_query(ledger->sqlite, arena, sql, strlen(sql), &checksum, 1,
                                            &rows, NULL, err)))
        return false;
    if (rows.count > 0)
        *ret = rows_get(&rows, 0, 0);
    return true;
}

bool ledger_foreign_objects(struct ledger *ledger, struct arena *arena, const char *schema,
                            const char **ret_example, struct err *err)
{
    *ret_example = NULL;
    return ledger->pg != NULL ? ledger_pg_foreign_objects(ledger, arena, schema, ret_example, err)
                              : ledger_sqlite_foreign_objects(ledger, arena, ret_example, err);
}

bool ledger_create(struct ledger *ledger, struct arena *arena, const struct entry *entries,
                   size_t count, struct err *err)
{
    const struct hash_hex empty = hash_bytes("", 0);
    bool meanwhile = false;
    CLEANUP(json_release)
    json_t *detail = json_pack("{s:i, s:s, s:s}", "format", LEDGER_FORMAT, "pawl", PAWL_VERSION,
                               "ledger", ledger->name);
    struct entry *const all = arena_alloc(arena, (count + 1) * sizeof *all);
    const char *const text =
        detail != NULL && actor_describe(arena, detail) ? detail_text(arena, detail) : NULL;
    if (all == NULL || text == NULL)
        return err_nomem(err);
    all[0] = (struct entry){.event = EVENT_CREATED, .detail = text, .digest = empty.text};
    for (size_t i = 0; i < count; i++)
        all[i + 1] = entries[i];
    fault_point("ledger create");
    if (!(ledger->pg != NULL
              ? ledger_pg_create(ledger, arena, all, count + 1, &meanwhile, err)
              : ledger_sqlite_create(ledger, arena, all, count + 1, &meanwhile, err))) {
        err_prefix(err, "cannot create the ledger \"%s\"", ledger->name);
        return false;
    }
    if (meanwhile && count > 0) {
        (void)err_set(err, ERR_REFUSED, "another pawl has just created the ledger \"%s\"",
                      ledger->name);
        err_state(err, "Nothing was changed.");
        return false;
    }
    ledger->exists = true;
    fault_point("ledger created");
    return true;
}

bool ledger_append(struct ledger *ledger, struct arena *arena, const struct entry *entry,
                   int64_t expected_change, struct receipt *ret, struct err *err)
{
    return ledger_append_with(ledger, arena, NULL, 0, entry, expected_change, ret, err);
}

/* On the server a division by zero is what fails without a function of our own. */
static bool write_pg(struct ledger *ledger, struct arena *arena, const struct ledger_write *write,
                     struct err *err)
{
    const char *const sql = write->one_row
                                ? arena_printf(arena,
                                               "WITH hit AS (%s RETURNING 1)"
                                               " SELECT 1 / pg_catalog.count(*) FROM hit",
                                               write->sql)
                                : write->sql;
    return sql != NULL ? pg_pipeline_add(ledger->pg, sql, write->params, write->count, err)
                       : err_nomem(err);
}

bool ledger_write(struct ledger *ledger, struct arena *arena, const struct ledger_write *write,
                  struct err *err)
{
    if (ledger->pg != NULL)
        return write_pg(ledger, arena, write, err);
    if (!sqlite_query(ledger->sqlite, arena, write->sql, strlen(write->sql), write->params,
                      write->count, NULL, NULL, err))
        return false;
    if (!write->one_row || sqlite_changes(ledger->sqlite) == 1)
        return true;
    (void)err_set(err, ERR_FAILED, "the row is not as it was");
    memcpy(err->sqlstate, LEDGER_NOT_ONE_ROW, sizeof err->sqlstate);
    return false;
}

static bool write_all(struct ledger *ledger, struct arena *arena, const struct ledger_write *writes,
                      size_t count, struct err *err)
{
    for (size_t i = 0; i < count; i++)
        if (!ledger_write(ledger, arena, &writes[i], err))
            return false;
    return true;
}

bool ledger_append_with(struct ledger *ledger, struct arena *arena,
                        const struct ledger_write *writes, size_t write_count,
                        const struct entry *entry, int64_t expected_change, struct receipt *ret,
                        struct err *err)
{
    if (ledger->pg != NULL)
        return ledger_pg_append(ledger, arena, writes, write_count, entry, expected_change, ret,
                                err);
    if (!sqlite_exec(ledger->sqlite, "BEGIN IMMEDIATE", err))
        return false;
    if ((expected_change < 0 || ledger_sqlite_expect(ledger, arena, expected_change, err)) &&
        write_all(ledger, arena, writes, write_count, err) &&
        ledger_sqlite_append(ledger, arena, entry, ret, err) &&
        sqlite_exec(ledger->sqlite, "COMMIT", err))
        return true;
    sqlite_rollback(ledger->sqlite);
    return false;
}

long long ledger_mutex_key(const char *name)
{
    CLEANUP(str_release) struct str text = {.max = 128};
    str_printf(&text, "pawl:%s",
               name); /* at most LEDGER_NAME_MAX bytes: cannot fail but for memory */
    return hash_key(str_text(&text), text.len);
}
