/* The query that must find nothing once a backfill is through. */
#include <string.h>

#include "base/fs.h"
#include "base/str.h"
#include "deploy/backfill.h"
#include "sql/split.h"

/* So many rows are shown; one more says that there are more. */
enum { SHOWN_ROWS = 5, SHOWN_VALUE_BYTES = 60 };

/* The query as rows of one text column; its own ORDER BY and LIMIT stay inside. */
static const char *limited(const struct backfill *b, struct arena *arena, struct err *err)
{
    const char *const verify = b->item->migration->verify;
    const enum dialect dialect = b->run->options->set->dialect;
    struct statements statements = {0};
    if (!sql_split(arena, dialect, verify, strlen(verify), &statements, err))
        return NULL;
    const struct span query = statements.items[0].text;
    const char *const sql = arena_printf(arena, "SELECT * FROM (%.*s\n) AS v LIMIT %d",
                                         (int)query.len, query.at, SHOWN_ROWS + 1);
    if (sql == NULL)
        (void)err_nomem(err);
    return sql;
}

/* Read-only, and without a limit but the one of locks: it may read the whole table. */
static bool ask_pg(struct backfill *b, struct arena *arena, const char *sql, struct rows *ret,
                   struct err *err)
{
    struct pg *const pg = b->run->ledger->pg;
    struct limits limits = b->limits;
    struct pg_answers answers;
    limits.statement_timeout_ms = 0;
    if (!pg_pipeline_begin(pg, err) ||
        !ledger_pg_enter(b->run->ledger, arena, &limits, b->run->last_change, err) ||
        !pg_pipeline_add(pg, "SET TRANSACTION READ ONLY", NULL, 0, err) ||
        !pg_pipeline_run(pg, arena, &answers, NULL, NULL, err))
        return false;
    const bool ok = pg_query(pg, arena, sql, NULL, 0, ret, err);
    return pg_roll_back(pg, ok, err);
}

static bool ask(struct backfill *b, struct arena *arena, struct rows *ret, struct err *err)
{
    struct run *const run = b->run;
    const char *const sql = limited(b, arena, err);
    if (sql == NULL)
        return false;
    if (run->ledger->pg == NULL)
        return sqlite_query(run->ledger->sqlite, arena, sql, strlen(sql), NULL, 0, ret, NULL, err);
    watcher_begin(run);
    const bool ok = ask_pg(b, arena, sql, ret, err);
    watcher_end(run);
    return ok;
}

static void put_rows(struct arena *arena, const struct rows *rows, struct str *out)
{
    for (size_t r = 0; r < rows->count && r < SHOWN_ROWS; r++) {
        str_puts(out, r > 0 ? "; (" : "(");
        for (size_t c = 0; c < rows->columns; c++) {
            const char *const value = rows_get(rows, r, c);
            const char *const shown = value != NULL ? fs_printable(arena, value) : "NULL";
            str_printf(out, "%s%.*s", c > 0 ? ", " : "", SHOWN_VALUE_BYTES,
                       shown != NULL ? shown : "?");
        }
        str_putc(out, ')');
    }
    if (rows->count > SHOWN_ROWS)
        str_puts(out, " and more");
}

bool backfill_verify(struct backfill *b, struct arena *arena, struct err *err)
{
    struct run *const run = b->run;
    CLEANUP(str_release) struct str found = {0};
    struct rows rows = {0};
    if (!ask(b, arena, &rows, err)) {
        if (err->code == ERR_FAILED)
            err_prefix(err, "verify");
        return false;
    }
    if (rows.count == 0)
        return true;
    put_rows(arena, &rows, &found);
    if (b->at.until != NULL && !checkpoint_reset(run->ledger, arena, &b->at, run->last_change, err))
        return false;
    b->at.batches = 0;
    (void)err_set(err, ERR_FAILED, "verify of \"%s\" finds rows that are not as they should be",
                  b->item->migration->id);
    err_detail(err, "%s", str_text(&found));
    err_state(err,
              "Every batch stands, and \"%s\" does not count as applied. The next deploy goes "
              "through the table anew. Applied by this run: %zu of %zu.",
              b->item->migration->id, run->result->done.count, run->result->plan.items.count);
    err_hint(err, "Look at what writes such rows, then deploy again.");
    return false;
}
