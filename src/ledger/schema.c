/*
 * The ledger's own tables, functions and view. They are for ever: a change here is a new format.
 *
 * Every name in a function is qualified, and each function has a fixed search_path, as a migration
 * may leave any search_path behind.
 */
#include "ledger/schema.h"

#include <string.h>

#include "base/str.h"
#include "ledger/event.h"

const char *const ledger_schema_pg[] = {
    "CREATE SCHEMA {ledger}",
    "REVOKE ALL ON SCHEMA {ledger} FROM PUBLIC",

    "CREATE TABLE {ledger}.journal (\n"
    "  seq bigint PRIMARY KEY,\n"
    "  at timestamptz NOT NULL,\n"
    "  event text NOT NULL,\n"
    "  migration text,\n"
    "  checksum text,\n"
    "  kind text,\n"
    "  phase text,\n"
    "  detail text NOT NULL,\n"
    "  digest text,\n"
    "  prev_hash text NOT NULL,\n"
    "  hash text NOT NULL)",
    "CREATE INDEX journal_digest ON {ledger}.journal (digest)",
    "CREATE INDEX journal_special ON {ledger}.journal (checksum)\n"
    "  WHERE phase = 'contract' OR kind = 'repeatable'",
    "CREATE TABLE {ledger}.head (\n"
    "  one boolean PRIMARY KEY DEFAULT true CHECK (one),\n"
    "  seq bigint NOT NULL,\n"
    "  hash text NOT NULL)",
    "CREATE TABLE {ledger}.text (checksum text PRIMARY KEY, body text NOT NULL)",

    "CREATE FUNCTION {ledger}.refuse_change() RETURNS trigger LANGUAGE plpgsql\n"
    "SET search_path = pg_catalog AS $pawl$\n"
    "BEGIN\n"
    "  RAISE EXCEPTION '% of the ledger''s % is refused: it is a record of what was done',\n"
    "    TG_OP, TG_TABLE_NAME\n"
    "    USING HINT = 'pawl repair records a correction; see pawl help repair';\n"
    "END $pawl$",
    /* Rows that a subscription brings describe another database. */
    "CREATE FUNCTION {ledger}.drop_replicated() RETURNS trigger LANGUAGE plpgsql\n"
    "SET search_path = pg_catalog AS $pawl$\n"
    "BEGIN\n"
    "  RETURN NULL;\n"
    "END $pawl$",
    "CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE OR TRUNCATE ON {ledger}.journal\n"
    "FOR EACH STATEMENT EXECUTE FUNCTION {ledger}.refuse_change()",
    "ALTER TABLE {ledger}.journal ENABLE ALWAYS TRIGGER refuse_change",
    "CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE OR TRUNCATE ON {ledger}.text\n"
    "FOR EACH STATEMENT EXECUTE FUNCTION {ledger}.refuse_change()",
    "ALTER TABLE {ledger}.text ENABLE ALWAYS TRIGGER refuse_change",
    "CREATE TRIGGER refuse_change BEFORE DELETE OR TRUNCATE ON {ledger}.head\n"
    "FOR EACH STATEMENT EXECUTE FUNCTION {ledger}.refuse_change()",
    "ALTER TABLE {ledger}.head ENABLE ALWAYS TRIGGER refuse_change",
    "CREATE TRIGGER drop_replicated BEFORE INSERT OR UPDATE OR DELETE ON {ledger}.journal\n"
    "FOR EACH ROW EXECUTE FUNCTION {ledger}.drop_replicated()",
    "ALTER TABLE {ledger}.journal ENABLE REPLICA TRIGGER drop_replicated",
    "CREATE TRIGGER drop_replicated BEFORE INSERT OR UPDATE OR DELETE ON {ledger}.head\n"
    "FOR EACH ROW EXECUTE FUNCTION {ledger}.drop_replicated()",
    "ALTER TABLE {ledger}.head ENABLE REPLICA TRIGGER drop_replicated",
    "CREATE TRIGGER drop_replicated BEFORE INSERT OR UPDATE OR DELETE ON {ledger}.text\n"
    "FOR EACH ROW EXECUTE FUNCTION {ledger}.drop_replicated()",
    "ALTER TABLE {ledger}.text ENABLE REPLICA TRIGGER drop_replicated",

    "INSERT INTO {ledger}.head (seq, hash) VALUES (0, pg_catalog.repeat('0', 64))",

    /* Called last in a transaction: writers queue for one insert, never for a migration. */
    "CREATE FUNCTION {ledger}.append(event text, migration text, checksum text, kind text,\n"
    "  phase text, detail text, digest text, body text) RETURNS text\n"
    "LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $pawl$\n"
    "DECLARE\n"
    "  last record;\n"
    "  number bigint;\n"
    "  moment timestamptz;\n"
    "  d text := detail;\n"
    "  field text;\n"
    "  fields text := 'pawl-journal 1' || chr(10);\n"
    "  total text;\n"
    "BEGIN\n"
    "  SELECT h.seq, h.hash INTO last FROM {ledger}.head AS h FOR UPDATE;\n"
    "  number := last.seq + 1;\n"
    /* A row that accepts a break is written over whatever is left of the head. */
    "  IF event = 'break_accepted' THEN\n"
    "    IF NOT FOUND THEN\n"
    "      INSERT INTO {ledger}.head (seq, hash) VALUES (0, repeat('0', 64))\n"
    "        RETURNING seq, hash INTO last;\n"
    "    END IF;\n"
    "    number := greatest(last.seq, (SELECT max(j.seq) FROM {ledger}.journal AS j)) + 1;\n"
    "  ELSIF NOT FOUND THEN\n"
    "    RAISE EXCEPTION 'the ledger has no head';\n"
    "  END IF;\n"
    "  moment := clock_timestamp();\n"
    "  IF event = 'applied' THEN\n"
    "    d := left(d, -1) || ',\"ms\":'\n"
    "      || round(extract(epoch FROM moment - transaction_timestamp()) * 1000) || '}';\n"
    "  END IF;\n"
    "  FOREACH field IN ARRAY ARRAY[last.hash, number::text,\n"
    "      round(extract(epoch FROM moment) * 1000000)::bigint::text,\n"
    "      event, migration, checksum, kind, phase, d, digest] LOOP\n"
    "    fields := fields || coalesce(octet_length(convert_to(field, 'UTF8')) || ':' || field, "
    "'-')\n"
    "      || chr(10);\n"
    "  END LOOP;\n"
    "  total := encode(sha256(convert_to(fields, 'UTF8')), 'hex');\n"
    "  INSERT INTO {ledger}.journal VALUES (number, moment, event, migration, checksum, kind, "
    "phase,\n"
    "    d, digest, last.hash, total);\n"
    /* A migration's trigger or rule, or session_replication_role, may have swallowed it. */
    "  IF NOT FOUND THEN\n"
    "    RAISE EXCEPTION 'the journal has not taken its row: a trigger, a rule or'\n"
    "      ' session_replication_role keeps it away';\n"
    "  END IF;\n"
    "  UPDATE {ledger}.head AS h SET seq = number, hash = total;\n"
    "  IF NOT FOUND THEN\n"
    "    RAISE EXCEPTION 'the head of the ledger has not moved: a trigger or a rule keeps it';\n"
    "  END IF;\n"
    "  IF body IS NOT NULL THEN\n"
    "    INSERT INTO {ledger}.text VALUES (checksum, body) ON CONFLICT DO NOTHING;\n"
    "  END IF;\n"
    "  RETURN number || ':' || total;\n"
    "END $pawl$",
    /* First in a migration's transaction: exactly once holds behind a transaction pooler too. */
    "CREATE FUNCTION {ledger}.enter(key bigint, expected bigint) RETURNS void\n"
    "LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $pawl$\n"
    "BEGIN\n"
    "  IF NOT pg_try_advisory_xact_lock(key) THEN\n"
    "    RAISE EXCEPTION 'another pawl is at work on this ledger' USING ERRCODE = 'PW001';\n"
    "  END IF;\n"
    "  IF expected <> coalesce((SELECT j.seq FROM {ledger}.journal AS j\n"
    "      WHERE j.event IN ({changing}) ORDER BY j.seq DESC LIMIT 1), 0) THEN\n"
    "    RAISE EXCEPTION 'another pawl has changed the applied set' USING ERRCODE = 'PW002';\n"
    "  END IF;\n"
    "END $pawl$",
    "REVOKE ALL ON ALL FUNCTIONS IN SCHEMA {ledger} FROM PUBLIC",

    "CREATE VIEW {ledger}.migration AS\n"
    "SELECT coalesce((SELECT r.migration FROM {ledger}.journal AS r WHERE r.event = 'renamed'\n"
    "         AND (r.detail::json ->> 'applied')::bigint = a.seq\n"
    "         ORDER BY r.seq DESC LIMIT 1), a.migration) AS id,\n"
    "  (SELECT array_agg(r.migration ORDER BY r.seq) FROM {ledger}.journal AS r\n"
    "     WHERE r.seq = a.seq OR (r.event = 'renamed'\n"
    "       AND (r.detail::json ->> 'applied')::bigint = a.seq)) AS names,\n"
    "  a.seq, a.at, a.checksum, a.kind, a.phase, a.event = 'adopted' AS adopted,\n"
    "  (a.detail::json ->> 'ms')::bigint AS ms,\n"
    "  a.detail::json ->> 'release' AS release,\n"
    "  b.detail::json ->> 'user' AS \"by\",\n"
    "  b.detail::json ->> 'host' AS host\n"
    "FROM {ledger}.journal AS a\n"
    "LEFT JOIN {ledger}.journal AS b ON b.event = 'begin'\n"
    "  AND b.detail::json ->> 'attempt' = a.detail::json ->> 'attempt'\n"
    "WHERE a.event IN ('applied', 'adopted')",
    "COMMENT ON SCHEMA {ledger} IS 'the ledger of pawl: what was done to this database'",
    NULL,
};

/*
 * What a data team without pawl calls. The callers are not the owner, and a temporary schema is
 * searched for types before all others unless it is named: so it is named last, also for append().
 */
const char *const ledger_reserve_pg[] = {
    "ALTER FUNCTION {ledger}.append SET search_path = pg_catalog, pg_temp",
    /* Whoever reserves while a deploy is at work is told: that one goes on. */
    "CREATE OR REPLACE FUNCTION {ledger}.reserve(until pg_catalog.timestamptz,\n"
    "  reason pg_catalog.text) RETURNS bigint\n"
    "LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $pawl$\n"
    "DECLARE\n"
    "  moment timestamptz := clock_timestamp();\n"
    "  receipt text;\n"
    "BEGIN\n"
    "  IF (until > moment AND until <= moment + interval '720 hours') IS NOT TRUE THEN\n"
    "    RAISE EXCEPTION 'a reservation ends within 30 days from now (%), not at %', moment, "
    "until\n"
    "      USING ERRCODE = '22023';\n"
    "  END IF;\n"
    "  IF (reason ~ '[^[:space:]]' AND octet_length(convert_to(reason, 'UTF8')) <= 1000) IS NOT "
    "TRUE\n"
    "  THEN\n"
    "    RAISE EXCEPTION 'a reservation needs a reason of at most 1000 bytes'\n"
    "      USING ERRCODE = '22023';\n"
    "  END IF;\n"
    "  receipt := {ledger}.append('reserved', NULL, NULL, NULL, NULL, json_build_object(\n"
    "    'until', to_char(until AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"'),\n"
    "    'reason', reason, 'user', session_user::text,\n"
    "    'host', coalesce(host(inet_client_addr()), 'local'), 'backend', pg_backend_pid(),\n"
    "    'application', current_setting('application_name'))::text, NULL, NULL);\n"
    "  IF EXISTS (SELECT FROM pg_locks AS l WHERE l.locktype = 'advisory' AND l.granted\n"
    "      AND l.objsubid = 1 AND l.pid <> pg_backend_pid()\n"
    "      AND l.database = (SELECT d.oid FROM pg_database AS d\n"
    "        WHERE d.datname = current_database())\n"
    "      AND (l.classid::bigint << 32 | l.objid::bigint) = ('x' || left(encode(sha256(\n"
    "        convert_to('pawl:{ledger}', 'UTF8')), 'hex'), 16))::bit(64)::bigint) THEN\n"
    "    RAISE WARNING 'a deploy is at work: this reservation holds up the next one';\n"
    "  END IF;\n"
    "  RETURN split_part(receipt, ':', 1)::bigint;\n"
    "END $pawl$",
    /* Each role ends what it has reserved itself. */
    "CREATE OR REPLACE FUNCTION {ledger}.end_reservation(id pg_catalog.int8) RETURNS void\n"
    "LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $pawl$\n"
    "BEGIN\n"
    "  IF NOT EXISTS (SELECT FROM {ledger}.journal AS j WHERE j.seq = id AND j.event = 'reserved'\n"
    "      AND j.detail::json ->> 'user' = session_user::text\n"
    "      AND j.detail::json ->> 'backend' IS NOT NULL) THEN\n"
    "    RAISE EXCEPTION 'role \"%\" has made no reservation %', session_user, id\n"
    "      USING ERRCODE = '22023';\n"
    "  END IF;\n"
    "  PERFORM {ledger}.append('reservation_ended', NULL, NULL, NULL, NULL, json_build_object(\n"
    "    'reservation', id, 'user', session_user::text,\n"
    "    'host', coalesce(host(inet_client_addr()), 'local'), 'backend', pg_backend_pid(),\n"
    "    'application', current_setting('application_name'))::text, NULL, NULL);\n"
    "END $pawl$",
    "REVOKE ALL ON FUNCTION {ledger}.reserve, {ledger}.end_reservation FROM PUBLIC",
    NULL,
};

/* How far each backfill has come: made when the first one begins, so that ledgers of any age get
 * it. key, reached and until are JSON lists. */
const char *const ledger_checkpoint_pg[] = {
    "CREATE TABLE {ledger}.checkpoint (\n"
    "  migration text PRIMARY KEY,\n"
    "  checksum text NOT NULL,\n"
    "  key text NOT NULL,\n"
    "  reached text,\n"
    "  until text NOT NULL,\n"
    "  estimate bigint NOT NULL,\n"
    "  walked bigint NOT NULL DEFAULT 0,\n"
    "  changed bigint NOT NULL DEFAULT 0,\n"
    "  batches bigint NOT NULL DEFAULT 0,\n"
    "  ms bigint NOT NULL DEFAULT 0,\n"
    "  started_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),\n"
    "  updated_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),\n"
    "  paused_at timestamptz,\n"
    "  paused_by text,\n"
    "  paused_reason text)",
    "CREATE TRIGGER drop_replicated BEFORE INSERT OR UPDATE OR DELETE ON {ledger}.checkpoint\n"
    "FOR EACH ROW EXECUTE FUNCTION {ledger}.drop_replicated()",
    "ALTER TABLE {ledger}.checkpoint ENABLE REPLICA TRIGGER drop_replicated",
    NULL,
};

/* The times are microseconds since 1970 UTC. */
const char *const ledger_checkpoint_sqlite[] = {
    "CREATE TABLE {ledger}_checkpoint (\n"
    "  migration TEXT PRIMARY KEY NOT NULL,\n"
    "  checksum TEXT NOT NULL,\n"
    "  key TEXT NOT NULL,\n"
    "  reached TEXT,\n"
    "  until TEXT NOT NULL,\n"
    "  estimate INTEGER NOT NULL,\n"
    "  walked INTEGER NOT NULL DEFAULT 0,\n"
    "  changed INTEGER NOT NULL DEFAULT 0,\n"
    "  batches INTEGER NOT NULL DEFAULT 0,\n"
    "  ms INTEGER NOT NULL DEFAULT 0,\n"
    "  started_at INTEGER NOT NULL,\n"
    "  updated_at INTEGER NOT NULL,\n"
    "  paused_at INTEGER,\n"
    "  paused_by TEXT,\n"
    "  paused_reason TEXT)",
    NULL,
};

const char *const ledger_schema_sqlite[] = {
    "CREATE TABLE {ledger}_journal (\n"
    "  seq INTEGER PRIMARY KEY,\n"
    "  at INTEGER NOT NULL,\n"
    "  event TEXT NOT NULL,\n"
    "  migration TEXT,\n"
    "  checksum TEXT,\n"
    "  kind TEXT,\n"
    "  phase TEXT,\n"
    "  detail TEXT NOT NULL,\n"
    "  digest TEXT,\n"
    "  prev_hash TEXT NOT NULL,\n"
    "  hash TEXT NOT NULL)",
    "CREATE INDEX {ledger}_journal_digest ON {ledger}_journal (digest)",
    "CREATE INDEX {ledger}_journal_special ON {ledger}_journal (checksum)\n"
    "  WHERE phase = 'contract' OR kind = 'repeatable'",
    "CREATE TABLE {ledger}_head (\n"
    "  one INTEGER PRIMARY KEY CHECK (one = 1),\n"
    "  seq INTEGER NOT NULL,\n"
    "  hash TEXT NOT NULL)",
    /* One tree instead of a table and its index: fewer pages for each commit to write. */
    "CREATE TABLE {ledger}_text (checksum TEXT PRIMARY KEY NOT NULL, body TEXT NOT NULL)\n"
    "  WITHOUT ROWID",
    "CREATE TRIGGER {ledger}_journal_refuse_update BEFORE UPDATE ON {ledger}_journal BEGIN\n"
    "  SELECT RAISE(ABORT, 'UPDATE of the ledger is refused: it is a record of what was done');\n"
    "END",
    "CREATE TRIGGER {ledger}_journal_refuse_delete BEFORE DELETE ON {ledger}_journal BEGIN\n"
    "  SELECT RAISE(ABORT, 'DELETE of the ledger is refused: it is a record of what was done');\n"
    "END",
    "CREATE TRIGGER {ledger}_text_refuse_update BEFORE UPDATE ON {ledger}_text BEGIN\n"
    "  SELECT RAISE(ABORT, 'UPDATE of the ledger is refused: it is a record of what was done');\n"
    "END",
    "CREATE TRIGGER {ledger}_text_refuse_delete BEFORE DELETE ON {ledger}_text BEGIN\n"
    "  SELECT RAISE(ABORT, 'DELETE of the ledger is refused: it is a record of what was done');\n"
    "END",
    "CREATE TRIGGER {ledger}_head_refuse_delete BEFORE DELETE ON {ledger}_head BEGIN\n"
    "  SELECT RAISE(ABORT, 'DELETE of the ledger is refused: it is a record of what was done');\n"
    "END",
    "INSERT INTO {ledger}_head (one, seq, hash) VALUES (1, 0,\n"
    "  '0000000000000000000000000000000000000000000000000000000000000000')",
    "CREATE VIEW {ledger}_migration AS\n"
    "SELECT coalesce((SELECT r.migration FROM {ledger}_journal AS r WHERE r.event = 'renamed'\n"
    "         AND json_extract(r.detail, '$.applied') = a.seq\n"
    "         ORDER BY r.seq DESC LIMIT 1), a.migration) AS id,\n"
    "  a.seq,\n"
    "  strftime('%Y-%m-%d %H:%M:%fZ', a.at / 1000000.0, 'unixepoch') AS at,\n"
    "  a.checksum, a.kind, a.phase, a.event = 'adopted' AS adopted,\n"
    "  json_extract(a.detail, '$.ms') AS ms,\n"
    "  json_extract(a.detail, '$.release') AS release,\n"
    "  json_extract(b.detail, '$.user') AS \"by\",\n"
    "  json_extract(b.detail, '$.host') AS host\n"
    "FROM {ledger}_journal AS a\n"
    "LEFT JOIN {ledger}_journal AS b ON b.event = 'begin'\n"
    "  AND json_extract(b.detail, '$.attempt') = json_extract(a.detail, '$.attempt')\n"
    "WHERE a.event IN ('applied', 'adopted')",
    NULL,
};

/* 'applied', 'adopted', …: the events that change the applied set, for the function enter(). */
static void put_changing_events(struct str *out)
{
    const char *between = "";
    for (int event = 0; event < EVENT_UNKNOWN; event++)
        if (event_changes_set((enum ledger_event)event)) {
            str_printf(out, "%s'%s'", between, event_name((enum ledger_event)event));
            between = ", ";
        }
}

char *ledger_sql(struct arena *arena, const char *template, const char *name)
{
    static const char name_mark[] = "{ledger}", changing_mark[] = "{changing}";
    CLEANUP(str_release) struct str out = {0};
    for (const char *c = template; *c != '\0';) {
        if (strncmp(c, name_mark, sizeof name_mark - 1) == 0) {
            str_puts(&out, name);
            c += sizeof name_mark - 1;
        } else if (strncmp(c, changing_mark, sizeof changing_mark - 1) == 0) {
            put_changing_events(&out);
            c += sizeof changing_mark - 1;
        } else {
            str_putc(&out, *c++);
        }
    }
    return out.failed ? NULL : arena_strndup(arena, str_text(&out), out.len);
}
