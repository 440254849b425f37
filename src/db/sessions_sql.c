/*
 * The statements that look at sessions and locks, put together from common table expressions.
 *
 * A prepared transaction has no pid: everywhere here its key is its transaction number with a minus
 * sign, a session's key is its pid, and 0 is a prepared transaction that is gone already.
 */
#include "db/sessions_sql.h"

enum { LOCK_WAITSTART_SINCE = 140000, PROGRESS_COPY_SINCE = 140000 };

/* greatest() alone would make 0 of NULL. */
#define AGE_MS(column)                                                                             \
    "CASE WHEN " column " IS NOT NULL THEN greatest(0, extract(epoch FROM "                        \
    "pg_catalog.clock_timestamp() - " column ") * 1000)::pg_catalog.int8 END"

/* Sessions and prepared transactions, the columns in the order of enum session_column. What a
 * server process belongs to nobody counts as a superuser's, as only such a one may end it. */
static const char activity[] =
    "me AS (SELECT r.oid, r.rolsuper, pg_catalog.pg_has_role(r.oid, 'pg_signal_backend', "
    "'USAGE')"
    "   AS signals FROM pg_catalog.pg_roles AS r WHERE r.rolname = current_user),"
    " activity AS MATERIALIZED (SELECT a.pid::pg_catalog.int8 AS key, a.pid,"
    "  NULL::pg_catalog.text AS gid,"
    "  pg_catalog.to_char(a.backend_start AT TIME ZONE 'UTC', "
    "'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')"
    "   AS backend_start,"
    "  a.usename::pg_catalog.text AS usename, a.application_name,"
    "  a.datname::pg_catalog.text AS datname,"
    "  CASE WHEN a.client_addr IS NOT NULL THEN pg_catalog.host(a.client_addr)"
    "   WHEN a.client_port = -1 THEN 'local' END AS address,"
    "  a.backend_type, a.state, a.wait_event_type, a.wait_event,"
    "  pg_catalog.left(a.query, 200) AS query,"
    "  CASE WHEN a.backend_type = 'parallel worker' THEN a.leader_pid ELSE 0 END AS "
    "leader,"
    "  " AGE_MS("a.xact_start") " AS xact_ms, " AGE_MS(
        "a.state_change") " AS state_ms,"
                          "  " AGE_MS("a.query_start") " AS query_ms,"
                                                       "  a.query = '<insufficient privilege>' "
                                                       "AND a.state IS NULL AS hidden,"
                                                       "  a.query LIKE 'autovacuum: %(to prevent "
                                                       "wraparound)' AS wraparound,"
                                                       "  coalesce(r.rolsuper, true) AS superuser,"
                                                       "  me.rolsuper OR (r.oid IS NOT NULL AND "
                                                       "NOT r.rolsuper AND"
                                                       "   (me.signals OR "
                                                       "pg_catalog.pg_has_role(me.oid, r.oid, "
                                                       "'USAGE'))) AS may_end,"
                                                       "  a.backend_xmin IS NOT NULL AS "
                                                       "has_snapshot, a.backend_xid IS NOT NULL "
                                                       "AS has_written"
                                                       " FROM pg_catalog.pg_stat_activity AS a "
                                                       "CROSS JOIN me"
                                                       " LEFT JOIN pg_catalog.pg_roles AS r ON "
                                                       "r.oid = a.usesysid"
                                                       " UNION ALL SELECT "
                                                       "-x.transaction::pg_catalog.text::pg_"
                                                       "catalog.int8, 0, x.gid, NULL,"
                                                       "  x.owner::pg_catalog.text, NULL, "
                                                       "x.database::pg_catalog.text, NULL, "
                                                       "'prepared transaction',"
                                                       "  'prepared', NULL, NULL, NULL, "
                                                       "0, " AGE_MS("x.prepared") ", " AGE_MS(
                                                           "x.prepared") ", NULL,"
                                                                         "  false, false, false, "
                                                                         "me.rolsuper OR x.owner "
                                                                         "= current_user, false, "
                                                                         "true"
                                                                         " FROM "
                                                                         "pg_catalog.pg_prepared_"
                                                                         "xacts AS x CROSS JOIN "
                                                                         "me),";

/* The lock table, with the key of who holds or awaits each lock. A prepared transaction's locks
 * have no pid, but the same virtual transaction as the lock on its own number. */
static const char locks[] =
    " lock_table AS MATERIALIZED (SELECT * FROM pg_catalog.pg_locks),"
    " locks AS MATERIALIZED (SELECT coalesce(a.leader::pg_catalog.int8, l.pid,"
    "   -x.transaction::pg_catalog.text::pg_catalog.int8, 0) AS key, l.*"
    "  FROM lock_table AS l"
    "  LEFT JOIN (SELECT pid, leader FROM activity WHERE leader <> 0) AS a ON a.pid = l.pid"
    "  LEFT JOIN (lock_table AS own JOIN pg_catalog.pg_prepared_xacts AS x"
    "    ON own.locktype = 'transactionid' AND own.granted AND own.pid IS NULL"
    "    AND x.transaction = own.transactionid)"
    "   ON l.pid IS NULL AND own.virtualtransaction = l.virtualtransaction),";

/* Which modes stand in each other's way. */
static const char conflicts[] =
    " conflicts(mode, other) AS MATERIALIZED (SELECT m.mode, o.other FROM (VALUES"
    " ('AccessShareLock', '{AccessExclusiveLock}'::pg_catalog.text[]),"
    " ('RowShareLock', '{ExclusiveLock,AccessExclusiveLock}'),"
    " ('RowExclusiveLock', '{ShareLock,ShareRowExclusiveLock,ExclusiveLock,AccessExclusiveLock}'),"
    " ('ShareUpdateExclusiveLock', '{ShareUpdateExclusiveLock,ShareLock,ShareRowExclusiveLock,"
    "ExclusiveLock,AccessExclusiveLock}'),"
    " ('ShareLock', '{RowExclusiveLock,ShareUpdateExclusiveLock,ShareRowExclusiveLock,"
    "ExclusiveLock,AccessExclusiveLock}'),"
    " ('ShareRowExclusiveLock', '{RowExclusiveLock,ShareUpdateExclusiveLock,ShareLock,"
    "ShareRowExclusiveLock,ExclusiveLock,AccessExclusiveLock}'),"
    " ('ExclusiveLock', '{RowShareLock,RowExclusiveLock,ShareUpdateExclusiveLock,ShareLock,"
    "ShareRowExclusiveLock,ExclusiveLock,AccessExclusiveLock}'),"
    " ('AccessExclusiveLock', '{AccessShareLock,RowShareLock,RowExclusiveLock,"
    "ShareUpdateExclusiveLock,ShareLock,ShareRowExclusiveLock,ExclusiveLock,AccessExclusiveLock}')"
    " ) AS m(mode, others), pg_catalog.unnest(m.others) AS o(other)),";

/* What each waiting session waits for, one row a key. */
static void add_awaited(struct str *sql, int server_version)
{
    str_puts(
        sql,
        " awaited AS MATERIALIZED (SELECT DISTINCT ON (l.key) l.key, l.locktype, l.mode,"
        " CASE l.locktype WHEN 'relation' THEN n.name"
        "  WHEN 'tuple' THEN pg_catalog.format('row (%s,%s) of %s', l.page, l.tuple, n.name)"
        "  WHEN 'transactionid' THEN 'transaction ' || l.transactionid::pg_catalog.text"
        "  WHEN 'virtualxid' THEN 'virtual transaction ' || l.virtualxid"
        "  WHEN 'advisory' THEN pg_catalog.format('advisory lock (%s,%s,%s)', l.classid, l.objid,"
        "   l.objsubid)"
        "  ELSE l.locktype || coalesce(' of ' || n.name, '') END AS object, ");
    if (server_version >= LOCK_WAITSTART_SINCE)
        str_puts(sql, "coalesce(" AGE_MS("l.waitstart") ", 0) AS wait_ms");
    else
        str_puts(sql, "a.state_ms AS wait_ms");
    str_puts(
        sql,
        " FROM locks AS l LEFT JOIN activity AS a USING (key) LEFT JOIN LATERAL ("
        "  SELECT coalesce((SELECT pg_catalog.format('%I.%I', s.nspname, c.relname)"
        "   FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS s"
        "    ON s.oid = c.relnamespace"
        "   WHERE c.oid = l.relation AND l.database IN (0, (SELECT d.oid"
        "    FROM pg_catalog.pg_database AS d WHERE d.datname = pg_catalog.current_database()))),"
        "  'relation ' || l.relation::pg_catalog.text) AS name) AS n ON true"
        " WHERE NOT l.granted ORDER BY l.key),");
}

static void add_session_columns(struct str *sql)
{
    str_puts(sql,
             " SELECT coalesce(a.pid, 0), a.gid, a.backend_start, a.usename, a.application_name,"
             " a.datname, a.address, a.backend_type, a.state, a.wait_event_type, a.wait_event,"
             " a.query, a.leader, a.xact_ms, a.state_ms, a.query_ms, a.hidden, a.wraparound,"
             " a.superuser, a.may_end, a.has_snapshot, a.has_written, w.locktype, w.mode, w.object,"
             " w.wait_ms");
}

/* Who waits for whom: pg_blocking_pids() is asked once for each, as it stops the lock manager for a
 * moment. It names waiters ahead in the queue too; those wait for somebody themselves. */
static const char edges[] =
    " waits AS MATERIALIZED (SELECT key, pg_catalog.pg_blocking_pids(key::pg_catalog.int4)"
    "   AS blocked_by"
    "  FROM (SELECT key FROM awaited WHERE key > 0 ORDER BY key <> $1, wait_ms DESC NULLS LAST"
    "   LIMIT 1000) AS longest),"
    " edges AS MATERIALIZED (SELECT w.key AS waiter, b::pg_catalog.int8 AS blocker"
    "  FROM waits AS w, pg_catalog.unnest(w.blocked_by) AS b WHERE b <> 0"
    " UNION SELECT w.key, coalesce(h.key, 0) FROM waits AS w"
    "  LEFT JOIN (SELECT l.key AS waiter, h.key FROM locks AS l JOIN locks AS h"
    "    ON h.pid IS NULL AND h.granted AND NOT l.granted AND h.locktype = l.locktype"
    "    AND (h.database, h.relation, h.page, h.tuple, h.virtualxid, h.transactionid, h.classid,"
    "     h.objid, h.objsubid) IS NOT DISTINCT FROM (l.database, l.relation, l.page, l.tuple,"
    "     l.virtualxid, l.transactionid, l.classid, l.objid, l.objsubid)"
    "   JOIN conflicts AS c ON c.mode = l.mode AND c.other = h.mode) AS h ON h.waiter = w.key"
    "  WHERE 0 = ANY (w.blocked_by)),"
    " up AS (SELECT blocker AS key FROM edges WHERE waiter = $1"
    "  UNION SELECT e.blocker FROM up JOIN edges AS e ON e.waiter = up.key),"
    " down AS (SELECT waiter AS key FROM edges WHERE blocker = $1"
    "  UNION SELECT e.waiter FROM down JOIN edges AS e ON e.blocker = down.key),"
    " behind AS MATERIALIZED (SELECT down.key, w.wait_ms FROM down"
    "  LEFT JOIN awaited AS w USING (key) WHERE down.key <> $1),"
    /* A session that began to wait after the lock table was read is no root either. */
    " picture AS (SELECT 1 AS rank, 'self' AS kind, $1::pg_catalog.int8 AS key, false AS direct,"
    "   false AS root"
    "  UNION ALL SELECT 2, 'blocker', up.key, EXISTS (SELECT 1 FROM edges WHERE waiter = $1"
    "    AND blocker = up.key), NOT EXISTS (SELECT 1 FROM edges WHERE waiter = up.key)"
    "    AND (up.key <= 0 OR pg_catalog.pg_blocking_pids(up.key::pg_catalog.int4) = '{}')"
    "   FROM up WHERE up.key <> $1"
    "  UNION ALL SELECT 3, 'waiter', longest.key, false, false FROM (SELECT key FROM behind"
    "   ORDER BY wait_ms DESC NULLS LAST LIMIT 100) AS longest),";

/* pid, command, relation, phase, done, total, unit, and whom CONCURRENTLY waits for. */
static void add_progress(struct str *sql, int server_version)
{
    str_puts(
        sql,
        " progress(pid, command, relid, phase, done, total, unit, lockers_done, lockers_total,"
        " locker) AS MATERIALIZED (SELECT pid, command, relid, phase,"
        "  CASE WHEN tuples_total > 0 THEN tuples_done ELSE blocks_done END,"
        "  CASE WHEN tuples_total > 0 THEN tuples_total ELSE blocks_total END,"
        "  CASE WHEN tuples_total > 0 THEN 'tuples' ELSE 'blocks' END,"
        "  lockers_done, lockers_total, current_locker_pid"
        " FROM pg_catalog.pg_stat_progress_create_index WHERE pid = $1"
        " UNION ALL SELECT pid, 'VACUUM', relid, phase, CASE WHEN phase = 'vacuuming heap' THEN"
        "  heap_blks_vacuumed ELSE heap_blks_scanned END, heap_blks_total, 'blocks', 0, 0, 0"
        " FROM pg_catalog.pg_stat_progress_vacuum WHERE pid = $1"
        " UNION ALL SELECT pid, command, relid, phase, CASE WHEN heap_blks_total > 0 THEN"
        "  heap_blks_scanned ELSE heap_tuples_scanned END, heap_blks_total,"
        "  CASE WHEN heap_blks_total > 0 THEN 'blocks' ELSE 'tuples' END, 0, 0, 0"
        " FROM pg_catalog.pg_stat_progress_cluster WHERE pid = $1"
        " UNION ALL SELECT pid, 'ANALYZE', relid, phase, sample_blks_scanned, sample_blks_total,"
        "  'blocks', 0, 0, 0 FROM pg_catalog.pg_stat_progress_analyze WHERE pid = $1");
    if (server_version >= PROGRESS_COPY_SINCE)
        str_puts(sql, " UNION ALL SELECT pid, command, relid, NULL, bytes_processed, bytes_total,"
                      "  'bytes', 0, 0, 0 FROM pg_catalog.pg_stat_progress_copy WHERE pid = $1");
    str_puts(sql, ")");
}

void sessions_sql_watch(struct str *sql, int server_version)
{
    str_puts(sql, "WITH RECURSIVE ");
    str_puts(sql, activity);
    str_puts(sql, locks);
    str_puts(sql, conflicts);
    add_awaited(sql, server_version);
    str_puts(sql, edges);
    add_progress(sql, server_version);
    add_session_columns(sql);
    str_puts(sql,
             ", k.kind, k.direct, k.root, (SELECT pg_catalog.count(*) FROM behind),"
             " (SELECT pg_catalog.max(wait_ms) FROM behind), p.command,"
             " (SELECT pg_catalog.format('%I.%I', s.nspname, c.relname) FROM pg_catalog.pg_class"
             "   AS c JOIN pg_catalog.pg_namespace AS s ON s.oid = c.relnamespace"
             "  WHERE c.oid = p.relid), p.phase, p.done, p.total, p.unit, p.lockers_done,"
             " p.lockers_total, p.locker"
             " FROM picture AS k LEFT JOIN activity AS a USING (key)"
             " LEFT JOIN awaited AS w USING (key)"
             " LEFT JOIN progress AS p ON p.pid = k.key AND k.kind = 'self'"
             " WHERE k.kind <> 'self' OR a.pid IS NOT NULL"
             " ORDER BY k.rank, k.root DESC, CASE WHEN k.rank = 3 THEN w.wait_ms ELSE a.xact_ms END"
             "  DESC NULLS LAST, k.key");
}

void sessions_sql_advisory(struct str *sql, int server_version)
{
    str_puts(sql, "WITH ");
    str_puts(sql, activity);
    str_puts(sql, locks);
    add_awaited(sql, server_version);
    str_puts(sql, " mine AS (SELECT l.key FROM locks AS l WHERE l.locktype = 'advisory'"
                  "  AND l.granted AND l.objsubid = 1 AND l.mode = 'ExclusiveLock'"
                  "  AND l.database = (SELECT d.oid FROM pg_catalog.pg_database AS d"
                  "   WHERE d.datname = pg_catalog.current_database())"
                  "  AND (l.classid::pg_catalog.int8 << 32 | l.objid::pg_catalog.int8) = $1"
                  "  LIMIT 1)");
    add_session_columns(sql);
    str_puts(sql, " FROM mine LEFT JOIN activity AS a USING (key)"
                  " LEFT JOIN awaited AS w USING (key)");
}

void sessions_sql_on(struct str *sql, int server_version, size_t wanted)
{
    str_puts(sql, "WITH ");
    str_puts(sql, activity);
    str_puts(sql, locks);
    str_puts(sql, conflicts);
    add_awaited(sql, server_version);
    str_puts(sql, " wanted AS MATERIALIZED (SELECT number, mode, pg_catalog.to_regclass(name)"
                  "  AS relation FROM (VALUES (0, NULL::pg_catalog.text, NULL::pg_catalog.text)");
    for (size_t i = 0; i < wanted; i++)
        str_printf(sql, ", (%zu, $%zu, $%zu)", i, 2 * i + 2, 2 * i + 3);
    /* Lazy vacuum and autovacuum hold up no index, nor do the sessions of other databases. */
    str_puts(sql,
             ") AS v(number, name, mode)), mine AS (SELECT a.*, a.pid IN (SELECT v.pid FROM"
             "   pg_catalog.pg_stat_progress_vacuum AS v) AS vacuums FROM activity AS a"
             "  WHERE a.datname = pg_catalog.current_database()"
             "  AND a.pid <> pg_catalog.pg_backend_pid()),"
             " picture AS (SELECT 1 AS rank, 'lock' AS kind, l.key, v.number, l.mode, l.granted,"
             "   EXISTS (SELECT 1 FROM conflicts AS c WHERE c.mode = v.mode AND c.other = l.mode)"
             "    AS stands"
             "  FROM wanted AS v JOIN locks AS l ON l.locktype = 'relation'"
             "   AND l.relation = v.relation"
             "   AND l.database IN (0, (SELECT d.oid FROM pg_catalog.pg_database AS d"
             "    WHERE d.datname = pg_catalog.current_database()))"
             "   AND l.key <> pg_catalog.pg_backend_pid()"
             "  UNION SELECT 2, 'old', m.key, 0, '', false, false FROM mine AS m"
             "   WHERE m.xact_ms >= $1"
             "  UNION SELECT 3, 'snapshot', m.key, 0, '', false, false FROM mine AS m"
             "   WHERE (m.has_snapshot OR m.has_written) AND NOT m.vacuums"
             "   AND m.backend_type IS DISTINCT FROM 'autovacuum worker')");
    add_session_columns(sql);
    str_puts(sql, ", k.kind, k.number, k.mode, k.granted, k.stands FROM picture AS k"
                  " LEFT JOIN activity AS a USING (key) LEFT JOIN awaited AS w USING (key)"
                  " ORDER BY k.rank, k.number, k.stands DESC, k.granted DESC,"
                  "  a.xact_ms DESC NULLS LAST, k.key, k.mode");
}
