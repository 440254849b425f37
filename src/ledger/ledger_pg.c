/* The ledger in a PostgreSQL schema. */
#include "ledger/ledger_engine.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "db/sqlstate.h"
#include "ledger/schema.h"

/* The interval at which the server looks whether pawl is still there while a statement runs, so
 * that a killed pawl leaves nothing running; PostgreSQL 14 and later. */
#define CHECK_INTERVAL_MS "1000"
enum { CHECK_INTERVAL_SINCE_VERSION = 140000 };

/* How long a row of its own waits for the head, which others lock for one insert. */
#define HEAD_TIMEOUT "10000"
enum { HEAD_TIMEOUT_MS = 10000 };
static const char set_head_timeout[] = "SET LOCAL lock_timeout = " HEAD_TIMEOUT;

static bool query(struct ledger *ledger, struct arena *arena, const char *template,
                  const char *const *params, size_t count, struct rows *ret, struct err *err)
{
    const char *const sql = ledger_sql(arena, template, ledger->name);
    if (sql == NULL)
        return err_nomem(err);
    return pg_query(ledger->pg, arena, sql, params, count, ret, err);
}

static bool add(struct ledger *ledger, struct arena *arena, const char *template,
                const char *const *params, size_t count, struct err *err)
{
    const char *const sql = ledger_sql(arena, template, ledger->name);
    if (sql == NULL)
        return err_nomem(err);
    return pg_pipeline_add(ledger->pg, sql, params, count, err);
}

bool ledger_prepare_plan(struct ledger *ledger, struct arena *arena, struct err *err)
{
    struct rows rows;
    ledger->plans = true;
    if (ledger->pg == NULL)
        return true;
    if (!pg_query(ledger->pg, arena,
                  "SELECT pg_catalog.pg_backend_pid(), pg_catalog.pg_is_in_recovery(),"
                  " pg_catalog.current_setting('transaction_read_only'),"
                  " extract(epoch FROM pg_catalog.clock_timestamp())::pg_catalog.int8",
                  NULL, 0, &rows, err))
        return false;
    ledger->direct = (int)strtol(rows_get(&rows, 0, 0), NULL, 10) == pg_backend_pid(ledger->pg);
    ledger->now_epoch_s = strtoll(rows_get(&rows, 0, 3), NULL, 10);
    ledger->standby = strcmp(rows_get(&rows, 0, 1), "t") == 0;
    ledger->read_only = strcmp(rows_get(&rows, 0, 2), "on") == 0;
    return true;
}

bool ledger_check_writable(const struct ledger *ledger, struct err *err)
{
    if (ledger->standby) {
        (void)err_set(err, ERR_REFUSED, "%s is a standby: only a primary can be written to",
                      ledger->display);
        err_state(err, "Nothing was changed.");
        err_hint(err, "Point the target's url at the primary (target_session_attrs=read-write).");
        return false;
    }
    if (ledger->read_only) {
        (void)err_set(err, ERR_REFUSED, "%s is read-only for this role", ledger->display);
        err_state(err, "Nothing was changed.");
        err_hint(err, "Look at default_transaction_read_only of the role and the database.");
        return false;
    }
    return true;
}

bool ledger_prepare_writer(struct ledger *ledger, struct arena *arena, struct err *err)
{
    return ledger_prepare_plan(ledger, arena, err) && ledger_check_writable(ledger, err);
}

bool ledger_pg_read(struct ledger *ledger, struct arena *arena, struct journal *ret,
                    struct err *err)
{
    /* One statement, one snapshot: a row appended between two would look like a broken chain.
     * Ordered inside, by the index: around the UNION it would be a sort, by parallel workers. */
    static const char sql[] =
        "SELECT 0 AS k, seq, pg_catalog.round(extract(epoch FROM pg_catalog.clock_timestamp())"
        " * 1000000)::pg_catalog.int8, '', NULL, NULL, NULL, NULL, '', NULL, '', hash"
        " FROM {ledger}.head UNION ALL (SELECT 1, seq,"
        " pg_catalog.round(extract(epoch FROM at) * 1000000)::pg_catalog.int8, event, migration,"
        " checksum, kind, phase, detail, digest, prev_hash, hash FROM {ledger}.journal"
        " ORDER BY seq)";
    struct rows rows;
    *ret = (struct journal){0};
    ledger->exists = query(ledger, arena, sql, NULL, 0, &rows, err);
    if (ledger->exists)
        return ledger_read_rows(arena, &rows, ret, err);
    if (sqlstate_reaction(err->sqlstate) == REACTION_NO_LEDGER) {
        err_release(err);
        return true;
    }
    err_prefix(err, "cannot read the ledger \"%s\"", ledger->name);
    if (err->code == ERR_FAILED)
        err->code = ERR_UNREACHABLE;
    return false;
}

bool ledger_pg_foreign_objects(struct ledger *ledger, struct arena *arena, const char *schema,
                               const char **ret_example, struct err *err)
{
    /* User relations, functions and types that belong to no extension and to no ledger. */
    static const char sql[] =
        "SELECT pg_catalog.format('%I.%I', n.nspname, c.relname)"
        " FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace"
        " WHERE n.nspname !~ '^(pg_|information_schema$)'"
        " AND ($1::pg_catalog.text IS NULL OR n.nspname = ANY (pg_catalog.string_to_array("
        "   pg_catalog.replace(pg_catalog.replace($1, ' ', ''), '\"', ''), ',')))"
        " AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')"
        " AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_depend AS d"
        "   WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = c.oid"
        "   AND d.deptype = 'e')"
        " AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_class AS j, pg_catalog.pg_class AS h"
        "   WHERE j.relnamespace = n.oid AND j.relname = 'journal'"
        "   AND h.relnamespace = n.oid AND h.relname = 'head')"
        " ORDER BY 1 LIMIT 1";
    struct rows rows;
    if (!pg_query(ledger->pg, arena, sql, &schema, 1, &rows, err))
        return false;
    if (rows.count > 0)
        *ret_example = rows_get(&rows, 0, 0);
    return true;
}

static const char *number_text(struct arena *arena, long long number)
{
    return arena_printf(arena, "%lld", number);
}

/* First what a migration may have left: the setting under which the journal takes rows for those
 * of another database. CASE, as nothing else promises an order; no statement of its own, as each
 * costs as much as the row. */
static const char append_template[] =
    "SELECT CASE WHEN CASE WHEN pg_catalog.current_setting('session_replication_role') ="
    " 'replica' THEN pg_catalog.set_config('session_replication_role', 'origin', true) END = ''"
    " THEN '' ELSE {ledger}.append($1, $2, $3, $4, $5, $6, $7, $8) END";

static bool add_append(struct ledger *ledger, struct arena *arena, const struct entry *entry,
                       struct err *err)
{
    const char *const params[] = {event_name(entry->event),
                                  entry->migration,
                                  entry->checksum,
                                  entry->kind,
                                  entry->phase,
                                  entry->detail,
                                  entry->digest,
                                  entry->text};
    return add(ledger, arena, append_template, params, COUNT_OF(params), err);
}

/* Another pawl was quicker: its ledger is as good as ours. */
static bool created_meanwhile(const struct err *err)
{
    return strcmp(err->sqlstate, "42P06") == 0 || strcmp(err->sqlstate, "23505") == 0;
}

/* Polled as everywhere: a waiting statement would hold a snapshot. */
static bool lock_for_creation(struct ledger *ledger, struct arena *arena, struct err *err)
{
    struct rows rows;
    const char *const key = number_text(arena, ledger_mutex_key(ledger->name));
    if (key == NULL)
        return err_nomem(err);
    if (!pg_exec(ledger->pg, "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE", err) ||
        !pg_query(ledger->pg, arena, "SELECT pg_catalog.pg_try_advisory_xact_lock($1)", &key, 1,
                  &rows, err))
        return false;
    if (strcmp(rows_get(&rows, 0, 0), "t") == 0)
        return true;
    if (!pg_exec(ledger->pg, "ROLLBACK", err))
        return false;
    (void)err_set(err, ERR_BUSY, "another pawl is at work on this ledger");
    err->retryable = true;
    return false;
}

bool ledger_pg_create(struct ledger *ledger, struct arena *arena, const struct entry *entries,
                      size_t count, bool *ret_meanwhile, struct err *err)
{
    struct pg_answers answers;
    if (!lock_for_creation(ledger, arena, err) || !pg_pipeline_begin(ledger->pg, err))
        return false;
    for (size_t i = 0; ledger_schema_pg[i] != NULL; i++)
        if (!add(ledger, arena, ledger_schema_pg[i], NULL, 0, err))
            return false;
    for (size_t i = 0; i < count; i++)
        if (!add_append(ledger, arena, &entries[i], err))
            return false;
    if (!pg_pipeline_add(ledger->pg, "COMMIT", NULL, 0, err))
        return false;
    if (pg_pipeline_run(ledger->pg, arena, &answers, NULL, NULL, err))
        return true;
    *ret_meanwhile = created_meanwhile(err);
    if (*ret_meanwhile)
        err_release(err);
    return *ret_meanwhile;
}

size_t ledger_pg_enter_count(const struct limits *limits)
{
    return limits->role != NULL ? 3 : 2;
}

enum { ENTER_PARAMS = 5 };

static const char *enter_sql(const struct ledger *ledger, struct arena *arena,
                             const struct limits *limits, int64_t expected_change,
                             const char *params[ENTER_PARAMS], size_t *ret_count)
{
    CLEANUP(str_release) struct str sql = {0};
    size_t count = 0;
    params[count++] = number_text(arena, ledger_mutex_key(ledger->name));
    params[count++] = number_text(arena, expected_change);
    str_printf(&sql, "SELECT %s.enter($1, $2)", ledger->name);
    if (pg_server_version(ledger->pg) >= CHECK_INTERVAL_SINCE_VERSION)
        str_puts(&sql, ", pg_catalog.set_config('client_connection_check_interval', "
                       "'" CHECK_INTERVAL_MS "', true)");
    if (limits->lock_timeout_ms >= 0) {
        params[count++] = number_text(arena, limits->lock_timeout_ms);
        str_printf(&sql, ", pg_catalog.set_config('lock_timeout', $%zu, true)", count);
    }
    if (limits->statement_timeout_ms > 0) {
        params[count++] = number_text(arena, limits->statement_timeout_ms);
        str_printf(&sql,
                   ", pg_catalog.set_config('statement_timeout', $%zu, true),"
                   " pg_catalog.set_config('idle_in_transaction_session_timeout', $%zu, true)",
                   count, count);
    }
    if (limits->search_path != NULL) {
        params[count++] = limits->search_path;
        str_printf(&sql, ", pg_catalog.set_config('search_path', $%zu, true)", count);
    }
    *ret_count = count;
    bool ok = !sql.failed;
    for (size_t i = 0; i < count; i++)
        ok = ok && params[i] != NULL;
    return ok ? arena_strdup(arena, str_text(&sql)) : NULL;
}

static bool add_enter(struct ledger *ledger, struct arena *arena, const struct limits *limits,
                      int64_t expected_change, struct err *err)
{
    const char *params[ENTER_PARAMS];
    size_t count;
    const char *const sql = enter_sql(ledger, arena, limits, expected_change, params, &count);
    return sql != NULL ? pg_pipeline_add(ledger->pg, sql, params, count, err) : err_nomem(err);
}

bool ledger_pg_keep(struct ledger *ledger, struct arena *arena, const struct limits *limits,
                    struct err *err)
{
    const char *params[ENTER_PARAMS];
    size_t count;
    const char *const statements[] = {
        enter_sql(ledger, arena, limits, 0, params, &count),
        ledger_sql(arena, append_template, ledger->name),
    };
    if (statements[0] == NULL || statements[1] == NULL)
        return err_nomem(err);
    return pg_keep(ledger->pg, statements, COUNT_OF(statements), err);
}

bool ledger_pg_enter(struct ledger *ledger, struct arena *arena, const struct limits *limits,
                     int64_t expected_change, struct err *err)
{
    const char *const level = limits->isolation != NULL ? limits->isolation : "READ COMMITTED";
    const char *const begin = arena_printf(arena, "BEGIN ISOLATION LEVEL %s READ WRITE", level);
    if (begin == NULL)
        return err_nomem(err);
    if (!pg_pipeline_add(ledger->pg, begin, NULL, 0, err) ||
        !add_enter(ledger, arena, limits, expected_change, err))
        return false;
    if (limits->role == NULL)
        return true;
    const char *const role = pg_quote_name(arena, limits->role);
    const char *const sql = role != NULL ? arena_printf(arena, "SET LOCAL ROLE %s", role) : NULL;
    return sql != NULL ? pg_pipeline_add(ledger->pg, sql, NULL, 0, err) : err_nomem(err);
}

bool ledger_pg_leave(struct ledger *ledger, struct arena *arena, const struct entry *entries,
                     size_t count, struct err *err)
{
    /* A migration may have left another role. */
    if (!pg_pipeline_add(ledger->pg, "RESET SESSION AUTHORIZATION", NULL, 0, err))
        return false;
    for (size_t i = 0; i < count; i++)
        if (!add_append(ledger, arena, &entries[i], err))
            return false;
    return pg_pipeline_add(ledger->pg, "COMMIT", NULL, 0, err) &&
           pg_pipeline_add(ledger->pg, "RESET ALL", NULL, 0, err);
}

/* Who has the head locked: a session that has called reserve() in a transaction and does not commit
 * it. A look only: what fails here leaves the error as it was. */
static void say_who_locks(struct ledger *ledger, struct arena *arena, struct err *err)
{
    static const char sql[] =
        "SELECT pg_catalog.format('session %s of role %s (%s), %s since %s', a.pid, a.usename,"
        " coalesce(nullif(a.application_name, ''), 'no application name'), a.state, a.state_change)"
        " FROM pg_catalog.pg_locks AS l JOIN pg_catalog.pg_stat_activity AS a USING (pid)"
        " WHERE l.relation = '{ledger}.head'::pg_catalog.regclass AND l.granted"
        " AND l.mode = 'RowExclusiveLock' AND l.pid <> pg_catalog.pg_backend_pid() LIMIT 1";
    CLEANUP(err_release) struct err ignored = {0};
    struct rows rows = {0};
    const bool seen = query(ledger, arena, sql, NULL, 0, &rows, &ignored) && rows.count > 0;
    (void)err_set(err, ERR_BUSY, "the ledger's head is locked by %s",
                  seen ? rows_get(&rows, 0, 0) : "another session");
    err->retryable = true;
    err_hint(err, "It has called append() or reserve() in a transaction that is still open: it has "
                  "to commit.");
}

bool ledger_pg_append(struct ledger *ledger, struct arena *arena, const struct ledger_write *writes,
                      size_t write_count, const struct entry *entry, int64_t expected_change,
                      struct receipt *ret, struct err *err)
{
    static const struct limits limits = {.lock_timeout_ms = HEAD_TIMEOUT_MS};
    struct pg_answers answers;
    if (!pg_pipeline_begin(ledger->pg, err))
        return false;
    const bool queued =
        expected_change < 0
            ? pg_pipeline_add(ledger->pg, "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE", NULL,
                              0, err) &&
                  pg_pipeline_add(ledger->pg, set_head_timeout, NULL, 0, err)
            : ledger_pg_enter(ledger, arena, &limits, expected_change, err);
    for (size_t i = 0; queued && i < write_count; i++)
        if (!ledger_write(ledger, arena, &writes[i], err))
            return false;
    if (!queued || !add_append(ledger, arena, entry, err) ||
        !pg_pipeline_add(ledger->pg, "COMMIT", NULL, 0, err))
        return false;
    if (!pg_pipeline_run(ledger->pg, arena, &answers, NULL, NULL, err)) {
        if (sqlstate_reaction(err->sqlstate) == REACTION_WAIT ||
            sqlstate_reaction(err->sqlstate) == REACTION_REPLAN)
            err->code = ERR_BUSY;
        else if (strcmp(err->sqlstate, SQLSTATE_LOCK_NOT_AVAILABLE) == 0)
            say_who_locks(ledger, arena, err);
        return false;
    }
    ret->text = answers.items[answers.count - 2].value;
    return true;
}

bool ledger_mutex_try(struct ledger *ledger, struct arena *arena, bool *ret_taken, struct err *err)
{
    struct rows rows;
    const char *const key = number_text(arena, ledger_mutex_key(ledger->name));
    if (key == NULL)
        return err_nomem(err);
    if (!pg_query(ledger->pg, arena, "SELECT pg_catalog.pg_try_advisory_lock($1)", &key, 1, &rows,
                  err))
        return false;
    *ret_taken = strcmp(rows_get(&rows, 0, 0), "t") == 0;
    return true;
}

bool ledger_mutex_holder(struct ledger *ledger, struct arena *arena, bool *ret_found,
                         struct pg_session *ret, struct err *err)
{
    return sessions_advisory_holder(ledger->pg, arena, ledger_mutex_key(ledger->name), ret_found,
                                    ret, err);
}

bool ledger_mutex_held(struct ledger *ledger, struct arena *arena, bool *ret_held, struct err *err)
{
    struct rows rows;
    const char *const key = number_text(arena, ledger_mutex_key(ledger->name));
    if (key == NULL)
        return err_nomem(err);
    if (!pg_query(ledger->pg, arena,
                  "SELECT 1 FROM pg_catalog.pg_locks WHERE locktype = 'advisory' AND granted"
                  " AND objsubid = 1 AND pid = pg_catalog.pg_backend_pid()"
                  " AND (classid::pg_catalog.int8 << 32 | objid::pg_catalog.int8) = $1",
                  &key, 1, &rows, err))
        return false;
    *ret_held = rows.count > 0;
    return true;
}

bool ledger_mutex_release(struct ledger *ledger, struct err *err)
{
    CLEANUP(arena_release) struct arena arena = {0};
    const char *const key = number_text(&arena, ledger_mutex_key(ledger->name));
    if (key == NULL)
        return err_nomem(err);
    return pg_query(ledger->pg, &arena, "SELECT pg_catalog.pg_advisory_unlock($1)", &key, 1, NULL,
                    err);
}
