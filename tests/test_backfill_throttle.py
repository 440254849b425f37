"""What a backfill waits for: the user's query, WAL, vacuum, slots, sessions behind a batch."""

import signal
import threading

import psycopg
import pytest

from support import load
from support.server import wait_until

ROWS = 20_000
# Batches of as many rows as the file says, on a busy machine too.
SLOW = {"batch_time": "500ms", "rest": 300}


def checkout(make_pawl, database, role=None, **settings):
    """A backfill of some hundred batches over a table that is there. role: who deploys."""
    load.make_table(database, ROWS)
    if role is not None:
        database.query(f"GRANT CREATE ON DATABASE {database.name} TO {role};"
                       f"ALTER TABLE account OWNER TO {role}")
    pawl = make_pawl()
    pawl.config({"backfill": {**SLOW, **settings},
                 "target.main": {"url": database.url_as(role) if role else database.url}})
    load.backfill(pawl, batch=50)
    return pawl


def assert_done(database):
    assert load.damage(database, ROWS) == load.Damage(0, 0, 0)
    assert load.walked(database) is None


def assert_waits(database):
    """It holds no transaction and no lock on the table, and goes no step further."""
    before = load.walked(database)
    for _ in range(3):
        assert database.query("SELECT pg_sleep(0.5), count(*) FROM pg_locks"
                              " WHERE relation = 'account'::regclass"
                              " AND mode <> 'ShareUpdateExclusiveLock'")[0][1] == 0
    assert load.walked(database) == before


# ---- the user's query ----

@pytest.mark.parametrize("query, why", [
    ("SELECT busy FROM gate", "throttle_query says to wait"),
    ("SELECT 'the till is open' FROM gate WHERE busy", 'throttle_query says "the till is open"'),
    ("SELECT CASE WHEN busy THEN 'a' || chr(27) END FROM gate; -- why", 'throttle_query says "a\\x1b"'),
])
def test_the_users_query_makes_it_wait(pg, make_pawl, query, why):
    pawl = checkout(make_pawl, pg, throttle_query=query.replace("; -- why", ";"))
    pg.query("CREATE TABLE gate (busy boolean); INSERT INTO gate VALUES (true)")
    deploy = pawl.spawn("deploy")
    deploy.wait_for(why)
    assert_waits(pg)
    pg.query("UPDATE gate SET busy = false")
    deploy.finish(check=0)
    assert_done(pg)


@pytest.mark.parametrize("query", [
    "SELECT false", "SELECT NULL::text", "SELECT ''", "SELECT true WHERE false", "VALUES (false) -- no"])
def test_what_lets_it_go_on(pg, make_pawl, query):
    pawl = checkout(make_pawl, pg, throttle_query=query)
    assert "throttle_query" not in pawl.run("deploy", check=0).err
    assert_done(pg)


@pytest.mark.parametrize("query, why", [
    ("SELECT nothing FROM nowhere", 'relation "nowhere" does not exist'),
    ("SELECT count(*) FROM account", "it returns bigint: boolean or text is wanted"),
    ("SELECT 1 WHERE false", "it returns integer: boolean or text is wanted"),
    ("SELECT true, true", "it returns 2 columns instead of one"),
    ("SELECT true FROM account", "it returns more than one row"),
    ("WITH gone AS (DELETE FROM account RETURNING 1) SELECT true FROM gone", "data-modifying"),
    ("SELECT nextval(pg_get_serial_sequence('account', 'id')) > 0", "read-only transaction"),
    ("SELECT false; DELETE FROM account", "syntax error"),
])
def test_a_query_that_cannot_be_asked_stops_it(pg, make_pawl, query, why):
    pawl = checkout(make_pawl, pg, throttle_query=query)
    result = pawl.run("deploy", check=1)
    assert "throttle_query: " in result.err and why in result.err
    assert pg.query("SELECT count(*), sum(n) FROM account") == [(ROWS, 0)]
    # Mended, the same deploy goes on.
    pawl.run("deploy", env={"PAWL_THROTTLE_QUERY": "SELECT false"}, check=0)
    assert_done(pg)


def test_the_query_finds_names_as_migrations_do(pg, make_pawl):
    pawl = checkout(make_pawl, pg)
    pg.query("CREATE SCHEMA tenant; CREATE TABLE tenant.gate (busy boolean);"
             "ALTER TABLE account SET SCHEMA tenant; INSERT INTO tenant.gate VALUES (true)")
    pawl.config({"backfill": {"throttle_query": "SELECT busy FROM gate"},
                 "target.main": {"url": pg.url, "schema": "tenant"}})
    deploy = pawl.spawn("deploy")
    deploy.wait_for("throttle_query says to wait")
    pg.query("UPDATE tenant.gate SET busy = false")
    deploy.finish(check=0)
    assert pg.query("SELECT count(*), sum(n) FROM tenant.account") == [(ROWS, ROWS)]


def test_a_query_without_an_answer_is_waited_for(pg, make_pawl):
    """A server too busy for it is no server to load further; and it is asked again."""
    pawl = checkout(make_pawl, pg, throttle_query="SELECT busy FROM gate")
    pg.query("CREATE TABLE gate (busy boolean); INSERT INTO gate VALUES (false)")
    with pg.connect() as other:
        other.execute("BEGIN; LOCK TABLE gate")
        deploy = pawl.spawn("deploy")
        deploy.wait_for("throttle_query was not answered within seconds")
        other.execute("ROLLBACK")
    deploy.finish(check=0)
    assert_done(pg)


def test_ctrl_c_while_it_waits(pg, make_pawl):
    pawl = checkout(make_pawl, pg, throttle_query="SELECT true")
    deploy = pawl.spawn("deploy")
    deploy.wait_for("throttle_query says to wait")
    deploy.signal(signal.SIGTERM)
    deploy.finish(timeout=20, check=128 + signal.SIGTERM)
    pawl.run("deploy", env={"PAWL_THROTTLE_QUERY": "SELECT false"}, check=0)
    assert_done(pg)


# ---- the server ----

def test_a_server_that_does_not_let_us_look(pg, make_pawl):
    role = pg.role("deployer")
    pawl = checkout(make_pawl, pg, role)
    pg.query("REVOKE EXECUTE ON FUNCTION pg_current_wal_insert_lsn() FROM PUBLIC")
    result = pawl.run("deploy", check=0)
    assert result.err.count("backfills go on without a look") == 1
    assert_done(pg)


def test_wal_over_the_limit(pg, make_pawl):
    pawl = checkout(make_pawl, pg, max_wal_rate="100kB", batch_time="50ms", rest=0)
    deploy = pawl.spawn("deploy")
    deploy.wait_for("more than max_wal_rate allows")
    assert_waits(pg)
    deploy.signal(signal.SIGTERM)
    deploy.finish(check=128 + signal.SIGTERM)
    pawl.run("deploy", env={"PAWL_MAX_WAL_RATE": "1TB"}, check=0)
    assert_done(pg)


def test_a_slot_that_keeps_too_much_wal(make_cluster, make_pawl):
    cluster = make_cluster(max_wal_size="32MB", min_wal_size="32MB", checkpoint_timeout="30s")
    database = cluster.create_database()
    pawl = checkout(make_pawl, database)
    cluster.execute("SELECT pg_create_physical_replication_slot('forgotten', true)")
    database.query("CREATE TABLE filler AS SELECT repeat('x', 1000) FROM generate_series(1, 80000)")
    wait_until(lambda: cluster.connect().execute(
        "SELECT wal_status = 'extended' FROM pg_replication_slots").fetchone()[0], "an extended slot")
    deploy = pawl.spawn("deploy")
    deploy.wait_for('replication slot "forgotten" keeps ')
    assert_waits(database)
    cluster.execute("SELECT pg_drop_replication_slot('forgotten')")
    deploy.finish(check=0)
    assert_done(database)


def slow_vacuum(database, rows=ROWS):
    """Autovacuum at work on the table, for as long as nobody ends it."""
    database.query(f"UPDATE account SET touched = touched WHERE id <= {rows};"
                   "ALTER TABLE account SET (autovacuum_vacuum_cost_delay = 100,"
                   " autovacuum_vacuum_cost_limit = 1)")
    wait_until(lambda: database.query(
        "SELECT count(*) FROM pg_stat_progress_vacuum WHERE relid = 'account'::regclass")[0][0],
        "autovacuum of the table")


def end_vacuum(database):
    """One against wraparound does not give way to the ALTER TABLE that keeps the next one from coming."""

    def ended():
        with database.connect() as connection:
            connection.execute("SET lock_timeout = '200ms'")
            connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                               " WHERE backend_type = 'autovacuum worker'")
            try:
                connection.execute("ALTER TABLE account RESET (autovacuum_freeze_max_age)")
                connection.execute("ALTER TABLE account SET (autovacuum_enabled = off)")
            except psycopg.errors.LockNotAvailable:
                return False
            return True

    wait_until(ended, "the end of the vacuum")


@pytest.fixture
def vacuuming(make_cluster):
    return make_cluster(autovacuum_naptime="1s", autovacuum_vacuum_insert_threshold=-1).create_database()


def test_an_autovacuum_that_has_much_to_do(vacuuming, make_pawl):
    pawl = checkout(make_pawl, vacuuming)
    slow_vacuum(vacuuming)
    deploy = pawl.spawn("deploy")
    deploy.wait_for("autovacuum is at work on account, which has ")
    assert_waits(vacuuming)
    end_vacuum(vacuuming)
    deploy.finish(check=0)
    assert_done(vacuuming)


def test_an_autovacuum_against_wraparound(vacuuming, make_pawl):
    pawl = checkout(make_pawl, vacuuming)
    # Each subtransaction that writes takes a number. Frozen pages would be passed over.
    vacuuming.query("""ALTER TABLE account SET (autovacuum_enabled = off);
        UPDATE account SET touched = touched; CREATE TABLE numbers (n int);
        DO $$ BEGIN FOR i IN 1..110000 LOOP
          BEGIN INSERT INTO numbers VALUES (i); EXCEPTION WHEN division_by_zero THEN NULL; END;
        END LOOP; END $$""")
    vacuuming.query("ALTER TABLE account SET (autovacuum_freeze_max_age = 100000,"
                    " autovacuum_vacuum_cost_delay = 100, autovacuum_vacuum_cost_limit = 1)")
    wait_until(lambda: vacuuming.query("SELECT count(*) FROM pg_stat_activity WHERE query LIKE"
                                       " 'autovacuum: VACUUM%public.account (to prevent wraparound)'")[0][0],
               "a vacuum against wraparound")
    deploy = pawl.spawn("deploy")
    deploy.wait_for("autovacuum is at work on account to prevent wraparound")
    assert_waits(vacuuming)
    end_vacuum(vacuuming)
    deploy.finish(check=0)
    assert_done(vacuuming)


def test_the_autovacuum_of_another_table_is_no_reason(vacuuming, make_pawl):
    pawl = checkout(make_pawl, vacuuming)
    slow_vacuum(vacuuming)
    vacuuming.query("ALTER TABLE account RENAME TO other; CREATE TABLE account (LIKE other INCLUDING ALL);"
                    f"INSERT INTO account (id) SELECT generate_series(1, {ROWS})")
    assert "autovacuum" not in pawl.run("deploy", check=0).err
    assert_done(vacuuming)


def test_sessions_behind_a_batch_make_it_smaller(pg, make_pawl):
    """A batch that takes long is looked at, and who waits for it is given room."""
    load.make_table(pg, 100)
    pg.query("CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS"
             " $$ BEGIN PERFORM pg_sleep(0.02); RETURN new; END $$;"
             "CREATE TRIGGER slow BEFORE UPDATE OF n ON account FOR EACH ROW EXECUTE FUNCTION slow()")
    pawl = make_pawl(pg.url)
    load.backfill(pawl, batch=50)
    deploy = pawl.spawn("deploy")
    wait_until(lambda: pg.query("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'"
                                " AND datname = current_database()")[0][0], "the first batch")
    user = threading.Thread(target=pg.query, args=["UPDATE account SET touched = 1 WHERE id = 1"])
    user.start()
    deploy.wait_for("other sessions waited for a batch")
    user.join()
    deploy.finish(check=0)
    assert pg.query("SELECT sum(n), sum(touched) FROM account WHERE id <= 100") == [(100, 1)]
