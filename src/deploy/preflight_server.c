/* Questions about the server: sessions, replicas, slots, what is left of its limits. */
#include <string.h>

#include "base/clock.h"
#include "base/str.h"
#include "db/sessions_text.h"
#include "deploy/blank.h"
#include "deploy/preflight_parts.h"

/* ---- sessions in the way ---- */

/* A transaction that is younger ends by itself. */
enum { OLD_MS = 1000 };

static bool locks_of_all(struct preflight_look *look, struct facts_set *ret, struct err *err)
{
    *ret = (struct facts_set){0};
    for (size_t i = 0; i < look->statement_count; i++)
        for (size_t l = 0; l < look->statements[i].facts.locks.count; l++) {
            const struct locked *const lock = &look->statements[i].facts.locks.items[l];
            if (lock->mode >= LOCK_SHARE_UPDATE_EXCLUSIVE &&
                locked_add(look->run->arena, &ret->locks, lock) == NULL)
                return err_nomem(err);
        }
    return true;
}

static bool waits_for_snapshots(const struct preflight_look *look)
{
    for (size_t i = 0; i < look->statement_count; i++)
        if (look->statements[i].facts.info.alone == ALONE_CREATE_INDEX)
            return true;
    return false;
}

static bool say_sessions(struct preflight_look *look, struct preflight_line *line,
                         const struct pg_sessions *sessions, const char *what, struct err *err)
{
    blank_passwords(look->run->arena, sessions);
    for (size_t i = 0; i < sessions->count; i++) {
        const struct pg_session *const session = &sessions->items[i];
        CLEANUP(str_release) struct str text = {0};
        struct pg_session_end end;
        if (session->gid == NULL && session->xact_ms < OLD_MS)
            continue;
        pg_session_put(&text, session);
        if (text.failed || !pg_session_end(look->run->arena, session, &end, err))
            return text.failed && err_nomem(err);
        if (!preflight_say(look, line, PREFLIGHT_WARNING, end.command, err, "%s %s",
                           str_text(&text), what))
            return false;
    }
    return true;
}

static bool say_hidden(struct preflight_look *look, struct preflight_line *line, struct err *err)
{
    struct rows rows;
    if (!preflight_query(look,
                         "SELECT 1 FROM pg_catalog.pg_stat_activity AS a WHERE a.datname IS NOT"
                         " NULL AND a.state IS NULL AND a.query = '<insufficient privilege>'"
                         " LIMIT 1",
                         NULL, 0, &rows, err))
        return false;
    return rows.count == 0 ||
           preflight_say(look, line, PREFLIGHT_NOTE, "GRANT pg_monitor to the role that asks", err,
                         "what sessions of other roles do cannot be seen");
}

static bool find_sessions(struct preflight_look *look, struct preflight_line *line, struct err *err)
{
    struct run *const run = look->run;
    struct pg *const pg = run->ledger->pg;
    struct facts_set set;
    struct claim claim;
    struct pg_sessions holders = {0};
    struct sessions_on on = {0};
    const bool indexes = waits_for_snapshots(look);
    if (!locks_of_all(look, &set, err) || !claim_of_set(run, &set, &claim, err))
        return false;
    if (claim.held &&
        (!preflight_enter(look, err) || !claim_holders(pg, run->arena, &claim, &holders, err) ||
         !say_sessions(look, line, &holders, "has what is to be locked", err)))
        return false;
    if (indexes &&
        (!preflight_enter(look, err) || !sessions_on(pg, run->arena, NULL, 0, OLD_MS, &on, err) ||
         !say_sessions(look, line, &on.snapshots, "holds up every CREATE INDEX CONCURRENTLY", err)))
        return false;
    return say_hidden(look, line, err);
}

QUESTION(preflight_sessions)
{
    return preflight_facts(look, err) && find_sessions(look, line, err) &&
           (line->said.count > 0 ||
            preflight_say(look, line, PREFLIGHT_OK, NULL, err,
                          "nobody has held for a second what is to be locked"));
}

/* ---- what is unfinished ---- */

QUESTION(preflight_leftovers)
{
    struct run *const run = look->run;
    const struct leftover_step none = {0};
    struct leftovers left;
    if (!preflight_enter(look, err) ||
        !leftover_list(run->ledger->pg, run->arena, &run->journal, &none, &left, err))
        return false;
    for (size_t i = 0; i < left.count; i++) {
        const struct leftover *const item = &left.items[i];
        char since[CLOCK_ISO_BYTES] = "";
        if (item->since_us != 0)
            clock_format_s(item->since_us, since);
        if (!preflight_say(look, line, PREFLIGHT_NOTE, NULL, err, "%s%s%s", item->line,
                           since[0] != '\0' ? ", since " : "", since))
            return false;
    }
    return left.count > 0 || preflight_say(look, line, PREFLIGHT_OK, NULL, err,
                                           "no INVALID index, no constraint "
                                           "that is NOT VALID");
}

/* ---- what a query says line by line ---- */

/* Rows of (mark, text, command): the server knows best how to word sizes. None is fine. */
static bool say_rows(struct preflight_look *look, struct preflight_line *line, const char *sql,
                     const char *const *params, size_t count, const char *fine, struct err *err)
{
    struct rows rows;
    if (!preflight_query(look, sql, params, count, &rows, err))
        return false;
    for (size_t i = 0; i < rows.count; i++) {
        const bool warning = strcmp(rows_get(&rows, i, 0), "warning") == 0;
        if (!preflight_say(look, line, warning ? PREFLIGHT_WARNING : PREFLIGHT_NOTE,
                           rows_get(&rows, i, 2), err, "%s", rows_get(&rows, i, 1)))
            return false;
    }
    return rows.count > 0 || preflight_say(look, line, PREFLIGHT_OK, NULL, err, "%s", fine);
}

/* A role without pg_read_all_stats sees that there are replicas, and no more. */
static const char replicas_sql[] =
    "SELECT CASE WHEN state IS NULL THEN 'note' ELSE 'warning' END,"
    " CASE WHEN state IS NULL THEN 'there are replicas, and how far behind cannot be seen'"
    "  ELSE pg_catalog.format('replica \"%s\" (%s) is %s behind%s', application_name, state,"
    "   pg_catalog.pg_size_pretty(behind), CASE WHEN replay_lag IS NOT NULL THEN"
    "   pg_catalog.format(', %s s', extract(epoch FROM replay_lag)::int8) END) END,"
    " CASE WHEN state IS NULL THEN 'GRANT pg_monitor to the role that asks' END"
    " FROM (SELECT r.*, pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_current_wal_lsn(), replay_lsn)"
    "   AS behind FROM pg_catalog.pg_stat_replication AS r) AS r"
    " WHERE state IS NULL OR replay_lag >= interval '10 seconds' OR behind >= 268435456"
    " UNION ALL SELECT 'warning', pg_catalog.format('every commit waits for a synchronous standby"
    " (%s), and none is there', pg_catalog.current_setting('synchronous_standby_names')),"
    " 'start one, or empty synchronous_standby_names'"
    " WHERE pg_catalog.current_setting('synchronous_standby_names') <> ''"
    " AND pg_catalog.current_setting('synchronous_commit') NOT IN ('off', 'local')"
    " AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_stat_replication AS r"
    "   WHERE r.state IS NULL OR r.sync_state IN ('sync', 'quorum'))";

QUESTION(preflight_replicas)
{
    return say_rows(look, line, replicas_sql, NULL, 0, "none is far behind", err);
}

static const char slots_sql[] =
    "SELECT CASE WHEN wal_status = 'lost' OR pg_catalog.pg_wal_lsn_diff("
    "   pg_catalog.pg_current_wal_lsn(), restart_lsn) >= 268435456 THEN 'warning' ELSE 'note' END,"
    " CASE WHEN wal_status = 'lost' THEN pg_catalog.format("
    "   'slot \"%s\" has lost what it was to keep', slot_name)"
    "  ELSE pg_catalog.format('slot \"%s\" keeps %s of write-ahead log for nobody', slot_name,"
    "   pg_catalog.pg_size_pretty(pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_current_wal_lsn(),"
    "   restart_lsn))) END,"
    " pg_catalog.format('SELECT pg_drop_replication_slot(%L), where it is needed no more',"
    "   slot_name)"
    " FROM pg_catalog.pg_replication_slots"
    " WHERE NOT active AND (restart_lsn IS NOT NULL OR wal_status = 'lost') AND NOT temporary"
    " UNION ALL SELECT 'warning', pg_catalog.format('slot \"%s\" is about to lose what it keeps:"
    " it is %s behind', slot_name, pg_catalog.pg_size_pretty(pg_catalog.pg_wal_lsn_diff("
    "   pg_catalog.pg_current_wal_lsn(), restart_lsn))), NULL"
    " FROM pg_catalog.pg_replication_slots WHERE active AND wal_status = 'unreserved'";

QUESTION(preflight_slots)
{
    return say_rows(look, line, slots_sql, NULL, 0, "none keeps anything for nobody", err);
}

/* Reserved ones are not for us; counts of others' sessions are everybody's to see. */
static const char connections_sql[] =
    "SELECT 'warning', pg_catalog.format('%s takes %s more connections', what, spare),"
    " 'end what is idle, or raise the limit' FROM ("
    " SELECT 'the server' AS what, pg_catalog.current_setting('max_connections')::int8"
    "   - pg_catalog.current_setting('superuser_reserved_connections')::int8"
    "   - coalesce(pg_catalog.current_setting('reserved_connections', true), '0')::int8"
    "   - (SELECT sum(numbackends) FROM pg_catalog.pg_stat_database) AS spare"
    " UNION ALL SELECT 'the database', datconnlimit - numbackends"
    "   FROM pg_catalog.pg_database JOIN pg_catalog.pg_stat_database USING (datname)"
    "   WHERE datname = pg_catalog.current_database() AND datconnlimit >= 0"
    " UNION ALL SELECT 'the role', rolconnlimit - (SELECT count(*)"
    "   FROM pg_catalog.pg_stat_activity AS a WHERE a.usename = session_user)"
    "   FROM pg_catalog.pg_roles WHERE rolname = session_user AND rolconnlimit >= 0"
    ") AS l WHERE spare < 5 AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_roles"
    "   WHERE rolname = session_user AND rolsuper)";

QUESTION(preflight_connections)
{
    return say_rows(look, line, connections_sql, NULL, 0, "five and more are left", err);
}

/* ---- wraparound ---- */

/* Of the tables that are to be changed. */
static const char wraparound_sql[] =
    "SELECT 'warning', pg_catalog.format('%s has %s of the %s transactions after which a vacuum is"
    " forced on it', c.oid::pg_catalog.regclass, pg_catalog.age(c.relfrozenxid), m.most),"
    " pg_catalog.format('VACUUM (FREEZE) %s', c.oid::pg_catalog.regclass)"
    " FROM pg_catalog.pg_class AS c CROSS JOIN LATERAL (SELECT least("
    "   pg_catalog.current_setting('autovacuum_freeze_max_age')::int8, (SELECT o.option_value::int8"
    "   FROM pg_catalog.pg_options_to_table(c.reloptions) AS o"
    "   WHERE o.option_name = 'autovacuum_freeze_max_age'))) AS m(most)"
    " WHERE c.oid = ANY ($1::pg_catalog.oid[]) AND c.relkind IN ('r', 'm', 't')"
    " AND pg_catalog.age(c.relfrozenxid) >= m.most * 0.95";

static const char *oids_of(struct arena *arena, const struct claim *claim)
{
    CLEANUP(str_release) struct str oids = {0};
    str_puts(&oids, "{");
    for (size_t i = 0; i < claim->locks.count; i++)
        str_printf(&oids, "%s%lld", i > 0 ? "," : "", (long long)claim->locks.items[i].oid);
    str_puts(&oids, "}");
    return oids.failed ? NULL : arena_strdup(arena, str_text(&oids));
}

QUESTION(preflight_wraparound)
{
    struct facts_set set;
    struct claim claim;
    if (!preflight_facts(look, err) || !locks_of_all(look, &set, err) ||
        !claim_of_set(look->run, &set, &claim, err))
        return false;
    const char *const oids = oids_of(look->run->arena, &claim);
    if (oids == NULL)
        return err_nomem(err);
    return say_rows(look, line, wraparound_sql, &oids, 1, "none is near it", err);
}
