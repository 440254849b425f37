"""`pawl preflight`: a target for each line that makes it fine, and one that does not; and what a
deploy makes of the same questions."""

import json

import pytest

from support import ledger
from support.ledger import version
from support.server import wait_until

QUESTIONS = ["target", "ledger", "plan", "release", "lint", "data", "sessions", "deploys", "reservation",
             "maintenance", "releases", "gate", "replicas", "slots", "connections", "wraparound", "leftovers"]
FIRST = ("CREATE TABLE users (id int PRIMARY KEY, email text, age int);"
         "CREATE TABLE unused (id int, note text);")
DROP = "ALTER TABLE users DROP COLUMN age;"
NEXT = f"{version(2)}_next"


@pytest.fixture
def deployed(pawl, engine):
    """A table with rows, and one that nobody has used."""
    pawl.write(f"{version(1)}_first", FIRST)
    pawl.run("deploy", check=0)
    engine.query("INSERT INTO users VALUES (1, 'a', 10)")
    return pawl


@pytest.fixture
def server(make_pawl, pg):
    """The same on PostgreSQL alone."""
    pawl = make_pawl(pg.url)
    pawl.write(f"{version(1)}_first", FIRST)
    pawl.run("deploy", check=0)
    pg.query("INSERT INTO users VALUES (1, 'a', 10)")
    return pawl


def ask(pawl, *args, code=0, url=()):
    """The lines by their id."""
    report = pawl.run(*url, "--json", "preflight", *args, check=code).json()
    assert [line["id"] for line in report["lines"]] == QUESTIONS
    return {line["id"]: line for line in report["lines"]}


def mark(pawl, question, *args, code=0, **options):
    return ask(pawl, *args, code=code, **options)[question]["mark"]


def says(line):
    return " / ".join(f"{found['what']} -> {found['command']}" for found in line["found"])


def unchanged(pawl, engine, *args, code):
    before = engine.dump(), ledger.rows(engine)
    result = pawl.run(*args, check=code)
    assert (engine.dump(), ledger.rows(engine)) == before, str(result)
    return result


# ---- all of them ----

def test_a_fresh_target_and_one_that_is_up_to_date_are_fine(pawl, engine):
    pawl.write(f"{version(1)}_first", FIRST)
    lines = ask(pawl)
    assert {line["mark"] for line in lines.values()} == {"ok", "not applicable"}
    assert lines["lint"]["mark"] == "not applicable" and lines["plan"]["found"][0]["what"] == "1 pending"
    assert not ledger.exists(engine)
    pawl.run("deploy", check=0)
    lines = ask(pawl)
    assert {line["mark"] for line in lines.values()} == {"ok", "not applicable"}
    assert "each fits the one before it" in says(lines["ledger"])


def test_nothing_is_changed(deployed, engine):
    deployed.write(NEXT, DROP)
    unchanged(deployed, engine, "preflight", code=3)


def test_the_table_for_people(deployed, engine):
    deployed.write(NEXT, DROP)
    result = deployed.run("preflight", check=3)
    rows = result.out.splitlines()
    assert rows[0].split()[:2] == ["ok", "target"]
    assert any(row.startswith("error") and "pending statements" in row for row in rows)
    assert "drop-column" in result.out and "\x1b" not in result.out
    assert "\x1b[1;31merror" in deployed.run("--color", "always", "preflight").out


# ---- target, ledger, plan, release ----

def test_a_target_that_does_not_answer(make_pawl, tmp_path, pg):
    pawl = make_pawl(pg.url.replace(pg.name, "nothing"))
    lines = ask(pawl, code=9)
    assert lines.pop("target")["mark"] == "error"
    assert {line["mark"] for line in lines.values()} == {"not applicable"}


def test_a_standby(make_pawl, make_cluster):
    primary, standby = make_cluster(), make_cluster()
    database = primary.create_database()
    standby.follow(primary)
    line = ask(make_pawl(standby.url(database.name)), code=3)["target"]
    assert line["mark"] == "error" and "standby" in says(line)


def test_through_a_pooler(server, bouncer):
    lines = ask(server, url=("--url", bouncer.url))
    assert "through a pooler" in says(lines["target"])
    server.write(NEXT, "CREATE INDEX CONCURRENTLY i ON users (email);")
    assert mark(server, "plan") == "ok"
    line = ask(server, code=3, url=("--url", bouncer.url))["plan"]
    assert line["mark"] == "error" and "direct connection" in says(line)


def test_a_broken_chain(deployed, engine):
    ledger.by_hand(engine, f"UPDATE {ledger.table(engine, 'journal')} SET kind = 'x' WHERE seq = 2")
    lines = ask(deployed, code=8)
    assert lines["ledger"]["mark"] == "error" and lines["plan"]["mark"] == "not applicable"


def test_tables_without_a_ledger(pawl, engine):
    engine.query("CREATE TABLE theirs (id int)")
    line = ask(pawl, code=3)["ledger"]
    assert line["mark"] == "error" and "pawl adopt" in says(line)


def test_a_set_that_was_edited(deployed):
    deployed.write(f"{version(1)}_first", "SELECT 1;")
    report = deployed.run("--json", "preflight", check=3).json()
    plan, = [line for line in report["lines"] if line["id"] == "plan"]
    assert plan["mark"] == "error" and "edited" in [finding["rule"] for finding in report["findings"]]


def test_a_release(deployed):
    assert mark(deployed, "release") == "not applicable"
    assert mark(deployed, "release", "--release", "1") == "ok"
    deployed.run("deploy", "--release", "1", check=0)
    assert mark(deployed, "release", "--release", "1") == "ok"
    deployed.write(NEXT, "CREATE TABLE more (id int);")
    assert mark(deployed, "release", "--release", "1", code=3) == "error"


# ---- lint ----

def test_only_so_far(deployed):
    deployed.write(NEXT, "CREATE TABLE more (id int primary key);")
    deployed.write(f"{version(3)}_drop", DROP)
    assert mark(deployed, "lint", code=3) == "error"
    assert mark(deployed, "lint", "--to", NEXT) != "error"


def test_a_deploy_stops_at_what_loses_rows(deployed, engine):
    deployed.write(NEXT, DROP)
    for args in (["deploy"], ["deploy", "--dry-run"]):
        result = unchanged(deployed, engine, *args, code=3)
        assert "drop-column" in result.err and "--override lint" in result.err
    report = deployed.run("--json", "deploy", check=3).json()
    assert [line["mark"] for line in report["preflight"] if line["id"] == "lint"] == ["error"]
    assert [finding["severity"] for finding in report["findings"]] == ["error"]


def test_a_table_that_nobody_has_used_stops_nothing(deployed, engine):
    assert mark(deployed, "lint") == "not applicable"
    deployed.write(NEXT, "ALTER TABLE unused DROP COLUMN note;")
    assert mark(deployed, "lint") == "note"
    deployed.run("deploy", check=0)
    deployed.write(f"{version(3)}_more", "DROP TABLE unused;")
    deployed.run("deploy", check=0)
    assert engine.tables() == ["users"]


def test_a_table_that_was_emptied_is_in_use(server, pg):
    pg.query("INSERT INTO unused VALUES (1)")
    pg.query("TRUNCATE unused")
    wait_until(lambda: pg.query("SELECT n_tup_ins FROM pg_stat_user_tables WHERE relname = 'unused'") == [(1,)],
               "the statistics know of the row")
    server.write(NEXT, "ALTER TABLE unused DROP COLUMN note;")
    assert mark(server, "lint", code=3) == "error"


def test_a_parent_is_as_full_as_its_children(server, pg):
    pg.query("CREATE TABLE child () INHERITS (unused); INSERT INTO child VALUES (1, 'x')")
    server.write(NEXT, "ALTER TABLE unused DROP COLUMN note;")
    assert mark(server, "lint", code=3) == "error"


def test_names_that_a_set_changes_soften_nothing(server, pg):
    pg.query("CREATE SCHEMA app; CREATE TABLE app.unused (id int, note text); INSERT INTO app.unused VALUES (1)")
    server.write(NEXT, "SET search_path = app;\nALTER TABLE unused DROP COLUMN note;")
    server.run("deploy", check=3)


def test_no_ledger_is_made_for_a_deploy_that_is_refused(make_pawl, pg):
    pg.query("CREATE SCHEMA app; CREATE TABLE public.theirs (id int); INSERT INTO theirs VALUES (1)")
    pawl = make_pawl(pg.url)
    pawl.config({"target.main": {"url": pg.url, "schema": "app"}})
    pawl.write(NEXT, "DROP TABLE public.theirs;")
    pawl.run("deploy", check=3)
    assert not ledger.exists(pg)


def test_time_is_weighed_by_size(server, pg):
    server.write(NEXT, "CREATE INDEX i ON users (email);")
    assert mark(server, "lint") == "note"
    pg.query("INSERT INTO users SELECT i, repeat('x', 500) FROM generate_series(2, 200000) AS i")
    assert mark(server, "lint", code=3) == "error"
    unchanged(server, pg, "deploy", code=3)


def test_what_the_server_refuses_stops_itself(deployed, engine):
    twice = {"postgres": "INSERT INTO users (id, id) VALUES (1, 2);", "sqlite": "SELECT * FROM nothing;"}
    deployed.write(NEXT, twice[engine.engine])
    assert mark(deployed, "lint") == "warning"
    deployed.run("deploy", check=1)


def test_a_contract_step_and_an_allow_pass(deployed, engine):
    deployed.write(NEXT, f"-- pawl: phase=contract\n{DROP}")
    deployed.run("deploy", check=0)
    rule = "drop-column" if engine.engine == "postgres" else "sqlite-drop-column"
    path = deployed.write(f"{version(3)}_more", "ALTER TABLE users DROP COLUMN email;")
    deployed.run("deploy", check=3)
    path.write_text(f'-- pawl: allow={rule} reason="nobody reads it"\n{path.read_text()}')
    deployed.run("deploy", check=0)


def test_what_one_deploy_makes_hurts_nobody(deployed):
    deployed.write(NEXT, "CREATE TABLE more (id int, note text); INSERT INTO more VALUES (1, 'x');")
    deployed.write(f"{version(3)}_more", "ALTER TABLE more DROP COLUMN note;")
    deployed.run("deploy", check=0)


def test_an_override_is_journalled_and_shows(deployed, engine):
    deployed.write(NEXT, DROP)
    unchanged(deployed, engine, "deploy", "--override", "lint", code=2)
    unchanged(deployed, engine, "deploy", "--override", "reservation", "--reason", "no", code=3)
    result = deployed.run("deploy", "--override", "lint", "--reason", "asked the team", check=0)
    assert "(overridden)" in result.err
    begin = [row for row in ledger.rows(engine) if row.event == "begin"][-1].facts
    assert (begin["overrides"], begin["reason"]) == ("lint", "asked the team")
    assert len(begin["lint"]) == 1 and begin["lint"][0].endswith(f"drop-column migrations/{NEXT}.sql:1")
    assert "went over lint" in deployed.run("status").out
    announced = deployed.run("--json", "status").json()["targets"][0]
    assert (announced["overrode"], announced["overridden"]) == ("lint", None)
    deployed.write(f"{version(3)}_more", "CREATE TABLE more (id int);")
    deployed.run("deploy", check=0)
    assert "went over" not in deployed.run("status").out


def test_both_overrides_at_once(deployed, engine):
    deployed.write(NEXT, DROP)
    deployed.run("reserve", "--until", "1h", "--reason", "r", check=0)
    unchanged(deployed, engine, "deploy", "--override", "lint", "--reason", "r", code=5)
    deployed.run("deploy", "--override", "lint", "--override", "reservation", "--reason", "r", check=0)
    begin = [row for row in ledger.rows(engine) if row.event == "begin"][-1].facts
    assert begin["overrides"] == "reservation lint" and begin["reservation"] > 0


def test_an_override_of_nothing_records_none(deployed, engine):
    deployed.write(NEXT, "CREATE TABLE more (id int);")
    deployed.run("deploy", "--override", "lint", "--reason", "in case", check=0)
    assert "overrides" not in [row for row in ledger.rows(engine) if row.event == "begin"][-1].facts


def test_it_can_be_switched_off(deployed):
    deployed.write(NEXT, DROP)
    deployed.run("deploy", env={"PAWL_PREFLIGHT": "off"}, check=0)


def test_what_was_begun_goes_on(server, pg):
    server.write(NEXT, f"-- pawl: no-transaction\n{DROP}\nALTER TABLE users DROP COLUMN nothing;")
    server.run("deploy", "--override", "lint", "--reason", "r", check=7)
    server.write(NEXT, f"-- pawl: no-transaction\n{DROP}\nALTER TABLE users DROP COLUMN email;")
    result = server.run("deploy")
    assert "drop-column" not in result.err, str(result)


# ---- sessions ----

def test_sessions_in_the_way(server, pg):
    server.write(NEXT, "ALTER TABLE users ADD COLUMN more int;")
    assert mark(server, "sessions") == "ok"
    with pg.connect() as other:
        other.execute("BEGIN; SELECT * FROM users")
        pid = other.info.backend_pid
        wait_until(lambda: mark(server, "sessions") == "warning", "the transaction counts as old")
        line = ask(server)["sessions"]
        assert f"backend {pid}" in says(line) and f"pg_terminate_backend({pid})" in says(line)
        deploy = server.spawn("deploy")
        deploy.wait_for("in the way")
        other.execute("ROLLBACK")
        deploy.finish(check=0)


def test_a_prepared_transaction_in_the_way(make_cluster, make_pawl):
    cluster = make_cluster(max_prepared_transactions=3)
    pg = cluster.create_database()
    pawl = make_pawl(pg.url)
    pawl.write(f"{version(1)}_first", FIRST)
    pawl.run("deploy", check=0)
    pawl.write(NEXT, "ALTER TABLE users ADD COLUMN more int;")
    pg.query("BEGIN; INSERT INTO users VALUES (1); PREPARE TRANSACTION 'left'")
    line = ask(pawl)["sessions"]
    assert line["mark"] == "warning" and "ROLLBACK PREPARED 'left'" in says(line)


def test_a_snapshot_that_holds_up_an_index(server, pg):
    server.write(NEXT, "CREATE INDEX CONCURRENTLY i ON users (email);")
    with pg.connect() as other:
        other.execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1")
        wait_until(lambda: mark(server, "sessions") == "warning", "the snapshot counts as old")
        assert "CREATE INDEX CONCURRENTLY" in says(ask(server)["sessions"])


def test_a_role_that_may_not_see_sessions(server, pg):
    role = pg.role()
    pg.query(f"GRANT USAGE ON SCHEMA pawl TO {role}; GRANT SELECT ON ALL TABLES IN SCHEMA pawl TO {role}")
    server.write(NEXT, "ALTER TABLE users ADD COLUMN more int;")
    with pg.connect():
        line = ask(server, url=("--url", pg.url_as(role)))["sessions"]
    assert line["mark"] == "note" and "pg_monitor" in says(line)


# ---- other deploys, reservations, maintenance ----

def test_another_deploy_is_at_work(server, pg):
    from test_races import mutex_key
    assert mark(server, "deploys") == "ok"
    with pg.connect() as other:
        other.execute(f"SELECT pg_advisory_lock({mutex_key('pawl')})")
        assert mark(server, "deploys") == "warning"


def test_a_deploy_that_did_not_say_how_it_ended(deployed, engine):
    deployed.write(NEXT, "CREATE TABLE more (id int);")
    deployed.run("deploy", env={"PAWL_FAULT_KILL": 2}, check=-9)
    line = ask(deployed)["deploys"]
    assert line["mark"] == "note" and "did not say how it ended" in says(line)


def test_a_reservation_counts_where_something_is_pending(deployed):
    assert mark(deployed, "reservation") == "ok"
    deployed.run("reserve", "--until", "1h", "--reason", "nightly load", check=0)
    line = ask(deployed)["reservation"]
    assert line["mark"] == "note" and "nightly load" in says(line)
    deployed.write(NEXT, "CREATE TABLE more (id int);")
    assert mark(deployed, "reservation", code=5) == "error"


def test_maintenance(deployed):
    assert mark(deployed, "maintenance") == "ok"
    deployed.run("maintenance", "on", "--reason", "new disks", check=0)
    line = ask(deployed)["maintenance"]
    assert line["mark"] == "note" and "new disks" in says(line)


# ---- the server ----

def write_wal(database):
    """More than 256 MB of it, at little cost: each switch leaves the rest of 16 MB."""
    for _ in range(20):
        database.query("SELECT pg_logical_emit_message(true, 'x', 'x')")
        database.query("SELECT pg_switch_wal()")


def test_a_replica_that_is_far_behind(make_pawl, make_cluster):
    primary, standby = make_cluster(), make_cluster()
    standby.follow(primary)
    database = primary.create_database()
    pawl = make_pawl(database.url)
    wait_until(lambda: database.query("SELECT state FROM pg_stat_replication") == [("streaming",)], "it follows")
    assert mark(pawl, "replicas") == "ok"
    standby.execute("SELECT pg_wal_replay_pause()")
    write_wal(database)
    line = ask(pawl)["replicas"]
    assert line["mark"] == "warning" and "MB behind" in says(line)
    role = database.role()
    line = ask(pawl, url=("--url", database.url_as(role)))["replicas"]
    assert line["mark"] == "note" and "cannot be seen" in says(line)


def test_a_synchronous_standby_that_is_not_there(make_pawl, make_cluster):
    cluster = make_cluster()
    database = cluster.create_database()
    cluster.execute("ALTER SYSTEM SET synchronous_standby_names = 'gone'")
    cluster.execute("SELECT pg_reload_conf()")
    pawl = make_pawl(database.url)
    wait_until(lambda: mark(pawl, "replicas") == "warning", "the server has read it")
    assert "every commit waits" in says(ask(pawl)["replicas"])


def test_a_slot_that_keeps_for_nobody(server, pg):
    assert mark(server, "slots") == "ok"
    slot = f"s_{pg.name}"
    pg.query(f"SELECT pg_create_physical_replication_slot('{slot}', true)")
    try:
        line = ask(server)["slots"]
        assert line["mark"] == "note" and slot in says(line)
        write_wal(pg)
        assert mark(server, "slots") == "warning"
        server.write(NEXT, "CREATE TABLE more (id int);")
        assert f'slot "{slot}" keeps' in server.run("deploy", check=0).err
    finally:
        pg.query(f"SELECT pg_drop_replication_slot('{slot}')")


def test_few_connections_are_left(server, pg):
    role = pg.role(options="LOGIN CONNECTION LIMIT 20")
    pg.query(f"GRANT USAGE ON SCHEMA pawl TO {role}; GRANT SELECT ON ALL TABLES IN SCHEMA pawl TO {role}")
    place = ("--url", pg.url_as(role))
    assert mark(server, "connections", url=place) == "ok"
    pg.query(f"ALTER ROLE {role} CONNECTION LIMIT 3")
    line = ask(server, url=place)["connections"]
    assert line["mark"] == "warning" and "the role takes 2 more" in says(line)
    pg.query(f"ALTER ROLE {role} CONNECTION LIMIT 20; ALTER DATABASE {pg.name} CONNECTION LIMIT 4")
    assert "the database takes" in says(ask(server, url=place)["connections"])


def test_a_table_that_is_near_a_forced_vacuum(server, pg):
    server.write(NEXT, "ALTER TABLE users ADD COLUMN more int;")
    pg.query("ALTER TABLE users SET (autovacuum_enabled = false, autovacuum_freeze_max_age = 100000)")
    assert mark(server, "wraparound") == "ok"
    pg.query("""CREATE TEMP TABLE taken (id int); DO $$ BEGIN FOR i IN 1..97000 LOOP
        BEGIN INSERT INTO taken VALUES (i); EXCEPTION WHEN division_by_zero THEN END; END LOOP; END $$""")
    line = ask(server)["wraparound"]
    assert line["mark"] == "warning" and "users" in says(line)


def test_what_is_unfinished(server, pg):
    assert mark(server, "leftovers") == "ok"
    pg.query("ALTER TABLE users ADD CONSTRAINT positive CHECK (id > 0) NOT VALID")
    line = ask(server)["leftovers"]
    assert line["mark"] == "note" and "positive" in says(line)


def test_what_cannot_be_asked_is_a_warning(server, pg):
    server.write(NEXT, "ALTER TABLE users ADD COLUMN more int;")
    with pg.connect() as other:
        other.execute("BEGIN; LOCK TABLE users")
        lines = ask(server)
        assert lines["lint"]["mark"] == "warning" and "cannot be read" in says(lines["lint"])


# ---- the rows of the target ----

UNIQUE = "ALTER TABLE users ADD CONSTRAINT one_email UNIQUE (email);"


def test_rows_that_are_in_the_way_stop_a_deploy(server, pg):
    pg.query("INSERT INTO users VALUES (2, 'a', 11)")
    server.write(NEXT, UNIQUE)
    assert "rows of the target are in the way" in says(ask(server, code=3)["data"])
    before = pg.dump(), ledger.rows(pg)
    result = server.run("deploy", check=3)
    assert "1 key occurs more than once" in result.err and "--write-repair" in result.err
    assert (pg.dump(), ledger.rows(pg)) == before


def test_rows_that_are_not_in_the_way_stop_nothing(server, pg):
    server.write(NEXT, UNIQUE)
    assert mark(server, "data") == "ok"
    server.run("deploy", check=0)


def test_the_server_is_asked_all_the_same_where_it_is_said(server, pg):
    pg.query("INSERT INTO users VALUES (2, 'a', 11)")
    server.write(NEXT, UNIQUE)
    result = server.run("deploy", "--override", "data", "--reason", "the rows go at noon", check=1)
    assert "23505" in result.err
    begin, = [row for row in ledger.rows(pg) if row.event == "begin"][1:]
    detail = json.loads(begin.detail)
    assert (detail["overrides"], detail["reason"]) == ("data", "the rows go at noon")


def test_what_cannot_be_said_yet_is_a_note_and_a_risk(server, pg, tmp_path):
    server.write(NEXT, "INSERT INTO users VALUES (9, 'z', 1);\n" + UNIQUE)
    assert mark(server, "data") == "note"
    server.config({"target.main": {"url": pg.url}, "backup": {"when": "risky", "directory": str(tmp_path / "b")}})
    assert server.run("--json", "deploy", check=0).json()["backup"]["method"] == "pg_dump"


def test_a_question_without_an_answer_is_a_warning(server, pg):
    server.write(NEXT, "ALTER TABLE users ADD CHECK (pg_sleep(0.4) IS NOT NULL);")
    pg.query("INSERT INTO users SELECT i, 'x', 1 FROM generate_series(10, 40) AS i")
    server.env["PAWL_PROBE_TIMEOUT"] = "100ms"
    assert "no answer" in says(ask(server)["data"])
