"""pawl deploy while other sessions are in the way: bounded waiting, names, and whom it holds up."""

import json
import os
import signal
import threading

import pytest

from support import ledger
from support.ledger import version
from support.server import wait_until

TABLE = f"{version(1)}_t"
COLUMN = f"{version(2)}_c"


@pytest.fixture
def with_table(make_pawl, pg):
    """A checkout with table t deployed, and a function that sets what is configured for deploys."""
    pawl = make_pawl(pg.url)
    pawl.write(TABLE, "CREATE TABLE t (id int);\nINSERT INTO t SELECT generate_series(1, 10);")
    pawl.run("deploy", check=0)
    pawl.deploy_settings = lambda **settings: pawl.config(
        {"target.main": {"url": pg.url}, "deploy": settings})
    return pawl


@pytest.fixture
def holder(pg):
    """A session of a known name with an open transaction that has read t."""
    connection = pg.connect(application_name="nightly report")
    connection.execute("BEGIN")
    connection.execute("SELECT count(*) FROM t")
    yield connection
    connection.close()


def backend(connection):
    return connection.info.backend_pid


# ---- waiting for others ----

def test_who_is_in_the_way_is_named_while_it_waits(with_table, pg, holder):
    with_table.write(COLUMN, "ALTER TABLE t ADD COLUMN c int;")
    deploy = with_table.spawn("deploy")
    deploy.wait_for("in the way")
    deploy.wait_for("trying again")
    told = deploy.err
    assert f"backend {backend(holder)} (user postgres, application \"nightly report\", local)" in told
    assert "idle in transaction for" in told and "SELECT count(*) FROM t" in told
    assert "AccessExclusiveLock on public.t" in told
    assert f"to end it: SELECT pg_terminate_backend({backend(holder)})" in told
    holder.execute("COMMIT")
    deploy.finish(check=0)
    assert ledger.applied(pg) == [TABLE, COLUMN]


def test_the_command_that_is_told_frees_the_deploy(with_table, pg, holder):
    with_table.write(COLUMN, "ALTER TABLE t ADD COLUMN c int;")
    deploy = with_table.spawn("deploy")
    deploy.wait_for("to end it: ")
    deploy.wait_for("\n")
    pg.query(deploy.err.split("to end it: ")[1].split("\n")[0])
    deploy.finish(check=0)
    assert ledger.applied(pg) == [TABLE, COLUMN]


def test_a_spent_budget_leaves_the_names_in_the_journal(with_table, pg, holder):
    with_table.deploy_settings(lock_budget="1s")
    with_table.write(COLUMN, "ALTER TABLE t ADD COLUMN c int;")
    result = with_table.run("deploy", check=5)
    assert f"in the way: backend {backend(holder)}" in result.err and "pawl blockers" in result.err
    stopped = ledger.rows(pg)[-1]
    blocker, = stopped.facts["blockers"]
    assert stopped.event == "stopped" and blocker["pid"] == backend(holder)
    assert blocker["application"] == "nightly report" and blocker["state"] == "idle in transaction"


def test_autovacuum_is_moved_aside(with_table, pg):
    """It gives way only to who waits longer than deadlock_timeout, which one short try does not."""
    pg.query("CREATE TABLE big AS SELECT i FROM generate_series(1, 200000) AS i")
    pg.query("ALTER TABLE big SET (autovacuum_vacuum_cost_delay = 100, autovacuum_vacuum_cost_limit = 1)")
    pg.query("DELETE FROM big WHERE i % 2 = 0")
    pg.query("ALTER SYSTEM SET autovacuum_naptime = 1")
    pg.query("SELECT pg_reload_conf()")
    running = "SELECT 1 FROM pg_stat_progress_vacuum WHERE relid = 'big'::regclass"
    wait_until(lambda: pg.query(running), "autovacuum is at work", timeout=60)
    with_table.write(COLUMN, "ALTER TABLE big ADD COLUMN c int;")
    result = with_table.run("deploy", check=0)
    assert "autovacuum" in result.err and "trying again" in result.err


def test_a_deadlock_is_tried_again(with_table, pg):
    """Each waits for the other's table; the server chooses pawl as its victim."""
    with_table.deploy_settings(lock_timeout="10s")
    pg.query("CREATE TABLE u (id int)")
    with_table.write(COLUMN, "ALTER TABLE u ADD COLUMN c int;\n"
                     "DO $$ BEGIN PERFORM pg_sleep(1); END $$;\nALTER TABLE t ADD COLUMN c int;")
    with pg.connect() as other:
        other.execute("SET deadlock_timeout = '1min'")
        other.execute("BEGIN")
        other.execute("SELECT * FROM t")
        deploy = with_table.spawn("deploy")
        waiting = "SELECT 1 FROM pg_locks WHERE relation = 'u'::regclass AND granted"
        wait_until(lambda: pg.query(waiting), "pawl has u")
        other.execute("SELECT * FROM u")  # waits until pawl's transaction is rolled back
        other.execute("COMMIT")
    assert "deadlock" in deploy.finish(check=0).err
    assert ledger.applied(pg) == [TABLE, COLUMN]


def test_json_lines_tell_each_event_and_then_the_outcome(with_table, pg, holder):
    with_table.write(COLUMN, "ALTER TABLE t ADD COLUMN c int;")
    deploy = with_table.spawn("deploy", "--json-lines")
    deploy.wait_for('"event":"blocked"')
    holder.execute("COMMIT")
    *events, report = [json.loads(line) for line in deploy.finish(check=0).out.splitlines()]
    assert [event["event"] for event in events][::len(events) - 1] == ["migration", "applied"]
    assert all(set(event) == {"event", "at", "migration", "text", "number", "total", "ms"}
               for event in events)
    blocked = [event for event in events if event["event"] == "blocked"][0]
    assert blocked["migration"] == COLUMN and "nightly report" in blocked["text"]
    assert report["ok"] and [done["id"] for done in report["applied"]] == [COLUMN]


# ---- looking first ----

def grown_old(pg, connection):
    """A look takes only transactions of a second or more for being in the way."""
    old = ("SELECT 1 FROM pg_stat_activity WHERE xact_start < clock_timestamp() - interval '1 s'"
           f" AND pid = {backend(connection)}")
    wait_until(lambda: pg.query(old), "the transaction is a second old")


def test_fail_is_told_before_anything_is_tried(with_table, pg, holder):
    """So nobody ever waited behind pawl: the log of the server shows no try."""
    grown_old(pg, holder)
    with_table.write(COLUMN, "ALTER TABLE t ADD COLUMN c int;")
    result = with_table.run("deploy", "--on-blocked", "fail", check=5)
    assert f"in the way: backend {backend(holder)}" in result.err and "trying again" not in result.err
    assert "lock timeout" not in pg.cluster.log_text().split(pg.name)[-1]
    assert ledger.events(pg)[-1] == "stopped"
    holder.execute("COMMIT")
    with_table.run("deploy", "--on-blocked", "fail", check=0)


def test_nobody_makes_way_for_a_branch_that_does_not_run(with_table, pg, holder):
    with_table.write(COLUMN, "DO $$ BEGIN IF false THEN ALTER TABLE t ADD COLUMN c int; END IF; END $$;")
    grown_old(pg, holder)
    with_table.run("deploy", "--on-blocked", "fail", check=0)
    with_table.write(f"{version(3)}_d", "-- pawl: phase=contract\n"
                     "DO $$ BEGIN IF false THEN DROP TABLE t; END IF; END $$;")
    with_table.run("deploy", "--on-blocked", "terminate", "--blocker-age", "0", check=0)
    assert holder.execute("SELECT 1").fetchone() == (1,)


def test_blockers_names_them_between_two_tries_too(with_table, pg, holder):
    """pawl holds and awaits no lock then."""
    with_table.write(COLUMN, "ALTER TABLE t ADD COLUMN c int;")
    deploy = with_table.spawn("deploy")
    deploy.wait_for("trying again")
    grown_old(pg, holder)

    def roots():
        sessions = with_table.run("blockers", "--json", check=5).json()["sessions"]
        return [session["pid"] for session in sessions if session["root"]]

    wait_until(roots, "blockers names somebody")
    assert [roots() for _ in range(10)] == [[backend(holder)]] * 10
    holder.execute("COMMIT")
    deploy.finish(check=0)


def test_terminate_ends_who_is_meant_and_is_journalled(with_table, pg, holder):
    grown_old(pg, holder)
    with_table.write(COLUMN, "ALTER TABLE t ADD COLUMN c int;")
    result = with_table.run("deploy", "--on-blocked", "terminate", "--blocker-age", "1s", check=0)
    assert f"ended: backend {backend(holder)}" in result.err
    row, = [row for row in ledger.rows(pg) if row.event == "session_ended"]
    assert row.facts["pid"] == backend(holder) and row.facts["by"] == "terminate"
    assert row.facts["application"] == "nightly report" and row.migration == COLUMN
    assert ledger.applied(pg) == [TABLE, COLUMN]
    ledger.assert_whole(pg)
    with pytest.raises(Exception, match="terminat"):
        holder.execute("SELECT 1")


@pytest.mark.parametrize("filters", [("--blocker-user", "somebody"), ("--blocker-age", "1h"), ()])
def test_who_is_not_meant_is_left_alone(with_table, pg, holder, filters):
    """By default only transactions of ten seconds and more."""
    with_table.deploy_settings(lock_budget="1500ms")
    grown_old(pg, holder)
    with_table.write(COLUMN, "ALTER TABLE t ADD COLUMN c int;")
    with_table.run("deploy", "--on-blocked", "terminate", *filters, check=5)
    assert "session_ended" not in ledger.events(pg)
    holder.execute("COMMIT")


def test_cancel_ends_a_statement_and_no_idle_transaction(with_table, pg, holder):
    with_table.deploy_settings(lock_budget="3s")
    with_table.write(COLUMN, "ALTER TABLE t ADD COLUMN c int;")
    with pg.connect() as reader:
        pid = backend(reader)
        thread = threading.Thread(target=lambda: pytest.raises(
            Exception, reader.execute, "SELECT pg_sleep(60) FROM t"))
        thread.start()
        grown_old(pg, reader)
        result = with_table.run("deploy", "--on-blocked", "cancel", "--blocker-age", "1s", check=5)
        thread.join(30)
        assert not thread.is_alive()
    assert f"cancelled: backend {pid}" in result.err
    assert [row.facts["pid"] for row in ledger.rows(pg) if row.event == "session_ended"] == [pid]
    holder.execute("COMMIT")


def test_a_holder_that_is_stopped_is_named_as_not_responding(with_table, pg, holder):
    """SIGSTOP of its backend: it cannot even take the request to end."""
    with_table.deploy_settings(lock_budget="6s")
    grown_old(pg, holder)
    with_table.write(COLUMN, "ALTER TABLE t ADD COLUMN c int;")
    os.kill(backend(holder), signal.SIGSTOP)
    try:
        result = with_table.run("deploy", "--on-blocked", "terminate", "--blocker-age", "0", check=5)
    finally:
        os.kill(backend(holder), signal.SIGCONT)
    assert result.err.count(f"does not respond, its process may be stopped: backend {backend(holder)}") == 1
    assert ledger.events(pg).count("session_ended") == 1
    with_table.run("deploy", check=0)
    ledger.assert_whole(pg)


def test_locks_come_first_where_every_statement_is_short(with_table, pg, holder):
    """Nobody waits for u while pawl waits for t, whatever the order of the statements is."""
    pg.query("CREATE TABLE u (id int)")
    with_table.deploy_settings(lock_timeout="3s", block_budget="1h")
    with_table.write(COLUMN, "ALTER TABLE u ADD COLUMN c int;\nALTER TABLE t ADD COLUMN c int;")
    deploy = with_table.spawn("deploy")
    waiting = "SELECT 1 FROM pg_locks WHERE relation = 't'::regclass AND NOT granted"
    wait_until(lambda: pg.query(waiting), "pawl waits for t")
    assert pg.query("SELECT 1 FROM pg_locks WHERE relation = 'u'::regclass AND granted"
                    f" AND pid <> {backend(holder)}") == []
    holder.execute("COMMIT")
    deploy.finish(check=0)
    assert ledger.applied(pg) == [TABLE, COLUMN]


@pytest.mark.parametrize("statements", [
    "ALTER TABLE IF EXISTS missing ADD COLUMN c int;\nDROP TABLE IF EXISTS missing;",
    "DROP VIEW v;\nCREATE VIEW v AS SELECT 1 AS one;\nALTER TABLE t ADD COLUMN c int;",
    "ALTER INDEX t_id RENAME TO t_other;\nALTER TABLE t ADD COLUMN c int;\nDROP INDEX t_other;",
    "ALTER TABLE t RENAME TO x;\nALTER TABLE x ADD COLUMN c int;\nALTER TABLE parts ADD COLUMN c int;",
    "ALTER SEQUENCE s RESTART;\nALTER TABLE \"Odd name\" ADD COLUMN c int;\nALTER TABLE t ADD c int;",
    "CREATE TABLE child (id int REFERENCES keyed);\nALTER TABLE t ADD COLUMN c int;",
    "CREATE TABLE parts2 PARTITION OF parts FOR VALUES IN (2);\nALTER TABLE t ADD COLUMN c int;",
    "ALTER TYPE pair ADD ATTRIBUTE c int;\nALTER TABLE t ADD COLUMN c int;",
    "SET search_path = other;\nALTER TABLE t ADD COLUMN c int;\nALTER TABLE public.t ADD COLUMN d int;",
    "ALTER TABLE t ADD COLUMN c int; -- unfinished 'quote\nALTER TABLE parts ADD COLUMN c int;",
])
def test_what_is_locked_first_is_what_the_statements_lock(with_table, pg, statements):
    """The lock is no new way to fail, whatever kind of thing the statements name."""
    for statement in ("CREATE INDEX t_id ON t (id)", "CREATE VIEW v AS SELECT 1 AS one", "CREATE SEQUENCE s",
                      "CREATE TABLE parts (id int) PARTITION BY LIST (id)", "CREATE SCHEMA other",
                      "CREATE TABLE parts1 PARTITION OF parts FOR VALUES IN (1)",
                      "CREATE TABLE \"Odd name\" (id int)", "CREATE TABLE keyed (id int PRIMARY KEY)",
                      "CREATE TABLE other.t (id int)", "CREATE TYPE pair AS (a int, b int)"):
        pg.query(statement)
    with_table.write(COLUMN, statements)
    with_table.run("deploy", env={"PAWL_PREFLIGHT": "off"}, check=0)
    assert ledger.applied(pg) == [TABLE, COLUMN]


def test_a_table_of_another_role_is_not_locked_first(make_pawl, pg):
    """REFERENCES is a right that LOCK TABLE does not take."""
    role = pg.role("deployer", "LOGIN")
    pg.query("CREATE TABLE keyed (id int PRIMARY KEY)")
    pg.query(f"GRANT REFERENCES, SELECT ON keyed TO {role}")
    pg.query(f"GRANT ALL ON SCHEMA public TO {role}")
    pg.query(f"GRANT CREATE ON DATABASE {pg.name} TO {role}")
    pawl = make_pawl(pg.url_as(role))
    pawl.run("adopt", "--as-of", "none", check=0)
    pawl.write(TABLE, "CREATE TABLE t (id int);\nCREATE TABLE u (id int);")
    pawl.run("deploy", check=0)
    pawl.write(COLUMN, "ALTER TABLE u ADD COLUMN c int;\nALTER TABLE t ADD COLUMN k int REFERENCES keyed;")
    pawl.run("deploy", check=0)
    assert ledger.applied(pg) == [TABLE, COLUMN]


def test_a_second_connection_that_is_ended_ends_no_deploy(with_table, pg, holder):
    """It is opened anew, a few times."""
    grown_old(pg, holder)
    with_table.write(COLUMN, "ALTER TABLE t ADD COLUMN c int;")
    deploy = with_table.spawn("deploy")
    deploy.wait_for("in the way")
    for _ in range(2):
        wait_until(lambda: pg.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                                    " WHERE application_name = 'pawl watcher'"), "it is there")
    deploy.wait_for("trying again")
    holder.execute("COMMIT")
    deploy.finish(check=0)
    assert ledger.applied(pg) == [TABLE, COLUMN]


# ---- others that wait ----

SLOW = """CREATE FUNCTION slow(int) RETURNS text LANGUAGE plpgsql AS
$$ BEGIN PERFORM pg_sleep(2); RETURN $1; END $$;"""


def test_a_statement_that_holds_up_others_is_cancelled(with_table, pg):
    with_table.deploy_settings(block_budget="600ms", preflight="off")  # it would ask slow() too
    pg.query(SLOW)
    before = pg.dump()
    with_table.write(COLUMN, "ALTER TABLE t ALTER id TYPE text USING slow(id);")
    deploy = with_table.spawn("deploy")
    rewriting = "SELECT 1 FROM pg_locks WHERE relation = 't'::regclass AND mode = 'AccessExclusiveLock'"
    wait_until(lambda: pg.query(rewriting), "pawl has t")
    with pg.connect(application_name="checkout page") as reader:
        assert reader.execute("SELECT count(*) FROM t").fetchone() == (10,)
    result = deploy.finish(check=5)
    assert "block_budget" in result.err and "1 session waits behind" in result.err
    assert f"{COLUMN}.sql:1:1" in result.err and "rolled back" in result.err
    assert pg.dump() == before and ledger.events(pg)[-1] == "stopped"


def test_a_statement_that_nobody_waits_for_takes_its_time(with_table, pg):
    with_table.deploy_settings(block_budget="100ms")
    pg.query(SLOW)
    with_table.write(COLUMN, "CREATE TABLE u AS SELECT slow(id) FROM t WHERE id = 1;")
    with_table.run("deploy", check=0)


def test_a_queue_behind_a_waiting_statement_is_let_go(with_table, pg, holder):
    """However long lock_timeout is."""
    with_table.deploy_settings(lock_timeout="1h", block_budget="500ms")
    with_table.write(COLUMN, "ALTER TABLE t ADD COLUMN c int;")
    deploy = with_table.spawn("deploy")
    waiting = "SELECT 1 FROM pg_locks WHERE relation = 't'::regclass AND NOT granted"
    wait_until(lambda: pg.query(waiting), "pawl waits for t")
    with pg.connect() as reader:
        assert reader.execute("SELECT count(*) FROM t").fetchone() == (10,)
    deploy.wait_for("trying again")
    holder.execute("COMMIT")
    deploy.finish(check=0)
    assert ledger.applied(pg) == [TABLE, COLUMN]


# ---- steps outside transactions ----

def test_concurrently_gives_up_after_its_budget_of_waiting(with_table, pg, holder):
    with_table.deploy_settings(lock_budget="1s")
    holder.execute("INSERT INTO t VALUES (11)")
    with_table.write(COLUMN, "CREATE INDEX CONCURRENTLY t_id ON t (id);")
    result = with_table.run("deploy", check=7)
    assert "lock_budget" in result.err and f"in the way: backend {backend(holder)}" in result.err
    assert "leftover could not be removed" in result.err  # dropping it waits for the same session
    holder.execute("COMMIT")
    with_table.run("deploy", check=0)
    assert pg.query("SELECT indisvalid FROM pg_index WHERE indexrelid = 't_id'::regclass") == [(True,)]
    ledger.assert_whole(pg)


def test_a_deploy_without_a_second_connection_goes_on(with_table, pg):
    """The last connection slot is ours: nobody can watch, and the deploy says so once."""
    role = pg.role("deployer", "LOGIN CONNECTION LIMIT 1")
    pg.query(f"GRANT ALL ON SCHEMA public TO {role}")
    pg.query(f"GRANT CREATE ON DATABASE {pg.name} TO {role}")
    pawl = with_table
    pawl.config({"target.main": {"url": pg.url_as(role), "ledger": "other"}})
    pawl.run("adopt", "--as-of", TABLE, check=0)
    pawl.write(COLUMN, "SELECT pg_sleep(3);")
    result = pawl.run("deploy", check=0)
    assert result.err.count("nobody watches this deploy") == 1


# ---- a link that carries nothing any more ----

@pytest.mark.parametrize("sender, contains, applied_before", [
    ("client", b"ALTER TABLE t", False),  # the statement never reaches the server
    ("server", b"COMMIT", True),          # the answer to COMMIT never reaches pawl
])
def test_a_frozen_connection_is_noticed_and_the_journal_asked(with_table, pg, proxy, sender, contains,
                                                              applied_before):
    """Its second connection works: the server waits for pawl while pawl waits for the server."""
    with_table.config({"target.main": {"url": proxy.url}})
    with_table.write(COLUMN, "ALTER TABLE t ADD COLUMN c int;")
    proxy.at("silence", sender=sender, type=None if sender == "client" else "C", contains=contains,
             connection=1, nth=1 if sender == "client" else 3)
    result = with_table.run("deploy", timeout=60)
    assert "the connection is dead" in result.err
    assert (result.code == 0) == applied_before, result
    proxy.resume()
    with_table.run("deploy", check=0)
    assert ledger.applied(pg) == [TABLE, COLUMN]
    ledger.assert_whole(pg)
