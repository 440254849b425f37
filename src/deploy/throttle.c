/* What a backfill looks at between two batches, and what each of it means. */
#include "deploy/throttle.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/fs.h"
#include "db/sqlstate.h"
#include "deploy/pace.h"
#include "deploy/run.h"

enum {
    LOOK_MS = 1000,      /* between two looks at the server */
    LOOK_OFTEN_MS = 250, /* where WAL is counted: a batch may write much of it */
    PAUSE_MS = 1000,     /* before the next look, when there is a reason to wait */
    WHY_BYTES = 800,     /* a printable name of 200 bytes and the words around it */
};

struct throttle {
    struct run *run;
    const struct throttle_options *options;
    struct pace pace;
    struct lag lag;
    struct wal_rate wal;
    const char *table; /* its oid; NULL: none */
    int64_t rest_until_ms, next_look_ms;
    bool held_up; /* others waited for the batch before */
    bool hidden;  /* it was told that we may not see everything */
    bool blind;   /* it was told that this server has no answer for us */
    char why[WHY_BYTES];
};

/* One row a thing that was seen; the columns in the order of enum seen_column. */
static const char look_sql[] =
    "SELECT 'wal', NULL,"
    "  pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_current_wal_insert_lsn(), '0/0')::pg_catalog.int8,"
    "  pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_current_wal_flush_lsn(), '0/0')::pg_catalog.int8"
    " UNION ALL SELECT CASE WHEN r.state IS NULL THEN 'hidden'"
    "   WHEN s.slot_type = 'logical' THEN 'subscriber' ELSE 'standby' END,"
    "  r.application_name || coalesce(' at ' || pg_catalog.host(r.client_addr), ''),"
    "  pg_catalog.pg_wal_lsn_diff(r.replay_lsn, '0/0')::pg_catalog.int8,"
    "  (extract(epoch FROM r.replay_lag) * 1000)::pg_catalog.int8"
    " FROM pg_catalog.pg_stat_replication AS r"
    " LEFT JOIN pg_catalog.pg_replication_slots AS s ON s.active_pid = r.pid"
    " WHERE $1::pg_catalog.bool AND (r.state IS NULL"
    "  OR (r.state IN ('streaming', 'catchup') AND r.replay_lsn IS NOT NULL))"
    " UNION ALL SELECT 'slot', s.slot_name::pg_catalog.text,"
    "  pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_current_wal_flush_lsn(), s.restart_lsn)"
    "   ::pg_catalog.int8, NULL"
    " FROM pg_catalog.pg_replication_slots AS s"
    " WHERE $1::pg_catalog.bool AND s.wal_status IN ('extended', 'unreserved')"
    " UNION ALL SELECT CASE WHEN v.wraparound THEN 'wraparound' ELSE 'vacuum' END, v.name, v.dead,"
    "  NULL FROM (SELECT p.relid::pg_catalog.regclass::pg_catalog.text AS name,"
    "    pg_catalog.pg_stat_get_dead_tuples(p.relid) AS dead, c.reltuples,"
    "    a.query LIKE 'autovacuum: %(to prevent wraparound)' AS wraparound"
    "   FROM pg_catalog.pg_stat_progress_vacuum AS p"
    "   JOIN pg_catalog.pg_stat_activity AS a ON a.pid = p.pid"
    "   JOIN pg_catalog.pg_class AS c ON c.oid = p.relid"
    "   WHERE p.datname = pg_catalog.current_database() AND a.backend_type = 'autovacuum worker'"
    "    AND (p.relid = $2::pg_catalog.oid OR p.relid IN"
    "     (SELECT t.relid FROM pg_catalog.pg_partition_tree($2::pg_catalog.oid) AS t))) AS v"
    " WHERE v.wraparound OR (v.dead > 10000 AND v.dead > 0.2 * v.reltuples)";

enum seen_column { SEEN_KIND, SEEN_NAME, SEEN_NUMBER, SEEN_OTHER };

struct seen {
    const char *kind, *name;
    int64_t number, other; /* -1: NULL */
};

static int64_t number_or(const char *text, int64_t otherwise)
{
    return text != NULL ? strtoll(text, NULL, 10) : otherwise;
}

static struct seen read_seen(const struct rows *rows, size_t row)
{
    return (struct seen){rows_get(rows, row, SEEN_KIND), rows_get(rows, row, SEEN_NAME),
                         number_or(rows_get(rows, row, SEEN_NUMBER), -1),
                         number_or(rows_get(rows, row, SEEN_OTHER), -1)};
}

static bool is(const struct seen *seen, const char *kind)
{
    return strcmp(seen->kind, kind) == 0;
}

/* The first reason stands. */
static PRINTF_LIKE(2, 3) void because(struct throttle *t, const char *format, ...)
{
    va_list args;
    if (t->why[0] != '\0')
        return;
    va_start(args, format);
    (void)vsnprintf(t->why, sizeof t->why, format, args);
    va_end(args);
}

static const char *shown(struct arena *arena, const char *name)
{
    const char *const printable = fs_printable(arena, name != NULL ? name : "?");
    return printable != NULL ? printable : "?";
}

/* ---- what was seen ---- */

static void see_hidden(struct throttle *t)
{
    if (!t->hidden)
        deploy_tell(&t->run->options->listener,
                    &(struct deploy_event){
                        .type = DEPLOY_NOTE,
                        .text =
                            "this role may not see how far standbys are behind, and no backfill "
                            "waits for them: GRANT pg_monitor would let it"});
    t->hidden = true;
}

/* The one whose position is farthest behind. */
static void see_lag(struct throttle *t, struct arena *arena, const struct rows *rows,
                    int64_t flushed, int64_t now_ms)
{
    struct seen worst = {.number = INT64_MAX};
    char behind[CLOCK_ISO_BYTES], most[CLOCK_ISO_BYTES];
    for (size_t i = 0; i < rows->count; i++) {
        const struct seen seen = read_seen(rows, i);
        if ((is(&seen, "standby") || is(&seen, "subscriber")) && seen.number < worst.number)
            worst = seen;
    }
    lag_keep(&t->lag, flushed, now_ms, worst.number);
    const int64_t behind_ms = lag_behind_ms(&t->lag, worst.number, now_ms, worst.other);
    if (worst.kind == NULL || behind_ms <= t->options->max_lag_ms)
        return;
    clock_format_elapsed_ms(behind_ms, behind);
    clock_format_duration_ms(t->options->max_lag_ms, most);
    because(t, "%s \"%s\" is %s behind, max_lag is %s", worst.kind, shown(arena, worst.name),
            behind, most);
}

static void see_slot(struct throttle *t, struct arena *arena, const struct seen *seen)
{
    because(t,
            "replication slot \"%s\" keeps %" PRId64 " MB of WAL, more than the server plans for",
            shown(arena, seen->name), seen->number >> 20);
}

static void see_vacuum(struct throttle *t, struct arena *arena, const struct seen *seen)
{
    because(t, "autovacuum is at work on %s, which has %" PRId64 " dead rows",
            shown(arena, seen->name), seen->number);
}

static void see_wraparound(struct throttle *t, struct arena *arena, const struct seen *seen)
{
    because(t, "autovacuum is at work on %s to prevent wraparound", shown(arena, seen->name));
}

static const struct {
    const char *kind;
    void (*see)(struct throttle *t, struct arena *arena, const struct seen *seen);
} kinds[] = {{"slot", see_slot}, {"vacuum", see_vacuum}, {"wraparound", see_wraparound}};

static void see_rate(struct throttle *t, int64_t inserted, int64_t now_ms)
{
    char ahead[CLOCK_ISO_BYTES];
    const int64_t ahead_ms = wal_rate_ahead_ms(&t->wal, inserted, now_ms);
    clock_format_elapsed_ms(ahead_ms, ahead);
    /* A short rest is nothing to speak of. */
    if (ahead_ms > PAUSE_MS)
        because(t, "the server has written WAL for %s more than max_wal_rate allows", ahead);
    else if (now_ms + ahead_ms > t->rest_until_ms)
        t->rest_until_ms = now_ms + ahead_ms;
}

static void see(struct throttle *t, struct arena *arena, const struct rows *rows, int64_t now_ms)
{
    for (size_t i = 0; i < rows->count; i++) {
        const struct seen seen = read_seen(rows, i);
        if (is(&seen, "hidden"))
            see_hidden(t);
        for (size_t k = 0; k < COUNT_OF(kinds); k++)
            if (is(&seen, kinds[k].kind))
                kinds[k].see(t, arena, &seen);
        if (is(&seen, "wal")) {
            see_lag(t, arena, rows, seen.other, now_ms);
            see_rate(t, seen.number, now_ms);
        }
    }
}

/* ---- asking ---- */

/* The read-only transaction of a question; what it set goes with it. */
static bool enter(const struct throttle *t, struct arena *arena, struct err *err)
{
    struct pg *const pg = t->run->ledger->pg;
    const char *const path = t->run->options->limits.search_path;
    return sessions_enter(pg, arena, err) &&
           (path == NULL ||
            pg_query(pg, arena, "SELECT pg_catalog.set_config('search_path', $1, true)", &path, 1,
                     NULL, err));
}

static bool ask(const struct throttle *t, struct arena *arena, const char *sql,
                const char *const *params, size_t count, struct rows *ret, struct err *err)
{
    struct pg *const pg = t->run->ledger->pg;
    const bool ok = enter(t, arena, err) && pg_query(pg, arena, sql, params, count, ret, err);
    return pg_roll_back(pg, ok, err);
}

/* A server that does not find the time to answer is no server to load further. */
static bool wait_for_answer(struct throttle *t, const char *what, struct err *err)
{
    if (err->code != ERR_FAILED || !sqlstate_timed_out(err->sqlstate))
        return false;
    because(t, "%s was not answered within seconds", what);
    err_release(err);
    return true;
}

/* A server of another make, or a right that was taken away: every look would end so. */
static bool go_on_without(struct throttle *t, struct arena *arena, struct err *err)
{
    if (err->code != ERR_FAILED ||
        (strncmp(err->sqlstate, "0A", 2) != 0 && strncmp(err->sqlstate, "42", 2) != 0))
        return false;
    t->blind = true;
    deploy_tell(&t->run->options->listener,
                &(struct deploy_event){
                    .type = DEPLOY_NOTE,
                    .text = arena_printf(arena,
                                         "backfills go on without a look at standbys, WAL and "
                                         "vacuum, as the server does not let us have one: %s",
                                         err->message)});
    err_release(err);
    return true;
}

static bool look_at_server(struct throttle *t, struct err *err)
{
    CLEANUP(arena_release) struct arena scratch = {0};
    const char *const params[] = {t->options->max_lag_ms > 0 ? "t" : "f", t->table};
    struct rows rows;
    const int64_t now_ms = clock_monotonic_ms();
    if (!ask(t, &scratch, look_sql, params, COUNT_OF(params), &rows, err))
        return wait_for_answer(t, "a look at the server", err) || go_on_without(t, &scratch, err);
    see(t, &scratch, &rows, now_ms);
    return true;
}

/* ---- the user's question ---- */

/* What may follow a statement in its text ends a subquery. */
static size_t query_length(const char *query)
{
    size_t len = strlen(query);
    while (len > 0 && (ascii_space(query[len - 1]) || query[len - 1] == ';'))
        len--;
    return len;
}

static bool bad_query(struct err *err)
{
    err_prefix(err, "throttle_query");
    err_hint(err, "`pawl config` shows where it is set. The next deploy goes on where this one "
                  "stopped.");
    return false;
}

static bool read_verdict(struct throttle *t, struct arena *arena, const struct rows *rows,
                         struct err *err)
{
    if (rows->columns != 2)
        return err_set(err, ERR_FAILED, "it returns %zu columns instead of one", rows->columns - 1);
    if (rows->count > 1)
        return err_set(err, ERR_FAILED, "it returns more than one row");
    const char *const value = rows_get(rows, 0, 0), *const type = rows_get(rows, 0, 1);
    if (strcmp(type, "boolean") != 0 && strcmp(type, "text") != 0 &&
        strcmp(type, "character varying") != 0)
        return err_set(err, ERR_FAILED, "it returns %s: boolean or text is wanted", type);
    if (value == NULL || value[0] == '\0')
        return true;
    if (strcmp(type, "boolean") != 0)
        because(t, "throttle_query says \"%s\"", shown(arena, value));
    else if (strcmp(value, "t") == 0)
        because(t, "throttle_query says to wait");
    return true;
}

static bool ask_user(struct throttle *t, struct err *err)
{
    CLEANUP(arena_release) struct arena scratch = {0};
    const char *const query = t->options->query;
    struct rows rows;
    /* Always a row, so that a wrong type shows at once; a line of its own, as the last one may be a
     * comment. */
    const char *const sql =
        arena_printf(&scratch,
                     "SELECT q.*, pg_catalog.pg_typeof(q.why)::pg_catalog.text FROM (SELECT) AS one"
                     " LEFT JOIN (%.*s\n) AS q(why) ON true LIMIT 2",
                     (int)query_length(query), query);
    if (sql == NULL)
        return err_nomem(err);
    if (ask(t, &scratch, sql, NULL, 0, &rows, err))
        return read_verdict(t, &scratch, &rows, err) || bad_query(err);
    return wait_for_answer(t, "throttle_query", err) ||
           (err->code == ERR_FAILED ? bad_query(err) : false);
}

/* ---- the interface ---- */

static bool find_table(struct throttle *t, const char *table, struct err *err)
{
    struct rows rows;
    if (!ask(t, t->run->arena, "SELECT pg_catalog.to_regclass($1)::pg_catalog.oid", &table, 1,
             &rows, err))
        return false;
    t->table = rows_get(&rows, 0, 0);
    return true;
}

bool throttle_begin(struct run *run, const char *table, int64_t first_batch_rows, int64_t max_rows,
                    struct throttle **ret, struct err *err)
{
    struct throttle *const t = arena_alloc(run->arena, sizeof *t);
    if (t == NULL)
        return err_nomem(err);
    t->run = run;
    t->options = &run->options->throttle;
    pace_begin(&t->pace, first_batch_rows, max_rows, t->options->target_ms);
    lag_begin(&t->lag, t->options->max_lag_ms);
    t->wal.max_bytes_per_s = t->options->max_wal_bytes_per_s;
    *ret = t;
    return run->ledger->pg == NULL || table == NULL || find_table(t, table, err);
}

int64_t throttle_rows(const struct throttle *t)
{
    return t->pace.rows;
}

void throttle_took(struct throttle *t, int64_t rows, int64_t ms)
{
    t->rest_until_ms = clock_monotonic_ms() + ms * t->options->rest_percent / 100;
    pace_took(&t->pace, rows, ms);
    t->held_up = t->run->watcher.held_up != NULL;
    if (t->held_up)
        pace_halve(&t->pace);
}

void throttle_split(struct throttle *t)
{
    pace_halve(&t->pace);
}

static bool rest(const struct throttle *t, struct err *err)
{
    const int64_t left_ms = t->rest_until_ms - clock_monotonic_ms();
    return left_ms <= 0 || wait_sleep(left_ms, t->run->wait, err);
}

static bool look(struct throttle *t, struct err *err)
{
    const int64_t now_ms = clock_monotonic_ms();
    if (t->held_up)
        because(t, "other sessions waited for a batch: the next one is smaller");
    t->held_up = false;
    if (t->why[0] != '\0' || now_ms < t->next_look_ms)
        return true;
    t->next_look_ms = now_ms + (t->options->max_wal_bytes_per_s > 0 ? LOOK_OFTEN_MS : LOOK_MS);
    if ((!t->blind && !look_at_server(t, err)) ||
        (t->why[0] == '\0' && t->options->query != NULL && !ask_user(t, err)))
        return false;
    if (t->why[0] != '\0')
        t->next_look_ms = 0; /* whoever waits asks again each time */
    return true;
}

bool throttle_look(struct throttle *t, const char **ret_why, int64_t *ret_pause_ms, struct err *err)
{
    t->why[0] = '\0';
    if (!rest(t, err) || (t->run->ledger->pg != NULL && !look(t, err)))
        return false;
    *ret_why = t->why[0] != '\0' ? t->why : NULL;
    *ret_pause_ms = *ret_why != NULL ? PAUSE_MS : 0;
    return rest(t, err);
}
